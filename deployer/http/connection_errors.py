"""PURE: why a request got no usable response.

From the exceptions of requests and urllib3 to one `UnavailableError`.

https://urllib3.readthedocs.io/en/stable/reference/urllib3.exceptions.html
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import BadStatusLine
from urllib.parse import urlsplit

import requests
import urllib3

from deployer.model import LateError, UnavailableError


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the error message for a failed request needs to know of that request."""

    url: str
    connect: float
    """Seconds after which the connection attempt was given up."""
    proxy: str = ""
    """The variable that names the proxy; empty without one."""
    own_ca: bool = False
    """`ca_cert` is set."""
    bundle: str = ""
    """The variable whose file replaces the public certificate authorities; empty if none is set."""
    unread: str = ""
    """A variable that is set and names certificate authorities, but is not supported.

    Empty if there is none.
    """
    contained: bool = False
    """This process runs in a container."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "the server"

    def origin(self, scheme: str) -> str:
        """The same host and port, under another scheme."""
        return f"{scheme}://{urlsplit(self.url).netloc}"


# The first match counts. A request that was never sent is safe to repeat.
_CAUSES: tuple[tuple[type[Exception], str, bool], ...] = (
    (requests.exceptions.ConnectTimeout, "could not connect within {connect:.0f} s", False),
    (requests.exceptions.ReadTimeout, "the response timed out", True),
    # Without the URL itself: it may contain a secret.
    (requests.exceptions.InvalidURL, "the address is not valid", False),
    (urllib3.exceptions.LocationValueError, "the address is not valid", False),
)

_UNUSABLE = {requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError}


def unavailable(error: Exception, attempt: Attempt) -> UnavailableError:
    """The error to raise for an exception of requests or urllib3. It is `permanent` if a retry can't help."""
    root = _root(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return _by_proxy(root, attempt)
    if isinstance(error, requests.exceptions.SSLError):
        return _by_tls(root, attempt)
    if isinstance(root, BadStatusLine) and str(root).lstrip("'\"").startswith(TLS_ALERT):
        return speaks_https(attempt, arrived=True)
    text = _plain(root)
    for kind, form, arrived in _CAUSES:
        if isinstance(error, kind):
            made = LateError if kind is requests.exceptions.ReadTimeout else UnavailableError
            unusable = kind in _UNUSABLE  # no retry makes a request of it
            return made(form.format(connect=attempt.connect), may_have_arrived=arrived, permanent=unusable)
    for name, form in _CONNECTING.items():
        if name in type(root).__name__:
            through = f"the proxy in {attempt.proxy}: " if attempt.proxy else ""
            return UnavailableError(
                through + form.format(text=text, host=attempt.host) + _container_fix(attempt),
                may_have_arrived=False,
            )
    sent = isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError))
    return UnavailableError(
        f"connection lost: {text}" if sent else f"could not send the request: {text}", may_have_arrived=sent
    )


_CONNECTING: Mapping[str, str] = {
    "NameResolution": "could not resolve host {host}: {text}",
    "gaierror": "could not resolve host {host}: {text}",
    "NewConnection": "could not connect: {text}",
    "ConnectionRefused": "could not connect: {text}",
}

CONTAINER = (
    ". Inside this container, {host} is the container itself. Use `host.docker.internal` (on Linux with "
    "`--add-host host.docker.internal:host-gateway`), the service's name, or `--network host`"
)


def _container_fix(attempt: Attempt) -> str:
    """The fix if a container connects to itself instead of its host."""
    local = re.fullmatch(r"localhost|.+\.localhost|127\.[\d.]+|0\.0\.0\.0|::1?", attempt.host.rstrip("."))
    return CONTAINER.format(host=attempt.host) if local and attempt.contained and not attempt.proxy else ""


# --- proxies

_UNSENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ConnectTimeoutError,
    ConnectionRefusedError,
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}) ?([\w .-]{0,60})")


def _by_proxy(root: BaseException, attempt: Attempt) -> UnavailableError:
    """urllib3 raises ProxyError for every connection that breaks, even after the request was sent."""
    source = attempt.proxy or "the environment"
    if match := _TUNNEL.match(str(root)):
        return refused_by_proxy(int(match[1]), match[2], attempt)
    if _no_tls(root):
        return UnavailableError(
            f"the proxy in {source} uses http, not https. Write http:// there", permanent=True
        )
    if isinstance(root, ssl.SSLError):
        error = _by_tls(root, replace(attempt, url="https://proxy"))
        return UnavailableError(f"the proxy in {source}: {error.reason}", permanent=error.permanent)
    sent = not isinstance(root, _UNSENT)
    return UnavailableError(
        f"connection through the proxy in {source} lost: {_plain(root)}", may_have_arrived=sent
    )


PROXY_LOGIN = 407
_PASSING = {500, 502, 503, 504}
LOGIN_OF_PROXY = (
    "the proxy in {source} requires a login (HTTP 407). "
    "Write http://user:password@host:port there, or add {host} to `NO_PROXY`"
)
REFUSED_BY_PROXY = (
    "the proxy in {source} refuses to connect to {host} ({said}). Allow it there, or add {host} to `NO_PROXY`"
)


def refused_by_proxy(status: int, words: str, attempt: Attempt) -> UnavailableError:
    """The proxy responded itself and passed nothing on.

    Only what is behind the proxy may become available later.
    """
    said = f"{status} {words}".strip()
    form = LOGIN_OF_PROXY if status == PROXY_LOGIN else REFUSED_BY_PROXY
    reason = form.format(source=attempt.proxy or "the environment", host=attempt.host, said=said)
    return UnavailableError(reason, permanent=status not in _PASSING)


# --- TLS

# Certificate errors by OpenSSL's X509_V_ERR_ numbers.
_EXPIRED, _TOO_EARLY = 10, 9
_UNTRUSTED = {2, 18, 19, 20, 21}
_OTHER_NAME = {62, 63, 64}
_STRICT = {79, *range(80, 94)}
"""Only refused under VERIFY_X509_STRICT, which Python 3.13 and later set."""

TLS_ALERT = "\x15\x03"
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_HTTPS_PORT = re.compile(
    r"Client sent an HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port"
    r"|speaking plain HTTP to an SSL-enabled server port|combination of host and port requires TLS",
    re.IGNORECASE,
)
"""What Go (also Caddy and Traefik), nginx, Apache and Tomcat respond to plain http on a TLS port."""


def _by_tls(root: BaseException, attempt: Attempt) -> UnavailableError:
    """A failed TLS handshake. A refused certificate is permanent."""
    if isinstance(root, ssl.SSLCertVerificationError):
        return UnavailableError(f"TLS: {_untrusted(root, attempt)}", permanent=True)
    if _no_tls(root):
        http = attempt.origin("http")
        return UnavailableError(
            f"the port does not use TLS. If it uses plain http, write {http}",
            may_have_arrived=True,
            permanent=True,
        )
    source = f". Certificate authorities are read from `{attempt.bundle}`" if attempt.bundle else ""
    return UnavailableError(f"TLS: {_plain(root)}{source}", may_have_arrived=True)


def _no_tls(root: BaseException) -> bool:
    return str(getattr(root, "reason", "")) in _NO_TLS or any(name in str(root) for name in _NO_TLS)


def _untrusted(error: ssl.SSLCertVerificationError, attempt: Attempt) -> str:
    """What is wrong with the certificate, and the fix.

    Where `ca_cert` is set already, setting it is not the fix.
    """
    code, said = getattr(error, "verify_code", 0), getattr(error, "verify_message", "") or _plain(error)
    where = f" in `{attempt.bundle}`" if attempt.bundle else ""
    instead = f" (`{attempt.unread}` is not supported)" if attempt.unread else ""
    strangers = {
        True: "the certificate of {host} is signed neither by `ca_cert` nor by a public CA ({said}). "
        "Check that `ca_cert` is the CA that signed it",
        False: f"the certificate of {{host}} is not signed by a trusted CA{where} ({{said}}). "
        f"For a private CA, set `ca_cert`{instead}",
    }
    forms = {
        _EXPIRED: "the certificate of {host}, or of its CA, has expired. Renew it on the server",
        _TOO_EARLY: "the certificate of {host} is not valid yet. Check both clocks",
        **dict.fromkeys(
            _OTHER_NAME,
            "the certificate is not valid for {host}. Use a name that it contains, or renew it for this one",
        ),
        **dict.fromkeys(_UNTRUSTED, strangers[attempt.own_ca]),
    }
    if not attempt.own_ca:
        forms |= dict.fromkeys(
            _STRICT,
            "the certificate of {host} fails the strict checks of this Python ({said}). "
            "Set `ca_cert` to its CA to relax them",
        )
    return forms.get(code, "the certificate of {host} is refused: {said}").format(
        host=attempt.host, said=said
    )


def wants_https(status: int, text: str) -> bool:
    """Whether a response says that plain http was sent to a TLS port."""
    return 400 <= status < 500 and _HTTPS_PORT.search(text[:4096]) is not None  # noqa: PLR2004 -- the class of a status


def dropped(error: BaseException) -> bool:
    """Whether the connection was closed without a response, as a port does that expects another protocol."""
    return isinstance(_root(error), (ConnectionResetError, ConnectionAbortedError, BrokenPipeError))


def speaks_https(attempt: Attempt, *, arrived: bool = False) -> UnavailableError:
    """The error for plain http sent to a TLS port."""
    proxy = f", or https:// in {attempt.proxy}" if attempt.proxy else ""
    return UnavailableError(
        f"the port uses https, not http. Write {attempt.origin('https')}{proxy}",
        may_have_arrived=arrived,
        permanent=True,
    )


# --- exceptions as text


def _root(error: BaseException) -> BaseException:
    """The innermost exception: requests and urllib3 wrap one another's."""
    inner = [getattr(error, "reason", None), *error.args]
    causes = (each for each in inner if isinstance(each, BaseException) and each is not error)
    return next((_root(cause) for cause in causes), error)


def _plain(error: BaseException) -> str:
    """The system's own message, without the object's memory address and without the URL."""
    said = error.args[-1] if error.args and isinstance(error.args[-1], str) else str(error)
    text = getattr(error, "strerror", None) or said
    return text.rpartition(">: ")[2].rpartition("): ")[2] or type(error).__name__
