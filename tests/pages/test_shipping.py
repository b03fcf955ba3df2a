"""What a careful team checks before it adopts an action: pins, permissions, and two equal variants."""

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
NAMES = [each for name, _, aliases in declared((*PROVIDERS, Common)) for each in (name, *aliases.inputs)]
PIN = re.compile(r"uses: (?:\./\S*|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")


def keys(text: str, part: str) -> list[str]:
    """The keys directly below a top-level key."""
    block = re.split(r"^(?=\w)", text.partition(f"\n{part}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^  (\w+):", block, re.MULTILINE)


@pytest.mark.parametrize(
    "text", [docs.action(), docs.composite(), docs.types()], ids=["docker", "composite", "types"]
)
def test_both_variants_and_their_types_have_the_same_inputs_and_outputs(text: str) -> None:
    assert keys(text, "inputs") == NAMES
    assert keys(text, "outputs") == list(OUTPUTS)


def test_composite_action_passes_inputs_only_in_the_environment() -> None:
    text = docs.composite()
    for name in NAMES:
        assert f"        INPUT_{name.upper()}: ${{{{ inputs.{name} }}}}\n" in text
    assert not [line for line in text.splitlines() if re.match(r"\s+run:", line) and "${{" in line]
    assert "default:" not in text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("force", ["boolean"], id="optional-flag"),
        pytest.param("wait", ["boolean"], id="flag"),
        pytest.param("pr", ["integer"], id="number"),
        pytest.param("uuid", ["list", "string"], id="list"),
        pytest.param("timeout", ["string"], id="duration"),
        pytest.param("on_timeout", ["enum"], id="choice"),
        pytest.param("coolify_token", ["string"], id="secret"),
        pytest.param("timed_out", ["boolean"], id="output"),
    ],
)
def test_type_of_an_input_or_output(name: str, kind: list[str]) -> None:
    block = re.split(
        r"^  (?=\w)", docs.types().partition(f"\n  {name}:\n")[2], maxsplit=1, flags=re.MULTILINE
    )[0]
    assert re.findall(r"type: (\w+)", block) == kind


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_pins_its_actions_and_has_least_permissions(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [
        line for line in text.splitlines() if re.match(r"\s+(?:- )?uses:", line) and not PIN.search(line)
    ] == []
    assert "\npermissions: {}\n" in text
    assert text.count("uses: actions/checkout@") == text.count("persist-credentials: false")
    assert "pull_request_target" not in text
    assert "secrets." not in text  # a fork can read none: the job's own token is the only one
    jobs = re.split(r"^  (?=[\w-]+:\n    )", text.partition("\njobs:\n")[2], flags=re.MULTILINE)[1:]
    assert jobs
    assert all(re.search(r"^    permissions:", job, re.MULTILINE) for job in jobs)


def test_each_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w./-]+)@(.*)$", path.read_text("utf-8"), re.MULTILINE):
            pins.setdefault(action, set()).add(pin)
    assert {action: versions for action, versions in pins.items() if len(versions) > 1} == {}


def test_gate_waits_for_every_other_job() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    jobs = re.findall(r"^  ([\w-]+):\n    ", text.partition("\njobs:\n")[2], re.MULTILINE)
    assert f"needs: [{', '.join(job for job in jobs if job != 'gate')}]" in text
    assert f'test "$RESULTS" = "{" ".join(["success"] * (len(jobs) - 1))}"' in text


def test_release_uses_the_base_image_of_the_dockerfile() -> None:
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
    ("signed", "package", "releases"),
    [
        pytest.param("success", "success", True, id="uploaded"),
        pytest.param("success", "skipped", True, id="fork-without-package"),
        pytest.param("success", "failure", False, id="upload-failed"),
        pytest.param("success", "cancelled", False, id="upload-cancelled"),
        pytest.param("failure", "skipped", False, id="not-signed"),
        pytest.param("skipped", "skipped", False, id="not-tested"),
    ],
)
def test_release_needs_a_signature_and_an_uploaded_package(signed: str, package: str, releases: bool) -> None:
    jobs = parsed((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))["jobs"]
    assert jobs["package"]["if"] == "vars.PUBLISH_PACKAGE == 'true'"
    assert {"sign", "package"} <= set(jobs["release"]["needs"])
    condition = jobs["release"]["if"].removeprefix("${{").removesuffix("}}").strip()
    for github, python in {"!cancelled()": "True", "&&": "and", "||": "or"}.items():
        condition = condition.replace(github, python)
    needs = SimpleNamespace(sign=SimpleNamespace(result=signed), package=SimpleNamespace(result=package))
    assert eval(condition, {"needs": needs}) is releases  # after the replacements, the same in both languages


def test_bug_report_asks_for_what_is_needed() -> None:
    form = parsed((ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text("utf-8"))
    fields = {
        each["id"]: each.get("validations", {}).get("required", False)
        for each in form["body"]
        if "id" in each
    }
    assert fields == {
        "happened": True,
        "expected": True,
        "version": True,
        "ci": True,
        "platform": True,
        "inputs": False,
        "result": False,
    }


def test_make_help_describes_each_command() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    commands = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()
    descriptions = dict(re.findall(r"^([a-z0-9]+):.* ## (.*)$", text, re.MULTILINE))
    assert set(descriptions) == set(commands)
    assert {name for name, line in descriptions.items() if len(line.split(" | ")) != 3} == set()


@pytest.mark.parametrize("has_pip", [True, False], ids=["pip", "only-the-wheel"])
def test_demo_installs_only_the_runtime_requirements(
    has_pip: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `make demo` starts, without the download. The pip that it uses exists."""
    started: list[list[str]] = []

    def call(arguments: list[str]) -> int:
        started.append(arguments)
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(run_venv, "find_spec", lambda _: has_pip or None)
    home = tmp_path / "run"
    (home / "leftover").mkdir(parents=True)
    assert run_venv.main(str(home)) == 0
    assert not (home / "leftover").exists()
    [[python, *arguments]] = started
    target = subprocess.check_output(
        [home / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    )
    assert arguments[arguments.index("--target") + 1] == target.strip()
    assert arguments[arguments.index("--requirement") + 1] == str(ROOT / "requirements.txt")
    assert {"--require-hashes", "--no-deps"} <= set(arguments)
    pip = arguments[: arguments.index("install")]
    assert subprocess.check_output([python, *pip, "--version"], text=True).startswith("pip ")
    assert ".venv-run/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
