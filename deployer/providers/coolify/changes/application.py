"""PURE: the one request that changes image, commit and settings of an application (coolify-api 5.7)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.model import RefusedError
from deployer.model.text import bounded
from deployer.providers.coolify.api.versions import PIN_KEPT, PIN_LOST, Version
from deployer.providers.coolify.changes import images
from deployer.providers.coolify.changes.application_settings import PASSWORD, SECRET
from deployer.providers.payload import Row

KEEPS_DOMAINS = "4.0.0-beta.381"
"""Before it, every change removes the domains unless they are sent along (coolify-api 5.7)."""

MODIFIER = "force_domain_override"
"""Modifies how `domains` is handled, and changes nothing by itself."""

HEAD = "HEAD"
"""Instead of a commit: not pinned, so that the head of the branch is deployed."""

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MAX_SHOWN_CHARS = 100
STAYS_PINNED = (
    "the application stays pinned to this commit, also for later deployments and webhooks, "
    "until `commit: HEAD` ends that"
)


def commit(text: str) -> str:
    """A complete commit, or `HEAD` to end a pin. Raises ValueError."""
    text = text.strip()
    if text.upper() == HEAD:
        return HEAD
    if not COMMIT.fullmatch(text.lower()):
        raise ValueError(
            "must be a complete commit (40 hex digits, not a branch, tag or abbreviation), "
            "or HEAD to end a pin"
        )
    return text.lower()


@dataclass(frozen=True, slots=True)
class Patch:
    """One change of an application."""

    body: dict[str, Any] = field(default_factory=dict, repr=False)
    """What is sent; empty if nothing differs."""
    summary: tuple[str, ...] = ()
    """What is changed, as phrases such as `image: a → b`."""
    warnings: tuple[str, ...] = ()
    """What the user should know before it is sent."""


def patch(
    row: Row,
    version: Version,
    *,
    image: images.Image | None = None,
    pin: str = "",
    fields: Mapping[str, Any] | None = None,
) -> Patch:
    """Image, commit and settings in one request.

    Raises RefusedError if this application or version does not support them.
    """
    body: dict[str, Any] = {}
    summary: list[str] = []
    warnings: list[str] = []
    if image and (fields_of_image := images.changed(row, image)):
        body |= fields_of_image
        summary.append(f"image: {images.current(row)} → {images.complete(row, image)}")
    if pin:
        pinned, sentence, warnings = _pinned(row, pin, version)
        body |= pinned
        summary += [sentence] if sentence else []
    different = {name: value for name, value in (fields or {}).items() if not _same(row, name, value)}
    if "domains" not in different:
        different.pop(MODIFIER, None)
    body |= different
    summary += [_summary(row, name, value) for name, value in different.items() if name != MODIFIER]
    if body and "domains" not in body and row.get("fqdn") and version.before(KEEPS_DOMAINS):
        body["domains"] = row["fqdn"]
    return Patch(body, tuple(summary), tuple(warnings))


def version_fields(row: Row) -> tuple[str, ...]:
    """The fields that decide which version is deployed, which is what a rollback restores."""
    if row.get("build_pack") == images.BUILD_PACK:
        return (images.NAME_FIELD, images.TAG_FIELD)
    return ("git_commit_sha",)


def _pinned(row: Row, pin: str, version: Version) -> tuple[dict[str, Any], str, list[str]]:
    """What pins the application: the fields to send, the summary, and the warnings. Raises RefusedError."""
    if row.get("build_pack") == images.BUILD_PACK:
        raise RefusedError(
            "`commit` is for applications that are built from a repository, and this one runs an image. "
            "Use `image`"
        )
    old = str(row.get("git_commit_sha") or HEAD)
    body = {} if old == pin else {"git_commit_sha": pin}
    summary = f"commit: {_brief(old)} → {pin}" if body else ""
    if pin == HEAD:
        return body, summary, []
    if version.before(PIN_KEPT) and not version.before(PIN_LOST):
        raise RefusedError(
            f"Coolify {version.text} ignores a pinned commit and deploys the head of the branch "
            f"(all versions from {PIN_LOST} to before {PIN_KEPT} do): nothing was changed. "
            "Update Coolify, or remove `commit`"
        )
    warnings = [STAYS_PINNED]
    if version.before(PIN_LOST):
        warnings.append(
            f"Coolify {version.text} names the image after the head of the branch, and skips the build "
            "if that image exists: this deployment is built without cache, "
            "so that the pinned commit is deployed"
        )
    return body, summary, warnings


def _old(row: Row, name: str) -> tuple[bool, Any]:
    """Whether the field is visible, and its value. Some are nested in 4.2.0 and later (coolify-api 5.6)."""
    nested = row.get("settings")
    for place in (row, nested if isinstance(nested, dict) else {}):
        key = "fqdn" if name == "domains" else name
        if key in place:
            return True, place[key]
    return False, None


def _same(row: Row, name: str, value: Any) -> bool:
    seen, old = _old(row, name)
    if not seen:
        return False
    if name == "domains" and isinstance(value, str) and isinstance(old, str):
        return [part.strip() for part in value.split(",")] == [part.strip() for part in old.split(",")]
    return type(_plain(old)) is type(_plain(value)) and bool(_plain(old) == _plain(value))


def _plain(value: Any) -> Any:
    """The value as Coolify stores it: trimmed, and null instead of an empty text."""
    return value.strip() or None if isinstance(value, str) else value


# --- the summary


def _summary(row: Row, name: str, value: Any) -> str:
    seen, old = _old(row, name)
    if SECRET.fullmatch(name) or isinstance(value, (dict, list)) or isinstance(old, (dict, list)):
        return f"{_brief(name)} (not shown)"
    before = _brief(old) if seen else "(unknown)"
    return f"{_brief(name)}: {before} → {_brief(value)}"


def _brief(value: Any) -> str:
    """The value in one short line, without the login that a URL may contain."""
    if value is None or value == "":
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value)
    return bounded(" ".join(PASSWORD.sub("***@", text).split()), MAX_SHOWN_CHARS)
