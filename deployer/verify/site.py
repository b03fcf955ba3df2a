"""One request to the site, on a connection of its own.

Without token, extra headers, cookies, or a login from `~/.netrc`.

https://requests.readthedocs.io/en/latest/user/advanced/#transport-adapters
"""

from __future__ import annotations

import codecs
import re
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import requests
import urllib3

from deployer.http.client import CHUNK_BYTES, CONNECT_SECONDS, Session
from deployer.http.connection_errors import Attempt, unavailable
from deployer.http.environment import route
from deployer.http.tls import Adapter, trusting
from deployer.model import Phase, PollFailed, Snapshot, UnavailableError
from deployer.verify.judge import Expectation, Page, described, judge, shown
from deployer.verify.where import INTERNAL_NAMES, checked, followed, is_internal

REQUEST_SECONDS = 15.0
"""Time limit of one poll, redirects included. (Python can't interrupt a DNS lookup: it ends first.)"""

BODY_BYTES = 1 << 20
"""How much of a response is read and searched."""

MAX_REDIRECTS = 5
SECOND_RESPONSE_SECONDS = 1.0
"""How long a good response must last.

Less than the time between two polls, so that the second one in a row counts.
"""


def addresses(host: str, port: int) -> Iterable[str]:
    """The IP addresses of a host name. Raises OSError."""
    return dict.fromkeys(
        str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )


class Site:
    """Polls a site from outside, as its users see it: each poll is a connection of its own."""

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
        """Prepare, without a request.

        now: real seconds since an arbitrary moment.
        ca: additional certificate authorities, as PEM text.
        direct: use no proxy.
        resolve: the IP addresses of a host name; raises OSError.
        redact: removes secrets from what is quoted.
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
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # main warns about it once

    def poll(self, expectation: Expectation) -> Snapshot:
        """Send one request. A bad response is not a verdict yet: the site may still be starting."""
        end = self._now() + REQUEST_SECONDS
        try:
            response: Page | PollFailed = self._response(expectation, lambda: end - self._now())
        except UnavailableError as error:
            response = PollFailed(error.reason)
        verdict = judge(expectation, response, self._redact)
        detail = described(response, self._redact) if isinstance(response, Page) else "no response"
        if verdict.good:
            return Snapshot(Phase.SUCCEEDED, detail, stable_for=SECOND_RESPONSE_SECONDS, final=False)
        return Snapshot(Phase.RUNNING, detail, shows_failure=not verdict.inconclusive, reason=verdict.reason)

    def _response(self, expectation: Expectation, left: Callable[[], float]) -> Page | PollFailed:
        try:
            url = checked(expectation.url)
        except ValueError as error:
            return PollFailed(str(error))
        for _ in range(MAX_REDIRECTS + 1):
            page = self._page(url, left, guarded=expectation.guarded)
            url = followed(page.url, page.onward) if page.onward else ""
            if not url:
                return page
        return PollFailed(f"more than {MAX_REDIRECTS} redirects, the last one to {shown(self._redact(url))}")

    def _page(self, url: str, left: Callable[[], float], *, guarded: bool) -> Page:
        """The response of the first IP address that accepts the connection."""
        proxied = bool(route(url, direct=self._direct).proxy)
        addresses = self._addresses(url, guarded=guarded, proxied=proxied)
        for address in addresses[:-1]:
            try:
                return self._request(url, address, left)
            except UnavailableError as error:
                if error.may_have_arrived or left() <= 0:
                    raise
        return self._request(url, addresses[-1], left)

    def _addresses(self, url: str, *, guarded: bool, proxied: bool) -> list[str]:
        """The IP addresses to connect to, all checked before the first connection.

        One empty string for a proxy, which resolves the name itself.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        found: list[str] = []
        try:
            found = list(self._resolve(host, port)) if guarded or not proxied else []
        except (OSError, ValueError) as error:
            if not proxied:
                raise unavailable(error, Attempt(url, CONNECT_SECONDS)) from error
        inside = next((each for each in found if is_internal(each)), "")
        if guarded and (inside or INTERNAL_NAMES.fullmatch(host.rstrip("."))):
            where = f" ({inside})" if inside and inside != host else ""
            raise UnavailableError(
                f"not requested: {host}{where} is this machine, a link-local address or a cloud metadata "
                "service, which `auto` never contacts. If it is intended, set `verify_url` to that address"
            )
        return [""] if proxied else found

    def _request(self, url: str, address: str, left: Callable[[], float]) -> Page:
        """Send one request. `address`: the IP address to connect to; empty through a proxy.

        Raises UnavailableError.
        """
        connect = max(min(CONNECT_SECONDS, left()), 0.001)
        with Session() as session:
            session.trust_env = not self._direct
            session.own_ca = self._context is not None
            session.auth = _no_login
            session.headers.clear()
            session.headers.update(self._headers | {"Host": urlsplit(url).netloc})
            for scheme in ("http://", "https://"):
                session.mount(scheme, Adapter(self._context, left, pinned_ip=address))
            try:
                response = session.get(
                    url,
                    timeout=(connect, max(left(), 0.001)),
                    allow_redirects=False,
                    stream=True,
                    verify=self._verify,
                )
            except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
                raise unavailable(error, session.attempt(url, connect)) from error
            with response:
                body = _body(response)
        onward = response.headers.get("location", "") if response.status_code in _REDIRECTING else ""
        text = _text(body[:BODY_BYTES], response.headers.get("content-type", ""))
        proxied = not address and url.startswith("http://")  # with TLS, a proxy can't read anything
        return Page(url, response.status_code, text, onward, cut=len(body) > BODY_BYTES, proxied=proxied)


_REDIRECTING = {301, 302, 303, 307, 308}


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request as it is: without an auth object, `requests` would send the login in `~/.netrc`."""
    return request


def _body(response: requests.Response) -> bytes:
    body = b""
    try:
        while len(body) <= BODY_BYTES and (part := response.raw.read1(CHUNK_BYTES, decode_content=True)):
            body += part
    except urllib3.exceptions.ReadTimeoutError as error:
        raise UnavailableError(
            f"HTTP {response.status_code}, but the response was not complete after {REQUEST_SECONDS:.0f} s",
            may_have_arrived=True,
        ) from error
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        raise UnavailableError(
            f"HTTP {response.status_code}, but the connection broke in the middle of the response",
            may_have_arrived=True,
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
