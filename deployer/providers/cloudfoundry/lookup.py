"""Finds apps: by guid, or by name in a space of an organization (cloudfoundry-api 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from deployer.model import RefusedError
from deployer.providers import payload
from deployer.providers.cloudfoundry.api import responses
from deployer.providers.cloudfoundry.api.client import Client, list_parameter
from deployer.providers.cloudfoundry.api.guids import app_path
from deployer.providers.cloudfoundry.options import GUID
from deployer.providers.payload import Row

NOT_VISIBLE = "the name is wrong, or the login has no role there"


@dataclass
class AppLookup:
    """Finds apps, and remembers their guids."""

    api: Client
    org: str = ""
    """The name of the organization; not needed for guids."""
    space: str = ""
    """The name of the space; not needed for guids."""
    found: dict[str, str] = field(default_factory=dict)
    """The guid of each app that was found, by its name and by its guid."""
    _space_guid: str = ""
    """The guid of the space; empty before it was found."""

    def app(self, target: str) -> Row:
        """The app as it is now.

        `target`: its name or guid. Raises RefusedError if the app, its space or its organization is not
        found.
        """
        if target in self.found:
            return self.api.row(app_path(self.found[target]))
        row = self._by_guid(target) if GUID.fullmatch(target) else None
        row = row or self._by_name(target)
        guid = str(row.get("guid"))
        self.found[target] = self.found[guid] = guid
        return row

    def guid(self, target: str) -> str:
        """The guid of an app that was found; any other target unchanged."""
        return self.found.get(target, target)

    def _by_guid(self, guid: str) -> Row | None:
        """The app with this guid; None if there is none, but it may be the name of an app."""
        response = self.api.send("GET", app_path(guid))
        if response.status == 404 and responses.NOT_FOUND in responses.codes(response):
            if self.org and self.space:
                return None
            raise RefusedError(
                f"app {guid} not found: the guid is wrong, or the login has no role in its space"
            )
        return payload.record(self.api.json_or_raise(response))

    def _by_name(self, name: str) -> Row:
        params = {"names": list_parameter(name), "space_guids": self._find_space()}
        app = with_name(self.api.pages("/v3/apps", params), name)
        if app is None:
            raise RefusedError(
                f"app {name!r} not found in the space {self.space!r} (organization {self.org!r})"
            )
        return app

    def _find_space(self) -> str:
        """The guid of the space, found once, with parameters that every platform supports.

        Source: cloudfoundry-api 11.
        """
        if not self._space_guid:
            params = {"names": list_parameter(self.space), "organization_guids": self._find_org()}
            space = with_name(self.api.pages("/v3/spaces", params), self.space)
            if space is None:
                raise RefusedError(
                    f"space {self.space!r} not found in the organization {self.org!r}: {NOT_VISIBLE}"
                )
            self._space_guid = str(space.get("guid"))
        return self._space_guid

    def _find_org(self) -> str:
        org = with_name(self.api.pages("/v3/organizations", {"names": list_parameter(self.org)}), self.org)
        if org is None:
            raise RefusedError(f"organization {self.org!r} not found: {NOT_VISIBLE}")
        return str(org.get("guid"))


def with_name(rows: list[Row], name: str) -> Row | None:
    """PURE. The resource with this name; None if there is none.

    The server's filter ignores case: so one that is written exactly like this comes first.
    """
    exact = [row for row in rows if row.get("name") == name]
    like = [row for row in rows if str(row.get("name")).casefold() == name.casefold()]
    return next(iter(exact or like), None)
