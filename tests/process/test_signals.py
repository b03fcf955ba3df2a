"""The program as a process: signals."""

from __future__ import annotations

import re
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.process.program import Stranger, github, login, marked, play, running
from tests.process.scenarios import HUP, INT, REAL, TERM, interrupted, looked, statuses
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating
from tests.skips import needs_linux


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
        f"the job is being cancelled ({number.name})" in ended.text for number in numbers
    )  # at once they come in any order
    assert stranger.heard == []


def test_a_signal_before_anything_was_sent_starts_nothing(folder: Path, stranger: Stranger) -> None:
    with play("html", folder, stranger, github(folder), speed=REAL) as played:
        played.wait_for(lambda played: bool(played.stage.journal))
        time.sleep(0.1)
        interrupted(played, TERM)
        assert played.starts() == 0
