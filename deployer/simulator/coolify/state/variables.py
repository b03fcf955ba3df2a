"""Environment variables, and how requests change them (coolify-api 5.9, 17.1 row 16)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.simulator.coolify.versions import Version

DAY = 86400.0
# The fields that a request may set, with their names here.
COLUMNS: Mapping[str, str] = {
    "is_literal": "literal",
    "is_multiline": "multiline",
    "is_shown_once": "shown_once",
    "is_buildtime": "buildtime",
    "is_build_time": "buildtime",
    "is_runtime": "runtime",
    "comment": "comment",
    "value": "value",
}
OLD_FLAG = "is_build_time"  # until beta.426
NEEDED = ("multiline", "shown_once")
"""Required for an application's variable: leaving them out writes NULL to a column that must not be."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `made`, `touched`: simulated seconds; a day old unless created by a request."""

    key: str
    value: str | None
    preview: bool = False
    literal: bool = False
    multiline: bool = False
    shown_once: bool = False
    buildtime: bool = True
    runtime: bool = True
    comment: str | None = None
    made: float = -DAY
    touched: float = -DAY


def with_copy(there: tuple[Variable, ...], new: Variable) -> tuple[Variable, ...]:
    """The variables with a new one of an application, and its copy for previews, which is never hidden."""
    copied = not new.preview and not any(each.preview and each.key == new.key for each in there)
    return (*there, new, *((replace(new, preview=True, shown_once=False),) if copied else ()))


def changed(
    old: Variable, item: Mapping[str, Any], version: Version, now: float, *, resets: bool
) -> Variable | None:
    """The variable as changed by `item`; None if the database rejects it.

    `resets`: fields that are not sent are reset.
    """
    if resets and any(getattr(old, flag) and f"is_{flag}" not in item for flag in NEEDED):
        return None
    lost: dict[str, Any] = {"literal": False, "value": None} if resets else {}
    lost |= {"buildtime": False} if resets and OLD_FLAG in version.bulk else {}
    return replace(old, **{**lost, **_columns(item)}, touched=now)


def made(item: Mapping[str, Any], version: Version, now: float) -> Variable:
    """A new variable."""
    values = {"value": None, "buildtime": OLD_FLAG not in version.bulk, **_columns(item)}
    return Variable(item["key"], preview=bool(item.get("is_preview")), made=now, touched=now, **values)


def _columns(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        COLUMNS[key]: value if COLUMNS[key] in {"value", "comment"} else value in {True, "1"}
        for key, value in item.items()
        if key in COLUMNS
    }
