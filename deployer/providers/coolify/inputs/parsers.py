"""How each of Coolify's inputs is written: text as people paste it becomes a value, or a ValueError with the sentence for them.

What can't be one of these values is never shown: it may be the token, in the wrong place.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from pydantic import TypeAdapter

from deployer.providers.coolify.changes import application, application_settings, create_rules, envs
from deployer.settings import UNFILLED, Names, read_text, secret
from deployer.settings import address as platform_address

FOREIGN_TOKENS = ("ghs_", "ghp_", "github_pat_", "glpat-")
UUID = re.compile(r"[A-Za-z0-9-]+")
TAG = re.compile(r"[A-Za-z0-9_.-]{1,100}")
API = re.compile(r"(/+api(/+v1)?)?/*$")
MAX_NAME_CHARS = 255
MAX_FILE_BYTES = 1024 * 1024
"""Bytes of a file of variables."""


def address(text: Any) -> Any:
    """`https://host[:port]`, from what people paste. Raises ValueError with the sentence for them."""
    return platform_address(text, API, "https://coolify.example.com") if isinstance(text, str) else text


def token(text: Any) -> Any:
    if isinstance(text, str):
        secret(text)
        if text.startswith("$"):
            raise ValueError(UNFILLED)
        if text.startswith(FOREIGN_TOKENS):
            message = "this is a token of GitHub or GitLab, not one of Coolify; it was not sent"
            raise ValueError(message)
        if text.lower().startswith(("http://", "https://", "bearer ")):
            raise ValueError("must be the token alone, no address and no header")
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            message = "holds blanks, line breaks or other characters that no Coolify token has"
            raise ValueError(message)
    return text


def uuids(text: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValueError; what was given is not shown: it may be the token, in the wrong place."""
    wrong = [number for number, each in enumerate(text, 1) if not UUID.fullmatch(each)]
    if wrong or not text:
        which = f"the {wrong[0]}. of them" if wrong and len(text) > 1 else "it"
        raise ValueError(
            f"{which} is no uuid: give only what follows /application/ in its address in Coolify"
        )
    return text


def tags(text: tuple[str, ...]) -> tuple[str, ...]:
    """Coolify keeps them in lower case and compares them as they are (coolify-api 5.1). Raises ValueError."""
    if not text or any(not TAG.fullmatch(each) for each in text):
        message = "is no tag of Coolify's: letters, digits and -_. only. (An image's tag is not meant: that belongs to the application)"
        raise ValueError(message)
    return tuple(each.lower() for each in text)


def pull_request(text: Any) -> Any:
    if isinstance(text, str):
        if not re.fullmatch(r"#?0*[1-9]\d{0,9}", text.strip()):
            message = "must be the number of a pull request"
            raise ValueError(message)
        return int(text.strip().removeprefix("#"))
    return text


def docker_tag(text: str) -> str:
    """The form of coolify-api 5.7. Raises ValueError."""
    if text and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text):
        message = "is no image tag: letters, digits and _.- only, such as pr-7"
        raise ValueError(message)
    return text


def commit(text: Any) -> Any:
    return application.commit(text) if isinstance(text, str) and text else text


def env(text: Any) -> Any:
    return envs.parse(text) if isinstance(text, str) else text


def env_file(text: Any) -> Any:
    """The variables in the file. Raises ValueError; it is no pipe, which could be read only once, and might never end."""
    return envs.parse(read_text(text, MAX_FILE_BYTES)) if isinstance(text, str) and text else text


def settings(text: Any) -> Any:
    return application_settings.settings(text) if isinstance(text, str) and text else text


def name(text: str) -> str:
    """What a thing of Coolify's may be called: it is compared as it stands, so that it must be one line. Raises ValueError."""
    if len(text) > MAX_NAME_CHARS or not text.isprintable():
        raise ValueError(f"must be one line of at most {MAX_NAME_CHARS} characters")
    return text


def domains(text: Any) -> Any:
    return create_rules.domains(text) if isinstance(text, str) else text


def ports(text: Any) -> Any:
    return create_rules.ports(text) if isinstance(text, str) else text


class Webhook(NamedTuple):
    """What a "Deploy Webhook" address says."""

    url: str
    uuids: tuple[str, ...]
    tags: tuple[str, ...]
    force: bool


def webhook(text: Any) -> Any:
    """The parts of Coolify's "Deploy Webhook" address; its `force=false` would force a rebuild before 4.2.0 (coolify-api 5.1)."""
    if not isinstance(text, str):
        return text
    page, _, query = text.partition("?")
    base, found, _ = page.partition("/api/v1/deploy")
    asked = parse_qs(query)
    if not found:
        message = "is no Deploy Webhook: it looks like https://coolify.example.com/api/v1/deploy?uuid=…"
        raise ValueError(message)
    if foreign := sorted(set(asked) - {"uuid", "tag", "force"}):
        message = (
            f"holds {foreign[0]!r}, which belongs into an input of its own"
            if re.fullmatch(r"[a-z_]{1,20}", foreign[0])
            else "holds more than it should"
        )
        raise ValueError(message)
    if ("uuid" in asked) == ("tag" in asked):
        message = "must name a uuid or a tag: copy the Deploy Webhook of one resource, or give `uuid`"
        raise ValueError(message)
    names = TypeAdapter(Names)
    targets = uuids(names.validate_python(",".join(asked["uuid"]))) if "uuid" in asked else ()
    groups = tags(names.validate_python(",".join(asked["tag"]))) if "tag" in asked else ()
    return Webhook(address(base), targets, groups, asked.get("force", [""])[-1].lower() == "true")
