"""PURE: which request does what is asked for, to which kind of resource, on which version (coolify-api 5.1, 5.2, 5.4, 5.10)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from deployer.model import Command
from deployer.providers.coolify.api.versions import PIN_LOST, SERVICES_PULLED, Feature, Version
from deployer.providers.coolify.options import Options

APPLICATION, SERVICE, DATABASE, TAG = "application", "service", "database", "tag"
KINDS = (APPLICATION, SERVICE, DATABASE)
"""In the order in which a uuid is looked for: cheaper than the one list of everything (coolify-api 5.10)."""

NO_PULL_API = "Coolify before 4.0.0-beta.419 has no call that pulls newer images of a service: it is started with those that are there"
ALWAYS_PULLS = "Coolify before 4.0.0-beta.391 pulls newer images whenever it starts a service"
NO_CANCEL = "this version of Coolify has no way to cancel a deployment from outside (that needs 4.0.0-beta.436): it goes on"


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request that changes something: what it does to which resource. `says`: the same for people; `note`: what they should know."""

    kind: str
    target: str
    method: str
    path: str
    summary: str
    params: dict[str, str] = field(default_factory=dict)
    note: str = ""
    body: dict[str, str] | None = None

    @property
    def is_bulk(self) -> bool:
        """Whether it answers with a list, as only `/deploy` does."""
        return self.path == "/deploy"


def request_for(kind: str, target: str, options: Options, version: Version) -> TriggerRequest:
    """The request for this target. Parameters stand in the query; a flag is `true` or not there at all (coolify-api 5.1)."""
    if kind == TAG:
        return TriggerRequest(
            TAG,
            target,
            "POST",
            "/deploy",
            "deploy all that carries the tag",
            {"tag": target, **_force(options, version)},
        )
    path = f"/{kind}s/{quote(target, safe='')}"
    if options.command is Command.STOP and options.pr:
        return TriggerRequest(
            kind,
            target,
            "DELETE",
            f"{path}/previews/{options.pr}",
            f"delete the preview of pull request {options.pr}",
        )
    if options.command in {Command.RESTART, Command.STOP}:
        return TriggerRequest(
            kind, target, "POST", f"{path}/{options.command.value}", f"{options.command.value} the {kind}"
        )
    if kind == APPLICATION:
        return _deploy_application(target, path, options, version)
    done = _start(kind, target, path, options, version)
    ignored = (
        f"`force` and `instant_deploy` mean nothing for a {kind}" if options.force or options.instant else ""
    )
    return replace(done, note="; ".join(filter(None, (done.note, ignored))))


def _start(kind: str, target: str, path: str, options: Options, version: Version) -> TriggerRequest:
    if options.command is Command.START:
        return TriggerRequest(kind, target, "POST", f"{path}/start", f"start the {kind}, if it is stopped")
    return (
        _deploy_service(target, path, options, version)
        if kind == SERVICE
        else _deploy(DATABASE, target, "start the database")
    )


def _deploy_application(target: str, path: str, options: Options, version: Version) -> TriggerRequest:
    note = "an application is started by a new deployment" if options.command is Command.START else ""
    if options.instant:
        params = {**_force(options, version), "instant_deploy": "true"}
        return TriggerRequest(APPLICATION, target, "POST", f"{path}/start", "deploy at once", params, note)
    preview = {"pr": str(options.pr)} if options.pr else {}
    image = {"docker_tag": options.docker_tag} if options.docker_tag else {}
    what = f"deploy the preview of pull request {options.pr}" if options.pr else "queue a deployment"
    return TriggerRequest(
        APPLICATION,
        target,
        "POST",
        "/deploy",
        what,
        {"uuid": target, **_force(options, version), **preview, **image},
        note,
    )


def _deploy_service(target: str, path: str, options: Options, version: Version) -> TriggerRequest:
    """Only `restart?latest=true` pulls; `/deploy` applies the compose file and the variables (coolify-api 5.4)."""
    if not options.pull_latest:
        note = ALWAYS_PULLS if version.before(SERVICES_PULLED) else ""
        return _deploy(SERVICE, target, "start the service anew, with the images that are there", note)
    if version.has(Feature.PULL_LATEST):
        return TriggerRequest(
            SERVICE,
            target,
            "POST",
            f"{path}/restart",
            "pull newer images and restart the service",
            {"latest": "true"},
        )
    unpulled = not version.before(SERVICES_PULLED)
    return _deploy(SERVICE, target, "start the service anew", NO_PULL_API if unpulled else "")


def _deploy(kind: str, target: str, says: str, note: str = "") -> TriggerRequest:
    return TriggerRequest(kind, target, "POST", "/deploy", says, {"uuid": target}, note)


def forced(options: Options, version: Version) -> bool:
    """Whether it is built without cache: a pin asks for that where an image may bear the name of another commit (coolify-api 5.7)."""
    return options.deploys and (options.force or (options.pinned and version.before(PIN_LOST)))


def _force(options: Options, version: Version) -> dict[str, str]:
    return {"force": "true"} if forced(options, version) else {}


def abilities(kind: str, options: Options, version: Version) -> str:
    """The ability that the act needs: start, restart and stop wanted `write` before beta.464 (coolify-api 4)."""
    done = request_for(kind, "", options, version)
    if done.method == "DELETE" or (not done.is_bulk and not version.has(Feature.DEPLOY_STARTS)):
        return "write"
    return "deploy"
