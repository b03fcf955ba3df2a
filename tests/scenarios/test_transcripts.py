"""Transcripts: what a person reads, and what later steps receive, of every public scenario.

`UPDATE_GOLDEN=1 pytest tests/scenarios/test_transcripts.py` regenerates the files in `tests/golden`. They are
read in review: what looks wrong is wrong.

The program runs in this process, over real sockets, on a clock that only moves when the program sleeps; the
simulator reads the same one. Only the simulator's port and GitHub's delimiters vary. ESC is written as `␛`, a
carriage return as `␍`.
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
from tests.scenarios.rehearsals import StillClock
from tests.simulator.cloudfoundry.invariants import violations as cf_violations
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating

GOLDEN = Path(__file__).parents[1] / "golden"
PUBLIC_SCENARIOS = list(SCENARIOS)
CI_SCENARIOS = ["success", "build-failure", "cancelled"]
CLOUDFOUNDRY_SCENARIOS = ["success", "crash", "staging-failure"]
VARYING = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:8000",
    r"ghadelimiter_[0-9a-f-]{36}": "ghadelimiter_00000000-0000-4000-8000-000000000000",
}
VISIBLE = {"\x1b": "␛", "\r": "␍"}
COMMIT = "2222222222333333333344444444445555555555"
"""The CI run's commit, which differs from the one in the recorded deployments."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    """One clock for the program and the simulator."""
    clock = StillClock()
    for module in (simulated, foundation):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=clock.real))
    return clock


Transcript = Callable[[dict[str, str]], str]


@pytest.fixture
def transcript(
    tmp_path: Path,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Transcript:
    """Runs the program in an empty folder, and returns its output and the files that it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(environ: dict[str, str]) -> str:
        code = main([], environ, clock)  # type: ignore[arg-type]  # structural, as in all tests
        stdout, stderr = capfdbinary.readouterr()
        assert stderr == b""
        parts = [("stdout", stdout), *((path.name, path.read_bytes()) for path in sorted(tmp_path.iterdir()))]
        shown = (
            "".join(f"----- {name}\n{data.decode()}" for name, data in parts) + f"----- exit code {code}\n"
        )
        for pattern, replacement in VARYING.items():
            shown = re.sub(pattern, replacement, shown)
        return "".join(VISIBLE.get(character, character) for character in shown)

    return run


def assert_golden(name: str, shown: str) -> None:
    """Compare the transcript with the golden file, which UPDATE_GOLDEN replaces."""
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


SCENARIO_INPUTS = {
    "image-update": {"DEPLOYER_APP_IMAGE": ":2.1.0"},
    "bad-release": {"DEPLOYER_VERIFY_URL": "{site}", "DEPLOYER_ROLLBACK": "true"},
}
"""The inputs that a scenario needs to show its point."""


@pytest.mark.parametrize("scenario", PUBLIC_SCENARIOS)
def test_plain_transcript(scenario: str, transcript: Transcript) -> None:
    with simulating(scenario) as session:
        inputs = {
            name: value.replace("{site}", session.site)
            for name, value in SCENARIO_INPUTS.get(scenario, {}).items()
        }
        assert_golden(f"plain-{scenario}", transcript(login(session) | inputs))
        assert violations(session) == []


@pytest.mark.parametrize("scenario", CLOUDFOUNDRY_SCENARIOS)
def test_plain_transcript_of_cloud_foundry(scenario: str, transcript: Transcript) -> None:
    with cloudfoundry.simulating(scenario) as session:
        assert_golden(
            f"plain-cf-{scenario}",
            transcript({f"INPUT_{name.upper()}": value for name, value in session.inputs.items()}),
        )
        assert cf_violations(session) == []


@pytest.mark.parametrize("scenario", CI_SCENARIOS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_transcript_of_a_ci_system(system: str, scenario: str, transcript: Transcript) -> None:
    with simulating(scenario) as session:
        assert_golden(f"{system}-{scenario}", transcript(login(session) | SYSTEMS[system]))
        assert violations(session) == []


@pytest.mark.parametrize("system", ["plain", "github"])
def test_rehearsal_is_announced(system: str, transcript: Transcript) -> None:
    environ = {"DEPLOYER_REHEARSE": "build-failure", "COOLIFY_TOKEN": "1|thisTokenIsNotUsedInARehearsal"}
    assert_golden(f"{system}-rehearsal", transcript(environ | SYSTEMS.get(system, {})))


@pytest.mark.parametrize("system", ["plain", "github"])
def test_input_errors_are_reported_together(system: str, transcript: Transcript) -> None:
    environ = {
        "COOLIFY_URL": "https://coolify.example.com",
        "DEPLOYER_TIMOUT": "5m",
        "DEPLOYER_TIMEOUT": "soon",
        "DEPLOYER_WAIT": "300",
    }
    assert_golden(f"{system}-mistakes", transcript(environ | SYSTEMS.get(system, {})))


def test_two_targets_are_distinguishable(transcript: Transcript) -> None:
    with simulating("two") as session:
        assert_golden("github-two", transcript(login(session) | SYSTEMS["github"]))


def test_rehearsal_speeds_up_the_clock(transcript: Transcript, clock: StillClock) -> None:
    transcript({"DEPLOYER_REHEARSE": "bad-token"})
    assert clock.speed == REHEARSAL_SPEED


def test_rehearsal_verifies_its_own_site_instead_of_the_given_one(transcript: Transcript) -> None:
    inputs = {
        "DEPLOYER_VERIFY_URL": "https://web.example.com",
        "DEPLOYER_VERIFY_STATUS": "200",
        "DEPLOYER_VERIFY_CONTAINS": "v2",
    }
    shown = transcript({"DEPLOYER_REHEARSE": "bad-release", **inputs})
    assert f"Not used in a rehearsal: {', '.join(inputs)}\n" in shown
    assert "The rehearsal's own site is verified instead\n" in shown
    assert "web: its site responds with HTTP 502" in shown
    assert "----- exit code 5" in shown
    assert "web: its site responds" not in transcript({"DEPLOYER_REHEARSE": "bad-release"})


def test_values_of_variables_are_not_masked_in_outputs(transcript: Transcript) -> None:
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
    ("inputs", "value"),
    [
        pytest.param(
            {"INPUT_ENV": "DB_PASSWORD={0}"}, "SuperSecretTokenValue1234567890abcdef", id="truncated"
        ),
        pytest.param({"INPUT_ENV": "DB_PASSWORD={0}"}, "pass<b>word</b>x-long  blanks", id="tags-and-spaces"),
        pytest.param(
            {"INPUT_SETTINGS": '{{"http_basic_auth_password": "{0}"}}'},
            "hunter2hunter2",
            id="settings",
        ),
    ],
)
def test_secret_in_a_site_response_is_redacted(
    transcript: Transcript, inputs: dict[str, str], value: str
) -> None:
    site = ((0, 500, f"{'x' * 170} DB_PASSWORD={value}"),)
    scenario = SCENARIOS["image-update"]
    with simulating(replace(scenario, apps=(replace(scenario.apps[0], site=site),))) as session:
        inputs = {name: text.format(value) for name, text in inputs.items()} | {"INPUT_IMAGE": ":2.1.0"}
        shown = transcript(
            login(session) | inputs | {"INPUT_VERIFY_URL": session.site, "INPUT_VERIFY_TIMEOUT": "20s"}
        )
    assert "DB_PASSWORD=***" in shown
    assert value[:10] not in shown


def test_dry_run_describes_the_site_verification(transcript: Transcript) -> None:
    with simulating("image-update") as session:
        verify = {
            "INPUT_VERIFY_URL": f"{session.site}/?key=x",
            "INPUT_VERIFY_STATUS": "200,204",
            "INPUT_VERIFY_CONTAINS": "v2",
        }
        shown = transcript(login(session) | verify | {"INPUT_DRY_RUN": "true", "INPUT_IMAGE": ":2.1.0"})
    prefix = (
        r"shop: after the deployment, would verify that "
        rf"http://127\.0\.0\.1:8000/site/{session.uuids[0]}/\?… "
    )
    assert re.search(
        f"^{prefix}responds with 200,204 twice in a row, containing 'v2', for up to 3m 00s$",
        shown,
        re.MULTILINE,
    )


def test_no_golden_file_is_unused() -> None:
    expected = {f"plain-{name}" for name in PUBLIC_SCENARIOS} | {
        f"{system}-{name}" for system in SYSTEMS for name in CI_SCENARIOS
    }
    expected |= {f"plain-cf-{name}" for name in CLOUDFOUNDRY_SCENARIOS}
    expected |= {
        f"{system}-{name}" for system in ("plain", "github") for name in ("rehearsal", "mistakes")
    } | {"github-two"}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == expected
