"""When Coolify itself last checked an application after its deployment (coolify-api 18.7)."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.providers.coolify.watching.last_check import heartbeat_of, seconds_after
from tests.providers.coolify.support import Row, body

ENDED, ENDED_BEFORE_461 = "2026-12-01T02:08:56.000000Z", "2026-12-01 02:08:56"


def application(checked: object, reported: object = "2026-12-01 00:21:39") -> Row:
    """An application that Coolify checked then, on a server that reported then."""
    return {"last_online_at": checked, "destination": {"server": {"sentinel_updated_at": reported}}}


BEFORE = application("2026-12-01 02:05:17")


@pytest.mark.parametrize(
    ("checked", "seconds"),
    [
        pytest.param("2026-12-01 02:08:57", 1, id="one-second-later"),
        pytest.param("2026-12-01 02:08:58", 2, id="two-seconds-later"),
        pytest.param("2026-12-01T02:08:58.000000Z", 2, id="the-other-form"),
        pytest.param("2026-12-02 02:08:56", 86400, id="a-day-later"),
        pytest.param("2026-12-01 02:08:56", None, id="in-the-same-second"),
        pytest.param("2026-12-01 02:08:55", None, id="a-second-before-the-end"),
        pytest.param("2026-12-01 02:05:17", None, id="unmoved"),
        pytest.param(None, None, id="null"),
        pytest.param("", None, id="empty"),
        pytest.param(1764554937, None, id="number"),
        pytest.param("2026-12-01 02:08", None, id="without-seconds"),
        pytest.param("2026-12-01 02:08:57+00:00", None, id="with-a-zone"),
        pytest.param("2026-12-01T04:08:57+02:00", None, id="with-another-zone"),
        pytest.param("2026-12-01 02:08:57.5", None, id="with-a-fraction"),
        pytest.param("2026-13-01 02:08:57", None, id="no-such-month"),
        pytest.param("２０２６-12-01 02:08:57", None, id="digits-of-another-script"),
        pytest.param("in 3 minutes", None, id="words"),
    ],
)
@pytest.mark.parametrize("ended", [ENDED, ENDED_BEFORE_461])
def test_check_counts_if_it_is_later_than_the_end(checked: Any, seconds: float | None, ended: str) -> None:
    """Both times are cut to the second, so that equal ones show nothing."""
    assert seconds_after(application(checked), ended, before=BEFORE, heartbeat="") == seconds


@pytest.mark.parametrize(
    "ended", ["", "HEAD", "2026-12-01", "2026-12-01T02:08:56Z", "2026-12-01T02:08:56+02:00"]
)
def test_check_is_unknown_without_an_end(ended: str) -> None:
    assert seconds_after(application("2026-12-01 02:08:58"), ended, before=BEFORE, heartbeat="") is None


def test_time_in_the_future_that_was_there_before_the_deployment_is_no_check() -> None:
    """The server's clock may have been set back."""
    row = application("2027-01-01 00:00:00")
    assert seconds_after(row, ENDED, before=row, heartbeat="") is None
    assert seconds_after(row, ENDED, before={}, heartbeat="") is not None


@pytest.mark.parametrize(
    ("reported", "seconds"),
    [
        pytest.param("2026-12-01 02:09:56", 60, id="a-minute-after-the-end"),
        pytest.param("2026-12-01 02:08:57", 2, id="before-the-check"),
        pytest.param("2026-12-01 00:21:39", 2, id="unmoved"),
        pytest.param("", 2, id="not-seen-yet"),
        pytest.param("soon", 2, id="words"),
    ],
)
def test_report_of_the_server_confirms_a_check(reported: str, seconds: float) -> None:
    """An unchanged status is not written, so that `last_online_at` does not move."""
    row = application("2026-12-01 02:08:58", "2026-12-01 02:10:00")
    assert seconds_after(row, ENDED, before=BEFORE, heartbeat=reported) == seconds


def test_report_in_the_future_that_was_there_before_the_deployment_confirms_nothing() -> None:
    future = "2027-01-01 00:00:00"
    row, before = (application(checked, future) for checked in ("2026-12-01 02:08:58", "2026-12-01 02:05:17"))
    assert seconds_after(row, ENDED, before=before, heartbeat=future) == 2


@pytest.mark.parametrize("checked", ["2026-12-01 02:05:17", "2026-12-01 02:08:56", None])
def test_report_of_the_server_alone_is_no_check(checked: str | None) -> None:
    """It may not be processed yet."""
    row = application(checked, "2026-12-01 02:09:56")
    assert seconds_after(row, ENDED, before=BEFORE, heartbeat="2026-12-01 02:09:56") is None


@pytest.mark.parametrize(
    "row", [None, [], {}, {"destination": None}, {"destination": {"server": []}}, application("", 5)]
)
def test_response_without_a_report(row: object) -> None:
    assert heartbeat_of(row) == ""
    assert seconds_after(row, ENDED, before=row, heartbeat="") is None


def test_recorded_applications_show_the_last_report() -> None:
    assert heartbeat_of(body("app_get_read")) == "2026-11-21 05:14:05"
