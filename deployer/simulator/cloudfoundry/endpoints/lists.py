"""Lists as the Cloud Controller returns them.

Filtered, ordered, in pages (cloudfoundry-api 3, Pagination).
"""

from collections.abc import Sequence
from urllib.parse import quote, unquote

from deployer.simulator.cloudfoundry.replies import Body, paged, reply
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

PAGING = frozenset({"page", "per_page"})


def wanted(request: Request, key: str, value: str | None) -> bool:
    """Whether a filter matches a value.

    Commas separate, so a comma in a value is encoded twice; case is ignored.
    """
    values = request.query.get(key)
    return values is None or value in [unquote(each) for each in values[0].split(",")]


def wanted_name(request: Request, value: str) -> bool:
    """Whether a filter matches a name, ignoring case."""
    values = request.query.get("names")
    return values is None or value.lower() in [unquote(each).lower() for each in values[0].split(",")]


def page(
    world: World, request: Request, rows: Sequence[Body], name: str = "apps-list-by-name-200-one"
) -> Response:
    """The requested page. `name`: the recorded reply for its status and headers."""
    number, size = int(request.query.get("page", ["1"])[0]), int(request.query.get("per_page", ["50"])[0])
    query = "&".join(
        f"{key}={quote(values[0], safe=',')}" for key, values in request.query.items() if key not in PAGING
    )
    address = f"{world.addresses['api']}{request.path}{f'?{query}' if query else ''}"
    ordered = list(reversed(rows)) if request.query.get("order_by", [""])[0].startswith("-") else list(rows)
    return reply(name, paged(ordered, address=address, page=number, size=min(size, world.scenario.pages)))
