"""Processes with instances in every state, for the tests of what a status means."""

from typing import Any

from deployer.providers.cloudfoundry.watching.instance_status import Process
from tests.providers.cloudfoundry.support import instance

RUN, START, CRASH, DOWN = instance("RUNNING"), instance("STARTING"), instance("CRASHED"), instance("DOWN")


NO_ROOM = instance("DOWN", details="insufficient resources: memory")


UNREADY = instance("RUNNING", routable=False)


NO_READINESS = instance("RUNNING", routable=None)


def at(index: int, row: dict[str, Any]) -> dict[str, Any]:
    guid = f"i-{index}" if row["instance_guid"] else ""
    return {**row, "index": index, "instance_guid": guid}


def web(*rows: dict[str, Any], desired: int | None = None) -> Process:
    return Process(
        "web",
        len(rows) if desired is None else desired,
        tuple(at(index, row) for index, row in enumerate(rows)),
    )


def worker(*rows: dict[str, Any]) -> Process:
    return Process(
        "worker", len(rows), tuple({**at(index, row), "type": "worker"} for index, row in enumerate(rows))
    )
