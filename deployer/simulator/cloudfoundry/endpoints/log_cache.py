"""The log-cache: the log lines of an app by timestamp (cloudfoundry-api 9)."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deployer.simulator.cloudfoundry.replies import Body, body_of, filled, reply
from deployer.simulator.cloudfoundry.state.apps import Live, Run
from deployer.simulator.cloudfoundry.state.timelines import Line
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

DEFAULT, MOST = 100, 1000


def read(world: World, request: Request, one: str) -> Response:
    """The envelopes of an app between two times; a bare 404 without permission."""
    now, live = world.now(), world.apps.get(one)
    if not live or not world.tokens.known(request.bearer, now):
        return reply("log-cache-read-404-unauthorized-or-expired")
    begin, end = number(request, "start_time", 0), number(request, "end_time", 2**63)
    found = sorted(
        (each for each in lines_of(world, live, now) if begin <= stamp(world, each) < end),
        key=lambda each: each.at,
    )
    if request.query.get("descending") == ["true"]:
        found.reverse()
    batch = [envelope(world, live, each) for each in found[: min(number(request, "limit", DEFAULT), MOST)]]
    return reply("log-cache-read-200", {"envelopes": {"batch": batch}})


def number(request: Request, key: str, otherwise: int) -> int:
    return int(request.query.get(key, [str(otherwise)])[0])


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log line at a simulated second. `run`: its process, and the index of the instance."""

    at: float
    line: Line
    run: Run | None = None
    index: int = 0


def lines_of(world: World, live: Live, now: float) -> Iterator[LogLine]:
    """The lines that the log-cache has by now: of builds, instances, and the Cloud Controller itself."""
    every = [LogLine(moment, line) for moment, line in live.logged]
    for build in [each for each in world.builds.values() if each.package.app == live.guid]:
        every += [LogLine(build.created + line.at, line) for line in build.staging.lines]
    for run in live.ran:
        every += [LogLine(moment, line, run, index) for moment, index, line in run.lines(now)]
    yield from (each for each in every if each.at + each.line.late <= now)


def stamp(world: World, it: LogLine) -> int:
    """The timestamp of a simulated second, in nanoseconds of the server's clock."""
    return int(world.wall(it.at).timestamp() * 1_000_000) * 1000


def envelope(world: World, live: Live, it: LogLine) -> Body:
    body = body_of("log-cache-read-200", app=live.guid)["envelopes"]["batch"][0]
    kind = it.run.process.type if it.run else "web"
    values: dict[str, Any] = {
        "timestamp": str(stamp(world, it)),
        "instance_id": str(it.index),
        "tags.app_name": live.app.name,
        "tags.process_id": (it.run or live.ran[-1]).guid,
        "tags.process_type": kind,
        "tags.source_type": it.line.source.replace("/WEB", f"/{kind.upper()}"),
        "log.payload": base64.b64encode(it.line.text.encode()).decode(),
        "log.type": "ERR" if it.line.error else "OUT",
    }
    return filled(body, values)


def info(_world: World, _request: Request, _one: str) -> Response:
    return reply("log-cache-info-200")
