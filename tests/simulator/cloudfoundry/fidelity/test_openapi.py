"""The routes, parameters and responses of the simulated Cloud Foundry match the server's OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.simulator.cloudfoundry.routes import ROUTES, Route
from tests.simulator.cloudfoundry.client import (
    CURRENT,
    NULL_ON_SERVER,
    Client,
    connected_client,
    operation_of,
    resolve,
    response_differences,
    schema_differences,
)

PAGED = {"page", "per_page", "order_by"}
UNDOCUMENTED = {"sidecars": PAGED, "revisions_deployed": PAGED, "all_processes": {"embed"}}
"""Parameters that are not in the document.

Every list has pages, and processes can embed (cloudfoundry-api 3 and 1).
"""


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.place == "api"], ids=lambda route: route.name
)
def test_routes_are_documented_with_parameters_and_fields(route: Route) -> None:
    path = route.path.pattern.replace(r"([^/]+)", "x").replace("/?", "/")
    operation = operation_of(route.method, path)
    assert operation, path
    documented = {resolve(each)["name"] for each in operation["parameters"]}
    parameters = {key.partition("[")[0] for key in route.query or {}}
    assert parameters - documented - UNDOCUMENTED.get(route.name, set()) == set()
    for field in route.body:
        schema: Any = resolve(operation["requestBody"])["content"]["application/json"]["schema"]
        assert has_field(schema, field.split(".")), field


def has_field(schema: Any, field_path: list[str]) -> bool:
    """Whether a schema has a field. A schema without a list of fields has all."""
    schema = resolve(schema)
    parts = [*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    fields = schema.get("properties")
    if not field_path or (fields is None and not parts):
        return True
    return (
        fields is not None and field_path[0] in fields and has_field(fields[field_path[0]], field_path[1:])
    ) or any(has_field(part, field_path) for part in parts)


def send_all_requests(client: Client) -> None:
    """Send every request that our client sends, and some that are rejected."""
    client.get("/v3/info")
    client.get("/v3/organizations", names="my-organization")
    client.get("/v3/spaces", names="my-space")
    client.get("/v3/apps", names="web")
    for path in ("", "/routes", "/droplets", "/droplets/current"):
        client.send("GET", client.app + path)
    client.get("/v3/roles", types="space_developer")
    client.get("/v3/feature_flags/diego_docker")
    for action in ("start", "restart", "stop"):
        client.send("POST", f"{client.app}/actions/{action}")
        client.session.skip(5)
        client.states()
    client.send("POST", f"{client.app}/actions/start")
    package = client.send(
        "POST", "/v3/packages", {"type": "docker", **client.app_relationship(), "data": {"image": "a/b:1"}}
    ).body.get("guid", "none")
    build = client.send("POST", "/v3/builds", {"package": {"guid": package}}).body.get("guid", "none")
    client.session.skip(15)
    client.get("/v3/builds", package_guids=package)
    client.get("/v3/packages", app_guids=client.session.guids[0])
    client.send("GET", f"/v3/packages/{package}")
    client.send("GET", f"/v3/packages/{package}/droplets")
    droplet = (client.send("GET", f"/v3/builds/{build}").body.get("droplet") or {}).get("guid", "none")
    client.send("GET", f"/v3/droplets/{droplet}")
    client.send("PATCH", client.app + CURRENT, {"data": {"guid": droplet}})
    deployment = client.deploy_rolling(droplet)
    client.get("/v3/deployments", app_guids=client.session.guids[0])
    for _ in range(4):
        client.session.skip(20)
        client.states()
        if deployment.status == 201:
            client.get(f"/v3/deployments/{deployment.body['guid']}")
            client.send("POST", f"/v3/deployments/{deployment.body['guid']}/actions/cancel")
    client.get("/v3/audit_events", types="audit.app.process.crash")
    client.send("GET", "/v3/apps/nobodys")


@pytest.mark.parametrize(
    "scenario",
    [
        "success",
        "crash",
        "started",
        "staging-failure",
        "worker",
        "rolling-quota",
        "others",
        "auditor",
        "quota",
    ],
)
def test_responses_match_the_document(scenario: str) -> None:
    with connected_client(scenario) as client:
        send_all_requests(client)
        differences = [
            f"{method} {path}: {difference}"
            for method, path, reply in client.responses
            for difference in response_differences(method, path, reply)
        ]
    assert [each for each in differences if not NULL_ON_SERVER.search(each)] == []


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        pytest.param({"state": "RUNNING"}, ".state: 'RUNNING' is not one of", id="enum"),
        pytest.param({"name": 7}, ".name: 7 is not of type string", id="type"),
        pytest.param({"relationships": []}, ".relationships: [] is not of type object", id="nested"),
    ],
)
def test_mismatch_is_found(change: dict[str, Any], difference: str) -> None:
    with connected_client("success") as client:
        body = client.get(client.app)
    schema = {"$ref": "#/components/schemas/App"}
    assert list(schema_differences(body, schema)) == []
    assert any(difference in each for each in schema_differences(body | change, schema))
