"""Sites over real sockets, and what is expected of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from pydantic import TypeAdapter

from deployer.model import Phase, Snapshot
from deployer.settings.parsers import Statuses
from deployer.verify import Expectation, Site
from tests.http.servers import Script

AGENT = "deployer/0 (+https://example.com)"


URL = "https://app.example.com/"


PUBLIC = "203.0.113.7"


CLOUD = "169.254.169.254"


STATUSES: TypeAdapter[tuple[tuple[int, int], ...]] = TypeAdapter(Statuses)


def expected(url: str = URL, contains: str = "", *, guarded: bool = False, statuses: str = "") -> Expectation:
    return Expectation(
        url, STATUSES.validate_python(statuses or "200-399"), contains, guarded, named=bool(statuses)
    )


NOTHING = (
    "a redirect to another host does not count. If it is the expected response, set `verify_status: 302`"
)


Resolve = Callable[[str, int], Iterable[str]]


def look(expectation: Expectation, now: Callable[[], float] = time.monotonic, **knobs: Any) -> Snapshot:
    return Site(agent=AGENT, now=now, **knobs).poll(expectation)


def names(**known: list[str]) -> Resolve:
    """A DNS: `app` stands for app.example.com, `www` for www.app.example.com."""
    table = {"app.example.com": known.get("app", []), "www.app.example.com": known.get("www", [])}

    def resolve(host: str, _port: int) -> list[str]:
        if not table.get(host):
            raise socket.gaierror(-2, "Name or service not known")
        return table[host]

    return resolve


def nobody(host: str, _port: int) -> list[str]:
    pytest.fail(f"{host} was looked up")


HERE = names(app=["127.0.0.1"], www=["127.0.0.1"])


def good(status: int = 200) -> Snapshot:
    return Snapshot(Phase.SUCCEEDED, f"HTTP {status}", stable_for=1.0, final=False)


def in_vain(reason: str) -> Snapshot:
    return Snapshot(Phase.RUNNING, "no response", reason=reason)


def in_turn(*scripts: Script) -> Script:
    """One script for each connection."""
    left = iter(scripts)

    def script(connection: socket.socket) -> None:
        next(left)(connection)

    return script
