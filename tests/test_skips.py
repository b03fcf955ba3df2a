"""In CI no test is skipped but for a reason that is known, and holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips

HERE, PEERS = Path("tests/ci/test_golden.py"), Path("tests/e2e/test_package.py")
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("reason", "path", "may"),
    [
        pytest.param("NOT TESTED: a Docker engine is missing", PEERS, True, id="a-peer"),
        pytest.param("NOT TESTED: a Docker engine is missing", HERE, False, id="there-are-no-peers-here"),
        pytest.param("needs Linux: x", HERE, not skips.IS_LINUX, id="another-system"),
        pytest.param("needs root: x", HERE, not skips.IS_ROOT, id="another-user"),
        pytest.param("the contracts are not at hand", HERE, False, id="anything-else"),
        pytest.param("", PEERS, False, id="nothing"),
    ],
)
def test_an_expected_skip_names_what_is_missing(reason: str, path: Path, may: bool) -> None:
    assert skips.expected(reason, path) is may


SKIPPED = "import pytest\n\n@pytest.mark.skip(reason='later')\ndef test_a() -> None: ...\n"
UNREAD = "import pytest\npytest.skip('later', allow_module_level=True)\n"
FAILING = "import pytest\n\n@pytest.mark.xfail(reason='later')\ndef test_a() -> None:\n    assert False\n"


@pytest.mark.parametrize(
    ("code", "ci", "status", "told"),
    [
        pytest.param(SKIPPED, "true", 1, "skipped in CI: later. ", id="test"),
        pytest.param(UNREAD, "true", 2, "skipped in CI: later. ", id="module"),
        pytest.param(SKIPPED, "", 0, "1 skipped", id="at-home"),
        pytest.param(FAILING, "true", 0, "1 xfailed", id="an-expected-failure-is-no-skip"),
    ],
)
def test_ci_fails_where_a_test_was_skipped_for_no_known_reason(
    code: str, ci: str, status: int, told: str, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(code, "utf-8")
    words = [
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
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, told in done.stdout) == (status, True), done.stdout
