"""Reduce a server's OpenAPI document to what the tests check.

`python -m tools.api_excerpt coolify|cloudfoundry SOURCE < openapi.json > tests/contracts/openapi/NAME.json`

SOURCE says which version of which document it is. An excerpt holds the names and types of the requests
that the simulator knows, in the form of the original, so the same checks read both. The documents
themselves are not copied into the repository: they are large, and most of their text is about requests
that Deployer never sends.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from deployer.simulator.cloudfoundry.routes import ROUTES as CLOUDFOUNDRY_ROUTES
from deployer.simulator.coolify.routes import ACTIONS
from deployer.simulator.coolify.routes import ROUTES as COOLIFY_ROUTES
from tools import drift

SCHEMA_KEYS = ("type", "required", "enum", "allOf", "oneOf", "anyOf", "$ref")
Json = dict[str, Any]


def coolify(method: str, path: str) -> bool:
    """Whether the simulator or `tools/drift.py` knows this request.

    Older versions of Coolify also accept GET for starting and stopping (coolify-api 12).
    """
    if any(use.request == f"{method} {path}" for use in drift.USES):
        return True
    return any(
        route.path.fullmatch(f"/api/v1{path}")
        and (route.method == method or (method == "GET" and route.name in ACTIONS))
        for route in COOLIFY_ROUTES
    )


def cloudfoundry(method: str, path: str) -> bool:
    """Whether the simulated Cloud Controller knows this request."""
    there = re.sub(r"\{[^}]+\}", "x", path)
    return any(
        route.place == "api" and route.method == method and route.path.fullmatch(there)
        for route in CLOUDFOUNDRY_ROUTES
    )


PLATFORMS: dict[str, tuple[Callable[[str, str], bool], tuple[str, ...]]] = {
    "coolify": (coolify, tuple(drift.SCHEMAS)),
    "cloudfoundry": (cloudfoundry, ("App", "Errors")),
}
"""By platform: which requests are kept, and which schemas are also checked."""


def excerpt(document: Json, source: str, known: Callable[[str, str], bool], schemas: tuple[str, ...]) -> Json:
    """The requests that are kept, and every component that they refer to.

    Only successful responses are kept: the documents list few errors.
    """
    paths: Json = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if known(method.upper(), path):
                shared = operations.get("parameters", [])
                paths.setdefault(path, {})[method] = _operation(document, {**operation, "shared": shared})
    kept: Json = {"x-source": source, "paths": paths, "components": {}}
    wanted = {*_references(paths), *(f"#/components/schemas/{name}" for name in schemas)}
    while missing := {reference for reference in wanted if not _holds(kept, reference)}:
        for reference in sorted(missing):
            _, _, kind, name = reference.split("/")
            whole = document["components"][kind].get(name, {})
            kept["components"].setdefault(kind, {})[name] = (
                _schema(whole) if kind == "schemas" else _body(whole)
            )
        wanted |= set(_references(kept["components"]))
    return kept


def _operation(document: Json, operation: Json) -> Json:
    named = [
        _target(document, each)["name"] for each in (*operation.get("parameters", ()), *operation["shared"])
    ]
    kept: Json = {"parameters": [{"name": name} for name in named]}
    if "requestBody" in operation:
        kept["requestBody"] = _body(operation["requestBody"])
    responses = operation["responses"].items()
    return {
        **kept,
        "responses": {status: _body(response) for status, response in responses if status.startswith("2")},
    }


def _body(holder: Json) -> Json:
    """The content of a request or a response, by media type."""
    if "$ref" in holder:
        return {"$ref": holder["$ref"]}
    kinds = holder.get("content", {}).items()
    return (
        {"content": {kind: {"schema": _schema(media.get("schema", {}))} for kind, media in kinds}}
        if kinds
        else {}
    )


def _schema(schema: Json) -> Json:
    kept: Json = {}
    for key in SCHEMA_KEYS:
        if key in schema:
            parts = schema[key]
            kept[key] = [_schema(part) for part in parts] if key in {"allOf", "oneOf", "anyOf"} else parts
    if "properties" in schema:
        kept["properties"] = {name: _schema(inner) for name, inner in schema["properties"].items()}
    if "items" in schema:
        kept["items"] = _schema(schema["items"])
    return kept


def _target(document: Json, value: Json) -> Json:
    while "$ref" in value:
        _, _, kind, name = value["$ref"].split("/")
        value = document["components"][kind][name]
    return value


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)


def _holds(kept: Json, reference: str) -> bool:
    _, _, kind, name = reference.split("/")
    return name in kept["components"].get(kind, {})


def main(argv: list[str]) -> int:
    platform, source = argv
    known, schemas = PLATFORMS[platform]
    print(json.dumps(excerpt(json.load(sys.stdin), source, known, schemas), indent=1, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
