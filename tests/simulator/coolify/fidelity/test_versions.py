"""Where two versions of Coolify differ (coolify-api), the simulated ones do as well."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deployer.simulator import VERSIONS
from deployer.simulator.__main__ import main
from tests.simulator.coolify.scenarios import SCENARIOS, simulating
from tests.simulator.coolify.situations import (
    APPS,
    BODIES,
    DEPLOY_AND_CANCEL,
    DEPLOY_PREVIEW,
    DEPLOY_WEB,
    EXITED,
    FULL_QUEUE,
    HOUR,
    MAINTENANCE,
    RUNNING,
    SHOWN_ONCE,
    STRANGERS,
    WEB,
    Visit,
    blocked,
    parse_body,
    with_script,
    with_variables,
)


def first(version: str, **overrides: Any) -> dict[str, Any]:
    """The record of a deployment that has just been started."""
    visit = Visit(version, **overrides)
    visit.send(*DEPLOY_WEB)
    return visit.row()


def ended_row(version: str, script: str) -> dict[str, Any]:
    """The record of a deployment that ended long ago."""
    visit = Visit(version, **with_script(script))
    visit.send(*DEPLOY_WEB)
    return visit.wait(HOUR).row()


def last_lines(version: str, script: str) -> list[str]:
    """The last visible lines without the final one, each without its reason."""
    entries = json.loads(ended_row(version, script)["logs"])
    return [entry["output"].partition(": ")[0] for entry in entries if not entry["hidden"]][-4:-1]


def triggered(version: str, step: str, **overrides: Any) -> tuple[int, int]:
    """The status of the response, and the number of deployments."""
    visit = Visit(version, **overrides)
    status = visit.send(step).status
    return status, len(visit.server.rows)


def twice(version: str, step: str) -> int:
    """The number of deployments after a second trigger."""
    visit = Visit(version)
    visit.send(*DEPLOY_WEB)
    visit.send(step)
    return len(visit.server.rows)


def pull_request(version: str) -> int:
    """The pull request that is deployed for an application with a preview of number 9."""
    visit = Visit(version, apps=tuple(replace(app, previews=(9,)) for app in APPS.values()))
    visit.send("POST /deploy?uuid={web}&pr=9")
    return visit.server.rows[0].options.pr


def after_a_cancelled_one(version: str) -> str:
    """The status of a deployment an hour after the one before it was cancelled through the API."""
    visit = Visit(version)
    visit.send(*DEPLOY_WEB)
    cancelled = visit.uuids["last"]
    visit.send("POST /deploy?uuid={web}&force=true")
    waiting = visit.uuids["last"]
    visit.send(f"POST /deployments/{cancelled}/cancel")
    return str(visit.wait(HOUR).read(f"GET /deployments/{waiting}")["status"])


def restarted_with_latest(version: str) -> set[str]:
    """Every status of a service during a restart with newer images."""
    visit = Visit(version, **RUNNING)
    visit.send("POST /services/{stack}/restart?latest=true")
    return {visit.wait(1).read("GET /services/{stack}")["status"] for _ in range(90)}


def pulled(version: str) -> bool:
    """Whether a restart with newer images pulled them."""
    visit = Visit(version)
    visit.send("POST /services/{stack}/restart?latest=true")
    return visit.server.acts[-1].name == "latest"


def shows_logs(version: str) -> bool:
    """Whether an application's list contains logs for a token that may only read."""
    visit = Visit(version)
    visit.send(*DEPLOY_WEB)
    return (
        "logs" in visit.with_abilities("read").read("GET /deployments/applications/{web}")["deployments"][0]
    )


def change_response(version: str, step: str, body: str, **overrides: Any) -> tuple[int, Any]:
    """The status and the body of the response to a change."""
    response = Visit(version, **overrides).send(step, body)
    return response.status, parse_body(response)


def changed_address(version: str) -> str | None:
    """The application's address after another field was changed."""
    visit = Visit(version)
    visit.send(PATCH, '{"name": "x"}')
    fqdn: str | None = visit.read("GET /applications/{web}")["fqdn"]
    return fqdn


def without_port() -> str:
    return json.dumps(
        {key: value for key, value in json.loads(BODIES["create"]).items() if key != "ports_exposes"}
    )


def new_variable(version: str, body: str, *keys: str) -> list[Any]:
    """The columns of a new variable of an application."""
    visit = Visit(version)
    visit.send(BULK, body)
    listed = visit.read("GET /applications/{web}/envs")
    return [listed[0].get(key) for key in keys]


def can_change(version: str, field: str) -> bool:
    """Whether a field can be changed."""
    return "errors" not in change_response(version, PATCH, json.dumps({field: None}))[1]


def pinned_commit(version: str) -> tuple[str, str]:
    """The first character of the commit of a pinned application, at first and at the end."""
    visit = Visit(version)
    visit.send(PATCH, json.dumps({"git_commit_sha": "a" * 40}))
    visit.send(*DEPLOY_WEB)
    return visit.row()["commit"][0], visit.wait(HOUR).row()["commit"][0]


def named_image(version: str, name: str) -> str:
    """The image of an application that was created with this image name."""
    visit = Visit(version)
    body = json.loads(BODIES["create"]) | {"docker_registry_image_name": name}
    app = visit.server.apps[visit.read(CREATE, json.dumps(body))["uuid"]]
    return ":".join(app.fields[f"docker_registry_image_{part}"] for part in ("name", "tag"))


def is_unknown(version: str, step: str) -> bool:
    return "docs" in Visit(version).read(step)


def rejection(version: str, step: str, *abilities: str, **overrides: Any) -> str:
    """The message of the error, or ""."""
    response = Visit(version, **overrides).with_abilities(*abilities).send(step)
    return str(parse_body(response)["message"]) if response.status in {401, 403} else ""


DOWN_FIRST, STAYS_UP = (
    {"running:healthy", "exited", "starting:unhealthy"},
    {"running:healthy", "starting:unhealthy"},
)
COMMAND_FAILED, CONTAINER_REMOVED = (
    "Oops something is not okay, are you okay? 😢",
    "Deployment failed. Removing the new version of your application.",
)
MEMBER_TOKEN, LEFT_TEAM = blocked("member_deploy_version"), blocked("left_team_401")
START, DELETE = "POST /applications/{web}/start", "DELETE /applications/{web}/previews/7"
PATCH, BULK, CREATE = (
    "PATCH /applications/{web}",
    "PATCH /applications/{web}/envs/bulk",
    "POST /applications/dockerimage",
)
NEW = (
    '{"data": [{"key": "NEW", "value": "x", "is_build_time": true, "is_buildtime": false, "is_multiline": '
    "true}]}"
)
SHOWN_ONCE_BODY = '{"data": [{"key": "ML", "value": "n", "is_multiline": true, "is_shown_once": true}]}'
DIGEST = "ghcr.io/acme/shop@sha256:" + "a" * 64
DIFFERENCES: tuple[tuple[str, Callable[[str], object], str, object, str, object], ...] = (
    # id; what is observed; the last old version and its value; the first new version and its value
    (
        "deployments of one application",
        lambda version: is_unknown(version, "GET /deployments/applications/{web}"),
        "400",
        True,
        "407",
        False,
    ),
    ("health", lambda version: is_unknown(version, "GET /health"), "407", True, "418", False),
    ("cancel", lambda version: is_unknown(version, "POST /deployments/x/cancel"), "434", True, "453", False),
    ("previews can be deleted", lambda version: is_unknown(version, DELETE), "463", True, "474", False),
    ("finished_at", lambda version: "finished_at" in first(version), "380", False, "400", True),
    (
        "finished_at in ISO",
        lambda version: ended_row(version, "nixpacks_ok")["finished_at"][10],
        "460",
        " ",
        "461",
        "T",
    ),
    (
        "request body",
        lambda version: Visit(version).send("POST /deploy", '{"uuid": "x"}').status,
        "407",
        400,
        "418",
        404,
    ),
    ("same commit is skipped", lambda version: twice(version, *DEPLOY_WEB), "407", 2, "418", 1),
    ("pr", pull_request, "407", 0, "418", 9),
    (
        "missing preview",
        lambda version: triggered(version, "POST /deploy?uuid={web}&pr=7"),
        "407",
        (200, 1),
        "418",
        (404, 1),
    ),
    (
        "message about a missing preview",
        lambda version: triggered(version, "POST /deploy?uuid={web}&pr=7"),
        "426",
        (404, 1),
        "434",
        (200, 0),
    ),
    (
        "docker_tag creates a preview",
        lambda version: triggered(version, *DEPLOY_PREVIEW),
        "463",
        (200, 0),
        "474",
        (200, 1),
    ),
    (
        "deploy with a write token",
        lambda version: rejection(version, *DEPLOY_WEB, "write"),
        "418",
        "",
        "420",
        "Missing required permissions: deploy",
    ),
    (
        "start with a deploy token",
        lambda version: rejection(version, START, "deploy"),
        "463",
        "Missing required permissions: write",
        "474",
        "",
    ),
    (
        "token of a member",
        lambda version: rejection(version, "GET /version", "read", **MEMBER_TOKEN)[:16],
        "4.1.2",
        "",
        "4.2.0",
        "This API token h",
    ),
    (
        "message about a role",
        lambda version: rejection(version, "GET /version", "read", **MEMBER_TOKEN)[:16],
        "4.2.0",
        "This API token h",
        "4.3.6",
        "Missing required",
    ),
    (
        "token of a former member",
        lambda version: rejection(version, "GET /version", "read", **LEFT_TEAM),
        "4.0.0",
        "",
        "4.1.2",
        "Invalid token.",
    ),
    (
        "starting",
        lambda version: "starting:unhealthy" in restarted_with_latest(version),
        "418",
        False,
        "420",
        True,
    ),
    ("newer images", pulled, "418", False, "420", True),
    ("latest stops first", restarted_with_latest, "4.0.0", DOWN_FIRST, "4.1.2", STAYS_UP),
    (
        "status without health",
        lambda version: Visit(version, **EXITED).read("GET /services/{stack}")["status"],
        "434",
        "exited:unhealthy",
        "453",
        "exited",
    ),
    (
        "status without health check",
        lambda version: Visit(version).read("GET /applications/{web}")["status"],
        "434",
        "running:unhealthy",
        "453",
        "running:unknown",
    ),
    (
        "Oops",
        lambda version: last_lines(version, "nixpacks_buildfail")[0],
        "434",
        COMMAND_FAILED,
        "453",
        "Deployment failed",
    ),
    (
        "failed post-deployment command",
        lambda version: ended_row(version, "post_command_failed")["status"],
        "453",
        "failed",
        "454",
        "finished",
    ),
    (
        "no container for the command",
        lambda version: ended_row(version, "post_command_fails")["status"],
        "453",
        "failed",
        "454",
        "finished",
    ),
    (
        "in progress immediately",
        lambda version: first(version)["status"],
        "453",
        "queued",
        "454",
        "in_progress",
    ),
    (
        "full queue",
        lambda version: triggered(version, *DEPLOY_WEB, **FULL_QUEUE),
        "453",
        (200, 1),
        "454",
        (429, 0),
    ),
    (
        "applications by tag",
        lambda version: len(Visit(version).read("GET /applications?tag=solo")),
        "460",
        4,
        "461",
        1,
    ),
    ("is_api", lambda version: first(version)["is_api"], "461", False, "463", True),
    ("application in a record", lambda version: "application" in first(version), "463", False, "474", True),
    (
        "other teams",
        lambda version: Visit(version, **STRANGERS).send("GET /deployments/{last}").status,
        "463",
        200,
        "474",
        404,
    ),
    (
        "cancel fails to respond",
        lambda version: Visit(version).send_all(*DEPLOY_AND_CANCEL).status,
        "4.0.0",
        200,
        "4.1.2",
        500,
    ),
    (
        "cancel responds",
        lambda version: Visit(version).send_all(*DEPLOY_AND_CANCEL).status,
        "4.3.6",
        500,
        "4.3.10",
        200,
    ),
    ("cancel starts the next deployment", after_a_cancelled_one, "4.3.6", "queued", "4.3.10", "finished"),
    (
        "actions by GET",
        lambda version: triggered(version, "GET /deploy?uuid={web}"),
        "4.1.2",
        (200, 1),
        "4.2.0",
        (405, 0),
    ),
    (
        "force=false",
        lambda version: twice(version, "POST /deploy?uuid={web}&force=false"),
        "4.1.2",
        2,
        "4.2.0",
        1,
    ),
    ("start with force=false", lambda version: twice(version, f"{START}?force=false"), "434", 2, "453", 1),
    (
        "rollback",
        lambda version: is_unknown(version, "POST /applications/{web}/rollback"),
        "4.2.0",
        True,
        "4.3.6",
        False,
    ),
    (
        "variables of a database",
        lambda version: is_unknown(version, "GET /databases/{pg}/envs"),
        "463",
        True,
        "474",
        False,
    ),
    (
        "bulk variables",
        lambda version: type(change_response(version, BULK, NEW)[1]),
        "380",
        dict,
        "400",
        list,
    ),
    ("domain after another change", changed_address, "380", None, "400", WEB.fqdn),
    (
        "build-time variables",
        lambda version: new_variable(version, NEW, "is_build_time", "is_buildtime"),
        "426",
        [True, None],
        "434",
        [None, True],
    ),
    (
        "flags of variables",
        lambda version: new_variable(version, NEW, "is_buildtime", "is_multiline"),
        "434",
        [True, False],
        "453",
        [False, True],
    ),
    (
        "key of a variable",
        lambda version: change_response(version, BULK, '{"data": [{"key": "a-b"}]}')[0],
        "4.1.2",
        201,
        "4.2.0",
        422,
    ),
    (
        "shown once",
        lambda version: change_response(version, BULK, SHOWN_ONCE_BODY, **with_variables(SHOWN_ONCE))[1][
            0
        ].get("value"),
        "4.1.2",
        "n",
        "4.2.0",
        None,
    ),
    (
        "tag of an image",
        lambda version: change_response(version, PATCH, '{"docker_registry_image_tag": "a b"}')[0],
        "4.0.0",
        200,
        "4.1.2",
        422,
    ),
    (
        "creation without a port",
        lambda version: change_response(version, CREATE, without_port())[0],
        "4.0.0",
        422,
        "4.1.2",
        201,
    ),
    (
        "basic auth",
        lambda version: can_change(version, "http_basic_auth_username"),
        "418",
        False,
        "420",
        True,
    ),
    (
        "forced domains",
        lambda version: can_change(version, "force_domain_override"),
        "420",
        False,
        "426",
        True,
    ),
    ("is_spa", lambda version: can_change(version, "is_spa"), "461", False, "463", True),
    (
        "docker_compose_raw",
        lambda version: can_change(version, "docker_compose_raw"),
        "461",
        True,
        "463",
        False,
    ),
    (
        "health_check_type",
        lambda version: can_change(version, "health_check_type"),
        "463",
        False,
        "474",
        True,
    ),
    (
        "is_preserve_repository_enabled",
        lambda version: can_change(version, "is_preserve_repository_enabled"),
        "474",
        False,
        "4.0.0",
        True,
    ),
    (
        "stop_grace_period",
        lambda version: can_change(version, "stop_grace_period"),
        "4.1.2",
        False,
        "4.2.0",
        True,
    ),
    (
        "max_restart_count",
        lambda version: can_change(version, "max_restart_count"),
        "4.2.0",
        False,
        "4.3.6",
        True,
    ),
    ("pinned commit in a record", pinned_commit, "4.0.0", ("H", "1"), "4.1.2", ("a", "1")),
    ("pinned commit", pinned_commit, "4.1.2", ("a", "1"), "4.2.0", ("a", "a")),
    (
        "digest in the name",
        lambda version: named_image(version, DIGEST),
        "434",
        f"{DIGEST}:latest",
        "453",
        DIGEST,
    ),
    (
        "new domain",
        lambda version: bool(change_response(version, CREATE, BODIES["create"])[1]["domains"]),
        "461",
        False,
        "463",
        True,
    ),
    ("logs for all readers", shows_logs, "4.1.2", True, "4.2.0", False),
)


@pytest.mark.parametrize(
    ("observe", "last_old", "old_value", "first_new", "new_value"),
    [pytest.param(*row[1:], id=row[0]) for row in DIFFERENCES],
)
def test_two_versions_differ_as_documented(
    observe: Callable[[str], object], last_old: str, old_value: object, first_new: str, new_value: object
) -> None:
    older, newer = (f"4.0.0-beta.{name}" if name.isdecimal() else name for name in (last_old, first_new))
    assert list(VERSIONS).index(older) + 1 == list(VERSIONS).index(newer)
    assert (observe(older), observe(newer)) == (old_value, new_value)


def test_stalled_queue_resumes_when_any_other_deployment_ends() -> None:
    visit = Visit("4.3.6")
    visit.send(*DEPLOY_WEB)
    cancelled = visit.uuids["last"]
    visit.send("POST /deploy?uuid={web}&force=true")
    stalled = visit.uuids["last"]
    visit.send(f"POST /deployments/{cancelled}/cancel")
    visit.wait(HOUR).send("POST /deploy?uuid={web}&force=true")
    assert (visit.row()["status"], visit.read(f"GET /deployments/{stalled}")["status"]) == (
        "in_progress",
        "queued",
    )
    assert visit.wait(50).read(f"GET /deployments/{stalled}")["status"] == "in_progress"
    assert visit.wait(50).read(f"GET /deployments/{stalled}")["status"] == "finished"


@pytest.mark.parametrize("version", ["4.3.6", "4.3.10"])
def test_deployment_after_a_cancelled_queued_one_waits_for_the_running_one(
    version: str,
) -> None:
    visit = Visit(version)
    uuids = []
    for _ in range(3):
        visit.send("POST /deploy?uuid={web}&force=true")
        uuids.append(visit.uuids["last"])
    visit.send(f"POST /deployments/{uuids[1]}/cancel")

    def statuses() -> list[str]:
        return [visit.read(f"GET /deployments/{uuid}")["status"] for uuid in uuids]

    assert statuses() == ["in_progress", "cancelled-by-user", "queued"]
    visit.wait(50)
    assert statuses() == ["finished", "cancelled-by-user", "in_progress"]


def test_deployment_of_a_missing_preview_never_runs() -> None:
    visit = Visit("4.0.0-beta.426")
    visit.send("POST /deploy?uuid={web}&pr=7")
    [row] = visit.wait(HOUR).read("GET /deployments/applications/{web}")["deployments"]
    assert (row["status"], row["pull_request_id"]) == ("queued", 7)


def test_deployment_that_turns_to_failed_is_finished_first() -> None:
    visit = Visit("4.0.0-beta.434", **with_script("post_command_failed"))
    visit.send(*DEPLOY_WEB)
    statuses = [visit.wait(0.6).row()["status"] for _ in range(100)]
    assert list(dict.fromkeys(statuses)) == ["queued", "in_progress", "finished", "failed"]
    assert last_lines("4.0.0-beta.434", "post_command_failed") == [
        COMMAND_FAILED,
        "Post-deployment command",
        CONTAINER_REMOVED,
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_names_itself_and_deploys(version: str) -> None:
    visit = Visit(version)
    assert visit.read("GET /version") == version
    visit.send(*DEPLOY_WEB)
    assert visit.wait(HOUR).row()["status"] == "finished"


@pytest.mark.parametrize("accept", ["*/*", "text/html, application/json", ""])
def test_request_without_accept_json_gets_a_page(accept: str) -> None:
    visit = Visit("4.3.10", **MAINTENANCE)
    page = visit.send("GET /version", accept=accept)
    assert (page.status, dict(page.headers)["retry-after"]) == (503, "60")
    assert parse_body(page).startswith("<!DOCTYPE html>")
    redirect = Visit("4.3.10").send(
        "GET /deployments/applications/{web}?take=0", accept=accept, host="coolify.example.com"
    )
    assert (redirect.status, dict(redirect.headers)["Location"]) == (302, "http://coolify.example.com")


def test_scenario_runs_on_another_version_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with simulating("success", version="4.0.0-beta.434") as session:
        assert session.scenario == replace(SCENARIOS["success"], version=VERSIONS["4.0.0-beta.434"])
    with (
        pytest.raises(ValueError, match=r"unknown version '4\.2'. Did you mean '4\.2\.0'\?"),
        simulating("success", version="4.2"),
    ):
        pass
    with pytest.raises(SystemExit):
        main(["--version-of-coolify", "4.2"])
    assert "Did you mean '4.2.0'?" in capsys.readouterr().err
    assert SCENARIOS["old"].version is VERSIONS["4.0.0-beta.380"]
