"""One Coolify's API: which token a request carries, and the shape that each answer must have (coolify-api 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployer.http.client import Http, Response
from deployer.model import RefusedError, UnavailableError
from deployer.providers import payload
from deployer.providers.coolify.api import responses
from deployer.providers.payload import Row

DEPLOYMENT_PATH = re.compile(r"/application/([^/]+)/deployment/[^/]+/?")

ANOTHER = "the response is about {}: a cache in front of Coolify?"
"""A response about something else says nothing about what was asked."""

SHAPELESS = "Coolify's list of {} has another shape than all known versions give it"
"""What can't be read as a list is none: an empty one would mean that nothing is there."""


@dataclass
class Client:
    """`reader` carries the token that is used for reading only; the other one may be it, too."""

    http: Http
    reader: Http
    remaining: int | None = None

    def send(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        *,
        body: Any = None,
        timeout: float | None = None,
    ) -> Response:
        """One request, whatever is answered."""
        http = self.reader if method == "GET" else self.http
        response = http.send(method, path, params, body=body, timeout=timeout)
        left = response.headers.get("x-ratelimit-remaining", "")
        self.remaining = int(left) if re.fullmatch(r"\d{1,6}", left) else None
        return response

    def get(self, path: str, params: dict[str, str] | None = None, *, timeout: float | None = None) -> Any:
        """The JSON of a good answer. Raises RefusedError and UnavailableError."""
        return self.json_or_raise(self.send("GET", path, params, timeout=timeout))

    def json_or_raise(self, response: Response) -> Any:
        """The JSON of a good answer to something that was read."""
        try:
            return responses.answered(response)
        except RefusedError as error:
            if error.token_wide and self.reader is not self.http:
                raise error.because(f"`read_token`: {error.reason}") from error
            raise

    def resource(self, kind: str, uuid: str, *, timeout: float | None = None) -> Row:
        """One application, service or database. Raises UnavailableError for an answer that is about another one, or about none."""
        row = self.get(f"/{kind}s/{quote(uuid, safe='')}", timeout=timeout)
        if not isinstance(row, dict) or row.get("uuid") != uuid:
            raise UnavailableError(ANOTHER.format(f"another {kind}, or none"), may_have_arrived=True)
        return row

    def find_resource(self, kind: str, uuid: str) -> Row | None:
        """The same; None where there is none of this kind."""
        try:
            return self.resource(kind, uuid)
        except RefusedError as error:
            if error.token_wide:
                raise
            return None

    def deployment(self, uuid: str, *, timeout: float | None = None) -> Response:
        """One deployment, whatever is answered."""
        return self.send("GET", f"/deployments/{quote(uuid, safe='')}", timeout=timeout)

    def deployment_history(
        self, uuid: str, take: int, *, skip: int = 0, timeout: float | None = None
    ) -> list[Row] | None:
        """An application's newest rows, but for the first `skip`; None where this version has no such list (before beta.402)."""
        params = {"take": str(take), **({"skip": str(skip)} if skip else {})}
        response = self.send(
            "GET", f"/deployments/applications/{quote(uuid, safe='')}", params, timeout=timeout
        )
        if responses.unknown_endpoint(response):
            return None
        data = self.json_or_raise(response)
        return _deployments(payload.value(data, "deployments"))

    def active_deployments(self, *, timeout: float | None = None) -> list[Row]:
        """All rows that are queued or running, of any application. The list may be an object with number keys (coolify-api 5.5)."""
        data = self.get("/deployments", timeout=timeout)
        return _deployments(list(data.values()) if isinstance(data, dict) else data)

    def services(self) -> list[Row]:
        """Every service of the team."""
        return rows(self.get("/services"), "services")

    def tagged(self, tag: str) -> list[Row]:
        """The applications that carry a tag (since beta.461)."""
        return rows(self.get("/applications", {"tag": tag}), "applications")


def application_of(row: Row) -> str:
    """The uuid of the application that a row belongs to: it stands in the path of its page."""
    match = DEPLOYMENT_PATH.search(str(row.get("deployment_url")))
    return match[1] if match else ""


def of_application(uuid: str, listed: list[Row] | None) -> list[Row] | None:
    """The same list. Raises UnavailableError where it is another application's: an empty one would mean that nothing was started."""
    if any(application_of(row) not in {"", uuid} for row in listed or ()):
        raise UnavailableError(ANOTHER.format("deployments of another application"), may_have_arrived=True)
    return listed


def rows(listed: Any, what: str) -> list[Row]:
    """The objects of a list. Raises UnavailableError where it is none, or holds anything but objects."""
    return _readable(listed, what, lambda row: isinstance(row, dict))


def _deployments(listed: Any) -> list[Row]:
    """The same. A row without its number can't be told from one that was there before."""
    return _readable(listed, "deployments", lambda row: isinstance(row, dict) and type(row.get("id")) is int)


def _readable(listed: Any, what: str, is_row: Callable[[Any], bool]) -> list[Row]:
    found = [row for row in listed if is_row(row)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or (listed and not found):
        raise UnavailableError(SHAPELESS.format(what), may_have_arrived=True)
    return found
