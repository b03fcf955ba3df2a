"""PURE: what is known of each target, and the outputs and the result made from it.

Outputs are declared here only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from deployer.model import Certainty, Handle, Outcome, Target

OUTPUTS: dict[str, str] = {
    "status": "How it ended, as one word (see the statuses in the README); the worst one of several targets",
    "deployment_uuid": "The deployment; that of the first target if there are several",
    "deployment_uuids": "The deployments of all targets, comma-separated, in the order of the input",
    "resource_uuid": "The resource that was deployed or created; that of the first target if there are "
    "several",
    "url": "The application's public address",
    "deployment_url": "Coolify's page of the deployment, with its log",
    "commit": "The commit that was deployed; empty as long as the server only says `HEAD`",
    "duration": "Whole seconds from the first trigger to the verdict",
    "timed_out": "`true` if `timeout` was over before the deployment",
    "log_file": "The file with the build log, as in the input",
    "result": "Everything as compact JSON, one object per target",
}

DOTENV_PREFIX = "DEPLOYED_"
"""Never `DEPLOYER_`: GitLab passes these to later jobs, where they would be inputs (architecture 2.3)."""

MAX_DOTENV_BYTES = 5000
MAX_RESULT_BYTES = 32 * 1024
MAX_REASON_CHARS = 400
WAITING = "waiting to be started"


class Cut(Protocol):
    """Redacts a text, then shortens it to `limit` characters.

    The beginning is kept, and with `end` also the end.
    """

    def __call__(self, text: str, limit: int, *, end: bool = True) -> str: ...


@dataclass
class TargetReport:
    """What has been reported of one target so far."""

    target: Target
    handle: Handle | None = None
    """The deployment that is followed."""
    activity: str = WAITING
    """What is being waited for, as a phrase."""
    link: str = ""
    """The page of the deployment."""
    commit: str = ""
    server: str = ""
    began: float | None = None
    """When the first trigger was sent, in the clock's seconds."""
    seconds: float | None = None
    """From the first trigger to the verdict."""
    outcome: Outcome | None = None
    reason: str = ""
    cancelled: str = ""
    """What became of the deployment when it was to be cancelled, as a sentence."""
    changes: list[str] = field(default_factory=list)
    """What was changed on the server, as sentences."""
    pages: set[str] = field(default_factory=set)
    """Pages of further deployments that have been printed."""

    @property
    def uuid(self) -> str:
        """The target's id; empty for a group, and for a target that does not exist yet."""
        return "" if self.target.group or self.target.missing else self.target.id

    @property
    def url(self) -> str:
        """Where the site responds.

        A URL that this run only requested counts once a deployment with it has started.
        """
        started = (
            self.handle
            and self.handle.certainty in {Certainty.CONFIRMED, Certainty.POSSIBLY_PHANTOM}
            and self.outcome is not Outcome.REFUSED
        )
        return self.target.url if started or self.target.before is None else self.target.before

    @property
    def deployment(self) -> str:
        """The deployment's uuid; empty for a phantom."""
        real = (
            self.handle
            and self.handle.certainty is not Certainty.PHANTOM
            and self.outcome is not Outcome.REFUSED
        )
        return self.handle.id if self.handle and real else ""


def outputs(reports: list[TargetReport], log_file: str) -> dict[str, str]:
    """The outputs known so far, without those of the verdict."""
    reports = [each for each in reports if not each.target.group] or reports[:1]
    if not reports:
        return {"log_file": log_file}
    first = reports[0]
    return {
        "deployment_uuid": first.deployment,
        "deployment_uuids": ",".join(each.deployment for each in reports)
        if any(each.deployment for each in reports)
        else "",
        "resource_uuid": first.uuid,
        "url": first.url,
        "deployment_url": first.link,
        "commit": first.commit,
        "log_file": log_file,
    }


def dotenv(values: dict[str, str], cut: Cut, limit: int = MAX_DOTENV_BYTES) -> dict[str, str]:
    """The outputs under their dotenv names, without `result`.

    The list of deployments is cut if the file would exceed `limit` bytes.
    """
    named = {DOTENV_PREFIX + name.upper(): value for name, value in values.items() if name != "result"}
    key = f"{DOTENV_PREFIX}DEPLOYMENT_UUIDS"
    while (
        any(named.values())
        and sum(len(name) + 2 * len(value.encode("utf-8", "replace")) + 4 for name, value in named.items())
        > limit
    ):
        if not named.get(key):
            longest = max(named, key=lambda name: len(named[name]))
            named[longest] = cut(named[longest], len(named[longest]) // 2, end=False)
        else:
            named[key] = named[key].rpartition(",")[0]
    return named


def result(
    reports: list[TargetReport], outcome: Outcome, seconds: float, *, rehearsal: bool
) -> dict[str, Any]:
    """The complete result. Fields may be added, but never renamed (architecture 2.3)."""
    return {
        "version": 1,
        "status": outcome.status,
        "exit_code": outcome.exit_code,
        "duration": round(seconds),
        "rehearsal": rehearsal,
        "targets": [_target(each) for each in reports],
    }


def _target(report: TargetReport) -> dict[str, Any]:
    return {
        "uuid": "" if report.target.missing else report.target.id,
        "name": report.target.name,
        "kind": report.target.kind,
        "status": report.outcome.status if report.outcome else "",
        "reason": report.reason,
        "deployment_uuid": report.deployment,
        "adopted": bool(report.handle and report.handle.adopted),
        "deployment_url": report.link,
        "url": report.url,
        "commit": report.commit,
        "server": report.server,
        "duration": round(report.seconds or 0),
    }


def compact(whole: dict[str, Any], cut: Cut) -> str:
    """The result as one line below `MAX_RESULT_BYTES`.

    If needed, reasons are cut, then targets are omitted and counted.
    """
    text = _json(whole)
    if len(text) < MAX_RESULT_BYTES:
        return text
    targets = [
        {**each, "reason": cut(each["reason"], MAX_REASON_CHARS, end=False)} for each in whole["targets"]
    ]
    while (
        len(text := _json({**whole, "targets": targets, "omitted": len(whole["targets"]) - len(targets)}))
        >= MAX_RESULT_BYTES
        and targets
    ):
        targets.pop()
    return text


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
