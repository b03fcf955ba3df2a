"""The simulator's replies are fixtures, or name the rule that they are derived from, and all are used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deployer.simulator.cloudfoundry.replies import FOLDER, record

FIXTURES = Path(__file__).parents[3] / "contracts" / "cloudfoundry" / "fixtures"
DERIVED = {
    "request-404-unknown",
    "request-429-rate-limit",
    "app-restart-503-runner",
    "roles-list-200",
    "feature-flag-get-200",
} | {
    "manifest-apply-202",
    "process-instances-200",
    "app-feature-get-200",
}
"""Replies without a fixture. Each names its rule in cloudfoundry-api."""


# --- the replies


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_reply_is_a_fixture_or_names_its_rule(path: Path) -> None:
    """The fixtures exist once, in the simulator: `tests/contracts` links to them."""
    fixture = FIXTURES / path.name
    if path.stem in DERIVED:
        assert not fixture.exists()
        assert record(path.stem)["source"].startswith("[derived")
    else:
        assert fixture.is_symlink()
        assert fixture.samefile(path)


def test_every_reply_is_used() -> None:
    scenarios = Path(__file__).parents[1] / "scenarios.py"
    code = "".join(path.read_text("utf-8") for path in (*FOLDER.parent.rglob("*.py"), scenarios))
    code += "".join(f'"build-get-200-{state}-docker"' for state in ("staging", "staged", "failed"))
    assert {path.stem for path in FOLDER.glob("*.json")} == {
        name for name in re.findall(r'"([a-z0-9-]+)"', code) if (FOLDER / f"{name}.json").exists()
    }
