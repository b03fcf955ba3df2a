"""List what Deployer uses of Coolify's API that is missing from Coolify's current OpenAPI document.

`python tools/drift.py [FILE]`. Needs only Python. The document describes less than the server does:
`finished_at`, the response for a tag, and skipped deployments were never in it.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

URL = "https://raw.githubusercontent.com/coollabsio/coolify/v4.x/openapi.json"
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Use:
    """A request that Deployer sends."""

    request: str
    """The method, and the path as the document spells it."""
    parameters: tuple[str, ...] = ()
    """In the path or the query."""
    sends: tuple[str, ...] = ()
    """Fields of the request's body; `a.b` is in a list or an object."""
    reads: tuple[str, ...] = ()
    """Fields of the response that the document names."""


USES = (
    Use("GET /version"),
    Use(
        "POST /deploy",
        ("uuid", "tag", "force", "pr", "docker_tag"),
        reads=("deployments.message", "deployments.resource_uuid", "deployments.deployment_uuid"),
    ),
    Use("GET /deployments"),
    Use("GET /deployments/{uuid}", ("uuid",)),
    Use("GET /deployments/applications/{uuid}", ("uuid", "take")),
    Use("POST /deployments/{uuid}/cancel", ("uuid",)),
    Use("GET /applications", ("tag",)),
    Use("GET /applications/{uuid}", ("uuid",)),
    Use(
        "PATCH /applications/{uuid}",
        ("uuid",),
        (
            "docker_registry_image_name",
            "docker_registry_image_tag",
            "git_commit_sha",
            "domains",
            "health_check_enabled",
        ),
    ),
    Use("POST /applications/{uuid}/start", ("uuid", "force"), reads=("message", "deployment_uuid")),
    Use("POST /applications/{uuid}/restart", ("uuid",), reads=("message", "deployment_uuid")),
    Use("POST /applications/{uuid}/stop", ("uuid",)),
    Use("POST /applications/{uuid}/rollback", ("uuid",)),
    Use("GET /applications/{uuid}/rollback-images", ("uuid",)),
    Use("DELETE /applications/{uuid}/previews/{pull_request_id}", ("uuid", "pull_request_id")),
    Use("GET /applications/{uuid}/envs", ("uuid",)),
    Use("PATCH /applications/{uuid}/envs/bulk", ("uuid",), ("data.key", "data.value")),
    Use(
        "POST /applications/dockerimage",
        sends=(
            "project_uuid",
            "environment_name",
            "server_uuid",
            "docker_registry_image_name",
            "ports_exposes",
            "domains",
            "name",
        ),
    ),
    Use("GET /services"),
    Use("GET /services/{uuid}", ("uuid",)),
    Use("POST /services/{uuid}/start", ("uuid",)),
    Use("POST /services/{uuid}/restart", ("uuid", "latest")),
    Use("POST /services/{uuid}/stop", ("uuid",)),
    Use("GET /databases/{uuid}", ("uuid",)),
    Use("POST /databases/{uuid}/start", ("uuid",)),
    Use("POST /databases/{uuid}/restart", ("uuid",)),
    Use("POST /databases/{uuid}/stop", ("uuid",)),
    Use("GET /projects"),
    Use("GET /projects/{uuid}", ("uuid",)),
    Use("GET /servers"),
    Use("GET /servers/{server_uuid}/destinations", ("server_uuid",)),
)

SCHEMAS = {
    "ApplicationDeploymentQueue": (
        "id application_id deployment_uuid pull_request_id force_rebuild commit status is_webhook is_api "
        "created_at logs restart_only server_id server_name deployment_url rollback"
    ),
    "Application": (
        "uuid name fqdn build_pack git_repository git_commit_sha docker_registry_image_name "
        "docker_registry_image_tag status preview_url_template health_check_enabled "
        "custom_healthcheck_found post_deployment_command settings"
    ),
}


def drift(document: dict[str, Any]) -> list[str]:
    """What Deployer uses and the document lacks, one sentence each; none repeats text of the document."""
    return [line for use in USES for line in _drift_of(use, document)] + [
        f"`{name}.{field}` is gone from the schemas"
        for name, fields in SCHEMAS.items()
        for field in fields.split()
        if field not in document.get("components", {}).get("schemas", {}).get(name, {}).get("properties", {})
    ]


def _drift_of(use: Use, document: dict[str, Any]) -> Iterator[str]:
    method, path = use.request.split()
    operation = document.get("paths", {}).get(path, {}).get(method.lower())
    if operation is None:
        yield f"`{use.request}` is gone"
        return
    named = {each.get("name") for each in operation.get("parameters", ())}
    yield from (f"`{use.request}` has no parameter `{name}`" for name in use.parameters if name not in named)
    body = set(_fields(operation.get("requestBody", {})))
    yield from (f"the body of `{use.request}` has no `{name}`" for name in use.sends if name not in body)
    fields = {name for response in operation.get("responses", {}).values() for name in _fields(response)}
    yield from (
        f"the response to `{use.request}` has no `{name}`" for name in use.reads if name not in fields
    )


def _fields(holder: dict[str, Any]) -> Iterator[str]:
    for media in holder.get("content", {}).values():
        yield from _inside(media.get("schema", {}), "")


def _inside(schema: dict[str, Any], before: str) -> Iterator[str]:
    """Every field of a schema with its path; an item of a list has the path of the list."""
    for part in (schema, *schema.get("allOf", ()), *schema.get("oneOf", ())):
        for name, inner in part.get("properties", {}).items():
            yield before + name
            yield from _inside(inner, f"{before}{name}.")
        if "items" in part:
            yield from _inside(part["items"], before)


def main(argv: list[str]) -> int:
    if argv:
        text = Path(argv[0]).read_bytes()
    else:
        with urllib.request.urlopen(URL, timeout=TIMEOUT_SECONDS) as response:
            text = response.read()
    lines = drift(json.loads(text))
    print(*(f"- {line}" for line in lines), sep="\n", end="\n" if lines else "")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
