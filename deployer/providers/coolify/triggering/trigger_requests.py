"""PURE: which request carries out the command (coolify-api 5.1, 5.2, 5.4, 5.10).

That depends on the kind of resource and on the version.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from deployer.model import Command
from deployer.providers.coolify.api.versions import PIN_LOST, SERVICES_PULLED, Feature, Version
from deployer.providers.coolify.options import Options
from deployer.providers.payload import Row

APPLICATION, SERVICE, DATABASE, TAG = "application", "service", "database", "tag"
KINDS = (APPLICATION, SERVICE, DATABASE)
"""The order in which a uuid is looked up, which is cheaper than the one list of all (coolify-api 5.10)."""

NO_PULL_API = (
    "Coolify before 4.0.0-beta.419 can't pull newer images of a service through its API: "
    "it is started with the images that are already on the server"
)
ALWAYS_PULLS = "Coolify before 4.0.0-beta.391 always pulls newer images when it starts a service"
NO_CANCEL = (
    "this version of Coolify can't cancel a deployment through its API (that needs 4.0.0-beta.436): "
    "the deployment continues"
)


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request that starts, restarts, stops or deletes something."""

    kind: str
    """The kind of resource: one of KINDS, or TAG."""
    target: str
    """The uuid of the resource, or the tag."""
    method: str
    path: str
    summary: str
    """What the request does, as a phrase for people that begins with a verb."""
    params: dict[str, str] = field(default_factory=dict)
    note: str = ""
    """What the user should know about it; empty if nothing."""
    body: dict[str, str] | None = None
    """The JSON body, which only the rollback endpoint takes."""

    @property
    def is_bulk(self) -> bool:
        """Whether the response is a list, as for `/deploy` only."""
        return self.path == "/deploy"


def request_for(kind: str, target: str, options: Options, version: Version) -> TriggerRequest:
    """The request that carries out the command for this target.

    Parameters are sent in the query; a flag is `true` or absent (coolify-api 5.1).
    """
    if kind == TAG:
        params = {"tag": target, **_force(options, version)}
        return TriggerRequest(TAG, target, "POST", "/deploy", "deploy everything with the tag", params)
    path = f"/{kind}s/{quote(target, safe='')}"
    if options.command is Command.STOP and options.pr:
        preview, summary = f"{path}/previews/{options.pr}", f"delete the preview of pull request {options.pr}"
        return TriggerRequest(kind, target, "DELETE", preview, summary)
    if options.command in {Command.RESTART, Command.STOP}:
        verb = options.command.value
        return TriggerRequest(kind, target, "POST", f"{path}/{verb}", f"{verb} the {kind}")
    if kind == APPLICATION:
        return _deploy_application(target, path, options, version)
    request = _start(kind, target, path, options, version)
    if options.force or options.instant:
        ignored = f"`force` and `instant_deploy` have no effect on a {kind}"
        return replace(request, note="; ".join(filter(None, (request.note, ignored))))
    return request


def _start(kind: str, target: str, path: str, options: Options, version: Version) -> TriggerRequest:
    if options.command is Command.START:
        return TriggerRequest(kind, target, "POST", f"{path}/start", f"start the {kind}, if it is stopped")
    if kind == SERVICE:
        return _deploy_service(target, path, options, version)
    return _deploy(DATABASE, target, "start the database")


def _deploy_application(target: str, path: str, options: Options, version: Version) -> TriggerRequest:
    note = "Coolify starts an application by deploying it" if options.command is Command.START else ""
    force = _force(options, version)
    if options.instant:
        params = {**force, "instant_deploy": "true"}
        return TriggerRequest(APPLICATION, target, "POST", f"{path}/start", "deploy at once", params, note)
    preview = {"pr": str(options.pr)} if options.pr else {}
    image = {"docker_tag": options.docker_tag} if options.docker_tag else {}
    summary = f"deploy the preview of pull request {options.pr}" if options.pr else "queue a deployment"
    params = {"uuid": target, **force, **preview, **image}
    return TriggerRequest(APPLICATION, target, "POST", "/deploy", summary, params, note)


def _deploy_service(target: str, path: str, options: Options, version: Version) -> TriggerRequest:
    """Only `restart?latest=true` pulls images; `/deploy` applies the compose file and variables.

    Source: coolify-api 5.4.
    """
    always_pulls = version.before(SERVICES_PULLED)
    if not options.pull_latest:
        note = ALWAYS_PULLS if always_pulls else ""
        return _deploy(SERVICE, target, "start the service again, with the images that it has", note)
    if version.has(Feature.PULL_LATEST):
        summary, params = "pull newer images and restart the service", {"latest": "true"}
        return TriggerRequest(SERVICE, target, "POST", f"{path}/restart", summary, params)
    return _deploy(SERVICE, target, "start the service again", "" if always_pulls else NO_PULL_API)


def _deploy(kind: str, target: str, summary: str, note: str = "") -> TriggerRequest:
    return TriggerRequest(kind, target, "POST", "/deploy", summary, {"uuid": target}, note)


def is_forced(options: Options, version: Version) -> bool:
    """Whether the deployment is built without cache.

    A pinned commit needs that where its image may bear the name of another commit (coolify-api 5.7).
    """
    return options.deploys and (options.force or (options.pinned and version.before(PIN_LOST)))


def _force(options: Options, version: Version) -> dict[str, str]:
    return {"force": "true"} if is_forced(options, version) else {}


def required_ability(kind: str, options: Options, version: Version) -> str:
    """The token ability that the request needs.

    Before beta.464, start, restart and stop need `write` (coolify-api 4).
    """
    request = request_for(kind, "", options, version)
    if request.method == "DELETE" or (not request.is_bulk and not version.has(Feature.DEPLOY_STARTS)):
        return "write"
    return "deploy"


def unsupported(kind: str, row: Row, options: Options, version: Version) -> str:
    """Why this kind of resource, or this version, can't do what the inputs ask for; empty if it can."""
    return next(_unsupported(kind, row, options, version), "")


def _unsupported(kind: str, row: Row, options: Options, version: Version) -> Iterator[str]:
    name, pack = version.text, row.get("build_pack")
    if options.command is Command.ROLLBACK and kind != APPLICATION:
        yield f"a {kind} can't be rolled back: Coolify keeps no earlier version of it"
    if options.pr and kind != APPLICATION:
        yield f"a {kind} has no previews. Remove `pr`, or set the uuid of an application"
    if options.pr and not version.has(Feature.PREVIEWS):
        yield f"Coolify {name} would deploy the application itself: previews need {Feature.PREVIEWS.value}"
    if options.pr and options.command is Command.STOP and not version.has(Feature.PREVIEW_DELETE):
        yield f"Coolify {name} can't delete a preview: that needs {Feature.PREVIEW_DELETE.value}"
    if options.docker_tag and not version.has(Feature.DOCKER_TAG):
        yield f"Coolify {name} does not support `docker_tag`: that needs {Feature.DOCKER_TAG.value}"
    if options.docker_tag and pack and pack != "dockerimage":
        yield f"`docker_tag` is only for applications that run a Docker image; this one is built by {pack}"
