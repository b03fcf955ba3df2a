"""The client of one Cloud Foundry's API: keeps a valid token, and checks the format of responses.

Source: cloudfoundry-api 1 to 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from deployer.budget import Budget
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

UNRELATED = "the response is about something else: a cache in front of Cloud Foundry?"
"""The response to another request says nothing about this one."""

MAX_RENEWALS = 3
"""Requests in a row whose token was only accepted after a renewal; then no token is renewed any more."""


class Client:
    """Sends requests to one Cloud Foundry.

    The token is only sent to the API and to the log-cache that the API names, wherever other links point.
    """

    def __init__(
        self,
        base: str,
        login: Login,
        open_http: Callable[..., Http],
        *,
        now: Callable[[], float],
        add_secret: Callable[[str], None],
    ) -> None:
        """Send no request yet.

        Args:
            base: the address of the API.
            login: how to get a token.
            open_http: opens a connection to one host.
            now: the seconds of the run.
            add_secret: is called with every token before it is used.
        """
        self.base = base
        self.endpoints = Endpoints()
        """Empty before `discover`."""
        self.budget = Budget(now)
        """Counts every request, except those for endpoints and tokens."""
        self.warnings: list[str] = []
        """Each warning that the server has sent, once, in their order."""
        self.request_id = ""
        """The id of the last request; empty if the response named none."""
        self.uaa = Uaa(login, open_http, now=now, add_secret=add_secret)
        self._open_http = open_http
        self._http = open_http(base, token=self._token, scheme="bearer")
        self._logs: Http | None = None
        self._refusal = ""
        """Why a new token was refused; then no request is sent any more."""
        self._renewals = 0
        """Requests in a row whose token had to be renewed."""
        self._must_renew = False
        """The token was refused, and was not renewed yet."""

    @property
    def logs_base(self) -> str:
        """The address of log-cache; empty if there is none."""
        return self.endpoints.logs

    def discover(self, *, timeout: float | None = None) -> Endpoints:
        """Find the endpoints and log in, each once. Raises RefusedError and UnavailableError."""
        if not self.endpoints.version:
            response = self._open_http(self.base, token="").send("GET", "/", timeout=timeout)
            self.endpoints = discovery.read(responses.json_or_raise(response), self.base)
            self.uaa.open(self.endpoints.login)
            if self.endpoints.logs:
                self._logs = self._open_http(self.endpoints.logs, token=self._token, scheme="bearer")
        self.uaa.ensure_token(timeout=timeout)
        return self.endpoints

    def send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        timeout: float | None = None,
    ) -> Response:
        """Send one request, and return any response to it.

        If the token is refused, it is renewed and the request sent once more: it had no effect. Raises
        RefusedError without a request once a new token was refused, too.
        """
        if self._refusal:
            raise RefusedError(self._refusal, token_wide=True)
        try:
            self.discover(timeout=timeout)
            if self._must_renew:
                self._renew(timeout)
        except UnavailableError as error:
            raise error.not_sent() from error
        response = self._send_counted(method, path, params, body=body, timeout=timeout)
        if not responses.is_invalid_token(response):
            self._renewals = 0
        elif self._renewals >= MAX_RENEWALS:
            self._refusal = responses.error_for(response).reason
        else:
            self._must_renew = True
            self._renew(timeout)
            response = self._send_counted(method, path, params, body=body, timeout=timeout)
            if responses.is_invalid_token(response):
                self._refusal = responses.error_for(response).reason
        self.request_id = responses.request_id(response)
        self._add_warnings(response.headers.get("x-cf-warnings", ""))
        return response

    def _send_counted(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        *,
        body: Any,
        timeout: float | None,
    ) -> Response:
        self.budget.spend()
        response = self._http.send(method, path, params, body=body, timeout=timeout)
        self.budget.responded(
            payload.header_number(response, "x-ratelimit-remaining"),
            blocked_for=responses.blocked_seconds(response),
        )
        return response

    def _renew(self, timeout: float | None) -> None:
        """Get a new token: the refused one is never sent again. Raises RefusedError and UnavailableError."""
        self.uaa.ensure_token(timeout=timeout, force=True)
        self._must_renew = False
        self._renewals += 1

    def get(self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None) -> Any:
        """The JSON of a good response. Raises RefusedError and UnavailableError for any other."""
        return self.json_or_raise(self.send("GET", path, params, timeout=timeout))

    def json_or_raise(self, response: Response) -> Any:
        """The JSON of a good response. Raises RefusedError and UnavailableError for any other."""
        return responses.json_or_raise(response)

    def row(self, path: str, *, timeout: float | None = None) -> Row:
        """The resource whose guid ends the path.

        Raises RefusedError, and UnavailableError also for a response about another resource.
        """
        data = self.get(path, timeout=timeout)
        if not isinstance(data, dict) or data.get("guid") != unquote(path.rpartition("/")[2]):
            raise UnavailableError(UNRELATED, may_have_arrived=True)
        return data

    def record(self, path: str) -> Row:
        """A JSON object that has no guid."""
        return payload.record(self.get(path))

    def pages(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> list[Row]:
        """Every resource of a list.

        Of the link to the next page, only the query is used: the link may point to any host.
        """
        rows: list[Row] = []
        sent = dict(params or {})
        for _ in range(MAX_PAGES):
            data = self.get(path, sent, timeout=timeout)
            rows += _resources(data)
            following = _next_page(data)
            if not following or following == sent:
                break
            sent = following
        return rows

    def page(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> list[Row]:
        """The resources on a list's first page."""
        return _resources(self.get(path, params, timeout=timeout))

    def logs(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Response | None:
        """Send one request to log-cache, and return any response to it; None if there is no log-cache.

        A 404 of it may mean that the token was refused.
        """
        self.discover(timeout=timeout)
        if self._logs is None:
            return None
        self.budget.spend()
        return self._logs.send("GET", path, params, timeout=timeout)

    def _token(self) -> str:
        return self.uaa.access_token

    def _add_warnings(self, header: str) -> None:
        """Remember the texts of an `X-Cf-Warnings` header: they are escaped, with commas in between."""
        for part in header.split(","):
            text = one_line(unquote_plus(part, errors="replace"))
            if text and text not in self.warnings and len(self.warnings) < MAX_WARNINGS:
                self.warnings.append(text)


def list_parameter(*names: str) -> str:
    """Names as a list's parameter takes them.

    Commas separate the names, so one within a name is escaped twice (cloudfoundry-api 3).
    """
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def require_app(guid: str, rows: list[Row]) -> list[Row]:
    """The resources unchanged.

    Raises UnavailableError if one belongs to another app: ignoring it could mean that nothing was started.
    """
    for row in rows:
        if payload.value(row, "relationships", "app", "data", "guid") not in (None, guid):
            raise UnavailableError(UNRELATED, may_have_arrived=True)
    return rows


def _resources(data: Any) -> list[Row]:
    """The resources of a list.

    Raises UnavailableError for JSON of another format: an empty list could mean that nothing was started.
    """
    listed, found = payload.value(data, "resources"), payload.records(data, "resources")
    if not isinstance(listed, list) or (listed and not found):
        raise UnavailableError("unrecognized response (expected a list)", may_have_arrived=True)
    return found


def _next_page(data: Row) -> dict[str, str]:
    """The parameters of the next page; none if this is the last one."""
    try:
        return dict(parse_qsl(urlsplit(payload.text(data, "pagination", "next", "href")).query))
    except ValueError:
        return {}
