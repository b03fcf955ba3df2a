"""The Cloud Controller's JSON: recorded objects with other values (cloudfoundry-api 4 to 8)."""

from typing import Any

from deployer.simulator.cloudfoundry.names import SPACE, guid
from deployer.simulator.cloudfoundry.replies import Body, body_of, filled
from deployer.simulator.cloudfoundry.state.apps import Build, Droplet, Live, Package, Run
from deployer.simulator.cloudfoundry.state.deployments import Deployment
from deployer.simulator.cloudfoundry.state.revisions import Revision
from deployer.simulator.cloudfoundry.state.timelines import State
from deployer.simulator.cloudfoundry.world import World


def recorded(world: World, name: str, app: str = "") -> Body:
    """A recorded body, with the URLs of this foundation and this app."""
    return (
        body_of(name, api=world.addresses["api"], app=app)
        if app
        else body_of(name, api=world.addresses["api"])
    )


def addressed(world: World, body: Body, kind: str, one: str) -> Body:
    """The body with every link to the recorded object of that kind pointing to this one."""
    before = f"{world.addresses['api']}/v3/{kind}/{body['guid']}"
    for link in body["links"].values():
        if link:
            link["href"] = link["href"].replace(before, f"{world.addresses['api']}/v3/{kind}/{one}")
    return filled(body, {"guid": one})


def app(world: World, live: Live) -> Body:
    body = recorded(
        world, "app-get-200-docker-started" if live.app.docker else "app-get-200-started", live.guid
    )
    droplet = {"data": {"guid": live.droplet}}
    return filled(
        body, {"name": live.app.name, "state": live.state, "relationships.current_droplet": droplet}
    )


def process(world: World, live: Live, run: Run) -> Body:
    row = recorded(world, "app-processes-list-200", live.guid)["resources"][
        0 if run.process.type == "web" else 1
    ]
    addressed(world, row, "processes", run.guid)
    return filled(
        row,
        {
            "type": run.process.type,
            "instances": run.wanted(world.now()),
            "version": run.version,
            "relationships.app.data.guid": live.guid,
            "links.app.href": f"{world.addresses['api']}/v3/apps/{live.guid}",
        },
    )


def instance(run: Run, index: int, now: float) -> Body:
    """The statistics of one instance."""
    state, since = run.instance(index, now)
    row = body_of(state.value)["resources"][0]
    values: dict[str, Any] = {"type": run.process.type, "index": index, "uptime": int(since)}
    if row.get("instance_guid"):
        values["instance_guid"] = f"{guid(f'{run.version} {index}')[:23]}-{index:04}"
    return filled(row, values)


def blind(run: Run, now: float) -> bool:
    """Whether the runtime's metrics are missing."""
    return any(run.instance(index, now)[0] is State.BLIND for index in range(run.wanted(now)))


def droplet(world: World, it: Droplet) -> Body:
    body = addressed(world, recorded(world, "droplet-get-200-docker", it.app), "droplets", it.guid)
    return filled(
        body,
        {"image": it.image, "created_at": world.stamp(it.created), "updated_at": world.stamp(it.created)},
    )


def package(world: World, it: Package) -> Body:
    name = "package-create-docker-201" if it.username else "package-create-docker-201-public"
    body = addressed(world, recorded(world, name, it.app), "packages", it.guid)
    values = {"data.image": it.image, "data.username": it.username, "created_at": world.stamp(it.created)}
    return filled(body, {**values, "updated_at": world.stamp(it.created)})


def build(world: World, it: Build) -> Body:
    state = it.state(world.now())
    name = {"STAGING": "staging", "STAGED": "staged", "FAILED": "failed"}[state]
    body = addressed(
        world, recorded(world, f"build-get-200-{name}-docker", it.package.app), "builds", it.guid
    )
    over = it.created + (0 if state == "STAGING" else it.staging.seconds)
    values: dict[str, Any] = {
        "created_at": world.stamp(it.created),
        "updated_at": world.stamp(over),
        "package.guid": it.package.guid,
        "error": it.staging.error if state == "FAILED" else None,
    }
    return filled(body, values | ({"droplet.guid": it.droplet} if state == "STAGED" else {}))


def deployment(world: World, it: Deployment) -> Body:
    now, rolling = world.now(), world.scenario.rolling
    value, reason = it.status(now)
    troubled = bool(it.mine and value == "ACTIVE" and rolling.error and now < it.created + rolling.cleared)
    name = "deployment-get-200-deploying-with-error" if troubled else "deployment-get-200-deploying"
    since = [moment for moment in (it.cancelled, it.paused) if moment <= now]
    changed = it.over[0] if it.over else max([it.created, *since])
    values: dict[str, Any] = {
        "status.value": value,
        "status.reason": reason,
        "status.details.last_successful_healthcheck": world.stamp(it.healthy(now)),
        "status.details.last_status_change": world.stamp(changed),
        "options.max_in_flight": it.order.in_flight,
        "droplet.guid": it.droplet,
        "previous_droplet.guid": it.previous,
        "new_processes": [{"guid": it.run.guid, "type": "web"}] if it.run else [],
        "revision": {"guid": it.revision.guid, "version": it.revision.version} if it.revision else None,
        "created_at": world.stamp(it.created),
        "updated_at": world.stamp(changed),
    }
    body = recorded(world, name, it.app)
    if it.order.steps is not None:
        body = as_canary(world, it, body, paused=reason == "PAUSED")
    return filled(
        addressed(world, body, "deployments", it.guid),
        values | ({"status.details.error": rolling.error} if troubled else {}),
    )


def as_canary(world: World, it: Deployment, body: Body, *, paused: bool) -> Body:
    """The deployment with a canary's steps, and a link to continue while paused (cloudfoundry-api 7)."""
    like = recorded(world, "deployment-get-200-canary-paused", it.app)
    steps = filled(like["status"]["canary"], {"steps": {"current": it.step, "total": len(it.targets) or 1}})
    body = {**body, "strategy": like["strategy"], "status": {**body["status"], "canary": steps}}
    if it.order.steps:
        [weight, *_] = recorded(world, "deployment-create-201-canary-docs")["options"]["canary"]["steps"]
        body["options"] = {
            **body["options"],
            "canary": {"steps": [filled({**weight}, {"instance_weight": each}) for each in it.order.steps]},
        }
    return {**body, "links": {**body["links"], "continue": like["links"]["continue"]}} if paused else body


def revision(world: World, it: Revision) -> Body:
    row = addressed(
        world, recorded(world, "app-revisions-deployed-200", it.app)["resources"][0], "revisions", it.guid
    )
    stamp = world.stamp(it.created)
    fields = {
        "version": it.version,
        "droplet.guid": it.droplet,
        "description": it.description,
        "created_at": stamp,
        "updated_at": stamp,
    }
    return filled(row, {**fields, "processes": {}, "sidecars": []})


def embedded(run: Run, now: float) -> list[Body]:
    """The instances of a process in short form.

    State, and for how many seconds (cloudfoundry-api 1, since 3.211.0).
    """
    rows = ((index, *run.instance(index, now)) for index in range(run.wanted(now)))
    like = body_of("process-instances-200")["resources"][0]
    return [
        filled(
            {**like},
            {"index": index, "state": body_of(state.value)["resources"][0]["state"], "since": int(since)},
        )
        for index, state, since in rows
    ]


def crash(world: World, live: Live, run: Run, moment: float, index: int) -> Body:
    """The audit event of one crash."""
    one, course = guid(f"crash {moment} of {index} of {run.version}"), run.process.of(index)
    body = addressed(
        world, recorded(world, "audit-events-crash-200", live.guid)["resources"][0], "audit_events", one
    )
    return filled(
        body,
        {
            "created_at": world.stamp(moment),
            "updated_at": world.stamp(moment),
            "actor.guid": run.guid,
            "actor.name": run.process.type,
            "target.name": live.app.name,
            "data.index": index,
            "data.exit_status": course.exit_status,
            "data.exit_description": course.exit_description.replace("/WEB", f"/{run.process.type.upper()}"),
            "data.version": run.version,
        },
    )


def route(world: World, live: Live) -> Body:
    """The public URL of an app: `host.domain`, with a path if it has one."""
    row = recorded(world, "app-routes-list-200")["resources"][0]
    host, _, rest = live.app.route.partition(".")
    path = rest.partition("/")[2]
    destination = filled(row["destinations"][0], {"app.guid": live.guid})
    values = {
        "host": host,
        "path": f"/{path}" if path else "",
        "url": live.app.route,
        "destinations": [destination],
    }
    return filled(row, {**values, "relationships.space.data.guid": SPACE})
