"""Answers made of recorded ones: status, headers, shape are from `replies/*.json`, never from Python (`tests/contracts/cloudfoundry`)."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from deployer.simulator.cloudfoundry.names import APP
from deployer.simulator.serving.exchange import Response

FOLDER = Path(__file__).parent / "replies"
API = "https://api.example.org"
Body = Any


@cache
def record(name: str) -> Any:
    """The recorded exchange `replies/<name>.json`, parsed. Nobody may change what is returned: it is shared."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def body_of(name: str, *, api: str = API, app: str = APP) -> Body:
    """The recorded body, of this app at this address. A copy, free to be changed."""
    return json.loads(json.dumps(record(name)["response"]["body"]).replace(APP, app).replace(API, api))


def filled(body: Body, values: Mapping[str, Any]) -> Body:
    """The same object with other values of fields that it has, also deeper ones, as `status.value`.

    Raises KeyError for a field that was not recorded: what the real answer lacks must not be made up.
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
    """The recorded answer `name`, with another body or other values of its headers where given."""
    response = record(name)["response"]
    values = headers or {}
    return Response(
        status=response["status"],
        headers=tuple((key, values.get(key, value)) for key, value in response["headers"].items()),
        body=(encoded(response["body"] if body is None else body),),
    )


def encoded(body: Body) -> bytes:
    """The bytes of a body: nothing for nothing, text as it is."""
    if body is None:
        return b""
    return (
        body.encode()
        if isinstance(body, str)
        else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    )


def refused(name: str, detail: str = "") -> Response:
    """A recorded refusal, with another detail where given."""
    return reply(
        name,
        {"errors": [{**record(name)["response"]["body"]["errors"][0], "detail": detail}]} if detail else None,
    )


def paged(rows: Sequence[Body], *, address: str, page: int, size: int) -> Body:
    """One page of a list: `address` is the whole one of the request, without `page` and `per_page` (cloudfoundry-api 3, Pagination)."""
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


def titled(response: Response) -> str:
    """Of a refusal what it says: `code title` of Cloud Foundry's own, `error` of the login server's; otherwise nothing."""
    if response.status < 400:
        return ""
    try:
        body: Any = json.loads(b"".join(response.body))
    except ValueError:
        return ""
    errors = body.get("errors")
    return f"{errors[0]['code']} {errors[0]['title']}" if errors else str(body.get("error", ""))
