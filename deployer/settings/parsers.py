"""The kinds of value that an input can have: from the text that was given to what it means, or to the sentence that says what is wrong."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr

from deployer.settings.certificates import certificates
from deployer.settings.env import FALSE_WORDS, TRUE_WORDS
from deployer.settings.placeholders import no_secret, unfilled
from deployer.settings.url import is_host


def _but(text: str) -> str:
    """What was given instead, if it is short and plain: a secret may stand in the wrong place."""
    return f", not {text!r}" if re.fullmatch(r"[\w.,: -]{1,16}", text) else ""


def _flag(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if text.lower() not in TRUE_WORDS | FALSE_WORDS:
        message = f"must be true or false{_but(text)}"
        raise ValueError(message)
    return text.lower() in TRUE_WORDS


def _wait(text: Any) -> Any:
    if isinstance(text, str) and re.fullmatch(r"\d[\da-z]*", text, re.IGNORECASE):
        message = "must be true or false; how long to wait is `timeout`"
        raise ValueError(message)
    return _flag(text)


def _duration(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    match = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s?)?", text.strip().lower())
    if not text.strip() or match is None:
        message = f"must be a duration{_but(text)}: seconds (90) or 90s, 15m, 1h30m"
        raise ValueError(message)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if not (total := float(hours * 3600 + minutes * 60 + seconds)):
        message = "must be more than nothing"
        raise ValueError(message)
    return total


def _names(text: Any) -> Any:
    return tuple(part for part in re.split(r"[,\s]+", text) if part) if isinstance(text, str) else text


HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)")
OURS = re.compile(r"authorization|accept|content-.*|host", re.IGNORECASE)


def _headers(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    headers: dict[str, SecretStr] = {}
    for number, line in enumerate((line.strip() for line in text.splitlines()), 1):
        if not line:
            continue
        match = HEADER.fullmatch(line)
        if match is None:
            message = f"line {number} is no `Name: value`"
            raise ValueError(message)
        if OURS.fullmatch(match[1]):
            message = f"line {number}: {match[1]} is set by Deployer itself"
            raise ValueError(message)
        if problem := unfilled(match[2]):
            raise ValueError(f"line {number}: the value {problem}")
        headers[match[1]] = SecretStr(match[2])
    return headers


def secret(text: Any) -> Any:
    """Raises ValueError for what is no secret, without showing it."""
    if isinstance(text, str) and (problem := no_secret(text)):
        raise ValueError(problem)
    return text


def _site(text: Any) -> Any:
    """`auto`, or an address. One without scheme means https, as for the platform's."""
    if not isinstance(text, str):
        return text
    if text.lower() == "auto":
        return "auto"
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # either raises ValueError where it is none
    except ValueError:
        host = None
    if host and parts.scheme not in {"http", "https"}:
        message = "must be `auto`, or begin with https:// or http://"
    elif host and "@" in parts.netloc:
        message = "must not hold a user or a password"
    elif not host or not is_host(host) or re.search(r"[\s\\\x00-\x1f]", text):
        message = "must be `auto`, or an address like https://app.example.com/health"
    else:
        return address
    raise ValueError(message)


def _statuses(text: Any) -> Any:
    """Ranges of HTTP status codes."""
    if not isinstance(text, str):
        return text
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"([1-5]\d\d)(?:-([1-5]\d\d))?", part.strip(), re.ASCII)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            message = "must be HTTP status codes: 200, 200-399, or several with commas (200,204)"
            raise ValueError(message)
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return tuple(ranges)


Flag = Annotated[bool, BeforeValidator(_flag)]
WaitFlag = Annotated[bool, BeforeValidator(_wait)]
Duration = Annotated[float, BeforeValidator(_duration)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Headers = Annotated[dict[str, SecretStr], BeforeValidator(_headers)]
Certificate = Annotated[str, BeforeValidator(certificates)]
SiteAddress = Annotated[str, BeforeValidator(_site)]
Statuses = Annotated[tuple[tuple[int, int], ...], BeforeValidator(_statuses)]
