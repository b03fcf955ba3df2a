"""Responses made from recorded replies.

Status, headers and shape come from `replies/*.json`, never from Python.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from deployer.simulator.cloudfoundry.names import APP
from deployer.simulator.serving.exchange import Response, copied

FOLDER = Path(__file__).parent / "replies"
API = "https://api.example.org"
Body = Any


@cache
def record(name: str) -> Any:
    """The recorded exchange `replies/<name>.json`, parsed. Shared: callers must not change it."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def body_of(name: str, *, api: str = API, app: str = APP) -> Body:
    """The recorded body, with this app and base URL. A copy, which callers may change."""
    return copied(_body_of(name, api, app))


@lru_cache(maxsize=1024)
def _body_of(name: str, api: str, app: str) -> Body:
    return json.loads(json.dumps(record(name)["response"]["body"]).replace(APP, app).replace(API, api))


def filled(body: Body, values: Mapping[str, Any]) -> Body:
    """The object with other values for some of its fields, including nested ones, such as `status.value`.

    Raises KeyError for a field that was not recorded: one that the real response lacks must not be made up.
    """
    for path, value in values.items():
        *way, last = path.split(".")
        place = body
        for step in way:
            place = place[step]
        place[last]
        place[last] = value
    return body


def reply(name: str, body: Body = None, headers: Mapping[str, str] | None = None) -> Response:
    """The recorded reply `name`, with another body or other header values if given."""
    response = record(name)["response"]
    values = headers or {}
    return Response(
        status=response["status"],
        headers=tuple((key, values.get(key, value)) for key, value in response["headers"].items()),
        body=(encoded(response["body"] if body is None else body),),
    )


def encoded(body: Body) -> bytes:
    """The bytes of a body: none for None, strings unchanged, JSON for anything else."""
    if body is None:
        return b""
    return (
        body.encode()
        if isinstance(body, str)
        else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    )


def refused(name: str, detail: str = "") -> Response:
    """A recorded rejection, with another detail if given."""
    return reply(
        name,
        {"errors": [{**record(name)["response"]["body"]["errors"][0], "detail": detail}]} if detail else None,
    )


def paged(rows: Sequence[Body], *, address: str, page: int, size: int) -> Body:
    """One page of a list.

    `address`: the request's URL without `page` and `per_page` (cloudfoundry-api 3, Pagination).
    """
    pages = max(1, -(-len(rows) // size))
    join = "&" if "?" in address else "?"

    def href(number: int) -> dict[str, str] | None:
        return {"href": f"{address}{join}page={number}&per_page={size}"} if 1 <= number <= pages else None

    return {
        "pagination": {
            "total_results": len(rows),
            "total_pages": pages,
            "first": href(1),
            "last": href(pages),
            "next": href(page + 1),
            "previous": href(page - 1),
        },
        "resources": list(rows[(page - 1) * size : page * size]),
    }


def error_of(response: Response) -> str:
    """The error of a rejection: Cloud Foundry's `code title` or the login server's `error`.

    Empty if there is none.
    """
    if response.status < 400:
        return ""
    try:
        body: Any = json.loads(b"".join(response.body))
    except ValueError:
        return ""
    errors = body.get("errors")
    return f"{errors[0]['code']} {errors[0]['title']}" if errors else str(body.get("error", ""))
