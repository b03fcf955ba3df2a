"""Every reference to a page of docs/internals names a section that exists there: `coolify-api 5.3`, `architecture, rule 7`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERNALS = ROOT / "docs" / "internals"
RECORDED = ROOT / "tests" / "contracts"

# Where a heading, or a paragraph that begins with its number in bold, opens a section; an item is of a list or of a table.
SECTION = re.compile(r"#+ (\d+(?:\.\d+)*)\.? |\*\*(\d+(?:\.\d+)+)\b")
ITEM = re.compile(r"(\d+)\. |\| (\d+) \|")

NUMBER = r"\d{1,2}(?!\d)(?:\.\d+)*"
INSIDE = r"(?: (?:quirk|trap|row|rule|fact)s? \d+(?:(?:, | and )\d+(?!\.?\d))*)?"
REFERENCE = re.compile(
    r"(?<![\w/])(?P<page>coolify-api|cloudfoundry-api|ci-formats|architecture)(?P<kind>, (?:rule|promise|truth)s?)? "
    rf"(?P<places>{NUMBER}{INSIDE}(?:(?:, | and | to ){NUMBER}{INSIDE})*)",
    re.IGNORECASE,
)
PLACE = re.compile(
    rf"(?P<section>{NUMBER})(?: (?:quirk|trap|row|rule|fact)s? (?P<items>\d+(?:(?:, | and )\d+(?!\.?\d))*))?"
)
KINDS = {"rule": "4", "promise": "1", "truth": "7"}
"""In which section of architecture.md they are numbered."""

OLD = re.compile(
    r"\bcontracts?(?:\.md)?(?: ci| coolify)?,? (?:sections? )?\d|(?<![-\w])(?:design|field|style|contract|formats)\.md\b"
    r"|(?<!architecture, )(?<![\d.] )\b(?:rules?|promises?|quirk) \d",
    re.IGNORECASE,
)
"""Forms that name no page, or one that is not in the repository."""


def sections(page: str) -> tuple[set[str], dict[str, set[str]]]:
    """The sections of a page, and the numbers of what is listed in each."""
    named: set[str] = set()
    items: dict[str, set[str]] = {}
    now = ""
    for line in (INTERNALS / f"{page}.md").read_text("utf-8").splitlines():
        if opened := SECTION.match(line):
            now = opened[1] or opened[2]
            named.add(now)
        elif item := ITEM.match(line):
            items.setdefault(now, set()).add(item[1] or item[2])
    return named, items


PAGES = {path.stem: sections(path.stem) for path in INTERNALS.glob("*.md")}


def texts() -> Iterator[tuple[str, str]]:
    """Code, tests, tools and pages; of what was recorded only what we derived ourselves."""
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
            if fit(path)
        )
    for pattern in ("tests/**/*.py", "tools/**/*.py", "tests/contracts/coolify/derived/*.json"):
        yield from (
            (path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
            for path in ROOT.glob(pattern)
            if fit(path)
        )


def fit(path: Path) -> bool:
    return (
        path.is_file()
        and path.suffix in {"", ".py", ".md", ".json", ".toml", ".yml"}
        and path not in {Path(__file__), ROOT / "CHANGELOG.md"}
    )


def unresolved(text: str) -> list[str]:
    """The references to what does not exist."""
    return [
        match[0]
        for match in REFERENCE.finditer(text)
        for place in places(match)
        if not exists(match["page"].lower(), *place)
    ]


def places(match: re.Match[str]) -> Iterator[tuple[str, str]]:
    """Every section that a reference names, each with an item of it or none."""
    kind = (match["kind"] or "").removeprefix(", ").rstrip("s")
    for place in PLACE.finditer(match["places"]):
        if kind:
            yield KINDS[kind], place["section"]
        else:
            yield from ((place["section"], item) for item in re.findall(r"\d+", place["items"] or "") or [""])


def exists(page: str, section: str, item: str) -> bool:
    """`5.1.3` is the third item of 5.1, too."""
    named, items = PAGES[page]
    if section not in named:
        whole, _, last = section.rpartition(".")
        return not item and last in items.get(whole, ())
    return not item or item in items.get(section, ())


def test_every_reference_names_a_section_that_exists() -> None:
    assert {path: wrong for path, text in texts() if (wrong := unresolved(text))} == {}


def test_no_reference_names_a_page_that_is_not_here() -> None:
    found = {
        path: OLD.findall(text)
        for path, text in texts()
        if not path.startswith("docs/internals/") and OLD.search(text)
    }
    assert found == {}


@pytest.mark.parametrize("page", ["architecture", "coolify-api", "cloudfoundry-api", "ci-formats"])
def test_a_page_names_only_its_own_sections(page: str) -> None:
    named = re.findall(rf"(?:\b[Ss]ections? |§)({NUMBER})", (INTERNALS / f"{page}.md").read_text("utf-8"))
    assert [section for section in named if not exists(page, section, "")] == []


def test_references_are_found_at_all() -> None:
    """Or the pattern has broken."""
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
        pytest.param("cloudfoundry-api 0 fact 2, and 1 to 3", [], id="a-fact"),
        pytest.param("ci-formats 1.5.3 and 0 rules 1, 2", [], id="a-bold-number"),
        pytest.param(
            "Architecture, rule 7; architecture, promise 5; architecture, truth 24; architecture 2.2",
            [],
            id="architecture",
        ),
        pytest.param("coolify-api 5.99", ["coolify-api 5.99"], id="no-such-section"),
        pytest.param("coolify-api 5.1, 19", ["coolify-api 5.1, 19"], id="the-second-is-wrong"),
        pytest.param("coolify-api 17.1 row 99", ["coolify-api 17.1 row 99"], id="no-such-row"),
        pytest.param("cloudfoundry-api 1 to 15", ["cloudfoundry-api 1 to 15"], id="no-such-end"),
        pytest.param("architecture, rule 11", ["architecture, rule 11"], id="no-such-rule"),
        pytest.param(
            "architecture, rules 3, 6 and 17", ["architecture, rules 3, 6 and 17"], id="one-rule-of-three"
        ),
    ],
)
def test_a_reference_to_nothing_is_seen(text: str, wrong: list[str]) -> None:
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
def test_an_old_form_is_seen(text: str) -> None:
    assert OLD.search(text)


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
def test_a_form_with_its_page_is_no_old_one(text: str) -> None:
    assert not OLD.search(text)
