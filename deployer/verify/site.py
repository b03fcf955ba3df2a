"""One look at the site: a connection of its own, with neither token, extra headers, cookies nor a login from `~/.netrc`.

https://requests.readthedocs.io/en/latest/user/advanced/#transport-adapters
"""

from __future__ import annotations

import codecs
import re
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from deployer.http.client import CHUNK_BYTES, CONNECT_SECONDS, Session
from deployer.http.connection_errors import Attempt, unavailable
from deployer.http.environment import route
from deployer.http.tls import Adapter, trusting
from deployer.model import Phase, PollFailed, Snapshot, UnavailableError
from deployer.verify.judge import Expectation, Page, heard, judge, shown
from deployer.verify.where import INWARD_NAMES, asked, followed, inward

REQUEST_SECONDS = 15.0
"""Seconds for one look, redirects included. (A name look-up under way ends first: Python can't interrupt it.)"""

BODY_BYTES = 1 << 20
"""Bytes of an answer that are read and searched."""

MAX_REDIRECTS = 5
SECOND_RESPONSE_SECONDS = 1.0
"""Seconds that a good answer must hold: no more than from one look to the next, so that the second in a row is believed."""


def addresses(host: str, port: int) -> Iterable[str]:
    """The IP addresses of a name. Raises OSError."""
    return dict.fromkeys(
        str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )


class Site:
    """How the world sees it: each look is a connection of its own."""

    def __init__(  # noqa: PLR0913 -- the knobs of one connection, each given by name
        self,
        *,
        agent: str,
        now: Callable[[], float],
        ca: str = "",
        insecure: bool = False,
        direct: bool = False,
        resolve: Callable[[str, int], Iterable[str]] = addresses,
        redact: Callable[[str], str] = str,
    ) -> None:
        """`now`: real seconds. `ca`: PEM text. `direct`: past every proxy. `resolve`: the IP addresses of a name.

        `redact`: takes out of an answer what must not be told.
        """
        self._headers = {
            "User-Agent": agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        self._now, self._resolve, self._direct, self._redact = now, resolve, direct, redact
        self._verify = False if insecure else None
        self._context = trusting(ca) if ca and not insecure else None
        if insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # said by main, once

    def poll(self, expectation: Expectation) -> Snapshot:
        """One look. A bad one is no verdict: the site may still be starting."""
        end = self._now() + REQUEST_SECONDS
        try:
            answer: Page | PollFailed = self._answer(expectation, lambda: end - self._now())
        except UnavailableError as error:
            answer = PollFailed(error.reason)
        verdict = judge(expectation, answer, self._redact)
        detail = heard(answer, self._redact) if isinstance(answer, Page) else "no answer"
        if verdict.good:
            return Snapshot(Phase.SUCCEEDED, detail, stable_for=SECOND_RESPONSE_SECONDS, final=False)
        return Snapshot(Phase.RUNNING, detail, shows_failure=not verdict.inconclusive, reason=verdict.reason)

    def _answer(self, expectation: Expectation, left: Callable[[], float]) -> Page | PollFailed:
        try:
            url = asked(expectation.url)
        except ValueError as error:
            return PollFailed(str(error))
        for _ in range(MAX_REDIRECTS + 1):
            page = self._page(url, left, guarded=expectation.guarded)
            url = followed(page.url, page.onward) if page.onward else ""
            if not url:
                return page
        return PollFailed(f"more than {MAX_REDIRECTS} redirects, the last one to {shown(self._redact(url))}")

    def _page(self, url: str, left: Callable[[], float], *, guarded: bool) -> Page:
        """The answer of the first of its addresses that takes the connection."""
        proxied = bool(route(url, direct=self._direct).proxy)
        ways = self._ways(url, guarded=guarded, proxied=proxied)
        for way in ways[:-1]:
            try:
                return self._ask(url, way, left)
            except UnavailableError as error:
                if error.may_have_arrived or left() <= 0:
                    raise
        return self._ask(url, ways[-1], left)

    def _ways(self, url: str, *, guarded: bool, proxied: bool) -> list[str]:
        """The IP addresses to connect to, all checked before the first is asked. A proxy is given the name, and finds its own way."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        found: list[str] = []
        try:
            found = list(self._resolve(host, port)) if guarded or not proxied else []
        except (OSError, ValueError) as error:
            if not proxied:
                raise unavailable(error, Attempt(url, CONNECT_SECONDS)) from error
        inside = next((each for each in found if inward(each)), "")
        if guarded and (inside or INWARD_NAMES.fullmatch(host.rstrip("."))):
            where = f" ({inside})" if inside and inside != host else ""
            raise UnavailableError(
                f"not asked: {host}{where} is this machine, its own link or a cloud's metadata, where `auto` never goes. "
                "If it is meant, give the address itself as `verify_url`"
            )
        return [""] if proxied else found

    def _ask(self, url: str, way: str, left: Callable[[], float]) -> Page:
        """One request. `way`: the IP address to connect to; empty for a proxy's choice. Raises UnavailableError."""
        connect = max(min(CONNECT_SECONDS, left()), 0.001)
        with Session() as session:
            session.trust_env = not self._direct
            session.own_ca = self._context is not None
            session.auth = _nobody
            session.headers.clear()
            session.headers.update(self._headers | {"Host": urlsplit(url).netloc})
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Straight(self._context, way, left))
            try:
                answer = session.get(
                    url,
                    timeout=(connect, max(left(), 0.001)),
                    allow_redirects=False,
                    stream=True,
                    verify=self._verify,
                )
            except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
                raise unavailable(error, session.attempt(url, connect)) from error
            with answer:
                body = _body(answer)
        onward = answer.headers.get("location", "") if answer.status_code in _REDIRECTING else ""
        text = _text(body[:BODY_BYTES], answer.headers.get("content-type", ""))
        proxied = not way and url.startswith("http://")  # with TLS the proxy only hands the bytes on
        return Page(url, answer.status_code, text, onward, cut=len(body) > BODY_BYTES, proxied=proxied)


_REDIRECTING = {301, 302, 303, 307, 308}


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No login: without one of its own, `requests` would send what `~/.netrc` holds for the host."""
    return request


def _body(answer: requests.Response) -> bytes:
    body = b""
    try:
        while len(body) <= BODY_BYTES and (part := answer.raw.read1(CHUNK_BYTES, decode_content=True)):
            body += part
    except urllib3.exceptions.ReadTimeoutError as error:
        raise UnavailableError(
            f"HTTP {answer.status_code}, but the answer did not end within {REQUEST_SECONDS:.0f} s",
            may_have_arrived=True,
        ) from error
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        raise UnavailableError(
            f"HTTP {answer.status_code}, but the answer broke off in the middle", may_have_arrived=True
        ) from error
    return body


def _text(body: bytes, kind: str) -> str:
    charset = re.search(
        r"charset\s*=\s*[\"']?((?:utf|iso|cp|windows|koi|gb|big5|euc|shift|ascii|us|latin)[\w-]*)",
        kind,
        re.IGNORECASE,
    )
    try:
        return body.decode(codecs.lookup(charset[1] if charset else "utf-8").name, "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


class _Straight(Adapter):
    """To the address that was checked, whatever the name leads to by now."""

    def __init__(self, context: ssl.SSLContext | None, way: str, left: Callable[[], float]) -> None:
        self._way = way
        super().__init__(context, left)

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """The name is still the one that the certificate must be for."""
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        return (
            ({**host, "host": self._way}, {**pool, "server_hostname": host["host"]})
            if self._way
            else (host, pool)
        )
