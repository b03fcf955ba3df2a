"""The kinds of value that an input can have: from the text that was given to what it means, or to the sentence that says what is wrong."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr


def _but(text: str) -> str:
    """What was given instead, if it is short and plain: a secret may stand in the wrong place."""
    return f", not {text!r}" if re.fullmatch(r"[\w.,: -]{1,16}", text) else ""


def _flag(text: Any) -> Any:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(text, str) and text.lower() not in words:
        message = f"must be true or false{_but(text)}"
        raise ValueError(message)
    return words[text.lower()] if isinstance(text, str) else text


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
        headers[match[1]] = SecretStr(match[2])
    return headers


def _certificate(text: Any) -> Any:
    if not isinstance(text, str) or not text:
        return text
    try:
        pem = text if "-----BEGIN" in text else Path(text).read_text("utf-8", "replace")
        pem = pem.encode("ascii", "ignore").decode()  # comments may be in any language
        ssl.create_default_context().load_verify_locations(cadata=pem)
    except OSError as error:  # ssl.SSLError is one
        what = "holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise ValueError(what) from error
    return pem


Flag = Annotated[bool, BeforeValidator(_flag)]
WaitFlag = Annotated[bool, BeforeValidator(_wait)]
Duration = Annotated[float, BeforeValidator(_duration)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Headers = Annotated[dict[str, SecretStr], BeforeValidator(_headers)]
Certificate = Annotated[str, BeforeValidator(_certificate)]
