"""Cloud Foundry: a trigger without a response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import responses

from deployer.model import AccessDenied, Handle, Owner, Started, UnavailableError
from deployer.providers.cloudfoundry.app import TriggerRequest
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.triggering import find_triggered, trigger_requests
from deployer.providers.cloudfoundry.triggering.trigger_requests import restart, rolling
from tests.providers.cloudfoundry.foundation import PROCESS, ROLLS, RUNS, V3APP, deployment
from tests.providers.cloudfoundry.support import (
    APP,
    DEPLOYMENT,
    DROPLET,
    WEB,
    answer,
    asked,
    known,
    listing,
    serve,
    server,
)

UNSURE = Handle(APP, DEPLOYMENT, condition=Condition.ROLLED_OUT, owner=Owner.UNSURE)


START_REQUEST = TriggerRequest(f"{V3APP}/actions/start", Condition.RUNNING, "start it")


STOP_REQUEST = TriggerRequest(f"{V3APP}/actions/stop", Condition.STOPPED, "stop it")


def rolled(droplet: str = "") -> Callable[[Any], TriggerRequest]:
    return lambda seen: rolling(seen, droplet)


FOUND = [
    pytest.param(lambda _: START_REQUEST, ["app-get-200-started"], [], Started((RUNS,)), id="started"),
    pytest.param(lambda _: START_REQUEST, ["app-get-200-stopped"], [], None, id="not-started"),
    pytest.param(
        lambda _: STOP_REQUEST,
        ["app-get-200-stopped"],
        [],
        Started((Handle(APP, "", condition=Condition.STOPPED),)),
        id="stopped",
    ),
    pytest.param(lambda _: STOP_REQUEST, ["app-get-200-started"], [], None, id="not-stopped"),
    pytest.param(
        lambda seen: restart(seen, ""),
        [],
        [("processes", [{**PROCESS, "version": "another"}])],
        Started((RUNS,), "its processes were restarted"),
        id="restarted",
    ),
    pytest.param(lambda seen: restart(seen, ""), [], [("processes", [PROCESS])], None, id="not-restarted"),
    pytest.param(
        lambda seen: restart(seen, ""),
        [],
        [("processes", [{"guid": WEB}])],
        AccessDenied(find_triggered.CANNOT_TELL),
        id="no-version-reported",
    ),
    pytest.param(
        rolled(DROPLET), [], [("deployments", [deployment("ACTIVE", "DEPLOYING")])], Started((ROLLS,)), id="1"
    ),
    pytest.param(
        rolled(),
        [],
        [("deployments", [deployment("ACTIVE", "DEPLOYING")])],
        Started((UNSURE,)),
        id="unexpected-droplet",
    ),
    pytest.param(
        rolled(DROPLET),
        [],
        [("deployments", [deployment("FINALIZED", "DEPLOYED")])],
        Started((ROLLS,)),
        id="over",
    ),
    pytest.param(
        rolled(),
        [],
        [("deployments", [deployment("ACTIVE", "DEPLOYING", guid="before")])],
        None,
        id="only-the-previous-one",
    ),
    pytest.param(rolled(), [], [("deployments", [])], None, id="none"),
    pytest.param(
        rolled("another"),
        [],
        [("deployments", [deployment("ACTIVE", "DEPLOYING")])],
        None,
        id="another-droplet",
    ),
    pytest.param(
        rolled(DROPLET),
        [],
        [
            (
                "deployments",
                [
                    deployment("ACTIVE", "DEPLOYING", guid="b"),
                    deployment("FINALIZED", "SUPERSEDED", guid="a"),
                ],
            )
        ],
        Started((Handle(APP, "a", condition=Condition.ROLLED_OUT, owner=Owner.UNSURE),)),
        id="several",
    ),
    pytest.param(
        lambda _: trigger_requests.cancellation(DEPLOYMENT),
        ["deployment-get-200-canceling"],
        [],
        Started((Handle(APP, DEPLOYMENT, condition=Condition.REVERTED),)),
        id="cancelled",
    ),
    pytest.param(
        lambda _: trigger_requests.cancellation(DEPLOYMENT),
        ["deployment-get-200-deploying"],
        [],
        None,
        id="not-cancelled",
    ),
]


@pytest.mark.parametrize(("sent", "replies", "lists", "expected"), FOUND)
def test_the_effect_of_a_lost_trigger_is_what_has_changed(
    wire: responses.RequestsMock,
    sent: Callable[[Any], TriggerRequest],
    replies: list[str],
    lists: list[tuple[str, list[Any]]],
    expected: Any,
) -> None:
    cloud = server(wire)
    seen = known(cloud, newest="before")
    seen.sent = sent(seen)
    for name in replies:
        serve(wire, name)
    for what, rows in lists:
        answer(
            wire, "GET", f"{V3APP}/processes" if what == "processes" else "/v3/deployments", listing(*rows)
        )
    assert cloud.find_triggered(APP) == expected
    assert len(asked(wire)) == 1


def test_nothing_is_searched_for_that_was_never_sent(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    assert cloud.find_triggered(APP) is None
    assert asked(wire) == []


def test_deployments_of_another_app_are_an_error_and_not_an_empty_list(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    seen = known(cloud, newest="before")
    seen.sent = rolling(seen, "")
    other = deployment("ACTIVE", "DEPLOYING", relationships={"app": {"data": {"guid": "another"}}})
    answer(wire, "GET", "/v3/deployments", listing(other))
    with pytest.raises(UnavailableError, match="about something else"):
        cloud.find_triggered(APP)
