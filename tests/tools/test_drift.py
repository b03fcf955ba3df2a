"""The drift report lists what Coolify's OpenAPI document no longer contains, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools import drift

NEWEST = Path(__file__).parents[1] / "contracts" / "openapi" / "coolify-v4.4-rc.1.json"


def content(names: tuple[str, ...]) -> dict[str, Any]:
    """A body with these fields. A dotted name is a field of the objects in a list."""
    fields: dict[str, Any] = {}
    for name in names:
        outer, _, inner = name.partition(".")
        item = fields.setdefault(
            outer, {"type": "array", "items": {"properties": {}}} if inner else {"type": "string"}
        )
        if inner:
            item["items"]["properties"][inner] = {"type": "string"}
    return {"content": {"application/json": {"schema": {"properties": fields}}}}


def document() -> dict[str, Any]:
    """A small document with everything that we use, and a path that we do not."""
    paths: dict[str, Any] = {"/unknown": {"get": {}}}
    for use in drift.USES:
        method, path = use.request.split()
        parameters = [{"name": name} for name in use.parameters]
        operation = {
            "parameters": parameters,
            "requestBody": content(use.sends),
            "responses": {"200": content(use.reads)},
        }
        paths.setdefault(path, {})[method.lower()] = operation
    schemas: dict[str, Any] = {
        name: {"properties": {field: {} for field in fields.split()}}
        for name, fields in drift.SCHEMAS.items()
    }
    return {"paths": paths, "components": {"schemas": schemas}}


def test_complete_document_has_no_drift() -> None:
    assert drift.drift(document()) == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param(("paths", "/version"), "`GET /version` is gone", id="path"),
        pytest.param(("paths", "/deploy", "post"), "`POST /deploy` is gone", id="method"),
        pytest.param(
            ("paths", "/deploy", "post", "parameters", 4),
            "`POST /deploy` has no parameter `docker_tag`",
            id="parameter",
        ),
        pytest.param(
            ("paths", "/deploy", "post", "responses", "200", "content"),
            "the response to `POST /deploy` has no `deployments.message`",
            id="response",
        ),
        pytest.param(
            ("paths", "/applications/{uuid}/envs/bulk", "patch", "requestBody"),
            "the body of `PATCH /applications/{uuid}/envs/bulk` has no `data.key`",
            id="body",
        ),
        pytest.param(
            ("components", "schemas", "Application", "properties", "status"),
            "`Application.status` is gone from the schemas",
            id="field",
        ),
    ],
)
def test_missing_part_is_reported(keys: tuple[Any, ...], message: str) -> None:
    changed = document()
    parent: Any = changed
    for key in keys[:-1]:
        parent = parent[key]
    del parent[keys[-1]]
    assert message in drift.drift(changed)


def test_report_is_printed_and_sets_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document()), "utf-8")
    assert drift.main([str(file)]) == 0
    assert capsys.readouterr().out == ""
    file.write_text("{}", "utf-8")
    assert drift.main([str(file)]) == 1
    assert "- `GET /version` is gone\n" in capsys.readouterr().out


def test_newest_recorded_document_has_no_drift() -> None:
    assert drift.drift(json.loads(NEWEST.read_text("utf-8"))) == []
