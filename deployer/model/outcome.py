"""The closed lists: commands, outcomes with their exit codes, phases, stages, and what a handle is worth."""

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
    """How a target's run ends, worst first: (status, exit code, when).

    The statuses and exit codes are stable: users build on them.
    """

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
        "perhaps started, but its state is unknown (token revoked, deployment deleted, response lost)",
    )
    TIMED_OUT = (
        "timed_out",
        3,
        "not over within `timeout` (the message says whether it was building, queued, or never accepted)",
    )
    CANCELLED = ("cancelled", 4, "somebody else cancelled it")
    SUPERSEDED = ("superseded", 4, "another deployment took its place (Cloud Foundry only)")
    REFUSED = (
        "refused",
        2,
        "not started: invalid input, unknown uuid, missing ability, or Coolify started no deployment",
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
    """What the platform says of a deployment, in the words of no provider."""

    ABSENT = "absent"
    """There is no such deployment."""
    QUEUED = "queued"
    STUCK = "stuck"
    """Queued, and nothing will start it without help."""
    RUNNING = "running"
    UNKNOWN = "unknown"
    """A status that Deployer does not know."""
    SUCCEEDED = "succeeded"
    UNVERIFIED = "unverified"
    """Deployed, but not seen to run."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """Another deployment took its place."""


class Stage(Enum):
    """A part of a target's run that is watched. watch.py says what limits each, and what its end means."""

    STAGING = "staging"
    """Cloud Foundry builds a droplet."""
    DEPLOYMENT = "deployment"
    ADDITIONAL_SERVERS = "additional servers"
    """The deployments of one application on its other servers."""
    HEALTH = "health"
    """The platform's status of what was deployed."""
    VERIFY = "verify"
    """The site's own response."""
    ROLLBACK = "rollback"
    CANCELLATION = "cancellation"


class Owner(Enum):
    """Who started a deployment."""

    OURS = "ours"
    UNSURE = "unsure"
    """Perhaps this run did; the response was lost, and nothing tells."""
    OTHERS = "others"
    """Somebody else did, and this run follows it."""


class Certainty(Enum):
    """What the response that named a deployment is worth."""

    CONFIRMED = "confirmed"
    """The deployment exists."""
    UNCONFIRMED = "unconfirmed"
    """A full queue would have responded the same way."""
    PHANTOM = "phantom"
    """The uuid was never stored: the real deployment is to be found."""
    POSSIBLY_PHANTOM = "possibly phantom"
    """It exists, or its uuid was never stored; the response does not tell."""
