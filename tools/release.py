"""Steps of a release.

`--check TAG REPOSITORY` checks that version, tag, changelog and documentation agree. `--pin DIGEST` makes
action.yml run the tested image. `--notes` prints the version's section of the changelog.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field

from deployer import PROJECT, __version__
from tools import docs

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
HEADING = re.compile(r"^## \[?([^\]\s]+)\]?(.*)$", re.MULTILINE)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PAGES = ("README.md", "docs/**/*.md")


@dataclass(frozen=True)
class Tree:
    """The content of the commit that is to be released."""

    version: str
    project: str
    changelog: str
    pages: dict[str, str] = field(default_factory=dict)
    action: str = ""
    stale: tuple[str, ...] = ()

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]


def faults(tree: Tree, tag: str, tags: list[str], repository: str) -> list[str]:
    """Every reason why this tree can't be released under this tag, one sentence each."""
    found = []
    if not VERSION.fullmatch(tree.version):
        found.append(f"the version {tree.version} is not of the form 1.2.3")
    if tag != f"v{tree.version}":
        found.append(f"the tag is {tag}, and deployer/__init__.py says {tree.version}")
    newer = [other for other in tags if other != tag and _key(other) >= _key(tag)]
    if newer:
        found.append(
            f"{max(newer, key=_key)} is already released: the moving tags would move back to an older version"
        )
    if repository.lower() != tree.project.lower():
        found.append(f"deployer/__init__.py calls the project {tree.project}, and this is {repository}")
    if docs.pinned(tree.action) != "Dockerfile":
        found.append("action.yml already runs an image. Release a commit of the main branch")
    found += [f"{name} is out of date. Run `make docs`" for name in tree.stale]
    return (
        found
        + _in_changelog(tree)
        + [fault for name, text in tree.pages.items() for fault in _on_page(tree, name, text)]
    )


def _in_changelog(tree: Tree) -> list[str]:
    parts = sections(tree.changelog)
    if parts.pop("Unreleased", "").strip():
        return ["CHANGELOG.md still has entries under Unreleased"]
    if next(iter(parts), "") != tree.version:
        return [f"the newest version in CHANGELOG.md is {next(iter(parts), 'missing')}, not {tree.version}"]
    return [] if parts[tree.version].strip() else [f"the section of {tree.version} in CHANGELOG.md is empty"]


def _on_page(tree: Tree, name: str, text: str) -> list[str]:
    """A page may only name the action and the image by the major version."""
    found = ['still says "Not released yet"'] if "Not released yet" in text else []
    actions = set(re.findall(rf"{re.escape(tree.project)}(?:/composite)?@([\w.-]+)", text))
    images = set(re.findall(rf"{re.escape(docs.IMAGE)}:(\d[\w.-]*)", text))
    found += [
        f"names the action @{each}, not @v{tree.major}" for each in sorted(actions - {f"v{tree.major}"})
    ]
    found += [f"names the image :{each}, not :{tree.major}" for each in sorted(images - {tree.major})]
    return [f"{name} {each}" for each in found]


def sections(changelog: str) -> dict[str, str]:
    """The changelog's text by version, the newest first."""
    heads = list(HEADING.finditer(changelog))
    ends = [*(head.start() for head in heads[1:]), len(changelog)]
    return {head[1]: changelog[head.end() : end].strip() for head, end in zip(heads, ends, strict=False)}


def _key(tag: str) -> tuple[int, ...]:
    """The version of a tag; any other tag (`v0`) sorts before all versions."""
    match = VERSION.fullmatch(tag.removeprefix("v"))
    return tuple(int(part) for part in match.groups()) if match else ()


def current_tree() -> Tree:
    pages = {
        str(path.relative_to(docs.ROOT)): path.read_text("utf-8")
        for glob in PAGES
        for path in sorted(docs.ROOT.glob(glob))
    }
    written = {name: docs.ROOT / name for name in docs.generated()}
    stale = tuple(name for name, text in docs.generated().items() if written[name].read_text("utf-8") != text)
    changelog = (docs.ROOT / "CHANGELOG.md").read_text("utf-8")
    return Tree(__version__, PROJECT, changelog, pages, (docs.ROOT / "action.yml").read_text("utf-8"), stale)


def main(argv: list[str]) -> int:
    match argv:
        case ["--check", tag, repository]:
            command = ["git", "tag", "--list"]
            tags = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603
            found = faults(current_tree(), tag, tags, repository)
            for fault in found:
                print(f"::error title=Release::{fault}")
            return bool(found)
        case ["--pin", digest] if DIGEST.fullmatch(digest):
            (docs.ROOT / "action.yml").write_text(docs.action(f"docker://{docs.IMAGE}@{digest}"), "utf-8")
        case ["--notes"]:
            print(sections(current_tree().changelog).get(__version__, ""))
        case _:
            print("usage: --check TAG REPOSITORY | --pin sha256:… | --notes", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
