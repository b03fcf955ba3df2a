"""PURE: from the `status` of an application, service or database to a snapshot (coolify-api 8).

Coolify updates it with a delay, so the first reading is never certain: `stable_for` says how long each must
last before it counts.
"""

from __future__ import annotations

from typing import Any

from deployer.model import Command, Handle, Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION

RUNNING, STOPPED, HEALTH = "running", "stopped", "healthy"
"""The conditions of a target that are polled, besides its deployments."""

CHANGED_SECONDS = 15.0
"""How long `running` must last if the status has changed since the request."""

UNCHANGED_SECONDS = 75.0
"""How long `running` must last otherwise.

Coolify checks containers once a minute, so it may be the status from before.
"""

STARTING_SECONDS = 180.0
"""How long a service may be `exited` between stop and start, or have only some of its containers running."""

STOPPED_SECONDS = 10.0
"""How long `exited` must last if the target was already stopped before."""

DOWN_SECONDS = 90.0
"""How long an application must be down after its deployment before that counts."""

STEADY_SECONDS = 60.0
"""How long `verify_health: true` requires `running` without a break."""

MARGIN_SECONDS = 15.0
"""The part of `verify_timeout` for the wait before the first status request, and for the requests."""

DOWN = "the new version is not running: Coolify reports {}. For the cause, open its logs in Coolify"
STATUS_UNCHANGED = (
    "Coolify reports {}, but not whether images were pulled or containers replaced. "
    "To verify that the new version is running, set `verify_url` and `verify_contains`"
)
"""A failed `docker compose pull` or `up` of a service looks exactly like a successful one (captured-2)."""

DOWN_STATES = ("exited", "degraded", "restarting", "dead", "removing")


def split(status: Any) -> tuple[str, str]:
    """State and health. `:excluded` only means that no container is included in the status."""
    state, _, health = (status if isinstance(status, str) else "").removesuffix(":excluded").partition(":")
    return state, health


def resource(row: Any, condition: str, before: str, version: Version, *, changed: bool) -> Snapshot:
    """What the row of a service, a database or a stopped application shows.

    condition: `RUNNING` or `STOPPED`, which is waited for.
    before: its status before the request, if known.
    changed: another state was seen since then, so that `running` is not just the status from before.
        `starting` does not count:
    Coolify shows it while it works, whether that succeeds or not
    (captured-2/sequence_service_deploy_up_fails).

    Raises UnavailableError for a response of another shape.
    """
    text = _status(row)
    if condition == STOPPED:
        return _stopped(text, before)
    state, health = split(text)
    fine = health in {"healthy", "unknown", ""} or (health == "unhealthy" and not version.has(Feature.STATES))
    if state == "running" and fine:
        if changed or (split(before)[0] not in {"starting", ""} and text != before):
            return Snapshot(Phase.SUCCEEDED, text, stable_for=CHANGED_SECONDS, final=False)
        return Snapshot(
            Phase.SUCCEEDED,
            text,
            stable_for=UNCHANGED_SECONDS,
            final=False,
            unseen=STATUS_UNCHANGED.format(text),
        )
    if state in DOWN_STATES:
        return Snapshot(
            Phase.FAILED, text, stable_for=STARTING_SECONDS, final=False, reason=DOWN.format(text)
        )
    return Snapshot(Phase.RUNNING, text, reason=f"its status was still {text or 'unknown'}")


def _stopped(text: str, before: str) -> Snapshot:
    if split(text)[0] == "exited":
        already = split(before)[0] == "exited"
        reason = "it was already stopped" if already else ""
        return Snapshot(
            Phase.SUCCEEDED,
            text,
            stable_for=STOPPED_SECONDS if already else 0,
            final=False,
            reason=reason,
        )
    return Snapshot(Phase.RUNNING, text, reason=f"it did not stop: its status was still {text}")


def health(row: Any, options: Options, *, passed: bool, before: str = "") -> Snapshot:
    """Whether the application is running after its deployment.

    passed: Coolify's own health check passed during the deployment.
    before: its status before the trigger. After a mere restart, Coolify may still report it.

    Raises UnavailableError for a response of another shape.
    """
    text = _status(row)
    state, condition = split(text)
    checked = bool(row.get("health_check_enabled") or row.get("custom_healthcheck_found")) and not passed
    within = max(0.0, options.verify_timeout - MARGIN_SECONDS)
    if state == "running" and (
        condition in {"healthy", "unknown", ""} or (condition == "unhealthy" and not checked)
    ):
        return Snapshot(
            Phase.SUCCEEDED,
            text,
            stable_for=STEADY_SECONDS if options.verify_health == "true" else 0,
            stable_after_failure=CHANGED_SECONDS,
            final=False,
        )
    # After a mere restart, an unchanged status shows nothing.
    unchanged = options.command is Command.RESTART and text == before
    if state in DOWN_STATES and not unchanged:
        return Snapshot(
            Phase.FAILED,
            text,
            stable_for=max(min(DOWN_SECONDS, within), 1.0),
            final=False,
            reason=DOWN.format(text),
        )
    return Snapshot(Phase.RUNNING, text, reason=f"its status was still {text or 'unknown'}")


def health_check(
    snapshot: Snapshot, target: str, options: Options, *, passed: bool = False, ended: str = ""
) -> Handle | None:
    """What to poll to see whether the new version is running.

    None if that is not to be checked (architecture 2.2).

    passed: Coolify's own health check of the new container passed.
    ended: when the deployment ended, if a later check of Coolify's can be recognized by that.
    """
    if (
        snapshot.phase is not Phase.SUCCEEDED
        or options.verify_health == "false"
        or options.pr
        or not options.wait
        or (options.verify_health == "auto" and passed)
    ):
        return None
    return Handle(target, "", condition=HEALTH, ended=ended)


def already_in_state(kind: str, text: str) -> str:
    """A message such as `Service is already running.`, which means that nothing had to be done.

    Empty for any other.
    """
    done = text.endswith((" is already running.", " is already stopped.")) and kind != APPLICATION
    return text.rstrip(".") if done else ""


def _status(row: Any) -> str:
    """Raises UnavailableError for a response of another shape."""
    if not isinstance(row, dict) or not isinstance(row.get("status"), str):
        raise UnavailableError(
            "Coolify's response is not a resource with a status",
            may_have_arrived=True,
            from_server=True,
        )
    return one_line(row["status"])
