"""Do version, tag, changelog and docs agree (`--check TAG REPOSITORY`)? Its image into action.yml (`--pin DIGEST`). `--notes`."""

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
    """What is to be released."""

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
    """Everything that keeps this tree from being released under this tag, in sentences."""
    found = []
    if not VERSION.fullmatch(tree.version):
        found.append(f"the version {tree.version} is not of the form 1.2.3")
    if tag != f"v{tree.version}":
        found.append(f"the tag is {tag}, and deployer/__init__.py says {tree.version}")
    newer = [other for other in tags if other != tag and _key(other) >= _key(tag)]
    if newer:
        found.append(f"{max(newer, key=_key)} is released already: the moving tags would go back")
    if repository.lower() != tree.project.lower():
        found.append(f"deployer/__init__.py calls the project {tree.project}, and this is {repository}")
    if docs.pinned(tree.action) != "Dockerfile":
        found.append("action.yml runs an image already: a release is made of a commit of the main branch")
    found += [f"{name} is stale: run `make docs`" for name in tree.stale]
    return (
        found
        + _in_changelog(tree)
        + [fault for name, text in tree.pages.items() for fault in _on_page(tree, name, text)]
    )


def _in_changelog(tree: Tree) -> list[str]:
    parts = sections(tree.changelog)
    if parts.pop("Unreleased", "").strip():
        return ["CHANGELOG.md has entries that are still unreleased"]
    if next(iter(parts), "") != tree.version:
        return [f"the newest version in CHANGELOG.md is {next(iter(parts), 'missing')}, not {tree.version}"]
    return [] if parts[tree.version].strip() else [f"CHANGELOG.md says nothing of {tree.version}"]


def _on_page(tree: Tree, name: str, text: str) -> list[str]:
    """A page may name the moving tags of the version's major, and nothing else of ours."""
    found = ["says that nothing is released yet"] if "Not released yet" in text else []
    actions = set(re.findall(rf"{re.escape(tree.project)}(?:/composite)?@([\w.-]+)", text))
    images = set(re.findall(rf"{re.escape(docs.IMAGE)}:(\d[\w.-]*)", text))
    found += [f"has the action @{each}, not @v{tree.major}" for each in sorted(actions - {f"v{tree.major}"})]
    found += [f"has the image :{each}, not :{tree.major}" for each in sorted(images - {tree.major})]
    return [f"{name} {each}" for each in found]


def sections(changelog: str) -> dict[str, str]:
    """The changelog's text by version, the newest first."""
    heads = list(HEADING.finditer(changelog))
    ends = [*(head.start() for head in heads[1:]), len(changelog)]
    return {head[1]: changelog[head.end() : end].strip() for head, end in zip(heads, ends, strict=False)}


def _key(tag: str) -> tuple[int, ...]:
    """What is no version of ours comes before all that are: `v0`."""
    match = VERSION.fullmatch(tag.removeprefix("v"))
    return tuple(int(part) for part in match.groups()) if match else ()


def here() -> Tree:
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
            found = faults(here(), tag, tags, repository)
            print(
                *(f"::error title=Release::{fault}" for fault in found), sep="\n", end="\n" if found else ""
            )
            return bool(found)
        case ["--pin", digest] if DIGEST.fullmatch(digest):
            (docs.ROOT / "action.yml").write_text(docs.action(f"docker://{docs.IMAGE}@{digest}"), "utf-8")
        case ["--notes"]:
            print(sections(here().changelog).get(__version__, ""))
        case _:
            print("--check TAG REPOSITORY, --pin sha256:…, or --notes", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
