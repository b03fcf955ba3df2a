"""Why instances crashed, from the events of their app."""

from typing import Any

import pytest

from deployer.providers.cloudfoundry.watching import crash_events
from tests.providers.cloudfoundry.support import (
    VERSION,
    WEB,
    body,
)


def event(
    text: str = "Exited with status 1", *, version: str = VERSION, guid: str = WEB, **data: Any
) -> dict[str, Any]:
    return {"actor": {"guid": guid}, "data": {"exit_description": text, "version": version, **data}}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        pytest.param(
            body("audit-events-crash-200")["resources"],
            "APP/PROC/WEB: Exited with status 137 (out of memory). Increase its memory: `cf scale APP -m 1G`",
            id="out-of-memory",
        ),
        pytest.param([event()], f"Exited with status 1. {crash_events.SEE_LOG}", id="any-other"),
        pytest.param([event(version="an-earlier-start")], "", id="of-an-earlier-start"),
        pytest.param(
            [event(version="an-earlier-start"), event("this one")],
            f"this one. {crash_events.SEE_LOG}",
            id="the-newest-of-ours",
        ),
        pytest.param([event(guid="another")], "", id="of-another-process"),
        pytest.param(
            [event(version="")], f"Exited with status 1. {crash_events.SEE_LOG}", id="no-version-is-told"
        ),
        pytest.param(
            [event("", exit_status=3)], f"exited with status 3. {crash_events.SEE_LOG}", id="only-a-status"
        ),
        pytest.param([event("")], "", id="nothing-said"),
        pytest.param([{}, {"data": 1, "actor": 1}], "", id="another-shape"),
        pytest.param([], "", id="none"),
    ],
)
def test_a_crash_reason_is_that_of_what_runs_now(events: list[dict[str, Any]], reason: str) -> None:
    assert crash_events.reason(events, frozenset({WEB}), frozenset({VERSION})) == reason


def test_new_processes_have_no_version_that_is_known() -> None:
    assert (
        crash_events.reason([event(version="unknown")], frozenset({WEB}))
        == f"Exited with status 1. {crash_events.SEE_LOG}"
    )
