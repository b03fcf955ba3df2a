"""Linters for the files that only GitHub and Docker read. All of them run offline."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.peers import ROOT

BIN = Path(sys.executable).parent
SCHEMAS = {
    "github-workflows": [".github/workflows/*.yml"],
    "github-actions": ["action.yml", "composite/action.yml"],
    "dependabot": [".github/dependabot.yml"],
    "github-issue-forms": [".github/ISSUE_TEMPLATE/[!c]*.yml"],
    "github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
}


def assert_clean(*command: str | Path) -> None:
    completed = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


@pytest.mark.parametrize("schema", SCHEMAS)
def test_file_matches_its_schema(schema: str) -> None:
    files = [path for glob in SCHEMAS[schema] for path in sorted(ROOT.glob(glob))]
    assert files
    assert_clean(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_zizmor_finds_nothing() -> None:
    assert_clean(BIN / "zizmor", "--offline", "--quiet", ".")


def test_actionlint_finds_nothing(go: Callable[[str, str], Path]) -> None:
    assert_clean(go("actionlint", "github.com/rhysd/actionlint/cmd/actionlint"), "-no-color")


def test_hadolint_finds_nothing() -> None:
    assert_clean(BIN / "hadolint", "Dockerfile")
