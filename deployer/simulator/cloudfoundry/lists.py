"""Lists as the Cloud Controller shows them: filtered, ordered, a page at a time (cloudfoundry-api 3, Pagination)."""

from collections.abc import Sequence
from urllib.parse import quote, unquote

from deployer.simulator.cloudfoundry.replies import Body, paged, reply
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.journal import Asked
from deployer.simulator.shared import Answer

PAGING = frozenset({"page", "per_page"})


def wanted(asked: Asked, key: str, value: str | None) -> bool:
    """Whether a filter lets a value through. The comma separates, so that one in a value comes encoded once more; case does not matter."""
    given = asked.query.get(key)
    return given is None or value in [unquote(each) for each in given[0].split(",")]


def wanted_name(asked: Asked, value: str) -> bool:
    """The same for names, whose case does not matter."""
    given = asked.query.get("names")
    return given is None or value.lower() in [unquote(each).lower() for each in given[0].split(",")]


def page(world: World, asked: Asked, rows: Sequence[Body], name: str = "apps-list-by-name-200-one") -> Answer:
    """The page asked for. `name`: the recorded answer whose status and headers it has."""
    number, size = int(asked.query.get("page", ["1"])[0]), int(asked.query.get("per_page", ["50"])[0])
    query = "&".join(f"{key}={quote(values[0], safe=',')}" for key, values in asked.query.items() if key not in PAGING)
    address = f"{world.addresses['api']}{asked.path}{f'?{query}' if query else ''}"
    ordered = list(reversed(rows)) if asked.query.get("order_by", [""])[0].startswith("-") else list(rows)
    return reply(name, paged(ordered, address=address, page=number, size=min(size, world.scenario.pages)))
