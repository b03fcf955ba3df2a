"""The types of inputs: each parses a text, or raises ValueError with the sentence that says what is wrong."""

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
    """The value, if it is short and plain: anything else may be a secret in the wrong place."""
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
        message = "must be true or false. To limit the time, set `timeout`"
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
        message = "must be greater than zero"
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
            message = f"line {number} is not a `Name: value` pair"
            raise ValueError(message)
        if OURS.fullmatch(match[1]):
            message = f"line {number}: {match[1]} is set by Deployer itself"
            raise ValueError(message)
        if problem := unfilled(match[2]):
            raise ValueError(f"line {number}: the value {problem}")
        headers[match[1]] = SecretStr(match[2])
    return headers


def secret(text: Any) -> Any:
    """The text. Raises ValueError, without showing it, if it can't be a secret."""
    if isinstance(text, str) and (problem := no_secret(text)):
        raise ValueError(problem)
    return text


def _site(text: Any) -> Any:
    """`auto`, or a URL; https if it has no scheme."""
    if not isinstance(text, str):
        return text
    if text.lower() == "auto":
        return "auto"
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # either raises ValueError if it is invalid
    except ValueError:
        host = None
    if host and parts.scheme not in {"http", "https"}:
        message = "must be `auto`, or start with https:// or http://"
    elif host and "@" in parts.netloc:
        message = "must not contain a user name or password"
    elif not host or not is_host(host) or re.search(r"[\s\\\x00-\x1f]", text):
        message = "must be `auto`, or a URL such as https://app.example.com/health"
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
            message = "must be HTTP status codes: 200, 200-399, or a list (200,204)"
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
