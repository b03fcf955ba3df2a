"""Which certificates are believed, and the adapter that carries our own context to every connection. https://docs.python.org/3/library/ssl.html"""

from __future__ import annotations

import ssl
from typing import Any

import certifi
from requests.adapters import HTTPAdapter


def trusting(ca: str) -> ssl.SSLContext:
    """The public authorities and the ones in this PEM text, without a file being written."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_verify_locations(cadata=ca)
    return context


class Adapter(HTTPAdapter):
    """TLS by a context of ours. None: as `requests` does it."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, ssl_context=self._context, **kwargs)
