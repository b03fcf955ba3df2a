"""PURE: from the `status` of an application, a service or a database to a snapshot (coolify-api 8).

Coolify writes it when it comes to it, so none is certain at first sight: `hold` says how long each must last before it is believed.
"""

from __future__ import annotations

from typing import Any

from deployer.model import Command, Handle, Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.trigger_requests import APPLICATION

RUNNING, STOPPED, HEALTH = "running", "stopped", "healthy"
"""The aspects of a target that are looked at, beside its deployments."""

STALE_SECONDS = 15.0
"""Seconds that `running` must last where it has changed since."""

REFRESH_SECONDS = 75.0
"""The same where it has not: Coolify looks at its containers once a minute, so that it may be what was known before the restart."""

STARTING_SECONDS = 180.0
"""Seconds that a service may be `exited` between its stop and its start, and some containers up before others."""

FINAL_SECONDS, STOPPED_SECONDS = 0.0, 10.0
DOWN_SECONDS = 90.0
"""Seconds after which an application that is down after its deployment stays down."""

STEADY_SECONDS = 60.0
"""Seconds without a break that `verify_health: true` asks for."""

MARGIN_SECONDS = 15.0
"""Of `verify_timeout`: the ten seconds before the first look, and what the looks themselves take."""

DOWN_NOW = "it does not run: Coolify has reported {}. Its logs in Coolify say why"
UNSEEN = (
    "its status ({}) was not seen to change, and Coolify does not tell whether newer images were pulled or its containers replaced. "
    "To prove that the new version runs, set `verify_url` and `verify_contains`"
)
"""Of a service or database: a failed `docker compose pull` or `up` looks exactly like one that succeeds (captured-2)."""

BAD = ("exited", "degraded", "restarting", "dead", "removing")
HEALTHY = "New container is healthy."
"""Coolify's own words for a health check that passed: the same on every version, `command` null (coolify-api 16)."""


def split(status: Any) -> tuple[str, str]:
    """State and health; `:excluded` only says that no container counts for it."""
    state, _, health = (status if isinstance(status, str) else "").removesuffix(":excluded").partition(":")
    return state, health


def resource(row: Any, aspect: str, before: str, version: Version, *, moved: bool) -> Snapshot:
    """What one answer of a service, a database or a stopped application shows. `before`: its status before we did anything, if known.

    `moved`: another state was seen since then, so that `running` is not just what was known before. `starting` is no such state: Coolify
    shows it while it works, whatever comes of that (captured-2/sequence_service_deploy_up_fails).
    """
    text = _status(row)
    if aspect == STOPPED:
        return _stopped(text, before)
    state, health = split(text)
    fine = health in {"healthy", "unknown", ""} or (health == "unhealthy" and not version.has(Feature.STATES))
    if state == "running" and fine:
        if moved or (split(before)[0] not in {"starting", ""} and text != before):
            return Snapshot(Phase.SUCCEEDED, text, stable_for=STALE_SECONDS, final=False)
        return Snapshot(
            Phase.SUCCEEDED, text, stable_for=REFRESH_SECONDS, final=False, unseen=UNSEEN.format(text)
        )
    if state in BAD:
        return Snapshot(
            Phase.FAILED, text, stable_for=STARTING_SECONDS, final=False, reason=DOWN_NOW.format(text)
        )
    return Snapshot(Phase.RUNNING, text, reason=f"its status was still {text or 'not known'}")


def _stopped(text: str, before: str) -> Snapshot:
    if split(text)[0] == "exited":
        already = split(before)[0] == "exited"
        reason = "it was stopped already" if already else ""
        return Snapshot(
            Phase.SUCCEEDED,
            text,
            stable_for=STOPPED_SECONDS if already else FINAL_SECONDS,
            final=False,
            reason=reason,
        )
    return Snapshot(Phase.RUNNING, text, reason=f"it was not seen to stop: its status was still {text}")


def health(row: Any, options: Options, *, passed: bool, before: str = "", shaken: bool = False) -> Snapshot:
    """Does the application run after its deployment? `passed`: Coolify's own health check did while it was deployed.

    `before`: its status before anything was done. After a mere restart Coolify does not look anew, so that one says nothing then.
    `shaken`: it was seen not to run since the deployment, so that one good reading is not enough (coolify-api 8).
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
            stable_for=STEADY_SECONDS if options.verify_health == "true" else STALE_SECONDS if shaken else 0,
            final=False,
        )
    if is_down(text, options, before):
        return Snapshot(
            Phase.FAILED,
            text,
            stable_for=max(min(DOWN_SECONDS, within), 1.0),
            final=False,
            reason=DOWN_NOW.format(text),
        )
    return Snapshot(Phase.RUNNING, text, reason=f"its status was still {text or 'not known'}")


def is_down(text: str, options: Options, before: str) -> bool:
    """Whether a status says that the application does not run; what a mere restart finds unchanged says nothing."""
    return split(text)[0] in BAD and not (options.command is Command.RESTART and text == before)


def health_check(seen: Snapshot, target: str, options: Options) -> Handle | None:
    """Where it can be seen that the new version runs, if that is to be looked at (architecture 2.2)."""
    passed = passed_health_check(seen)
    if (
        seen.phase is not Phase.SUCCEEDED
        or options.verify_health == "false"
        or options.pr
        or not options.wait
        or (options.verify_health == "auto" and passed)
    ):
        return None
    return Handle(target, "", condition=HEALTH)


def passed_health_check(seen: Snapshot) -> bool:
    """Whether Coolify itself found the new container healthy."""
    return any(entry.from_platform and entry.text.strip() == HEALTHY for entry in seen.log or ())


def already_in_state(kind: str, text: str) -> str:
    """`Service is already running.` and its like: nothing had to be done; empty for any other answer."""
    done = text.endswith((" is already running.", " is already stopped.")) and kind != APPLICATION
    return text.rstrip(".") if done else ""


def _status(row: Any) -> str:
    """Raises UnavailableError for an answer of another shape."""
    if not isinstance(row, dict) or not isinstance(row.get("status"), str):
        raise UnavailableError(
            "Coolify's answer has not the shape of a resource with a status",
            may_have_arrived=True,
            from_server=True,
        )
    return one_line(row["status"])
