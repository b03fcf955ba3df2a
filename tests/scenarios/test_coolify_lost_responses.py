"""End-to-end cases in which responses are lost: no deployment is lost, and none is started twice.

A gateway responds in Coolify's place, its lists can't be read, its log lacks a line, or a response is about
another resource.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from deployer.simulator import Session
from deployer.simulator.coolify.replies import encoded, parsed
from deployer.simulator.coolify.scenario import Scenario, tagged
from deployer.simulator.coolify.scenarios import WEB
from deployer.simulator.serving.exchange import Fault, Response, Then
from tests.scenarios.coolify_cases import CAPTURED, CODES, COMMIT_INPUT, CREATE, INSTANT, NEW, since
from tests.scenarios.test_coolify import count_changes, run_program
from tests.simulator.coolify.faults import edited, huge
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

__all__ = ["run_program"]

RunProgram = Callable[[Session, Mapping[str, str]], tuple[int, str, float]]
Edit = Callable[[Response], Response]
TRIGGERS = ("deploy", "start", "restart", "service_restart")
PAGE = (("Content-Type", "text/html"),)
JSON = (("Content-Type", "application/json"),)


def gateway(status: int, body: Any = "<html><title>Blocked</title></html>", **headers: str) -> Edit:
    """A gateway's response in Coolify's place."""
    kind = PAGE if isinstance(body, str) else JSON
    return lambda _: Response(status, (*kind, *headers.items()), (encoded(body, pretty=False),))


def changed_body(change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Coolify's own response, with a changed body."""
    return lambda response: edited(response, (encoded(change(parsed(response)), pretty=False),))


def with_faults(name: str, *faults: Fault, **fields: Any) -> Scenario:
    return replace(SCENARIOS[name], faults=(*SCENARIOS[name].faults, *faults), **fields)


def lost_trigger(edit: Edit, name: str = "success", **fields: Any) -> Scenario:
    """Coolify handles the first trigger, but the response to it is replaced."""
    return with_faults(name, Fault(TRIGGERS, Then.EDIT, edit=edit, nth=(1,)), **fields)


def unreadable_list(edit: Edit, *on: str, name: str = "success", trigger: Edit | None = None) -> Scenario:
    """The lists can't be read. With `trigger`, the response to the first trigger is replaced, too."""
    faults = (Fault(TRIGGERS, Then.EDIT, edit=trigger, nth=(1,)),) if trigger else ()
    return with_faults(name, Fault(on, Then.EDIT, edit=edit), *faults)


def without_server_line(response: Response) -> Response:
    """A build log that lacks the line about the additional server (coolify-api 6.1)."""
    row = parsed(response)
    if response.status != 200 or not isinstance(row.get("logs"), str):
        return response
    entries = [
        entry for entry in json.loads(row["logs"]) if not str(entry["output"]).startswith("Deployment to ")
    ]
    return edited(response, (encoded({**row, "logs": json.dumps(entries)}, pretty=False),))


SERVER_ERROR = gateway(500, {"message": "Server Error"})
ONE_DEPLOY = {"deploy": 1}
FOUND_AFTERWARDS = ("no usable response to the trigger", "found on the server", "web: finished in")
LIST_UNREADABLE = "could not read the list of its deployments"
BLOCKED_BY_GATEWAY = (
    "triggers were answered by a gateway in front of the platform, and no deployment was found: HTTP 403"
)
THROTTLED = gateway(429, {"message": "Too Many Attempts."}, **{"Retry-After": "600"})
TWO_TAGS = with_faults(
    "success",
    Fault(("deploy",), Then.EDIT, edit=THROTTLED, nth=(2,)),
    starts=3,
    apps=(replace(WEB, tags=("blue", "red")),),
)
"""The second tag is triggered ten minutes after the first, whose deployment has ended by then."""


@dataclass(frozen=True)
class Case:
    """One run of the program, and its expected result, as in coolify_cases.Case."""

    item: str
    """The item of the issue, and what is lost."""
    scenario: Scenario
    status: str
    prints: tuple[str, ...] = ()
    sent: Mapping[str, int] = field(default_factory=lambda: ONE_DEPLOY)
    versions: tuple[str, ...] = (NEW,)
    inputs: Mapping[str, str] = field(default_factory=dict)
    never_prints: tuple[str, ...] = ()
    duration: tuple[float, float] = (0, 1e9)


FORBIDDEN = {"message": "Forbidden"}
TRIGGER_RESPONSES: dict[str, Edit] = {
    **{f"page-{status}": gateway(status) for status in (200, 401, 403, 404, 408, 413, 418, 429, 499, 502)},
    **{
        f"json-{status}": gateway(status, FORBIDDEN)
        for status in (200, 400, 401, 403, 404, 405, 409, 422, 429)
    },
    "redirect": gateway(302, "", Location="https://auth.example.com/login"),
    "none": changed_body(lambda body: {**body, "deployments": []}),
    "null": changed_body(lambda body: {**body, "deployments": [None]}),
    "no-uuid": changed_body(
        lambda body: {"deployments": [{**each, "deployment_uuid": None} for each in body["deployments"]]}
    ),
    "other-resource": changed_body(
        lambda body: {"deployments": [{**each, "resource_uuid": "another"} for each in body["deployments"]]}
    ),
    "list": changed_body(lambda body: [body]),
    "number": changed_body(lambda _: 5),
}
"""1: responses in place of the one to a trigger that Coolify has handled."""


def changed_rows(change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Both lists of deployments, with each row changed. At least one row, because an empty list is valid."""

    def change_list(body: Any) -> Any:
        if isinstance(body, list):
            return [change(row) for row in body or [{}]]
        return {**body, "deployments": [change(row) for row in body["deployments"] or [{}]]}

    return changed_body(change_list)


UNREADABLE_LISTS: dict[str, Edit] = {
    "null-rows": changed_rows(lambda _: None),
    "no-ids": changed_rows(lambda row: {name: value for name, value in row.items() if name != "id"}),
    "ids-as-text": changed_rows(lambda row: {**row, "id": str(row.get("id"))}),
    "redirect": gateway(302, "", Location="https://auth.example.com/login"),
    "retry-later": gateway(503, **{"Retry-After": "3600"}),
}
"""2: responses that can't be read as a list of deployments."""

AFTER_FIRST = tuple(range(2, 99))

REJECTED_LISTS: dict[str, Edit] = {
    "not-found": gateway(404, {"message": "Application not found."}),
    "not-authorized": gateway(403, {"message": "You are not authorized to perform this action."}),
}
"""2: Coolify rejects the request for an application's list, although the application itself was just read."""

CASES = (
    *(
        Case(f"1-{name}", lost_trigger(edit), "finished", FOUND_AFTERWARDS)
        for name, edit in TRIGGER_RESPONSES.items()
    ),
    Case("1-every-version", lost_trigger(gateway(403)), "finished", ("web: finished in",), versions=CAPTURED),
    Case("1-instant", lost_trigger(gateway(403)), "finished", FOUND_AFTERWARDS, {"start": 1}, inputs=INSTANT),
    Case(
        "1-service",
        lost_trigger(gateway(403), "service"),
        "finished",
        ("its status has changed",),
        {"service_restart": 1},
    ),
    Case(
        "1-blocked-by-gateway",
        with_faults("success", Fault(TRIGGERS, Then.EDIT, edit=gateway(403), acts=False), full_until=1e9),
        "refused",
        (BLOCKED_BY_GATEWAY, "Let POST requests through to its API"),
        {"deploy": 3},
        duration=(30, 60),
    ),
    Case(
        "1-no-list",
        lost_trigger(gateway(403), abilities=frozenset({"deploy"})),
        "lost",
        ("can't list deployments", "A deployment may be running"),
        inputs={"wait": "false"},
    ),
    Case(
        "1-patch-redirected",
        with_faults(
            "image-update", Fault(("patch",), Then.EDIT, edit=TRIGGER_RESPONSES["redirect"], nth=(2,))
        ),
        "finished",
        sent={"patch": 1, "deploy": 1},
        inputs={"image": ":2.1.0"},
    ),
    Case(
        "1-create-redirected",
        with_faults("create", Fault(("create",), Then.EDIT, edit=TRIGGER_RESPONSES["redirect"], nth=(1,))),
        "finished",
        ("found after the response was lost",),
        {"create": 1, "deploy": 1},
        inputs=CREATE,
    ),
    Case(
        "2-broken",
        unreadable_list(SERVER_ERROR, "history"),
        "finished",
        (LIST_UNREADABLE, "web: finished in"),
        duration=(0, 150),
    ),
    *(
        Case(
            f"2-{name}-and-lost",
            unreadable_list(edit, "history", trigger=gateway(502)),
            "finished",
            (LIST_UNREADABLE, "found on the server"),
        )
        for name, edit in REJECTED_LISTS.items()
    ),
    *(
        Case(
            f"2-{name}-after-phantom",
            with_faults("already-queued", Fault(("history",), Then.EDIT, edit=edit, nth=AFTER_FIRST)),
            "finished",
            ("following deployment",),
        )
        for name, edit in REJECTED_LISTS.items()
    ),
    *(
        Case(
            f"2-{name}-and-lost-later",
            with_faults(
                "success",
                Fault(("history",), Then.EDIT, edit=edit, nth=AFTER_FIRST),
                Fault(TRIGGERS, Then.EDIT, edit=gateway(502), nth=(1,)),
            ),
            "finished",
            ("found on the server",),
        )
        for name, edit in REJECTED_LISTS.items()
    ),
    Case("2-huge", unreadable_list(huge, "history"), "finished", (LIST_UNREADABLE, "web: finished in")),
    Case(
        "2-broken-and-lost",
        unreadable_list(SERVER_ERROR, "history", trigger=gateway(502)),
        "finished",
        (LIST_UNREADABLE, "found on the server"),
    ),
    Case(
        "2-all-broken-and-lost",
        unreadable_list(SERVER_ERROR, "history", "list", trigger=gateway(502)),
        "lost",
        (LIST_UNREADABLE, "the list of deployments can't be read", "A deployment may be running"),
    ),
    *(
        Case(
            f"2-{name}-and-lost",
            unreadable_list(edit, "history", trigger=gateway(502)),
            "finished",
            (LIST_UNREADABLE, "found on the server"),
            duration=(0, 150),
        )
        for name, edit in UNREADABLE_LISTS.items()
    ),
    *(
        Case(
            f"2-all-{name}",
            unreadable_list(edit, "history", "list"),
            "finished",
            (LIST_UNREADABLE,),
            duration=(0, 150),
        )
        for name, edit in UNREADABLE_LISTS.items()
    ),
    Case(
        "2-cancel",
        unreadable_list(UNREADABLE_LISTS["null-rows"], "list", name="already-queued"),
        "timed_out",
        ("has an unknown format",),
        {},
        inputs={"command": "cancel", "timeout": "30s"},
        never_prints=("nothing to cancel", "Nothing was started"),
    ),
    Case(
        "2-create",
        unreadable_list(changed_body(lambda _: {"message": "x"}), "applications", name="create-existing"),
        "timed_out",
        ("list of applications has an unknown format",),
        {},
        inputs=CREATE | {"timeout": "30s"},
    ),
    Case(
        "2-all-broken",
        unreadable_list(SERVER_ERROR, "history", "list"),
        "finished",
        (LIST_UNREADABLE, "web: finished in"),
    ),
    Case(
        "2-tag",
        tagged(unreadable_list(SERVER_ERROR, "history", "list", "applications", name="two")),
        "failed",
        (LIST_UNREADABLE, "web: the deployment failed", "worker: finished in"),
        inputs={"tag": "blue"},
    ),
    Case(
        "3-two-tags",
        TWO_TAGS,
        "finished",
        ("it also deployed web: ", "web: finished in"),
        {"deploy": 3},
        inputs={"tag": "blue,red", "force": "true"},
        never_prints=("not followed",),
        duration=(640, 660),
    ),
    Case(
        "4-missing-log-line",
        with_faults("other-server-fails", Fault(("look",), Then.EDIT, edit=without_server_line)),
        "failed",
        ("on the additional server second",),
        versions=since("4.0.0-beta.407"),
    ),
    Case(
        "5-another-deployment",
        with_faults(
            "success",
            Fault(
                ("look",),
                Then.EDIT,
                edit=changed_body(lambda row: {**row, "deployment_uuid": "x", "status": "failed"}),
                nth=(2,),
            ),
        ),
        "finished",
        ("the response is about another deployment, or none", "status checks work again"),
    ),
    Case(
        "5-another-application",
        with_faults(
            "crash-after-deploy",
            Fault(
                ("application",),
                Then.EDIT,
                edit=changed_body(lambda row: {**row, "uuid": "x", "status": "exited"}),
            ),
        ),
        "timed_out",
        ("the response is about another application, or none",),
        {},
        inputs={"timeout": "30s"},
    ),
    Case(
        "13-status-unreadable",
        with_faults("success", Fault(("look",), Then.EDIT, edit=gateway(502))),
        "triggered",
        ("could not confirm that the deployment exists: HTTP 502",),
        {"start": 1},
        inputs=INSTANT | {"wait": "false"},
        duration=(0, 40),
    ),
    Case(
        "31-rejected",
        with_faults(
            "image-update",
            Fault(
                ("deploy",),
                Then.EDIT,
                edit=gateway(404, {"message": "No resources found."}),
                acts=False,
                nth=(2,),
            ),
        ),
        "refused",
        (
            (
                "Changes that were applied before stay in effect: image: ghcr.io/acme/shop:2.0.1 → "
                "ghcr.io/acme/shop:2.1.0"
            ),
        ),
        {"patch": 1, "deploy": 1},
        inputs={"image": ":2.1.0"},
    ),
    Case(
        "31-queue-full",
        with_faults("image-update", full_until=1e9),
        "timed_out",
        ("Changes that were applied before stay in effect: image: ghcr.io/acme/shop:2.0.1",),
        {"patch": 1, "deploy": 2},
        inputs={"image": ":2.1.0", "timeout": "90s"},
    ),
    Case(
        "37-wait-false",
        SCENARIOS["success"],
        "triggered",
        ("web: deployment ",),
        inputs={"wait": "false"},
        never_prints=("following",),
    ),
    Case(
        "37-started-by-others",
        SCENARIOS["already-queued"],
        "finished",
        ("somebody started in Coolify or through its API",),
        versions=("4.0.0-beta.420", "4.0.0-beta.434"),
    ),
)
CASES_BY_VERSION = [
    pytest.param(case, version, id=f"{case.item}-{version}") for case in CASES for version in case.versions
]


@pytest.mark.parametrize(("case", "version"), CASES_BY_VERSION)
def test_no_deployment_is_lost_or_started_twice(case: Case, version: str, run_program: RunProgram) -> None:
    with simulating(case.scenario, version=version) as session:
        code, output, seconds = run_program(session, case.inputs)
        status = json.loads(Path("result.json").read_text("utf-8"))["status"]
        assert (status, code) == (case.status, CODES[case.status]), output
        assert [text for text in case.prints if text not in output] == [], output
        assert [text for text in case.never_prints if text in output] == [], output
        assert count_changes(session.journal) == dict(case.sent), output
        assert case.duration[0] <= seconds <= case.duration[1], seconds


@pytest.mark.parametrize("version", ["4.0.0-beta.420", "4.0.0-beta.463", "4.2.0", "4.3.10"])
def test_output_commit_is_the_pinned_commit(version: str, run_program: RunProgram) -> None:
    """36: before beta.464 the deployment record contains the branch's head."""
    with simulating("env-app", version=version) as session:
        code, output, _ = run_program(session, COMMIT_INPUT)
    [target] = json.loads(Path("result.json").read_text("utf-8"))["targets"]
    assert (code, target["commit"]) == (0, COMMIT_INPUT["commit"]), output
