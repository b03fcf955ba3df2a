"""PURE: which request does what the user asked for, and what is not supported (cloudfoundry-api 5 to 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from deployer.model import AlreadyDone, Command
from deployer.providers.cloudfoundry import images
from deployer.providers.cloudfoundry.api.guids import app_path
from deployer.providers.cloudfoundry.app import AppState, TriggerRequest
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.options import Options

DEPLOYS = (Command.DEPLOY, Command.CHECK)
"""The commands that `cf_strategy` and `image` count for: `check` describes what `deploy` would do."""

DOCKER = "docker"
"""The lifecycle of an app that is made of Docker images."""

ALREADY = (
    "it is already started, and starting it again changes nothing. "
    "To restart it, set `cf_strategy: restart` or `rolling`"
)
RESTARTED_FOR_IMAGE = (
    "it is already started, and a start would not pick up the new image: restarting it instead"
)
IS_STOPPED = "it is already stopped"
NO_DROPLET = (
    "it has no droplet, because nothing was ever staged for it. "
    "Push it once with `cf push`, or set `image` if it is a Docker app"
)
NOT_DOCKER = (
    "`image` requires a Docker app, and this one is built from source ({}), which can't be changed. "
    "Remove `image`, or create an app with `cf push --docker-image`"
)
IN_THE_WAY = (
    "a deployment of it is in progress ({}), and no droplet can be assigned until it ends. "
    "Wait for it, cancel it with `command: cancel`, or use `cf_strategy: rolling`, which replaces it"
)
REPLACES = "it replaces deployment {}, which somebody else started and which is still in progress"


def stages(options: Options) -> bool:
    """Whether an image is staged."""
    return bool(options.image) and options.command in DEPLOYS


def rolls(options: Options) -> bool:
    """Whether the new version goes live by a rolling deployment."""
    return options.strategy == "rolling" and options.command in {*DEPLOYS, Command.ROLLBACK}


def needs_deployment_list(options: Options) -> bool:
    """Whether the app's deployments must be read before the trigger."""
    return rolls(options) or stages(options) or options.command is Command.ROLLBACK


def request_for(app: AppState, options: Options) -> TriggerRequest | AlreadyDone:
    """The request for this app. With an image: the one after its staging."""
    started, droplet = app.at_check.started, app.staging.droplet
    if options.command is Command.STOP:
        if not started:
            return AlreadyDone(IS_STOPPED)
        return TriggerRequest(_path(app, "stop"), Condition.STOPPED, "stop it")
    if rolls(options):
        note = REPLACES.format(app.deployments.newest) if app.deployments.active else ""
        return rolling(app, droplet, note)
    deploys = options.command in DEPLOYS
    if options.command is Command.RESTART or (deploys and options.strategy == "restart"):
        return restart(app, droplet)
    if stages(options) and started:
        return restart(app, droplet, RESTARTED_FOR_IMAGE)
    note = ALREADY if started else ""
    return TriggerRequest(_path(app, "start"), Condition.RUNNING, "start it", droplet=droplet, note=note)


def restart(app: AppState, droplet: str, note: str = "") -> TriggerRequest:
    """Stop and start the app, with a downtime in between; with this droplet, unless it is empty."""
    return TriggerRequest(
        _path(app, "restart"), Condition.RUNNING, "restart it", droplet=droplet, repeats=True, note=note
    )


def rolling(app: AppState, droplet: str, note: str = "") -> TriggerRequest:
    """Replace the instances one by one. The request also assigns the droplet.

    Without a droplet, the current one is deployed again.
    """
    body: dict[str, Any] = {"strategy": "rolling", "relationships": {"app": {"data": {"guid": app.guid}}}}
    if droplet:
        body["droplet"] = {"guid": droplet}
    return TriggerRequest(
        "/v3/deployments",
        Condition.ROLLED_OUT,
        "replace its instances one by one",
        body,
        repeats=True,
        note=note,
    )


def rollback_request(app: AppState, droplet: str, options: Options) -> TriggerRequest:
    """The request that deploys a previous droplet the same way as the new version was deployed."""
    note = f"back to droplet {droplet}"
    return rolling(app, droplet, note) if rolls(options) else restart(app, droplet, note)


def cancellation(deployment: str) -> TriggerRequest:
    """The request that cancels a deployment. The server itself then restores the previous version."""
    return TriggerRequest(
        f"/v3/deployments/{quote(deployment, safe='')}/actions/cancel",
        Condition.REVERTED,
        f"cancel deployment {deployment}",
        deployment=deployment,
    )


def unsupported(app: AppState, options: Options) -> str:
    """Why the request is not possible for this app; empty if it is."""
    return next(_obstacles(app, options), "")


def _obstacles(app: AppState, options: Options) -> Iterator[str]:
    staging = stages(options)
    if staging and app.at_check.lifecycle != DOCKER:
        yield NOT_DOCKER.format(app.at_check.lifecycle)
    if staging and not rolls(options) and app.deployments.active:
        yield IN_THE_WAY.format(app.deployments.newest)
    needs_droplet = options.command in {*DEPLOYS, Command.START, Command.RESTART} and not staging
    if needs_droplet and not app.before.droplet:
        yield NO_DROPLET


def describe(app: AppState, options: Options) -> Iterator[str]:
    """What would be sent, as sentences."""
    request = request_for(app, options)
    if isinstance(request, AlreadyDone):
        yield request.note
        return
    what = request.summary
    if stages(options):
        image = images.full_name(options.image, app.before.image)
        before = f"{app.before.image} → " if app.before.image else ""
        yield f"would stage the image {before}{image}"
        what += " with the new droplet"
    yield f"would {what} (POST {request.path})"
    if request.note:
        yield request.note


def _path(app: AppState, action: str) -> str:
    return f"{app_path(app.guid)}/actions/{action}"
