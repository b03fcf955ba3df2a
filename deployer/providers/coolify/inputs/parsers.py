"""Parsers for the inputs of Coolify.

Each raises ValueError with a sentence for the user, which never shows the text: it may be the token.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from pydantic import TypeAdapter

from deployer.providers.coolify.changes import application, application_settings, create_rules, envs
from deployer.settings import UNFILLED, Names, read_text, secret
from deployer.settings import address as platform_address

OTHER_TOKENS = ("ghs_", "ghp_", "github_pat_", "glpat-")
UUID = re.compile(r"[A-Za-z0-9-]+")
TAG = re.compile(r"[A-Za-z0-9_.-]{1,100}")
API = re.compile(r"(/+api(/+v1)?)?/*$")
MAX_NAME_CHARS = 255
MAX_FILE_BYTES = 1024 * 1024
"""The largest file of variables that is read."""


def address(text: Any) -> Any:
    """`https://host[:port]`, from what people paste."""
    return platform_address(text, API, "https://coolify.example.com") if isinstance(text, str) else text


def token(text: Any) -> Any:
    """A token, unchanged, unless it is certainly not one of Coolify."""
    if isinstance(text, str):
        secret(text)
        if text.startswith("$"):
            raise ValueError(UNFILLED)
        if text.startswith(OTHER_TOKENS):
            message = "this is a token of GitHub or GitLab, not of Coolify; it was not sent"
            raise ValueError(message)
        if text.lower().startswith(("http://", "https://", "bearer ")):
            raise ValueError("must be the token alone, without a URL or header")
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            message = "contains spaces, line breaks or other characters that are not valid in a Coolify token"
            raise ValueError(message)
    return text


def uuids(text: tuple[str, ...]) -> tuple[str, ...]:
    """The uuids, unchanged."""
    wrong = [number for number, each in enumerate(text, 1) if not UUID.fullmatch(each)]
    if wrong or not text:
        which = f"item {wrong[0]} is" if wrong and len(text) > 1 else "is"
        raise ValueError(f"{which} not a UUID. Use the part after /application/ in the Coolify URL")
    return text


def tags(text: tuple[str, ...]) -> tuple[str, ...]:
    """The tags in lower case, as Coolify stores and compares them (coolify-api 5.1)."""
    if not text or any(not TAG.fullmatch(each) for each in text):
        message = (
            "is not a valid Coolify tag: only letters, digits and -_. are allowed. "
            "For an image tag, set `image`"
        )
        raise ValueError(message)
    return tuple(each.lower() for each in text)


def pull_request(text: Any) -> Any:
    """The number of a pull request, with or without `#`."""
    if isinstance(text, str):
        if not re.fullmatch(r"#?0*[1-9]\d{0,9}", text.strip()):
            message = "must be the number of a pull request"
            raise ValueError(message)
        return int(text.strip().removeprefix("#"))
    return text


def docker_tag(text: str) -> str:
    """The image tag of a preview, in the form that Coolify accepts (coolify-api 5.7)."""
    if text and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text):
        message = "is not a valid image tag: only letters, digits and _.- are allowed, such as pr-7"
        raise ValueError(message)
    return text


def commit(text: Any) -> Any:
    return application.commit(text) if isinstance(text, str) and text else text


def env(text: Any) -> Any:
    return envs.parse(text) if isinstance(text, str) else text


def env_file(text: Any) -> Any:
    """The variables in a regular file: a pipe can be read only once, and may never end."""
    return envs.parse(read_text(text, MAX_FILE_BYTES)) if isinstance(text, str) and text else text


def settings(text: Any) -> Any:
    return application_settings.settings(text) if isinstance(text, str) and text else text


def name(text: str) -> str:
    """The name of a resource: one line, since it is compared as it is."""
    if len(text) > MAX_NAME_CHARS or not text.isprintable():
        raise ValueError(f"must be one line of at most {MAX_NAME_CHARS} characters")
    return text


def domains(text: Any) -> Any:
    return create_rules.domains(text) if isinstance(text, str) else text


def ports(text: Any) -> Any:
    return create_rules.ports(text) if isinstance(text, str) else text


class Webhook(NamedTuple):
    """The parts of a "Deploy Webhook" URL."""

    url: str
    """The base URL of Coolify."""
    uuids: tuple[str, ...]
    tags: tuple[str, ...]
    force: bool


def webhook(text: Any) -> Any:
    """The parts of a "Deploy Webhook" URL.

    Only `force=true` counts: before 4.2.0, `force=false` also forces (coolify-api 5.1).
    """
    if not isinstance(text, str):
        return text
    page, _, query = text.partition("?")
    base, found, _ = page.partition("/api/v1/deploy")
    parameters = parse_qs(query)
    if not found:
        message = "is not a Deploy Webhook URL, such as https://coolify.example.com/api/v1/deploy?uuid=…"
        raise ValueError(message)
    if others := sorted(set(parameters) - {"uuid", "tag", "force"}):
        if re.fullmatch(r"[a-z_]{1,20}", others[0]):
            raise ValueError(f"contains {others[0]!r}, which must be set as an input of its own")
        raise ValueError("contains an unexpected parameter")
    if ("uuid" in parameters) == ("tag" in parameters):
        message = "must contain a uuid or a tag. Copy the Deploy Webhook of one resource, or set `uuid`"
        raise ValueError(message)
    names = TypeAdapter(Names)
    targets = uuids(names.validate_python(",".join(parameters["uuid"]))) if "uuid" in parameters else ()
    groups = tags(names.validate_python(",".join(parameters["tag"]))) if "tag" in parameters else ()
    return Webhook(address(base), targets, groups, parameters.get("force", [""])[-1].lower() == "true")
