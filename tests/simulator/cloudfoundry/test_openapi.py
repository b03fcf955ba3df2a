"""The routes, parameters and answers of the simulated Cloud Foundry are those of the server's own OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.simulator.cloudfoundry.routes import ROUTES, Route
from tests.simulator.cloudfoundry.client import (
    CURRENT,
    NULL,
    Client,
    described,
    misfits,
    resolved,
    unfit,
    visiting,
)

PAGED = {"page", "per_page", "order_by"}
NOT_DESCRIBED = {"sidecars": PAGED, "revisions_deployed": PAGED, "all_processes": {"embed"}}
"""Parameters that a route has and the document does not name: every list has pages, and processes can embed (cloudfoundry-api 3 and 1)."""


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.place == "api"], ids=lambda route: route.name
)
def test_a_route_stands_in_the_document_with_its_parameters_and_fields(route: Route) -> None:
    path = route.path.pattern.replace(r"([^/]+)", "x").replace("/?", "/")
    operation = described(route.method, path)
    assert operation, path
    named = {resolved(each)["name"] for each in operation["parameters"]}
    plain = {key.partition("[")[0] for key in route.query or {}}
    assert plain - named - NOT_DESCRIBED.get(route.name, set()) == set()
    for field in route.body:
        schema: Any = resolved(operation["requestBody"])["content"]["application/json"]["schema"]
        assert has(schema, field.split(".")), field


def has(schema: Any, way: list[str]) -> bool:
    """Whether a schema knows a field; one that says nothing of its fields knows all."""
    schema = resolved(schema)
    parts = [*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    fields = schema.get("properties")
    if not way or (fields is None and not parts):
        return True
    return (fields is not None and way[0] in fields and has(fields[way[0]], way[1:])) or any(
        has(part, way) for part in parts
    )


def tour(client: Client) -> None:
    """Everything that a client of ours asks, in some order, and some refusals."""
    client.get("/v3/info")
    client.get("/v3/organizations", names="my-organization")
    client.get("/v3/spaces", names="my-space")
    client.get("/v3/apps", names="web")
    for path in ("", "/routes", "/droplets", "/droplets/current"):
        client.ask("GET", client.app + path)
    client.get("/v3/roles", types="space_developer")
    client.get("/v3/feature_flags/diego_docker")
    for action in ("start", "restart", "stop"):
        client.ask("POST", f"{client.app}/actions/{action}")
        client.stage.skip(5)
        client.states()
    client.ask("POST", f"{client.app}/actions/start")
    package = client.ask(
        "POST", "/v3/packages", {"type": "docker", **client.of_app(), "data": {"image": "a/b:1"}}
    ).body.get("guid", "none")
    build = client.ask("POST", "/v3/builds", {"package": {"guid": package}}).body.get("guid", "none")
    client.stage.skip(15)
    client.get("/v3/builds", package_guids=package)
    client.get("/v3/packages", app_guids=client.stage.guids[0])
    client.ask("GET", f"/v3/packages/{package}")
    client.ask("GET", f"/v3/packages/{package}/droplets")
    droplet = (client.ask("GET", f"/v3/builds/{build}").body.get("droplet") or {}).get("guid", "none")
    client.ask("GET", f"/v3/droplets/{droplet}")
    client.ask("PATCH", client.app + CURRENT, {"data": {"guid": droplet}})
    deployment = client.deployed(droplet)
    client.get("/v3/deployments", app_guids=client.stage.guids[0])
    for _ in range(4):
        client.stage.skip(20)
        client.states()
        if deployment.status == 201:
            client.get(f"/v3/deployments/{deployment.body['guid']}")
            client.ask("POST", f"/v3/deployments/{deployment.body['guid']}/actions/cancel")
    client.get("/v3/audit_events", types="audit.app.process.crash")
    client.ask("GET", "/v3/apps/nobodys")


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
def test_every_answer_fits_the_document(scenario: str) -> None:
    with visiting(scenario) as client:
        tour(client)
        wrong = [
            f"{method} {path}: {said}"
            for method, path, reply in client.said
            for said in unfit(method, path, reply)
        ]
    assert [each for each in wrong if not NULL.search(each)] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"state": "RUNNING"}, ".state: 'RUNNING' is none of", id="enum"),
        pytest.param({"name": 7}, ".name: 7 is no string", id="kind"),
        pytest.param({"relationships": []}, ".relationships: [] is no object", id="deeper"),
    ],
)
def test_what_does_not_fit_the_document_is_seen(change: dict[str, Any], said: str) -> None:
    with visiting("success") as client:
        body = client.get(client.app)
    schema = {"$ref": "#/components/schemas/App"}
    assert list(misfits(body, schema)) == []
    assert any(said in each for each in misfits(body | change, schema))
