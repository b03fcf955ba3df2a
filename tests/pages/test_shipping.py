"""What a careful team looks for before it adopts an action: pins, rights, and that both ways in are the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployer.providers import PROVIDERS
from deployer.report.target_report import OUTPUTS
from deployer.settings import Common, declared
from tests.pages.snippets import parsed
from tools import docs, run_venv

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [each for name, _, spelling in declared((*PROVIDERS, Common)) for each in (name, *spelling.inputs)]
PIN = re.compile(r"uses: (?:\./\S*|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")


def keys(text: str, part: str) -> list[str]:
    """The keys right below a top-level one."""
    block = re.split(r"^(?=\w)", text.partition(f"\n{part}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^  (\w+):", block, re.MULTILINE)


@pytest.mark.parametrize(
    "text", [docs.action(), docs.composite(), docs.types()], ids=["docker", "composite", "types"]
)
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
    block = re.split(
        r"^  (?=\w)", docs.types().partition(f"\n  {name}:\n")[2], maxsplit=1, flags=re.MULTILINE
    )[0]
    assert re.findall(r"type: (\w+)", block) == kind


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_pins_what_it_uses_and_gives_no_more_rights_than_it_must(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [
        line for line in text.splitlines() if re.match(r"\s+(?:- )?uses:", line) and not PIN.search(line)
    ] == []
    assert "\npermissions: {}\n" in text
    assert text.count("uses: actions/checkout@") == text.count("persist-credentials: false")
    assert "pull_request_target" not in text
    assert (
        "secrets." not in text
    )  # so that none can be reached from a fork: the job's own token is all there is
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
    assert (
        re.findall(
            r"^  BASE: (\S+)",
            (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"),
            re.MULTILINE,
        )
        == base
    )


@pytest.mark.parametrize(
    ("sign", "package", "releases"),
    [
        pytest.param("success", "success", True, id="uploaded"),
        pytest.param("success", "skipped", True, id="a-fork-uploads-no-package"),
        pytest.param("success", "failure", False, id="the-upload-failed"),
        pytest.param("success", "cancelled", False, id="the-upload-was-cancelled"),
        pytest.param("failure", "skipped", False, id="not-signed"),
        pytest.param("skipped", "skipped", False, id="not-tested"),
    ],
)
def test_a_release_needs_a_signature_and_a_package_only_where_one_is_uploaded(
    sign: str, package: str, releases: bool
) -> None:
    jobs = parsed((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))["jobs"]
    assert jobs["package"]["if"] == "vars.PUBLISH_PACKAGE == 'true'"
    assert {"sign", "package"} <= set(jobs["release"]["needs"])
    condition = jobs["release"]["if"].removeprefix("${{").removesuffix("}}").strip()
    for theirs, ours in {"!cancelled()": "True", "&&": "and", "||": "or"}.items():
        condition = condition.replace(theirs, ours)
    needs = SimpleNamespace(sign=SimpleNamespace(result=sign), package=SimpleNamespace(result=package))
    assert eval(condition, {"needs": needs}) is releases  # the operators are the same in both languages


def test_a_bug_is_reported_with_what_it_takes_to_find_it() -> None:
    form = parsed((ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text("utf-8"))
    asked = {
        each["id"]: each.get("validations", {}).get("required", False)
        for each in form["body"]
        if "id" in each
    }
    assert asked == {
        "happened": True,
        "expected": True,
        "version": True,
        "ci": True,
        "platform": True,
        "inputs": False,
        "result": False,
    }


def test_make_help_says_what_each_command_needs_and_costs() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    commands = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()
    told = dict(re.findall(r"^([a-z0-9]+):.* ## (.*)$", text, re.MULTILINE))
    assert set(told) == set(commands)
    assert {name for name, line in told.items() if len(line.split(" | ")) != 3} == set()


@pytest.mark.parametrize("has_pip", [True, False], ids=["pip", "only-the-wheel"])
def test_the_first_look_installs_what_running_needs_and_no_tool_of_the_developers(
    has_pip: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `make demo` starts, but for the download; the pip that it names is there."""
    started: list[list[str]] = []

    def call(words: list[str]) -> int:
        started.append(words)
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(run_venv, "find_spec", lambda _: has_pip or None)
    home = tmp_path / "run"
    (home / "left-behind").mkdir(parents=True)
    assert run_venv.main(str(home)) == 0
    assert not (home / "left-behind").exists()
    [[python, *words]] = started
    target = subprocess.check_output(
        [home / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    )
    assert words[words.index("--target") + 1] == target.strip()
    assert words[words.index("--requirement") + 1] == str(ROOT / "requirements.txt")
    assert {"--require-hashes", "--no-deps"} <= set(words)
    pip = words[: words.index("install")]
    assert subprocess.check_output([python, *pip, "--version"], text=True).startswith("pip ")
    assert ".venv-run/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
