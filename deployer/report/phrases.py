"""PURE: the recurring phrases: what an outcome and a phase are called, and durations."""

from __future__ import annotations

from deployer.model import Command, Outcome, Phase

ACTIVITIES = {
    Phase.ABSENT: "looking for the deployment",
    Phase.QUEUED: "queued",
    Phase.STUCK: "queued",
    Phase.RUNNING: "building",
    Phase.UNKNOWN: "in an unknown status",
    Phase.SUCCEEDED: "deployed, finishing",
    Phase.UNVERIFIED: "deployed, finishing",
    Phase.FAILED: "failed, reading the reason",
    Phase.CANCELLED: "cancelled, finishing",
    Phase.SUPERSEDED: "replaced by another deployment",
}

COMMAND_PHRASES = {
    Command.DEPLOY: "triggering a deployment",
    Command.START: "starting it",
    Command.RESTART: "restarting it",
    Command.STOP: "stopping it",
    Command.ROLLBACK: "rolling back to the previous version",
    Command.CANCEL: "looking for deployments to cancel",
    Command.CHECK: "checking",
}

LEFT_RUNNING = (
    "The deployment is still running on the server and may still go live. "
    "If it just needs more time, increase `timeout`."
)
MAYBE_STARTED = "A deployment may be running: check on the platform before you run the job again."
NOTHING_STARTED = "Nothing was started: run the job again later."

DEPLOY_COMMANDS = (Command.DEPLOY, Command.START, Command.RESTART, Command.ROLLBACK)

_HEADLINES = {
    Outcome.INTERRUPTED: "interrupted",
    Outcome.FAILED: "the deployment failed",
    Outcome.UNVERIFIED: "deployed, but not verified as running",
    Outcome.ROLLED_BACK: "verification failed; rolled back",
    Outcome.LOST: "lost track of the deployment",
    Outcome.TIMED_OUT: "timed out",
    Outcome.CANCELLED: "somebody cancelled the deployment",
    Outcome.SUPERSEDED: "another deployment took its place",
    Outcome.REFUSED: "not started",
    Outcome.UNREACHABLE: "server unreachable; nothing was started",
    Outcome.TRIGGERED: "triggered, not waiting for the deployment",
    Outcome.FINISHED: "finished",
    Outcome.SKIPPED: "skipped: nothing was started or changed",
}

SUCCESSES = (Outcome.FINISHED, Outcome.TRIGGERED, Outcome.SKIPPED)


def duration(seconds: float) -> str:
    """A number of seconds as `42s`, `3m 05s` or `1h 02m`."""
    whole = max(0, round(seconds))
    if whole < 60:  # noqa: PLR2004 -- a minute
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 -- an hour
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


def headline(outcome: Outcome, seconds: float | None, timeout: float) -> str:
    """An outcome as one short phrase.

    `seconds`: since the trigger, if there was one; `timeout`: the input, in seconds.
    """
    text = _HEADLINES[outcome]
    if outcome is Outcome.TIMED_OUT:
        return f"{text} after {duration(timeout)}"
    untimed = {Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.SKIPPED, Outcome.TRIGGERED}
    if seconds is None or outcome in untimed:
        return text
    match outcome:
        case Outcome.FINISHED:
            return f"{text} in {duration(seconds)}"
        case Outcome.UNVERIFIED | Outcome.ROLLED_BACK:
            return f"{text} ({duration(seconds)})"
        case _:
            return f"{text} after {duration(seconds)}"
