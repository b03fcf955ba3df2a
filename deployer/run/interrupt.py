"""The job is cancelled: cancel what this run started, and report the rest (architecture, rule 8)."""

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
    CANCEL_SENT,
    RunContext,
    Step,
    TargetRun,
    cancel_deployment,
    is_ours,
    may_be_running,
    shown_handle,
    stuck_deployments,
)
from deployer.watch import Watch, remaining_log

INTERRUPT_SECONDS = 5.0
"""Real seconds after the signal in which requests are still sent.

GitHub kills after 10 s (ci-formats 1.9).
"""

TRIGGER_IN_FLIGHT = (
    "the job was cancelled while a trigger was in flight, and no deployment was found: one "
    "may still be started"
)

CHANGE_IN_FLIGHT = "the job was cancelled while a change was in flight; it may or may not have been applied"

OUT_OF_TIME = "no time was left to cancel it: it may still be running"

RESPONSE_SECONDS = 1.0
"""How long to wait for a response.

Coolify marks the deployment before its slow work, so sent is enough (coolify-api 16).
"""


def handle_interrupt(context: RunContext, runs: list[TargetRun], signal: str) -> None:
    """End every unfinished target as interrupted.

    Known deployments are cancelled before lost ones are searched for.
    """
    context.report(InterruptReceived(signal))
    unfinished = [run for run in runs if run.step is not Step.FINISHED]
    for watch in [watch for run in unfinished for watch in run.watches]:
        for event in remaining_log(watch):
            context.report(event)
    _report_cancels(context, unfinished)
    rejected = _cancel_all(context, unfinished, "")
    for run in unfinished:
        if run.trigger.sent and run.step in {Step.TRIGGER, Step.FIND}:
            rejected = _find_once(context, run, rejected)
            rejected = _cancel_all(context, [run], rejected)
    if unfinished and not rejected:
        _report_stuck(context, unfinished[0].target)
    for run in unfinished:
        if run.step is Step.HELD:
            run.release()
            continue
        if run.changes.in_flight:
            context.report(TargetWarning(run.target, CHANGE_IN_FLIGHT))
        run.finish(Outcome.INTERRUPTED, f"the job was cancelled ({signal})")


def _cancel_all(context: RunContext, runs: list[TargetRun], rejected: str) -> str:
    """Cancel what these runs have started.

    `rejected`: why the token is rejected, if it is; returned as it is afterwards.
    """
    deployed = {Stage.HEALTH, Stage.VERIFY}
    running = [
        (run, watch)
        for run in runs
        for watch in run.watches
        if may_be_running(watch) and is_ours(watch) and watch.stage not in deployed
    ]
    for run, watch in sorted(running, key=lambda pair: pair[1].phase is not Phase.RUNNING):
        result = f"could not be cancelled: {rejected}"
        if run.is_rollback:
            result = "left running: a rollback is never cancelled"
        elif not rejected:
            result, rejected = _cancel(context, watch)
        context.report(CancelResult(run.target, shown_handle(watch), result))
    return rejected


def _report_cancels(context: RunContext, runs: list[TargetRun]) -> None:
    """`command: cancel`: report what was being cancelled, and what there was no time for."""
    for run in runs:
        for handle in run.cancel.handles if run.step is Step.CANCEL else ():
            if not run.cancel.results.get(handle):
                result = CANCEL_SENT if handle in run.cancel.results else OUT_OF_TIME
                context.report(CancelResult(run.target, handle, result))


def _seconds_left(context: RunContext) -> float:
    return INTERRUPT_SECONDS - context.clock.since_stop()


def _report_stuck(context: RunContext, target: str) -> None:
    try:
        if _seconds_left(context) > 0:
            with context.clock.limit(_seconds_left(context)):
                if stuck := stuck_deployments(context, timeout=RESPONSE_SECONDS):
                    context.report(TargetWarning(target, stuck))
    except Expired:
        pass


def _find_once(context: RunContext, run: TargetRun, rejected: str) -> str:
    """Search once for the deployment of a trigger without a response, and send nothing again."""
    found = None
    try:
        if _seconds_left(context) > 0 and not rejected:
            with context.clock.limit(_seconds_left(context)):
                found = context.provider.find_triggered(run.target, timeout=RESPONSE_SECONDS)
    except RefusedError as error:
        rejected = error.reason if error.token_wide else ""
    except (UnavailableError, Expired):
        pass
    handles = found.handles if isinstance(found, Started) else ()
    if isinstance(found, GroupStarted):
        handles = tuple(member.handle for member in found.members if member.handle)
    if handles:
        run.watch(run.triggered_stage, handles)
        note = found.note if isinstance(found, Started) else ""
        for handle in handles:
            context.report(Following(run.target, handle, note, run.stage))
    else:
        run.trigger.uncertain = True
        context.report(TargetWarning(run.target, TRIGGER_IN_FLIGHT))
    return rejected


def _cancel(context: RunContext, watch: Watch) -> tuple[str, str]:
    if watch.handle.condition and not watch.handle.id:
        return "left running: it can't be cancelled", ""
    if not context.plan.cancel_on_interrupt:
        return "left running (`on_interrupt: leave`)", ""
    if _seconds_left(context) <= 0:
        return OUT_OF_TIME, ""
    try:
        with context.clock.limit(_seconds_left(context)):
            return cancel_deployment(context, watch, timeout=RESPONSE_SECONDS)
    except Expired:
        return CANCEL_SENT, ""
