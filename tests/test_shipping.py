"""What a careful team looks for before it adopts an action: pins, rights, and that both ways in are the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deployer import docs
from deployer.providers import PROVIDERS
from deployer.report.facts import OUTPUTS
from deployer.settings import Common, declared

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [each for name, _, spelling in declared((*PROVIDERS, Common)) for each in (name, *spelling.inputs)]
PIN = re.compile(r"uses: (?:\./\S*|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")


def keys(text: str, part: str) -> list[str]:
    """The keys right below a top-level one."""
    block = re.split(r"^(?=\w)", text.partition(f"\n{part}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^  (\w+):", block, re.MULTILINE)


@pytest.mark.parametrize("text", [docs.action(), docs.composite(), docs.types()], ids=["docker", "composite", "types"])
def test_both_ways_and_their_types_have_the_same_inputs_and_outputs(text: str) -> None:
    assert keys(text, "inputs") == NAMES
    assert keys(text, "outputs") == list(OUTPUTS)


def test_the_composite_way_hands_every_input_over_in_the_environment_and_none_in_a_command() -> None:
    text = docs.composite()
    for name in NAMES:
        assert f"        INPUT_{name.upper()}: ${{{{ inputs.{name} }}}}\n" in text
    assert not [line for line in text.splitlines() if re.match(r"\s+run:", line) and "${{" in line]
    assert "default:" not in text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("force", ["boolean"], id="a-flag-that-may-be-missing"),
        pytest.param("wait", ["boolean"], id="a-flag"),
        pytest.param("pr", ["integer"], id="a-number"),
        pytest.param("uuid", ["list", "string"], id="a-list"),
        pytest.param("timeout", ["string"], id="a-duration"),
        pytest.param("on_timeout", ["enum"], id="a-choice"),
        pytest.param("coolify_token", ["string"], id="a-secret"),
        pytest.param("timed_out", ["boolean"], id="an-output"),
    ],
)
def test_an_input_has_the_type_that_a_typed_workflow_needs(name: str, kind: list[str]) -> None:
    block = re.split(r"^  (?=\w)", docs.types().partition(f"\n  {name}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    assert re.findall(r"type: (\w+)", block) == kind


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_pins_what_it_uses_and_gives_no_more_rights_than_it_must(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [line for line in text.splitlines() if re.match(r"\s+(?:- )?uses:", line) and not PIN.search(line)] == []
    assert "\npermissions: {}\n" in text
    assert text.count("uses: actions/checkout@") == text.count("persist-credentials: false")
    assert "pull_request_target" not in text
    assert "secrets." not in text  # so that none can be reached from a fork: the job's own token is all there is
    jobs = re.split(r"^  (?=[\w-]+:\n    )", text.partition("\njobs:\n")[2], flags=re.MULTILINE)[1:]
    assert jobs
    assert all(re.search(r"^    permissions:", job, re.MULTILINE) for job in jobs)


def test_one_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w./-]+)@(.*)$", path.read_text("utf-8"), re.MULTILINE):
            pins.setdefault(action, set()).add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_the_gate_waits_for_every_other_job() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    jobs = re.findall(r"^  ([\w-]+):\n    ", text.partition("\njobs:\n")[2], re.MULTILINE)
    assert f"needs: [{', '.join(job for job in jobs if job != 'gate')}]" in text
    assert f'test "$RESULTS" = "{" ".join(["success"] * (len(jobs) - 1))}"' in text


def test_the_release_builds_on_the_base_that_the_dockerfile_names() -> None:
    base = re.findall(r"^ARG BASE=(\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert re.findall(r"^  BASE: (\S+)", (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"), re.MULTILINE) == base
