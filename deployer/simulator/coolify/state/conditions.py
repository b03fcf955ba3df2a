"""The `status` of applications and resources: the API returns what was last written (coolify-api 8)."""

from math import inf

from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import Deployment
from deployer.simulator.coolify.state.resources import Act, status_after

STOPPED = ((4.0, "exited:unhealthy"),)  # a stop is a job, which takes some seconds (coolify-api 5.2)

FIRST_CHECK = 1.0
"""Seconds from the end of a deployment to Coolify's first check of the containers (coolify-api 18.7)."""

CHECK_SECONDS = 60.0
"""Seconds between two later checks (coolify-api 8 trap 4). A changed status is written at once."""

LONG_AGO = -3600.0
"""When an application was last seen online before the first request."""


def act(server: Server, uuid: str, name: str) -> None:
    """Record an action on a resource, or the stop of an application."""
    server.acts.append(Act(uuid, name, server.now(), condition(server, uuid)))


def condition(server: Server, uuid: str) -> str:
    """The current status."""
    last = next((done for done in reversed(server.acts) if done.uuid == uuid), None)
    return of_resource(server, uuid, last) if uuid in server.resources else of_app(server, uuid, last)


def of_resource(server: Server, uuid: str, last: Act | None) -> str:
    """The status after the last action.

    Until 4.0.0 `latest` stopped first; before beta.420 services had no `starting`.
    """
    resource = server.resources[uuid]
    if last is None:
        return resource.status
    version = server.scenario.version
    after = resource.after("restart" if last.name == "latest" and not version.stays_up else last.name)
    seen = after if version.starting else tuple(step for step in after if not step[1].startswith("starting"))
    return status_after(seen, server.now() - last.at, last.before)


def of_app(server: Server, uuid: str, last: Act | None) -> str:
    """The status after the newest finished deployment on the main server, or after a later stop."""
    row = next(iter(server.ended(uuid)), None)
    now = server.now()
    ended = row.finished(now) if row else -inf
    if last and last.at > ended:
        return status_after(STOPPED, now - last.at, last.before)
    return _after_end(server, uuid, row, now - ended)


def _after_end(server: Server, uuid: str, row: Deployment | None, elapsed: float) -> str:
    """The status so many seconds after the end of a deployment.

    Where Coolify dates its checks, it is the old container's until the first one.
    """
    app = server.apps[uuid]
    before = str(app.fields.get("status", "running:unknown"))
    if row is None or (_is_checked(server, row) and elapsed < FIRST_CHECK):
        return before
    return status_after(app.statuses, elapsed, before)


def _is_checked(server: Server, row: Deployment) -> bool:
    """Whether Coolify checks the containers right after this deployment; never after a mere restart."""
    return server.scenario.version.dates_checks and not row.options.restart


def last_online(server: Server, uuid: str) -> float:
    """The second of the last check that saw the application in any other state than `exited`."""
    row = next(iter(server.ended(uuid)), None)
    now = server.now()
    if row is None or not _is_checked(server, row):
        return LONG_AGO
    elapsed = now - row.finished(now)
    changes = [max(at, FIRST_CHECK) for at, _ in server.apps[uuid].statuses]
    ends = () if server.scenario.sentinel else (elapsed, *changes)
    regular = [FIRST_CHECK + (at - FIRST_CHECK) // CHECK_SECONDS * CHECK_SECONDS for at in ends]
    seen = [
        at
        for at in (FIRST_CHECK, *changes, *regular)
        if FIRST_CHECK <= at <= elapsed and not _after_end(server, uuid, row, at).startswith("exited")
    ]
    return now - elapsed + max(seen) if seen else LONG_AGO


def heartbeat(server: Server) -> float:
    """The second of the last report of the server's Sentinel."""
    return server.now() // CHECK_SECONDS * CHECK_SECONDS if server.scenario.sentinel else LONG_AGO
