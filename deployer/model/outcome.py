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
    FAILED = ("failed", 1, "the deployment failed")
    UNVERIFIED = (
        "unverified",
        5,
        "deployed, but not verified as running (a post-deployment command, its health, or its site failed)",
    )
    ROLLED_BACK = (
        "rolled_back",
        5,
        "deployed, but not verified as running; the previous version was restored and runs again",
    )
    LOST = (
        "lost",
        3,
        "perhaps started, but its state can no longer be determined (token revoked, deployment deleted, no response and no `read`)",
    )
    TIMED_OUT = (
        "timed_out",
        3,
        "not over within `timeout` (the message says whether it was building, queued, or never accepted)",
    )
    CANCELLED = ("cancelled", 4, "somebody else ended it")
    SUPERSEDED = ("superseded", 4, "another deployment took its place (Cloud Foundry only)")
    REFUSED = (
        "refused",
        2,
        "not started: invalid input, unknown uuid, missing ability, or Coolify accepted the request without starting a deployment",
    )
    UNREACHABLE = (
        "unreachable",
        6,
        "the server could not be reached; nothing was sent that could have started anything",
    )
    TRIGGERED = ("triggered", 0, "accepted, not waited for")
    FINISHED = ("finished", 0, "done (or already in the requested state), and every check passed")
    SKIPPED = (
        "skipped",
        0,
        "nothing was started or changed, on request (`dry_run`, `on_missing_secret: skip`)",
    )

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
    UNVERIFIED = "unproven"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Stage(Enum):
    """A stretch of a target's story; watch.py says what limits each and what its end is called."""

    STAGING = "staging"
    DEPLOYMENT = "deployment"
    ADDITIONAL_SERVERS = "others"
    HEALTH = "health"
    VERIFY = "verify"
    ROLLBACK = "rollback"
    CANCELLATION = "ending"


class Certainty(Enum):
    """What the answer that gave a handle is worth.

    SURE: it exists. DOUBTFUL: a full queue would have answered the same. PHANTOM: it names nothing, the real one is to be found.
    LISTED: it exists, or is such a phantom.
    """

    CONFIRMED = "sure"
    UNCONFIRMED = "doubtful"
    PHANTOM = "phantom"
    POSSIBLY_PHANTOM = "listed"
