"""A tag is a group: what its one answer names, and what becomes of it when that answer is lost (coolify-api 5.1; architecture, rule 7)."""

from __future__ import annotations

import re
from typing import Any

from deployer.model import Certainty, GroupMember, GroupStarted, Handle, Outcome, Rejected, Target
from deployer.providers.coolify import trigger
from deployer.providers.coolify.api.client import application_of
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.resources import Resource, TagResponse
from deployer.providers.coolify.trigger_requests import APPLICATION, SERVICE
from deployer.providers.coolify.watching import resource_status
from deployer.providers.payload import Row

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


def read(data: Any) -> TagResponse | Rejected:
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
    services = tuple(
        match[2] for each in sentences if (match := trigger.STARTED.fullmatch(each)) and match[1] == "Service"
    )
    refusals = tuple(each for each in sentences if each.startswith("Unauthorized"))
    if not pairs and not services:
        if sentences and all(NOTHING.fullmatch(each) for each in sentences):
            return Rejected(trigger.split_message(" ".join(sentences)))
        raise trigger.doubtful(f"{trigger.UNNAMED} ({' '.join(sentences)})" if sentences else trigger.UNNAMED)
    return TagResponse(
        pairs, services, refusals, skipped=any(each.startswith(trigger.ALREADY) for each in sentences)
    )


def spread(tag: str, lookup: Lookup, *, ask: bool = True) -> GroupStarted:
    """What its answer names goes its own way. Any of it may be a phantom where one was skipped. `ask`: names may still be looked up."""
    answered = lookup.tag_responses[tag]
    trust = (
        Certainty.POSSIBLY_PHANTOM
        if answered.skipped and not lookup.options.force and not lookup.write_only_token
        else Certainty.CONFIRMED
    )
    names = {member.id: member for member in lookup.get(tag).members or ()}
    parts = [
        GroupMember(
            names.get(uuid) or lookup.resolve_name(APPLICATION, uuid, ask=ask),
            Handle(uuid, deployment, trust),
        )
        for uuid, deployment in answered.deployments
    ]
    there = lookup.services() if answered.services and ask else []
    rest = list(answered.refusals)
    for name in dict.fromkeys(answered.services):
        same = [row for row in there if row.get("name") == name]
        if len(same) == 1:
            uuid = str(same[0].get("uuid"))
            parts.append(
                GroupMember(
                    lookup.remember(SERVICE, uuid, same[0], started=True),
                    Handle(uuid, "", condition=resource_status.RUNNING),
                )
            )
        else:
            why = (
                f"Coolify has {len(same)} services of this name" if same else "Coolify names it, but no uuid"
            )
            rest.append(f"service {name}: started, not followed ({why})")
    return GroupStarted(
        tuple(parts), "; ".join(rest), Outcome.REFUSED if answered.refusals else Outcome.TRIGGERED
    )


def found(tag: Resource, newer: list[Row], base: str, *, marked: bool, services: bool) -> GroupStarted:
    """PURE. After a lost answer: `newer` rows like ours are followed, other members are looked for and triggered by uuid.

    `services`: whether the team has any.
    """
    rows_of: dict[str, list[Row]] = {}
    for row in newer:
        rows_of.setdefault(application_of(row), []).append(row)
    named = tuple(
        Target(uuid, name=str(rows[0].get("application_name") or ""), kind=APPLICATION)
        for uuid, rows in rows_of.items()
    )
    members = named if tag.members is None else tag.members
    parts = []
    for member in members:
        started = trigger.adopt_oldest(rows_of.get(member.id, []), member.id, base, marked=marked)
        parts.append(GroupMember(member, started.handles[0] if started else None))
    if tag.members is None:
        return GroupStarted(tuple(parts), UNNAMED, Outcome.LOST)
    return GroupStarted(tuple(parts), SERVICES if services or not parts else "", Outcome.LOST)
