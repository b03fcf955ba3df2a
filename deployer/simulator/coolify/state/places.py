"""Projects, environments, servers and destinations for an application (coolify-api 5.10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployer.simulator.coolify.replies import body_of
from deployer.simulator.serving.made_up import made_up


@dataclass(frozen=True, slots=True)
class Project:
    """A project with its environments."""

    name: str = "Shop"
    environments: tuple[str, ...] = ("production",)


@dataclass(frozen=True, slots=True)
class Host:
    """A server with its destinations. `builder`: a build server."""

    name: str = "localhost"
    destinations: tuple[str, ...] = ("coolify",)
    builder: bool = False


def projects(configured: Sequence[Project], *, uuids: bool) -> list[dict[str, Any]]:
    """The projects with their environments; the first of each is the recorded one.

    `uuids`: environments have them.
    """
    recorded = body_of("project")
    [environment] = recorded["environments"]
    rendered, number = [], environment["id"]
    for place, project in enumerate(configured):
        inside = []
        for name in project.environments:
            uuid = environment["uuid"] if number == environment["id"] else made_up(f"environment {number}")
            rendered_environment = {
                **environment,
                "id": number,
                "name": name,
                "project_id": recorded["id"] + place,
                "uuid": uuid,
            }
            inside.append(
                {key: value for key, value in rendered_environment.items() if uuids or key != "uuid"}
            )
            number += 1
        uuid = made_up(f"project {place}") if place else recorded["uuid"]
        rendered.append(
            {
                **recorded,
                "id": recorded["id"] + place,
                "uuid": uuid,
                "name": project.name,
                "environments": inside,
            }
        )
    return rendered


def hosts(configured: Sequence[Host]) -> list[dict[str, Any]]:
    """The servers; the first one is the recorded one."""
    [recorded] = body_of("servers")
    return [
        {
            **recorded,
            "uuid": made_up(f"server {place}") if place else recorded["uuid"],
            "name": host.name,
            "settings": {**recorded["settings"], "is_build_server": host.builder},
        }
        for place, host in enumerate(configured)
    ]


def destinations(configured: Sequence[Host], place: int) -> list[dict[str, Any]]:
    """The destinations of one server; the very first one is the recorded one."""
    [recorded] = body_of("destinations")
    server = hosts(configured)[place]["uuid"]
    return [
        {
            **recorded,
            "uuid": made_up(f"destination {number} of {server}") if place or number else recorded["uuid"],
            "name": name,
            "network": name,
            "server_uuid": server,
        }
        for number, name in enumerate(configured[place].destinations)
    ]
