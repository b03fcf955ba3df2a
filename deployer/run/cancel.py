"""`command: cancel`: every deployment of a target that is not over is asked to end, whoever started it; each once."""

from __future__ import annotations

from deployer.model import (
    CancelResult,
    Following,
    Handle,
    Outcome,
    RefusedError,
    Stage,
    TargetWarning,
    UnavailableError,
)
from deployer.run.target_run import GRACE_SECONDS, RunContext, TargetRun, waiting


def cancel_all(context: RunContext, run: TargetRun) -> str:
    """Ask all of them that were not asked yet; answers why the token must not be used any more, if so.

    Raises UnavailableError where one was not cancelled: then this is called again, and what was asked stays known.
    """
    with context.clock.interruptible():
        going = context.provider.active(run.target)
    run.to_cancel = tuple(dict.fromkeys((*run.to_cancel, *going)))
    for handle in run.to_cancel:
        if handle not in run.cancel_results and (closed := _cancel(context, run, handle)):
            return closed
    return ""


def _cancel(context: RunContext, run: TargetRun, handle: Handle) -> str:
    try:
        with context.clock.grace(GRACE_SECONDS):
            run.cancel_results[handle] = ""
            run.cancel_results[handle] = context.provider.cancel(handle)
    except RefusedError as error:
        run.cancel_results[handle], run.refusal = "refused", run.refusal or error.reason
        return error.reason if error.token_wide else ""
    except UnavailableError as error:
        if not error.may_have_arrived:
            del run.cancel_results[handle]
            raise
        run.cancel_results[handle] = "cancel sent, not confirmed"
    whose = f" (one that {handle.started_by})" if handle.started_by else ""
    context.report(CancelResult(run.target, handle, run.cancel_results[handle] + whose))
    return ""


def follow_cancelled(context: RunContext, run: TargetRun) -> None:
    """All were asked: they are looked at until they are over."""
    with context.clock.interruptible():
        left = waiting(context) if run.to_cancel else ""
    if left:
        context.report(TargetWarning(run.target, left))
    if not run.to_cancel:
        run.finish(Outcome.FINISHED, "nothing to cancel: no deployment was queued or running")
    elif run.refusal:
        run.finish(Outcome.REFUSED, run.refusal)
    elif not context.plan.wait:
        run.finish(Outcome.TRIGGERED)
    else:
        run.watch(Stage.CANCELLATION, run.to_cancel)
        for handle in run.to_cancel:
            context.report(Following(run.target, handle, stage=Stage.CANCELLATION))
