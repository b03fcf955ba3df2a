"""The `status` of applications and resources: the API returns what was last written (coolify-api 8)."""

from math import inf

from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.resources import Act, status_after

STOPPED = ((4.0, "exited:unhealthy"),)  # a stop is a job, which takes some seconds (coolify-api 5.2)


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
    app, now = server.apps[uuid], server.now()
    ended = next((row.finished(now) for row in server.ended(uuid)), -inf)
    if last and last.at > ended:
        return status_after(STOPPED, now - last.at, last.before)
    before = str(app.fields.get("status", "running:unknown"))
    return status_after(app.statuses, now - ended, before) if ended > -inf else before
