"""PURE: which request does what is asked for, and what can't be done (cloudfoundry-api 5 to 7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from deployer.model import Command, Done
from deployer.providers.cloudfoundry.known import RETURNED, ROLLED, RUNNING, STOPPED, Act, Known
from deployer.providers.cloudfoundry.staging import DOCKER, full
from deployer.providers.cloudfoundry.wish import Wish

DEPLOYS = (Command.DEPLOY, Command.CHECK)
"""What `cf_strategy` and `image` count for: the doctor speaks of what `deploy` would do."""

ALREADY = "it is started already, and to start it again changes nothing: `cf_strategy: restart` or `rolling` starts it anew"
CARRIED_OUT = "it is started, and a start would not pick up the new image: it is restarted"
IS_STOPPED = "it is stopped already"
NO_DROPLET = (
    "it has no droplet: nothing was ever staged for it. Push it once with `cf push`, or give `image` if it is an app of Docker images"
)
NOT_DOCKER = (
    "`image` is for apps that are made of Docker images, and this one is built from its source ({}): that is fixed when an app is created. "
    "Leave `image` out, or create an app with `cf push --docker-image`"
)
IN_THE_WAY = (
    "a deployment of it is going ({}), and until that is over no droplet can be assigned. "
    "Wait for its end, end it with `command: cancel`, or use `cf_strategy: rolling`, which takes its place"
)
REPLACES = "it takes the place of deployment {}, which somebody else started and which is still going"


def stages(wish: Wish) -> bool:
    """Whether an image is to be staged."""
    return bool(wish.image) and wish.command in DEPLOYS


def rolls(wish: Wish) -> bool:
    """Whether it is to be put live instance by instance."""
    return wish.strategy == "rolling" and wish.command in {*DEPLOYS, Command.ROLLBACK}


def act(seen: Known, wish: Wish) -> Act | Done:
    """The request for this app. With an image: after it is staged."""
    if wish.command is Command.STOP:
        return Act(_path(seen, "stop"), STOPPED, "stop it") if seen.started else Done(IS_STOPPED)
    if rolls(wish):
        return rolling(seen, seen.staged, REPLACES.format(seen.newest) if seen.active else "")
    staged, started = stages(wish), seen.started
    asked = wish.command is Command.RESTART or (wish.command in DEPLOYS and wish.strategy == "restart")
    if asked or (staged and started):
        return restart(seen, seen.staged, "" if asked else CARRIED_OUT)
    return Act(_path(seen, "start"), RUNNING, "start it", droplet=seen.staged, note=ALREADY if started else "")


def restart(seen: Known, droplet: str, note: str = "") -> Act:
    """Stop and start, with a downtime in between; with this droplet, if one is named."""
    return Act(_path(seen, "restart"), RUNNING, "restart it", droplet=droplet, anew=True, note=note)


def rolling(seen: Known, droplet: str, note: str = "") -> Act:
    """Instance by instance; without a droplet the one that is there is deployed again. The app's droplet is set along with it."""
    body: dict[str, Any] = {"strategy": "rolling", "relationships": {"app": {"data": {"guid": seen.guid}}}}
    if droplet:
        body["droplet"] = {"guid": droplet}
    return Act("/v3/deployments", ROLLED, "replace its instances one by one", body, anew=True, note=note)


def back(seen: Known, droplet: str, wish: Wish) -> Act:
    """What ran before is put live in the way in which the new version was."""
    note = f"back to droplet {droplet}"
    return rolling(seen, droplet, note) if rolls(wish) else restart(seen, droplet, note)


def cancelling(deployment: str) -> Act:
    """End a deployment: the server itself puts back what ran before."""
    return Act(
        f"/v3/deployments/{quote(deployment, safe='')}/actions/cancel", RETURNED, f"cancel deployment {deployment}", deployment=deployment
    )


def impossible(seen: Known, wish: Wish) -> str:
    """What can't be done with this app, told before anything is sent; empty where all can."""
    needs_droplet = wish.command in {*DEPLOYS, Command.START, Command.RESTART} and not stages(wish)
    rows: tuple[tuple[bool, str], ...] = (
        (stages(wish) and seen.lifecycle != DOCKER, NOT_DOCKER.format(seen.lifecycle)),
        (stages(wish) and not rolls(wish) and seen.active, IN_THE_WAY.format(seen.newest)),
        (needs_droplet and not seen.droplet, NO_DROPLET),
    )
    return next((sentence for wrong, sentence in rows if wrong), "")


def intent(seen: Known, wish: Wish) -> tuple[str, ...]:
    """What would be sent, in sentences."""
    planned = act(seen, wish)
    if isinstance(planned, Done):
        return (planned.note,)
    old = f"{seen.image} → " if seen.image else ""
    told = [f"would stage the image {old}{full(wish.image, seen.image)}"] if stages(wish) else []
    assigned = " with what comes of it" if stages(wish) else ""
    return (*told, f"would {planned.says}{assigned} (POST {planned.path})", *([planned.note] if planned.note else []))


def _path(seen: Known, action: str) -> str:
    return f"/v3/apps/{quote(seen.guid, safe='')}/actions/{action}"
