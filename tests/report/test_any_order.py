"""No order of events, and no text, breaks the reporter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.model import Command, Event, Outcome
from tests.ci.decoders import parse_line
from tests.report.desk import SECRET, SYSTEMS, TARGETS, at_desk, events


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("logs", ["live", "failure"])
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(run=st.lists(events, max_size=25), outcome=st.sampled_from(Outcome), asked=st.sampled_from(Command))
def test_no_order_of_events_is_too_odd(  # noqa: PLR0913, PLR0917 -- pytest and hypothesis hand them over
    system: str, logs: str, run: list[Event | float], outcome: Outcome, asked: Command, tmp_path: Path
) -> None:
    """The reporter never decides the outcome: it must not raise, tear a file, or leave a group open."""
    for name in ("output", "summary", "env", "log"):
        (tmp_path / name).unlink(missing_ok=True)
    options: dict[str, Any] = {
        "command": asked,
        "logs": logs,
        "log_file": str(tmp_path / "log"),
        "output_file": str(tmp_path / "env"),
    }
    told = at_desk(tmp_path, system, *TARGETS, **options)
    told.hear(*run)
    told.finish(outcome)
    assert told.result["status"] == outcome.status
    assert told.read("log") is not None
    if system == "github":
        assert told.outputs["status"] == outcome.status
        groups = [
            command.name
            for line in told.stdout.text.split("\n")
            if (command := parse_line(line)) and "group" in command.name
        ]
        assert groups == ["group", "endgroup"] * (len(groups) // 2)
    assert SECRET not in told.stdout.text
    assert [path.name for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()] == []
