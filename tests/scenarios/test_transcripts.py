"""Transcripts: what a person reads, and what later steps get, of every public scenario.

`UPDATE_GOLDEN=1 pytest tests/scenarios/test_transcripts.py` writes the files in `tests/golden` anew. They are read in review:
what looks wrong is wrong.

The program runs in this process, over real sockets, on a clock that only moves when the program sleeps; the simulator reads the same one.
Nothing varies but the simulator's port and GitHub's delimiters. ESC is written as `␛`, a carriage return as `␍`.
"""

from __future__ import annotations

import os
import re
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.main import REHEARSAL_SPEED, main
from deployer.simulator import SCENARIOS, Session, cloudfoundry
from deployer.simulator.cloudfoundry import world as foundation
from deployer.simulator.coolify import server as simulated
from tests.fakes import FakeClock
from tests.simulator.cloudfoundry.invariants import violations as cf_violations
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating

GOLDEN = Path(__file__).parents[1] / "golden"
PUBLIC = list(SCENARIOS)
IN_CI = ["success", "build-failure", "cancelled"]
CF = ["success", "crash", "staging-failure"]
VARIES = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:8000",
    r"ghadelimiter_[0-9a-f-]{36}": "ghadelimiter_00000000-0000-4000-8000-000000000000",
}
SEEN = {"\x1b": "␛", "\r": "␍"}
COMMIT = "2222222222333333333344444444445555555555"
"""The CI run's: another one than the recorded deployments build."""


class StillClock(FakeClock):
    """It takes no signal, and ends none."""

    def listen(self) -> None:
        """Nothing to listen to."""

    def ignore(self) -> None:
        """Nothing to ignore."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    """The program's and the simulator's."""
    still = StillClock()
    for module in (simulated, foundation):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=still.real))
    return still


Transcript = Callable[[dict[str, str]], str]


@pytest.fixture
def transcript(
    tmp_path: Path,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Transcript:
    """Runs the program in an empty folder; everything that it says and writes."""
    monkeypatch.chdir(tmp_path)

    def run(environ: dict[str, str]) -> str:
        code = main([], environ, clock)  # type: ignore[arg-type]  # by shape, as everywhere in the tests
        said, complained = capfdbinary.readouterr()
        assert complained == b""
        parts = [("stdout", said), *((path.name, path.read_bytes()) for path in sorted(tmp_path.iterdir()))]
        shown = (
            "".join(f"----- {name}\n{data.decode()}" for name, data in parts) + f"----- exit code {code}\n"
        )
        for pattern, fixed in VARIES.items():
            shown = re.sub(pattern, fixed, shown)
        return "".join(SEEN.get(character, character) for character in shown)

    return run


def same(name: str, shown: str) -> None:
    """The transcript is the golden one, or becomes it."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown, "utf-8")
    assert shown == path.read_text("utf-8")


def login(session: Session) -> dict[str, str]:
    return {
        "COOLIFY_URL": session.url,
        "COOLIFY_TOKEN": session.token,
        "COOLIFY_UUID": ",".join(session.uuids),
    }


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "CI": "true",
    "GITHUB_OUTPUT": "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY": "GITHUB_STEP_SUMMARY",
}
SYSTEMS = {
    "github": GITHUB | {"GITHUB_SHA": COMMIT},
    "gitlab": {"GITLAB_CI": "true", "CI": "true", "CI_COMMIT_SHA": COMMIT},
}


SHOWN = {
    "image-update": {"DEPLOYER_APP_IMAGE": ":2.1.0"},
    "bad-release": {"DEPLOYER_VERIFY_URL": "{site}", "DEPLOYER_ROLLBACK": "true"},
}
"""The inputs without which a scenario would not show what it is about."""


@pytest.mark.parametrize("scenario", PUBLIC)
def test_a_person_reads_the_story(scenario: str, transcript: Transcript) -> None:
    with simulating(scenario) as session:
        shown = {
            name: value.replace("{site}", session.site) for name, value in SHOWN.get(scenario, {}).items()
        }
        same(f"plain-{scenario}", transcript(login(session) | shown))
        assert violations(session) == []


@pytest.mark.parametrize("scenario", CF)
def test_a_person_reads_the_story_of_a_cloud_foundry(scenario: str, transcript: Transcript) -> None:
    with cloudfoundry.simulating(scenario) as session:
        same(
            f"plain-cf-{scenario}",
            transcript({f"INPUT_{name.upper()}": value for name, value in session.inputs.items()}),
        )
        assert cf_violations(session) == []


@pytest.mark.parametrize("scenario", IN_CI)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_ci_system_gets_it_in_its_own_format(system: str, scenario: str, transcript: Transcript) -> None:
    with simulating(scenario) as session:
        same(f"{system}-{scenario}", transcript(login(session) | SYSTEMS[system]))
        assert violations(session) == []


@pytest.mark.parametrize("system", ["plain", "github"])
def test_a_rehearsal_is_told_as_one(system: str, transcript: Transcript) -> None:
    environ = {"DEPLOYER_REHEARSE": "build-failure", "COOLIFY_TOKEN": "1|thisTokenIsNotUsedInARehearsal"}
    same(f"{system}-rehearsal", transcript(environ | SYSTEMS.get(system, {})))


@pytest.mark.parametrize("system", ["plain", "github"])
def test_wrong_inputs_are_told_all_at_once(system: str, transcript: Transcript) -> None:
    environ = {
        "COOLIFY_URL": "https://coolify.example.com",
        "DEPLOYER_TIMOUT": "5m",
        "DEPLOYER_TIMEOUT": "soon",
        "DEPLOYER_WAIT": "300",
    }
    same(f"{system}-mistakes", transcript(environ | SYSTEMS.get(system, {})))


def test_two_targets_are_told_apart(transcript: Transcript) -> None:
    with simulating("two") as session:
        same("github-two", transcript(login(session) | SYSTEMS["github"]))


def test_the_rehearsal_s_clock_is_the_program_s(transcript: Transcript, clock: StillClock) -> None:
    transcript({"DEPLOYER_REHEARSE": "bad-token"})
    assert clock.speed == REHEARSAL_SPEED


def test_a_rehearsal_asks_the_simulator_s_site_in_the_place_of_the_user_s(transcript: Transcript) -> None:
    given = {
        "DEPLOYER_VERIFY_URL": "https://web.example.com",
        "DEPLOYER_VERIFY_STATUS": "200",
        "DEPLOYER_VERIFY_CONTAINS": "v2",
    }
    shown = transcript({"DEPLOYER_REHEARSE": "bad-release", **given})
    assert f"Not used in a rehearsal: {', '.join(given)}\n" in shown
    assert "The rehearsal's own site is verified instead\n" in shown
    assert "web: its site responds with HTTP 502" in shown
    assert "----- exit code 5" in shown
    assert "asking whether it answers" not in transcript({"DEPLOYER_REHEARSE": "bad-release"})


def test_the_values_of_variables_blank_neither_outputs_nor_our_own_words(transcript: Transcript) -> None:
    with simulating("image-update") as session:
        variables = f"STATE=finished\nAPP={session.uuids[0]}\nURL=http://shop.example.com\nRELEASE=registry.example.com"
        github = SYSTEMS["github"] | {"INPUT_IMAGE": ":2.1.0", "INPUT_ENV": variables}
        shown = transcript(login(session) | github)
    assert "***" not in shown.partition("----- stdout\n")[0]
    assert re.findall(r"^(status|resource_uuid|url)<<.*\n(.*)", shown, re.MULTILINE) == [
        ("resource_uuid", session.uuids[0]),
        ("url", "http://shop.example.com"),
        ("status", "finished"),
    ]
    assert "::add-mask::finished" not in shown


@pytest.mark.parametrize(
    ("given", "value"),
    [
        pytest.param({"INPUT_ENV": "DB_PASSWORD={0}"}, "SuperSecretTokenValue1234567890abcdef", id="cut"),
        pytest.param(
            {"INPUT_ENV": "DB_PASSWORD={0}"}, "pass<b>word</b>x-long  blanks", id="with-tags-and-blanks"
        ),
        pytest.param(
            {"INPUT_SETTINGS": '{{"http_basic_auth_password": "{0}"}}'},
            "hunter2hunter2",
            id="of-the-settings",
        ),
    ],
)
def test_what_the_site_tells_of_a_secret_is_not_passed_on(
    transcript: Transcript, given: dict[str, str], value: str
) -> None:
    site = ((0, 500, f"{'x' * 170} DB_PASSWORD={value}"),)
    scenario = SCENARIOS["image-update"]
    with simulating(replace(scenario, apps=(replace(scenario.apps[0], site=site),))) as session:
        inputs = {name: text.format(value) for name, text in given.items()} | {"INPUT_IMAGE": ":2.1.0"}
        shown = transcript(
            login(session) | inputs | {"INPUT_VERIFY_URL": session.site, "INPUT_VERIFY_TIMEOUT": "20s"}
        )
    assert "DB_PASSWORD=***" in shown
    assert value[:10] not in shown


def test_a_dry_run_says_what_would_be_asked_of_the_site(transcript: Transcript) -> None:
    with simulating("image-update") as session:
        asks = {
            "INPUT_VERIFY_URL": f"{session.site}/?key=x",
            "INPUT_VERIFY_STATUS": "200,204",
            "INPUT_VERIFY_CONTAINS": "v2",
        }
        shown = transcript(login(session) | asks | {"INPUT_DRY_RUN": "true", "INPUT_IMAGE": ":2.1.0"})
    asked = rf"shop: would ask http://127\.0\.0\.1:8000/site/{session.uuids[0]}/\?… "
    assert re.search(
        f"^{asked}once it is deployed, until it answers 200,204 twice in a row, with 'v2' in it, for up to 3m 00s$",
        shown,
        re.MULTILINE,
    )


def test_no_golden_file_is_left_over() -> None:
    wanted = {f"plain-{name}" for name in PUBLIC} | {
        f"{system}-{name}" for system in SYSTEMS for name in IN_CI
    }
    wanted |= {f"plain-cf-{name}" for name in CF}
    wanted |= {f"{system}-{name}" for system in ("plain", "github") for name in ("rehearsal", "mistakes")} | {
        "github-two"
    }
    assert {path.stem for path in GOLDEN.glob("*.txt")} == wanted
