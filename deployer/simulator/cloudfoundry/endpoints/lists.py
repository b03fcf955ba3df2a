"""Lists as the Cloud Controller shows them: filtered, ordered, a page at a time (cloudfoundry-api 3, Pagination)."""

from collections.abc import Sequence
from urllib.parse import quote, unquote

from deployer.simulator.cloudfoundry.replies import Body, paged, reply
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

PAGING = frozenset({"page", "per_page"})


def wanted(request: Request, key: str, value: str | None) -> bool:
    """Whether a filter lets a value through. The comma separates, so that one in a value comes encoded once more; case does not matter."""
    given = request.query.get(key)
    return given is None or value in [unquote(each) for each in given[0].split(",")]


def wanted_name(request: Request, value: str) -> bool:
    """The same for names, whose case does not matter."""
    given = request.query.get("names")
    return given is None or value.lower() in [unquote(each).lower() for each in given[0].split(",")]


def page(
    world: World, request: Request, rows: Sequence[Body], name: str = "apps-list-by-name-200-one"
) -> Response:
    """The page asked for. `name`: the recorded answer whose status and headers it has."""
    number, size = int(request.query.get("page", ["1"])[0]), int(request.query.get("per_page", ["50"])[0])
    query = "&".join(
        f"{key}={quote(values[0], safe=',')}" for key, values in request.query.items() if key not in PAGING
    )
    address = f"{world.addresses['api']}{request.path}{f'?{query}' if query else ''}"
    ordered = list(reversed(rows)) if request.query.get("order_by", [""])[0].startswith("-") else list(rows)
    return reply(name, paged(ordered, address=address, page=number, size=min(size, world.scenario.pages)))
