"""One Coolify's API: which token a request carries, and the shape that each answer must have (coolify-api 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployer.http import Http, Reply
from deployer.model import RefusedError, UnavailableError
from deployer.providers.coolify import answers

PLACE = re.compile(r"/application/([^/]+)/deployment/[^/]+/?")

Row = dict[str, Any]


@dataclass
class Api:
    """`reader` carries the token that is used for reading only; the other one may be it, too."""

    http: Http
    reader: Http
    remaining: int | None = None

    def send(
        self, method: str, path: str, params: dict[str, str] | None = None, *, body: Any = None, patience: float | None = None
    ) -> Reply:
        """One request, whatever is answered."""
        http = self.reader if method == "GET" else self.http
        reply = http.send(method, path, params, body=body, patience=patience)
        left = reply.headers.get("x-ratelimit-remaining", "")
        self.remaining = int(left) if re.fullmatch(r"\d{1,6}", left) else None
        return reply

    def get(self, path: str, params: dict[str, str] | None = None, *, patience: float | None = None) -> Any:
        """The JSON of a good answer. Raises RefusedError and UnavailableError."""
        return self.good(self.send("GET", path, params, patience=patience))

    def good(self, reply: Reply) -> Any:
        """The JSON of a good answer to something that was read."""
        try:
            return answers.good(reply)
        except RefusedError as error:
            if error.everywhere and self.reader is not self.http:
                error.reason = f"`read_token`: {error.reason}"
            raise

    def resource(self, kind: str, uuid: str, *, patience: float | None = None) -> Row:
        """One application, service or database."""
        row = self.get(f"/{kind}s/{quote(uuid, safe='')}", patience=patience)
        return row if isinstance(row, dict) else {}

    def seek(self, kind: str, uuid: str) -> Row | None:
        """The same; None where there is none of this kind."""
        try:
            return self.resource(kind, uuid)
        except RefusedError as error:
            if error.everywhere:
                raise
            return None

    def deployment(self, uuid: str, *, patience: float | None = None) -> Reply:
        """One deployment, whatever is answered."""
        return self.send("GET", f"/deployments/{quote(uuid, safe='')}", patience=patience)

    def history(self, uuid: str, take: int, *, patience: float | None = None) -> list[Row] | None:
        """An application's newest rows; None where this version has no such list (before beta.402)."""
        reply = self.send("GET", f"/deployments/applications/{quote(uuid, safe='')}", {"take": str(take)}, patience=patience)
        if answers.unknown_endpoint(reply):
            return None
        data = self.good(reply)
        listed = data.get("deployments") if isinstance(data, dict) else None
        if not isinstance(listed, list):
            raise UnavailableError("Coolify's list of deployments has another shape than all known versions give it", arrived=True)
        return _rows(listed)

    def active(self, *, patience: float | None = None) -> list[Row]:
        """All rows that are queued or running, of any application. The list may be an object with number keys (coolify-api 5.5)."""
        data = self.get("/deployments", patience=patience)
        return _rows(list(data.values()) if isinstance(data, dict) else data)

    def services(self) -> list[Row]:
        """Every service of the team."""
        return _rows(self.get("/services"))

    def tagged(self, tag: str) -> list[Row]:
        """The applications that carry a tag (since beta.461)."""
        return _rows(self.get("/applications", {"tag": tag}))


def application_of(row: Row) -> str:
    """The uuid of the application that a row belongs to: it stands in the path of its page."""
    match = PLACE.search(str(row.get("deployment_url")))
    return match[1] if match else ""


def _rows(listed: Any) -> list[Row]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
