"""Every reference to a page of docs/internals, such as `coolify-api 5.3`, names a section that exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERNALS = ROOT / "docs" / "internals"

# A heading, or a paragraph that begins with its number in bold, starts a section. An item is an entry of a
# list or a row of a table.
SECTION = re.compile(r"#+ (\d+(?:\.\d+)*)\.? |\*\*(\d+(?:\.\d+)+)\b")
ITEM = re.compile(r"(\d+)\. |\| (\d+) \|")

NUMBER = r"\d{1,2}(?!\d)(?:\.\d+)*"
ITEMS = r"(?: (?:quirk|trap|row|rule|fact)s? \d+(?:(?:, | and )\d+(?!\.?\d))*)?"
REFERENCE = re.compile(
    r"(?<![\w/])(?P<page>coolify-api|cloudfoundry-api|ci-formats|architecture)"
    r"(?P<kind>, (?:rule|promise|truth)s?)? "
    rf"(?P<sections>{NUMBER}{ITEMS}(?:(?:, | and | to ){NUMBER}{ITEMS})*)",
    re.IGNORECASE,
)
SECTION_WITH_ITEMS = re.compile(
    rf"(?P<section>{NUMBER})(?: (?:quirk|trap|row|rule|fact)s? (?P<items>\d+(?:(?:, | and )\d+(?!\.?\d))*))?"
)
NUMBERED_IN = {"rule": "4", "promise": "1", "truth": "7"}
"""The section of architecture.md in which they are numbered."""

OLD_FORM = re.compile(
    r"\bcontracts?(?:\.md)?(?: ci| coolify)?,? (?:sections? )?\d"
    r"|(?<![-\w])(?:design|field|style|contract|formats)\.md\b"
    r"|(?<!architecture, )(?<![\d.] )\b(?:rules?|promises?|quirk) \d",
    re.IGNORECASE,
)
"""References without a page, or to a page that is not in the repository."""


def sections(page: str) -> tuple[set[str], dict[str, set[str]]]:
    """The sections of a page, and the numbers of the items in each."""
    known: set[str] = set()
    items: dict[str, set[str]] = {}
    section = ""
    for line in (INTERNALS / f"{page}.md").read_text("utf-8").splitlines():
        if heading := SECTION.match(line):
            section = heading[1] or heading[2]
            known.add(section)
        elif item := ITEM.match(line):
            items.setdefault(section, set()).add(item[1] or item[2])
    return known, items


PAGES = {path.stem: sections(path.stem) for path in INTERNALS.glob("*.md")}


def texts() -> Iterator[tuple[str, str]]:
    """Code, tests, tools, pages, and the derived replies, but not the recorded ones."""
    for pattern in (
        "*.md",
        "*.toml",
        "Makefile",
        "Dockerfile",
        ".ci/*",
        ".github/**/*.yml",
        "composite/*",
        "deployer/**/*",
        "docs/**/*.md",
    ):
        yield from (
            (path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
            for path in ROOT.glob(pattern)
            if is_checked(path)
        )
    for pattern in ("tests/**/*.py", "tools/**/*.py", "tests/contracts/coolify/derived/*.json"):
        yield from (
            (path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
            for path in ROOT.glob(pattern)
            if is_checked(path)
        )


def is_checked(path: Path) -> bool:
    return (
        path.is_file()
        and path.suffix in {"", ".py", ".md", ".json", ".toml", ".yml"}
        and path not in {Path(__file__), ROOT / "CHANGELOG.md"}
    )


def unresolved(text: str) -> list[str]:
    """The references to sections or items that do not exist."""
    return [
        match[0]
        for match in REFERENCE.finditer(text)
        for each in sections_and_items(match)
        if not exists(match["page"].lower(), *each)
    ]


def sections_and_items(match: re.Match[str]) -> Iterator[tuple[str, str]]:
    """Every section that a reference names, each with one of its items or none."""
    kind = (match["kind"] or "").removeprefix(", ").rstrip("s")
    for each in SECTION_WITH_ITEMS.finditer(match["sections"]):
        if kind:
            yield NUMBERED_IN[kind], each["section"]
        else:
            yield from ((each["section"], item) for item in re.findall(r"\d+", each["items"] or "") or [""])


def exists(page: str, section: str, item: str) -> bool:
    """Whether a section or an item exists. `5.1.3` may also be the third item of 5.1."""
    known, items = PAGES[page]
    if section not in known:
        parent, _, last = section.rpartition(".")
        return not item and last in items.get(parent, ())
    return not item or item in items.get(section, ())


def test_references_name_existing_sections() -> None:
    assert {path: wrong for path, text in texts() if (wrong := unresolved(text))} == {}


def test_no_reference_has_an_old_form() -> None:
    found = {
        path: OLD_FORM.findall(text)
        for path, text in texts()
        if not path.startswith("docs/internals/") and OLD_FORM.search(text)
    }
    assert found == {}


@pytest.mark.parametrize("page", ["architecture", "coolify-api", "cloudfoundry-api", "ci-formats"])
def test_pages_name_only_their_own_sections(page: str) -> None:
    known = re.findall(rf"(?:\b[Ss]ections? |§)({NUMBER})", (INTERNALS / f"{page}.md").read_text("utf-8"))
    assert [section for section in known if not exists(page, section, "")] == []


def test_references_are_found() -> None:
    """Guards against a broken pattern."""
    found = [match["page"].lower() for _, text in texts() for match in REFERENCE.finditer(text)]
    assert {
        page: found.count(page) > 20
        for page in ("architecture", "coolify-api", "cloudfoundry-api", "ci-formats")
    } == dict.fromkeys(("architecture", "coolify-api", "cloudfoundry-api", "ci-formats"), True)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        pytest.param("(coolify-api 5.1, 5.10 and 17)", [], id="sections"),
        pytest.param("(coolify-api 5.1 quirk 4, 17.1 row 8)", [], id="items"),
        pytest.param("coolify-api 17.1 rows 22, 23.", [], id="several-items"),
        pytest.param("cloudfoundry-api 0 fact 2, and 1 to 3", [], id="fact"),
        pytest.param("ci-formats 1.5.3 and 0 rules 1, 2", [], id="bold-number"),
        pytest.param(
            "Architecture, rule 7; architecture, promise 5; architecture, truth 24; architecture 2.2",
            [],
            id="architecture",
        ),
        pytest.param("coolify-api 5.99", ["coolify-api 5.99"], id="unknown-section"),
        pytest.param("coolify-api 5.1, 19", ["coolify-api 5.1, 19"], id="second-is-unknown"),
        pytest.param("coolify-api 17.1 row 99", ["coolify-api 17.1 row 99"], id="unknown-row"),
        pytest.param("cloudfoundry-api 1 to 15", ["cloudfoundry-api 1 to 15"], id="unknown-end"),
        pytest.param("architecture, rule 11", ["architecture, rule 11"], id="unknown-rule"),
        pytest.param(
            "architecture, rules 3, 6 and 17",
            ["architecture, rules 3, 6 and 17"],
            id="one-unknown-rule-of-three",
        ),
    ],
)
def test_unknown_references_are_found(text: str, wrong: list[str]) -> None:
    assert unresolved(text) == wrong


@pytest.mark.parametrize(
    "text",
    [
        "contract 5.1",
        "contract section 3",
        "contract ci 1.9",
        "design.md 2.2",
        "field.md 0b",
        "(rule 7)",
        "Promise 3:",
        "(quirk 1)",
    ],
)
def test_old_forms_are_found(text: str) -> None:
    assert OLD_FORM.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "architecture, rule 7",
        "Architecture, rules 3, 6 and 7",
        "coolify-api 5.9 quirk 1",
        "ci-formats 0 rule 3",
        "the contract's own",
    ],
)
def test_current_forms_are_not_old(text: str) -> None:
    assert not OLD_FORM.search(text)
