"""In CI, tests are only skipped for reasons that are known and apply."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips

HERE, PEERS = Path("tests/ci/test_golden.py"), Path("tests/e2e/test_package.py")
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("reason", "path", "expected"),
    [
        pytest.param("NOT TESTED: a Docker engine is missing", PEERS, True, id="missing-peer"),
        pytest.param("NOT TESTED: a Docker engine is missing", HERE, False, id="missing-peer-outside-of-e2e"),
        pytest.param("needs Linux: x", HERE, not skips.IS_LINUX, id="other-system"),
        pytest.param("needs root: x", HERE, not skips.IS_ROOT, id="other-user"),
        pytest.param("the contracts are not at hand", HERE, False, id="other-reason"),
        pytest.param("", PEERS, False, id="no-reason"),
    ],
)
def test_expected_skips(reason: str, path: Path, expected: bool) -> None:
    assert skips.expected(reason, path) is expected


SKIPPED = "import pytest\n\n@pytest.mark.skip(reason='later')\ndef test_a() -> None: ...\n"
SKIPPED_MODULE = "import pytest\npytest.skip('later', allow_module_level=True)\n"
FAILING = "import pytest\n\n@pytest.mark.xfail(reason='later')\ndef test_a() -> None:\n    assert False\n"


@pytest.mark.parametrize(
    ("code", "ci", "status", "output"),
    [
        pytest.param(SKIPPED, "true", 1, "skipped in CI: later. ", id="test"),
        pytest.param(SKIPPED_MODULE, "true", 2, "skipped in CI: later. ", id="module"),
        pytest.param(SKIPPED, "", 0, "1 skipped", id="outside-of-ci"),
        pytest.param(FAILING, "true", 0, "1 xfailed", id="expected-failure"),
    ],
)
def test_ci_fails_for_an_unexpected_skip(
    code: str, ci: str, status: int, output: str, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(code, "utf-8")
    arguments = [
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "-rs",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    environ = {**os.environ, "CI": ci}
    completed = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (completed.returncode, output in completed.stdout) == (status, True), completed.stdout
