"""No order of events and no text breaks the reporter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.model import Command, Event, Outcome
from tests.ci.decoders import parse_line
from tests.report.reports import SECRET, SYSTEMS, TARGETS, events, report_in


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("logs", ["live", "failure"])
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(run=st.lists(events, max_size=25), outcome=st.sampled_from(Outcome), command=st.sampled_from(Command))
def test_any_order_of_events_is_reported(  # noqa: PLR0913, PLR0917 -- pytest and hypothesis hand them over
    system: str, logs: str, run: list[Event | float], outcome: Outcome, command: Command, tmp_path: Path
) -> None:
    """It must not raise, corrupt a file, or leave a group open."""
    for name in ("output", "summary", "env", "log"):
        (tmp_path / name).unlink(missing_ok=True)
    options: dict[str, Any] = {
        "command": command,
        "logs": logs,
        "log_file": str(tmp_path / "log"),
        "output_file": str(tmp_path / "env"),
    }
    report = report_in(tmp_path, system, *TARGETS, **options)
    report.emit(*run)
    report.finish(outcome)
    assert report.result["status"] == outcome.status
    assert report.read("log") is not None
    if system == "github":
        assert report.outputs["status"] == outcome.status
        groups = [
            parsed.name
            for line in report.stdout.text.split("\n")
            if (parsed := parse_line(line)) and "group" in parsed.name
        ]
        assert groups == ["group", "endgroup"] * (len(groups) // 2)
    assert SECRET not in report.stdout.text
    assert [path.name for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()] == []
