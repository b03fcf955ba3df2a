"""One Cloud Foundry's API: where its parts are, a token that is fresh, and the shape that each answer must have.

Source: cloudfoundry-api 1 to 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from deployer.http.client import Http, Response
from deployer.model import RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.api import discovery, responses
from deployer.providers.cloudfoundry.api.discovery import Endpoints
from deployer.providers.cloudfoundry.api.uaa import Login, Uaa
from deployer.providers.payload import Row

MAX_PAGES = 50
"""Pages of one list that are read."""

MAX_WARNINGS = 20

ANOTHER = "the response is about something else: a cache in front of Cloud Foundry?"
"""A response about something else says nothing about what was asked."""


RENEWALS = 3
"""Requests in a row whose token was refused at first: a server that never takes one at once would cause a login each time."""


class Client:
    """`opened`: a connection to one host. The token goes to the API and to the log-cache that it names, and where no other link points.

    `root` is empty before `discover`. `warnings`: each that the server has sent, once, in their order. `request_id`: the last answer's.
    """

    def __init__(
        self,
        base: str,
        login: Login,
        opened: Callable[..., Http],
        *,
        now: Callable[[], float],
        hide: Callable[[str], None],
    ) -> None:
        """`now`: the run's seconds. `hide` is told every token before it is used."""
        self.base = base
        self.root = Endpoints()
        self.remaining: int | None = None
        self.warnings: list[str] = []
        self.request_id = ""
        self.uaa = Uaa(login, opened, now=now, hide=hide)
        self._opened = opened
        self._http = opened(base, token=self._token, scheme="bearer")
        self._logs: Http | None = None
        self._refused = ""
        self._renewed = 0
        self._stale = False

    @property
    def logs_base(self) -> str:
        """Where log-cache is; empty where there is none."""
        return self.root.logs

    def discover(self, *, timeout: float | None = None) -> Endpoints:
        """The discovery and the login, each once. Raises RefusedError and UnavailableError."""
        if not self.root.version:
            response = self._opened(self.base, token="").send("GET", "/", timeout=timeout)
            self.root = discovery.read(responses.json_or_raise(response), self.base)
            self.uaa.at(self.root.login)
            if self.root.logs:
                self._logs = self._opened(self.root.logs, token=self._token, scheme="bearer")
        self.uaa.fresh(timeout=timeout)
        return self.root

    def send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        timeout: float | None = None,
    ) -> Response:
        """One request, whatever is answered. Once more with a new token where the server takes this one for expired: it did nothing.

        Raises RefusedError, without a request, once a new token was refused as well.
        """
        if self._refused:
            raise RefusedError(self._refused, token_wide=True)
        try:
            self.discover(timeout=timeout)
            if self._stale:
                self._renew(timeout)
        except UnavailableError as error:
            raise error.not_sent() from error  # the login server's trouble: this request was not sent
        response = self._http.send(method, path, params, body=body, timeout=timeout)
        if responses.INVALID_TOKEN not in responses.codes(response):
            self._renewed = 0
        elif self._renewed >= RENEWALS:
            self._refused = responses.error_for(response).reason
        else:
            self._stale = True
            self._renew(timeout)
            response = self._http.send(method, path, params, body=body, timeout=timeout)
            if responses.INVALID_TOKEN in responses.codes(response):
                self._refused = responses.error_for(response).reason
        left = response.headers.get("x-ratelimit-remaining", "")
        self.remaining = int(left) if re.fullmatch(r"\d{1,9}", left) else None
        self.request_id = responses.request_id(response)
        self._warned(response.headers.get("x-cf-warnings", ""))
        return response

    def _renew(self, timeout: float | None) -> None:
        """Where the login server is away, this request was not sent; the token that was refused is never sent again."""
        self.uaa.fresh(timeout=timeout, anew=True)
        self._stale = False
        self._renewed += 1

    def get(self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None) -> Any:
        """The JSON of a good answer. Raises RefusedError and UnavailableError."""
        return self.json_or_raise(self.send("GET", path, params, timeout=timeout))

    def json_or_raise(self, response: Response) -> Any:
        """The JSON of a good answer. Raises RefusedError and UnavailableError."""
        return responses.json_or_raise(response)

    def row(self, path: str, *, timeout: float | None = None) -> Row:
        """The object that the path names. Raises UnavailableError for an answer that is about another one, or about none."""
        data = self.get(path, timeout=timeout)
        if not isinstance(data, dict) or data.get("guid") != unquote(path.rpartition("/")[2]):
            raise UnavailableError(ANOTHER, may_have_arrived=True)
        return data

    def thing(self, path: str) -> Row:
        """One object that has no guid of its own."""
        return payload.record(self.get(path))

    def pages(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> list[Row]:
        """Every row of a list. Of a link to the next page only the query is used: it may name any host."""
        rows: list[Row] = []
        asked = dict(params or {})
        for _ in range(MAX_PAGES):
            data = self.get(path, asked, timeout=timeout)
            rows += _rows(data)
            following = _following(data)
            if not following or following == asked:
                break
            asked = following
        return rows

    def page(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> list[Row]:
        """The rows of a list's first page."""
        return _rows(self.get(path, params, timeout=timeout))

    def logs(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Response | None:
        """One question to log-cache, whatever is answered; None where there is none. Its 404 may mean that the token is not taken."""
        self.discover(timeout=timeout)
        return self._logs.send("GET", path, params, timeout=timeout) if self._logs else None

    def _token(self) -> str:
        return self.uaa.access

    def _warned(self, header: str) -> None:
        """`X-Cf-Warnings`: escaped texts, between commas."""
        for part in header.split(","):
            text = one_line(unquote_plus(part, errors="replace"))
            if text and text not in self.warnings and len(self.warnings) < MAX_WARNINGS:
                self.warnings.append(text)


def listed(*names: str) -> str:
    """Names as a list's parameter takes them: the comma stands between them, so one inside is escaped twice (cloudfoundry-api 3)."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def of_app(guid: str, rows: list[Row]) -> list[Row]:
    """The same list. Raises UnavailableError where it names another app: an empty one would mean that nothing was started."""
    for row in rows:
        if payload.value(row, "relationships", "app", "data", "guid") not in {None, guid}:
            raise UnavailableError(ANOTHER, may_have_arrived=True)
    return rows


def _rows(data: Any) -> list[Row]:
    """Raises UnavailableError for an answer of another shape."""
    listed, found = payload.value(data, "resources"), payload.records(data, "resources")
    if not isinstance(listed, list) or (listed and not found):  # empty would mean that nothing was started
        raise UnavailableError("a list of another shape than Cloud Foundry's", may_have_arrived=True)
    return found


def _following(data: Row) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(payload.text(data, "pagination", "next", "href")).query))
    except ValueError:
        return {}
