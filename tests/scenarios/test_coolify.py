"""The truths that others get wrong (architecture 7 and 4), on the versions of Coolify on which they hold.

Each row is the whole program against the simulator, over real sockets, on a clock that only moves when the program sleeps: how
it ends, what the user reads, and what was sent. A scenario is what the server does; a version, how that Coolify speaks.
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
from tests.scenarios.coolify_changes import BACKS, CHANGES
from tests.scenarios.coolify_deployments import DEPLOYMENTS
from tests.scenarios.coolify_known_traps import TRAPS
from tests.scenarios.coolify_truth import BACK, CODES, EARLIER, NEW, ON_DEMAND, Truth
from tests.scenarios.test_transcripts import StillClock
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating

READS = {
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
"""What changes nothing."""


TRUTHS = (*TRAPS, *DEPLOYMENTS, *CHANGES)
CASES = [(truth, version) for truth in (*TRUTHS, *BACKS) for version in truth.versions]


@pytest.fixture
def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[[Session, Mapping[str, str]], tuple[int, str, float]]:
    """Runs the program in an empty folder, on one clock with the simulator: exit code, what was said, seconds."""
    clock = StillClock()
    monkeypatch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
    monkeypatch.chdir(tmp_path)

    def run(session: Session, inputs: Mapping[str, str]) -> tuple[int, str, float]:
        code = main([], environ(session, inputs), clock)  # type: ignore[arg-type]  # by shape, as everywhere in the tests
        return code, capfdbinary.readouterr().out.decode(), clock.now() - START_TIME

    return run


def changing(asked: list[Request]) -> dict[str, int]:
    """The requests that change something, but for the doctor's two probes."""
    probes = [
        each
        for each in asked
        if (each.method == "POST" and not each.query and name_of(each) == "deploy") or each.body == b"{}"
    ]
    coolify = [each for each in asked if not each.path.startswith("/site/")]
    return dict(
        Counter(name_of(each) for each in coolify if name_of(each) not in READS and each not in probes)
    )


def environ(session: Session, inputs: Mapping[str, str]) -> dict[str, str]:
    """What the job is given."""
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
    f"{number}-{truth.number}-{truth.scenario}-{version}"
    for number, truth in enumerate((*TRUTHS, *BACKS))
    for version in truth.versions
]


def test_on_demand_what_was_put_back_is_not_put_up_again(
    play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]],
) -> None:
    """The way back never leads forward again, to the release that has just been proven bad."""
    with simulating("rollback-image") as session:
        code, said, _ = play(session, BACK | {"image": ":2.1.0"})
        assert (code, "back to ghcr.io/acme/shop:2.0.1" in said) == (5, True), said
        code, said, _ = play(session, {"command": "rollback"})
        assert (code, "back to ghcr.io/acme/shop:2.0.0" in said) == (0, True), said
        assert violations(session) == []


def test_a_busy_server_is_waited_for(
    play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is accepted, and only the response is late."""
    monkeypatch.setattr("deployer.providers.coolify.provider.CONNECT_READ_SECONDS", 0.5)
    with simulating("hang-at-first") as session:
        code, said, _ = play(session, {"timeout": "10m"})
        told = "the response timed out, although the server accepts connections: waiting up to 120 s for its first response"
        assert (code, told in said, changing(session.journal)) == (0, True, {"deploy": 1}), said
        assert violations(session) == []


@pytest.mark.parametrize(("truth", "version"), CASES, ids=IDS)
def test_a_truth_holds(
    truth: Truth, version: str, play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]]
) -> None:
    with simulating(truth.scenario, version=version) as session:
        code, said, seconds = play(session, truth.inputs)
        status = json.loads(Path("result.json").read_text("utf-8"))["status"]
        assert (status, code) == (truth.status, CODES[truth.status]), said
        assert [text for text in truth.says if text not in said] == [], said
        assert [text for text in truth.never if text in said] == [], said
        assert changing(session.journal) == dict(truth.sent), said
        assert truth.lasts[0] <= seconds <= truth.lasts[1], seconds
        assert violations(session, changes_nothing=truth.number == "doctor") == [], said


APP = "/api/v1/applications/{}"
PATCHED, PROBED = (
    "PATCH /api/v1/applications/{} ",
    ["PATCH /api/v1/applications/{} {}", "POST /api/v1/deploy "],
)
TO_20, TO_21 = ('{"docker_registry_image_tag": "' + tag + '"}' for tag in ("2.0.1", "2.1.0"))
SENT_BACK = [
    pytest.param(
        *("rollback-git", NEW, BACK),
        ["POST /api/v1/deploy?uuid={} ", f'POST {APP}/rollback {{"commit": "{EARLIER}"}}'],
        id="by-the-rollback-call",
    ),
    pytest.param(
        *("rollback-git", "4.2.0", BACK),
        [
            *PROBED,
            "POST /api/v1/deploy?uuid={} ",
            f'{PATCHED}{{"git_commit_sha": "{EARLIER}"}}',
            "POST /api/v1/deploy?uuid={} ",
        ],
        id="by-a-pin",
    ),
    pytest.param(
        *("rollback-git", "4.0.0-beta.463", BACK),
        [
            *PROBED,
            "POST /api/v1/deploy?uuid={} ",
            f'{PATCHED}{{"git_commit_sha": "{EARLIER}"}}',
            "POST /api/v1/deploy?uuid={}&force=true ",
        ],
        id="by-a-pin-without-cache",
    ),
    pytest.param(
        *("rollback-image", NEW, BACK | {"image": ":2.1.0"}),
        [
            *PROBED,
            PATCHED + TO_21,
            "POST /api/v1/deploy?uuid={}&force=true ",
            PATCHED + TO_20,
            "POST /api/v1/deploy?uuid={}&force=true ",
        ],
        id="by-the-image",
    ),
    pytest.param(
        *("rollback-git", NEW, ON_DEMAND),
        [f'POST {APP}/rollback {{"commit": "{"3" * 10}{"4" * 10}{"5" * 10}{"6" * 10}"}}'],
        id="demand",
    ),
]


@pytest.mark.parametrize(("scenario", "version", "inputs", "sent"), SENT_BACK)
def test_a_way_back_sends_this_and_nothing_else(
    scenario: str,
    version: str,
    inputs: Mapping[str, str],
    sent: list[str],
    play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]],
) -> None:
    with simulating(scenario, version=version) as session:
        play(session, inputs)
        told = [f"{asked} {asked.body.decode()}" for asked in session.journal if asked.method != "GET"]
        assert told == [line.replace("{}", session.uuids[0], 1) for line in sent]
