"""Expectations of sites, and polls of them."""

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


CLOUD_METADATA = "169.254.169.254"


STATUSES: TypeAdapter[tuple[tuple[int, int], ...]] = TypeAdapter(Statuses)


def expectation_for(
    url: str = URL, contains: str = "", *, guarded: bool = False, statuses: str = ""
) -> Expectation:
    return Expectation(
        url, STATUSES.validate_python(statuses or "200-399"), contains, guarded, named=bool(statuses)
    )


REDIRECT_HINT = (
    "a redirect to another host does not count. If it is the expected response, set `verify_status: 302`"
)


Resolve = Callable[[str, int], Iterable[str]]


def poll_site(
    expectation: Expectation, now: Callable[[], float] = time.monotonic, **options: Any
) -> Snapshot:
    return Site(agent=AGENT, now=now, **options).poll(expectation)


def dns(**known: list[str]) -> Resolve:
    """Return a DNS resolver with the addresses of app.example.com and www.app.example.com."""
    table = {"app.example.com": known.get("app", []), "www.app.example.com": known.get("www", [])}

    def resolve(host: str, _port: int) -> list[str]:
        if not table.get(host):
            raise socket.gaierror(-2, "Name or service not known")
        return table[host]

    return resolve


def no_lookup(host: str, _port: int) -> list[str]:
    pytest.fail(f"{host} was resolved")


ON_LOOPBACK = dns(app=["127.0.0.1"], www=["127.0.0.1"])


def ok_snapshot(status: int = 200) -> Snapshot:
    return Snapshot(Phase.SUCCEEDED, f"HTTP {status}", stable_for=1.0, final=False)


def no_response(reason: str) -> Snapshot:
    return Snapshot(Phase.RUNNING, "no response", reason=reason)


def one_after_another(*scripts: Script) -> Script:
    """Return a script that runs one script per connection."""
    remaining = iter(scripts)

    def script(connection: socket.socket) -> None:
        next(remaining)(connection)

    return script
