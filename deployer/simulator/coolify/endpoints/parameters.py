"""The parameters of a request: query and body as Laravel reads them (coolify-api 5.1)."""

import json
from typing import Any
from urllib.parse import parse_qs

from deployer.simulator.serving.journal import Request

TRUE = frozenset({"1", "true", "on", "yes"})  # PHP's FILTER_VALIDATE_BOOLEAN


def inputs(request: Request, *, body: bool = True) -> dict[str, Any]:
    """Query and, if `body`, body, as Laravel's `input()` merges them.

    The body wins, and the last of equal names.
    """
    sent: dict[str, Any] = {
        key.removesuffix("[]"): values if key.endswith("[]") else values[-1]
        for key, values in request.query.items()
    }
    if not body:
        return sent
    if "json" in request.headers.get("content-type", ""):
        try:
            read = json.loads(request.body)
        except ValueError:
            return sent
        return sent | read if isinstance(read, dict) else sent
    return sent | {key: values[-1] for key, values in parse_qs(request.body.decode("latin-1")).items()}


def text(value: object) -> str:
    """A string as PHP treats it: trimmed, and `0` counts as empty."""
    trimmed = "" if value is None else str(value).strip()
    return "" if trimmed == "0" else trimmed


def number(value: object) -> int:
    """A number as PHP's `(int)` reads it: 0 for anything else."""
    trimmed = text(value)
    return int(trimmed) if trimmed.lstrip("-").isdecimal() else 0


def true(value: object, *, strict: bool = True) -> bool:
    """Whether a parameter counts as true. Unless `strict`, the string "false" does."""
    return str(value).lower() in TRUE if strict else value not in {None, "", "0", False}
