"""What a request says beside its path: query and body as Laravel reads them (coolify-api 5.1)."""

import json
from typing import Any
from urllib.parse import parse_qs

from deployer.simulator.serving.journal import Request

TRUE = frozenset({"1", "true", "on", "yes"})  # PHP's FILTER_VALIDATE_BOOLEAN


def inputs(request: Request, *, body: bool = True) -> dict[str, Any]:
    """Query and, where it is read, body as Laravel's `input()` gives them: the body wins, and the last of equal names."""
    given: dict[str, Any] = {
        key.removesuffix("[]"): values if key.endswith("[]") else values[-1]
        for key, values in request.query.items()
    }
    if not body:
        return given
    if "json" in request.headers.get("content-type", ""):
        try:
            read = json.loads(request.body)
        except ValueError:
            return given
        return given | read if isinstance(read, dict) else given
    return given | {key: values[-1] for key, values in parse_qs(request.body.decode("latin-1")).items()}


def text(value: object) -> str:
    """As PHP takes it: trimmed, and `0` is as good as nothing."""
    said = "" if value is None else str(value).strip()
    return "" if said == "0" else said


def number(value: object) -> int:
    """As PHP's `(int)` reads it: what is no number is 0."""
    said = text(value)
    return int(said) if said.lstrip("-").isdecimal() else 0


def true(value: object, *, strict: bool = True) -> bool:
    """Whether a parameter counts as true; where Coolify is not `strict`, the text "false" does."""
    return str(value).lower() in TRUE if strict else value not in {None, "", "0", False}
