"""The log from log-cache: each line once, in any order, and a failure is only a warning."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import responses

from deployer.providers.cloudfoundry.watching import logs
from deployer.providers.cloudfoundry.watching.logs import AppLog, Line
from tests.providers.cloudfoundry.support import APP, LOGS, NEW_WEB, WEB, asked, body, connected, names, serve

READ = f"{LOGS}/api/v1/read/{APP}"
GET_LOG = f"logs GET /api/v1/read/{APP}"
SECOND = 1_000_000_000


def envelope(
    time: int, text: str = "", source: str = "APP/PROC/WEB", process: str = WEB, kind: str = "OUT"
) -> dict[str, Any]:
    payload = base64.b64encode((text or f"line {time}").encode()).decode()
    tags = {"source_type": source, "process_id": process}
    return {
        "timestamp": str(time),
        "instance_id": "0",
        "tags": tags,
        "log": {"payload": payload, "type": kind},
    }


def batch(*envelopes: dict[str, Any]) -> dict[str, Any]:
    return {"envelopes": {"batch": list(envelopes)}}


def everything(line: Line) -> bool:
    return True


def read(
    wire: responses.RequestsMock, *batches: dict[str, Any], since: int | None = 0
) -> tuple[AppLog, list[list[str]]]:
    """A log, and what each poll of it has shown."""
    for each in batches:
        wire.add("GET", READ, json=each)
    log = AppLog(connected(wire), APP, since=since)
    return log, [[entry.text.partition("] ")[2] for entry in log.new_entries(everything)] for _ in batches]


def lines(data: Any) -> list[Line]:
    found = logs.read(data)
    assert found is not None
    return found.lines


# --- one response


def test_recorded_lines_are_shown_as_cf_prints_them() -> None:
    assert [line.shown for line in lines(body("log-cache-read-200"))] == [
        '[API/0] Updated app with guid 1cb006ee-fb05-47e1-b541-c34179ddc446 ({"state"=>"STARTED"})',
        "[CELL/0] Cell 25ff8468 creating container for instance e49f448e",
        "[APP/PROC/WEB/0] Listening on 0.0.0.0:8080",
        "[APP/PROC/WEB/1] ::error::not a CI command ✓",
    ]


def test_unreadable_envelopes_count_for_a_full_response(wire: responses.RequestsMock) -> None:
    """Otherwise what follows them would never be requested."""
    broken = {**envelope(SECOND), "log": {"payload": "x"}}
    full = batch(broken, *[envelope(SECOND + number) for number in range(1, logs.MAX_ENVELOPES)])
    _, [shown, *_] = read(wire, full, batch(envelope(2 * SECOND, "the last")))
    assert len(shown) == logs.MAX_ENVELOPES
    assert shown[-1] == "the last"


def test_numbers_instead_of_strings_and_a_missing_type_are_read() -> None:
    assert lines(body("log-cache-read-200-korifi")) == [
        Line(1767225600000000000, "STG", "", "", "BuildMessage1", error=False)
    ]
    assert [line.error for line in lines(body("log-cache-read-200-log-cache-cli-shape"))] == [False, True]


@pytest.mark.parametrize("name", names("log-cache-read-200"))
def test_every_reply_is_read(name: str) -> None:
    assert logs.read(body(name)) is not None


@pytest.mark.parametrize(
    "strange",
    [
        None,
        1,
        {},
        {"log": None},
        {"log": {"payload": "!"}, "timestamp": "x"},
        {"log": {"payload": "YQ"}, "timestamp": "1"},
        {"timestamp": "9" * 5000, "log": {}, "tags": 3},
    ],
)
def test_an_envelope_in_another_format_is_skipped_or_read(strange: Any) -> None:
    found = lines(batch(envelope(1, "kept"), strange))
    assert found is not None
    assert found[0].text == "kept"


@pytest.mark.parametrize("reply", [None, "", [], {}, {"envelopes": {}}, {"envelopes": {"batch": {}}}])
def test_a_response_in_another_format_is_not_read(reply: Any) -> None:
    assert logs.read(reply) is None


def test_a_broken_character_breaks_no_line() -> None:
    found = lines(batch({**envelope(1), "log": {"payload": base64.b64encode(b"a\xffb").decode()}}))
    assert [line.text for line in found or ()] == ["a�b"]


# --- each line once


def test_lines_that_are_read_again_are_shown_once(wire: responses.RequestsMock) -> None:
    first, second = envelope(10 * SECOND), envelope(11 * SECOND)
    log, shown = read(wire, batch(first), batch(first, second), batch(first, second))
    assert shown == [["line 10000000000"], ["line 11000000000"], []]
    assert asked(wire) == [
        f"{GET_LOG}?envelope_types=LOG&limit=1000&start_time=0",
        f"{GET_LOG}?envelope_types=LOG&limit=1000&start_time=8000000000",
        f"{GET_LOG}?envelope_types=LOG&limit=1000&start_time=9000000000",
    ]
    assert log.since == 9 * SECOND


def test_a_line_that_arrives_late_is_shown(wire: responses.RequestsMock) -> None:
    late, early = envelope(10 * SECOND), envelope(11 * SECOND)
    _, shown = read(wire, batch(early), batch(late, early))
    assert shown == [["line 11000000000"], ["line 10000000000"]]


def test_duplicate_lines_are_both_shown(wire: responses.RequestsMock) -> None:
    same = envelope(10 * SECOND, "again")
    _, shown = read(wire, batch(same), batch(same, same))
    assert shown == [["again"], ["again"]]


def test_the_keys_of_all_entries_differ(wire: responses.RequestsMock) -> None:
    same = envelope(10 * SECOND, "again")
    wire.add(
        "GET",
        READ,
        json=batch(same, same, envelope(10 * SECOND, "other"), envelope(10 * SECOND, "again", kind="ERR")),
    )
    entries = AppLog(connected(wire), APP, since=0).new_entries(everything)
    assert len({entry.key for entry in entries}) == 4


def test_full_responses_are_followed_by_the_next_ones(wire: responses.RequestsMock) -> None:
    full = [envelope(SECOND + number) for number in range(logs.MAX_ENVELOPES)]
    wire.add("GET", READ, json=batch(*full))
    wire.add("GET", READ, json=batch(full[-1], envelope(3 * SECOND)))
    log = AppLog(connected(wire), APP, since=0)
    assert len(log.new_entries(everything)) == logs.MAX_ENVELOPES + 1
    assert [each.rpartition("=")[2] for each in asked(wire)] == ["0", str(SECOND + logs.MAX_ENVELOPES - 1)]


def test_more_lines_of_the_same_time_than_fit_do_not_block_the_log(wire: responses.RequestsMock) -> None:
    wire.add(
        "GET", READ, json=batch(*[envelope(SECOND, f"{number}") for number in range(logs.MAX_ENVELOPES)])
    )
    log = AppLog(connected(wire), APP, since=SECOND)
    log.new_entries(everything)
    assert log.since == SECOND + logs.MAX_PAGES


def test_the_log_begins_at_the_newest_line_by_the_servers_clock(wire: responses.RequestsMock) -> None:
    wire.add("GET", READ, json=batch(envelope(7 * SECOND)))
    log = AppLog(connected(wire), APP)
    log.begin()
    log.begin()
    assert log.since == 7 * SECOND + 1
    assert asked(wire) == [f"{GET_LOG}?descending=true&envelope_types=LOG&limit=1"]


def test_an_empty_log_is_read_from_the_beginning(wire: responses.RequestsMock) -> None:
    serve(wire, "log-cache-read-200-empty", path=READ)
    log = AppLog(connected(wire), APP)
    log.begin()
    assert log.since == 0


# --- which lines


@pytest.mark.parametrize(
    ("source", "process", "staging", "running"),
    [
        pytest.param("STG", "", True, True, id="staging"),
        pytest.param("API", "", True, True, id="the-platform"),
        pytest.param("APP/PROC/WEB", NEW_WEB, False, True, id="the-new-process"),
        pytest.param("APP/PROC/WEB", WEB, False, False, id="another-process"),
        pytest.param("APP/PROC/WEB", "", False, True, id="process-not-named"),
        pytest.param("CELL", NEW_WEB, False, True, id="the-cell"),
        pytest.param("RTR", NEW_WEB, False, False, id="requests"),
    ],
)
def test_only_lines_of_what_is_polled_are_shown(
    source: str, process: str, *, staging: bool, running: bool
) -> None:
    line = Line(1, source, "0", process, "text", error=False)
    assert (logs.of_staging(line), logs.of_processes(frozenset({NEW_WEB}))(line)) == (staging, running)


def test_the_error_lines_of_a_staging_are_kept_for_its_reason(wire: responses.RequestsMock) -> None:
    serve(wire, "log-cache-read-200-staging", path=READ)
    log = AppLog(connected(wire), APP, since=0)
    assert len(log.new_entries(logs.of_staging)) == 3
    assert log.staging_errors == [
        (
            "failed to fetch metadata from [acme/web] with tag [nope] and insecure registries [] "
            "due to manifest unknown"
        )
    ]


# --- best effort


def test_a_log_that_keeps_failing_is_given_up_with_one_warning(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "log-cache-read-404-unauthorized-or-expired", path=READ)
    log = AppLog(connected(wire), APP, since=0)
    assert [log.new_entries(everything) for _ in range(logs.MAX_LOG_FAILURES + 2)] == [()] * (
        logs.MAX_LOG_FAILURES + 2
    )
    assert len(asked(wire)) == logs.MAX_LOG_FAILURES
    assert (log.take_warnings(), log.take_warnings()) == (
        (logs.GIVEN_UP.format(logs.MAX_LOG_FAILURES, "HTTP 404"),),
        (),
    )


def test_occasional_failures_have_no_effect(wire: responses.RequestsMock) -> None:
    for number in range(logs.MAX_LOG_FAILURES):
        wire.add("GET", READ, status=502)
        wire.add("GET", READ, json=batch(envelope(number * SECOND)))
    log = AppLog(connected(wire), APP, since=0)
    shown = [len(log.new_entries(everything)) for _ in range(2 * logs.MAX_LOG_FAILURES)]
    assert shown == [0, 1] * logs.MAX_LOG_FAILURES
    assert log.take_warnings() == ()


def test_a_broken_connection_is_a_failure(wire: responses.RequestsMock) -> None:
    wire.add("GET", READ, body=OSError("gone"))
    log = AppLog(connected(wire), APP, since=0)
    assert log.new_entries(everything) == ()


def test_a_foundation_without_log_cache_has_no_log(wire: responses.RequestsMock) -> None:
    log = AppLog(connected(wire, root="root-get-200-no-v2-no-logcache"), APP)
    assert (
        log.new_entries(everything),
        log.take_warnings(),
        log.new_entries(everything),
        log.take_warnings(),
    ) == (
        (),
        (logs.NO_LOGS,),
        (),
        (),
    )
    assert asked(wire) == []
