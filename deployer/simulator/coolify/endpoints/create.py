"""POST /applications/dockerimage, and the lists of places for it (coolify-api 5.8, 5.10)."""

import re
from dataclasses import dataclass
from typing import Any

from deployer.simulator.coolify.endpoints.fields import BOOLEANS, TEXTS
from deployer.simulator.coolify.endpoints.parameters import true
from deployer.simulator.coolify.endpoints.patch import NAME, PORTS, TAG, addresses, conflict
from deployer.simulator.coolify.endpoints.payload import (
    Errors,
    invalid,
    mistyped,
    objection,
    payload,
    unwanted,
)
from deployer.simulator.coolify.replies import body_of, filled, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state import places
from deployer.simulator.coolify.state.deployments import App, DeployOptions
from deployer.simulator.coolify.state.script import recorded
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

NEEDED = ("project_uuid", "server_uuid")
OWN = frozenset(
    {
        *NEEDED,
        "environment_name",
        "environment_uuid",
        "destination_uuid",
        "instant_deploy",
        "autogenerate_domain",
    }
)
FLAGS = frozenset({"instant_deploy", "autogenerate_domain"})
SOURCE = re.compile(
    r"git_.*|docker_compose.*|dockerfile.*|build_pack|base_directory|publish_directory|is_(?:static|spa)|static_image|watch_paths"
    r"|(?:install|build|start)_command"
)
DIGEST = re.compile(r"(.+)@sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Spot:
    """The place of the new application, as the server's own objects."""

    environment: dict[str, Any]
    destination: dict[str, Any]


def projects(server: Server, _request: Request, _uuid: str) -> Response:
    keys = body_of("projects")[0]
    return reply("projects", [{key: each[key] for key in keys} for each in all_projects(server)])


def project(server: Server, _request: Request, uuid: str) -> Response:
    found = next((each for each in all_projects(server) if each["uuid"] == uuid), None)
    return reply("project", found) if found else reply("create_img_badproject")


def servers(server: Server, _request: Request, _uuid: str) -> Response:
    return reply("servers", places.hosts(server.scenario.hosts))


def destinations(server: Server, _request: Request, uuid: str) -> Response:
    number = host_number(server, uuid)
    return (
        reply("create_img_badserver")
        if number is None
        else reply("destinations", places.destinations(server.scenario.hosts, number))
    )


def all_projects(server: Server) -> list[dict[str, Any]]:
    return places.projects(server.scenario.projects, uuids=server.scenario.version.environment_uuids)


def host_number(server: Server, uuid: str) -> int | None:
    return next(
        (number for number, each in enumerate(places.hosts(server.scenario.hosts)) if each["uuid"] == uuid),
        None,
    )


def create(server: Server, request: Request, _uuid: str) -> Response:
    """Create an application; checks in the order of coolify-api 5.8.

    Coolify allows several of the same name.
    """
    sent = payload(server, request)
    if isinstance(sent, Response):
        return sent
    if errors := unfit(server, [*request.query], sent):
        return invalid(errors)
    spot = found_spot(server, sent)
    if isinstance(spot, Response):
        return spot
    if errors := unusable(server, sent):
        return invalid(errors)
    if refusal := conflict(server, "", sent):
        return refusal
    uuid = server.next_uuid()
    app = built(server, sent, spot, uuid)
    server.add(uuid, app)
    if true(sent.get("instant_deploy")):
        server.trigger()
        server.enqueue(uuid, DeployOptions(instant=True))
    version = server.scenario.version
    return filled(version.created, uuid=uuid, domains=(app.fqdn or None) if version.returns_domains else None)


def unfit(server: Server, query: list[str], sent: dict[str, Any]) -> Errors:
    """Fields that are missing, of the wrong type, or not allowed."""
    version = server.scenario.version
    later = {"environment_uuid": version.environment_uuids, "autogenerate_domain": version.autogenerates}
    allowed = {
        field for field in OWN | version.fields if later.get(field, True) and not SOURCE.fullmatch(field)
    }
    missing = {field: objection("create_img_noproject", field) for field in NEEDED if sent.get(field) is None}
    typed = mistyped(sent, TEXTS | (OWN - FLAGS), BOOLEANS | FLAGS)
    return missing | typed | unwanted([field for field in (*query, *sent) if field not in allowed])


def found_spot(server: Server, sent: dict[str, Any]) -> Spot | Response:
    """The place that the fields name.

    A wrong destination is ignored if the server has only one (coolify-api 17.1 row 13).
    """
    environment = found_environment(server, sent)
    number = host_number(server, sent["server_uuid"])
    if isinstance(environment, Response) or number is None:
        return environment if isinstance(environment, Response) else reply("create_img_badserver")
    hosts = server.scenario.hosts
    if hosts[number].builder and server.scenario.version.refuses_builders:
        return reply("create_img_builder")
    there = places.destinations(hosts, number)
    wanted = sent.get("destination_uuid")
    if not there or (len(there) > 1 and wanted is None):
        return reply("create_img_multidest" if there else "create_img_nodest")
    chosen = there if len(there) == 1 else [each for each in there if each["uuid"] == wanted]
    return Spot(environment, chosen[0]) if chosen else reply("create_img_foreigndest")


def found_environment(server: Server, sent: dict[str, Any]) -> dict[str, Any] | Response:
    """The environment, by name or uuid."""
    name, uuid = sent.get("environment_name"), sent.get("environment_uuid")
    if name is None and uuid is None:
        return reply("create_img_noenv")
    within = next(
        (each["environments"] for each in all_projects(server) if each["uuid"] == sent["project_uuid"]), None
    )
    if within is None:
        return reply("create_img_badproject")
    named = (
        each for each in within if each["name"] == name or (uuid is not None and each.get("uuid") == uuid)
    )
    return next(named, None) or reply("create_img_badenv")


def unusable(server: Server, sent: dict[str, Any]) -> Errors:
    """Errors in the image and its ports."""
    version = server.scenario.version
    errors: Errors = {}
    ports, (name, tag) = sent.get("ports_exposes"), image(server, sent)
    if name is None:
        errors["docker_registry_image_name"] = objection("create_img_noproject", "docker_registry_image_name")
    elif version.checks_fields and not NAME.fullmatch(name):
        errors["docker_registry_image_name"] = objection("create_img_badimage")
    if version.checks_fields and not TAG.fullmatch(tag):
        errors["docker_registry_image_tag"] = objection("patch_commit_bad", "docker_registry_image_tag")
    if ports is None and not version.checks_fields:
        errors["ports_exposes"] = objection("create_img_noproject", "ports_exposes")
    elif ports is not None and not PORTS.fullmatch(ports):
        errors["ports_exposes"] = objection("patch_commit_bad", "ports_exposes")
    return errors


def image(server: Server, sent: dict[str, Any]) -> tuple[str | None, str]:
    """Name and tag as they are stored."""
    name, tag = sent.get("docker_registry_image_name"), sent.get("docker_registry_image_tag")
    if name is None or not server.scenario.version.reads_images:
        return name, tag or "latest"
    if hit := DIGEST.fullmatch(name):
        return f"{hit[1].rpartition(':')[0] if ':' in hit[1].rpartition('/')[2] else hit[1]}@sha256", hit[2]
    head, slash, last = name.rpartition("/")
    bare, _, inner = last.partition(":")
    return head + slash + bare, tag or inner or "latest"


def built(server: Server, sent: dict[str, Any], spot: Spot, uuid: str) -> App:
    """The new application, which does not run yet."""
    version = server.scenario.version
    name, tag = image(server, sent)
    autogenerated = version.autogenerates and true(sent.get("autogenerate_domain", True))
    recorded_at = body_of("app_get_sensitive")["destination"]
    at = {**recorded_at, **{key: value for key, value in spot.destination.items() if key in recorded_at}}
    at["server"] = {**recorded_at["server"], "uuid": spot.destination["server_uuid"]}
    fields = {
        key: value
        for key, value in sent.items()
        if key not in OWN | {"name", "domains", "force_domain_override"}
    } | {
        "docker_registry_image_name": name,
        "docker_registry_image_tag": tag,
        "environment_id": spot.environment["id"],
        "destination": at,
        "status": "exited:unhealthy",
    }
    return App(
        recorded("dockerimage_ok", 45),
        name=sent.get("name") or f"docker-image-{uuid}",
        fqdn=",".join(addresses(sent)) or (f"http://{uuid}.localhost.sslip.io" if autogenerated else ""),
        kind="image",
        fields=fields,
        statuses=((0, "running:unknown"),),
    )
