"""A tag is a group: what became of each of its members (coolify-api 5.1; architecture, rule 7)."""

from __future__ import annotations

from deployer.model import Certainty, GroupMember, GroupStarted, Handle, Outcome, Target
from deployer.providers.coolify.history import adopt_oldest, application_of
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.resources import Resource, TagResponse
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, SERVICE
from deployer.providers.coolify.watching.resource_status import RUNNING
from deployer.providers.payload import Row

MEMBERS_UNKNOWN = (
    "the response does not say what was started, and this version of Coolify can't list what has the tag: "
    "applications that are not named here may not have been deployed"
)
SERVICES_UNKNOWN = (
    "the response does not say what was started: services with the tag may not have been. "
    "Coolify can't list them; start them by `uuid`"
)


def expand(tag: str, response: TagResponse, lookup: Lookup, *, ask: bool = True) -> GroupStarted:
    """The members that the response to a trigger names, each with what is to be polled.

    Any deployment may be a phantom if one was skipped. `ask`: requests may be sent to look up names.
    """
    certainty = Certainty.CONFIRMED
    if response.skipped and not lookup.options.force and not lookup.write_only_token:
        certainty = Certainty.POSSIBLY_PHANTOM
    known = {member.id: member for member in lookup.get(tag).members or ()}
    members = [
        GroupMember(
            known.get(uuid) or lookup.resolve_name(APPLICATION, uuid, ask=ask),
            Handle(uuid, deployment, certainty),
        )
        for uuid, deployment in response.deployments
    ]
    rest = list(response.refusals)
    listed = lookup.services() if response.services and ask else []
    for name in dict.fromkeys(response.services):
        same = [row for row in listed if row.get("name") == name]
        if len(same) == 1:
            members.append(_service(same[0], lookup))
        else:
            reason = "Coolify returns its name, but no uuid"
            if same:
                reason = f"Coolify has {len(same)} services of this name"
            rest.append(f"service {name}: started, not followed ({reason})")
    outcome = Outcome.REFUSED if response.refusals else Outcome.TRIGGERED
    return GroupStarted(tuple(members), "; ".join(rest), outcome)


def _service(row: Row, lookup: Lookup) -> GroupMember:
    uuid = str(row.get("uuid"))
    target = lookup.remember(SERVICE, uuid, row, started=True)
    return GroupMember(target, Handle(uuid, "", condition=RUNNING))


def find_members(
    tag: Resource, newer: list[Row], pages: str, *, marked: bool, has_services: bool
) -> GroupStarted:
    """PURE. The members of a tag whose trigger had no response, each with its deployment if one was found.

    The others are looked for and triggered by uuid.

    `newer`: deployment records that can be ours. `pages`: the base URL of Coolify's pages. `marked`: this
    version marks what the API has started. `has_services`: the team has services, which may have the tag.
    """
    records: dict[str, list[Row]] = {}
    for record in newer:
        records.setdefault(application_of(record), []).append(record)
    targets = tag.members
    if targets is None:
        targets = tuple(
            Target(uuid, str(found[0].get("application_name") or ""), APPLICATION, durations=())
            for uuid, found in records.items()
        )
    members = []
    for target in targets:
        started = adopt_oldest(records.get(target.id, []), target.id, pages, marked=marked)
        members.append(GroupMember(target, started.handles[0] if started else None))
    rest = ""
    if tag.members is None:
        rest = MEMBERS_UNKNOWN
    elif has_services or not members:
        rest = SERVICES_UNKNOWN
    return GroupStarted(tuple(members), rest, Outcome.LOST)
