"""The JSON bodies of writes, and errors in them (coolify-api 3.1, 3.3, 17.1 rows 30 and 31)."""

import json
from typing import Any

from deployer.simulator.coolify.replies import filled, record, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

Errors = dict[str, Any]
BOOLEANS: tuple[object, ...] = (True, False, 0, 1, "0", "1")  # what Laravel accepts as a boolean


def payload(server: Server, request: Request) -> dict[str, Any] | Response:
    """The body, a JSON object that is not empty, or the rejection."""
    if "json" not in request.headers.get("content-type", ""):
        return reply("patch_nobody")
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return reply("patch_list")
    return trimmed(body) if body else reply(server.scenario.version.empty)


def trimmed(value: Any) -> Any:
    """The value with all strings trimmed, and null for empty ones, as Laravel's middleware does."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict):
        return {key: trimmed(each) for key, each in value.items()}
    return [trimmed(each) for each in value] if isinstance(value, list) else value


def invalid(errors: Errors | list[str]) -> Response:
    """The response `Validation failed.`, in any of the three shapes of errors."""
    return filled("patch_unknown_field", errors=errors)


def objection(name: str, field: str = "") -> Any:
    """The sentence about the first field in the recorded rejection `name`, about another field."""
    recorded, sentences = next(iter(record(name)["response"]["body"]["errors"].items()))
    field = field or recorded

    def of_field(text: str) -> str:
        return text.replace(recorded.replace("_", " "), field.replace("_", " ")).replace(recorded, field)

    return [of_field(text) for text in sentences] if isinstance(sentences, list) else of_field(sentences)


def unwanted(fields: list[str]) -> Errors:
    """Errors for fields that are not allowed."""
    return {field: objection("patch_unknown_field", field) for field in fields}


def mistyped(sent: dict[str, Any], texts: frozenset[str], flags: frozenset[str]) -> Errors:
    """Errors for fields that must be strings or booleans, and are not."""
    wrong = {
        field: objection("patch_type_error", field)
        for field in sent
        if field in texts and not isinstance(sent[field], str | None)
    }
    unsure = [
        field for field in sent if field in flags and sent[field] is not None and sent[field] not in BOOLEANS
    ]
    return wrong | {field: objection("patch_is_static_str", field) for field in unsure}
