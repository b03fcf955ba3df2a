"""The hooks into requests, urllib3 and http.client.

A time limit for whole responses, and connections to a fixed IP address.

A socket's own timeout starts again with every byte, so that a server which sends one byte now and then could
block a run forever; and the IP address that was checked must be the one that is connected to. Three hooks are
needed for that, here and nowhere else. They were read from requests 2.34.2 and urllib3 2.8.0, and
`tests/http/test_hooks.py` fails if one of them is no longer called:

1. `requests.adapters.HTTPAdapter.get_connection_with_tls_context` returns the connection pool of a request,
   with or without a proxy.
2. `http.client.HTTPConnection.response_class` is the class that reads a response, also that of a proxy to
   `CONNECT`. Its `fp` is the
   file that all bytes come from, and its `_read_status` reads a status line (CPython 3.11 to 3.14).
3. `requests.adapters.HTTPAdapter.build_connection_pool_key_attributes` decides which host the pool connects
   to, and which name the
   certificate must be valid for.

https://requests.readthedocs.io/en/latest/user/advanced/#transport-adapters
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from http.client import HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import socket

INTERIM = range(100, 200)
SWITCHING_PROTOCOLS = 101

TimeLeft = Callable[[], float]
"""Seconds until the response must have ended."""


class BoundedAdapter(HTTPAdapter):
    """Limits the time of each response as a whole.

    Once `left` returns 0, reading raises TimeoutError, as a socket does.

        pinned_ip: connect to this IP address, whatever the host name resolves to by now; empty: as requests
        does it.
    """

    def __init__(self, left: TimeLeft, *, pinned_ip: str = "") -> None:
        self._left, self._pinned_ip = left, pinned_ip
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Hook 1. Let the pool create connections whose responses are limited."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not isinstance(getattr(pool.ConnectionCls, "response_class", None), partial):
            bounded = partial(BoundedResponse, left=self._left)
            pool.ConnectionCls = type("BoundedConnection", (pool.ConnectionCls,), {"response_class": bounded})
        return pool

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """Hook 3. Connect to the pinned IP address; the certificate must still be valid for the host name."""
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        if not self._pinned_ip:
            return host, pool
        return {**host, "host": self._pinned_ip}, {**pool, "server_hostname": host["host"]}


class BoundedResponse(HTTPResponse):
    """Hook 2. Reads through `BoundedReader`, and skips interim responses."""

    def __init__(self, sock: socket.socket, *args: Any, left: TimeLeft, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(BoundedReader(sock, left))

    def begin(self) -> None:
        """Read the head of the response, without its cookies.

        No cookie is needed, each would enlarge every later request, and `http.cookiejar` fails on some (a
        huge `Max-Age`).
        """
        super().begin()
        for name in ("Set-Cookie", "Set-Cookie2"):
            del self.headers[name]

    def _read_status(self) -> tuple[str, int, str]:
        """The status line of the final response.

        A client must skip any 1xx that it did not request (RFC 9110 section 15.2).

        `http.client` only skips 100, and would take 103 for the final response. 101 stays final,
        since no upgrade was requested.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status not in INTERIM or status == SWITCHING_PROTOCOLS:
                return version, status, reason
            parse_headers(self.fp)


class BoundedReader(io.RawIOBase):
    """Reads a socket until `left` returns 0, and each byte within the socket's own timeout.

    Raises TimeoutError.
    """

    def __init__(self, sock: socket.socket, left: TimeLeft) -> None:
        self._sock, self._left = sock, left
        self._timeout = sock.gettimeout()
        self._inner = sock.makefile("rb", buffering=0)  # keeps the socket open as long as this reader is

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._left()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        return self._inner.readinto(buffer)

    def close(self) -> None:
        self._inner.close()
        super().close()
