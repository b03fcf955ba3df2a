"""docs/messages.md and the source agree.

The program prints what the page quotes, and the page has a row for the messages that people meet most.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from deployer.providers.cloudfoundry.api import responses as cf_responses
from deployer.providers.cloudfoundry.watching import build_status
from deployer.providers.coolify.api import responses as api_responses
from deployer.providers.coolify.watching import known_failures
from tools import docs

PAGE = docs.ROOT / "docs" / "messages.md"
GAP = "…"
MIN_SPACES = 5
"""A named text with at least this many spaces is a sentence for people."""

MIN_CHARS = 20
"""Characters that a quotation needs to represent a whole sentence."""

NOT_SHOWN = {"USAGE", "DESCRIPTION", "SUMMARY", "WRITTEN", "_TOO_DEEP"}
"""Named texts that are not shown to users."""


@cache
def quoted() -> list[str]:
    """The code spans in the first column of the page's tables, in which a `|` is escaped."""
    rows = [
        re.split(r"(?<!\\)\|", line)[1]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    return [span.replace("\\|", "|") for row in rows for span in re.findall(r"`([^`]+)`", row)]


def plain(text: str) -> str:
    """Without backticks: a code span on the page can't contain them."""
    return text.replace("`", "")


@cache
def texts() -> list[str]:
    """Every text in the source, with a gap for each variable part."""
    found = []
    for path in sorted((docs.ROOT / "deployer").rglob("*.py")):
        if "simulator" not in path.parts:
            found += [plain(text) for text in _texts(ast.parse(path.read_text("utf-8")))]
    return found


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{\w*(?::[^}]*)?\}", GAP, node.value)


def is_in_source(sentence: str) -> bool:
    """Whether one text in the source contains the pieces between the gaps, in this order."""
    pieces = [piece.strip() for piece in sentence.split(GAP) if piece.strip(" .,:;()")]
    pattern = re.compile(".*?".join(map(re.escape, pieces)), re.DOTALL)
    return bool(pieces) and any(pattern.search(text) for text in texts())


def test_quoted_messages_are_in_the_source() -> None:
    assert [sentence for sentence in quoted() if not is_in_source(sentence)] == []


def test_every_known_failure_has_a_row() -> None:
    sentences = [
        sentence
        for failure in known_failures.KNOWN_FAILURES
        for sentence in (failure.sentence, failure.named)
        if sentence
    ]
    assert {re.sub(r"\{\w+\}", GAP, plain(sentence)) for sentence in sentences} - set(quoted()) == set()


@pytest.mark.parametrize("table", [api_responses.FORBIDDEN, api_responses.UNAUTHORIZED], ids=["403", "401"])
def test_every_rejection_by_coolify_has_a_row(table: dict[str, str]) -> None:
    for phrase, sentence in table.items():
        assert phrase in quoted()
        assert any(plain(sentence).startswith(text) for text in quoted() if len(text) >= MIN_CHARS), sentence


def has_row(text: str) -> bool:
    """Whether this sentence contains a quotation that is long enough, apart from its gaps."""
    quotations = [
        [piece.strip() for piece in quotation.split(GAP)]
        for quotation in quoted()
        if len(quotation) >= MIN_CHARS
    ]
    return any(all(piece in plain(text) for piece in pieces) for pieces in quotations)


def test_every_rejection_and_fix_of_cloud_foundry_has_a_row() -> None:
    sentences = [*cf_responses.REFUSALS.values(), *cf_responses.TEMPORARY_ERRORS.values()]
    sentences += [sentence for _, sentence in (*cf_responses.DETAILS, *build_status.KNOWN_FAILURES)]
    assert [text for text in sentences if not has_row(text)] == []


def test_every_redirect_has_a_row() -> None:
    sentences = [*api_responses.REDIRECTS.values(), *cf_responses.REDIRECTS.values()]
    assert [text for text in sentences if not has_row(text)] == []


def test_every_named_sentence_has_a_row() -> None:
    """Constants such as `NO_CANCEL = "this version of …"`.

    A new one needs a new row, or is one of NOT_SHOWN.
    """
    named = {}
    packages = ("http", "providers", "report", "run", "settings", "verify")
    paths = [
        *(docs.ROOT / "deployer").glob("*.py"),
        *(path for package in packages for path in (docs.ROOT / "deployer" / package).rglob("*.py")),
    ]
    for path in paths:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = (
                    next(_texts(node.value), "")
                    if isinstance(node.value, ast.Constant | ast.JoinedStr)
                    else ""
                )
                if text.count(" ") >= MIN_SPACES and not re.search(r"[\\^$]|\(\?", text):
                    named[node.targets[0].id] = plain(text)
    missing = {name for name, text in named.items() if not has_row(text)}
    assert missing - NOT_SHOWN == set()
