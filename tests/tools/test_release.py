"""A release is rejected if its parts do not agree."""

from dataclasses import replace
from pathlib import Path

import pytest

from tools import docs, release
from tools.release import Tree, faults

CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n## [0.2.0] - 2026-11-21\n\n### Added\n- More.\n\n## 0.1.0\n\n- First.\n"
)
README = (
    f"uses: some/deployer@v0\nuses: some/deployer/composite@v0\nimage: {docs.IMAGE}:0\nimage: "
    f"{docs.IMAGE}:${{{{ github.sha }}}}\n"
)
VALID = Tree("0.2.0", "some/deployer", CHANGELOG, {"README.md": README}, docs.action())
TAGS = ["v0", "v0.1.0", "v0.2.0", "nightly"]


def test_consistent_tree_has_no_faults() -> None:
    assert faults(VALID, "v0.2.0", TAGS, "Some/Deployer") == []


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        pytest.param(
            replace(VALID, version="0.3.0"),
            "the tag is v0.2.0, and deployer/__init__.py says 0.3.0",
            id="version",
        ),
        pytest.param(
            replace(VALID, version="0.2.0rc1"), "the version 0.2.0rc1 is not of the form 1.2.3", id="form"
        ),
        pytest.param(
            replace(VALID, project="OWNER/deployer"),
            "calls the project OWNER/deployer, and this is some/deployer",
            id="name",
        ),
        pytest.param(
            replace(VALID, changelog=CHANGELOG.replace("Unreleased\n", "Unreleased\n- x\n")),
            "still has entries under Unreleased",
            id="unreleased",
        ),
        pytest.param(
            replace(VALID, changelog="## 0.1.0\n- First.\n"), "is 0.1.0, not 0.2.0", id="older-changelog"
        ),
        pytest.param(replace(VALID, changelog=""), "is missing, not 0.2.0", id="no-changelog"),
        pytest.param(
            replace(VALID, changelog="## 0.2.0\n\n## 0.1.0\n- x\n"),
            "the section of 0.2.0 in CHANGELOG.md is empty",
            id="empty-changelog-section",
        ),
        pytest.param(
            replace(VALID, pages={"README.md": "> **Not released yet.**"}),
            'README.md still says "Not released yet"',
            id="not-released-notice",
        ),
        pytest.param(
            replace(VALID, pages={"docs/a.md": "some/deployer/composite@v1"}),
            "docs/a.md names the action @v1",
            id="action",
        ),
        pytest.param(
            replace(VALID, pages={"a": f"{docs.IMAGE}:0.1"}), "a names the image :0.1, not :0", id="image"
        ),
        pytest.param(
            replace(VALID, action=docs.action(f"docker://x@sha256:{'0' * 64}")),
            "already runs an image",
            id="already-pinned",
        ),
        pytest.param(
            replace(VALID, stale=("action.yml",)), "action.yml is out of date. Run `make docs`", id="stale"
        ),
    ],
)
def test_mismatch_is_a_fault(tree: Tree, fault: str) -> None:
    assert any(fault in each for each in faults(tree, "v0.2.0", TAGS, "some/deployer"))


def test_moving_tags_never_move_back() -> None:
    assert "v0.10.0 is already released: the moving tags would move back to an older version" in faults(
        VALID, "v0.2.0", [*TAGS, "v0.10.0"], "some/deployer"
    )


def test_release_notes_are_the_sections_of_the_changelog() -> None:
    assert release.sections(CHANGELOG) == {
        "Unreleased": "",
        "0.2.0": "### Added\n- More.",
        "0.1.0": "- First.",
    }


def test_pinned_action_differs_in_one_line() -> None:
    image = f"docker://{docs.IMAGE}@sha256:{'a' * 64}"
    main, pinned = docs.action().splitlines(), docs.action(image).splitlines()
    assert [(old, new) for old, new in zip(main, pinned, strict=True) if old != new] == [
        ("  image: Dockerfile", f"  image: {image}")
    ]
    assert docs.pinned(docs.action(image)) == image


@pytest.mark.parametrize("arguments", [[], ["--pin", "latest"], ["--pin", "sha256:abc"], ["--check"]])
def test_invalid_arguments_are_an_error(arguments: list[str]) -> None:
    assert release.main(arguments) == 2


def test_this_tree_is_read() -> None:
    tree = release.current_tree()
    assert tree.stale == ()
    assert Path("README.md").as_posix() in tree.pages
