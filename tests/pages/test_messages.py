"""docs/messages.md and the source: what the page quotes is said by the program, and what people meet most is on the page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from deployer.providers.cloudfoundry.api import responses as cf_answers
from deployer.providers.cloudfoundry.watching import build_status
from deployer.providers.coolify.api import responses as api_responses
from deployer.providers.coolify.watching import known_failures
from tools import docs

PAGE = docs.ROOT / "docs" / "messages.md"
GAP = "…"
WORDS = 5
"""A named text of so many words is a sentence for people."""

TELLING = 20
"""Characters that a quotation must have to stand for a whole sentence."""

ELSEWHERE = {"USAGE", "DESCRIPTION", "SUMMARY", "WRITTEN", "_TOO_DEEP"}
"""Named texts that nobody is shown."""


def quoted() -> list[str]:
    """What stands in code spans in the first column of the page's tables; a `|` is escaped there."""
    rows = [
        re.split(r"(?<!\\)\|", line)[1]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    return [span.replace("\\|", "|") for row in rows for span in re.findall(r"`([^`]+)`", row)]


def plain(text: str) -> str:
    """Without the marks of code: a span on the page can't hold them."""
    return text.replace("`", "")


def texts() -> list[str]:
    """Every text in the source, with a gap for what varies."""
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


SAID = texts()


def is_said(sentence: str) -> bool:
    """Whether the pieces between its gaps stand in one text of the source, in this order."""
    pieces = [piece.strip() for piece in sentence.split(GAP) if piece.strip(" .,:;()")]
    pattern = re.compile(".*?".join(map(re.escape, pieces)), re.DOTALL)
    return bool(pieces) and any(pattern.search(text) for text in SAID)


def test_what_the_page_quotes_is_said() -> None:
    assert [sentence for sentence in quoted() if not is_said(sentence)] == []


def test_every_known_cause_has_a_row() -> None:
    sentences = [
        sentence
        for cause in known_failures.KNOWN_FAILURES
        for sentence in (cause.sentence, cause.named)
        if sentence
    ]
    assert {re.sub(r"\{\w+\}", GAP, plain(sentence)) for sentence in sentences} - set(quoted()) == set()


@pytest.mark.parametrize("table", [api_responses.FORBIDDEN, api_responses.UNAUTHORIZED], ids=["403", "401"])
def test_every_refusal_of_coolify_s_has_a_row(table: dict[str, str]) -> None:
    for words, sentence in table.items():
        assert words in quoted()
        assert any(plain(sentence).startswith(each) for each in quoted() if len(each) >= TELLING), sentence


def has_row(text: str) -> bool:
    """Whether a quotation that is long enough stands in this sentence, but for its gaps."""
    pages = [[piece.strip() for piece in each.split(GAP)] for each in quoted() if len(each) >= TELLING]
    return any(all(piece in plain(text) for piece in pieces) for pieces in pages)


def test_every_refusal_and_remedy_of_cloud_foundry_s_has_a_row() -> None:
    said = [*cf_answers.REFUSALS.values(), *cf_answers.TEMPORARY_ERRORS.values()]
    said += [sentence for _, sentence in (*cf_answers.DETAILS, *build_status.KNOWN_FAILURES)]
    assert [each for each in said if not has_row(each)] == []


def test_every_redirect_has_a_row() -> None:
    said = [*api_responses.REDIRECTS.values(), *cf_answers.REDIRECTS.values()]
    assert [each for each in said if not has_row(each)] == []


def test_every_sentence_with_a_name_has_a_row() -> None:
    """Constants such as `NO_CANCEL = "this version of …"`: a new one is a new row, or one of ELSEWHERE."""
    named = {}
    rooms = ("http", "providers", "report", "run", "settings", "verify")
    paths = [
        *(docs.ROOT / "deployer").glob("*.py"),
        *(path for room in rooms for path in (docs.ROOT / "deployer" / room).rglob("*.py")),
    ]
    for path in paths:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = (
                    next(_texts(node.value), "")
                    if isinstance(node.value, ast.Constant | ast.JoinedStr)
                    else ""
                )
                if text.count(" ") >= WORDS and not re.search(r"[\\^$]|\(\?", text):
                    named[node.targets[0].id] = plain(text)
    missing = {name for name, text in named.items() if not has_row(text)}
    assert missing - ELSEWHERE == set()
