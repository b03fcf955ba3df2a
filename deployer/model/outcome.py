"""How things end and where they stand: commands, outcomes with their exit codes, phases, legs."""

from __future__ import annotations

from enum import Enum


class Command(Enum):
    """What a run is asked to do with its targets."""

    DEPLOY = "deploy"
    START = "start"
    RESTART = "restart"
    STOP = "stop"
    ROLLBACK = "rollback"
    CANCEL = "cancel"
    CHECK = "check"


class Outcome(Enum):
    """How one target's story ends, worst first: (status, exit code, when)."""

    INTERRUPTED = ("interrupted", 130, "the job was stopped (SIGINT, SIGTERM or SIGHUP)")
    FAILED = ("failed", 1, "the deployment ended badly")
    UNVERIFIED = ("unverified", 5, "deployed, but the proof that it runs failed (a post-deployment command, its health, or its site)")
    ROLLED_BACK = ("rolled_back", 5, "the same, and what ran before was put back and runs again")
    LOST = (
        "lost",
        3,
        "started, or perhaps, and out of sight (token revoked, deployment deleted, an answer lost with a token that can't list)",
    )
    TIMED_OUT = ("timed_out", 3, "no end in time (the message says whether it was building, queued, or never accepted)")
    CANCELLED = ("cancelled", 4, "somebody else ended it")
    SUPERSEDED = ("superseded", 4, "another deployment took its place (Cloud Foundry only)")
    REFUSED = (
        "refused",
        2,
        "this target was not started: wrong input, unknown uuid, missing right, or Coolify answered OK and named no deployment",
    )
    UNREACHABLE = ("unreachable", 6, "the server never gave an answer of its own; nothing was sent that could have started anything")
    TRIGGERED = ("triggered", 0, "accepted, not waited for")
    FINISHED = ("finished", 0, "what was asked for is done and every proof held; or it was so already")
    SKIPPED = ("skipped", 0, "nothing was started or changed, on request (`dry_run`, `on_missing_secret: skip`)")

    def __init__(self, status: str, exit_code: int, meaning: str) -> None:
        self.status = status
        self.exit_code = exit_code
        self.meaning = meaning

    @classmethod
    def worst(cls, outcomes: list[Outcome]) -> Outcome:
        """The one that counts for the whole run."""
        return next(outcome for outcome in cls if outcome in outcomes)


class Phase(Enum):
    """Where a deployment stands, in the words of no provider. STUCK: queued, and nothing will start it by itself."""

    ABSENT = "absent"
    QUEUED = "queued"
    STUCK = "stuck"
    RUNNING = "running"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    UNPROVEN = "unproven"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Leg(Enum):
    """A stretch of a target's story; watch.py says what limits each and what its end is called."""

    STAGING = "staging"
    DEPLOYMENT = "deployment"
    OTHERS = "others"
    HEALTH = "health"
    VERIFY = "verify"
    ROLLBACK = "rollback"
    ENDING = "ending"


class Trust(Enum):
    """What the answer that gave a handle is worth.

    SURE: it exists. DOUBTFUL: a full queue would have answered the same. PHANTOM: it names nothing, the real one is to be found.
    LISTED: it exists, or is such a phantom.
    """

    SURE = "sure"
    DOUBTFUL = "doubtful"
    PHANTOM = "phantom"
    LISTED = "listed"
