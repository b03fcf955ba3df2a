"""PURE: why a request got no answer, in words: from what requests and urllib3 raise to one `UnavailableError`.

https://urllib3.readthedocs.io/en/stable/reference/urllib3.exceptions.html
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import requests
import urllib3

from deployer.model import UnavailableError

# In order: the first that fits. What never left us can be sent again without a thought; a proxy that refuses is such a case, too.
_CAUSES: tuple[tuple[type[Exception], str, bool], ...] = (
    (requests.exceptions.ConnectTimeout, "no connection within {connect:.0f} s", False),
    (requests.exceptions.ReadTimeout, "no answer in time", True),
    (requests.exceptions.InvalidURL, "the address is not valid: {text}", False),
)


def unavailable(error: Exception, connect: float) -> UnavailableError:
    """What went wrong, in words. `connect`: the seconds that a connection was waited for."""
    root = _root(error)
    text = _plain(root)
    if isinstance(error, requests.exceptions.ProxyError):
        # urllib3 calls every broken connection so, once a proxy is used: also one that broke after the request was sent.
        sent = not isinstance(root, _UNSENT) and not str(root).startswith("Tunnel connection failed")
        return UnavailableError(f"the connection through the proxy broke: {text}", arrived=sent)
    if isinstance(error, requests.exceptions.SSLError):
        untrusted = isinstance(root, ssl.SSLCertVerificationError)
        remedy = ". An own certificate authority is set with `ca_cert`" if untrusted else ""
        return UnavailableError(f"TLS: {text}{remedy}", arrived=not untrusted)
    for kind, form, arrived in _CAUSES:
        if isinstance(error, kind):
            return UnavailableError(form.format(text=text, connect=connect), arrived=arrived)
    for look, form in _CONNECTING.items():
        if look in type(root).__name__:
            return UnavailableError(form.format(text=text), arrived=False)
    sent = isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError))
    return UnavailableError(f"the connection broke: {text}" if sent else f"nothing could be sent: {text}", arrived=sent)


_UNSENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ConnectTimeoutError,
    ConnectionRefusedError,
)


_CONNECTING: Mapping[str, str] = {
    "NameResolution": "the name of the server is not known: {text}",
    "gaierror": "the name of the server is not known: {text}",
    "NewConnection": "no connection: {text}",
    "ConnectionRefused": "no connection: {text}",
}


def _root(error: BaseException) -> BaseException:
    """The first cause: requests and urllib3 wrap one another."""
    inner = [getattr(error, "reason", None), *error.args]
    causes = (each for each in inner if isinstance(each, BaseException) and each is not error)
    return next((_root(cause) for cause in causes), error)


def _plain(error: BaseException) -> str:
    """The system's own words, without the object's address and without the URL."""
    said = error.args[-1] if error.args and isinstance(error.args[-1], str) else str(error)
    text = getattr(error, "strerror", None) or said
    return text.rpartition(">: ")[2].rpartition("): ")[2] or type(error).__name__
