"""The program as a process: scenarios, inputs, arguments, internal errors."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deployer import __version__
from deployer.model import Outcome
from deployer.simulator.serving.exchange import Fault, Then
from tests.ci.decoders import SECTION, parse_line
from tests.process.program import (
    COMMIT,
    ENTRYPOINT,
    FAST,
    HEADER,
    OTHER_COMMIT,
    OTHER_TOKEN,
    PROXY,
    ProcessResult,
    UnrelatedHost,
    github,
    login,
    marked_secrets,
    output_files,
    run_against,
    running,
    token_parts,
)
from tests.process.scenarios import EXPECTED, SYSTEMS, every_system
from tests.scenarios.coolify_changes import ROLLBACKS
from tests.scenarios.test_coolify import CASES
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

# --- every scenario


MAIN_SCENARIOS = ("success", "build-failure", "already-queued", "two", "hostile")
"""The scenarios that also run in the CI systems."""


def test_every_scenario_is_run() -> None:
    # "hang-at-first" has a test of its own in test_coolify.py
    in_cases = {case.scenario for case in (*CASES, *ROLLBACKS)} | {"hang-at-first"}
    assert set(EXPECTED) | in_cases == set(SCENARIOS)


def run_scenario(
    scenario: str, system: str, folder: Path, unrelated_host: UnrelatedHost, **more: str
) -> ProcessResult:
    """Run a scenario to its end, and check the deployments that it started and its result in every output."""
    expected = EXPECTED[scenario]
    environ = {**SYSTEMS[system](folder), **output_files(), **expected.environ, **more}
    with run_against(
        scenario,
        folder,
        unrelated_host,
        environ,
        speed=expected.speed,
        in_file=system != "plain",
        before=expected.before,
    ) as run:
        result = run.end()
        assert (result.code, result.outputs["status"]) == (
            expected.outcome.exit_code,
            expected.outcome.status,
        ), result.text
        assert run.starts() == expected.starts
        assert (result.result_file["status"], result.result_file["exit_code"]) == (
            expected.outcome.status,
            expected.outcome.exit_code,
        )
        assert [target["uuid"] for target in result.result_file["targets"]] == list(run.session.uuids)
        return result


@pytest.mark.parametrize("scenario", EXPECTED)
def test_scenario(scenario: str, folder: Path, unrelated_host: UnrelatedHost) -> None:
    result = run_scenario(scenario, "plain", folder, unrelated_host)
    assert result.outputs["timed_out"] == str(EXPECTED[scenario].outcome is Outcome.TIMED_OUT).lower()
    assert (folder / "build.log").exists()
    assert len(result.annotations("error")) == sum(
        target["status"] not in {"finished", "interrupted"} for target in result.result_file["targets"]
    )


@pytest.mark.parametrize("scenario", MAIN_SCENARIOS)
def test_github_has_outputs_summary_and_one_annotation_per_failed_target(
    scenario: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    result = run_scenario(scenario, "github", folder, unrelated_host)
    unsuccessful = [target for target in result.result_file["targets"] if target["status"] != "finished"]
    errors = [command for command in result.commands if command.name == "error"]
    assert len(errors) == len(unsuccessful)
    for target, error in zip(unsuccessful, errors, strict=True):
        assert target["reason"].strip() in error.data
        assert target["deployment_url"] in error.data
    assert json.loads(result.outputs["result"]) == result.result_file
    summary = result.read("summary")
    assert len(re.findall(r"^\*\*Why `.* ended as \w+\*\*$", summary, re.MULTILINE)) == sum(
        bool(target["reason"]) for target in unsuccessful
    )
    assert summary.startswith("### ")
    assert summary.count("\n| [") + summary.count("\n| `") == len(result.result_file["targets"])
    names = [command.name for command in result.commands if command.name in {"group", "endgroup"}]
    assert names == ["group", "endgroup"] * (len(names) // 2)


@pytest.mark.parametrize("scenario", MAIN_SCENARIOS)
def test_gitlab_accepts_the_dotenv_report(scenario: str, folder: Path, unrelated_host: UnrelatedHost) -> None:
    """GitLab rejects the whole file if a line has no `=`, or if it has 5120 bytes (ci-formats 2)."""
    result = run_scenario(scenario, "gitlab", folder, unrelated_host)
    report = result.read("deployer.env")
    assert report.endswith("\n")
    assert [line for line in report.split("\n")[:-1] if not re.fullmatch(r"[A-Za-z0-9_]+=.*", line)] == []
    assert len(report.encode()) < 5000
    assert not re.search(r"^DEPLOYER_|RESULT", report, re.MULTILINE)
    markers = [(found[1], found[3]) for found in SECTION.finditer(result.text)]
    assert markers[::2] == [("start", name) for _, name in markers[1::2]]
    assert {marker for marker, _ in markers[1::2]} <= {"end"}


def test_different_commit_is_one_warning_that_names_both(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "success", folder, unrelated_host, github(folder, GITHUB_SHA=OTHER_COMMIT), speed=FAST
    ) as run:
        result = run.end()
    [warning] = result.annotations("warning")
    assert COMMIT in warning
    assert OTHER_COMMIT in warning
    assert (result.code, result.outputs["commit"]) == (0, COMMIT)


def test_same_commit_is_not_a_warning(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against("success", folder, unrelated_host, github(folder), speed=FAST) as run:
        assert run.end().annotations("warning") == []


def test_masks_come_before_every_other_line(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "bad-token", folder, unrelated_host, github(folder, INPUT_TIMEOUTT="3"), speed=FAST
    ) as run:
        result = run.end()
        expected = {run.session.token, HEADER, PROXY}
    masks = [command.data for command in result.commands if command.name == "add-mask"]
    assert expected <= set(masks)
    assert "abc" not in masks  # shorter than eight characters: it would mask unrelated words
    assert [command.name for command in result.commands[: len(masks)]] == ["add-mask"] * len(masks)


def test_secret_of_several_lines_is_masked_by_line_except_short_lines(folder: Path) -> None:
    """GitHub masks each line: a mask of `{` would mask all JSON of the job (ci-formats 1.4)."""
    key = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN KEY-----\\nMIIE"\n}\n'
    (folder / "key.json").write_text(key)
    environ = {
        "GITHUB_ACTIONS": "true",
        "INPUT_CF_API": "https://api.example.org",
        "INPUT_CF_CLIENT_SECRET_FILE": str(folder / "key.json"),
    }
    result = subprocess.run(
        [sys.executable, str(ENTRYPOINT)],
        env=environ,
        capture_output=True,
        check=False,
        cwd=folder,
        timeout=60,
    )
    commands = [command for line in result.stdout.decode().splitlines() if (command := parse_line(line))]
    masks = [command.data for command in commands if command.name == "add-mask"]
    assert masks == ['"type": "service_account",', '"private_key": "-----BEGIN KEY-----\\nMIIE"']
    assert result.returncode == 2


@pytest.mark.parametrize(
    "token", ["INPUT_TOKEN", "INPUT_COOLIFY-TOKEN", "PLUGIN_COOLIFY_TOKEN", "COOLIFY_API_TOKEN"]
)
def test_token_under_another_name_is_redacted(
    token: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with simulating("hostile", speed=FAST) as session:
        environ = {
            **marked_secrets(unrelated_host),
            **login(session, folder),
            **github(folder),
            **output_files(),
        }
        environ[token] = environ.pop("COOLIFY_TOKEN")
        with running(folder, environ, speed=FAST) as program:
            program.secrets |= token_parts(session.token)
            assert program.end().code == 1
        assert violations(session) == []


def test_secrets_from_files_are_redacted(folder: Path, unrelated_host: UnrelatedHost) -> None:
    headers = folder.parent / "headers"
    headers.write_text(f"X-Marked: {HEADER}\n")
    environ = {**github(folder), **output_files(), "DEPLOYER_HEADERS_FILE": str(headers)}
    with run_against(
        "success", folder, unrelated_host, environ, speed=FAST, in_file=True, without=("DEPLOYER_HEADERS",)
    ) as run:
        assert run.end().code == 0
        assert {request.headers.get("x-marked") for request in run.session.journal} == {HEADER}


def test_wait_false_ends_as_triggered(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against("success", folder, unrelated_host, github(folder, INPUT_WAIT="false")) as run:
        result = run.end()
        assert (result.code, result.outputs["status"], run.starts(), len(run.requests("look"))) == (
            0,
            "triggered",
            1,
            0,
        )


def test_wait_false_with_instant_deploy_polls_once(folder: Path, unrelated_host: UnrelatedHost) -> None:
    """Only a poll tells a deployment from one that a full queue rejected: Coolify's response is the same."""
    environ = github(folder, INPUT_WAIT="false", INPUT_INSTANT_DEPLOY="true")
    with run_against("success", folder, unrelated_host, environ) as run:
        result = run.end()
        assert (result.code, result.outputs["status"], run.starts(), len(run.requests("look"))) == (
            0,
            "triggered",
            1,
            1,
        )
        assert result.outputs["deployment_uuid"] == run.session.deployments()[0]["deployment_uuid"]


def test_wait_false_finds_the_deployment_that_was_already_queued(
    folder: Path, unrelated_host: UnrelatedHost
) -> None:
    """Coolify's response names a deployment that does not exist: the output is the real one."""
    with run_against(
        "already-queued", folder, unrelated_host, github(folder, INPUT_WAIT="false"), speed=10
    ) as run:
        result = run.end()
        assert (result.code, result.outputs["status"], run.starts()) == (0, "triggered", 0)
        uuids = [row["deployment_uuid"] for row in run.session.deployments()]
    assert result.outputs["deployment_uuid"] in uuids


def test_wait_false_waits_while_the_queue_is_full(folder: Path, unrelated_host: UnrelatedHost) -> None:
    environ = {**github(folder, INPUT_WAIT="false", INPUT_INSTANT_DEPLOY="true"), **output_files()}
    with run_against("queue-full", folder, unrelated_host, environ, speed=200) as run:
        result = run.end()
        assert (result.code, result.outputs["status"], run.starts()) == (0, "triggered", 1)
        assert len(run.requests("start")) > 1
        [row] = [row for row in run.session.deployments() if row["is_api"]]
    assert result.outputs["deployment_uuid"] == row["deployment_uuid"]
    assert "deployment queue is full" in result.text


def test_full_queue_until_the_timeout_starts_nothing(folder: Path, unrelated_host: UnrelatedHost) -> None:
    environ = {**github(folder, INPUT_INSTANT_DEPLOY="true", INPUT_TIMEOUT="2m"), **output_files()}
    with run_against("queue-always-full", folder, unrelated_host, environ, speed=200) as run:
        result = run.end()
        assert (result.code, result.outputs["status"], run.starts()) == (3, "timed_out", 0)
    assert [(target["status"], target["deployment_uuid"]) for target in result.result_file["targets"]] == [
        ("timed_out", "")
    ]
    [error] = result.annotations("error")
    assert "deployment queue is full" in error


def test_redirected_trigger_is_not_followed_and_finally_refused(
    folder: Path, unrelated_host: UnrelatedHost
) -> None:
    """Following it would send the token elsewhere, and would turn the POST into a GET.

    Architecture, rule 7: what redirects may have handled the trigger before.
    """
    redirected = Fault(("deploy", "start"), Then.REPLY, reply="elsewhere_redirect_301")
    scenario = replace(SCENARIOS["success"], name="redirected", faults=(redirected,))
    with run_against(scenario, folder, unrelated_host, github(folder)) as run:
        result = run.end()
        assert (result.code, result.outputs["status"], run.starts(), len(run.requests("deploy"))) == (
            2,
            "refused",
            0,
            3,
        )
    [error] = result.annotations("error")
    assert "`coolify_url`" in error
    assert "no deployment was found" in error


def test_timeout_cancels_with_on_timeout_cancel(folder: Path, unrelated_host: UnrelatedHost) -> None:
    environ = github(folder, INPUT_TIMEOUT="10", **{"INPUT_ON-TIMEOUT": "cancel"})
    with run_against("slow", folder, unrelated_host, environ) as run:
        result = run.end()
        assert (result.code, result.outputs["status"], result.outputs["timed_out"]) == (
            3,
            "timed_out",
            "true",
        )
        assert len(run.requests("cancel")) == 1
    [error] = result.annotations("error")
    assert "still being built" not in error or "cancelled" in error  # cancelled by this run


# --- invalid inputs


def test_invalid_inputs_are_annotations_and_explain_a_summary(
    folder: Path, unrelated_host: UnrelatedHost
) -> None:
    environ = github(folder, INPUT_TIMEOUT="abc", INPUT_LOGS="loud")
    with run_against("success", folder, unrelated_host, environ, speed=FAST) as run:
        result = run.end()
        assert run.session.journal == []
    assert (result.code, result.outputs["status"]) == (2, "refused")
    assert sorted(error.partition(": ")[2].partition(":")[0] for error in result.annotations("error")) == [
        "logs",
        "timeout",
    ]
    summary = result.read("summary")
    assert not summary or ("timeout" in summary and "logs" in summary)


def test_missing_inputs_are_named(folder: Path) -> None:
    with running(folder, {}) as program:
        result = program.end()
    assert result.code == 2
    assert [line.partition(" is missing")[0].rpartition(" ")[2] for line in result.lines] == [
        "COOLIFY_URL",
        "COOLIFY_TOKEN",
        "DEPLOYER_UUID",
    ]


def test_misspelt_input_is_a_warning(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "bad-token", folder, unrelated_host, github(folder, INPUT_TIMOUT="3m"), speed=FAST
    ) as run:
        [warning] = run.end().annotations("warning")
    assert "timout" in warning
    assert "Did you mean timeout" in warning


@every_system
def test_run_without_its_secret_is_skipped_on_request(
    system: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    environ = {
        **SYSTEMS[system](folder),
        "DEPLOYER_ON_MISSING_SECRET": "skip",
        "DEPLOYER_TIMEOUT": "nonsense",
    }
    with run_against(
        "success",
        folder,
        unrelated_host,
        environ,
        speed=FAST,
        without=("COOLIFY_TOKEN", "COOLIFY_URL", "COOLIFY_UUID"),
    ) as run:
        result = run.end()
        assert run.session.journal == []
    assert (result.code, result.outputs["status"], len(result.annotations("notice"))) == (0, "skipped", 1)
    assert (result.annotations("error"), result.annotations("warning")) == ([], [])


def test_misspelt_input_is_reported_before_the_run_is_skipped(
    folder: Path, unrelated_host: UnrelatedHost
) -> None:
    environ = github(folder, INPUT_ON_MISSING_SECRET="skip", INPUT_TIMOUT="3m")
    with run_against(
        "success", folder, unrelated_host, environ, speed=FAST, without=("COOLIFY_TOKEN",)
    ) as run:
        result = run.end()
        assert run.session.journal == []
    assert (result.code, result.outputs["status"]) == (0, "skipped")
    annotations = [command for command in result.commands if command.name in {"warning", "notice", "error"}]
    assert [command.name for command in annotations] == ["warning", "notice"]
    assert "Did you mean timeout" in annotations[0].data
    assert "skipped" in annotations[1].data


# --- rehearsals


@every_system
def test_rehearsal_is_announced(system: str, folder: Path, unrelated_host: UnrelatedHost) -> None:
    environ = {
        **marked_secrets(unrelated_host),
        **SYSTEMS[system](folder),
        **output_files(),
        "DEPLOYER_REHEARSE": "build-failure",
    }
    environ |= {
        "COOLIFY_TOKEN": OTHER_TOKEN,
        "COOLIFY_UUID": "abc123",
        "COOLIFY_URL": f"http://127.0.0.1:{unrelated_host.port}",
    }
    with running(folder, environ) as program:
        result = program.end()
    assert result.code == 1
    first = next(line for line in result.lines if not line.startswith("::add-mask::"))
    assert first.startswith("Rehearsal: ")
    assert "nothing is deployed" in first
    assert [
        warning
        for warning in result.annotations("warning")
        if "earsal" in warning and "nothing is deployed" in warning
    ] != []
    unused = next(line for line in result.lines if "Not used in a rehearsal" in line)
    assert all(
        re.search(name, unused, re.IGNORECASE) for name in ("coolify_token", "coolify_uuid", "coolify_url")
    )
    assert result.result_file["rehearsal"] is True
    if system == "github":
        [error] = [command for command in result.commands if command.name == "error"]
        assert error.properties["title"].startswith("Rehearsal: ")
        assert result.read("summary").startswith("### Rehearsal: nothing was deployed")
        assert json.loads(result.outputs["result"])["rehearsal"] is True
    assert unrelated_host.received == []


def test_real_run_is_not_announced_as_rehearsal(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "success", folder, unrelated_host, {**github(folder), **output_files()}, speed=FAST
    ) as run:
        result = run.end()
    assert result.result_file["rehearsal"] is False
    assert "ehearsal" not in result.text + result.read("summary")


# --- arguments


def run_with_arguments(folder: Path, *arguments: str, **environ: str) -> ProcessResult:
    with running(folder, environ, *arguments) as program:
        return program.end()


def test_help_names_the_inputs(folder: Path) -> None:
    result = run_with_arguments(folder, "--help")
    assert result.code == 0
    assert [
        name
        for name in ("COOLIFY_URL", "COOLIFY_TOKEN", "DEPLOYER_UUID", "DEPLOYER_TIMEOUT", "rehearse")
        if name not in result.text
    ] == []


def test_version_is_printed(folder: Path) -> None:
    result = run_with_arguments(folder, "--version")
    assert (result.code, result.text) == (0, f"deployer {__version__}\n")


def test_program_as_argument_is_run_instead(folder: Path) -> None:
    result = run_with_arguments(
        folder, "sh", "-c", 'echo "$1 $DEPLOYER_UUID"; exit 7', "sh", "two words", DEPLOYER_UUID="abc"
    )
    assert (result.code, result.text) == (7, "two words abc\n")


def test_program_as_argument_has_default_signals(folder: Path) -> None:
    """Python ignores SIGPIPE, and exec inherits that: a `yes | head` in the user's script would not end."""
    assert run_with_arguments(folder, "sh", "-c", "kill -PIPE $$; echo survived").code == -signal.SIGPIPE
    assert run_with_arguments(folder, "sh", "-c", "kill -TERM $$; echo survived").code == -signal.SIGTERM


@pytest.mark.parametrize("argument", ["deploy", "--verbose", "", "/"])
def test_unknown_argument_is_an_error(argument: str, folder: Path) -> None:
    result = run_with_arguments(folder, argument)
    assert result.code == 2
    assert len(result.annotations("error")) == 1
    assert "environment" in result.text


# --- internal errors


BROKEN_REPORTER = """\
import os, deployer.report
def broken(*_):
    raise RuntimeError("the token is " + os.environ["COOLIFY_TOKEN"])
deployer.report.Reporter.{method} = broken
"""


@pytest.mark.parametrize(
    ("system", "debug"),
    [("plain", "DEPLOYER_DEBUG"), ("github", "RUNNER_DEBUG"), ("plain", ""), ("github", "")],
)
def test_internal_error_exits_with_70_and_ends_with_the_link(
    system: str, debug: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    environ = {**SYSTEMS[system](folder), **output_files(), **({debug: "1"} if debug else {})}
    with run_against(
        "build-failure",
        folder,
        unrelated_host,
        environ,
        speed=FAST,
        before=BROKEN_REPORTER.format(method="_finished"),
    ) as run:
        result = run.end()
        [row] = run.session.deployments()
        assert row["deployment_url"] in result.lines[-1]
    assert result.code == 70
    assert len(result.annotations("error")) == 1
    assert "status" not in result.outputs
    assert result.outputs["deployment_uuid"] == row["deployment_uuid"]
    assert ("Traceback" in result.text) == bool(debug)


def test_message_of_an_internal_error_is_outside_of_groups(
    folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with run_against(
        "build-failure",
        folder,
        unrelated_host,
        github(folder),
        speed=FAST,
        before=BROKEN_REPORTER.format(method="_finished"),
    ) as run:
        result = run.end()
    names = [command.name for command in result.commands]
    assert "group" in names
    assert names[-2:] == ["endgroup", "error"]


def test_internal_error_before_the_trigger_says_so(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "success",
        folder,
        unrelated_host,
        github(folder),
        speed=FAST,
        before=BROKEN_REPORTER.format(method="_connected"),
    ) as run:
        result = run.end()
        assert (result.code, run.starts()) == (70, 0)
    assert result.lines[-1] == "No deployment is known to have been started"


def test_entrypoint_needs_no_environment(folder: Path) -> None:
    """It needs neither PATH, nor a certain working directory, nor site-packages of the user."""
    completed = subprocess.run(
        [sys.executable, str(ENTRYPOINT), "--version"],
        cwd="/",
        env={},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (completed.returncode, completed.stderr) == (0, b"")
