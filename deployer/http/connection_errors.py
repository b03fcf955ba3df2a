"""PURE: why a request got no usable response, in words: from what requests and urllib3 raise to one `UnavailableError`.

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
    """One request, as far as the words of its failure need it.

    `connect`: seconds that a connection was waited for. `proxy`: what names the proxy, empty for none. `own_ca`: `ca_cert` is set.
    `bundle`: the variable whose file stands in the place of the public authorities. `unread`: one that names authorities and is not read.
    `contained`: this process runs in a container.
    """

    url: str
    connect: float
    proxy: str = ""
    own_ca: bool = False
    bundle: str = ""
    unread: str = ""
    contained: bool = False

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "the server"

    def origin(self, scheme: str) -> str:
        """The same host and port, under another scheme."""
        return f"{scheme}://{urlsplit(self.url).netloc}"


# In order: the first that fits. What never left us can be sent again without a thought.
_CAUSES: tuple[tuple[type[Exception], str, bool], ...] = (
    (requests.exceptions.ConnectTimeout, "no connection within {connect:.0f} s", False),
    (requests.exceptions.ReadTimeout, "no answer in time", True),
    (
        requests.exceptions.InvalidURL,
        "the address is not valid",
        False,
    ),  # without its text: a secret may stand in it
    (urllib3.exceptions.LocationValueError, "the address is not valid", False),
)

_UNUSABLE = {requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError}


def unavailable(error: Exception, attempt: Attempt) -> UnavailableError:
    """What went wrong, in words. What asking again can't change is `final`."""
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
            unusable = kind in _UNUSABLE  # what no request can be made of is told at once
            return made(form.format(connect=attempt.connect), may_have_arrived=arrived, permanent=unusable)
    for look, form in _CONNECTING.items():
        if look in type(root).__name__:
            through = f"the proxy in {attempt.proxy}: " if attempt.proxy else ""
            return UnavailableError(
                through + form.format(text=text) + _itself(attempt), may_have_arrived=False
            )
    sent = isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError))
    return UnavailableError(
        f"the connection broke: {text}" if sent else f"nothing could be sent: {text}", may_have_arrived=sent
    )


_CONNECTING: Mapping[str, str] = {
    "NameResolution": "the name of the server is not known: {text}",
    "gaierror": "the name of the server is not known: {text}",
    "NewConnection": "no connection: {text}",
    "ConnectionRefused": "no connection: {text}",
}

CONTAINER = (
    ". In this container {host} is the container itself. Write `host.docker.internal` (on Linux with "
    "`--add-host host.docker.internal:host-gateway`) or the service's name, or run it with `--network host`"
)


def _itself(attempt: Attempt) -> str:
    """The remedy where a container asks itself for what runs on its host."""
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
    """urllib3 calls every broken connection so, once a proxy is used: also one that broke after the request was sent."""
    source = attempt.proxy or "the environment"
    if match := _TUNNEL.match(str(root)):
        return refused_by_proxy(int(match[1]), match[2], attempt)
    if _no_tls(root):
        return UnavailableError(
            f"the proxy in {source} speaks http, not https. Write http:// there", permanent=True
        )
    if isinstance(root, ssl.SSLError):
        told = _by_tls(root, replace(attempt, url="https://proxy"))
        return UnavailableError(f"the proxy in {source}: {told.reason}", permanent=told.permanent)
    sent = not isinstance(root, _UNSENT)
    return UnavailableError(
        f"the connection through the proxy in {source} broke: {_plain(root)}", may_have_arrived=sent
    )


PROXY_LOGIN = 407
_PASSING = {500, 502, 503, 504}
LOGIN_OF_PROXY = "the proxy in {source} asks for a login (HTTP 407). Write http://user:password@host:port there, or add {host} to `NO_PROXY`"
REFUSED_BY_PROXY = "the proxy in {source} refuses {host} ({said}). Allow it there, or add it to `NO_PROXY`"


def refused_by_proxy(status: int, words: str, attempt: Attempt) -> UnavailableError:
    """The proxy's own answer: the request went no further. Only what lies behind the proxy may be there later."""
    said = f"{status} {words}".strip()
    form = LOGIN_OF_PROXY if status == PROXY_LOGIN else REFUSED_BY_PROXY
    reason = form.format(source=attempt.proxy or "the environment", host=attempt.host, said=said)
    return UnavailableError(reason, permanent=status not in _PASSING)


# --- TLS

# OpenSSL's X509_V_ERR_…: what a certificate can be wrong in, by its number.
_EXPIRED, _TOO_EARLY = 10, 9
_UNTRUSTED = {2, 18, 19, 20, 21}
_OTHER_NAME = {62, 63, 64}
_STRICT = {79, *range(80, 94)}
"""Refused by VERIFY_X509_STRICT alone, which Python 3.13 and later set."""

TLS_ALERT = "\x15\x03"
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_HTTPS_PORT = re.compile(
    r"Client sent an HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port"
    r"|speaking plain HTTP to an SSL-enabled server port|combination of host and port requires TLS",
    re.IGNORECASE,
)
"""What Go's servers (Caddy and Traefik, too), nginx, Apache and Tomcat say in clear text on a port that speaks TLS."""


def _by_tls(root: BaseException, attempt: Attempt) -> UnavailableError:
    """A failure of the handshake. A certificate that is refused stays so: that is told at once."""
    if isinstance(root, ssl.SSLCertVerificationError):
        return UnavailableError(f"TLS: {_untrusted(root, attempt)}", permanent=True)
    if _no_tls(root):
        http = attempt.origin("http")
        return UnavailableError(
            f"the port does not speak TLS. If it speaks http, write {http}",
            may_have_arrived=True,
            permanent=True,
        )
    given = f". Certificates are read from `{attempt.bundle}`" if attempt.bundle else ""
    return UnavailableError(f"TLS: {_plain(root)}{given}", may_have_arrived=True)


def _no_tls(root: BaseException) -> bool:
    return str(getattr(root, "reason", "")) in _NO_TLS or any(name in str(root) for name in _NO_TLS)


def _untrusted(error: ssl.SSLCertVerificationError, attempt: Attempt) -> str:
    """What is wrong with the certificate, and what helps. `ca_cert` is no help where it is set."""
    code, said = getattr(error, "verify_code", 0), getattr(error, "verify_message", "") or _plain(error)
    where = f" in `{attempt.bundle}`" if attempt.bundle else ""
    instead = f": `{attempt.unread}` is not read" if attempt.unread else ""
    strangers = {
        True: "neither `ca_cert` nor a public authority vouches for {host} ({said}). Compare `ca_cert` with what signed it",
        False: f"no authority{where} vouches for {{host}} ({{said}}). For a private authority, set `ca_cert`{instead}",
    }
    forms = {
        _EXPIRED: "the certificate of {host}, or of its authority, has expired. Renew it on the server",
        _TOO_EARLY: "the certificate of {host} is not valid yet. Check the clocks of this machine and of the server",
        **dict.fromkeys(
            _OTHER_NAME,
            "the certificate is for another name than {host}. Use a name that it holds, or renew it for this one",
        ),
        **dict.fromkeys(_UNTRUSTED, strangers[attempt.own_ca]),
    }
    if not attempt.own_ca:
        forms |= dict.fromkeys(
            _STRICT,
            "{said}, which this Python insists on. Set `ca_cert` to its authority: then it need not be there",
        )
    return forms.get(code, "the certificate of {host} is refused: {said}").format(
        host=attempt.host, said=said
    )


def wants_https(status: int, text: str) -> bool:
    """Whether a response says that plain http was sent to a port that speaks TLS."""
    return 400 <= status < 500 and _HTTPS_PORT.search(text[:4096]) is not None  # noqa: PLR2004 -- the family of a status


def dropped(error: BaseException) -> bool:
    """Whether the connection was cut without a response, as by a port that was spoken to in the wrong way."""
    return isinstance(_root(error), (ConnectionResetError, ConnectionAbortedError, BrokenPipeError))


def speaks_https(attempt: Attempt, *, arrived: bool = False) -> UnavailableError:
    """An http request to a port that speaks TLS."""
    proxy = f", or https:// in {attempt.proxy}" if attempt.proxy else ""
    return UnavailableError(
        f"the port speaks https, not http. Write {attempt.origin('https')}{proxy}",
        may_have_arrived=arrived,
        permanent=True,
    )


# --- from what is raised to a text


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
