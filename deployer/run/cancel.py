"""`command: cancel`: cancels every active deployment of a target, whoever started it, and each once."""

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
from deployer.run.target_run import CANCEL_SENT, GRACE_SECONDS, RunContext, TargetRun, stuck_deployments


def cancel_all(context: RunContext, run: TargetRun) -> str:
    """Cancel all that were not cancelled yet. Returns why the token is rejected, or empty.

    Raises UnavailableError if one could not be cancelled: then this is called again, and continues with that
    one.
    """
    with context.clock.interruptible():
        active = context.provider.active(run.target)
    run.cancel.handles = tuple(dict.fromkeys((*run.cancel.handles, *active)))
    for handle in run.cancel.handles:
        if handle not in run.cancel.results and (rejected := _cancel(context, run, handle)):
            return rejected
    return ""


def _cancel(context: RunContext, run: TargetRun, handle: Handle) -> str:
    try:
        with context.clock.grace(GRACE_SECONDS):
            run.cancel.results[handle] = ""
            run.cancel.results[handle] = context.provider.cancel(handle)
    except RefusedError as error:
        run.cancel.results[handle], run.cancel.refusal = "refused", run.cancel.refusal or error.reason
        return error.reason if error.token_wide else ""
    except UnavailableError as error:
        if not error.may_have_arrived:
            del run.cancel.results[handle]
            raise
        run.cancel.results[handle] = CANCEL_SENT
    by = f" (one that {handle.started_by})" if handle.started_by else ""
    context.report(CancelResult(run.target, handle, run.cancel.results[handle] + by))
    return ""


def follow_cancelled(context: RunContext, run: TargetRun) -> None:
    """All were cancelled: follow them to their end."""
    with context.clock.interruptible():
        stuck = stuck_deployments(context) if run.cancel.handles else ""
    if stuck:
        context.report(TargetWarning(run.target, stuck))
    if not run.cancel.handles:
        run.finish(Outcome.FINISHED, "nothing to cancel: no deployment was queued or running")
    elif run.cancel.refusal:
        run.finish(Outcome.REFUSED, run.cancel.refusal)
    elif not context.plan.wait:
        run.finish(Outcome.TRIGGERED)
    else:
        run.watch(Stage.CANCELLATION, run.cancel.handles)
        for handle in run.cancel.handles:
            context.report(Following(run.target, handle, stage=Stage.CANCELLATION))
