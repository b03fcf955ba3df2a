"""PURE: which request does what is asked for, and what can't be done (cloudfoundry-api 5 to 7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from deployer.model import AlreadyDone, Command
from deployer.providers.cloudfoundry.app import (
    REVERTED,
    ROLLED_OUT,
    RUNNING,
    STOPPED,
    AppState,
    TriggerRequest,
)
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.staging import DOCKER, full

DEPLOYS = (Command.DEPLOY, Command.CHECK)
"""What `cf_strategy` and `image` count for: the doctor speaks of what `deploy` would do."""

ALREADY = "it is started already, and to start it again changes nothing: `cf_strategy: restart` or `rolling` starts it anew"
CARRIED_OUT = "it is started, and a start would not pick up the new image: it is restarted"
IS_STOPPED = "it is stopped already"
NO_DROPLET = "it has no droplet: nothing was ever staged for it. Push it once with `cf push`, or give `image` if it is an app of Docker images"
NOT_DOCKER = (
    "`image` is for apps that are made of Docker images, and this one is built from its source ({}): that is fixed when an app is created. "
    "Leave `image` out, or create an app with `cf push --docker-image`"
)
IN_THE_WAY = (
    "a deployment of it is going ({}), and until that is over no droplet can be assigned. "
    "Wait for its end, end it with `command: cancel`, or use `cf_strategy: rolling`, which takes its place"
)
REPLACES = "it takes the place of deployment {}, which somebody else started and which is still going"


def stages(options: Options) -> bool:
    """Whether an image is to be staged."""
    return bool(options.image) and options.command in DEPLOYS


def rolls(options: Options) -> bool:
    """Whether it is to be put live instance by instance."""
    return options.strategy == "rolling" and options.command in {*DEPLOYS, Command.ROLLBACK}


def request_for(seen: AppState, options: Options) -> TriggerRequest | AlreadyDone:
    """The request for this app. With an image: after it is staged."""
    if options.command is Command.STOP:
        return (
            TriggerRequest(_path(seen, "stop"), STOPPED, "stop it")
            if seen.started
            else AlreadyDone(IS_STOPPED)
        )
    if rolls(options):
        return rolling(seen, seen.staged, REPLACES.format(seen.newest) if seen.active else "")
    staged, started = stages(options), seen.started
    asked = options.command is Command.RESTART or (
        options.command in DEPLOYS and options.strategy == "restart"
    )
    if asked or (staged and started):
        return restart(seen, seen.staged, "" if asked else CARRIED_OUT)
    return TriggerRequest(
        _path(seen, "start"), RUNNING, "start it", droplet=seen.staged, note=ALREADY if started else ""
    )


def restart(seen: AppState, droplet: str, note: str = "") -> TriggerRequest:
    """Stop and start, with a downtime in between; with this droplet, if one is named."""
    return TriggerRequest(
        _path(seen, "restart"), RUNNING, "restart it", droplet=droplet, repeats=True, note=note
    )


def rolling(seen: AppState, droplet: str, note: str = "") -> TriggerRequest:
    """Instance by instance; without a droplet the one that is there is deployed again. The app's droplet is set along with it."""
    body: dict[str, Any] = {"strategy": "rolling", "relationships": {"app": {"data": {"guid": seen.guid}}}}
    if droplet:
        body["droplet"] = {"guid": droplet}
    return TriggerRequest(
        "/v3/deployments", ROLLED_OUT, "replace its instances one by one", body, repeats=True, note=note
    )


def rollback_request(seen: AppState, droplet: str, options: Options) -> TriggerRequest:
    """What ran before is put live in the way in which the new version was."""
    note = f"back to droplet {droplet}"
    return rolling(seen, droplet, note) if rolls(options) else restart(seen, droplet, note)


def cancelling(deployment: str) -> TriggerRequest:
    """End a deployment: the server itself puts back what ran before."""
    return TriggerRequest(
        f"/v3/deployments/{quote(deployment, safe='')}/actions/cancel",
        REVERTED,
        f"cancel deployment {deployment}",
        deployment=deployment,
    )


def unsupported(seen: AppState, options: Options) -> str:
    """What can't be done with this app, told before anything is sent; empty where all can."""
    needs_droplet = options.command in {*DEPLOYS, Command.START, Command.RESTART} and not stages(options)
    rows: tuple[tuple[bool, str], ...] = (
        (stages(options) and seen.lifecycle != DOCKER, NOT_DOCKER.format(seen.lifecycle)),
        (stages(options) and not rolls(options) and seen.active, IN_THE_WAY.format(seen.newest)),
        (needs_droplet and not seen.droplet, NO_DROPLET),
    )
    return next((sentence for wrong, sentence in rows if wrong), "")


def describe(seen: AppState, options: Options) -> tuple[str, ...]:
    """What would be sent, in sentences."""
    planned = request_for(seen, options)
    if isinstance(planned, AlreadyDone):
        return (planned.note,)
    old = f"{seen.image} → " if seen.image else ""
    told = [f"would stage the image {old}{full(options.image, seen.image)}"] if stages(options) else []
    assigned = " with what comes of it" if stages(options) else ""
    return (
        *told,
        f"would {planned.summary}{assigned} (POST {planned.path})",
        *([planned.note] if planned.note else []),
    )


def _path(seen: AppState, action: str) -> str:
    return f"/v3/apps/{quote(seen.guid, safe='')}/actions/{action}"
