"""What nobody may lose or start twice: the whole program, where answers and lists are lost.

A gateway answers in Coolify's place, its lists can't be read, its log has lost a line, or an answer is about something else.
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
from tests.scenarios.coolify_cases import ALL, CODES, CREATE, INSTANT, NEW, PINNED, since
from tests.scenarios.test_coolify import changing, play
from tests.simulator.coolify.faults import edited, huge
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

__all__ = ["play"]

Play = Callable[[Session, Mapping[str, str]], tuple[int, str, float]]
Edit = Callable[[Response], Response]
TRIGGERS = ("deploy", "start", "restart", "service_restart")
PAGE = (("Content-Type", "text/html"),)
JSON = (("Content-Type", "application/json"),)


def gateway(status: int, body: Any = "<html><title>Blocked</title></html>", **headers: str) -> Edit:
    """What it says in Coolify's place."""
    kind = PAGE if isinstance(body, str) else JSON
    return lambda _: Response(status, (*kind, *headers.items()), (encoded(body, pretty=False),))


def said(make: Callable[[dict[str, Any]], Any]) -> Edit:
    """Coolify's own answer, changed."""
    return lambda answer: edited(answer, (encoded(make(parsed(answer)), pretty=False),))


def spoiled(name: str, *troubles: Fault, **fields: Any) -> Scenario:
    return replace(SCENARIOS[name], faults=(*SCENARIOS[name].faults, *troubles), **fields)


def acted(edit: Edit, name: str = "success", **more: Any) -> Scenario:
    """Coolify acts, and something else answers the first trigger."""
    return spoiled(name, Fault(TRIGGERS, Then.EDIT, edit=edit, nth=(1,)), **more)


def unread(edit: Edit, *on: str, name: str = "success", then: Edit | None = None) -> Scenario:
    """A list that can't be read; and perhaps an answer to the first trigger that is not Coolify's, after it has acted."""
    lost = (Fault(TRIGGERS, Then.EDIT, edit=then, nth=(1,)),) if then else ()
    return spoiled(name, Fault(on, Then.EDIT, edit=edit), *lost)


def without_lines(answer: Response) -> Response:
    """A log that has lost the line of the additional server (coolify-api 6.1)."""
    row = parsed(answer)
    if answer.status != 200 or not isinstance(row.get("logs"), str):
        return answer
    kept = [
        entry for entry in json.loads(row["logs"]) if not str(entry["output"]).startswith("Deployment to ")
    ]
    return edited(answer, (encoded({**row, "logs": json.dumps(kept)}, pretty=False),))


BROKEN = gateway(500, {"message": "Server Error"})
ONCE = {"deploy": 1}
FOUND = ("no usable response to the trigger", "found on the server", "web: finished in")
UNREAD = "could not read the list of its deployments"
GATEWAY = (
    "triggers were answered by a gateway in front of the platform, and no deployment was found: HTTP 403"
)
THROTTLED = gateway(429, {"message": "Too Many Attempts."}, **{"Retry-After": "600"})
TWO_TAGS = spoiled(
    "success",
    Fault(("deploy",), Then.EDIT, edit=THROTTLED, nth=(2,)),
    starts=3,
    apps=(replace(WEB, tags=("blue", "red")),),
)
"""The second tag's trigger comes ten minutes after the first one's, whose deployment is over by then."""


@dataclass(frozen=True)
class Lost:
    """`item`: of the issue. `sent`: requests that change something."""

    item: str
    scenario: Scenario
    status: str
    says: tuple[str, ...] = ()
    sent: Mapping[str, int] = field(default_factory=lambda: ONCE)
    versions: tuple[str, ...] = (NEW,)
    inputs: Mapping[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()
    lasts: tuple[float, float] = (0, 1e9)


FORBIDDEN = {"message": "Forbidden"}
ANSWERS: dict[str, Edit] = {
    **{f"page-{status}": gateway(status) for status in (200, 401, 403, 404, 408, 413, 418, 429, 499, 502)},
    **{
        f"json-{status}": gateway(status, FORBIDDEN)
        for status in (200, 400, 401, 403, 404, 405, 409, 422, 429)
    },
    "redirect": gateway(302, "", Location="https://auth.example.com/login"),
    "none": said(lambda body: {**body, "deployments": []}),
    "null": said(lambda body: {**body, "deployments": [None]}),
    "no-uuid": said(
        lambda body: {"deployments": [{**each, "deployment_uuid": None} for each in body["deployments"]]}
    ),
    "another": said(
        lambda body: {"deployments": [{**each, "resource_uuid": "another"} for each in body["deployments"]]}
    ),
    "a-list": said(lambda body: [body]),
    "a-number": said(lambda _: 5),
}
"""1: what answers a trigger that was acted upon."""


def rewritten(make: Callable[[dict[str, Any]], Any]) -> Edit:
    """Both lists of deployments, with each row changed; one row at least, as a list of none is right."""

    def change(body: Any) -> Any:
        if isinstance(body, list):
            return [make(row) for row in body or [{}]]
        return {**body, "deployments": [make(row) for row in body["deployments"] or [{}]]}

    return said(change)


LISTS: dict[str, Edit] = {
    "null-rows": rewritten(lambda _: None),
    "no-numbers": rewritten(lambda row: {name: value for name, value in row.items() if name != "id"}),
    "numbers-as-text": rewritten(lambda row: {**row, "id": str(row.get("id"))}),
    "redirect": gateway(302, "", Location="https://auth.example.com/login"),
    "retry-later": gateway(503, **{"Retry-After": "3600"}),
}
"""2: what can't be read as a list of deployments."""

LATER = tuple(range(2, 99))

REFUSED: dict[str, Edit] = {
    "not-found": gateway(404, {"message": "Application not found."}),
    "not-authorized": gateway(403, {"message": "You are not authorized to perform this action."}),
}
"""2: an application's list refused in Coolify's own words, although the application itself was just read."""

TRUTHS = (
    *(Lost(f"1-{name}", acted(edit), "finished", FOUND) for name, edit in ANSWERS.items()),
    Lost("1-every-version", acted(gateway(403)), "finished", ("web: finished in",), versions=ALL),
    Lost("1-instant", acted(gateway(403)), "finished", FOUND, {"start": 1}, inputs=INSTANT),
    Lost(
        "1-service",
        acted(gateway(403), "service"),
        "finished",
        ("its status has changed",),
        {"service_restart": 1},
    ),
    Lost(
        "1-kept-out",
        spoiled("success", Fault(TRIGGERS, Then.EDIT, edit=gateway(403), acts=False), full_until=1e9),
        "refused",
        (GATEWAY, "Let POST requests through to its API"),
        {"deploy": 3},
        lasts=(30, 60),
    ),
    Lost(
        "1-no-list",
        acted(gateway(403), abilities=frozenset({"deploy"})),
        "lost",
        ("can't list deployments", "A deployment may be running"),
        inputs={"wait": "false"},
    ),
    Lost(
        "1-patch-redirected",
        spoiled("image-update", Fault(("patch",), Then.EDIT, edit=ANSWERS["redirect"], nth=(2,))),
        "finished",
        sent={"patch": 1, "deploy": 1},
        inputs={"image": ":2.1.0"},
    ),
    Lost(
        "1-create-redirected",
        spoiled("create", Fault(("create",), Then.EDIT, edit=ANSWERS["redirect"], nth=(1,))),
        "finished",
        ("found after the response was lost",),
        {"create": 1, "deploy": 1},
        inputs=CREATE,
    ),
    Lost("2-broken", unread(BROKEN, "history"), "finished", (UNREAD, "web: finished in"), lasts=(0, 150)),
    *(
        Lost(
            f"2-{name}-and-lost",
            unread(edit, "history", then=gateway(502)),
            "finished",
            (UNREAD, "found on the server"),
        )
        for name, edit in REFUSED.items()
    ),
    *(
        Lost(
            f"2-{name}-behind-a-phantom",
            spoiled("already-queued", Fault(("history",), Then.EDIT, edit=edit, nth=LATER)),
            "finished",
            ("following deployment",),
        )
        for name, edit in REFUSED.items()
    ),
    *(
        Lost(
            f"2-{name}-and-lost-later",
            spoiled(
                "success",
                Fault(("history",), Then.EDIT, edit=edit, nth=LATER),
                Fault(TRIGGERS, Then.EDIT, edit=gateway(502), nth=(1,)),
            ),
            "finished",
            ("found on the server",),
        )
        for name, edit in REFUSED.items()
    ),
    Lost("2-huge", unread(huge, "history"), "finished", (UNREAD, "web: finished in")),
    Lost(
        "2-broken-and-lost",
        unread(BROKEN, "history", then=gateway(502)),
        "finished",
        (UNREAD, "found on the server"),
    ),
    Lost(
        "2-all-broken-and-lost",
        unread(BROKEN, "history", "list", then=gateway(502)),
        "lost",
        (UNREAD, "the list of deployments can't be read", "A deployment may be running"),
    ),
    *(
        Lost(
            f"2-{name}-and-lost",
            unread(edit, "history", then=gateway(502)),
            "finished",
            (UNREAD, "found on the server"),
            lasts=(0, 150),
        )
        for name, edit in LISTS.items()
    ),
    *(
        Lost(f"2-all-{name}", unread(edit, "history", "list"), "finished", (UNREAD,), lasts=(0, 150))
        for name, edit in LISTS.items()
    ),
    Lost(
        "2-cancel",
        unread(LISTS["null-rows"], "list", name="already-queued"),
        "timed_out",
        ("has an unknown format",),
        {},
        inputs={"command": "cancel", "timeout": "30s"},
        never=("nothing to cancel", "Nothing was started"),
    ),
    Lost(
        "2-create",
        unread(said(lambda _: {"message": "x"}), "applications", name="create-existing"),
        "timed_out",
        ("list of applications has an unknown format",),
        {},
        inputs=CREATE | {"timeout": "30s"},
    ),
    Lost("2-all-broken", unread(BROKEN, "history", "list"), "finished", (UNREAD, "web: finished in")),
    Lost(
        "2-tag",
        tagged(unread(BROKEN, "history", "list", "applications", name="two")),
        "failed",
        (UNREAD, "web: the deployment failed", "worker: finished in"),
        inputs={"tag": "blue"},
    ),
    Lost(
        "3-two-tags",
        TWO_TAGS,
        "finished",
        ("it also deployed web: ", "web: finished in"),
        {"deploy": 3},
        inputs={"tag": "blue,red", "force": "true"},
        never=("not followed",),
        lasts=(650, 900),
    ),
    Lost(
        "4-the-log-has-lost-it",
        spoiled("other-server-fails", Fault(("look",), Then.EDIT, edit=without_lines)),
        "failed",
        ("on the additional server second",),
        versions=since("4.0.0-beta.407"),
    ),
    Lost(
        "5-another-deployment",
        spoiled(
            "success",
            Fault(
                ("look",),
                Then.EDIT,
                edit=said(lambda row: {**row, "deployment_uuid": "x", "status": "failed"}),
                nth=(2,),
            ),
        ),
        "finished",
        ("the response is about another deployment, or none", "status is available again"),
    ),
    Lost(
        "5-another-application",
        spoiled(
            "crash-after-deploy",
            Fault(
                ("application",), Then.EDIT, edit=said(lambda row: {**row, "uuid": "x", "status": "exited"})
            ),
        ),
        "timed_out",
        ("the response is about another application, or none",),
        {},
        inputs={"timeout": "30s"},
    ),
    Lost(
        "13-reads-fail",
        spoiled("success", Fault(("look",), Then.EDIT, edit=gateway(502))),
        "triggered",
        ("could not confirm that the deployment exists: HTTP 502",),
        {"start": 1},
        inputs=INSTANT | {"wait": "false"},
        lasts=(0, 40),
    ),
    Lost(
        "31-refused",
        spoiled(
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
            "Changes that were applied before stay in effect: image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.1.0",
        ),
        {"patch": 1, "deploy": 1},
        inputs={"image": ":2.1.0"},
    ),
    Lost(
        "31-a-full-queue",
        spoiled("image-update", full_until=1e9),
        "timed_out",
        ("Changes that were applied before stay in effect: image: ghcr.io/acme/shop:2.0.1",),
        {"patch": 1, "deploy": 2},
        inputs={"image": ":2.1.0", "timeout": "90s"},
    ),
    Lost(
        "37-wait-false",
        SCENARIOS["success"],
        "triggered",
        ("web: deployment ",),
        inputs={"wait": "false"},
        never=("following",),
    ),
    Lost(
        "37-whose",
        SCENARIOS["already-queued"],
        "finished",
        ("somebody started in Coolify or through its API",),
        versions=("4.0.0-beta.420", "4.0.0-beta.434"),
    ),
)
CASES = [
    pytest.param(lost, version, id=f"{lost.item}-{version}") for lost in TRUTHS for version in lost.versions
]


@pytest.mark.parametrize(("lost", "version"), CASES)
def test_nothing_is_lost_and_nothing_is_started_twice(lost: Lost, version: str, play: Play) -> None:
    with simulating(lost.scenario, version=version) as session:
        code, told, seconds = play(session, lost.inputs)
        status = json.loads(Path("result.json").read_text("utf-8"))["status"]
        assert (status, code) == (lost.status, CODES[lost.status]), told
        assert [text for text in lost.says if text not in told] == [], told
        assert [text for text in lost.never if text in told] == [], told
        assert changing(session.journal) == dict(lost.sent), told
        assert lost.lasts[0] <= seconds <= lost.lasts[1], seconds


@pytest.mark.parametrize("version", ["4.0.0-beta.420", "4.0.0-beta.463", "4.2.0", "4.3.10"])
def test_the_output_commit_is_what_was_pinned_and_built(version: str, play: Play) -> None:
    """36: before beta.464 the row shows the branch's head."""
    with simulating("env-app", version=version) as session:
        code, told, _ = play(session, PINNED)
    [target] = json.loads(Path("result.json").read_text("utf-8"))["targets"]
    assert (code, target["commit"]) == (0, PINNED["commit"]), told
