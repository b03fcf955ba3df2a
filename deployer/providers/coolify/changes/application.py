"""PURE: image, commit and settings of an application: the one request that changes them, and what is said of it (coolify-api 5.7)."""

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

WIPES_DOMAINS = "4.0.0-beta.381"
"""Before it every change takes the application's addresses away unless they are sent along (coolify-api 5.7)."""

MODIFIER = "force_domain_override"
"""It says how `domains` is meant, and changes nothing by itself."""

HEAD = "HEAD"
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MAX_SHOWN_CHARS = 100


def commit(text: str) -> str:
    """A commit in full, or `HEAD` to end a pin. Raises ValueError."""
    text = text.strip()
    if text.upper() == HEAD:
        return HEAD
    if not COMMIT.fullmatch(text.lower()):
        raise ValueError(
            "must be a whole commit (40 hex digits; no branch, no tag, not its first digits), or HEAD to end a pin"
        )
    return text.lower()


@dataclass(frozen=True, slots=True)
class Patch:
    """One change of an application. Without `body` all is as it is wished, and nothing is to be sent."""

    body: dict[str, Any] = field(default_factory=dict, repr=False)
    summary: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def patch(
    row: Row,
    version: Version,
    *,
    image: images.Image | None = None,
    pin: str = "",
    fields: Mapping[str, Any] | None = None,
) -> Patch:
    """Image, commit and settings in one request. Raises RefusedError where this application or version can't have them."""
    body: dict[str, Any] = {}
    told: list[str] = []
    warnings: list[str] = []
    if image and (swapped := images.changed(row, image)):
        body |= swapped
        told.append(f"image: {images.held(row)} → {images.wanted(row, image)}")
    if pin:
        pinned, sentence, warnings = _pinned(row, pin, version)
        body |= pinned
        told += [sentence] if sentence else []
    different = {name: value for name, value in (fields or {}).items() if not _same(row, name, value)}
    if "domains" not in different:
        different.pop(MODIFIER, None)
    body |= different
    told += [_told(row, name, value) for name, value in different.items() if name != MODIFIER]
    if body and "domains" not in body and row.get("fqdn") and version.before(WIPES_DOMAINS):
        body["domains"] = row["fqdn"]
    return Patch(body, tuple(told), tuple(warnings))


def deployed(row: Row) -> tuple[str, ...]:
    """The fields that say what of an application is deployed, which is what a way back puts back."""
    return (
        (images.NAME_FIELD, images.TAG_FIELD)
        if row.get("build_pack") == images.BUILD_PACK
        else ("git_commit_sha",)
    )


def _pinned(row: Row, pin: str, version: Version) -> tuple[dict[str, Any], str, list[str]]:
    if row.get("build_pack") == images.BUILD_PACK:
        raise RefusedError(
            "`commit` is for applications that are built from a repository, and this one runs an image: use `image`"
        )
    old = str(row.get("git_commit_sha") or HEAD)
    body = {} if old == pin else {"git_commit_sha": pin}
    told = f"commit: {_brief(old)} → {pin}" if body else ""
    if pin == HEAD:
        return body, told, []
    if version.before(PIN_KEPT) and not version.before(PIN_LOST):
        raise RefusedError(
            f"Coolify {version.text} ignores a pinned commit and deploys the branch's head "
            f"(all from {PIN_LOST} to before {PIN_KEPT} do): nothing was changed. Update Coolify, or deploy without `commit`"
        )
    warnings = [
        "the application stays pinned to this commit: later deployments and webhooks build it, too, until `commit: HEAD` ends that"
    ]
    if version.before(PIN_LOST):
        warnings.append(
            f"Coolify {version.text} names the image after the branch's head, and skips the build where it has one of that name: "
            "this deployment is built without cache, so that the pinned commit is what runs"
        )
    return body, told, warnings


def _old(row: Row, name: str) -> tuple[bool, Any]:
    """Whether the field can be seen, and what it holds. 4.2.0 and later nest some of them (coolify-api 5.6)."""
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
    """As the server keeps it: trimmed, and nothing of an empty text."""
    return value.strip() or None if isinstance(value, str) else value


# --- what is said


def _told(row: Row, name: str, value: Any) -> str:
    seen, old = _old(row, name)
    if SECRET.fullmatch(name) or isinstance(value, (dict, list)) or isinstance(old, (dict, list)):
        return f"{_brief(name)} (not shown)"
    return f"{_brief(name)}: {_brief(old) if seen else '(not known)'} → {_brief(value)}"


def _brief(value: Any) -> str:
    """One short line, without the password that an address may hold."""
    if value is None or value == "":
        return "(none)"
    text = " ".join(PASSWORD.sub("***@", value if isinstance(value, str) else json.dumps(value)).split())
    return bounded(text, MAX_SHOWN_CHARS)
