"""Coolify's API: which token a request carries, and which format each response must have (coolify-api 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployer.budget import Budget
from deployer.http.client import Http, Response
from deployer.model import RefusedError, UnavailableError
from deployer.providers import payload
from deployer.providers.coolify.api import responses
from deployer.providers.payload import Row

RESPONSE_MISMATCH = "the response is about {}: a cache in front of Coolify?"
"""A response about something else says nothing about what was requested."""

UNKNOWN_LIST_FORMAT = "Coolify's list of {} has an unknown format"
"""What can't be read as a list must not count as an empty one, which would mean that nothing is there."""

NOT_A_VERSION = "the response is JSON, but not a version: `coolify_url` is not the address of a Coolify"


@dataclass
class Client:
    """Sends requests to one Coolify server."""

    http: Http
    """Carries `coolify_token`."""
    reader: Http
    """Sends every GET; carries `read_token`, if there is one. Otherwise, the same object as `http`."""
    budget: Budget
    """Counts every request."""

    def send(  # noqa: PLR0913 -- the parts of one request, the rarer ones given by name
        self,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        *,
        body: Any = None,
        timeout: float | None = None,
        known: bytes = b"",
    ) -> Response:
        """Send one request, and return the response whatever it is.

        `timeout`: seconds to wait for the response instead of the default. `known`: the digest of an earlier
        response, which need not be parsed again. Raises UnavailableError if there was no response.
        """
        http = self.reader if method == "GET" else self.http
        self.budget.spend()
        response = http.send(method, path, params, body=body, timeout=timeout, known=known)
        self.budget.responded(
            payload.header_number(response, "x-ratelimit-remaining"),
            per_minute=payload.header_number(response, "x-ratelimit-limit"),
            blocked_for=responses.blocked_seconds(response),
        )
        return response

    def get(self, path: str, params: dict[str, str] | None = None, *, timeout: float | None = None) -> Any:
        """The JSON of a good response to GET. Raises RefusedError and UnavailableError for every other."""
        return self.json_or_raise(self.send("GET", path, params, timeout=timeout))

    def json_or_raise(self, response: Response) -> Any:
        """The JSON of a good response to GET, already sent.

        Raises RefusedError and UnavailableError for every other; names `read_token` if that one was rejected.
        """
        try:
            return responses.read_json_or_raise(response)
        except RefusedError as error:
            if error.token_wide and self.reader is not self.http:
                raise error.because(f"`read_token`: {error.reason}") from error
            raise

    def version(self, *, timeout: float) -> str | None:
        """The version of Coolify, as it writes it; None if the token lacks `read`.

        Raises RefusedError and UnavailableError for every response that is not Coolify's.
        """
        response = self.send("GET", "/version", timeout=timeout)
        if responses.lacks_ability(response, "read"):
            return None
        text = response.data.strip() if isinstance(response.data, str) else ""
        if response.status == 200 and responses.VERSION.fullmatch(text):
            return text
        self.json_or_raise(response)
        raise UnavailableError(NOT_A_VERSION)

    def resource(self, kind: str, uuid: str, *, timeout: float | None = None) -> Row:
        """One application, service or database.

        Raises RefusedError if there is none, and UnavailableError if the response is about another one.
        """
        row = self.get(f"/{kind}s/{quote(uuid, safe='')}", timeout=timeout)
        if not isinstance(row, dict) or row.get("uuid") != uuid:
            raise UnavailableError(
                RESPONSE_MISMATCH.format(f"another {kind}, or none"), may_have_arrived=True
            )
        return row

    def find_resource(self, kind: str, uuid: str) -> Row | None:
        """One application, service or database; None if there is none of this kind.

        Raises RefusedError if the token was rejected.
        """
        try:
            return self.resource(kind, uuid)
        except RefusedError as error:
            if error.token_wide:
                raise
            return None

    def deployment(self, uuid: str, *, timeout: float | None = None, known: bytes = b"") -> Response:
        """The response about one deployment, whatever it is. `known`: the digest of the one before."""
        return self.send("GET", f"/deployments/{quote(uuid, safe='')}", timeout=timeout, known=known)

    def deployment_history(
        self, uuid: str, take: int, *, skip: int = 0, timeout: float | None = None
    ) -> list[Row] | None:
        """An application's newest `take` deployment records, after the first `skip`.

        None if this version has no such list (before beta.402).
        """
        params = {"take": str(take), **({"skip": str(skip)} if skip else {})}
        path = f"/deployments/applications/{quote(uuid, safe='')}"
        response = self.send("GET", path, params, timeout=timeout)
        if responses.is_unknown_endpoint(response):
            return None
        return _deployments(payload.value(self.json_or_raise(response), "deployments"))

    def active_deployments(self, *, timeout: float | None = None) -> list[Row]:
        """The records of all queued and running deployments, of any application.

        Coolify may return the list as an object with numbers as keys (coolify-api 5.5).
        """
        data = self.get("/deployments", timeout=timeout)
        return _deployments(list(data.values()) if isinstance(data, dict) else data)

    def services(self) -> list[Row]:
        """Every service of the team."""
        return rows(self.get("/services"), "services")

    def tagged(self, tag: str) -> list[Row]:
        """The applications with a tag (since beta.461)."""
        return rows(self.get("/applications", {"tag": tag}), "applications")


def rows(listed: Any, what: str) -> list[Row]:
    """The objects of a list. `what`: what it lists, in the plural.

    Raises UnavailableError if it is not a list, or not empty and without any object.
    """
    return _readable(listed, what, lambda row: isinstance(row, dict))


def _deployments(listed: Any) -> list[Row]:
    """Deployment records. One without its `id` can't be told from one that was there before our trigger."""
    return _readable(listed, "deployments", lambda row: isinstance(row, dict) and type(row.get("id")) is int)


def _readable(listed: Any, what: str, is_row: Callable[[Any], bool]) -> list[Row]:
    found = [row for row in listed if is_row(row)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or (listed and not found):
        raise UnavailableError(UNKNOWN_LIST_FORMAT.format(what), may_have_arrived=True)
    return found
