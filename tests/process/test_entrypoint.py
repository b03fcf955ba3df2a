"""The program as a process: scenarios, inputs, arguments, bugs."""

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
    ANOTHER_COMMIT,
    COMMIT,
    ENTRYPOINT,
    HEADER,
    OTHER_TOKEN,
    PROXY,
    QUICK,
    Ended,
    Stranger,
    files,
    github,
    login,
    marked,
    parts_of,
    play,
    running,
)
from tests.process.scenarios import ROWS, SYSTEMS, every_system
from tests.scenarios.coolify_changes import ROLLBACKS
from tests.scenarios.test_coolify import CASES
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

# --- every scenario


MAIN = ("success", "build-failure", "already-queued", "two", "hostile")
"""Those that are also played in the CI systems."""


def test_every_scenario_has_a_row_here_or_is_a_truth() -> None:
    told = {truth.scenario for truth in (*CASES, *ROLLBACKS)} | {
        "hang-at-first"
    }  # that one has a test of its own in test_coolify.py
    assert set(ROWS) | told == set(SCENARIOS)


def followed(scenario: str, system: str, folder: Path, stranger: Stranger, **more: str) -> Ended:
    """One scenario to its end: as often started as it should be, and with the right verdict in every place."""
    row = ROWS[scenario]
    environ = {**SYSTEMS[system](folder), **files(), **row.more, **more}
    with play(
        scenario, folder, stranger, environ, speed=row.speed, in_file=system != "plain", before=row.before
    ) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"]) == (row.outcome.exit_code, row.outcome.status), (
            ended.text
        )
        assert played.starts() == row.starts
        assert (ended.result["status"], ended.result["exit_code"]) == (
            row.outcome.status,
            row.outcome.exit_code,
        )
        assert [target["uuid"] for target in ended.result["targets"]] == list(played.stage.uuids)
        return ended


@pytest.mark.parametrize("scenario", ROWS)
def test_every_scenario_comes_to_its_verdict(scenario: str, folder: Path, stranger: Stranger) -> None:
    ended = followed(scenario, "plain", folder, stranger)
    assert ended.outputs["timed_out"] == str(ROWS[scenario].outcome is Outcome.TIMED_OUT).lower()
    assert (folder / "build.log").exists()
    assert len(ended.told("error")) == sum(
        target["status"] not in {"finished", "interrupted"} for target in ended.result["targets"]
    )


@pytest.mark.parametrize("scenario", MAIN)
def test_github_gets_outputs_a_summary_and_one_annotation_per_failed_target(
    scenario: str, folder: Path, stranger: Stranger
) -> None:
    ended = followed(scenario, "github", folder, stranger)
    bad = [target for target in ended.result["targets"] if target["status"] != "finished"]
    errors = [command for command in ended.commands if command.name == "error"]
    assert len(errors) == len(bad)
    for target, error in zip(bad, errors, strict=True):
        assert target["reason"].strip() in error.data
        assert target["deployment_url"] in error.data
    assert json.loads(ended.outputs["result"]) == ended.result
    summary = ended.read("summary")
    assert len(re.findall(r"^\*\*Why `.* ended as \w+\*\*$", summary, re.MULTILINE)) == sum(
        bool(target["reason"]) for target in bad
    )
    assert summary.startswith("### ")
    assert summary.count("\n| [") + summary.count("\n| `") == len(ended.result["targets"])
    names = [command.name for command in ended.commands if command.name in {"group", "endgroup"}]
    assert names == ["group", "endgroup"] * (len(names) // 2)


@pytest.mark.parametrize("scenario", MAIN)
def test_gitlab_takes_the_dotenv_report(scenario: str, folder: Path, stranger: Stranger) -> None:
    """One line without `=`, or 5120 bytes, and GitLab refuses all of it (ci-formats 2)."""
    ended = followed(scenario, "gitlab", folder, stranger)
    report = ended.read("deployer.env")
    assert report.endswith("\n")
    assert [line for line in report.split("\n")[:-1] if not re.fullmatch(r"[A-Za-z0-9_]+=.*", line)] == []
    assert len(report.encode()) < 5000
    assert not re.search(r"^DEPLOYER_|RESULT", report, re.MULTILINE)
    marks = [(found[1], found[3]) for found in SECTION.finditer(ended.text)]
    assert marks[::2] == [("start", name) for _, name in marks[1::2]]
    assert {mark for mark, _ in marks[1::2]} <= {"end"}


def test_another_commit_than_the_run_s_is_one_warning_that_names_both(
    folder: Path, stranger: Stranger
) -> None:
    with play("success", folder, stranger, github(folder, GITHUB_SHA=ANOTHER_COMMIT), speed=QUICK) as played:
        ended = played.end()
    [warning] = ended.told("warning")
    assert COMMIT in warning
    assert ANOTHER_COMMIT in warning
    assert (ended.code, ended.outputs["commit"]) == (0, COMMIT)


def test_the_same_commit_is_no_warning(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, github(folder), speed=QUICK) as played:
        assert played.end().told("warning") == []


def test_the_masks_come_before_every_other_line(folder: Path, stranger: Stranger) -> None:
    with play("bad-token", folder, stranger, github(folder, INPUT_TIMEOUTT="3"), speed=QUICK) as played:
        ended = played.end()
        wanted = {played.stage.token, HEADER, PROXY}
    masks = [command.data for command in ended.commands if command.name == "add-mask"]
    assert wanted <= set(masks)
    assert "abc" not in masks  # shorter than eight characters: it would blank innocent words
    assert [command.name for command in ended.commands[: len(masks)]] == ["add-mask"] * len(masks)


def test_a_secret_of_many_lines_is_masked_by_line_and_no_short_line_is(folder: Path) -> None:
    """GitHub makes a mask of each line: one of `{` would blank the whole job's JSON (ci-formats 1.4)."""
    key = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN KEY-----\\nMIIE"\n}\n'
    (folder / "key.json").write_text(key)
    environ = {
        "GITHUB_ACTIONS": "true",
        "INPUT_CF_API": "https://api.example.org",
        "INPUT_CF_CLIENT_SECRET_FILE": str(folder / "key.json"),
    }
    ended = subprocess.run(
        [sys.executable, str(ENTRYPOINT)],
        env=environ,
        capture_output=True,
        check=False,
        cwd=folder,
        timeout=60,
    )
    commands = [command for line in ended.stdout.decode().splitlines() if (command := parse_line(line))]
    masks = [command.data for command in commands if command.name == "add-mask"]
    assert masks == ['"type": "service_account",', '"private_key": "-----BEGIN KEY-----\\nMIIE"']
    assert ended.returncode == 2


@pytest.mark.parametrize(
    "token", ["INPUT_TOKEN", "INPUT_COOLIFY-TOKEN", "PLUGIN_COOLIFY_TOKEN", "COOLIFY_API_TOKEN"]
)
def test_a_token_under_another_name_is_as_secret(token: str, folder: Path, stranger: Stranger) -> None:
    with simulating("hostile", speed=QUICK) as session:
        environ = {**marked(stranger), **login(session, folder), **github(folder), **files()}
        environ[token] = environ.pop("COOLIFY_TOKEN")
        with running(folder, environ, speed=QUICK) as program:
            program.secrets |= parts_of(session.token)
            assert program.end().code == 1
        assert violations(session) == []


def test_secrets_of_files_are_as_secret(folder: Path, stranger: Stranger) -> None:
    headers = folder.parent / "headers"
    headers.write_text(f"X-Marked: {HEADER}\n")
    environ = {**github(folder), **files(), "DEPLOYER_HEADERS_FILE": str(headers)}
    with play(
        "success", folder, stranger, environ, speed=QUICK, in_file=True, without=("DEPLOYER_HEADERS",)
    ) as played:
        assert played.end().code == 0
        assert {asked.headers.get("x-marked") for asked in played.stage.journal} == {HEADER}


def test_what_is_not_waited_for_is_triggered(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, github(folder, INPUT_WAIT="false")) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"], played.starts(), len(played.asked("look"))) == (
            0,
            "triggered",
            1,
            0,
        )


def test_what_is_started_at_once_and_not_waited_for_is_looked_at_once(
    folder: Path, stranger: Stranger
) -> None:
    """Only a look tells a deployment from one that a full queue turned away: Coolify answers the same."""
    environ = github(folder, INPUT_WAIT="false", INPUT_INSTANT_DEPLOY="true")
    with play("success", folder, stranger, environ) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"], played.starts(), len(played.asked("look"))) == (
            0,
            "triggered",
            1,
            1,
        )
        assert ended.outputs["deployment_uuid"] == played.stage.deployments()[0]["deployment_uuid"]


def test_what_is_queued_already_and_not_waited_for_is_looked_for_once(
    folder: Path, stranger: Stranger
) -> None:
    """Coolify names one that does not exist: later steps get the real one."""
    with play("already-queued", folder, stranger, github(folder, INPUT_WAIT="false"), speed=10) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"], played.starts()) == (0, "triggered", 0)
        uuids = [row["deployment_uuid"] for row in played.stage.deployments()]
    assert ended.outputs["deployment_uuid"] in uuids


def test_a_full_queue_that_hides_itself_is_noticed_and_waited_for_although_nobody_waits_for_the_deployment(
    folder: Path, stranger: Stranger
) -> None:
    environ = {**github(folder, INPUT_WAIT="false", INPUT_INSTANT_DEPLOY="true"), **files()}
    with play("queue-full", folder, stranger, environ, speed=200) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"], played.starts()) == (0, "triggered", 1)
        assert len(played.asked("start")) > 1
        [row] = [row for row in played.stage.deployments() if row["is_api"]]
    assert ended.outputs["deployment_uuid"] == row["deployment_uuid"]
    assert "deployment queue is full" in ended.text


def test_no_room_until_the_time_is_over_starts_nothing(folder: Path, stranger: Stranger) -> None:
    environ = {**github(folder, INPUT_INSTANT_DEPLOY="true", INPUT_TIMEOUT="2m"), **files()}
    with play("queue-always-full", folder, stranger, environ, speed=200) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"], played.starts()) == (3, "timed_out", 0)
    assert [(target["status"], target["deployment_uuid"]) for target in ended.result["targets"]] == [
        ("timed_out", "")
    ]
    [error] = ended.told("error")
    assert "deployment queue is full" in error


def test_a_trigger_that_is_redirected_is_never_followed_and_refused_in_the_end(
    folder: Path, stranger: Stranger
) -> None:
    """To follow it would send the token along, and a POST would become a GET.

    Architecture, rule 7: what redirects may have passed it on before.
    """
    redirected = Fault(("deploy", "start"), Then.REPLY, reply="elsewhere_redirect_301")
    scenario = replace(SCENARIOS["success"], name="redirected", faults=(redirected,))
    with play(scenario, folder, stranger, github(folder)) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"], played.starts(), len(played.asked("deploy"))) == (
            2,
            "refused",
            0,
            3,
        )
    [error] = ended.told("error")
    assert "`coolify_url`" in error
    assert "no deployment was found" in error


def test_a_timeout_cancels_only_if_told_to(folder: Path, stranger: Stranger) -> None:
    environ = github(folder, INPUT_TIMEOUT="10", **{"INPUT_ON-TIMEOUT": "cancel"})
    with play("slow", folder, stranger, environ) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"], ended.outputs["timed_out"]) == (3, "timed_out", "true")
        assert len(played.asked("cancel")) == 1
    [error] = ended.told("error")
    assert "still being built" not in error or "cancelled" in error  # it was, by us


# --- wrong inputs


def test_wrong_inputs_are_annotations_and_no_summary_without_a_reason(
    folder: Path, stranger: Stranger
) -> None:
    environ = github(folder, INPUT_TIMEOUT="abc", INPUT_LOGS="loud")
    with play("success", folder, stranger, environ, speed=QUICK) as played:
        ended = played.end()
        assert played.stage.journal == []
    assert (ended.code, ended.outputs["status"]) == (2, "refused")
    assert sorted(error.partition(": ")[2].partition(":")[0] for error in ended.told("error")) == [
        "logs",
        "timeout",
    ]
    summary = ended.read("summary")
    assert not summary or ("timeout" in summary and "logs" in summary)


def test_nothing_given_at_all_names_what_is_missing(folder: Path) -> None:
    with running(folder, {}) as program:
        ended = program.end()
    assert ended.code == 2
    assert [line.partition(" is missing")[0].rpartition(" ")[2] for line in ended.lines] == [
        "COOLIFY_URL",
        "COOLIFY_TOKEN",
        "DEPLOYER_UUID",
    ]


def test_an_input_that_is_nearly_one_is_a_warning(folder: Path, stranger: Stranger) -> None:
    with play("bad-token", folder, stranger, github(folder, INPUT_TIMOUT="3m"), speed=QUICK) as played:
        [warning] = played.end().told("warning")
    assert "timout" in warning
    assert "Did you mean timeout" in warning


@every_system
def test_a_run_without_its_secret_is_skipped_on_request(
    system: str, folder: Path, stranger: Stranger
) -> None:
    environ = {
        **SYSTEMS[system](folder),
        "DEPLOYER_ON_MISSING_SECRET": "skip",
        "DEPLOYER_TIMEOUT": "nonsense",
    }
    with play(
        "success",
        folder,
        stranger,
        environ,
        speed=QUICK,
        without=("COOLIFY_TOKEN", "COOLIFY_URL", "COOLIFY_UUID"),
    ) as played:
        ended = played.end()
        assert played.stage.journal == []
    assert (ended.code, ended.outputs["status"], len(ended.told("notice"))) == (0, "skipped", 1)
    assert (ended.told("error"), ended.told("warning")) == ([], [])


def test_a_misspelt_name_is_told_before_the_run_is_skipped(folder: Path, stranger: Stranger) -> None:
    environ = github(folder, INPUT_ON_MISSING_SECRET="skip", INPUT_TIMOUT="3m")
    with play("success", folder, stranger, environ, speed=QUICK, without=("COOLIFY_TOKEN",)) as played:
        ended = played.end()
        assert played.stage.journal == []
    assert (ended.code, ended.outputs["status"]) == (0, "skipped")
    told = [command for command in ended.commands if command.name in {"warning", "notice", "error"}]
    assert [command.name for command in told] == ["warning", "notice"]
    assert "Did you mean timeout" in told[0].data
    assert "skipped" in told[1].data


# --- a rehearsal


@every_system
def test_a_rehearsal_says_that_it_is_one(system: str, folder: Path, stranger: Stranger) -> None:
    environ = {**marked(stranger), **SYSTEMS[system](folder), **files(), "DEPLOYER_REHEARSE": "build-failure"}
    environ |= {
        "COOLIFY_TOKEN": OTHER_TOKEN,
        "COOLIFY_UUID": "abc123",
        "COOLIFY_URL": f"http://127.0.0.1:{stranger.port}",
    }
    with running(folder, environ) as program:
        ended = program.end()
    assert ended.code == 1
    first = next(line for line in ended.lines if not line.startswith("::add-mask::"))
    assert first.startswith("Rehearsal: ")
    assert "nothing is deployed" in first
    assert [
        warning
        for warning in ended.told("warning")
        if "earsal" in warning and "nothing is deployed" in warning
    ] != []
    unused = next(line for line in ended.lines if "Not used in a rehearsal" in line)
    assert all(
        re.search(name, unused, re.IGNORECASE) for name in ("coolify_token", "coolify_uuid", "coolify_url")
    )
    assert ended.result["rehearsal"] is True
    if system == "github":
        [error] = [command for command in ended.commands if command.name == "error"]
        assert error.properties["title"].startswith("Rehearsal: ")
        assert ended.read("summary").startswith("### Rehearsal: nothing was deployed")
        assert json.loads(ended.outputs["result"])["rehearsal"] is True
    assert stranger.heard == []


def test_a_real_run_is_no_rehearsal(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, {**github(folder), **files()}, speed=QUICK) as played:
        ended = played.end()
    assert ended.result["rehearsal"] is False
    assert "ehearsal" not in ended.text + ended.read("summary")


# --- arguments


def run(folder: Path, *arguments: str, **environ: str) -> Ended:
    with running(folder, environ, *arguments) as program:
        return program.end()


def test_help_names_every_input(folder: Path) -> None:
    ended = run(folder, "--help")
    assert ended.code == 0
    assert [
        name
        for name in ("COOLIFY_URL", "COOLIFY_TOKEN", "DEPLOYER_UUID", "DEPLOYER_TIMEOUT", "rehearse")
        if name not in ended.text
    ] == []


def test_the_version_is_told(folder: Path) -> None:
    ended = run(folder, "--version")
    assert (ended.code, ended.text) == (0, f"deployer {__version__}\n")


def test_a_program_runs_instead(folder: Path) -> None:
    ended = run(
        folder, "sh", "-c", 'echo "$1 $DEPLOYER_UUID"; exit 7', "sh", "two words", DEPLOYER_UUID="abc"
    )
    assert (ended.code, ended.text) == (7, "two words abc\n")


def test_a_program_that_runs_instead_has_its_signals_back(folder: Path) -> None:
    """Python ignores SIGPIPE, and exec hands that on: then no `yes | head` of the user's script would end."""
    assert run(folder, "sh", "-c", "kill -PIPE $$; echo survived").code == -signal.SIGPIPE
    assert run(folder, "sh", "-c", "kill -TERM $$; echo survived").code == -signal.SIGTERM


@pytest.mark.parametrize("word", ["deploy", "--verbose", "", "/"])
def test_an_argument_that_is_no_program_is_a_mistake(word: str, folder: Path) -> None:
    ended = run(folder, word)
    assert ended.code == 2
    assert len(ended.told("error")) == 1
    assert "environment" in ended.text


# --- a bug of our own


BUG = """\
import os, deployer.report
def broken(*_):
    raise RuntimeError("the token is " + os.environ["COOLIFY_TOKEN"])
deployer.report.Reporter.{method} = broken
"""


@pytest.mark.parametrize(
    ("system", "debug"),
    [("plain", "DEPLOYER_DEBUG"), ("github", "RUNNER_DEBUG"), ("plain", ""), ("github", "")],
)
def test_a_bug_is_70_with_the_deployment_s_link_last(
    system: str, debug: str, folder: Path, stranger: Stranger
) -> None:
    environ = {**SYSTEMS[system](folder), **files(), **({debug: "1"} if debug else {})}
    with play(
        "build-failure", folder, stranger, environ, speed=QUICK, before=BUG.format(method="_finished")
    ) as played:
        ended = played.end()
        [row] = played.stage.deployments()
        assert row["deployment_url"] in ended.lines[-1]
    assert ended.code == 70
    assert len(ended.told("error")) == 1
    assert "status" not in ended.outputs
    assert ended.outputs["deployment_uuid"] == row["deployment_uuid"]
    assert ("Traceback" in ended.text) == bool(debug)


def test_the_last_words_after_a_bug_are_not_folded_away(folder: Path, stranger: Stranger) -> None:
    with play(
        "build-failure", folder, stranger, github(folder), speed=QUICK, before=BUG.format(method="_finished")
    ) as played:
        ended = played.end()
    names = [command.name for command in ended.commands]
    assert "group" in names
    assert names[-2:] == ["endgroup", "error"]


def test_a_bug_before_anything_was_started_says_so(folder: Path, stranger: Stranger) -> None:
    with play(
        "success", folder, stranger, github(folder), speed=QUICK, before=BUG.format(method="_connected")
    ) as played:
        ended = played.end()
        assert (ended.code, played.starts()) == (70, 0)
    assert ended.lines[-1] == "No deployment is known to have been started"


def test_the_entrypoint_needs_nothing_around_it(folder: Path) -> None:
    """Not even PATH, a folder of its own, or site-packages of the user."""
    done = subprocess.run(
        [sys.executable, str(ENTRYPOINT), "--version"],
        cwd="/",
        env={},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, b"")
