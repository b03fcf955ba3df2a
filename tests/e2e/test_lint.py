"""What others say of the files that only GitHub and Docker read. They are all asked offline."""

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


def clean(*words: str | Path) -> None:
    done = subprocess.run(
        list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_schema_holds(schema: str) -> None:
    files = [path for glob in SCHEMAS[schema] for path in sorted(ROOT.glob(glob))]
    assert files
    clean(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_zizmor_finds_nothing() -> None:
    clean(BIN / "zizmor", "--offline", "--quiet", ".")


def test_actionlint_finds_nothing(go: Callable[[str, str], Path]) -> None:
    clean(go("actionlint", "github.com/rhysd/actionlint/cmd/actionlint"), "-no-color")


def test_hadolint_finds_nothing() -> None:
    clean(BIN / "hadolint", "Dockerfile")
