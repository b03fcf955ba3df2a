"""PURE: finds out whether an application exists, and what is sent to create it (coolify-api 5.8, 5.10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model import RefusedError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes.images import BUILD_PACK, MARK, NAME_FIELD, TAG_FIELD, Image
from deployer.providers.payload import Row

DESTINATIONS_SINCE = "4.3.0"
"""The first version that lists the destinations of a server."""

PORTS_OPTIONAL_SINCE = "4.1.2"
"""The first version that creates an application without a port."""

GENERATED_DOMAIN_SINCE = "4.0.0-beta.463"
"""The first version that gives a new application without domains one of its own."""

DOMAIN_CONFLICTS_SINCE = "4.0.0-beta.425"
"""The first version that rejects domains of another application, unless forced."""

DIGEST_IN_NAME_SINCE = "4.0.0-beta.435"
"""The first version that accepts a digest in the image name of a new application.

Before, it takes both fields as they are.
"""

MAX_LISTED = 20
"""How many of the available projects, servers and so on a message lists."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the application is created. All by uuid, except for the environment."""

    project: str
    environment: str
    """By name, which every version accepts."""
    server: str
    destination: str = ""
    """Empty if the server has only one."""


@dataclass(frozen=True, slots=True)
class NewApplication:
    """The inputs of `create`."""

    name: str
    image: Image
    project: str = ""
    """By name or uuid, like the next three; empty for the only one there is."""
    environment: str = ""
    server: str = ""
    destination: str = ""
    domains: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    forced: bool = False
    """Use the domains even if another application has them."""
    verified: bool = False
    """Its own URL is verified after the deployment (`verify_url: auto`)."""


def domains(text: str) -> tuple[str, ...]:
    """The URLs of the new application. Raises ValueError."""
    listed = tuple(part for part in re.split(r"[,\s]+", text) if part)
    if wrong := [
        number
        for number, part in enumerate(listed, 1)
        if not re.fullmatch(r"https?://[^\s/@?#,]+(?:/[^\s,]*)?", part)
    ]:
        raise ValueError(f"item {wrong[0]} is not a valid URL. Write https://app.example.com")
    return listed


def ports(text: str) -> tuple[int, ...]:
    """The ports that the container listens on. Raises ValueError."""
    listed = [part for part in re.split(r"[,\s]+", text) if part]
    if any(not re.fullmatch(r"0*\d{1,5}", part) or not 0 < int(part) < 65536 for part in listed):
        raise ValueError(
            "must be the ports that the container listens on, such as 80 or 80,443. "
            "Set a mapping (8080:80) in `settings`"
        )
    return tuple(int(part) for part in listed)


def pick(kind: str, wanted_name: str, rows: Iterable[Row]) -> Row:
    """The project, environment, server or destination: by uuid, by name, or the only one there is.

    Raises RefusedError if there is none, or more than one.
    """
    listed = list(rows)
    if not wanted_name:
        if len(listed) == 1:
            return listed[0]
        raise RefusedError(f"`{kind}` is missing. {_available(kind, listed)}")
    tests = (
        [row for row in listed if row.get("uuid") == wanted_name],
        [row for row in listed if row.get("name") == wanted_name],
        [row for row in listed if str(row.get("name")).casefold() == wanted_name.casefold()],
    )
    found = next((matching for matching in tests if matching), [])
    if len(found) > 1:
        raise RefusedError(
            f"`{kind}`: {len(found)} are named {_quoted(wanted_name)}. "
            f"Set the uuid of one: {', '.join(map(_label, found))}"
        )
    if not found:
        raise RefusedError(f"{kind} {_quoted(wanted_name)} not found. {_available(kind, listed)}")
    return found[0]


def server(requested: str, rows: Iterable[Row]) -> Row:
    """The server to run the application; never one that only builds. Raises RefusedError."""
    build_server = {"is_build_server": True}
    usable = [row for row in rows if not build_server.items() <= payload.record(row, "settings").items()]
    return pick("server", requested, usable)


def destination(
    requested: str, server_uuid: str, rows: Iterable[Row] | None, applications: Iterable[Row]
) -> str:
    """The uuid of the destination to send; empty if the server has only one.

    `rows`: the destinations of the server; None if this version can't list them. A server with only one
    destination silently ignores a wrong uuid (coolify-api 17.1 row 13), so it is checked here as far as
    possible. Raises RefusedError.
    """
    if rows is not None:
        listed = list(rows)
        return str(pick("destination", requested, listed)["uuid"]) if requested or len(listed) > 1 else ""
    if not requested:
        return ""
    seen = {
        row["destination"].get("uuid"): row["destination"]
        for row in applications
        if _is_on_server(row, server_uuid)
    }
    if requested in seen or not any(
        str(each.get("name")).casefold() == requested.casefold() for each in seen.values()
    ):
        return requested
    return str(pick("destination", requested, seen.values())["uuid"])


def _is_on_server(application: Row, server_uuid: str) -> bool:
    return bool(payload.value(application, "destination", "server", "uuid") == server_uuid)


def existing(name: str, environment: Mapping[str, Any], applications: Iterable[Row]) -> Row | None:
    """The application of this name in this environment, or None.

    Raises RefusedError if that is unclear, or if the application is built from source.
    """
    number = environment.get("id")
    if number is None:
        raise RefusedError(
            "Coolify did not return the id of the environment, so the application can't be looked up. "
            "Set the application's `uuid` instead"
        )
    found = [
        row
        for row in applications
        if row.get("name") == name and str(row.get("environment_id")) == str(number)
    ]
    if len(found) > 1:
        uuids = ", ".join(str(row.get("uuid")) for row in found)
        raise RefusedError(
            f"{len(found)} applications are named {_quoted(name)} in this environment. "
            f"Set the `uuid` of one ({uuids})"
        )
    if found and found[0].get("build_pack") != BUILD_PACK:
        raise RefusedError(
            f"the application {_quoted(name)} exists in this environment, but it is built from source. "
            "Choose another `name`"
        )
    return found[0] if found else None


def body(wanted: NewApplication, placement: Placement, version: Version) -> dict[str, Any]:
    """The body of the create request.

    Without `instant_deploy`, whose response contains no deployment uuid (coolify-api 5.8). Raises
    RefusedError if this version needs more inputs.
    """
    if not wanted.image.name:
        raise RefusedError(
            "`image` is only a tag, and the application does not exist yet. Set it to name:tag"
        )
    if not wanted.ports and version.before(PORTS_OPTIONAL_SINCE):
        raise RefusedError(
            f"`ports` is missing: Coolify {version.text} requires the port that a new application listens on"
        )
    if wanted.verified and not wanted.domains and version.before(GENERATED_DOMAIN_SINCE):
        raise RefusedError(
            f"`verify_url: auto`: Coolify {version.text} gives a new application no domain. Set `domains`"
        )
    forced = bool(wanted.domains) and wanted.forced and not version.before(DOMAIN_CONFLICTS_SINCE)
    fields = {
        "project_uuid": placement.project,
        "environment_name": placement.environment,
        "server_uuid": placement.server,
        "destination_uuid": placement.destination,
        "name": wanted.name,
        **_image(wanted.image, version),
        "ports_exposes": ",".join(map(str, wanted.ports)),
        "domains": ",".join(wanted.domains),
        "force_domain_override": forced,
    }
    return {name: value for name, value in fields.items() if value}


def expected_row(wanted: NewApplication) -> Row:
    """The application as it will be, as far as that is known before it is created."""
    return {
        "name": wanted.name,
        "build_pack": BUILD_PACK,
        **wanted.image.fields,
        "ports_exposes": ",".join(map(str, wanted.ports)) or None,
        "fqdn": ",".join(wanted.domains) or None,
    }


def ignored_inputs(wanted: NewApplication, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs that have no effect because the application exists and keeps its own values, as sentences."""
    return tuple(
        f"`{name}` only applies to a new application: this one exists and keeps {_quoted(str(current or ''))}"
        for name, current in _different(wanted, row)
    )


def _different(wanted: NewApplication, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The inputs that differ from an existing application, each with the application's own value."""
    destination, server = payload.record(row, "destination"), payload.record(row, "destination", "server")
    if wanted.domains and set(wanted.domains) != _parts(row.get("fqdn")):
        yield "domains", row.get("fqdn")
    if wanted.ports and set(map(str, wanted.ports)) != _parts(row.get("ports_exposes")):
        yield "ports", row.get("ports_exposes")
    if server and _is_another(wanted.server, server):
        yield "server", server.get("name")
    if destination and _is_another(wanted.destination, destination):
        yield "destination", destination.get("name")


def _parts(text: Any) -> set[str]:
    return {part.strip() for part in str(text or "").split(",")} - {""}


def _is_another(requested: str, row: Mapping[str, Any]) -> bool:
    """Whether an input names another server or destination than this one."""
    return (
        bool(requested)
        and requested != row.get("uuid")
        and requested.casefold() != str(row.get("name")).casefold()
    )


def _image(image: Image, version: Version) -> dict[str, str]:
    if image.digest and not version.before(DIGEST_IN_NAME_SINCE):
        return {NAME_FIELD: f"{image.name}{MARK}:{image.digest}"}
    return {NAME_FIELD: image.fields[NAME_FIELD], TAG_FIELD: image.fields[TAG_FIELD]}


def _available(kind: str, rows: list[Row]) -> str:
    if not rows:
        return f"The token can't see any {kind}"
    more = f" and {len(rows) - MAX_LISTED} more" if len(rows) > MAX_LISTED else ""
    return f"Available: {', '.join(map(_label, rows[:MAX_LISTED]))}{more}"


def _label(row: Row) -> str:
    name, uuid = _quoted(str(row.get("name") or "")), row.get("uuid")
    return f"{name} ({uuid})" if uuid else name


def _quoted(text: str) -> str:
    return f'"{one_line(text)}"'
