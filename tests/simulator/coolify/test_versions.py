"""Where the contract says that two versions of Coolify part, the simulated ones do."""

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
    AWAY,
    BODIES,
    CANCELLED,
    EXITED,
    FULL_QUEUE,
    HOUR,
    PREVIEW,
    RUNNING,
    SHOWN_ONCE,
    STRANGERS,
    WEB,
    WEB_RUNS,
    Visit,
    barred,
    going,
    read,
    with_variables,
)


def first(version: str, **world: Any) -> dict[str, Any]:
    """The row of a deployment that has just been started."""
    visit = Visit(version, **world)
    visit.ask(*WEB_RUNS)
    return visit.row()


def over(version: str, script: str) -> dict[str, Any]:
    """The row of a deployment that ended long ago."""
    visit = Visit(version, **going(script))
    visit.ask(*WEB_RUNS)
    return visit.wait(HOUR).row()


def last_words(version: str, script: str) -> list[str]:
    """What people read at the end, without what is done away with, and without reasons."""
    entries = json.loads(over(version, script)["logs"])
    return [entry["output"].partition(": ")[0] for entry in entries if not entry["hidden"]][-4:-1]


def triggered(version: str, step: str, **world: Any) -> tuple[int, int]:
    """The status of the answer, and how many deployments there are."""
    visit = Visit(version, **world)
    status = visit.ask(step).status
    return status, len(visit.server.rows)


def twice(version: str, step: str) -> int:
    """How many deployments there are when it was asked for a second one."""
    visit = Visit(version)
    visit.ask(*WEB_RUNS)
    visit.ask(step)
    return len(visit.server.rows)


def pull_request(version: str) -> int:
    """For which pull request the application is deployed that has a preview for number 9."""
    visit = Visit(version, apps=tuple(replace(app, previews=(9,)) for app in APPS.values()))
    visit.ask("POST /deploy?uuid={web}&pr=9")
    return visit.server.rows[0].options.pr


def behind_a_cancelled_one(version: str) -> str:
    """What a deployment does an hour after the one before it was cancelled over the API."""
    visit = Visit(version)
    visit.ask(*WEB_RUNS)
    cancelled = visit.uuids["last"]
    visit.ask("POST /deploy?uuid={web}&force=true")
    waiting = visit.uuids["last"]
    visit.ask(f"POST /deployments/{cancelled}/cancel")
    return str(visit.wait(HOUR).told(f"GET /deployments/{waiting}")["status"])


def restarted_with_latest(version: str) -> set[str]:
    """Every status of a service while it is restarted with newer images."""
    visit = Visit(version, **RUNNING)
    visit.ask("POST /services/{stack}/restart?latest=true")
    return {visit.wait(1).told("GET /services/{stack}")["status"] for _ in range(90)}


def pulled(version: str) -> bool:
    """Whether a restart with newer images was one."""
    visit = Visit(version)
    visit.ask("POST /services/{stack}/restart?latest=true")
    return visit.server.acts[-1].name == "latest"


def shows_logs(version: str) -> bool:
    """Whether an application's list does, to somebody who may only read."""
    visit = Visit(version)
    visit.ask(*WEB_RUNS)
    return "logs" in visit.may("read").told("GET /deployments/applications/{web}")["deployments"][0]


def written(version: str, step: str, body: str, **world: Any) -> tuple[int, Any]:
    """The status and the body of the answer to something that is written."""
    answer = Visit(version, **world).ask(step, body)
    return answer.status, read(answer)


def changed_address(version: str) -> str | None:
    """What is left of the application's address when something else was changed."""
    visit = Visit(version)
    visit.ask(PATCH, '{"name": "x"}')
    fqdn: str | None = visit.told("GET /applications/{web}")["fqdn"]
    return fqdn


def without_port() -> str:
    return json.dumps(
        {key: value for key, value in json.loads(BODIES["create"]).items() if key != "ports_exposes"}
    )


def kept(version: str, body: str, *keys: str) -> list[Any]:
    """What a new variable of an application has in these columns."""
    visit = Visit(version)
    visit.ask(BULK, body)
    listed = visit.told("GET /applications/{web}/envs")
    return [listed[0].get(key) for key in keys]


def changes(version: str, field: str) -> bool:
    """Whether a field may be changed."""
    return "errors" not in written(version, PATCH, json.dumps({field: None}))[1]


def pinned(version: str) -> tuple[str, str]:
    """The first letter of the commit that a pinned application's row has at first, and in the end."""
    visit = Visit(version)
    visit.ask(PATCH, json.dumps({"git_commit_sha": "a" * 40}))
    visit.ask(*WEB_RUNS)
    return visit.row()["commit"][0], visit.wait(HOUR).row()["commit"][0]


def named_image(version: str, name: str) -> str:
    """The image of an application that was made with this name for it."""
    visit = Visit(version)
    body = json.loads(BODIES["create"]) | {"docker_registry_image_name": name}
    app = visit.server.apps[visit.told(CREATE, json.dumps(body))["uuid"]]
    return ":".join(app.fields[f"docker_registry_image_{part}"] for part in ("name", "tag"))


def unknown(version: str, step: str) -> bool:
    return "docs" in Visit(version).told(step)


def refused(version: str, step: str, *abilities: str, **world: Any) -> str:
    """Why, or nothing."""
    answer = Visit(version, **world).may(*abilities).ask(step)
    return str(read(answer)["message"]) if answer.status in {401, 403} else ""


DOWN_FIRST, STAYS_UP = (
    {"running:healthy", "exited", "starting:unhealthy"},
    {"running:healthy", "starting:unhealthy"},
)
OOPS, GONE = (
    "Oops something is not okay, are you okay? 😢",
    "Deployment failed. Removing the new version of your application.",
)
MEMBER, LEFT = barred("member_deploy_version"), barred("left_team_401")
START, DELETE = "POST /applications/{web}/start", "DELETE /applications/{web}/previews/7"
PATCH, BULK, CREATE = (
    "PATCH /applications/{web}",
    "PATCH /applications/{web}/envs/bulk",
    "POST /applications/dockerimage",
)
NEW = '{"data": [{"key": "NEW", "value": "x", "is_build_time": true, "is_buildtime": false, "is_multiline": true}]}'
ONCE = '{"data": [{"key": "ML", "value": "n", "is_multiline": true, "is_shown_once": true}]}'
DIGEST = "ghcr.io/acme/shop@sha256:" + "a" * 64
PARTINGS: tuple[tuple[str, Callable[[str], object], str, object, str, object], ...] = (
    # what is looked at, and how; the last version of the one kind with what it shows; the first version of the other kind, the same
    (
        "a list for one application",
        lambda v: unknown(v, "GET /deployments/applications/{web}"),
        "400",
        True,
        "407",
        False,
    ),
    ("health", lambda v: unknown(v, "GET /health"), "407", True, "418", False),
    ("cancel", lambda v: unknown(v, "POST /deployments/x/cancel"), "434", True, "453", False),
    ("previews can be deleted", lambda v: unknown(v, DELETE), "463", True, "474", False),
    ("finished_at", lambda v: "finished_at" in first(v), "380", False, "400", True),
    ("finished_at in ISO", lambda v: over(v, "nixpacks_ok")["finished_at"][10], "460", " ", "461", "T"),
    (
        "a body is read",
        lambda v: Visit(v).ask("POST /deploy", '{"uuid": "x"}').status,
        "407",
        400,
        "418",
        404,
    ),
    ("the same commit is skipped", lambda v: twice(v, *WEB_RUNS), "407", 2, "418", 1),
    ("pr is known", pull_request, "407", 0, "418", 9),
    (
        "a missing preview is known",
        lambda v: triggered(v, "POST /deploy?uuid={web}&pr=7"),
        "407",
        (200, 1),
        "418",
        (404, 1),
    ),
    (
        "a missing preview is told",
        lambda v: triggered(v, "POST /deploy?uuid={web}&pr=7"),
        "426",
        (404, 1),
        "434",
        (200, 0),
    ),
    ("a tag makes a preview", lambda v: triggered(v, *PREVIEW), "463", (200, 0), "474", (200, 1)),
    (
        "a write token may not deploy",
        lambda v: refused(v, *WEB_RUNS, "write"),
        "418",
        "",
        "420",
        "Missing required permissions: deploy",
    ),
    (
        "a deploy token may start",
        lambda v: refused(v, START, "deploy"),
        "463",
        "Missing required permissions: write",
        "474",
        "",
    ),
    (
        "a member",
        lambda v: refused(v, "GET /version", "read", **MEMBER)[:16],
        "4.1.2",
        "",
        "4.2.0",
        "This API token h",
    ),
    (
        "a role",
        lambda v: refused(v, "GET /version", "read", **MEMBER)[:16],
        "4.2.0",
        "This API token h",
        "4.3.6",
        "Missing required",
    ),
    (
        "who left",
        lambda v: refused(v, "GET /version", "read", **LEFT),
        "4.0.0",
        "",
        "4.1.2",
        "Invalid token.",
    ),
    ("starting", lambda v: "starting:unhealthy" in restarted_with_latest(v), "418", False, "420", True),
    ("newer images", pulled, "418", False, "420", True),
    ("latest stops first", restarted_with_latest, "4.0.0", DOWN_FIRST, "4.1.2", STAYS_UP),
    (
        "a bare word",
        lambda v: Visit(v, **EXITED).told("GET /services/{stack}")["status"],
        "434",
        "exited:unhealthy",
        "453",
        "exited",
    ),
    (
        "no check",
        lambda v: Visit(v).told("GET /applications/{web}")["status"],
        "434",
        "running:unhealthy",
        "453",
        "running:unknown",
    ),
    ("Oops", lambda v: last_words(v, "nixpacks_buildfail")[0], "434", OOPS, "453", "Deployment failed"),
    (
        "a post-deployment command",
        lambda v: over(v, "post_command_failed")["status"],
        "453",
        "failed",
        "454",
        "finished",
    ),
    (
        "no container for it",
        lambda v: over(v, "post_command_fails")["status"],
        "453",
        "failed",
        "454",
        "finished",
    ),
    ("in progress at once", lambda v: first(v)["status"], "453", "queued", "454", "in_progress"),
    ("a full queue", lambda v: triggered(v, *WEB_RUNS, **FULL_QUEUE), "453", (200, 1), "454", (429, 0)),
    ("applications by tag", lambda v: len(Visit(v).told("GET /applications?tag=solo")), "460", 4, "461", 1),
    ("is_api", lambda v: first(v)["is_api"], "461", False, "463", True),
    ("the application in a row", lambda v: "application" in first(v), "463", False, "474", True),
    (
        "other teams",
        lambda v: Visit(v, **STRANGERS).ask("GET /deployments/{last}").status,
        "463",
        200,
        "474",
        404,
    ),
    ("a cancel fails to answer", lambda v: Visit(v).done(*CANCELLED).status, "4.0.0", 200, "4.1.2", 500),
    ("a cancel answers", lambda v: Visit(v).done(*CANCELLED).status, "4.3.6", 500, "4.3.10", 200),
    ("a cancel starts the next", behind_a_cancelled_one, "4.3.6", "queued", "4.3.10", "finished"),
    (
        "actions by GET",
        lambda v: triggered(v, "GET /deploy?uuid={web}"),
        "4.1.2",
        (200, 1),
        "4.2.0",
        (405, 0),
    ),
    ("force=false", lambda v: twice(v, "POST /deploy?uuid={web}&force=false"), "4.1.2", 2, "4.2.0", 1),
    ("start with force=false", lambda v: twice(v, f"{START}?force=false"), "434", 2, "453", 1),
    ("rollback", lambda v: unknown(v, "POST /applications/{web}/rollback"), "4.2.0", True, "4.3.6", False),
    ("a database's variables", lambda v: unknown(v, "GET /databases/{pg}/envs"), "463", True, "474", False),
    ("many variables", lambda v: type(written(v, BULK, NEW)[1]), "380", dict, "400", list),
    ("a wiped address", changed_address, "380", None, "400", WEB.fqdn),
    (
        "at build time",
        lambda v: kept(v, NEW, "is_build_time", "is_buildtime"),
        "426",
        [True, None],
        "434",
        [None, True],
    ),
    (
        "flags of variables",
        lambda v: kept(v, NEW, "is_buildtime", "is_multiline"),
        "434",
        [True, False],
        "453",
        [False, True],
    ),
    ("a key", lambda v: written(v, BULK, '{"data": [{"key": "a-b"}]}')[0], "4.1.2", 201, "4.2.0", 422),
    (
        "shown once",
        lambda v: written(v, BULK, ONCE, **with_variables(SHOWN_ONCE))[1][0].get("value"),
        "4.1.2",
        "n",
        "4.2.0",
        None,
    ),
    (
        "an image's tag",
        lambda v: written(v, PATCH, '{"docker_registry_image_tag": "a b"}')[0],
        "4.0.0",
        200,
        "4.1.2",
        422,
    ),
    ("no port", lambda v: written(v, CREATE, without_port())[0], "4.0.0", 422, "4.1.2", 201),
    ("basic auth", lambda v: changes(v, "http_basic_auth_username"), "418", False, "420", True),
    ("domains by force", lambda v: changes(v, "force_domain_override"), "420", False, "426", True),
    ("is_spa", lambda v: changes(v, "is_spa"), "461", False, "463", True),
    ("docker_compose_raw", lambda v: changes(v, "docker_compose_raw"), "461", True, "463", False),
    ("health_check_type", lambda v: changes(v, "health_check_type"), "463", False, "474", True),
    (
        "is_preserve_repository_enabled",
        lambda v: changes(v, "is_preserve_repository_enabled"),
        "474",
        False,
        "4.0.0",
        True,
    ),
    ("stop_grace_period", lambda v: changes(v, "stop_grace_period"), "4.1.2", False, "4.2.0", True),
    ("max_restart_count", lambda v: changes(v, "max_restart_count"), "4.2.0", False, "4.3.6", True),
    ("a pinned commit in the row", pinned, "4.0.0", ("H", "1"), "4.1.2", ("a", "1")),
    ("a pinned commit", pinned, "4.1.2", ("a", "1"), "4.2.0", ("a", "a")),
    ("a digest in the name", lambda v: named_image(v, DIGEST), "434", f"{DIGEST}:latest", "453", DIGEST),
    (
        "a new address",
        lambda v: bool(written(v, CREATE, BODIES["create"])[1]["domains"]),
        "461",
        False,
        "463",
        True,
    ),
    ("logs for all readers", shows_logs, "4.1.2", True, "4.2.0", False),
)


@pytest.mark.parametrize(
    ("look", "last", "before", "first_one", "since"), [pytest.param(*row[1:], id=row[0]) for row in PARTINGS]
)
def test_two_versions_part_where_the_contract_says(
    look: Callable[[str], object], last: str, before: object, first_one: str, since: object
) -> None:
    older, newer = (f"4.0.0-beta.{name}" if name.isdecimal() else name for name in (last, first_one))
    assert list(VERSIONS).index(older) + 1 == list(VERSIONS).index(newer)
    assert (look(older), look(newer)) == (before, since)


def test_a_stalled_queue_goes_on_when_any_other_deployment_ends() -> None:
    visit = Visit("4.3.6")
    visit.ask(*WEB_RUNS)
    cancelled = visit.uuids["last"]
    visit.ask("POST /deploy?uuid={web}&force=true")
    stalled = visit.uuids["last"]
    visit.ask(f"POST /deployments/{cancelled}/cancel")
    visit.wait(HOUR).ask("POST /deploy?uuid={web}&force=true")
    assert (visit.row()["status"], visit.told(f"GET /deployments/{stalled}")["status"]) == (
        "in_progress",
        "queued",
    )
    assert visit.wait(50).told(f"GET /deployments/{stalled}")["status"] == "in_progress"
    assert visit.wait(50).told(f"GET /deployments/{stalled}")["status"] == "finished"


@pytest.mark.parametrize("version", ["4.3.6", "4.3.10"])
def test_who_waits_behind_one_that_is_cancelled_in_the_queue_waits_for_the_one_that_runs(
    version: str,
) -> None:
    visit = Visit(version)
    uuids = []
    for _ in range(3):
        visit.ask("POST /deploy?uuid={web}&force=true")
        uuids.append(visit.uuids["last"])
    visit.ask(f"POST /deployments/{uuids[1]}/cancel")

    def statuses() -> list[str]:
        return [visit.told(f"GET /deployments/{uuid}")["status"] for uuid in uuids]

    assert statuses() == ["in_progress", "cancelled-by-user", "queued"]
    visit.wait(50)
    assert statuses() == ["finished", "cancelled-by-user", "in_progress"]


def test_a_row_for_a_missing_preview_never_runs() -> None:
    visit = Visit("4.0.0-beta.426")
    visit.ask("POST /deploy?uuid={web}&pr=7")
    [row] = visit.wait(HOUR).told("GET /deployments/applications/{web}")["deployments"]
    assert (row["status"], row["pull_request_id"]) == ("queued", 7)


def test_a_flip_shows_finished_first_and_says_the_old_words() -> None:
    visit = Visit("4.0.0-beta.434", **going("post_command_failed"))
    visit.ask(*WEB_RUNS)
    seen = [visit.wait(0.6).row()["status"] for _ in range(100)]
    assert list(dict.fromkeys(seen)) == ["queued", "in_progress", "finished", "failed"]
    assert last_words("4.0.0-beta.434", "post_command_failed") == [OOPS, "Post-deployment command", GONE]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_says_its_name_and_deploys(version: str) -> None:
    visit = Visit(version)
    assert visit.told("GET /version") == version
    visit.ask(*WEB_RUNS)
    assert visit.wait(HOUR).row()["status"] == "finished"


@pytest.mark.parametrize("accept", ["*/*", "text/html, application/json", ""])
def test_who_does_not_ask_for_json_gets_a_page(accept: str) -> None:
    visit = Visit("4.3.10", **AWAY)
    page = visit.ask("GET /version", accept=accept)
    assert (page.status, dict(page.headers)["retry-after"]) == (503, "60")
    assert read(page).startswith("<!DOCTYPE html>")
    back = Visit("4.3.10").ask(
        "GET /deployments/applications/{web}?take=0", accept=accept, host="coolify.example.com"
    )
    assert (back.status, dict(back.headers)["Location"]) == (302, "http://coolify.example.com")


def test_a_scenario_is_played_on_another_version_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
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
