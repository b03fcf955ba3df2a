"""The public pages: their snippets, links, and plausible values for their `${{ }}` and `$` variables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from deployer.providers import PROVIDERS
from deployer.report.target_report import DOTENV_PREFIX, OUTPUTS
from deployer.settings import Common, declared
from tools import docs

COMMUNITY_PAGES = [docs.ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]
PAGES = [docs.ROOT / "README.md", *COMMUNITY_PAGES, *sorted((docs.ROOT / "docs").glob("*.md"))]
INPUTS = {each for name, _, aliases in declared((*PROVIDERS, Common)) for each in (name, *aliases.inputs)}
FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")

IDENTITY = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJjbG91ZGZvdW5kcnkifQ.c2lnbmF0dXJl"
SHA = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "12|aTokenOfForty8CharactersAsCoolifyMakesThemNow000"
UUID = "k4s8c0wks0g0s4k8ocw4ww0s"
GITHUB = {
    "secrets.COOLIFY_TOKEN": TOKEN,
    "secrets.COOLIFY_WEBHOOK": f"https://coolify.example.com/api/v1/deploy?uuid={UUID}&force=false",
    "secrets.CF_ACCESS_ID": "88bf3b6d86161464f6509f7219099e57.access",
    "secrets.CF_ACCESS_SECRET": "bdd31cbc4dec990953e39163fbbb194c93313ca9f0a6e420346af9d326b1d2a5",
    "secrets.DB_PASSWORD": "correct horse",
    "secrets.GITHUB_TOKEN": "ghs_000000000000000000000000000000000000",
    "vars.API_UUID": UUID,
    "vars.COOLIFY_APP_UUID": UUID,
    "github.actor": "octocat",
    "github.event.number": "7",
    "github.sha": SHA,
    "steps.identity.outputs.token": IDENTITY,
    "inputs.image": ":1.4.2",
    "inputs.dry_run": "true",
    **{f"steps.deploy.outputs.{name}": "https://shop.example.com" for name in OUTPUTS},
}
GITLAB = {
    "CI_REGISTRY_IMAGE": "registry.example.com/acme/shop",
    "CI_COMMIT_SHA": SHA,
    **{DOTENV_PREFIX + name.upper(): "https://shop.example.com" for name in OUTPUTS},
}
"""Values of the variables in snippets. A snippet with another variable is wrong, or needs a row here."""

PROJECT_VARIABLES = {"COOLIFY_TOKEN": TOKEN}
"""Variables that the CI system passes to every job of the project."""


@dataclass(frozen=True)
class Snippet:
    """A fenced block: its place, its language, and its text without the indentation of the fence."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def snippets() -> Iterator[Snippet]:
    for page in PAGES:
        text = page.read_text("utf-8")
        for fence in FENCE.finditer(text):
            body = re.sub(rf"^{fence[1]}", "", fence[3], flags=re.MULTILINE)
            yield Snippet(page, text.count("\n", 0, fence.start()) + 1, fence[2], body)


def parsed(text: str) -> Any:
    """Parse YAML 1.2, in which `on` is a plain string."""
    return YAML(typ="safe", pure=True).load(text)


def filled(value: Any, more: Mapping[str, str] = {}) -> str:
    """Fill in a value as GitHub passes it to the action, as text.

    Raises KeyError for an unknown expression.
    """
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return EXPRESSION.sub(lambda found: {**GITHUB, **more}[found[1]], text)


def expanded(value: Any) -> str:
    """Fill in the GitLab variables of a value. Raises KeyError for an unknown variable."""
    return VARIABLE.sub(lambda found: GITLAB[found[1] or found[2]], str(value))


def combinations(job: Mapping[str, Any]) -> list[dict[str, str]]:
    """The values of `matrix.…` in each run of a job."""
    matrix = dict(job.get("strategy", {}).get("matrix", {}))
    rows = [dict(row) for row in matrix.pop("include", [])] or [{}]
    if matrix:
        rows = [dict(zip(matrix, row, strict=True)) for row in itertools.product(*matrix.values())]
    return [{f"matrix.{name}": str(value) for name, value in row.items()} for row in rows]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them from its headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> Iterator[str]:
    found: list[Callable[[], list[str]]] = [
        lambda: re.findall(r"\]\(([^)\s]+)\)", prose(text)),
        lambda: re.findall(r'(?:src|href|srcset)="([^"]+)"', prose(text)),
    ]
    for each in found:
        yield from each()
