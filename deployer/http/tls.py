"""Which certificates are believed, and the adapter that carries our own context to every connection.

https://docs.python.org/3/library/ssl.html
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import certifi

from deployer.http.bounded import BoundedAdapter

UNREAD = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that do the same for OpenSSL and Go, but not for `requests`."""

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables whose file stands in the place of the public authorities, for `requests` and so for us; the first that is set counts."""

LENIENT = "`ca_cert`: certificates are checked as curl checks them, without the stricter rules of this Python"


def trusting(ca: str) -> ssl.SSLContext:
    """The public authorities and the ones in this PEM text, without a file being written; what curl would accept with `--cacert`.

    Python 3.13 and later refuse by default what RFC 5280 asks for and most home-made authorities lack (the Authority Key Identifier).
    """
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_verify_locations(cadata=ca)
    context.verify_flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def is_strict(ca: str) -> bool:
    """Whether this Python would be strict with the authorities in this PEM text, so that `trusting` makes a difference."""
    return bool(ssl.create_default_context(cadata=ca).verify_flags & ssl.VERIFY_X509_STRICT)


def bundle(environ: Mapping[str, str]) -> str:
    """The variable whose file stands in the place of the public authorities; empty where there is none."""
    return next((name for name in BUNDLES if environ.get(name)), "")


def unread(environ: Mapping[str, str]) -> str:
    """A variable with which somebody may have meant to name an authority, and which nobody reads here; empty where there is none."""
    return next((name for name in UNREAD if environ.get(name)), "")


def unreadable(variable: str, environ: Mapping[str, str]) -> str:
    """What is wrong with the file of that variable, as a sentence; empty where it is a file, or a folder, that can be there.

    OpenSSL opens it, and would wait in a FIFO or read `/dev/zero` for ever.
    """
    path = environ.get(variable, "")
    if not variable or os.path.isfile(path) or os.path.isdir(path):  # noqa: PTH112, PTH113 -- these raise nothing for any path
        return ""
    if os.path.exists(path):  # noqa: PTH110
        return f"`{variable}` names no regular file. Unset it, or set `ca_cert`, which takes its place"
    return f"`{variable}` names a file that is not here. Unset it, or set `ca_cert`, which takes its place"


def answers(url: str, timeout: float) -> bool:
    """Whether what listens at this address speaks TLS: a handshake in which nothing is sent, and so nothing checked."""
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host = parts.hostname or ""
    try:
        with (
            socket.create_connection((host, parts.port or 80), timeout) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return True
    except (OSError, ValueError):
        return False


class Adapter(BoundedAdapter):
    """TLS by a context of ours. None: as `requests` does it. `left`: seconds until a response must have ended."""

    def __init__(self, context: ssl.SSLContext | None, left: Callable[[], float]) -> None:
        self._context = context
        super().__init__(left)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Also for the connection to a proxy that speaks TLS itself; SOCKS never does."""
        to_proxy = {} if proxy.lower().startswith("socks") else {"proxy_ssl_context": self._context}
        return super().proxy_manager_for(proxy, ssl_context=self._context, **to_proxy, **kwargs)
