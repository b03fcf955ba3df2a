"""PURE: why Coolify refuses a change: one sentence per field, from every shape that its answer has (coolify-api 3.3, 17.1 row 9).

What was sent and is secret is blanked before anything of an answer is cut: half a secret is found by nobody who looks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deployer.model.text import one_line
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes.application_settings import CAME_WITH, GONE_WITH, PASSWORD, SECRET
from deployer.settings import MIN_SECRET_CHARS

NOT_ALLOWED = "This field is not allowed."
MIN_BLANKED_CHARS = 4
"""Characters of a field; what is shorter is not blanked: it may be a part of any word."""


def rejections(data: Any, version: Version) -> tuple[str, ...]:
    """The sentences of a 400, 404, 409 or 422. Nothing where the answer says nothing."""
    if not isinstance(data, dict):
        return ()
    told = [*_conflicts(data), *_fields(data.get("errors"), version)]
    if not told:
        told = [text for text in (one_line(data.get("message")), one_line(data.get("error"))) if text]
    return tuple(dict.fromkeys(told))


def without_secrets(data: Any, sent: Mapping[str, Any]) -> Any:
    """An answer without the secrets that were sent (variables, secret fields), and without any password in an address."""
    return _blanked(
        data, sorted(set(_secrets(sent)), key=len, reverse=True)
    )  # one may be the beginning of another


def _secrets(sent: Mapping[str, Any]) -> Iterator[str]:
    """As they were sent, and as the server trims them, in one line or several."""
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
            whose = " ".join(
                filter(
                    None,
                    (
                        one_line(each.get(name))
                        for name in ("resource_type", "resource_name", "resource_uuid")
                    ),
                )
            )
            yield (
                f"domains: {one_line(each.get('domain'))} belongs to {whose} already. "
                'If both shall have it, put "force_domain_override": true into `settings`'
            )


def _fields(errors: Any, version: Version) -> Iterator[str]:
    if isinstance(errors, dict):
        for name, said in errors.items():
            sentences = [one_line(each) for each in (said if isinstance(said, list) else [said])]
            text = (
                _not_allowed(name, version) if NOT_ALLOWED in sentences else " ".join(filter(None, sentences))
            )
            yield f"{one_line(name)}: {text}"
    elif isinstance(errors, list):
        yield from filter(None, map(one_line, errors))
    elif one_line(errors):
        yield one_line(errors)


def _not_allowed(name: str, version: Version) -> str:
    running = f"Coolify {version.text}" if version.text else "this Coolify"
    if name in GONE_WITH and not version.before(GONE_WITH[name]):
        return f"{running} does not let it be changed any more (since {GONE_WITH[name]})"
    came = next((since for since, names in CAME_WITH.items() if name in names), "")
    if came and version.before(came):
        return f"{running} does not let it be changed: that came with {came}"
    return f"{running} knows no such field, or does not let it be changed"
