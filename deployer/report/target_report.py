"""PURE: what is known of each target, and the outputs and the result that are made of it. Outputs are declared here and nowhere else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from deployer.model import Certainty, Handle, Outcome, Target

OUTPUTS: dict[str, str] = {
    "status": "How it ended, in one word (the statuses in the README); of several targets the worst",
    "deployment_uuid": "The deployment; of several targets the first one's",
    "deployment_uuids": "The deployments of all targets, comma-separated, in the order of the input",
    "resource_uuid": "What was deployed, or created; of several targets the first",
    "url": "The application's public address",
    "deployment_url": "Coolify's page of the deployment, with its log",
    "commit": "The commit that was deployed; empty while the server only says `HEAD`",
    "duration": "Whole seconds from the first trigger to the verdict",
    "timed_out": "`true` if there was no end in time",
    "log_file": "The build log's file, as given",
    "result": "All of it as compact JSON, one object per target",
}

DOTENV_PREFIX = "DEPLOYED_"
"""Never `DEPLOYER_`: GitLab hands these variables to every later job, where they would be inputs (architecture 2.3)."""

DOTENV_BYTES = 5000
RESULT_BYTES = 32 * 1024
REASON_CHARS = 400
WAITING = "waiting to be started"


class Cut(Protocol):
    """Redacts a text, and then cuts it: of what is too long the beginning is kept, and with `end` its end too."""

    def __call__(self, text: str, limit: int, *, end: bool = True) -> str: ...


@dataclass
class TargetReport:
    """One target, as far as its story has been told."""

    target: Target
    handle: Handle | None = None
    activity: str = WAITING
    link: str = ""
    commit: str = ""
    server: str = ""
    began: float | None = None
    seconds: float | None = None
    outcome: Outcome | None = None
    reason: str = ""
    cancelled: str = ""
    changes: list[str] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)

    @property
    def uuid(self) -> str:
        """The target's own; of a group, and of what is still to be made, there is none."""
        return "" if self.target.group or self.target.missing else self.target.id

    @property
    def url(self) -> str:
        """Where it answers. An address that was only asked for is none before something that has it was really started."""
        started = (
            self.handle
            and self.handle.certainty in {Certainty.CONFIRMED, Certainty.POSSIBLY_PHANTOM}
            and self.outcome is not Outcome.REFUSED
        )
        return self.target.url if started or self.target.before is None else self.target.before

    @property
    def deployment(self) -> str:
        """The deployment's uuid; a phantom has none that means anything."""
        real = (
            self.handle
            and self.handle.certainty is not Certainty.PHANTOM
            and self.outcome is not Outcome.REFUSED
        )
        return self.handle.id if self.handle and real else ""


def outputs(facts: list[TargetReport], log_file: str) -> dict[str, str]:
    """The outputs that are known by now, but for those of the end."""
    facts = [each for each in facts if not each.target.group] or facts[:1]
    if not facts:
        return {"log_file": log_file}
    first = facts[0]
    return {
        "deployment_uuid": first.deployment,
        "deployment_uuids": ",".join(each.deployment for each in facts)
        if any(each.deployment for each in facts)
        else "",
        "resource_uuid": first.uuid,
        "url": first.url,
        "deployment_url": first.link,
        "commit": first.commit,
        "log_file": log_file,
    }


def dotenv(values: dict[str, str], cut: Cut, limit: int = DOTENV_BYTES) -> dict[str, str]:
    """The outputs under their dotenv names, without `result`; the list of deployments is cut where the file would grow too large."""
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


def result(facts: list[TargetReport], outcome: Outcome, seconds: float, *, rehearsal: bool) -> dict[str, Any]:
    """The whole result. Fields are added, never renamed (architecture 2.3)."""
    return {
        "version": 1,
        "status": outcome.status,
        "exit_code": outcome.exit_code,
        "duration": round(seconds),
        "rehearsal": rehearsal,
        "targets": [_target(each) for each in facts],
    }


def _target(facts: TargetReport) -> dict[str, Any]:
    return {
        "uuid": "" if facts.target.missing else facts.target.id,
        "name": facts.target.name,
        "kind": facts.target.kind,
        "status": facts.outcome.status if facts.outcome else "",
        "reason": facts.reason,
        "deployment_uuid": facts.deployment,
        "adopted": bool(facts.handle and facts.handle.adopted),
        "deployment_url": facts.link,
        "url": facts.url,
        "commit": facts.commit,
        "server": facts.server,
        "duration": round(facts.seconds or 0),
    }


def compact(whole: dict[str, Any], cut: Cut) -> str:
    """The result as one line under 32 KB: too large, the reasons are cut, then targets are left out and counted."""
    text = _json(whole)
    if len(text) < RESULT_BYTES:
        return text
    targets = [{**each, "reason": cut(each["reason"], REASON_CHARS, end=False)} for each in whole["targets"]]
    while (
        len(text := _json({**whole, "targets": targets, "omitted": len(whole["targets"]) - len(targets)}))
        >= RESULT_BYTES
        and targets
    ):
        targets.pop()
    return text


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
