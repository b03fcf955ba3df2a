"""Large logs: an unchanged response is not parsed again, and of a longer log only what is new."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.http import untrusted_json
from deployer.model import Handle
from deployer.providers.coolify.watching import deployment
from deployer.providers.coolify.watching.deployment import Log, read_log
from tests.providers.coolify.support import APP, about, body, serve, server

# The same examples in every run, so that no test is flaky.
thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=200)

OUTPUTS = st.lists(st.text('ab,]}[{"\\\n é☃\ud800', max_size=12), max_size=6)


def log_of(outputs: list[str], **fields: Any) -> str:
    """The text of a log, as the API returns it."""
    return json.dumps(
        [{"output": output, "hidden": False, "order": at, **fields} for at, output in enumerate(outputs)]
    )


def entries_of(row: Any, last: Log | None = None) -> Any:
    log = read_log(row, last)
    return log.entries, log.damage


@thoroughly
@given(polls=st.lists(OUTPUTS, min_size=1, max_size=5))
def test_a_log_that_gets_longer_is_read_like_a_new_one(polls: list[list[str]]) -> None:
    last, outputs = None, list[str]()
    for more in polls:
        outputs += more
        row = {"logs": log_of(outputs)}
        assert entries_of(row, last) == entries_of(row)
        last = read_log(row, last)


@thoroughly
@given(old=OUTPUTS, new=OUTPUTS)
def test_any_other_log_is_read_anew(old: list[str], new: list[str]) -> None:
    last, row = read_log({"logs": log_of(old)}), {"logs": log_of(new)}
    assert entries_of(row, last) == entries_of(row)


@pytest.mark.parametrize(
    "logs",
    [
        pytest.param(f"{log_of(['one'])[:-1]} , {log_of(['two'])[1:]}", id="blanks-around-the-comma"),
        pytest.param(f"{log_of(['one'])[:-1]}, broken", id="damaged-after-the-part-that-is-known"),
        pytest.param(f"{log_of(['one'])[:-1]}", id="cut-off"),
        pytest.param("", id="empty"),
        pytest.param(None, id="null"),
    ],
)
def test_what_is_not_simply_longer_is_read_like_a_new_one(logs: str | None) -> None:
    last = read_log({"logs": log_of(["one"])})
    assert entries_of({"logs": logs}, last) == entries_of({"logs": logs})


def test_of_a_longer_log_only_the_new_entries_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    last = read_log({"logs": log_of(["one", "two"])})
    parsed: list[str] = []
    loads = untrusted_json.loads

    def spy(text: str, make: Any) -> Any:
        parsed.append(text)
        return loads(text, make)

    monkeypatch.setattr(untrusted_json, "loads", spy)
    log = read_log({"logs": log_of(["one", "two", "three"])}, last)
    assert [entry.text for entry in log.entries or ()] == ["one", "two", "three"]
    assert parsed == ['[ {"output": "three", "hidden": false, "order": 2}]']


def test_the_limit_of_entries_holds_for_all_parts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "MAX_ENTRIES", 3)
    last = read_log({"logs": log_of(["one", "two"])})
    assert entries_of({"logs": log_of(["one", "two", "three"])}, last)[1] == ""
    assert entries_of({"logs": log_of(["one", "two", "three", "four"])}, last) == ((), deployment.LARGE_LOG)


LARGE = log_of(["a line of the build log"] * 1000)


def row(**changes: Any) -> Any:
    return {
        **about(body("deployment_get_finished"), APP),
        "status": "in_progress",
        "finished_at": None,
        **changes,
    }


def test_an_unchanged_response_is_not_parsed_again(
    wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    coolify = server()
    for _ in range(3):
        serve(wire, "GET", "/deployments/abc", "deployment_get_finished", body=row(logs=LARGE))
    first = coolify.poll(Handle(APP, "abc"))
    assert len(first.log or ()) == 1000

    def parse(*_: Any) -> None:
        raise AssertionError("the same response was parsed again")

    monkeypatch.setattr(untrusted_json, "loads", parse)
    for _ in range(2):
        again = coolify.poll(Handle(APP, "abc"))
        assert again == first
        assert again.log is first.log


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        pytest.param({"status": "failed"}, "failed", id="status"),
        pytest.param({"logs": log_of(["a line of the build log"] * 1001)}, "in_progress", id="log"),
    ],
)
def test_a_response_that_differs_is_read(
    wire: responses.RequestsMock, changes: dict[str, Any], phase: str
) -> None:
    coolify = server()
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished", body=row(logs=LARGE))
    coolify.poll(Handle(APP, "abc"))
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished", body=row(logs=LARGE) | changes)
    snapshot = coolify.poll(Handle(APP, "abc"))
    fresh = server()
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished", body=row(logs=LARGE) | changes)
    assert snapshot.raw_status == phase
    assert snapshot == fresh.poll(Handle(APP, "abc"))


def test_another_response_with_the_same_body_is_judged_by_its_status(wire: responses.RequestsMock) -> None:
    """A gateway may return the last good body with an error."""
    coolify = server()
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished", body=row(logs=LARGE))
    first = coolify.poll(Handle(APP, "abc"))
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished", body=row(logs=LARGE), status=502)
    with pytest.raises(Exception, match="502"):
        coolify.poll(Handle(APP, "abc"))
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished", body=row(logs=LARGE))
    assert coolify.poll(Handle(APP, "abc")) == first
