"""PURE: why Coolify rejected a change, from every shape of its response (coolify-api 3.3, 17.1 row 9).

Secrets that were sent are removed before any text is shortened: redaction would not recognize half of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deployer.model.text import one_line
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes.application_settings import ADDED_IN, PASSWORD, REMOVED_IN, SECRET
from deployer.settings import MIN_SECRET_CHARS

NOT_ALLOWED = "This field is not allowed."
MIN_BLANKED_CHARS = 4
"""A shorter value of a secret field is not removed: it may be part of any word."""


def rejections(data: Any, version: Version) -> tuple[str, ...]:
    """The reasons in a 400, 404, 409 or 422, one for each field; empty if it contains none."""
    if not isinstance(data, dict):
        return ()
    sentences = [*_conflicts(data), *_fields(data.get("errors"), version)]
    if not sentences:
        sentences = [text for text in (one_line(data.get("message")), one_line(data.get("error"))) if text]
    return tuple(dict.fromkeys(sentences))


def without_secrets(data: Any, sent: Mapping[str, Any]) -> Any:
    """A response without the secrets that were sent (variables, secret fields) and logins in URLs."""
    # The longest first: one may be the beginning of another.
    return _blanked(data, sorted(set(_secrets(sent)), key=len, reverse=True))


def _secrets(sent: Mapping[str, Any]) -> Iterator[str]:
    """The secrets as the server trims them, and each of several lines also as one line."""
    values = [
        value
        for name, value in sent.items()
        if SECRET.fullmatch(name) and isinstance(value, str) and len(value.strip()) >= MIN_BLANKED_CHARS
    ]
    listed = sent.get("data")
    for item in listed if isinstance(listed, list) else ():
        values += [item["value"]] if len(item["value"].strip()) >= MIN_SECRET_CHARS else []
    for value in values:
        yield from (value.strip(), " ".join(value.split()))


def _blanked(data: Any, secrets: Iterable[str]) -> Any:
    if isinstance(data, str):
        for secret in secrets:
            data = data.replace(secret, "***")
        return PASSWORD.sub("***@", data)
    if isinstance(data, dict):
        return {_blanked(name, secrets): _blanked(value, secrets) for name, value in data.items()}
    return [_blanked(each, secrets) for each in data] if isinstance(data, list) else data


def _conflicts(data: Mapping[str, Any]) -> Iterator[str]:
    conflicts = data.get("conflicts")
    for each in conflicts if isinstance(conflicts, list) else ():
        if isinstance(each, dict):
            names = ("resource_type", "resource_name", "resource_uuid")
            owner = " ".join(filter(None, (one_line(each.get(name)) for name in names)))
            yield (
                f"domains: {one_line(each.get('domain'))} already belongs to {owner}. "
                'To use it for both, set "force_domain_override": true in `settings`'
            )


def _fields(errors: Any, version: Version) -> Iterator[str]:
    if isinstance(errors, dict):
        for name, value in errors.items():
            sentences = [one_line(each) for each in (value if isinstance(value, list) else [value])]
            text = " ".join(filter(None, sentences))
            if NOT_ALLOWED in sentences:
                text = _not_allowed(name, version)
            yield f"{one_line(name)}: {text}"
    elif isinstance(errors, list):
        yield from filter(None, map(one_line, errors))
    elif one_line(errors):
        yield one_line(errors)


def _not_allowed(name: str, version: Version) -> str:
    """Why a field can't be changed, by the versions that added and removed it."""
    running = f"Coolify {version.text}" if version.text else "this Coolify"
    if name in REMOVED_IN and not version.before(REMOVED_IN[name]):
        return f"{running} no longer allows changing it (since {REMOVED_IN[name]})"
    added = next((since for since, names in ADDED_IN.items() if name in names), "")
    if added and version.before(added):
        return f"{running} does not allow changing it: that requires {added}"
    return f"{running} has no such field, or does not allow changing it"
