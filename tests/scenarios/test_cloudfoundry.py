"""Whole runs against the simulated Cloud Foundry: every scenario of the simulator, and more.

Each row runs the whole program, over real sockets, on a clock that only moves when the program sleeps:
its status, what the user reads, and every request that changes something, complete and in order.
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
    BY_ROLLING,
    CANCEL,
    CASES,
    CHANGED,
    CHECKS,
    CODES,
    FINISHED,
    NAMES,
    NEW,
    NO_REQUESTS,
    OLD,
    OOM,
    RESTART,
    RESTORED,
    ROLL,
    ROLLBACK,
    STAGE,
    START,
    VERIFY_HEALTH,
    Case,
    assign,
    roll,
)
from tests.scenarios.rehearsals import StillClock
from tests.simulator.cloudfoundry.invariants import violations
from tests.simulator.cloudfoundry.scenarios import SCENARIOS, simulating
from tests.simulator.coolify.faults import huge

IDS = [f"{number}-{case.scenario}-{case.status}" for number, case in enumerate(CASES)]

RunProgram = Callable[[Session, Case], tuple[int, str, float]]


@pytest.fixture
def run_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> RunProgram:
    """Runs the program in an empty folder, with the simulator's clock: exit code, output, seconds."""
    monkeypatch.chdir(tmp_path)

    def run(session: Session, case: Case) -> tuple[int, str, float]:
        clock = StillClock(case.signals)
        monkeypatch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
        code = main([], environ(session, case.inputs), clock)  # type: ignore[arg-type]
        return code, capfdbinary.readouterr().out.decode(), clock.now() - START_TIME

    return run


def environ(session: Session, inputs: Mapping[str, str]) -> dict[str, str]:
    """The job's variables. An empty input of a case is not set."""
    merged = {**session.inputs, **inputs}
    variables = {
        f"INPUT_{name.upper()}": value.replace("{site}", session.site) for name, value in merged.items()
    }
    return {"DEPLOYER_RESULT_FILE": "result.json", **variables}


def changing(requests: list[Request]) -> tuple[str, ...]:
    """The requests that change something, with names instead of guids."""
    writes = [each for each in requests if each.method != "GET" and each.path != "/oauth/token"]
    lines = [f"{each} {each.body.decode()}".rstrip() for each in writes]
    return tuple(re.sub("|".join(NAMES), lambda found: NAMES[found[0]], line) for line in lines)


def check(case: Case, session: Session, run_program: RunProgram) -> str:
    """Run the program, check everything that the case says, and return the output."""
    code, output, seconds = run_program(session, case)
    status = json.loads(Path("result.json").read_text("utf-8"))["status"]
    assert (status, code) == (case.status, CODES[case.status]), output
    assert [text for text in case.says if text not in output] == [], output
    assert [text for text in case.never if text in output] == [], output
    assert changing(session.journal) == case.sent, output
    assert case.lasts[0] <= seconds <= case.lasts[1], seconds
    assert sum(request.path == "/oauth/token" for request in session.journal) == case.logins
    assert violations(session, changes_nothing=case in CHECKS) == [], output
    return output


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_truth_check(case: Case, run_program: RunProgram) -> None:
    with simulating(case.scenario) as session:
        check(case, session, run_program)


def test_every_scenario_has_a_case() -> None:
    assert {case.scenario for case in CASES} == set(SCENARIOS)


def test_rollback_command_cancels_the_deployment_in_progress(run_program: RunProgram) -> None:
    """Whoever started it: a job that has timed out may have left it."""
    note = (
        f"deployment {guid('deployment 1')}, which somebody else started, is still in progress: "
        "it is cancelled"
    )
    case = Case("others", "finished", (note, "its status is cancelling"), (CANCEL,), {"command": "rollback"})
    with simulating(replace(SCENARIOS["others"], may_cancel=True)) as session:
        check(case, session, run_program)


def test_crash_within_a_minute_is_unverified_and_rolled_back(run_program: RunProgram) -> None:
    """With `verify_health: true`; without it the run is green by then."""
    late = Timeline((*WELL.steps, (40, State.CRASHED)), WELL.lines, (40,))
    app = App(started=True, processes=(Process(course=late),))
    scenario = replace(SCENARIOS["image"], apps=(app,))
    sent = (*STAGE, NEW, RESTART)
    for inputs, status, says, more in (
        ({}, "finished", (), ()),
        (VERIFY_HEALTH, "unverified", ("waiting until it is running", OOM), ()),
        (VERIFY_HEALTH | ROLLBACK, "rolled_back", (OOM, RESTORED), (OLD, RESTART)),
    ):
        with simulating(scenario) as session:
            check(Case("image", status, says, (*sent, *more), inputs), session, run_program)


def lost_response(name: str, on: str, nth: int, *, acts: bool) -> Scenario:
    """The scenario with the response to one request lost."""
    return replace(SCENARIOS[name], faults=(Fault((on,), Then.CLOSE, acts=acts, nth=(nth,)),))


def gateway_response(name: str, on: str, status: int, body: str, kind: str = "text/html") -> Scenario:
    """The scenario with a gateway's response to one request, which Cloud Foundry has carried out."""
    edit = lambda _: Response(status, (("Content-Type", kind),), (body.encode(),))  # noqa: E731 -- of one line
    return replace(SCENARIOS[name], faults=(Fault((on,), Then.EDIT, edit=edit, nth=(1,)),))


FORBIDDEN = '{"message": "Forbidden"}'
PAGE = "<html><title>Blocked</title></html>"
LOST_TRIGGER = "no usable response to the trigger"
GATEWAY_RESPONSES = [
    *(
        pytest.param(
            gateway_response(name, on, status, PAGE),
            Case("", "finished", (LOST_TRIGGER,), sent, inputs),
            id=f"{on}-{status}",
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
            gateway_response("success", "start", status, FORBIDDEN, "application/json"),
            Case("", "finished", (LOST_TRIGGER,)),
            id=f"json-{status}",
        )
        for status in (200, 403, 404, 409, 422, 429)
    ),
]


def _null_rows(_: Response) -> Response:
    return Response(200, (("Content-Type", "application/json"),), (b'{"resources": [null]}',))


GATEWAY_RESPONSES.append(
    pytest.param(
        replace(
            SCENARIOS["rolling"],
            faults=(
                *gateway_response("rolling", "deploy", 403, PAGE).faults,
                Fault(("deployments",), Then.EDIT, edit=_null_rows, nth=(2, 3)),
            ),
        ),
        Case("", "finished", (LOST_TRIGGER,), (ROLL,), {"cf_strategy": "rolling"}),
        id="deploy-and-list-of-nulls",
    )
)


@pytest.mark.parametrize(("scenario", "case"), GATEWAY_RESPONSES)
def test_trigger_with_a_gateways_response_is_looked_for(
    scenario: Scenario, case: Case, run_program: RunProgram
) -> None:
    """A second deployment would supersede the first one (cloudfoundry-api 3)."""
    with simulating(scenario) as session:
        check(case, session, run_program)


def unreadable_list(
    name: str, edit: Callable[[Response], Response], *, lost: bool = False, nth: tuple[int, ...] = ()
) -> Scenario:
    """The scenario with an unreadable list of deployments; `lost`: a gateway answers the trigger."""
    more = (*gateway_response(name, "deploy", 502, PAGE).faults,) if lost else ()
    return replace(SCENARIOS[name], faults=(Fault(("deployments",), Then.EDIT, edit=edit, nth=nth), *more))


def _error(status: int, code: int, title: str, detail: str) -> Callable[[Response], Response]:
    body = json.dumps({"errors": [{"code": code, "title": title, "detail": detail}]})
    return lambda _: Response(status, (("Content-Type", "application/json"),), (body.encode(),))


def _page(status: int) -> Callable[[Response], Response]:
    return lambda _: Response(status, (("Content-Type", "text/html"),), (PAGE.encode(),))


LIST_FAULTS: dict[str, Callable[[Response], Response]] = {
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

LIST_UNREAD, IN_THE_WAY = (
    "could not read the list of its deployments",
    "if one is in progress, the new image can't be put live",
)
ROLL_IMAGE = (*STAGE, roll("DROPLET-1"))
AFTERWARDS = "the response to the trigger was lost, and the list of deployments can't be read"
UNREADABLE_LISTS = [
    *(
        pytest.param(
            unreadable_list(name, edit),
            Case("", "finished", (says,), sent, inputs, lasts=(0, 150)),
            id=f"{kind}-{name}",
        )
        for kind, edit in LIST_FAULTS.items()
        for name, sent, inputs, says in (
            ("rolling", (ROLL,), BY_ROLLING, LIST_UNREAD),
            ("image", (*STAGE, NEW, RESTART), {}, IN_THE_WAY),
            ("image-stopped", (*STAGE, assign("DROPLET-1"), START), {}, IN_THE_WAY),
            ("image-rolling", ROLL_IMAGE, BY_ROLLING, LIST_UNREAD),
        )
    ),
    *(
        pytest.param(
            unreadable_list("rolling", edit, lost=True),
            Case("", "lost", (AFTERWARDS,), (ROLL,), BY_ROLLING),
            id=f"{kind}-and-lost-trigger",
        )
        for kind, edit in LIST_FAULTS.items()
    ),
    pytest.param(
        unreadable_list("image-rolling", LIST_FAULTS["broken"], lost=True, nth=(1, 2)),
        Case("", "finished", (LIST_UNREAD, LOST_TRIGGER, FINISHED), ROLL_IMAGE, BY_ROLLING),
        id="recognized-by-its-droplet",
    ),
    pytest.param(
        unreadable_list("rolling", LIST_FAULTS["broken"], nth=(1,)),
        Case("", "finished", (), (ROLL,), BY_ROLLING, never=(LIST_UNREAD,)),
        id="second-try-succeeds",
    ),
    *(
        pytest.param(
            unreadable_list(name, LIST_FAULTS["broken"]),
            Case(
                "", "timed_out", (), NO_REQUESTS, {"command": command, "timeout": "30s"}, never=(LIST_UNREAD,)
            ),
            id=command,
        )
        for name, command in (("rolling", "rollback"), ("cancel", "cancel"))
    ),
]


@pytest.mark.parametrize(("scenario", "case"), UNREADABLE_LISTS)
def test_unreadable_list_of_deployments_does_not_prevent_a_trigger(
    scenario: Scenario, case: Case, run_program: RunProgram
) -> None:
    """It is tried twice, and reported once."""
    with simulating(scenario) as session:
        output = check(case, session, run_program)
        assert output.count(LIST_UNREAD) <= 1, output


OTHER = App(name="worker", docker=False, started=True)
FAILS = App(name="worker", started=True, staging=SCENARIOS["staging-failure"].apps[0].staging)
STAGED_2 = tuple(each.replace("WEB", "APP-1").replace("PACKAGE-1", "PACKAGE-2") for each in STAGE)
ROLL_BACK = (*STAGE, NEW, RESTART, OLD, RESTART)
COMBINED = [
    pytest.param(
        lost_response("image-crash", "restart", 2, acts=True),
        Case("", "rolled_back", (RESTORED,), ROLL_BACK, ROLLBACK),
        id="rollback-response-lost",
    ),
    pytest.param(
        lost_response("image-crash", "assign", 2, acts=True),
        Case("", "rolled_back", (RESTORED,), (*STAGE, NEW, RESTART, OLD, OLD, RESTART), ROLLBACK),
        id="assign-response-lost",
    ),
    pytest.param(
        lost_response("rolling-stuck", "cancel", 1, acts=True),
        Case("", "rolled_back", (RESTORED,), (ROLL, CANCEL), ROLLBACK),
        id="cancel-response-lost",
    ),
    pytest.param(
        lost_response("rolling-stuck", "cancel", 1, acts=False),
        Case("", "rolled_back", (RESTORED,), (ROLL, CANCEL, CANCEL), ROLLBACK),
        id="cancel-not-carried-out",
    ),
    pytest.param(
        replace(SCENARIOS["image"], quota="memory quota_exceeded"),
        Case(
            *("", "refused", ("The new droplet is already assigned: the next start will run it",)),
            (*STAGE, NEW, RESTART),
            never=("changed image",),
        ),
        id="quota-exceeded-after-staging",
    ),
    pytest.param(
        replace(SCENARIOS["image"], apps=(*SCENARIOS["image"].apps, OTHER), targets=2),
        Case(
            "", "refused", ("web: not started: nothing was changed, because worker was refused",), NO_REQUESTS
        ),
        id="one-of-two-refused",
    ),
    pytest.param(
        replace(SCENARIOS["image"], apps=(*SCENARIOS["image"].apps, FAILS), targets=2),
        Case(
            "",
            "failed",
            ("worker: the deployment failed", FINISHED, CHANGED),
            (*STAGE, *STAGED_2, NEW, RESTART),
        ),
        id="one-of-two-not-staged",
    ),
]


@pytest.mark.parametrize(("scenario", "case"), COMBINED)
def test_combined_events(scenario: Scenario, case: Case, run_program: RunProgram) -> None:
    with simulating(scenario) as session:
        check(case, session, run_program)
