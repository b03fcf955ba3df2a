"""The JSON bodies of what is written, and how Coolify says what is wrong with them (coolify-api 3.1, 3.3, 17.1 rows 30 and 31)."""

import json
from typing import Any

from deployer.simulator.coolify.replies import filled, record, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

Errors = dict[str, Any]
BOOLEANS: tuple[object, ...] = (True, False, 0, 1, "0", "1")  # what Laravel takes for one


def payload(server: Server, request: Request) -> dict[str, Any] | Response:
    """The body, a JSON object that holds something; otherwise what is answered."""
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
    """Without blanks around any text, and null for an empty one: before anything else reads it."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict):
        return {key: trimmed(each) for key, each in value.items()}
    return [trimmed(each) for each in value] if isinstance(value, list) else value


def invalid(errors: Errors | list[str]) -> Response:
    """`Validation failed.`, in whichever of the three shapes."""
    return filled("patch_unknown_field", errors=errors)


def objection(name: str, field: str = "") -> Any:
    """What the recorded refusal `name` says of its first field, said of another one."""
    recorded, said = next(iter(record(name)["response"]["body"]["errors"].items()))
    field = field or recorded

    def of_field(text: str) -> str:
        return text.replace(recorded.replace("_", " "), field.replace("_", " ")).replace(recorded, field)

    return [of_field(text) for text in said] if isinstance(said, list) else of_field(said)


def unwanted(fields: list[str]) -> Errors:
    """Fields that are not allowed."""
    return {field: objection("patch_unknown_field", field) for field in fields}


def mistyped(given: dict[str, Any], texts: frozenset[str], flags: frozenset[str]) -> Errors:
    """Fields that must be a text, or true or false, and are not."""
    wrong = {
        field: objection("patch_type_error", field)
        for field in given
        if field in texts and not isinstance(given[field], str | None)
    }
    unsure = [
        field
        for field in given
        if field in flags and given[field] is not None and given[field] not in BOOLEANS
    ]
    return wrong | {field: objection("patch_is_static_str", field) for field in unsure}
