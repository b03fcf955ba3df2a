"""End-to-end cases for Coolify (architecture 7 and 4), on each version of Coolify to which they apply.

Each case runs the whole program against the simulator, over real sockets, on a clock that only moves when the
program sleeps: its status, its output, and the requests that changed something. A scenario is what the server
does; the version decides the format of its responses.
"""

from __future__ import annotations

import json
import types
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from deployer.main import main
from deployer.simulator import Request, Session
from deployer.simulator.coolify import server as simulated
from deployer.simulator.coolify.checks import name_of
from tests.fakes import START_TIME
from tests.scenarios.coolify_cases import CODES, EARLIER_COMMIT, NEW, ROLLBACK, ROLLBACK_COMMAND, Case
from tests.scenarios.coolify_changes import CHANGES, ROLLBACKS
from tests.scenarios.coolify_deployments import DEPLOYMENTS
from tests.scenarios.coolify_known_traps import KNOWN_TRAPS
from tests.scenarios.rehearsals import StillClock
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating

READ_ROUTES = {
    "version",
    "application",
    "service",
    "database",
    "applications",
    "services",
    "look",
    "history",
    "list",
    "rollback_images",
} | {
    "application_envs",
    "service_envs",
    "projects",
    "project",
    "servers",
    "destinations",
}
"""The routes that change nothing."""


CASES = (*KNOWN_TRAPS, *DEPLOYMENTS, *CHANGES)
CASES_BY_VERSION = [(case, version) for case in (*CASES, *ROLLBACKS) for version in case.versions]


@pytest.fixture
def run_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[[Session, Mapping[str, str]], tuple[int, str, float]]:
    """Runs the program in an empty folder, on the simulator's clock. Returns exit code, output, seconds."""
    clock = StillClock()
    monkeypatch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
    monkeypatch.chdir(tmp_path)

    def run(session: Session, inputs: Mapping[str, str]) -> tuple[int, str, float]:
        code = main([], environ(session, inputs), clock)  # type: ignore[arg-type]  # structural, as in all tests
        return code, capfdbinary.readouterr().out.decode(), clock.now() - START_TIME

    return run


def count_changes(requests: list[Request]) -> dict[str, int]:
    """Count the requests that change something, by route, without the preflight's two probes."""
    probes = [
        each
        for each in requests
        if (each.method == "POST" and not each.query and name_of(each) == "deploy") or each.body == b"{}"
    ]
    coolify = [each for each in requests if not each.path.startswith("/site/")]
    return dict(
        Counter(name_of(each) for each in coolify if name_of(each) not in READ_ROUTES and each not in probes)
    )


def environ(session: Session, inputs: Mapping[str, str]) -> dict[str, str]:
    """The job's environment."""
    named = {f"INPUT_{name.upper()}": value.replace("{site}", session.site) for name, value in inputs.items()}
    target = {} if "tag" in inputs or "create" in inputs else {"COOLIFY_UUID": ",".join(session.uuids)}
    return {
        "COOLIFY_URL": session.url,
        "COOLIFY_TOKEN": session.token,
        "DEPLOYER_RESULT_FILE": "result.json",
        **target,
        **named,
    }


IDS = [
    f"{number}-{case.topic}-{case.scenario}-{version}"
    for number, case in enumerate((*CASES, *ROLLBACKS))
    for version in case.versions
]


def test_rollback_command_does_not_return_to_the_rolled_back_version(
    run_program: Callable[[Session, Mapping[str, str]], tuple[int, str, float]],
) -> None:
    """A rollback never returns to the release that has just failed verification."""
    with simulating("rollback-image") as session:
        code, output, _ = run_program(session, ROLLBACK | {"image": ":2.1.0"})
        assert (code, "back to ghcr.io/acme/shop:2.0.1" in output) == (5, True), output
        code, output, _ = run_program(session, {"command": "rollback"})
        assert (code, "back to ghcr.io/acme/shop:2.0.0" in output) == (0, True), output
        assert violations(session) == []


def test_slow_first_response_is_waited_for(
    run_program: Callable[[Session, Mapping[str, str]], tuple[int, str, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection is accepted, and only the response is late."""
    monkeypatch.setattr("deployer.providers.coolify.provider.CONNECT_READ_SECONDS", 0.5)
    with simulating("hang-at-first") as session:
        code, output, _ = run_program(session, {"timeout": "10m"})
        message = (
            "the response timed out, although the server accepts connections: waiting up to 120 s for "
            "its first response"
        )
        assert (code, message in output, count_changes(session.journal)) == (0, True, {"deploy": 1}), output
        assert violations(session) == []


@pytest.mark.parametrize(("case", "version"), CASES_BY_VERSION, ids=IDS)
def test_case(
    case: Case, version: str, run_program: Callable[[Session, Mapping[str, str]], tuple[int, str, float]]
) -> None:
    with simulating(case.scenario, version=version) as session:
        code, output, seconds = run_program(session, case.inputs)
        status = json.loads(Path("result.json").read_text("utf-8"))["status"]
        assert (status, code) == (case.status, CODES[case.status]), output
        assert [text for text in case.prints if text not in output] == [], output
        assert [text for text in case.never_prints if text in output] == [], output
        assert count_changes(session.journal) == dict(case.sent), output
        assert case.duration[0] <= seconds <= case.duration[1], seconds
        assert violations(session, changes_nothing=case.topic == "preflight") == [], output


APP = "/api/v1/applications/{}"
PATCHED, PROBED = (
    "PATCH /api/v1/applications/{} ",
    ["PATCH /api/v1/applications/{} {}", "POST /api/v1/deploy "],
)
TO_2_0_1, TO_2_1_0 = ('{"docker_registry_image_tag": "' + tag + '"}' for tag in ("2.0.1", "2.1.0"))
ROLLBACK_REQUESTS = [
    pytest.param(
        *("rollback-git", NEW, ROLLBACK),
        ["POST /api/v1/deploy?uuid={} ", f'POST {APP}/rollback {{"commit": "{EARLIER_COMMIT}"}}'],
        id="rollback-endpoint",
    ),
    pytest.param(
        *("rollback-git", "4.2.0", ROLLBACK),
        [
            *PROBED,
            "POST /api/v1/deploy?uuid={} ",
            f'{PATCHED}{{"git_commit_sha": "{EARLIER_COMMIT}"}}',
            "POST /api/v1/deploy?uuid={} ",
        ],
        id="pinned-commit",
    ),
    pytest.param(
        *("rollback-git", "4.0.0-beta.463", ROLLBACK),
        [
            *PROBED,
            "POST /api/v1/deploy?uuid={} ",
            f'{PATCHED}{{"git_commit_sha": "{EARLIER_COMMIT}"}}',
            "POST /api/v1/deploy?uuid={}&force=true ",
        ],
        id="pinned-commit-without-cache",
    ),
    pytest.param(
        *("rollback-image", NEW, ROLLBACK | {"image": ":2.1.0"}),
        [
            *PROBED,
            PATCHED + TO_2_1_0,
            "POST /api/v1/deploy?uuid={}&force=true ",
            PATCHED + TO_2_0_1,
            "POST /api/v1/deploy?uuid={}&force=true ",
        ],
        id="image",
    ),
    pytest.param(
        *("rollback-git", NEW, ROLLBACK_COMMAND),
        [f'POST {APP}/rollback {{"commit": "{"3" * 10}{"4" * 10}{"5" * 10}{"6" * 10}"}}'],
        id="command",
    ),
]


@pytest.mark.parametrize(("scenario", "version", "inputs", "sent"), ROLLBACK_REQUESTS)
def test_rollback_sends_exactly_these_requests(
    scenario: str,
    version: str,
    inputs: Mapping[str, str],
    sent: list[str],
    run_program: Callable[[Session, Mapping[str, str]], tuple[int, str, float]],
) -> None:
    with simulating(scenario, version=version) as session:
        run_program(session, inputs)
        requests = [f"{each} {each.body.decode()}" for each in session.journal if each.method != "GET"]
        assert requests == [line.replace("{}", session.uuids[0], 1) for line in sent]
