"""The program as a process: signals."""

from __future__ import annotations

import re
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.process.program import UnrelatedHost, github, login, marked_secrets, run_against, running
from tests.process.scenarios import HUP, INT, REAL_TIME, TERM, interrupt, polled, statuses
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating
from tests.skips import needs_linux


@pytest.mark.parametrize("signals", [(TERM,), (INT, TERM), (INT, INT, INT), (HUP,), (HUP, TERM)], ids=str)
def test_signal_while_sleeping_cancels_the_deployment(
    signals: tuple[signal.Signals, ...], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    environ = github(folder, DEPLOYER_POLL_INTERVAL="60")
    # The parent of the tests may ignore it.
    default = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    with run_against("success", folder, unrelated_host, environ, speed=REAL_TIME, before=default) as run:
        run.wait_for(polled(1))
        time.sleep(0.1)
        result = interrupt(run, *signals)
        assert statuses(run) == ["cancelled-by-user"]
        assert len(run.requests("cancel")) == 1
        assert signals[0].name in result.text


def test_sighup_is_ignored_under_nohup(folder: Path, unrelated_host: UnrelatedHost) -> None:
    ignored = partial(signal.signal, HUP, signal.SIG_IGN)
    with run_against("success", folder, unrelated_host, github(folder), preexec_fn=ignored) as run:
        run.wait_for(polled(1))
        run.program.send(HUP)
        assert (run.end().code, statuses(run)) == (0, ["finished"])


@pytest.mark.parametrize("signals", [(TERM,), (INT, TERM)], ids=str)
def test_signal_during_a_hanging_read_cancels_the_deployment(
    signals: tuple[signal.Signals, ...], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with run_against("hang", folder, unrelated_host, github(folder), speed=REAL_TIME) as run:
        run.wait_for(polled(3))
        time.sleep(0.1)
        interrupt(run, *signals)
        assert statuses(run) == ["cancelled-by-user"]


@pytest.mark.parametrize("signals", [(TERM,), (INT, TERM)], ids=str)
def test_signal_during_the_trigger_finds_and_cancels_the_deployment(
    signals: tuple[signal.Signals, ...], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with run_against("hang-start", folder, unrelated_host, github(folder), speed=REAL_TIME) as run:
        run.wait_for(lambda run: bool(run.requests("deploy")))
        time.sleep(0.1)
        result = interrupt(run, *signals)
        assert statuses(run) == ["cancelled-by-user"]
        assert len(run.requests("deploy")) == 1
        assert result.outputs["deployment_uuid"] == run.session.deployments()[0]["deployment_uuid"]


def test_signal_cancels_every_target(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against("two", folder, unrelated_host, github(folder), speed=REAL_TIME) as run:
        run.wait_for(lambda run: len({request.path for request in run.requests("look")}) == 2)
        result = interrupt(run, TERM)
        assert statuses(run) == ["cancelled-by-user"] * 2
        assert len(result.outputs["deployment_uuids"].split(",")) == 2


def test_signal_leaves_the_deployment_running_with_on_interrupt_leave(
    folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with run_against(
        "success", folder, unrelated_host, github(folder, INPUT_ON_INTERRUPT="leave"), speed=REAL_TIME
    ) as run:
        run.wait_for(polled(1))
        time.sleep(0.2)
        result = interrupt(run, TERM)
        assert statuses(run) == ["in_progress"]
        assert run.requests("cancel") == []
        assert "left running" in result.text


def test_signal_does_not_cancel_a_deployment_of_others(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against("already-queued", folder, unrelated_host, github(folder), speed=REAL_TIME) as run:
        run.wait_for(polled(1))
        interrupt(run, TERM)
        assert statuses(run) == ["in_progress"]
        assert run.requests("cancel") == []


def test_cancel_with_http_500_is_checked_again(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against("cancel-500", folder, unrelated_host, github(folder), speed=REAL_TIME) as run:
        run.wait_for(polled(1))
        result = interrupt(run, TERM)
        assert statuses(run) == ["cancelled-by-user"]
        assert re.search(r"web: deployment \w+: (cancelled|cancel sent, not confirmed)", result.text)


def test_repeated_signals_change_nothing(folder: Path, unrelated_host: UnrelatedHost) -> None:
    """Also signals that are received while the interpreter exits."""
    with run_against("success", folder, unrelated_host, github(folder), speed=REAL_TIME) as run:
        run.wait_for(polled(1))
        run.program.send(TERM)
        while run.program.process.poll() is None:
            run.program.send(INT)
            run.program.send(TERM)
            time.sleep(0.002)
        assert run.program.process.returncode == 130
        result = interrupt(run)
        assert len(run.requests("cancel")) == 1
        assert result.text.count("the job is being cancelled") == 1


@needs_linux("only Linux shows which signals are handled")
@pytest.mark.parametrize(("signals", "after"), [((TERM,), 0), ((INT,), 0), ((TERM, INT), 0.1)], ids=str)
def test_signal_during_imports_ends_the_run_cleanly(
    signals: tuple[signal.Signals, ...], after: float, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    """The real entrypoint: its imports take longer than anything else before the first request."""
    with simulating("hang-start", speed=REAL_TIME) as session:
        with running(
            folder,
            {**marked_secrets(unrelated_host), **login(session, folder), **github(folder)},
            fresh=True,
        ) as program:
            program.wait_for_signal_handler()
            time.sleep(after)
            for number in signals:
                program.send(number)
            result = program.end(timeout=30)
        assert (result.code, result.outputs["status"]) == (130, "interrupted"), result.text
        assert "Traceback" not in result.text
        assert not any(row["is_api"] for row in session.deployments())
        assert violations(session) == []
    assert any(
        f"the job is being cancelled ({number.name})" in result.text for number in signals
    )  # sent at once, they are received in any order
    assert unrelated_host.received == []


def test_signal_before_the_trigger_starts_nothing(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against("html", folder, unrelated_host, github(folder), speed=REAL_TIME) as run:
        run.wait_for(lambda run: bool(run.session.journal))
        time.sleep(0.1)
        interrupt(run, TERM)
        assert run.starts() == 0
