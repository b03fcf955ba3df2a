"""The client of a Cloud Foundry API: discovery, a valid token, lists in pages (cloudfoundry-api 1 to 3)."""

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
"""How many pages of one list are read."""

MAX_WARNINGS = 20

WRONG_OBJECT = "the response is about another object. Check the caches in front of Cloud Foundry"

RENEWALS = 3
"""How many requests in a row may need a new token, before the login is given up."""


class Client:
    """The client of one Cloud Foundry. The token is only sent to the API and to the log-cache that it names.

    `root`: empty before `discover`. `remaining`: requests left in the rate limit window, None if unknown.
    `warnings`: those of the server, each once, in order. `request_id`: of the last response.
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
        """`opened`: makes a connection to one host. `now`: seconds of the run.

        `hide`: called with every token before it is used.
        """
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
        """The URL of log-cache; empty if there is none."""
        return self.root.logs

    def discover(self, *, timeout: float | None = None) -> Endpoints:
        """Discover the API and log in, each once. Raises RefusedError and UnavailableError."""
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
        """Send one request, and return any response.

        If the token has expired, renew it and send the request again.

                Raises RefusedError, without a request, once a new token was rejected as well.
        """
        if self._refused:
            raise RefusedError(self._refused, token_wide=True)
        try:
            self.discover(timeout=timeout)
            if self._stale:
                self._renew(timeout)
        except UnavailableError as error:
            raise error.not_sent() from error  # only the login failed: this request was not sent
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
        """Renew the token. The one that was rejected is never sent again, even if this fails."""
        self.uaa.fresh(timeout=timeout, anew=True)
        self._stale = False
        self._renewed += 1

    def get(self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None) -> Any:
        """The JSON of a successful response. Raises RefusedError and UnavailableError."""
        return self.json_or_raise(self.send("GET", path, params, timeout=timeout))

    def json_or_raise(self, response: Response) -> Any:
        """The JSON of a successful response. Raises RefusedError and UnavailableError."""
        return responses.json_or_raise(response)

    def row(self, path: str, *, timeout: float | None = None) -> Row:
        """The object at this path. Raises UnavailableError for a response about another one, or none."""
        data = self.get(path, timeout=timeout)
        if not isinstance(data, dict) or data.get("guid") != unquote(path.rpartition("/")[2]):
            raise UnavailableError(WRONG_OBJECT, may_have_arrived=True)
        return data

    def record(self, path: str) -> Row:
        """An object that has no guid."""
        return payload.record(self.get(path))

    def pages(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> list[Row]:
        """All records of a list.

        Of a link to the next page only the query is used, since it could name any host.
        """
        rows: list[Row] = []
        query = dict(params or {})
        for _ in range(MAX_PAGES):
            data = self.get(path, query, timeout=timeout)
            rows += _rows(data)
            next_query = _next_query(data)
            if not next_query or next_query == query:
                break
            query = next_query
        return rows

    def page(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> list[Row]:
        """The records on the first page of a list."""
        return _rows(self.get(path, params, timeout=timeout))

    def logs(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Response | None:
        """Send one request to log-cache; None if there is none. Its 404 can also mean an invalid token."""
        self.discover(timeout=timeout)
        return self._logs.send("GET", path, params, timeout=timeout) if self._logs else None

    def _token(self) -> str:
        return self.uaa.access

    def _warned(self, header: str) -> None:
        """Remember new warnings of `X-Cf-Warnings`: escaped texts, separated by commas."""
        for part in header.split(","):
            text = one_line(unquote_plus(part, errors="replace"))
            if text and text not in self.warnings and len(self.warnings) < MAX_WARNINGS:
                self.warnings.append(text)


def listed(*names: str) -> str:
    """Names as a list parameter, with commas in them escaped twice (cloudfoundry-api 3)."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def of_app(guid: str, rows: list[Row]) -> list[Row]:
    """The records, all of this app. Raises UnavailableError if one belongs to another app."""
    for row in rows:
        if payload.value(row, "relationships", "app", "data", "guid") not in {None, guid}:
            raise UnavailableError(WRONG_OBJECT, may_have_arrived=True)
    return rows


def _rows(data: Any) -> list[Row]:
    """The records of a list. Raises UnavailableError for a response of another shape."""
    listed, found = payload.value(data, "resources"), payload.records(data, "resources")
    if not isinstance(listed, list) or (listed and not found):  # empty would mean that nothing was started
        raise UnavailableError("the response does not have the shape of a list", may_have_arrived=True)
    return found


def _next_query(data: Row) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(payload.text(data, "pagination", "next", "href")).query))
    except ValueError:
        return {}
