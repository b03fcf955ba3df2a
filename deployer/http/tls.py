"""Which certificates are trusted, and the adapter that uses our own TLS context for every connection.

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

from deployer.http.hooks import BoundedAdapter

UNREAD = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that OpenSSL and Go read, but `requests` does not."""

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables whose file replaces the public CAs in `requests`, and so here; the first that is set counts."""

LENIENT = (
    "`ca_cert` is set: certificates are verified the way curl does, without the strict checks of this Python"
)


def trusting(ca: str) -> ssl.SSLContext:
    """A context that trusts the public CAs and those in this PEM text, like curl with `--cacert`.

    No file is written.

        Python 3.13 and later also require what most private CAs lack, such as the Authority Key Identifier of
        RFC 5280.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_verify_locations(cadata=ca)
    context.verify_flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def is_strict(ca: str) -> bool:
    """Whether this Python applies strict checks by default, so that `trusting` makes a difference."""
    return bool(ssl.create_default_context(cadata=ca).verify_flags & ssl.VERIFY_X509_STRICT)


def bundle(environ: Mapping[str, str]) -> str:
    """The variable whose file replaces the public CAs; empty if none is set."""
    return next((name for name in BUNDLES if environ.get(name)), "")


def unread(environ: Mapping[str, str]) -> str:
    """A variable that names CAs for other programs and is not supported here; empty if none is set."""
    return next((name for name in UNREAD if environ.get(name)), "")


def unreadable(variable: str, environ: Mapping[str, str]) -> str:
    """What is wrong with the file that a variable names, as a sentence; empty if it is a file or a folder.

    OpenSSL would open anything else as well, and hang on a FIFO or `/dev/zero`.
    """
    path = environ.get(variable, "")
    if not variable or os.path.isfile(path) or os.path.isdir(path):  # noqa: PTH112, PTH113 -- these raise nothing for any path
        return ""
    if os.path.exists(path):  # noqa: PTH110
        return f"`{variable}` does not name a regular file. Unset it, or set `ca_cert`, which replaces it"
    return f"`{variable}` names a file that does not exist. Unset it, or set `ca_cert`, which replaces it"


def uses_tls(url: str, timeout: float) -> bool:
    """Whether the port of this URL uses TLS.

    Only a handshake; as nothing is sent, no certificate is verified.
    """
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
    """Uses our own TLS context; with None, that of `requests`.

    `left`: seconds until a response must have ended.
    """

    def __init__(
        self, context: ssl.SSLContext | None, left: Callable[[], float], *, pinned_ip: str = ""
    ) -> None:
        self._context = context
        super().__init__(left, pinned_ip=pinned_ip)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Also use it for the connection to a proxy that uses TLS itself; SOCKS proxies never do."""
        to_proxy = {} if proxy.lower().startswith("socks") else {"proxy_ssl_context": self._context}
        return super().proxy_manager_for(proxy, ssl_context=self._context, **to_proxy, **kwargs)
