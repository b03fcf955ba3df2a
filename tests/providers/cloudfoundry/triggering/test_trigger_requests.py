"""Which request does what the user asked for, and what is not supported."""

from typing import Any

import pytest

from deployer.model import AlreadyDone, Command
from deployer.providers.cloudfoundry.app import AppState, TriggerRequest
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.triggering import trigger_requests
from tests.providers.cloudfoundry.support import (
    APP,
    DEPLOYMENT,
    DROPLET,
    OLD_DROPLET,
    app_state,
)

IMAGE = "ghcr.io/acme/web:1.4.2"


def path(action: str) -> str:
    return f"/v3/apps/{APP}/actions/{action}"


def rolling(droplet: str = "") -> dict[str, Any]:
    named = {"droplet": {"guid": droplet}} if droplet else {}
    return {"strategy": "rolling", "relationships": {"app": {"data": {"guid": APP}}}, **named}


ROWS = [
    pytest.param(
        app_state(started=False),
        {},
        TriggerRequest(path("start"), Condition.RUNNING, "start it"),
        id="deploy-starts-a-stopped-app",
    ),
    pytest.param(
        app_state(),
        {},
        TriggerRequest(path("start"), Condition.RUNNING, "start it", note=trigger_requests.ALREADY),
        id="deploy-of-a-started-app-has-a-note",
    ),
    pytest.param(
        app_state(),
        {"strategy": "restart"},
        TriggerRequest(path("restart"), Condition.RUNNING, "restart it", repeats=True),
        id="strategy-restart",
    ),
    pytest.param(
        app_state(),
        {"strategy": "rolling"},
        TriggerRequest(
            "/v3/deployments",
            Condition.ROLLED_OUT,
            "replace its instances one by one",
            rolling(),
            repeats=True,
        ),
        id="strategy-rolling",
    ),
    pytest.param(
        app_state(newest=DEPLOYMENT, active=True),
        {"strategy": "rolling"},
        TriggerRequest(
            "/v3/deployments",
            Condition.ROLLED_OUT,
            "replace its instances one by one",
            rolling(),
            repeats=True,
            note=f"it replaces deployment {DEPLOYMENT}, "
            "which somebody else started and which is still in progress",
        ),
        id="rolling-over-another",
    ),
    pytest.param(
        app_state(staged=DROPLET),
        {"image": IMAGE},
        TriggerRequest(
            path("restart"),
            Condition.RUNNING,
            "restart it",
            droplet=DROPLET,
            repeats=True,
            note=trigger_requests.RESTARTED_FOR_IMAGE,
        ),
        id="an-image-on-a-started-app-is-never-started",
    ),
    pytest.param(
        app_state(staged=DROPLET, started=False),
        {"image": IMAGE},
        TriggerRequest(path("start"), Condition.RUNNING, "start it", droplet=DROPLET),
        id="an-image-on-a-stopped-app-is-started",
    ),
    pytest.param(
        app_state(staged=DROPLET),
        {"image": IMAGE, "strategy": "restart"},
        TriggerRequest(path("restart"), Condition.RUNNING, "restart it", droplet=DROPLET, repeats=True),
        id="an-image-with-restart",
    ),
    pytest.param(
        app_state(staged=DROPLET),
        {"image": IMAGE, "strategy": "rolling"},
        TriggerRequest(
            "/v3/deployments",
            Condition.ROLLED_OUT,
            "replace its instances one by one",
            rolling(DROPLET),
            repeats=True,
        ),
        id="an-image-rolling-is-not-assigned-before",
    ),
    pytest.param(
        app_state(),
        {"command": Command.START, "strategy": "rolling"},
        TriggerRequest(path("start"), Condition.RUNNING, "start it", note=trigger_requests.ALREADY),
        id="the-strategy-does-not-count-for-start",
    ),
    pytest.param(
        app_state(),
        {"command": Command.RESTART, "strategy": "rolling"},
        TriggerRequest(path("restart"), Condition.RUNNING, "restart it", repeats=True),
        id="the-strategy-does-not-count-for-restart",
    ),
    pytest.param(
        app_state(),
        {"command": Command.STOP},
        TriggerRequest(path("stop"), Condition.STOPPED, "stop it"),
        id="stop",
    ),
    pytest.param(
        app_state(started=False),
        {"command": Command.STOP},
        AlreadyDone(trigger_requests.IS_STOPPED),
        id="stop-of-a-stopped-app",
    ),
]


@pytest.mark.parametrize(("seen", "options", "expected"), ROWS)
def test_each_command_is_one_request(
    seen: AppState, options: dict[str, Any], expected: TriggerRequest | AlreadyDone
) -> None:
    assert trigger_requests.request_for(seen, Options(**options)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            {},
            trigger_requests.restart(app_state(), OLD_DROPLET, f"back to droplet {OLD_DROPLET}"),
            id="with-a-restart",
        ),
        pytest.param(
            {"strategy": "rolling"},
            trigger_requests.rolling(app_state(), OLD_DROPLET, f"back to droplet {OLD_DROPLET}"),
            id="rolling",
        ),
    ],
)
def test_a_rollback_deploys_the_same_way_as_the_deployment(
    options: dict[str, Any], expected: TriggerRequest
) -> None:
    assert trigger_requests.rollback_request(app_state(), OLD_DROPLET, Options(**options)) == expected


def test_a_deployment_is_cancelled_by_its_guid() -> None:
    assert trigger_requests.cancellation("a/b") == TriggerRequest(
        "/v3/deployments/a%2Fb/actions/cancel", Condition.REVERTED, "cancel deployment a/b", deployment="a/b"
    )


IMPOSSIBLE = [
    pytest.param(app_state(), {}, "", id="supported"),
    pytest.param(app_state(droplet=""), {}, trigger_requests.NO_DROPLET, id="no-droplet"),
    pytest.param(
        app_state(droplet=""),
        {"command": Command.RESTART},
        trigger_requests.NO_DROPLET,
        id="no-droplet-to-restart",
    ),
    pytest.param(app_state(droplet=""), {"command": Command.STOP}, "", id="no-droplet-is-needed-to-stop"),
    pytest.param(app_state(droplet=""), {"image": IMAGE}, "", id="image-creates-a-droplet"),
    pytest.param(
        app_state(lifecycle="buildpack"),
        {"image": IMAGE},
        trigger_requests.NOT_DOCKER.format("buildpack"),
        id="not-a-docker-app",
    ),
    pytest.param(app_state(lifecycle="buildpack"), {}, "", id="without-image-any-app"),
    pytest.param(
        app_state(newest="d", active=True),
        {"image": IMAGE},
        trigger_requests.IN_THE_WAY.format("d"),
        id="deployment-in-progress",
    ),
    pytest.param(
        app_state(newest="d", active=True),
        {"image": IMAGE, "strategy": "rolling"},
        "",
        id="rolling-replaces-it",
    ),
]


@pytest.mark.parametrize(("seen", "options", "sentence"), IMPOSSIBLE)
def test_what_is_not_supported_is_named(seen: AppState, options: dict[str, Any], sentence: str) -> None:
    assert trigger_requests.unsupported(seen, Options(**options)) == sentence


@pytest.mark.parametrize(
    ("seen", "options", "expected"),
    [
        pytest.param(app_state(started=False), {}, (f"would start it (POST {path('start')})",), id="start"),
        pytest.param(
            app_state(image="ghcr.io/acme/web:1.4.1"),
            {"image": IMAGE},
            (
                f"would stage the image ghcr.io/acme/web:1.4.1 → {IMAGE}",
                f"would restart it with the new droplet (POST {path('restart')})",
                trigger_requests.RESTARTED_FOR_IMAGE,
            ),
            id="image",
        ),
        pytest.param(
            app_state(started=False), {"command": Command.STOP}, (trigger_requests.IS_STOPPED,), id="nothing"
        ),
    ],
)
def test_a_dry_run_describes_the_request(
    seen: AppState, options: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert tuple(trigger_requests.describe(seen, Options(**options))) == expected
