"""Environment variables as Coolify's JSON (coolify-api 5.9, 17.1 rows 17 and 18)."""

from collections.abc import Collection, Mapping
from typing import Any

from deployer.simulator.coolify.rendering.renderer import Renderer
from deployer.simulator.coolify.replies import record
from deployer.simulator.coolify.state.variables import COLUMNS, Variable
from deployer.simulator.serving.made_up import made_up

# Fields that a new variable of a service or database only has if they were sent (17.1 row 17).
UNSAID = ("comment", "is_literal", "is_multiline", "is_shown_once", "is_preview")


def rendered(renderer: Renderer, owner: str, variable: Variable) -> dict[str, Any]:
    """A variable as the list shows it."""
    return _painted(renderer, owner, variable, shape(f"{renderer.version.shapes.variables}_again"))


def rendered_new(
    renderer: Renderer, owner: str, variable: Variable, sent: Collection[str] | None = None
) -> dict[str, Any]:
    """A variable as the response to its creation shows it.

    `sent`: the fields sent for a service or database.
    """
    keys = shape(renderer.version.shapes.variables)
    if sent is not None:
        keys = {key: value for key, value in keys.items() if key not in UNSAID or key in sent}
    return _painted(renderer, owner, variable, keys)


def uuid_of(owner: str, variable: Variable) -> str:
    return made_up(f"variable {variable.key} of {owner}{' for previews' if variable.preview else ''}")


def shape(name: str) -> dict[str, Any]:
    """The first variable in a recorded reply."""
    body = record(name)["response"]["body"]
    found: dict[str, Any] = body[0] if isinstance(body, list) else body
    return found


def _painted(renderer: Renderer, owner: str, variable: Variable, keys: Mapping[str, Any]) -> dict[str, Any]:
    version = renderer.version
    values = {
        "uuid": uuid_of(owner, variable),
        "key": variable.key,
        "value": variable.value,
        "real_value": real(variable),
        "comment": variable.comment,
        "version": version.name,
        "created_at": renderer.iso(variable.made),
        "updated_at": renderer.iso(variable.touched),
        "is_preview": variable.preview,
        "is_buildpack_control": variable.key.startswith("NIXPACKS_"),
        "is_nixpacks": variable.key.startswith("NIXPACKS_"),
        **{key: getattr(variable, column) for key, column in COLUMNS.items() if key.startswith("is_")},
    }
    hidden = not renderer.sensitive or (variable.shown_once and version.hides_once)
    return {
        key: values.get(key, value)
        for key, value in keys.items()
        if not (hidden and key in {"value", "real_value"})
    }


def real(variable: Variable) -> str:
    """The value quoted for a shell that must not expand it (17.1 row 18)."""
    value = variable.value or ""
    quoted = value and (variable.literal or variable.multiline)
    return "'" + value.replace("'", "'\\''") + "'" if quoted else value
