"""The real program, as a real process, over real sockets, against the simulator: exit codes, outputs, signals, and trouble.

Whatever is tested here, no secret may be left anywhere (`processes.py`). Nothing is measured but the five seconds of architecture, rule 8.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deployer import __version__
from deployer.model import Outcome
from deployer.simulator.serving.exchange import Fault, Then
from tests.ci.output.test_backlog import KINDS
from tests.ci.test_ci import SECTION, parse_line
from tests.process.program import (
    ANOTHER_COMMIT,
    COMMIT,
    ENTRYPOINT,
    HEADER,
    OTHER_TOKEN,
    PROXY,
    QUICK,
    Ended,
    Play,
    Stranger,
    files,
    github,
    gitlab,
    login,
    marked,
    parts_of,
    plain,
    play,
    running,
)
from tests.scenarios.coolify_changes import BACKS
from tests.scenarios.test_coolify import TRUTHS
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import SCENARIOS, simulating
from tests.skips import needs_linux, needs_root

SYSTEMS = {"plain": plain, "github": github, "gitlab": gitlab}
FULL_DISK = Path("/dev/full")
IMPATIENT = """import deployer.http.client as http, deployer.providers.coolify.provider as provider
http.READ_SECONDS = provider.TRIGGER_READ_SECONDS = 1.0"""
"""Time-outs of the network are real seconds, on whatever clock: these two would be waited for in full (15 and 120 s)."""

as_root = needs_root("nobody else can become somebody else")
every_system = pytest.mark.parametrize("system", SYSTEMS)


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    other = Stranger()
    yield other
    other.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program runs: empty, and writable for everybody."""
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    return work


# --- every scenario


@dataclass(frozen=True)
class Row:
    """What a scenario must come to. `speed` and `more` only where 30 minutes would be waited for."""

    outcome: Outcome
    starts: int = 1
    speed: float = 40
    more: Mapping[str, str] = field(default_factory=dict)
    before: str = ""


ROWS: dict[str, Row] = {
    "success": Row(Outcome.FINISHED),
    "build-failure": Row(Outcome.FAILED),
    "cancelled": Row(Outcome.CANCELLED),
    "already-queued": Row(Outcome.FINISHED, starts=0, speed=10),
    "bad-token": Row(Outcome.REFUSED, starts=0),
    "outage": Row(Outcome.FINISHED),
    "post-command-endless": Row(
        Outcome.TIMED_OUT, speed=QUICK, more={"DEPLOYER_TIMEOUT": "3m", "DEPLOYER_ON_TIMEOUT": "cancel"}
    ),
    "revoked": Row(Outcome.LOST, speed=20),
    "hostile": Row(Outcome.FAILED),
    "redirect": Row(Outcome.UNREACHABLE, starts=0),
    "huge": Row(Outcome.FINISHED),
    "malformed": Row(Outcome.FINISHED),
    "hang": Row(Outcome.FINISHED, before=IMPATIENT),
    "hang-start": Row(Outcome.FINISHED, before=IMPATIENT),
    "two": Row(Outcome.FAILED, starts=2),
    "old": Row(Outcome.FINISHED),
}

MAIN = ("success", "build-failure", "already-queued", "two", "hostile")
"""Those that are also played in the CI systems."""


def test_every_scenario_has_a_row_here_or_is_a_truth() -> None:
    told = {truth.scenario for truth in (*TRUTHS, *BACKS)} | {
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


# --- signals


REAL = 1.0
"""Signals are sent on the real clock: whatever the machine is busy with, the deployment is still going."""


def interrupted(played: Play, *numbers: signal.Signals, apart: float = 0.1) -> Ended:
    """Send the signals; the run ends as interrupted, everything is written, and what is sent is sent in five seconds."""
    for nth, number in enumerate(numbers):
        time.sleep(apart if nth else 0)
        played.program.send(number)
    ended = played.end(timeout=30)
    assert ended.code == 130, ended.text
    assert ended.outputs["status"] == "interrupted"
    assert "nterrupted" in ended.read("summary")
    assert all(played.real_seconds_after_the_signal(asked) < 5.5 for asked in played.stage.journal)
    return ended


def looked(times: int) -> Any:
    return lambda played: len(played.asked("look")) >= times


def statuses(played: Play) -> list[str]:
    return [row["status"] for row in played.stage.deployments()]


TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


@pytest.mark.parametrize("numbers", [(TERM,), (INT, TERM), (INT, INT, INT), (HUP,), (HUP, TERM)], ids=str)
def test_a_signal_while_asleep_cancels_the_deployment(
    numbers: tuple[signal.Signals, ...], folder: Path, stranger: Stranger
) -> None:
    environ = github(folder, DEPLOYER_POLL_INTERVAL="60")
    heard = partial(signal.signal, HUP, signal.SIG_DFL)  # whoever started the tests may ignore it
    with play("success", folder, stranger, environ, speed=REAL, preexec_fn=heard) as played:
        played.wait_for(looked(1))
        time.sleep(0.1)
        ended = interrupted(played, *numbers)
        assert statuses(played) == ["cancelled-by-user"]
        assert len(played.asked("cancel")) == 1
        assert numbers[0].name in ended.text


def test_a_hang_up_changes_nothing_under_nohup(folder: Path, stranger: Stranger) -> None:
    ignored = partial(signal.signal, HUP, signal.SIG_IGN)
    with play("success", folder, stranger, github(folder), preexec_fn=ignored) as played:
        played.wait_for(looked(1))
        played.program.send(HUP)
        assert (played.end().code, statuses(played)) == (0, ["finished"])


@pytest.mark.parametrize("numbers", [(TERM,), (INT, TERM)], ids=str)
def test_a_signal_while_a_read_hangs_cancels_the_deployment(
    numbers: tuple[signal.Signals, ...], folder: Path, stranger: Stranger
) -> None:
    with play("hang", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(looked(3))
        time.sleep(0.1)
        interrupted(played, *numbers)
        assert statuses(played) == ["cancelled-by-user"]


@pytest.mark.parametrize("numbers", [(TERM,), (INT, TERM)], ids=str)
def test_a_signal_while_starting_finds_the_deployment_and_cancels_it(
    numbers: tuple[signal.Signals, ...], folder: Path, stranger: Stranger
) -> None:
    with play("hang-start", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(lambda played: bool(played.asked("deploy")))
        time.sleep(0.1)
        ended = interrupted(played, *numbers)
        assert statuses(played) == ["cancelled-by-user"]
        assert len(played.asked("deploy")) == 1
        assert ended.outputs["deployment_uuid"] == played.stage.deployments()[0]["deployment_uuid"]


def test_a_signal_cancels_every_target(folder: Path, stranger: Stranger) -> None:
    with play("two", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(lambda played: len({asked.path for asked in played.asked("look")}) == 2)
        ended = interrupted(played, TERM)
        assert statuses(played) == ["cancelled-by-user"] * 2
        assert len(ended.outputs["deployment_uuids"].split(",")) == 2


def test_a_signal_leaves_the_deployment_where_it_is_told_to(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, github(folder, INPUT_ON_INTERRUPT="leave"), speed=REAL) as played:
        played.wait_for(looked(1))
        time.sleep(0.2)
        ended = interrupted(played, TERM)
        assert statuses(played) == ["in_progress"]
        assert played.asked("cancel") == []
        assert "left running" in ended.text


def test_a_signal_never_cancels_what_somebody_else_started(folder: Path, stranger: Stranger) -> None:
    with play("already-queued", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(looked(1))
        interrupted(played, TERM)
        assert statuses(played) == ["in_progress"]
        assert played.asked("cancel") == []


def test_a_cancel_that_answers_500_is_looked_at_again(folder: Path, stranger: Stranger) -> None:
    with play("cancel-500", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(looked(1))
        ended = interrupted(played, TERM)
        assert statuses(played) == ["cancelled-by-user"]
        assert re.search(r"web: deployment \w+: (cancelled|cancel sent, not confirmed)", ended.text)


def test_signals_to_the_last_moment_change_nothing(folder: Path, stranger: Stranger) -> None:
    """Also those that come while the interpreter ends."""
    with play("success", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(looked(1))
        played.program.send(TERM)
        while played.program.process.poll() is None:
            played.program.send(INT)
            played.program.send(TERM)
            time.sleep(0.002)
        assert played.program.process.returncode == 130
        ended = interrupted(played)
        assert len(played.asked("cancel")) == 1
        assert ended.text.count("the job is being stopped") == 1


@needs_linux("nothing else tells who listens to a signal")
@pytest.mark.parametrize(("numbers", "after"), [((TERM,), 0), ((INT,), 0), ((TERM, INT), 0.1)], ids=str)
def test_a_signal_while_the_program_is_still_being_loaded_ends_it_in_order(
    numbers: tuple[signal.Signals, ...], after: float, folder: Path, stranger: Stranger
) -> None:
    """The real entrypoint: its imports take longer than everything that it says before the first request."""
    with simulating("hang-start", speed=REAL) as session:
        with running(folder, {**marked(stranger), **login(session, folder), **github(folder)}) as program:
            program.wait_until_it_listens()
            time.sleep(after)
            for number in numbers:
                program.send(number)
            ended = program.end(timeout=30)
        assert (ended.code, ended.outputs["status"]) == (130, "interrupted"), ended.text
        assert "Traceback" not in ended.text
        assert not any(row["is_api"] for row in session.deployments())
        assert violations(session) == []
    assert any(
        f"the job is being stopped ({number.name})" in ended.text for number in numbers
    )  # at once they come in any order
    assert stranger.heard == []


def test_a_signal_before_anything_was_sent_starts_nothing(folder: Path, stranger: Stranger) -> None:
    with play("html", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(lambda played: bool(played.stage.journal))
        time.sleep(0.1)
        interrupted(played, TERM)
        assert played.starts() == 0


# --- a stdout that nobody reads


@pytest.mark.parametrize("system", ["plain", "github"])
def test_a_closed_stdout_does_not_end_the_watch(system: str, folder: Path, stranger: Stranger) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with play("success", folder, stranger, SYSTEMS[system](folder), speed=QUICK, stdout=theirs) as played:
        os.close(theirs)
        ended = played.end()
        assert (ended.code, ended.outputs["status"], statuses(played)) == (0, "finished", ["finished"])


@pytest.mark.parametrize("scenario", ["success", "build-failure"])
@needs_linux("nothing else has /dev/full")
def test_a_full_disk_does_not_end_the_watch(scenario: str, folder: Path, stranger: Stranger) -> None:
    with (
        FULL_DISK.open("wb") as full,
        play(scenario, folder, stranger, github(folder), speed=QUICK, stdout=full) as played,
    ):
        ended = played.end()
        assert (ended.code, ended.outputs["status"]) == (
            ROWS[scenario].outcome.exit_code,
            ROWS[scenario].outcome.status,
        )


def test_no_stdout_at_all_does_not_end_the_watch(folder: Path, stranger: Stranger) -> None:
    """`>&-`: the number 1 is free for whatever is opened next, and nothing may be said into that."""
    with play(
        "success", folder, stranger, {**plain(folder), **files()}, speed=QUICK, preexec_fn=lambda: os.close(1)
    ) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"]) == (0, "finished")
        assert "triggering" not in ended.read("build.log")


@pytest.fixture
def unread() -> Iterator[Callable[..., tuple[int, int]]]:
    """A stdout of each kind that is full before the program begins: where it is read, and where it is written."""
    numbers: list[int] = []

    def make(kind: Callable[[], tuple[int, int]]) -> tuple[int, int]:
        numbers[:] = kind()
        _, ours = numbers
        os.set_blocking(ours, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(ours, b"-" * 64):
                pass
        os.set_blocking(ours, True)
        return numbers[0], ours

    yield make
    for number in numbers:
        os.close(number)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_a_stdout_that_nobody_reads_stops_neither_the_watch_nor_the_signals(
    kind: Any, unread: Callable[..., tuple[int, int]], folder: Path, stranger: Stranger
) -> None:
    _, ours = unread(kind)
    environ = github(folder, DEPLOYER_LOG_FILE="build.log", DEPLOYER_POLL_INTERVAL="1")
    with play("slow", folder, stranger, environ, speed=REAL, stdout=ours) as played:
        played.wait_for(looked(3))
        sent = time.monotonic()
        ended = interrupted(played, TERM)
        assert time.monotonic() - sent < 15
        assert statuses(played) == ["cancelled-by-user"]
    assert ended.text == ""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_what_is_only_read_late_is_all_there(
    kind: Any, unread: Callable[..., tuple[int, int]], folder: Path, stranger: Stranger
) -> None:
    """The runner's reader has stalled until the verdict was there."""
    theirs, ours = unread(kind)
    with play(
        "build-failure", folder, stranger, {**github(folder), **files()}, speed=QUICK, stdout=ours
    ) as played:
        played.wait_for(
            lambda _: "status<<" in (folder / "output").read_text() if (folder / "output").exists() else False
        )
        heard = b""
        while not re.search(rb"::error [^\n]*\n", heard):
            heard += os.read(theirs, 65536)
        played.end()
    masks, _, rest = heard.replace(b"\r\n", b"\n").lstrip(b"-").partition(b"::group::")
    assert all(line.startswith(b"::add-mask::") for line in masks.split(b"\n")[:2])
    log = (folder / "build.log").read_bytes().splitlines()
    assert [line for line in rest.split(b"\n") if line in log] == log


# --- files that can't be written

PLACES = {
    "GITHUB_OUTPUT": "the step's outputs",
    "GITHUB_STEP_SUMMARY": "the job summary",
    "DEPLOYER_LOG_FILE": "{path}",
    "DEPLOYER_RESULT_FILE": "{path}",
    "DEPLOYER_OUTPUT_FILE": "{path}",
}


def missing(path: Path) -> Path:
    return path / "no" / "such" / "folder"


def linked(path: Path) -> Path:
    path.with_suffix(".precious").write_text("precious")
    path.symlink_to(path.with_suffix(".precious"))
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def read_only(path: Path) -> Path:
    """A file that may not be written. Root may write it all the same: then the program runs as somebody else."""
    path.write_text("")
    path.chmod(0o444)
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "make", [missing, linked, fifo, read_only, a_folder], ids=lambda make: str(make.__name__)
)
def test_a_file_that_cannot_be_written_is_one_warning(make: Any, folder: Path, stranger: Stranger) -> None:
    paths = {name: make(folder / name.lower()).relative_to(folder) for name in PLACES}
    environ = {**github(folder), **{name: str(path) for name, path in paths.items()}}
    before = SOMEBODY if make is read_only and os.geteuid() == 0 else ""
    with play("build-failure", folder, stranger, environ, speed=QUICK, before=before) as played:
        ended = played.end()
    assert ended.code == 1
    warnings = ended.told("warning")
    for name, path in paths.items():
        assert len([each for each in warnings if PLACES[name].format(path=path) in each]) == 1, (
            name,
            warnings,
        )
    assert len(warnings) == len(PLACES)
    assert {path.read_text() for path in folder.glob("*.precious")} <= {"precious"}


@pytest.mark.parametrize("device", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "/dev/stderr"])
def test_our_own_stdout_as_a_file_is_told(device: str, folder: Path, stranger: Stranger) -> None:
    environ = {**github(folder), **dict.fromkeys(PLACES, device)}
    with play("success", folder, stranger, environ, speed=QUICK) as played:
        ended = played.end()
    warnings = ended.told("warning")
    assert (ended.code, len(warnings)) == (0, 3), warnings
    assert all(
        "can't be written: not a regular file (a link, a pipe or a device)" in warning for warning in warnings
    )


def test_a_log_file_on_a_full_disk_is_one_warning(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, github(folder, INPUT_LOG_FILE="/dev/full"), speed=QUICK) as played:
        ended = played.end()
    assert (ended.code, len(ended.told("warning"))) == (0, 1)


def test_a_log_file_that_was_not_written_is_no_output(folder: Path, stranger: Stranger) -> None:
    with play(
        "success", folder, stranger, github(folder, INPUT_LOG_FILE="no/such/folder/log"), speed=QUICK
    ) as played:
        assert "log_file" not in played.end().outputs


# --- the world around the process

SOMEBODY = """\
import encodings.ascii, encodings.idna, encodings.latin_1, encodings.utf_16_be, netrc, os
import deployer.simulator
os.setgroups([]), os.setgid(12345), os.setuid(12345)
os.environ.pop("HOME", None)
"""
"""Everything is imported before: a developer's Python may lie where nobody else may read. The container's test starts as another user."""


@as_root
@every_system
def test_any_user_may_run_it(system: str, folder: Path, stranger: Stranger) -> None:
    # Relative names: pytest's own folders are closed to others.
    environ = {
        **SYSTEMS[system](folder),
        **files(),
        "GITHUB_OUTPUT": "output",
        "GITHUB_STEP_SUMMARY": "summary",
    }
    with play("success", folder, stranger, environ, speed=QUICK, before=SOMEBODY) as played:
        ended = played.end()
    assert (ended.code, ended.outputs["status"], ended.told("warning")) == (0, "finished", [])
    assert {path.stat().st_uid for path in folder.iterdir()} == {12345}


@as_root
def test_what_root_writes_belongs_to_the_folder_s_owner(folder: Path, stranger: Stranger) -> None:
    os.chown(folder, 12345, 12345)
    with play("success", folder, stranger, {**gitlab(folder), **files()}, speed=QUICK) as played:
        assert played.end().code == 0
    assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()} == {(12345, 12345)}
    assert {path.name for path in folder.iterdir()} == {"build.log", "result.json", "deployer.env"}


@pytest.mark.parametrize(
    "environ",
    [
        {"LANG": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "tr_TR.ISO-8859-9", "PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "utf-16"},
    ],
    ids=str,
)
def test_the_output_is_utf_8_wherever_it_runs(
    environ: dict[str, str], folder: Path, stranger: Stranger
) -> None:
    with play("success", folder, stranger, {**plain(folder), **files(), **environ}, speed=QUICK) as played:
        ended = played.end()
    assert ended.code == 0
    assert "⚠️ NIXPACKS_NODE_VERSION not set." in ended.text
    assert "⚠️ NIXPACKS_NODE_VERSION not set." in ended.read("build.log")


@pytest.mark.parametrize("environ", [{"LANG": "C"}], ids=str)
def test_a_file_is_named_as_the_user_wrote_it(
    environ: dict[str, str], folder: Path, stranger: Stranger
) -> None:
    with play(
        "success", folder, stranger, {**github(folder, INPUT_LOG_FILE="größe.log"), **environ}, speed=QUICK
    ) as played:
        ended = played.end()
    assert (ended.outputs["log_file"], (folder / "größe.log").exists()) == ("größe.log", True)


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY"])
def test_a_proxy_variable_that_is_no_address_is_no_bug_of_ours(
    name: str, folder: Path, stranger: Stranger
) -> None:
    """Whether it is a mistake or only unused is open; what is not open is 70."""
    with play(
        "bad-token", folder, stranger, github(folder, **{name: f"http://deployer:{PROXY}@[bad"}), speed=QUICK
    ) as played:
        assert played.end().code in {2, 6}


def test_a_rehearsal_goes_past_every_proxy(folder: Path, stranger: Stranger) -> None:
    proxy = f"http://deployer:{PROXY}@127.0.0.1:{stranger.port}"
    environ = {
        **plain(folder),
        "DEPLOYER_REHEARSE": "bad-token",
        "HTTP_PROXY": proxy,
        "http_proxy": proxy,
        "ALL_PROXY": proxy,
    }
    with running(folder, environ) as program:
        assert program.end().code == 2
    assert stranger.heard == []


# --- a terminal

CLEAR = "\r\x1b[2K"


@dataclass
class Screen:
    """What a person saw: the lines that stayed, and every state of the live one."""

    raw: str
    lines: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    left: str = ""

    def __post_init__(self) -> None:
        for line in self.raw.split("\n"):
            *gone, stays = line.split(CLEAR)
            self.drawn += [each for each in gone if each]
            self.lines.append(stays)
        self.left = self.lines.pop()


COLUMNS = 60


def on_a_terminal(scenario: str, folder: Path, stranger: Stranger, **environ: str) -> Screen:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with play(
        scenario, folder, stranger, {"TERM": "xterm-256color", **plain(folder), **environ}, stdout=theirs
    ) as played:
        os.close(theirs)
        data = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while part := os.read(ours, 1 << 16):
                data += part
        played.program.process.wait(30)
        played.program.check(data)
        assert played.program.process.returncode == ROWS[scenario].outcome.exit_code
        assert violations(played.stage) == []
    os.close(ours)
    return Screen(data.decode())


@pytest.mark.parametrize("scenario", ["build-failure", "already-queued"])
def test_a_person_sees_one_live_line_that_is_cleared_before_every_other(
    scenario: str, folder: Path, stranger: Stranger
) -> None:
    screen = on_a_terminal(scenario, folder, stranger)
    assert len(set(screen.drawn)) > 3
    assert [
        each for each in screen.drawn if "since the trigger" not in each and len(each) < COLUMNS - 1
    ] == []
    assert max(map(len, screen.drawn)) < COLUMNS
    assert [
        line for line in screen.lines if "since the trigger" in line or "\r" in line or "\x1b" in line
    ] == []
    assert screen.left == ""


@pytest.mark.parametrize(
    "environ", [{"CI": "true"}, {"TERM": "dumb"}, {"TERM": ""}, {"DEPLOYER_CI": "github"}], ids=str
)
def test_there_is_no_live_line_where_nobody_sits(
    environ: dict[str, str], folder: Path, stranger: Stranger
) -> None:
    screen = on_a_terminal("bad-token", folder, stranger, **environ)
    assert "\x1b" not in screen.raw
    assert "\r" not in screen.raw


def test_there_is_no_live_line_in_a_pipe(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, {"TERM": "xterm", **plain(folder)}, speed=QUICK) as played:
        assert b"\r" not in played.end().out


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
    assert "did you mean timeout" in warning


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
    assert "did you mean timeout" in told[0].data
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
        "build-failure", folder, stranger, environ, speed=QUICK, before=BUG.format(method="_ended")
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
        "build-failure", folder, stranger, github(folder), speed=QUICK, before=BUG.format(method="_ended")
    ) as played:
        ended = played.end()
    names = [command.name for command in ended.commands]
    assert "group" in names
    assert names[-2:] == ["endgroup", "error"]


def test_a_bug_before_anything_was_started_says_so(folder: Path, stranger: Stranger) -> None:
    with play(
        "success", folder, stranger, github(folder), speed=QUICK, before=BUG.format(method="_reached")
    ) as played:
        ended = played.end()
        assert (ended.code, played.starts()) == (70, 0)
    assert ended.lines[-1] == "Nothing is known to have been started"


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
