"""PURE: the sentences. What an outcome is called in people's words, and how long something took."""

from __future__ import annotations

from deployer.model import Command, Outcome, Phase

ACTIVITIES = {
    Phase.ABSENT: "looking for the deployment",
    Phase.QUEUED: "queued",
    Phase.STUCK: "queued",
    Phase.RUNNING: "building",
    Phase.UNKNOWN: "in a status that we do not know",
    Phase.SUCCEEDED: "deployed, finishing",
    Phase.UNVERIFIED: "deployed, finishing",
    Phase.FAILED: "failed, reading why",
    Phase.CANCELLED: "cancelled, finishing",
    Phase.SUPERSEDED: "replaced by another deployment",
}

COMMAND_PHRASES = {
    Command.DEPLOY: "triggering a deployment",
    Command.START: "starting it",
    Command.RESTART: "restarting it",
    Command.STOP: "stopping it",
    Command.ROLLBACK: "going back to what ran before",
    Command.CANCEL: "looking for deployments to cancel",
    Command.CHECK: "checking",
}

LEFT_RUNNING = "\nIt goes on on the server, and may still go live. If it only needs longer, raise `timeout`."
MAYBE_STARTED = (
    "\nSomething may have been started and be running: look on the platform before you run the job again."
)
NOTHING_STARTED = "\nNothing was started: run the job again later."

DEPLOY_COMMANDS = (Command.DEPLOY, Command.START, Command.RESTART, Command.ROLLBACK)

_HEADLINES = {
    Outcome.INTERRUPTED: "interrupted",
    Outcome.FAILED: "the deployment failed",
    Outcome.UNVERIFIED: "deployed, but the proof that it runs failed",
    Outcome.ROLLED_BACK: "not proven to run, and rolled back",
    Outcome.LOST: "lost sight of the deployment",
    Outcome.TIMED_OUT: "no end in time",
    Outcome.CANCELLED: "somebody cancelled the deployment",
    Outcome.SUPERSEDED: "another deployment took its place",
    Outcome.REFUSED: "not started",
    Outcome.UNREACHABLE: "the server is out of reach; nothing was started",
    Outcome.TRIGGERED: "triggered, not waited for",
    Outcome.FINISHED: "finished",
    Outcome.SKIPPED: "skipped: nothing was started or changed",
}

SUCCESSES = (Outcome.FINISHED, Outcome.TRIGGERED, Outcome.SKIPPED)


def duration(seconds: float) -> str:
    """A time as people say it: `42s`, `3m 05s`, `1h 02m`."""
    whole = max(0, round(seconds))
    if whole < 60:  # noqa: PLR2004 -- a minute
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 -- an hour
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


def headline(outcome: Outcome, seconds: float | None, timeout: float) -> str:
    """An outcome in one short sentence."""
    text = _HEADLINES[outcome]
    if outcome is Outcome.TIMED_OUT:
        return f"{text} ({duration(timeout)})"
    if seconds is None or outcome in {
        Outcome.REFUSED,
        Outcome.UNREACHABLE,
        Outcome.SKIPPED,
        Outcome.TRIGGERED,
    }:
        return text
    return (
        f"{text} after {duration(seconds)}"
        if outcome is not Outcome.FINISHED
        else f"{text} in {duration(seconds)}"
    )
