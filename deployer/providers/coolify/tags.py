"""A tag is a group: what its one answer names, and what becomes of it when that answer is lost (coolify-api 5.1; architecture, rule 7)."""

from __future__ import annotations

import re
from typing import Any

from deployer.model import Handle, Outcome, Part, Refused, Spread, Target, Trust
from deployer.providers.coolify import statuses, trigger
from deployer.providers.coolify.acts import APPLICATION, SERVICE
from deployer.providers.coolify.api import Row, application_of
from deployer.providers.coolify.known import Answered, Known
from deployer.providers.coolify.survey import Survey

UNNAMED = (
    "the answer does not say what was started, and Coolify can't tell here what carries the tag: "
    "applications that are not named here may not have been deployed"
)
SERVICES = (
    "the answer does not say what was started: services that carry the tag may not have been. "
    "Coolify can't tell which they are; start them by `uuid`"
)
NOTHING = re.compile(r"No resources found for tag .*|Unauthorized to .*", re.DOTALL)
"""What Coolify says in a 200 of a tag of which it has started nothing (coolify-api 5.1)."""


def read(data: Any) -> Answered | Refused:
    """PURE. Raises UnavailableError for another shape: it may have started something."""
    said = data.get("message") if isinstance(data, dict) else None
    details = data.get("details", []) if isinstance(data, dict) else None
    if not isinstance(said, list) or not isinstance(details, list):
        raise trigger.doubtful(trigger.UNREADABLE)
    sentences = [each for each in said if isinstance(each, str)]
    pairs = tuple(
        (str(each["resource_uuid"]), str(each["deployment_uuid"]))
        for each in details
        if isinstance(each, dict) and each.get("resource_uuid") and each.get("deployment_uuid")
    )
    if len(pairs) != len(details):
        raise trigger.doubtful(trigger.UNREADABLE)
    services = tuple(match[2] for each in sentences if (match := trigger.STARTED.fullmatch(each)) and match[1] == "Service")
    refusals = tuple(each for each in sentences if each.startswith("Unauthorized"))
    if not pairs and not services:
        if sentences and all(NOTHING.fullmatch(each) for each in sentences):
            return Refused(trigger.said(" ".join(sentences)))
        raise trigger.doubtful(f"{trigger.UNNAMED} ({' '.join(sentences)})" if sentences else trigger.UNNAMED)
    return Answered(pairs, services, refusals, skipped=any(each.startswith(trigger.ALREADY) for each in sentences))


def spread(tag: str, survey: Survey, *, ask: bool = True) -> Spread:
    """What its answer names goes its own way. Any of it may be a phantom where one was skipped. `ask`: names may still be looked up."""
    answered = survey.named[tag]
    trust = Trust.LISTED if answered.skipped and not survey.wish.force and not survey.blind else Trust.SURE
    names = {member.id: member for member in survey.of(tag).members or ()}
    parts = [
        Part(names.get(uuid) or survey.name(APPLICATION, uuid, ask=ask), Handle(uuid, deployment, trust))
        for uuid, deployment in answered.deployments
    ]
    there = survey.services() if answered.services and ask else []
    rest = list(answered.refusals)
    for name in dict.fromkeys(answered.services):
        same = [row for row in there if row.get("name") == name]
        if len(same) == 1:
            uuid = str(same[0].get("uuid"))
            parts.append(Part(survey.keep(SERVICE, uuid, same[0], started=True), Handle(uuid, "", aspect=statuses.RUNNING)))
        else:
            why = f"Coolify has {len(same)} services of this name" if same else "Coolify names it, but no uuid"
            rest.append(f"service {name}: started, not followed ({why})")
    return Spread(tuple(parts), "; ".join(rest), Outcome.REFUSED if answered.refusals else Outcome.TRIGGERED)


def found(tag: Known, newer: list[Row], base: str, *, marked: bool, services: bool) -> Spread:
    """PURE. After a lost answer: `newer` rows like ours are followed, other members are looked for and triggered by uuid.

    `services`: whether the team has any.
    """
    rows_of: dict[str, list[Row]] = {}
    for row in newer:
        rows_of.setdefault(application_of(row), []).append(row)
    named = tuple(Target(uuid, name=str(rows[0].get("application_name") or ""), kind=APPLICATION) for uuid, rows in rows_of.items())
    members = named if tag.members is None else tag.members
    parts = []
    for member in members:
        started = trigger.oldest(rows_of.get(member.id, []), member.id, base, marked=marked)
        parts.append(Part(member, started.handles[0] if started else None))
    if tag.members is None:
        return Spread(tuple(parts), UNNAMED, Outcome.LOST)
    return Spread(tuple(parts), SERVICES if services or not parts else "", Outcome.LOST)
