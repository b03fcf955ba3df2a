"""The job is stopped: find what was just started, stop what is ours, running ones first, and name what was not reached.

Source: architecture, rule 8.
"""

from __future__ import annotations

from deployer.model import (
    CancelResult,
    Expired,
    Following,
    GroupStarted,
    InterruptReceived,
    Outcome,
    Phase,
    RefusedError,
    Stage,
    Started,
    TargetWarning,
    UnavailableError,
)
from deployer.run.target_run import (
    RunContext,
    Step,
    TargetRun,
    cancel_deployment,
    for_people,
    is_ours,
    may_be_running,
    waiting,
)
from deployer.watch import Watch, rest

INTERRUPT_SECONDS = 5.0
"""Real seconds after the signal in which we still send anything: GitHub kills after ten (ci-formats 1.9)."""

TRIGGER_IN_FLIGHT = "the job was stopped before the trigger was answered, and no deployment of it was found: one may still be started"

CHANGE_IN_FLIGHT = (
    "the job was stopped before what is to be changed or created was answered: it may be so by now, or not"
)

OUT_OF_TIME = "not reached in time: it may still be running"

RESPONSE_SECONDS = 1.0
"""Seconds for an answer: the server marks the row before its slow work, so sent is enough (coolify-api 16)."""


def handle_interrupt(context: RunContext, runs: list[TargetRun], signal: str) -> None:
    """End every story that is not over as interrupted. What is known is stopped before what must be looked for."""
    context.report(InterruptReceived(signal))
    unfinished = [story for story in runs if story.step is not Step.FINISHED]
    for event in (event for story in unfinished for watch in story.watches for event in rest(watch)):
        context.report(event)
    _report_cancels(context, unfinished)
    refused = _cancel_all(context, unfinished, "")
    for run in unfinished:
        if run.trigger_sent and run.step in {Step.TRIGGER, Step.FIND}:
            refused = _find_once(context, run, refused)
            refused = _cancel_all(context, [run], refused)
    if unfinished and not refused:
        _tell_waiting(context, unfinished[0].target)
    for run in unfinished:
        if run.step is Step.HELD:
            run.release()
            continue
        if run.change_in_flight:
            context.report(TargetWarning(run.target, CHANGE_IN_FLIGHT))
        run.finish(Outcome.INTERRUPTED, f"the job was stopped ({signal})")


def _cancel_all(context: RunContext, runs: list[TargetRun], refused: str) -> str:
    """`refused`: why the token must not be used any more; the same is answered."""
    stoppable = [
        (story, watch)
        for story in runs
        for watch in story.watches
        if may_be_running(watch) and is_ours(watch)
    ]
    stoppable = [
        (story, watch) for story, watch in stoppable if watch.stage not in {Stage.HEALTH, Stage.VERIFY}
    ]  # that is deployed already
    for run, watch in sorted(stoppable, key=lambda pair: pair[1].phase is not Phase.RUNNING):
        how = f"it could not be cancelled: {refused}"
        if run.is_rollback:
            how = "it goes on: what ran before is being put back, and that is never cancelled"
        elif not refused:
            how, refused = _cancel(context, watch)
        context.report(CancelResult(run.target, for_people(watch), how))
    return refused


def _report_cancels(context: RunContext, runs: list[TargetRun]) -> None:
    """`command: cancel`: what was being cancelled, and what was not reached any more."""
    for run in runs:
        for handle in run.to_cancel if run.step is Step.CANCEL else ():
            if not run.cancel_results.get(handle):
                context.report(
                    CancelResult(
                        run.target,
                        handle,
                        "cancel sent, not confirmed" if handle in run.cancel_results else OUT_OF_TIME,
                    )
                )


def _seconds_left(context: RunContext) -> float:
    return INTERRUPT_SECONDS - context.clock.since_stop()


def _tell_waiting(context: RunContext, target: str) -> None:
    try:
        if _seconds_left(context) > 0:
            with context.clock.limit(_seconds_left(context)):
                if left := waiting(context, timeout=RESPONSE_SECONDS):
                    context.report(TargetWarning(target, left))
    except Expired:
        pass


def _find_once(context: RunContext, run: TargetRun, refused: str) -> str:
    """One list is read for the row of a trigger without an answer, and nothing is sent again."""
    found = None
    try:
        if _seconds_left(context) > 0 and not refused:
            with context.clock.limit(_seconds_left(context)):
                found = context.provider.find_triggered(run.target, timeout=RESPONSE_SECONDS)
    except RefusedError as error:
        refused = error.reason if error.token_wide else ""
    except (UnavailableError, Expired):
        pass
    handles = found.handles if isinstance(found, Started) else ()
    if isinstance(found, GroupStarted):
        handles = tuple(part.handle for part in found.members if part.handle)
    if handles:
        run.watch(run.triggered_stage, handles)
        for handle in handles:
            context.report(
                Following(run.target, handle, found.note if isinstance(found, Started) else "", run.stage)
            )
    else:
        run.trigger_uncertain = True
        context.report(TargetWarning(run.target, TRIGGER_IN_FLIGHT))
    return refused


def _cancel(context: RunContext, watch: Watch) -> tuple[str, str]:
    if watch.handle.condition and not watch.handle.id:
        return "what was asked for goes on: it can't be taken back", ""
    if not context.plan.cancel_on_interrupt:
        return "left running, as `on_interrupt: leave` says", ""
    if _seconds_left(context) <= 0:
        return OUT_OF_TIME, ""
    try:
        with context.clock.limit(_seconds_left(context)):
            return cancel_deployment(context, watch, timeout=RESPONSE_SECONDS)
    except Expired:
        return "cancel sent, not confirmed", ""
