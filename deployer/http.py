"""JSON in, JSON out: one request with time-outs, TLS and a size limit. Failures are of two kinds, and no answer is ever followed elsewhere.

What a status or a body means is the provider's business. https://requests.readthedocs.io
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from deployer.model import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECT, READ = 5.0, 15.0
WHOLE = 60.0
"""Seconds for a whole body: a server that sends a byte now and then must not hold us. (One that does so in its headers still can.)"""

LIMIT = 64 * 1024 * 1024
"""Bytes of an answer that are read (architecture 5)."""

CHUNK = 1 << 16
GOOD_BELOW = 300


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that arrived whole. `data` is the parsed JSON, or the text where it is none. Header names are lower-cased."""

    status: int
    data: Any
    is_json: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


ENDS = 1 << 20
"""Bytes at either end of an answer above the limit that are kept."""


class TooLargeError(UnavailableError):
    """The body is above the limit. `head` and `tail` are its two ends, where the short fields of an object stand."""

    head: str = ""
    tail: str = ""


class _Login(requests.auth.AuthBase):
    """As an auth object, because `requests` replaces an Authorization header by what `~/.netrc` holds for the host. No token: no header."""

    def __init__(self, token: str | Callable[[], str], scheme: str) -> None:
        self._token = token
        self._scheme = scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if token := self._token if isinstance(self._token, str) else self._token():
            request.headers["Authorization"] = f"{self._scheme} {token}"
        return request


class Session(requests.Session):
    """A session that takes no redirect for one: otherwise `requests` reads its whole body and parses its address, followed or not."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None."""


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


class Http:
    """One server, one login."""

    def __init__(  # noqa: PLR0913 -- the knobs of one connection, each given by name
        self,
        base: str,
        *,
        token: str | Callable[[], str],
        agent: str,
        now: Callable[[], float],
        scheme: str = "Bearer",
        headers: Mapping[str, str] | None = None,
        ca: str = "",
        insecure: bool = False,
        direct: bool = False,
    ) -> None:
        """Prepare, without a request.

        `token`: asked for anew before each request where it is a function. `now`: real seconds. `ca`: PEM text. `direct`: past every
        proxy, whatever the environment says.
        """
        self.base = base
        self._now = now
        self._verify = None if not insecure else False
        self._session = Session()
        self._session.auth = _Login(token, scheme)
        self._session.headers.update({"Accept": "application/json", "User-Agent": agent, **(headers or {})})
        self._session.trust_env = not direct
        if insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # said by us, once
        elif ca:
            self._session.mount("https://", Adapter(trusting(ca)))

    def send(  # noqa: PLR0913 -- the parts of one request, the rarer ones given by name
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> Reply:
        """One request, never a second one. `body` goes as JSON. `patience`: seconds to wait for an answer instead of the usual ones.

        Raises UnavailableError when no whole answer came: `arrived` says whether the server may have got the request.
        """
        timeouts = (min(CONNECT, patience or CONNECT), patience or READ)
        try:
            answer = self._session.request(
                method,
                self.base + path,
                params=params,
                json=body,
                data=form,
                timeout=timeouts,
                allow_redirects=False,
                stream=True,
                verify=self._verify,  # on each request: REQUESTS_CA_BUNDLE would beat the session's (psf/requests#3829)
            )
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:  # RequestException is an OSError
            raise unavailable(error, timeouts[0]) from error
        with answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            body = _body(answer, self._now)
        return replace(_reply(answer.status_code, headers, body), url=str(answer.url))


def _body(answer: requests.Response, now: Callable[[], float]) -> bytearray:
    """The body, in a bounded number of bytes and seconds."""
    began, size, head = now(), 0, b""
    kept = bytearray()
    try:
        while part := answer.raw.read1(CHUNK, decode_content=True):  # what is there, however little: iter_content waits for all of it
            size += len(part)
            kept += part
            if size > LIMIT:
                head = head or bytes(kept[:ENDS])
                del kept[:-ENDS]
            if now() - began > WHOLE:
                raise UnavailableError(f"the answer did not end within {WHOLE:.0f} s", arrived=True)
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        raise UnavailableError("the answer broke off in the middle", arrived=True) from error
    if head:
        large = TooLargeError(f"the answer is larger than {LIMIT >> 20} MiB", arrived=True, itself=True)
        large.head, large.tail = head.decode("utf-8", "replace"), kept.decode("utf-8", "replace")
        raise large
    return kept


def _reply(status: int, headers: Mapping[str, str], body: bytearray) -> Reply:
    text = body.decode("utf-8", "replace")
    announced = headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json")
    if announced or text.lstrip()[:1] in {"{", "["}:
        try:
            return Reply(status, json.loads(text), is_json=True, headers=headers)
        except (ValueError, RecursionError) as error:
            if announced and status < GOOD_BELOW:  # of any other answer the status counts, and what its headers say
                raise UnavailableError(f"HTTP {status} with JSON that cannot be read", arrived=True) from error
    return Reply(status, text, is_json=False, headers=headers)


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
