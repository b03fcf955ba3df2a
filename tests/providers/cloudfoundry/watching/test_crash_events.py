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
        pytest.param([event(version="an-earlier-start")], "", id="earlier-start"),
        pytest.param(
            [event(version="an-earlier-start"), event("this one")],
            f"this one. {crash_events.SEE_LOG}",
            id="newest-event-of-this-version",
        ),
        pytest.param([event(guid="another")], "", id="another-process"),
        pytest.param(
            [event(version="")], f"Exited with status 1. {crash_events.SEE_LOG}", id="no-version-reported"
        ),
        pytest.param(
            [event("", exit_status=3)], f"exited with status 3. {crash_events.SEE_LOG}", id="only-a-status"
        ),
        pytest.param([event("")], "", id="empty"),
        pytest.param([{}, {"data": 1, "actor": 1}], "", id="another-format"),
        pytest.param([], "", id="none"),
    ],
)
def test_a_crash_reason_belongs_to_the_current_version(events: list[dict[str, Any]], reason: str) -> None:
    assert crash_events.reason(events, frozenset({WEB}), frozenset({VERSION})) == reason


def test_the_versions_of_new_processes_are_unknown() -> None:
    assert (
        crash_events.reason([event(version="unknown")], frozenset({WEB}))
        == f"Exited with status 1. {crash_events.SEE_LOG}"
    )
