"""Finds apps by guid, or by name in an organization and a space (cloudfoundry-api 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from deployer.model import RefusedError
from deployer.providers import payload
from deployer.providers.cloudfoundry.api import responses
from deployer.providers.cloudfoundry.api.client import Client, listed
from deployer.providers.payload import Row

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
NOT_VISIBLE = "the name is wrong, or the login has no role there"


@dataclass
class AppLookup:
    """Finds apps, and remembers their guids and spaces."""

    api: Client
    org: str = ""
    space: str = ""
    found: dict[str, str] = field(default_factory=dict)
    """The guid of each target that was found."""
    spaces: dict[str, str] = field(default_factory=dict)
    """The guid of the space of each target."""
    _space: str = ""

    def app(self, target: str) -> Row:
        """The app's current record. Raises RefusedError if it, its space or its organization is not found."""
        if target in self.found:
            return self.api.row(f"/v3/apps/{quote(self.found[target], safe='')}")
        row = self._by_guid(target) if GUID.fullmatch(target) else None
        row = row or self._by_name(target)
        guid = str(row.get("guid"))
        self.found[target] = self.found[guid] = guid
        self.spaces[target] = space_of(row)
        return row

    def guid(self, target: str) -> str:
        """The guid of an app that was found."""
        return self.found.get(target, target)

    def _by_guid(self, guid: str) -> Row | None:
        response = self.api.send("GET", f"/v3/apps/{quote(guid, safe='')}")
        if response.status == 404 and responses.NOT_FOUND in responses.codes(response):
            if self.org and self.space:
                return None  # a name may have the form of a guid
            raise RefusedError(
                f"app {guid} not found: the guid is wrong, or the login has no role in its space"
            )
        return payload.record(self.api.json_or_raise(response))

    def _by_name(self, name: str) -> Row:
        rows = self.api.pages("/v3/apps", {"names": listed(name), "space_guids": self._space_guid()})
        return _named(rows, name) or _missing(
            f"app {name!r} not found in space {self.space!r} of organization {self.org!r}"
        )

    def _space_guid(self) -> str:
        """The guid of the space, read once, with lists that all platforms have (cloudfoundry-api 11)."""
        if not self._space:
            orgs = self.api.pages("/v3/organizations", {"names": listed(self.org)})
            org = _named(orgs, self.org) or _missing(f"organization {self.org!r} not found: {NOT_VISIBLE}")
            params = {"names": listed(self.space), "organization_guids": str(org.get("guid"))}
            spaces = self.api.pages("/v3/spaces", params)
            space = _named(spaces, self.space) or _missing(
                f"space {self.space!r} not found in organization {self.org!r}: {NOT_VISIBLE}"
            )
            self._space = str(space.get("guid"))
        return self._space


def space_of(app: Row) -> str:
    """The guid of an app's space; empty if the record lacks it."""
    return payload.text(app, "relationships", "space", "data", "guid")


def _named(rows: list[Row], name: str) -> Row | None:
    """The record with this name. The server ignores case, so an exact match comes first."""
    exact = [row for row in rows if row.get("name") == name]
    like = [row for row in rows if str(row.get("name")).casefold() == name.casefold()]
    return next(iter(exact or like), None)


def _missing(sentence: str) -> Row:
    raise RefusedError(sentence)
