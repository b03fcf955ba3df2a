"""One HTTP request with JSON in and JSON out: timeouts, TLS, a size limit, no retries, no redirects.

What a status or a body means is decided by the provider. https://requests.readthedocs.io
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from deployer.http import untrusted_json
from deployer.http.connection_errors import (
    PROXY_LOGIN,
    dropped,
    refused_by_proxy,
    speaks_https,
    unavailable,
    wants_https,
)
from deployer.http.environment import EnvironmentSession
from deployer.http.tls import Adapter, trusting, uses_tls
from deployer.model import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
"""Seconds to establish a connection, and then to receive the whole head of a response."""

BODY_SECONDS = 60.0
"""Seconds to receive a whole body, counted from its head."""

LAST_SECONDS = READ_SECONDS
"""Seconds beyond `timeout` that a last poll may take: a deployment that ended in time must be seen."""

MIN_SECONDS = 1.0
"""Seconds that every request gets at least, however late it is."""

BODY_BYTES = 64 * 1024 * 1024
"""The largest body that is read (architecture 5)."""

CHUNK_BYTES = 1 << 16
FIRST_NON_SUCCESS = 300


@dataclass(frozen=True, slots=True)
class Response:
    """A response that arrived completely."""

    status: int
    data: Any
    """The parsed JSON, or the text if the body is not JSON."""
    is_json: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names are lower case."""
    url: str = ""
    """The URL of the request."""
    digest: bytes = b""
    """A hash of the body; empty for short ones."""
    unchanged: bool = False
    """The body is the one whose digest was given to `send`: it was not parsed again, and `data` is None."""
    proxy: str = ""
    """The variable that names the proxy of an unencrypted request: the proxy may have responded itself.

    Empty without one.
    """

    @property
    def through(self) -> str:
        """The end of a sentence that mentions the proxy; empty without one."""
        return f" (through the proxy in {self.proxy})" if self.proxy else ""

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


SHORT_BYTES = 1 << 14
"""Bodies up to this length have no digest."""

KEPT_END_BYTES = 1 << 20
"""How much of a body above the limit is kept at either end."""


class TooLargeError(UnavailableError):
    """The body is above the limit. Its two ends are kept: the short fields of an object stand there."""

    head: str = ""
    """The first `KEPT_END_BYTES`, decoded."""
    tail: str = ""
    """The last `KEPT_END_BYTES`, decoded."""


class _Login(requests.auth.AuthBase):
    """The Authorization header, as an auth object.

    `requests` would replace a plain header by the login in `~/.netrc`. No token: no header.
    """

    def __init__(self, token: str | Callable[[], str], scheme: str) -> None:
        self._token = token
        self._scheme = scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if token := self._token if isinstance(self._token, str) else self._token():
            request.headers["Authorization"] = f"{self._scheme} {token}"
        return request


class Session(EnvironmentSession):
    """A session that recognizes no redirect.

    `requests` would read its body and parse its URL even if it is not followed.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: nothing is a redirect."""


class _Limit:
    """When the response that is being read must have ended.

    A separate object, so that the session's adapters do not refer back to `Http`: a reference cycle would
    keep connections open until the garbage collector runs.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._end = now, math.inf

    def start(self, seconds: float) -> None:
        self._end = self._now() + seconds

    def left(self) -> float:
        return self._end - self._now()


class Http:
    """The HTTP client for one server and one login."""

    def __init__(  # noqa: PLR0913 -- the knobs of one connection, each given by name
        self,
        base: str,
        *,
        token: str | Callable[[], str],
        user_agent: str,
        monotonic: Callable[[], float],
        scheme: str = "Bearer",
        headers: Mapping[str, str] | None = None,
        ca: str = "",
        insecure: bool = False,
        no_proxy: bool = False,
        time_left: Callable[[], float] = lambda: math.inf,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Prepare the session, without a request.

        token: the token, or a function that is called before each request.
        monotonic: real seconds since an arbitrary moment.
        ca: additional certificate authorities, as PEM text.
        no_proxy: connect directly, whatever the environment says.
        time_left: real seconds until `timeout` is over; negative afterwards.
        wall: seconds since 1970.
        """
        self.base = base
        self._wall, self._time_left = wall, time_left
        self._limit = _Limit(monotonic)
        self._verify = None if not insecure else False
        self._tls_tested = False
        self._session = Session()
        self._session.auth = _Login(token, scheme)
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": user_agent, **(headers or {})}
        )
        self._session.trust_env = not no_proxy
        if insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # said by us, once
        context = trusting(ca) if ca and not insecure else None
        self._session.own_ca = context is not None
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, Adapter(context, self._limit.left))

    def send(  # noqa: PLR0913 -- the parts of one request, the rarer ones given by name
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        timeout: float | None = None,
        known: bytes = b"",
    ) -> Response:
        """Send one request, and never a second one.

        body: sent as JSON.
        form: sent as a form.
        known: the digest of an earlier response, whose body need not be parsed again.
        timeout: seconds to wait for the response, instead of `READ_SECONDS`.

        A request with a longer timeout than usual ends when `time_left` is 0, every other one at most
        `LAST_SECONDS` later. Raises UnavailableError if no complete response arrived; its `may_have_arrived`
        says whether the server may have the request.
        """
        wait = timeout or READ_SECONDS
        allowed = max(self._time_left() + LAST_SECONDS, MIN_SECONDS)
        if wait > READ_SECONDS:
            allowed = max(allowed - LAST_SECONDS, MIN_SECONDS)
        wait = min(wait, allowed)
        timeouts = (min(CONNECT_SECONDS, wait), wait)
        self._limit.start(sum(timeouts))
        try:
            raw = self._session.request(
                method,
                self.base + path,
                params=params,
                json=body,
                data=form,
                timeout=timeouts,
                allow_redirects=False,
                stream=True,
                # Not on the session: REQUESTS_CA_BUNDLE would take precedence (psf/requests#3829).
                verify=self._verify,
            )
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:  # RequestException is an OSError
            raise self._failed(error, timeouts[0]) from error
        with raw:
            headers = {name.lower(): value for name, value in raw.headers.items()}
            headers.setdefault("date", formatdate(self._wall(), usegmt=True))  # RFC 9110 section 6.6.1
            seconds = min(BODY_SECONDS, max(self._time_left() + LAST_SECONDS, MIN_SECONDS))
            self._limit.start(seconds)
            content = _body(raw, self._limit.left, seconds)
        digest = _digest(content)
        if known and digest == known and raw.status_code < FIRST_NON_SUCCESS:
            response = Response(raw.status_code, None, is_json=True, headers=headers, unchanged=True)
        else:
            response = _parsed(raw.status_code, headers, content)
        response = replace(response, url=str(raw.url), digest=digest)
        return self._checked(response, timeouts[0])

    def _failed(self, error: Exception, connect: float) -> UnavailableError:
        """The error for a failed request.

        A port that never responded and hangs up on plain http may speak TLS: that is tested once.
        """
        attempt = self._session.attempt(self.base, connect)
        tested, self._tls_tested = self._tls_tested, True
        if (
            dropped(error)
            and not tested
            and self.base.startswith("http:")
            and not attempt.proxy
            and uses_tls(self.base, connect)
        ):
            return speaks_https(attempt, arrived=True)
        return unavailable(error, attempt)

    def _checked(self, response: Response, connect: float) -> Response:
        """The response, with the proxy that may have sent it.

        Raises UnavailableError if it is not from an HTTP server of ours.
        """
        self._tls_tested = True
        if not response.url.startswith("http:"):  # inside TLS, no proxy can respond
            return response
        if not response.is_json and wants_https(response.status, response.data):
            raise speaks_https(self._session.attempt(self.base, connect))
        proxy = self._session.proxy_variable(self.base)
        if proxy and response.status == PROXY_LOGIN:
            raise refused_by_proxy(response.status, "", self._session.attempt(self.base, connect))
        return replace(response, proxy=proxy) if proxy else response


def _body(response: requests.Response, left: Callable[[], float], seconds: float) -> bytearray:
    """The body, limited in bytes and seconds. `left` says how many of `seconds` remain."""
    size, head = 0, b""
    kept = bytearray()
    try:
        # Returns what has arrived, however little; iter_content would wait for a whole chunk.
        while part := response.raw.read1(CHUNK_BYTES, decode_content=True):
            size += len(part)
            kept += part
            if size > BODY_BYTES:
                head = head or bytes(kept[:KEPT_END_BYTES])
                del kept[:-KEPT_END_BYTES]
            if left() <= 0:  # decompression takes time that the socket's own limit does not see
                raise TimeoutError
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        if left() <= 0:
            what = f"the response was not complete after {seconds:.0f} s"
            raise UnavailableError(what, may_have_arrived=True) from error
        raise UnavailableError(
            "the connection broke in the middle of the response", may_have_arrived=True
        ) from error
    if head:
        raise _too_large(
            f"the response is larger than {BODY_BYTES >> 20} MiB",
            head.decode("utf-8", "replace"),
            kept.decode("utf-8", "replace"),
        )
    return kept


def _digest(body: bytearray) -> bytes:
    """A hash of the body; empty for one that is parsed as quickly as hashed."""
    return hashlib.sha256(body).digest() if len(body) > SHORT_BYTES else b""


def _too_large(reason: str, head: str, tail: str) -> TooLargeError:
    large = TooLargeError(reason, may_have_arrived=True, from_server=True)
    large.head, large.tail = head, tail
    return large


def _parsed(status: int, headers: Mapping[str, str], body: bytearray) -> Response:
    text = body.decode("utf-8", "replace")
    body.clear()  # a large one need not be in memory twice while it is parsed
    declared = headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json")
    if declared or text.lstrip()[:1] in {"{", "["}:
        try:
            return Response(status, untrusted_json.loads(text), is_json=True, headers=headers)
        except untrusted_json.TooManyValuesError as error:
            if status < FIRST_NON_SUCCESS:
                raise _too_large(
                    "the response contains more JSON values than any response of the platform",
                    text[:KEPT_END_BYTES],
                    text[-KEPT_END_BYTES:],
                ) from error
        except ValueError as error:
            # Of any other response, the status and the headers say enough.
            if declared and status < FIRST_NON_SUCCESS:
                what = f"HTTP {status} with JSON that could not be parsed"
                raise UnavailableError(what, may_have_arrived=True) from error
    return Response(status, text, is_json=False, headers=headers)


def retry_after(response: Response) -> float:
    """PURE. The header `Retry-After` in seconds; 0 if it is missing or can't be parsed.

    A number, also with a fraction, or a date relative to the response's own `Date`.
    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", text, re.ASCII):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    then, sent = _moment(text), _moment(response.headers.get("date", ""))
    return min(max((then - sent).total_seconds(), 0), MAX_RETRY_AFTER_SECONDS) if then and sent else 0


MAX_RETRY_AFTER_SECONDS = 1e6
"""More than any `timeout`."""


def _moment(text: str) -> datetime | None:
    """A date in one of the forms of RFC 9110 section 5.6.7, all in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
