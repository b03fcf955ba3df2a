"""PURE: which request carries out the command, and what is not supported (cloudfoundry-api 5 to 7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from deployer.model import AlreadyDone, Command
from deployer.providers.cloudfoundry.app import AppState, Condition, TriggerRequest
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.watching.staging import DOCKER, full

DEPLOYS = (Command.DEPLOY, Command.CHECK)
"""The commands for which `cf_strategy` and `image` apply: `check` describes what `deploy` would do."""

ALREADY = (
    "it is already started, so starting it changes nothing. "
    "To restart it, set `cf_strategy` to `restart` or `rolling`"
)
CARRIED_OUT = "restarting it, because it is started and a start would not pick up the new image"
IS_STOPPED = "it is already stopped"
NO_DROPLET = (
    "it has no droplet: nothing was ever staged for it. "
    "Push it once with `cf push`, or set `image` if it is a Docker app"
)
NOT_DOCKER = (
    "`image` is for Docker apps, and this one is built from source ({}), which can't be changed. "
    "Remove `image`, or create a Docker app with `cf push --docker-image`"
)
IN_THE_WAY = (
    "deployment {} of the app is in progress, and until it is over no droplet can be assigned. "
    "Wait for it, cancel it with `command: cancel`, or set `cf_strategy: rolling`, which replaces it"
)
REPLACES = "replacing deployment {}, which somebody else started and which is still in progress"


def stages(options: Options) -> bool:
    """Whether an image will be staged."""
    return bool(options.image) and options.command in DEPLOYS


def rolls(options: Options) -> bool:
    """Whether it will be deployed instance by instance."""
    return options.strategy == "rolling" and options.command in {*DEPLOYS, Command.ROLLBACK}


def request_for(app: AppState, options: Options) -> TriggerRequest | AlreadyDone:
    """The request for this app; with an image, the one after staging."""
    if options.command is Command.STOP:
        stop = TriggerRequest(_path(app, "stop"), Condition.STOPPED, "stop it")
        return stop if app.record.started else AlreadyDone(IS_STOPPED)
    if rolls(options):
        return rolling(
            app, app.staging.droplet, REPLACES.format(app.newest.guid) if app.newest.active else ""
        )
    staged, started = stages(options), app.record.started
    by_strategy = options.command in DEPLOYS and options.strategy == "restart"
    requested = options.command is Command.RESTART or by_strategy
    if requested or (staged and started):
        return restart(app, app.staging.droplet, "" if requested else CARRIED_OUT)
    return TriggerRequest(
        _path(app, "start"),
        Condition.RUNNING,
        "start it",
        droplet=app.staging.droplet,
        note=ALREADY if started else "",
    )


def restart(app: AppState, droplet: str, note: str = "") -> TriggerRequest:
    """Stop and start, with a downtime in between; with this droplet if set."""
    return TriggerRequest(
        _path(app, "restart"), Condition.RUNNING, "restart it", droplet=droplet, repeats=True, note=note
    )


def rolling(app: AppState, droplet: str, note: str = "") -> TriggerRequest:
    """Deploy instance by instance.

    Also sets the app's droplet; without one the current droplet is deployed again.
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
    """Deploy the previous droplet in the same way as the new version."""
    note = f"to droplet {droplet}"
    return rolling(app, droplet, note) if rolls(options) else restart(app, droplet, note)


def cancelling(deployment: str) -> TriggerRequest:
    """Cancel a deployment: the server itself restores the previous version."""
    return TriggerRequest(
        f"/v3/deployments/{quote(deployment, safe='')}/actions/cancel",
        Condition.REVERTED,
        f"cancel deployment {deployment}",
        deployment=deployment,
    )


def unsupported(app: AppState, options: Options) -> str:
    """Why the command is not supported for this app; empty if it is."""
    needs_droplet = options.command in {*DEPLOYS, Command.START, Command.RESTART} and not stages(options)
    if stages(options) and app.record.lifecycle != DOCKER:
        return NOT_DOCKER.format(app.record.lifecycle)
    if stages(options) and not rolls(options) and app.newest.active:
        return IN_THE_WAY.format(app.newest.guid)
    return NO_DROPLET if needs_droplet and not app.before.droplet else ""


def describe(app: AppState, options: Options) -> tuple[str, ...]:
    """What would be sent, as sentences."""
    planned = request_for(app, options)
    if isinstance(planned, AlreadyDone):
        return (planned.note,)
    old = f"{app.before.image} → " if app.before.image else ""
    staging = (
        [f"would stage the image {old}{full(options.image, app.before.image)}"] if stages(options) else []
    )
    then = "then " if stages(options) else ""
    notes = [planned.note] if planned.note else []
    return (*staging, f"would {then}{planned.summary} (POST {planned.path})", *notes)


def _path(app: AppState, action: str) -> str:
    return f"/v3/apps/{quote(app.guid, safe='')}/actions/{action}"
