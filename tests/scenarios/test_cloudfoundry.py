"""What Cloud Foundry does to those who believe its answers, and what is made of it: every scenario of the simulated one, and more.

Each row is the whole program, over real sockets, on a clock that only moves when the program sleeps: how it ends, what the user
reads, and every request that changes something, whole and in order.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.main import main
from deployer.simulator.cloudfoundry import Request, Session
from deployer.simulator.cloudfoundry import world as simulated
from deployer.simulator.cloudfoundry.names import guid
from deployer.simulator.cloudfoundry.scenario import App, Scenario
from deployer.simulator.cloudfoundry.state.timelines import WELL, Process, State, Timeline
from deployer.simulator.serving.exchange import Fault, Response, Then
from tests.fakes import START_TIME
from tests.scenarios.cloudfoundry_cases import (
    BACK,
    BY_ROLLING,
    CANCEL,
    CHANGED,
    CODES,
    DOCTOR,
    FINISHED,
    NAMED,
    NEW,
    NOTHING,
    OLD,
    OOM,
    RESTART,
    ROLL,
    STAGED,
    START,
    SURE,
    TRUTHS,
    WENT_BACK,
    Truth,
    assigned,
    rolled,
)
from tests.scenarios.rehearsals import StillClock
from tests.simulator.cloudfoundry.invariants import violations
from tests.simulator.cloudfoundry.scenarios import SCENARIOS, simulating
from tests.simulator.coolify.faults import huge

IDS = [f"{number}-{truth.scenario}-{truth.status}" for number, truth in enumerate(TRUTHS)]

Player = Callable[[Session, Truth], tuple[int, str, float]]


@pytest.fixture
def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Player:
    """Runs the program in an empty folder, on one clock with the simulator: exit code, what was said, seconds."""
    monkeypatch.chdir(tmp_path)

    def run(session: Session, truth: Truth) -> tuple[int, str, float]:
        clock = StillClock(truth.signals)
        monkeypatch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
        code = main([], environ(session, truth.inputs), clock)  # type: ignore[arg-type]  # by shape, as everywhere in the tests
        return code, capfdbinary.readouterr().out.decode(), clock.now() - START_TIME

    return run


def environ(session: Session, inputs: Mapping[str, str]) -> dict[str, str]:
    """What the job is given; an empty one of a row is not given at all."""
    given = {**session.inputs, **inputs}
    named = {f"INPUT_{name.upper()}": value.replace("{site}", session.site) for name, value in given.items()}
    return {"DEPLOYER_RESULT_FILE": "result.json", **named}


def changing(asked: list[Request]) -> tuple[str, ...]:
    """The requests that change something, with names in the place of guids."""
    writes = [each for each in asked if each.method != "GET" and each.path != "/oauth/token"]
    told = [f"{each} {each.body.decode()}".rstrip() for each in writes]
    return tuple(re.sub("|".join(NAMED), lambda found: NAMED[found[0]], line) for line in told)


def holds(truth: Truth, session: Session, play: Player) -> str:
    code, said, seconds = play(session, truth)
    status = json.loads(Path("result.json").read_text("utf-8"))["status"]
    assert (status, code) == (truth.status, CODES[truth.status]), said
    assert [text for text in truth.says if text not in said] == [], said
    assert [text for text in truth.never if text in said] == [], said
    assert changing(session.journal) == truth.sent, said
    assert truth.lasts[0] <= seconds <= truth.lasts[1], seconds
    assert sum(asked.path == "/oauth/token" for asked in session.journal) == truth.logins
    assert violations(session, changes_nothing=truth in DOCTOR) == [], said
    return said


@pytest.mark.parametrize("truth", TRUTHS, ids=IDS)
def test_a_truth_holds(truth: Truth, play: Player) -> None:
    with simulating(truth.scenario) as session:
        holds(truth, session, play)


def test_every_scenario_is_a_truth() -> None:
    assert {truth.scenario for truth in TRUTHS} == set(SCENARIOS)


def test_a_rollback_on_demand_ends_the_deployment_that_is_going(play: Player) -> None:
    """Whoever started it: a job that has timed out may have left it, and nobody could tell."""
    said = f"deployment {guid('deployment 1')}, which somebody else started, is still in progress: it is cancelled"
    truth = Truth(
        "others", "finished", (said, "its status is cancelling"), (CANCEL,), {"command": "rollback"}
    )
    with simulating(replace(SCENARIOS["others"], may_cancel=True)) as session:
        holds(truth, session, play)


def test_what_runs_at_first_and_crashes_within_the_minute_is_unverified_and_rolled_back(play: Player) -> None:
    """`verify_health: true`: without it the run would have been green by then."""
    late = Timeline((*WELL.steps, (40, State.CRASHED)), WELL.lines, (40,))
    app = App(started=True, processes=(Process(course=late),))
    scenario = replace(SCENARIOS["image"], apps=(app,))
    sent = (*STAGED, NEW, RESTART)
    for inputs, status, says, more in (
        ({}, "finished", (), ()),
        (SURE, "unverified", ("waiting for it to be healthy", OOM), ()),
        (SURE | BACK, "rolled_back", (OOM, WENT_BACK), (OLD, RESTART)),
    ):
        with simulating(scenario) as session:
            holds(Truth("image", status, says, (*sent, *more), inputs), session, play)


def spoiled(name: str, on: str, nth: int, *, acts: bool) -> Scenario:
    """The same scenario where the answer to one request is lost."""
    return replace(SCENARIOS[name], faults=(Fault((on,), Then.CLOSE, acts=acts, nth=(nth,)),))


def behind(name: str, on: str, status: int, body: str, kind: str = "text/html") -> Scenario:
    """The same scenario where Cloud Foundry acts, and a gateway answers in its place."""
    edit = lambda _: Response(status, (("Content-Type", kind),), (body.encode(),))  # noqa: E731 -- of one line
    return replace(SCENARIOS[name], faults=(Fault((on,), Then.EDIT, edit=edit, nth=(1,)),))


FORBIDDEN = '{"message": "Forbidden"}'
PAGE = "<html><title>Blocked</title></html>"
DOUBT = "no usable response to the trigger"
GATEWAYS = [
    *(
        pytest.param(
            behind(name, on, status, PAGE), Truth("", "finished", (DOUBT,), sent, inputs), id=f"{on}-{status}"
        )
        for name, on, sent, inputs in (
            ("success", "start", (START,), {}),
            ("restart", "restart", (RESTART,), {"cf_strategy": "restart"}),
            ("rolling", "deploy", (ROLL,), {"cf_strategy": "rolling"}),
        )
        for status in (200, 302, 403, 404, 408, 413, 429, 499)
    ),
    *(
        pytest.param(
            behind("success", "start", status, FORBIDDEN, "application/json"),
            Truth("", "finished", (DOUBT,)),
            id=f"json-{status}",
        )
        for status in (200, 403, 404, 409, 422, 429)
    ),
]


def _null_rows(_: Response) -> Response:
    return Response(200, (("Content-Type", "application/json"),), (b'{"resources": [null]}',))


GATEWAYS.append(
    pytest.param(
        replace(
            SCENARIOS["rolling"],
            faults=(
                *behind("rolling", "deploy", 403, PAGE).faults,
                Fault(("deployments",), Then.EDIT, edit=_null_rows, nth=(2, 3)),
            ),
        ),
        Truth("", "finished", (DOUBT,), (ROLL,), {"cf_strategy": "rolling"}),
        id="deploy-and-a-list-of-nothing",
    )
)


@pytest.mark.parametrize(("scenario", "truth"), GATEWAYS)
def test_what_a_gateway_answers_in_cloud_foundry_s_place_is_looked_for(
    scenario: Scenario, truth: Truth, play: Player
) -> None:
    """It has acted: a second deployment would supersede the first one (cloudfoundry-api 3)."""
    with simulating(scenario) as session:
        holds(truth, session, play)


def unlisted(
    name: str, edit: Callable[[Response], Response], *, lost: bool = False, nth: tuple[int, ...] = ()
) -> Scenario:
    """The list of deployments can't be read; and perhaps a gateway answers the trigger, after Cloud Foundry has acted."""
    troubles = (*behind(name, "deploy", 502, PAGE).faults,) if lost else ()
    return replace(
        SCENARIOS[name], faults=(Fault(("deployments",), Then.EDIT, edit=edit, nth=nth), *troubles)
    )


def _error(status: int, code: int, title: str, detail: str) -> Callable[[Response], Response]:
    body = json.dumps({"errors": [{"code": code, "title": title, "detail": detail}]})
    return lambda _: Response(status, (("Content-Type", "application/json"),), (body.encode(),))


def _page(status: int) -> Callable[[Response], Response]:
    return lambda _: Response(status, (("Content-Type", "text/html"),), (PAGE.encode(),))


LISTS: dict[str, Callable[[Response], Response]] = {
    "broken": _error(500, 10001, "UnknownError", "An unknown error occurred."),
    "a-page": _page(403),
    "bad-gateway": _page(502),
    "refused": _error(
        403, 10003, "CF-NotAuthorized", "You are not authorized to perform the requested action"
    ),
    "huge": huge,
    "null-rows": _null_rows,
}
"""The list of deployments that can't be read (cloudfoundry-api 3)."""

UNLISTED, IN_THE_WAY = (
    "could not read the list of its deployments",
    "if one is in progress, the new image can't be put live",
)
ROLL_IMAGE = (*STAGED, rolled("DROPLET-1"))
AFTERWARDS = "the response to the trigger was lost, and the list of deployments can't be read"
UNREAD = [
    *(
        pytest.param(
            unlisted(name, edit),
            Truth("", "finished", (says,), sent, inputs, lasts=(0, 150)),
            id=f"{kind}-{name}",
        )
        for kind, edit in LISTS.items()
        for name, sent, inputs, says in (
            ("rolling", (ROLL,), BY_ROLLING, UNLISTED),
            ("image", (*STAGED, NEW, RESTART), {}, IN_THE_WAY),
            ("image-stopped", (*STAGED, assigned("DROPLET-1"), START), {}, IN_THE_WAY),
            ("image-rolling", ROLL_IMAGE, BY_ROLLING, UNLISTED),
        )
    ),
    *(
        pytest.param(
            unlisted("rolling", edit, lost=True),
            Truth("", "lost", (AFTERWARDS,), (ROLL,), BY_ROLLING),
            id=f"{kind}-and-lost",
        )
        for kind, edit in LISTS.items()
    ),
    pytest.param(
        unlisted("image-rolling", LISTS["broken"], lost=True, nth=(1, 2)),
        Truth("", "finished", (UNLISTED, DOUBT, FINISHED), ROLL_IMAGE, BY_ROLLING),
        id="its-own-droplet-tells",
    ),
    pytest.param(
        unlisted("rolling", LISTS["broken"], nth=(1,)),
        Truth("", "finished", (), (ROLL,), BY_ROLLING, never=(UNLISTED,)),
        id="the-second-try-works",
    ),
    *(
        pytest.param(
            unlisted(name, LISTS["broken"]),
            Truth("", "timed_out", (), NOTHING, {"command": command, "timeout": "30s"}, never=(UNLISTED,)),
            id=command,
        )
        for name, command in (("rolling", "rollback"), ("cancel", "cancel"))
    ),
]


@pytest.mark.parametrize(("scenario", "truth"), UNREAD)
def test_a_list_of_deployments_that_can_not_be_read_keeps_nothing_from_being_triggered(
    scenario: Scenario, truth: Truth, play: Player
) -> None:
    """Tried twice, done without, and said once."""
    with simulating(scenario) as session:
        said = holds(truth, session, play)
        assert said.count(UNLISTED) <= 1, said


OTHER = App(name="worker", docker=False, started=True)
FAILS = App(name="worker", started=True, staging=SCENARIOS["staging-failure"].apps[0].staging)
STAGED_2 = tuple(each.replace("WEB", "APP-1").replace("PACKAGE-1", "PACKAGE-2") for each in STAGED)
WAY_BACK = (*STAGED, NEW, RESTART, OLD, RESTART)
ODD = [
    pytest.param(
        spoiled("image-crash", "restart", 2, acts=True),
        Truth("", "rolled_back", (WENT_BACK,), WAY_BACK, BACK),
        id="back-lost",
    ),
    pytest.param(
        spoiled("image-crash", "assign", 2, acts=True),
        Truth("", "rolled_back", (WENT_BACK,), (*STAGED, NEW, RESTART, OLD, OLD, RESTART), BACK),
        id="its-droplet-lost",
    ),
    pytest.param(
        spoiled("rolling-stuck", "cancel", 1, acts=True),
        Truth("", "rolled_back", (WENT_BACK,), (ROLL, CANCEL), BACK),
        id="cancel-lost",
    ),
    pytest.param(
        spoiled("rolling-stuck", "cancel", 1, acts=False),
        Truth("", "rolled_back", (WENT_BACK,), (ROLL, CANCEL, CANCEL), BACK),
        id="cancel-undone",
    ),
    pytest.param(
        replace(SCENARIOS["image"], quota="memory quota_exceeded"),
        Truth(
            *("", "refused", ("The new droplet is already assigned: the next start will run it",)),
            (*STAGED, NEW, RESTART),
            never=("changed image",),
        ),
        id="no-room-after-the-staging",
    ),
    pytest.param(
        replace(SCENARIOS["image"], apps=(*SCENARIOS["image"].apps, OTHER), targets=2),
        Truth("", "refused", ("web: not started: nothing was changed, because worker was refused",), NOTHING),
        id="one-of-two-refused",
    ),
    pytest.param(
        replace(SCENARIOS["image"], apps=(*SCENARIOS["image"].apps, FAILS), targets=2),
        Truth(
            "",
            "failed",
            ("worker: the deployment failed", FINISHED, CHANGED),
            (*STAGED, *STAGED_2, NEW, RESTART),
        ),
        id="one-of-two-not-staged",
    ),
]


@pytest.mark.parametrize(("scenario", "truth"), ODD)
def test_it_holds_where_two_things_come_together(scenario: Scenario, truth: Truth, play: Player) -> None:
    with simulating(scenario) as session:
        holds(truth, session, play)
