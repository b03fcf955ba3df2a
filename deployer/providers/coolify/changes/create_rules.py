"""PURE: `create`: is the Docker-image application there, and what is sent to make it (coolify-api 5.8, 5.10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model import RefusedError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes.images import BUILD_PACK, MARK, NAME_FIELD, TAG_FIELD, Image
from deployer.providers.payload import Row

DESTINATIONS = "4.3.0"
"""Since then a server's destinations can be listed."""

PORTS_OPTIONAL = "4.1.2"
AUTOGENERATES = "4.0.0-beta.463"
"""Since then an application that is made without an address gets one of its own."""

FORCES = "4.0.0-beta.425"
"""Since then addresses that another application has are refused, unless they are forced."""

DIGESTS_READ = "4.0.0-beta.435"
"""Since then the image's name may hold a digest when it is created; before it takes the two fields as they are."""

MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class Placement:
    """Where it shall stand, in the server's words: the environment by name, as every version takes it, the others by uuid."""

    project: str
    environment: str
    server: str
    destination: str = ""


@dataclass(frozen=True, slots=True)
class NewApplication:
    """The application that shall exist. Projects and their kin by name or uuid; empty where there is only one of its kind.

    `forced`: it shall have its addresses although another application has them; `visited`: its own address is asked afterwards.
    """

    name: str
    image: Image
    project: str = ""
    environment: str = ""
    server: str = ""
    destination: str = ""
    domains: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    forced: bool = False
    visited: bool = False


def domains(text: str) -> tuple[str, ...]:
    """Addresses of the new application. Raises ValueError."""
    listed = tuple(part for part in re.split(r"[,\s]+", text) if part)
    if wrong := [
        number
        for number, part in enumerate(listed, 1)
        if not re.fullmatch(r"https?://[^\s/@?#,]+(?:/[^\s,]*)?", part)
    ]:
        raise ValueError(f"the {wrong[0]}. of them is no address: write https://app.example.com")
    return listed


def ports(text: str) -> tuple[int, ...]:
    """The ports that the container listens on. Raises ValueError."""
    listed = [part for part in re.split(r"[,\s]+", text) if part]
    if any(not re.fullmatch(r"0*\d{1,5}", part) or not 0 < int(part) < 65536 for part in listed):
        raise ValueError(
            "must be the ports that the container listens on, such as 80 or 80,443; a mapping (8080:80) belongs into `settings`"
        )
    return tuple(int(part) for part in listed)


def pick(kind: str, wanted_name: str, rows: Iterable[Row]) -> Row:
    """The project, environment, server or destination that is meant: by uuid, by name, or the only one there is. Raises RefusedError."""
    listed = list(rows)
    if not wanted_name:
        if len(listed) == 1:
            return listed[0]
        raise RefusedError(f"`{kind}` is missing: {_exist(kind, listed)}")
    tests = (
        [row for row in listed if row.get("uuid") == wanted_name],
        [row for row in listed if row.get("name") == wanted_name],
        [row for row in listed if str(row.get("name")).casefold() == wanted_name.casefold()],
    )
    found = next((matching for matching in tests if matching), [])
    if len(found) > 1:
        raise RefusedError(
            f"`{kind}`: {len(found)} are called {_quoted(wanted_name)}; give the uuid: {', '.join(map(_label, found))}"
        )
    if not found:
        raise RefusedError(f"there is no {kind} {_quoted(wanted_name)}: {_exist(kind, listed)}")
    return found[0]


def server(wished: str, rows: Iterable[Row]) -> Row:
    """One that runs applications. Raises RefusedError."""
    builders = {"is_build_server": True}
    usable = [row for row in rows if not builders.items() <= (row.get("settings") or {}).items()]
    return pick("server", wished, usable)


def destination(
    wished: str, server_uuid: str, rows: Iterable[Row] | None, applications: Iterable[Row]
) -> str:
    """The uuid to send, or nothing where the server has only one. `rows`: None where this version can't list them.

    A wrong one is silently ignored by a server with only one (coolify-api 17.1 row 13), so it is checked here as far as it can be.
    Raises RefusedError.
    """
    if rows is not None:
        listed = list(rows)
        return str(pick("destination", wished, listed)["uuid"]) if wished or len(listed) > 1 else ""
    if not wished:
        return ""
    seen = {
        row["destination"].get("uuid"): row["destination"]
        for row in applications
        if _stands_on(row, server_uuid)
    }
    if wished in seen or not any(
        str(each.get("name")).casefold() == wished.casefold() for each in seen.values()
    ):
        return wished
    return str(pick("destination", wished, seen.values())["uuid"])


def _stands_on(application: Row, server_uuid: str) -> bool:
    place = application.get("destination")
    return (
        isinstance(place, dict)
        and isinstance(place.get("server"), dict)
        and place["server"].get("uuid") == server_uuid
    )


def existing(name: str, environment: Mapping[str, Any], applications: Iterable[Row]) -> Row | None:
    """The application of this name in this environment. Raises RefusedError where it can't be told, or is of another sort."""
    number = environment.get("id")
    if number is None:
        raise RefusedError(
            "Coolify does not tell its environments' numbers, so that an application of this name can't be looked for"
        )
    found = [
        row
        for row in applications
        if row.get("name") == name and str(row.get("environment_id")) == str(number)
    ]
    if len(found) > 1:
        uuids = ", ".join(str(row.get("uuid")) for row in found)
        raise RefusedError(
            f"{len(found)} applications are called {_quoted(name)} in this environment: give the `uuid` of one ({uuids})"
        )
    if found and found[0].get("build_pack") != BUILD_PACK:
        raise RefusedError(
            f"an application {_quoted(name)} exists in this environment, but it is built from its source: choose another `name`"
        )
    return found[0] if found else None


def body(wanted: NewApplication, place: Placement, version: Version) -> dict[str, Any]:
    """What is sent; without `instant_deploy`, which tells no deployment's uuid (coolify-api 5.8). Raises RefusedError."""
    if not wanted.image.name:
        raise RefusedError(
            "`image` names only a tag, and there is no application yet that has an image: give name:tag"
        )
    if not wanted.ports and version.before(PORTS_OPTIONAL):
        raise RefusedError(
            f"`ports` is missing: Coolify {version.text} makes no application without the port that it listens on"
        )
    if wanted.visited and not wanted.domains and version.before(AUTOGENERATES):
        raise RefusedError(
            f"`verify_url: auto`: Coolify {version.text} gives a new application no address of its own: give `domains`"
        )
    fields = {
        "project_uuid": place.project,
        "environment_name": place.environment,
        "server_uuid": place.server,
        "destination_uuid": place.destination,
        "name": wanted.name,
        **_image(wanted.image, version),
        "ports_exposes": ",".join(map(str, wanted.ports)),
        "domains": ",".join(wanted.domains),
        "force_domain_override": bool(wanted.domains) and wanted.forced and not version.before(FORCES),
    }
    return {name: value for name, value in fields.items() if value}


def expected_row(wanted: NewApplication) -> Row:
    """The application as it will be, as far as it is known before it is made."""
    return {
        "name": wanted.name,
        "build_pack": BUILD_PACK,
        **wanted.image.fields,
        "ports_exposes": ",".join(map(str, wanted.ports)) or None,
        "fqdn": ",".join(wanted.domains) or None,
    }


def kept(wanted: NewApplication, row: Mapping[str, Any]) -> tuple[str, ...]:
    """What an application that is there already has otherwise than it is wished, and keeps."""
    at = row.get("destination")
    at, on = payload.record(at), payload.record(at, "server")
    rows = (
        ("domains", wanted.domains and set(wanted.domains) != _parts(row.get("fqdn")), row.get("fqdn")),
        (
            "ports",
            wanted.ports and {str(port) for port in wanted.ports} != _parts(row.get("ports_exposes")),
            row.get("ports_exposes"),
        ),
        ("server", on and _is_another(wanted.server, on), on.get("name")),
        ("destination", at and _is_another(wanted.destination, at), at.get("name")),
    )
    return tuple(
        f"`{name}` is only for a new application: this one is there already, and keeps {_quoted(str(held or ''))}"
        for name, differs, held in rows
        if differs
    )


def _parts(text: Any) -> set[str]:
    return {part.strip() for part in str(text or "").split(",")} - {""}


def _is_another(wished: str, row: Mapping[str, Any]) -> bool:
    return bool(wished) and wished != row.get("uuid") and wished.casefold() != str(row.get("name")).casefold()


def _image(image: Image, version: Version) -> dict[str, str]:
    if image.digest and not version.before(DIGESTS_READ):
        return {NAME_FIELD: f"{image.name}{MARK}:{image.digest}"}
    return {NAME_FIELD: image.fields[NAME_FIELD], TAG_FIELD: image.fields[TAG_FIELD]}


def _exist(kind: str, rows: list[Row]) -> str:
    if not rows:
        return f"the token sees no {kind} at all"
    more = f" and {len(rows) - MAX_LISTED} more" if len(rows) > MAX_LISTED else ""
    return f"there {'is' if len(rows) == 1 else 'are'} {', '.join(map(_label, rows[:MAX_LISTED]))}{more}"


def _label(row: Row) -> str:
    name, uuid = _quoted(str(row.get("name") or "")), row.get("uuid")
    return f"{name} ({uuid})" if uuid else name


def _quoted(text: str) -> str:
    return f'"{one_line(text)}"'
