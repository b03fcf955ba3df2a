"""Responses made from recorded replies.

Status, headers and shape come from `replies/*.json`, never from Python (coolify-api 17).
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from deployer.simulator.serving.exchange import Response, copied

FOLDER = Path(__file__).parent / "replies"


@cache
def record(name: str) -> Any:
    """The recorded exchange `replies/<name>.json`, parsed. Shared: callers must not change it."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def body_of(name: str) -> Any:
    """The recorded body: JSON values for JSON, a string for text. A copy, which callers may change."""
    return copied(record(name)["response"]["body"])


def php(value: Any) -> str:
    r"""JSON as PHP's json_encode writes it by default: `/` as `\/`, non-ASCII as `\uXXXX`, no whitespace."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/")


def encoded(value: Any, *, pretty: bool) -> bytes:
    """The bytes of a body.

    Laravel's own error handler pretty-prints and does not escape `/` (coolify-api 17.1 row 10).
    """
    if isinstance(value, str):
        return value.encode()
    return (json.dumps(value, indent=4) if pretty else php(value)).encode()


def reply(name: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """The recorded reply `name`, with another body or other header values if given.

    Headers only replace recorded ones of the same name: a response never gets one that was not recorded.
    """
    response = record(name)["response"]
    values = headers or {}
    pairs = response["headers"].items() if isinstance(response["headers"], dict) else response["headers"]
    return Response(
        status=response["status"],
        headers=tuple((key, values.get(key, value)) for key, value in pairs),
        body=(encoded(response["body"] if body is None else body, pretty=response.get("pretty", False)),),
        otherwise=response.get("otherwise", ""),
    )


def filled(name: str, **values: Any) -> Response:
    """The recorded JSON object `name` with other values for some of its fields.

    Raises KeyError for a field that was not recorded.
    """
    body = body_of(name)
    for key, value in values.items():
        body[key]  # a field that the real response lacks must not be made up
        body[key] = value
    return reply(name, body)


def parsed(response: Response) -> Any:
    """The parsed JSON of a response that was made here."""
    return json.loads(b"".join(response.body))


def message(response: Response) -> str:
    """The `message` of a JSON rejection; empty if there is none."""
    if response.status < 400:
        return ""
    try:
        body: Any = parsed(response)
    except ValueError:
        return ""
    return str(body.get("message", "")) if isinstance(body, dict) else ""
