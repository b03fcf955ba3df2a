"""One Cloud Foundry's API: where its parts are, a token that is fresh, and the shape that each answer must have.

Source: cloudfoundry-api 1 to 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from deployer.http import Http, Reply
from deployer.model import RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers.cloudfoundry import answers, root
from deployer.providers.cloudfoundry.root import Root
from deployer.providers.cloudfoundry.uaa import Login, Uaa

PAGES = 50
"""Pages of one list that are read."""

WARNINGS = 20

ANOTHER = "the response is about something else: a cache in front of Cloud Foundry?"
"""A response about something else says nothing about what was asked."""

Row = dict[str, Any]


RENEWALS = 3
"""Requests in a row whose token was refused at first: a server that never takes one at once would cause a login each time."""


class Api:
    """`opened`: a connection to one host. The token goes to the API and to the log-cache that it names, and where no other link points.

    `root` is empty before `reach`. `warnings`: each that the server has sent, once, in their order. `request_id`: the last answer's.
    """

    def __init__(
        self, base: str, login: Login, opened: Callable[..., Http], *, now: Callable[[], float], hide: Callable[[str], None]
    ) -> None:
        """`now`: the run's seconds. `hide` is told every token before it is used."""
        self.base = base
        self.root = Root()
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

    def reach(self, *, patience: float | None = None) -> Root:
        """The discovery and the login, each once. Raises RefusedError and UnavailableError."""
        if not self.root.version:
            reply = self._opened(self.base, token="").send("GET", "/", patience=patience)
            self.root = root.read(answers.good(reply), self.base)
            self.uaa.at(self.root.login)
            if self.root.logs:
                self._logs = self._opened(self.root.logs, token=self._token, scheme="bearer")
        self.uaa.fresh(patience=patience)
        return self.root

    def send(
        self, method: str, path: str, params: Mapping[str, str] | None = None, *, body: Any = None, patience: float | None = None
    ) -> Reply:
        """One request, whatever is answered. Once more with a new token where the server takes this one for expired: it did nothing.

        Raises RefusedError, without a request, once a new token was refused as well.
        """
        if self._refused:
            raise RefusedError(self._refused, everywhere=True)
        try:
            self.reach(patience=patience)
            if self._stale:
                self._renew(patience)
        except UnavailableError as error:
            error.arrived = False  # the login server's trouble: this request was not sent
            raise
        reply = self._http.send(method, path, params, body=body, patience=patience)
        if answers.INVALID_TOKEN not in answers.codes(reply):
            self._renewed = 0
        elif self._renewed >= RENEWALS:
            self._refused = answers.refusal(reply).reason
        else:
            self._stale = True
            self._renew(patience)
            reply = self._http.send(method, path, params, body=body, patience=patience)
            if answers.INVALID_TOKEN in answers.codes(reply):
                self._refused = answers.refusal(reply).reason
        left = reply.headers.get("x-ratelimit-remaining", "")
        self.remaining = int(left) if re.fullmatch(r"\d{1,9}", left) else None
        self.request_id = answers.request_id(reply)
        self._warned(reply.headers.get("x-cf-warnings", ""))
        return reply

    def _renew(self, patience: float | None) -> None:
        """Where the login server is away, this request was not sent; the token that was refused is never sent again."""
        self.uaa.fresh(patience=patience, anew=True)
        self._stale = False
        self._renewed += 1

    def get(self, path: str, params: Mapping[str, str] | None = None, *, patience: float | None = None) -> Any:
        """The JSON of a good answer. Raises RefusedError and UnavailableError."""
        return self.good(self.send("GET", path, params, patience=patience))

    def good(self, reply: Reply) -> Any:
        """The JSON of a good answer. Raises RefusedError and UnavailableError."""
        return answers.good(reply)

    def row(self, path: str, *, patience: float | None = None) -> Row:
        """The object that the path names. Raises UnavailableError for an answer that is about another one, or about none."""
        data = self.get(path, patience=patience)
        if not isinstance(data, dict) or data.get("guid") != unquote(path.rpartition("/")[2]):
            raise UnavailableError(ANOTHER, arrived=True)
        return data

    def thing(self, path: str) -> Row:
        """One object that has no guid of its own."""
        data = self.get(path)
        return data if isinstance(data, dict) else {}

    def pages(self, path: str, params: Mapping[str, str] | None = None, *, patience: float | None = None) -> list[Row]:
        """Every row of a list. Of a link to the next page only the query is used: it may name any host."""
        rows: list[Row] = []
        asked = dict(params or {})
        for _ in range(PAGES):
            data = self.get(path, asked, patience=patience)
            rows += _rows(data)
            following = _following(data)
            if not following or following == asked:
                break
            asked = following
        return rows

    def page(self, path: str, params: Mapping[str, str] | None = None, *, patience: float | None = None) -> list[Row]:
        """The rows of a list's first page."""
        return _rows(self.get(path, params, patience=patience))

    def logs(self, path: str, params: Mapping[str, str] | None = None, *, patience: float | None = None) -> Reply | None:
        """One question to log-cache, whatever is answered; None where there is none. Its 404 may mean that the token is not taken."""
        self.reach(patience=patience)
        return self._logs.send("GET", path, params, patience=patience) if self._logs else None

    def _token(self) -> str:
        return self.uaa.access

    def _warned(self, header: str) -> None:
        """`X-Cf-Warnings`: escaped texts, between commas."""
        for part in header.split(","):
            text = one_line(unquote_plus(part, errors="replace"))
            if text and text not in self.warnings and len(self.warnings) < WARNINGS:
                self.warnings.append(text)


def listed(*names: str) -> str:
    """Names as a list's parameter takes them: the comma stands between them, so one inside is escaped twice (cloudfoundry-api 3)."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def of_app(guid: str, rows: list[Row]) -> list[Row]:
    """The same list. Raises UnavailableError where it names another app: an empty one would mean that nothing was started."""
    for row in rows:
        named: Any = row.get("relationships")
        for name in ("app", "data", "guid"):
            named = named.get(name) if isinstance(named, dict) else None
        if named not in {None, guid}:
            raise UnavailableError(ANOTHER, arrived=True)
    return rows


def _rows(data: Any) -> list[Row]:
    """Raises UnavailableError for an answer of another shape."""
    listed = data.get("resources") if isinstance(data, dict) else None
    found = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or (listed and not found):  # an empty one would mean that nothing was started
        raise UnavailableError("a list of another shape than Cloud Foundry's", arrived=True)
    return found


def _following(data: Row) -> dict[str, str]:
    pagination = data.get("pagination")
    link = pagination.get("next") if isinstance(pagination, dict) else None
    href = str(link.get("href") or "") if isinstance(link, dict) else ""
    try:
        return dict(parse_qsl(urlsplit(href).query))
    except ValueError:
        return {}
