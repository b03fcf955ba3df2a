"""Responses that end: every byte of one, from its status line to its trailers, is read against one time limit.

A socket's own timeout begins anew with every byte, so a server that sends one byte now and then could hold a run for ever. Two hooks of
other people's code are used here, and nowhere else. They were read from requests 2.34.2 and urllib3 2.8.0, and
`tests/http/test_bounded.py` fails when one of them is no longer called:

1. `requests.adapters.HTTPAdapter.get_connection_with_tls_context` hands out the connection pool of a request, through a proxy or not.
2. `http.client.HTTPConnection.response_class` makes the object that reads a response, the one to a proxy's `CONNECT` included. Its
   `fp` is the file that all bytes come from, and its `_read_status` reads a status line (CPython 3.11 to 3.14).

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
    """Its responses must end before `left` says 0: then reading raises TimeoutError, as a socket's timeout does."""

    def __init__(self, left: TimeLeft) -> None:
        self._left = left
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Hook 1. The pool's connections are made of a class whose responses are bounded."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not isinstance(getattr(pool.ConnectionCls, "response_class", None), partial):
            bounded = partial(BoundedResponse, left=self._left)
            pool.ConnectionCls = type("BoundedConnection", (pool.ConnectionCls,), {"response_class": bounded})
        return pool


class BoundedResponse(HTTPResponse):
    """Hook 2. Reads from the socket through `BoundedReader`, and skips interim responses."""

    def __init__(self, sock: socket.socket, *args: Any, left: TimeLeft, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(BoundedReader(sock, left))

    def begin(self) -> None:
        """The head of the response, without its cookies.

        None is ever wanted, each could make every later request larger, and `http.cookiejar` fails on some (a huge `Max-Age`).
        """
        super().begin()
        for name in ("Set-Cookie", "Set-Cookie2"):
            del self.headers[name]

    def _read_status(self) -> tuple[str, int, str]:
        """The status line of the final response: a client must skip any 1xx it did not ask for (RFC 9110 section 15.2).

        `http.client` itself skips 100 only, and takes a 103 for the final response. 101 stays final: nothing was asked to be switched.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status not in INTERIM or status == SWITCHING_PROTOCOLS:
                return version, status, reason
            parse_headers(self.fp)


class BoundedReader(io.RawIOBase):
    """A socket's bytes until `left` says 0, each within the socket's own timeout. Raises TimeoutError."""

    def __init__(self, sock: socket.socket, left: TimeLeft) -> None:
        self._sock, self._left = sock, left
        self._timeout = sock.gettimeout()
        self._inner = sock.makefile("rb", buffering=0)  # keeps the socket open as long as this is

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
