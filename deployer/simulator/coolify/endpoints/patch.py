"""PATCH /applications/{uuid}: what it rejects, and what it changes (coolify-api 5.7)."""

import base64
import binascii
import re
from dataclasses import replace
from typing import Any

from deployer.simulator.coolify.endpoints.fields import BOOLEANS, TEXTS
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
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
NAME = re.compile(rf"(?:[a-z0-9][a-z0-9.-]*(?::\d+)?/)?{PART}(?:/{PART})*(?:@sha256)?")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
COMMIT = re.compile(r"[A-Za-z0-9._/-]+")
SHAPES = {"docker_registry_image_name": NAME, "docker_registry_image_tag": TAG, "git_commit_sha": COMMIT}
PORTS = re.compile(r"\d+(?:,\d+)*")
ENCODED = ("custom_labels", "custom_nginx_configuration")
ADDRESS = re.compile(r"https?://[^\s/]+.*")


def patch(server: Server, request: Request, uuid: str) -> Response:
    """Changes an application. Query parameters count as fields. Deployments still queued see the change.

    Source: coolify-api 17.1 row 30.
    """
    sent = payload(server, request)
    if isinstance(sent, Response):
        return sent
    if uuid not in server.apps:
        return reply("patch_unknown_app")
    if errors := misfits(server, [*request.query], sent) or unusable(sent):
        return invalid(errors)
    if refusal := conflict(server, uuid, sent):
        return refusal
    version, app = server.scenario.version, server.apps[uuid]
    fqdn = str(sent.get("domains") or "") if "domains" in sent or version.wipes else app.fqdn
    fields = {
        key: value for key, value in sent.items() if key not in {"name", "domains", "force_domain_override"}
    }
    server.change(
        uuid, replace(app, name=sent.get("name") or app.name, fqdn=fqdn, fields={**app.fields, **fields})
    )
    return filled("patch_ok", uuid=uuid)


def misfits(server: Server, query: list[str], sent: dict[str, Any]) -> Errors:
    """Fields of the wrong type or format, and those that this version does not allow to change."""
    version = server.scenario.version
    errors = mistyped(sent, TEXTS, BOOLEANS)
    for field, shape in SHAPES.items() if version.checks_fields else ():
        if sent.get(field) is not None and field not in errors and not shape.fullmatch(sent[field]):
            errors[field] = objection("patch_commit_bad", field)
    return errors | unwanted([field for field in (*query, *sent) if field not in version.fields])


def unusable(sent: dict[str, Any]) -> Errors | list[str]:
    """Errors that are only checked once all types are right."""
    if "ports_exposes" in sent and not PORTS.fullmatch(sent["ports_exposes"] or ""):
        return {"ports_exposes": objection("patch_ports")}
    for field in ENCODED:
        if sent.get(field) is not None and not encoded(sent[field]):
            return {field: objection("patch_labels_b64", field)}
    [recorded] = body_of("patch_domains_bad")["errors"]
    return [recorded.replace("notaurl", each) for each in addresses(sent) if not ADDRESS.fullmatch(each)]


def encoded(text: str) -> bool:
    """Whether it is valid base64."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def addresses(sent: dict[str, Any]) -> list[str]:
    return [each.strip() for each in str(sent.get("domains") or "").split(",") if each.strip()]


def conflict(server: Server, uuid: str, sent: dict[str, Any]) -> Response | None:
    """The rejection of domains that another application has, since beta.425, unless forced."""
    if "force_domain_override" not in server.scenario.version.fields or sent.get("force_domain_override") in {
        True,
        "1",
    }:
        return None
    [recorded] = body_of("patch_domains_conflict")["conflicts"]
    taken = [
        {**recorded, "domain": address, "resource_name": app.name, "resource_uuid": other}
        | {
            "message": recorded["message"]
            .replace(recorded["domain"], address)
            .replace(f"'{recorded['resource_name']}'", f"'{app.name}'")
        }
        for address in addresses(sent)
        for other, app in server.apps.items()
        if other != uuid and address in app.fqdn.split(",")
    ]
    return filled("patch_domains_conflict", conflicts=taken) if taken else None
