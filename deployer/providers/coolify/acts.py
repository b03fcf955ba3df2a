"""PURE: which request does what is asked for, to which kind of resource, on which version (coolify-api 5.1, 5.2, 5.4, 5.10)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from deployer.model import Command
from deployer.providers.coolify.versions import PIN_LOST, SERVICES_PULLED, Since, Version
from deployer.providers.coolify.wish import Wish

APPLICATION, SERVICE, DATABASE, TAG = "application", "service", "database", "tag"
KINDS = (APPLICATION, SERVICE, DATABASE)
"""In the order in which a uuid is looked for: cheaper than the one list of everything (coolify-api 5.10)."""

UNPULLED = "Coolify before 4.0.0-beta.419 has no call that pulls newer images of a service: it is started with those that are there"
PULLED = "Coolify before 4.0.0-beta.391 pulls newer images whenever it starts a service"
NO_CANCEL = "this version of Coolify has no way to cancel a deployment from outside (that needs 4.0.0-beta.436): it goes on"


@dataclass(frozen=True, slots=True)
class Act:
    """One request that changes something: what it does to which resource. `says`: the same for people; `note`: what they should know."""

    kind: str
    target: str
    method: str
    path: str
    says: str
    params: dict[str, str] = field(default_factory=dict)
    note: str = ""
    body: dict[str, str] | None = None

    @property
    def by_deploy(self) -> bool:
        """Whether it answers with a list, as only `/deploy` does."""
        return self.path == "/deploy"


def act(kind: str, target: str, wish: Wish, version: Version) -> Act:
    """The request for this target. Parameters stand in the query; a flag is `true` or not there at all (coolify-api 5.1)."""
    if kind == TAG:
        return Act(TAG, target, "POST", "/deploy", "deploy all that carries the tag", {"tag": target, **_force(wish, version)})
    path = f"/{kind}s/{quote(target, safe='')}"
    if wish.command is Command.STOP and wish.pr:
        return Act(kind, target, "DELETE", f"{path}/previews/{wish.pr}", f"delete the preview of pull request {wish.pr}")
    if wish.command in {Command.RESTART, Command.STOP}:
        return Act(kind, target, "POST", f"{path}/{wish.command.value}", f"{wish.command.value} the {kind}")
    if kind == APPLICATION:
        return _deploy_application(target, path, wish, version)
    done = _start(kind, target, path, wish, version)
    ignored = f"`force` and `instant_deploy` mean nothing for a {kind}" if wish.force or wish.instant else ""
    return replace(done, note="; ".join(filter(None, (done.note, ignored))))


def _start(kind: str, target: str, path: str, wish: Wish, version: Version) -> Act:
    if wish.command is Command.START:
        return Act(kind, target, "POST", f"{path}/start", f"start the {kind}, if it is stopped")
    return _deploy_service(target, path, wish, version) if kind == SERVICE else _deploy(DATABASE, target, "start the database")


def _deploy_application(target: str, path: str, wish: Wish, version: Version) -> Act:
    note = "an application is started by a new deployment" if wish.command is Command.START else ""
    if wish.instant:
        params = {**_force(wish, version), "instant_deploy": "true"}
        return Act(APPLICATION, target, "POST", f"{path}/start", "deploy at once", params, note)
    preview = {"pr": str(wish.pr)} if wish.pr else {}
    image = {"docker_tag": wish.docker_tag} if wish.docker_tag else {}
    what = f"deploy the preview of pull request {wish.pr}" if wish.pr else "queue a deployment"
    return Act(APPLICATION, target, "POST", "/deploy", what, {"uuid": target, **_force(wish, version), **preview, **image}, note)


def _deploy_service(target: str, path: str, wish: Wish, version: Version) -> Act:
    """Only `restart?latest=true` pulls; `/deploy` applies the compose file and the variables (coolify-api 5.4)."""
    if not wish.pull_latest:
        note = PULLED if version.before(SERVICES_PULLED) else ""
        return _deploy(SERVICE, target, "start the service anew, with the images that are there", note)
    if version.has(Since.LATEST):
        return Act(SERVICE, target, "POST", f"{path}/restart", "pull newer images and restart the service", {"latest": "true"})
    unpulled = not version.before(SERVICES_PULLED)
    return _deploy(SERVICE, target, "start the service anew", UNPULLED if unpulled else "")


def _deploy(kind: str, target: str, says: str, note: str = "") -> Act:
    return Act(kind, target, "POST", "/deploy", says, {"uuid": target}, note)


def forced(wish: Wish, version: Version) -> bool:
    """Whether it is built without cache: a pin asks for that where an image may bear the name of another commit (coolify-api 5.7)."""
    return wish.deploys and (wish.force or (wish.pinned and version.before(PIN_LOST)))


def _force(wish: Wish, version: Version) -> dict[str, str]:
    return {"force": "true"} if forced(wish, version) else {}


def abilities(kind: str, wish: Wish, version: Version) -> str:
    """The ability that the act needs: start, restart and stop wanted `write` before beta.464 (coolify-api 4)."""
    done = act(kind, "", wish, version)
    if done.method == "DELETE" or (not done.by_deploy and not version.has(Since.DEPLOY_STARTS)):
        return "write"
    return "deploy"
