"""JSON in, JSON out: one request with time-outs, TLS and a size limit. Failures are of two kinds, and no answer is ever followed elsewhere.

What a status or a body means is the provider's business. https://requests.readthedocs.io
"""

from __future__ import annotations

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
from deployer.http.tls import Adapter, answers, trusting
from deployer.model import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
"""Seconds until a connection stands, and from then on until the whole head of a response is there."""

BODY_SECONDS = 60.0
"""Seconds for a whole body, from its head on."""

LAST_SECONDS = READ_SECONDS
"""Seconds beyond `timeout` that are left for a last look: what has ended in time must be seen."""

MIN_SECONDS = 1.0
"""Seconds that every request gets, however late it is."""

BODY_BYTES = 64 * 1024 * 1024
"""Bytes of an answer that are read (architecture 5)."""

CHUNK_BYTES = 1 << 16
GOOD_BELOW = 300


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that arrived whole. `data` is the parsed JSON, or the text where it is none. Header names are lower-cased."""

    status: int
    data: Any
    is_json: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    proxy: str = ""
    """What names the proxy that the request went through in the clear, and that may have answered itself; empty for none."""

    @property
    def through(self) -> str:
        """The same as the end of a sentence."""
        return f"; the proxy in {self.proxy} is in between" if self.proxy else ""

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


KEPT_END_BYTES = 1 << 20
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


class Session(EnvironmentSession):
    """A session that takes no redirect for one: otherwise `requests` reads its whole body and parses its address, followed or not."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None."""


class _Limit:
    """When the response that is being read must have ended.

    An object of its own, so that a session's adapters do not lead back to its owner: a circle would keep connections open until the
    garbage collector comes by.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._end = now, math.inf

    def start(self, seconds: float) -> None:
        self._end = self._now() + seconds

    def left(self) -> float:
        return self._end - self._now()


class Http:
    """One server, one login."""

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
        """Prepare, without a request.

        `token`: asked for anew before each request where it is a function. `monotonic`: real seconds. `ca`: PEM text.
        `no_proxy`: past every
        proxy, whatever the environment says. `time_left`: real seconds until `timeout` is over for what is being done; negative
        after it. `wall`: seconds since 1970.
        """
        self.base = base
        self._wall, self._time_left = wall, time_left
        self._limit = _Limit(monotonic)
        self._verify = None if not insecure else False
        self._probed = False
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
    ) -> Response:
        """One request, never a second one. `body` goes as JSON. `timeout`: seconds to wait for an answer instead of the usual ones.

        More patience than usual ends with `timeout`; every other request ends `LAST` seconds after it. Raises UnavailableError when
        no whole answer came: `arrived` says whether the server may have got the request.
        """
        late = max(self._time_left() + LAST_SECONDS, MIN_SECONDS)
        wait = min(
            timeout or READ_SECONDS,
            late if (timeout or READ_SECONDS) <= READ_SECONDS else max(late - LAST_SECONDS, MIN_SECONDS),
        )
        timeouts = (min(CONNECT_SECONDS, wait), wait)
        self._limit.start(sum(timeouts))
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
            raise self._failed(error, timeouts[0]) from error
        with answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            headers.setdefault("date", formatdate(self._wall(), usegmt=True))  # RFC 9110 section 6.6.1
            seconds = min(BODY_SECONDS, max(self._time_left() + LAST_SECONDS, MIN_SECONDS))
            self._limit.start(seconds)
            body = _body(answer, self._limit.left, seconds)
        return self._checked(
            replace(_reply(answer.status_code, headers, body), url=str(answer.url)), timeouts[0]
        )

    def _failed(self, error: Exception, connect: float) -> UnavailableError:
        """What went wrong. A port that has never answered, and hangs up on plain http, may speak TLS: that is found out, once."""
        attempt = self._session.attempt(self.base, connect)
        asked, self._probed = self._probed, True
        if (
            dropped(error)
            and not asked
            and self.base.startswith("http:")
            and not attempt.proxy
            and answers(self.base, connect)
        ):
            return speaks_https(attempt, arrived=True)
        return unavailable(error, attempt)

    def _checked(self, response: Response, connect: float) -> Response:
        """The response, with the proxy that may have given it. Raises UnavailableError where it is no server's."""
        self._probed = True
        if not response.url.startswith("http:"):  # within TLS nobody else speaks
            return response
        attempt = self._session.attempt(self.base, connect)
        if not response.is_json and wants_https(response.status, response.data):
            raise speaks_https(attempt)
        if attempt.proxy and response.status == PROXY_LOGIN:
            raise refused_by_proxy(response.status, "", attempt)
        return replace(response, proxy=attempt.proxy)


def _body(answer: requests.Response, left: Callable[[], float], seconds: float) -> bytearray:
    """The body, in a bounded number of bytes and seconds. `left`: how many of `seconds` there still are."""
    size, head = 0, b""
    kept = bytearray()
    try:
        while part := answer.raw.read1(
            CHUNK_BYTES, decode_content=True
        ):  # what is there, however little: iter_content waits for all of it
            size += len(part)
            kept += part
            if size > BODY_BYTES:
                head = head or bytes(kept[:KEPT_END_BYTES])
                del kept[:-KEPT_END_BYTES]
            if left() <= 0:  # as the socket's reader, which does not see what is unpacked
                raise TimeoutError
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        if left() <= 0:
            raise UnavailableError(
                f"the answer did not end within {seconds:.0f} s", may_have_arrived=True
            ) from error
        raise UnavailableError("the answer broke off in the middle", may_have_arrived=True) from error
    if head:
        raise _too_large(
            f"the answer is larger than {BODY_BYTES >> 20} MiB",
            head.decode("utf-8", "replace"),
            kept.decode("utf-8", "replace"),
        )
    return kept


def _too_large(reason: str, head: str, tail: str) -> TooLargeError:
    large = TooLargeError(reason, may_have_arrived=True, from_server=True)
    large.head, large.tail = head, tail
    return large


def _reply(status: int, headers: Mapping[str, str], body: bytearray) -> Response:
    text = body.decode("utf-8", "replace")
    announced = headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json")
    if announced or text.lstrip()[:1] in {"{", "["}:
        try:
            return Response(status, untrusted_json.loads(text), is_json=True, headers=headers)
        except untrusted_json.TooManyValuesError as error:
            if status < GOOD_BELOW:
                raise _too_large(
                    "the answer holds more values than any of the platform's",
                    text[:KEPT_END_BYTES],
                    text[-KEPT_END_BYTES:],
                ) from error
        except ValueError as error:
            if (
                announced and status < GOOD_BELOW
            ):  # of any other answer the status counts, and what its headers say
                raise UnavailableError(
                    f"HTTP {status} with JSON that cannot be read", may_have_arrived=True
                ) from error
    return Response(status, text, is_json=False, headers=headers)


def retry_after(response: Response) -> float:
    """PURE. `Retry-After` in seconds: a number, with or without a fraction, or a date, seen from the response's own `Date`.

    0 where it asks for nothing, or for nothing that can be read. https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", text, re.ASCII):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    then, sent = _moment(text), _moment(response.headers.get("date", ""))
    return min(max((then - sent).total_seconds(), 0), MAX_RETRY_AFTER_SECONDS) if then and sent else 0


MAX_RETRY_AFTER_SECONDS = 1e6
"""Seconds: more than any `timeout`."""


def _moment(text: str) -> datetime | None:
    """A date in one of the forms of RFC 9110 section 5.6.7: all are meant in UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
