"""The list of all active deployments as a poll of many (coolify-api 5.5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from deployer.model import Certainty, Handle, Phase, RefusedError, UnavailableError
from deployer.providers.coolify.watching import poll_active
from deployer.providers.payload import Row
from tests.providers.coolify.support import APP, about, body, requests_sent, serve, server

LOG = json.dumps([{"output": "one", "hidden": False, "order": 1}])
LONGER = json.dumps(
    [{"output": "one", "hidden": False, "order": 1}, {"output": "two", "hidden": False, "order": 2}]
)
ONE, TWO = Handle(APP, "one"), Handle(APP, "two")


def row(uuid: str, **changes: Any) -> Row:
    """A record of the recorded list, which belongs to the application."""
    first = next(iter(body("deployments_list_rs").values()))
    return {**about(first, APP, uuid), "logs": LOG, **changes}


def listing(wire: responses.RequestsMock, rows: Any) -> None:
    serve(wire, "GET", "/deployments", "deployments_list_rs", body=rows)


def texts(snapshot: Any) -> list[str]:
    return [entry.text for entry in snapshot.log]


@pytest.mark.parametrize("as_object", [False, True])
def test_status_and_log_of_all_that_are_active(wire: responses.RequestsMock, as_object: bool) -> None:
    rows = [row("one"), row("two", status="queued", logs=None), row("three")]
    listing(wire, {str(place): each for place, each in enumerate(rows)} if as_object else rows)
    found = server().poll_active((ONE, TWO, Handle(APP, "gone")))
    assert found is not None
    assert {handle.id: snapshot.phase for handle, snapshot in found.items()} == {
        "one": Phase.RUNNING,
        "two": Phase.QUEUED,
    }
    assert texts(found[ONE]) == ["one"]
    assert requests_sent(wire) == ["GET /deployments"]


def test_a_log_continues_from_the_list_to_a_single_poll(wire: responses.RequestsMock) -> None:
    coolify = server()
    listing(wire, [row("one")])
    first = coolify.poll_active((ONE,))
    ended = {**about(body("deployment_get_finished"), APP, "one"), "logs": LONGER}
    serve(wire, "GET", "/deployments/one", "deployment_get_finished", body=ended)
    last = coolify.poll(ONE)
    assert first is not None
    assert first[ONE].log == (last.log or ())[:1]
    assert (texts(last), last.phase) == (["one", "two"], Phase.SUCCEEDED)


def test_a_list_without_the_logs_that_single_polls_show_leaves_them_out(wire: responses.RequestsMock) -> None:
    coolify = server()
    running = {**about(body("deployment_get_finished"), APP, "one"), "status": "in_progress", "logs": LONGER}
    serve(
        wire, "GET", "/deployments/one", "deployment_get_finished", body={**running, "padding": "x" * 20_000}
    )
    coolify.poll(ONE)
    bare = row("one")
    del bare["logs"]
    listing(wire, [bare, {**row("two"), "logs": None}])
    assert set(coolify.poll_active((ONE, TWO)) or ()) == {TWO}


def test_a_token_that_may_read_no_logs_sees_the_status(wire: responses.RequestsMock) -> None:
    bare = row("one")
    del bare["logs"]
    listing(wire, [bare])
    found = server().poll_active((ONE,))
    assert found is not None
    assert (found[ONE].phase, found[ONE].log) == (Phase.RUNNING, None)


def test_a_record_of_another_application_is_not_taken_for_ours(wire: responses.RequestsMock) -> None:
    listing(wire, [{**row("one"), "deployment_url": "/project/p/environment/e/application/x/deployment/one"}])
    assert server().poll_active((ONE,)) == {}


def test_a_queued_deployment_is_judged_by_the_same_list(wire: responses.RequestsMock) -> None:
    listing(wire, [row("one", status="queued", logs=None), row("two", server_id=0)])
    adopted = Handle(APP, "one")
    found = server(version="4.1.2").poll_active((adopted, TWO))
    assert found is not None
    assert found[adopted].reason == "it was still queued behind another deployment"
    assert requests_sent(wire) == ["GET /deployments"]


@pytest.mark.parametrize(
    ("chars", "again"), [(poll_active.MAX_FOREIGN_CHARS, True), (poll_active.MAX_FOREIGN_CHARS + 1, False)]
)
def test_a_list_full_of_other_deployments_is_read_once(
    wire: responses.RequestsMock, chars: int, again: bool
) -> None:
    coolify = server()
    for _ in range(1 + again):
        listing(wire, [row("one"), row("foreign", logs="x" * chars)])
    assert set(coolify.poll_active((ONE,)) or ()) == {ONE}
    assert (coolify.poll_active((ONE,)) is not None) == again
    assert len(requests_sent(wire)) == 1 + again


def test_a_list_that_is_refused_is_not_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    coolify = server()

    def refuse() -> list[Row]:
        raise RefusedError("the token of another team")

    monkeypatch.setattr(coolify.lookup.api, "active_deployments", refuse)
    assert coolify.poll_active((ONE,)) is None
    monkeypatch.undo()
    assert coolify.poll_active((ONE,)) is None


def test_a_token_that_may_not_read_is_refused(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/deployments", "deployments_list_deployonly")
    with pytest.raises(RefusedError) as caught:
        server().poll_active((ONE,))
    assert caught.value.token_wide


def test_an_unreadable_list_is_a_failed_poll(wire: responses.RequestsMock) -> None:
    listing(wire, "not a list")
    with pytest.raises(UnavailableError):
        server().poll_active((ONE,))


def test_a_list_above_the_limit_is_not_requested_again(
    wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployer.http.client.BODY_BYTES", 1000)
    coolify = server()
    listing(wire, [row("one", logs="x" * 2000)])
    assert [coolify.poll_active((ONE,)) for _ in range(2)] == [None, None]
    assert requests_sent(wire) == ["GET /deployments"]


def test_an_unconfirmed_deployment_is_found_in_the_list(wire: responses.RequestsMock) -> None:
    listing(wire, [row("one")])
    unconfirmed = Handle(APP, "one", Certainty.UNCONFIRMED)
    assert set(server().poll_active((unconfirmed,)) or ()) == {unconfirmed}
