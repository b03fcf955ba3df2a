"""PURE: the guids of a resource and of those that it refers to, and the path of an app."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from deployer.model import UnavailableError
from deployer.providers import payload
from deployer.providers.payload import Row


def app_path(app: str) -> str:
    """The path of an app, by its guid."""
    return f"/v3/apps/{quote(app, safe='')}"


def guid_of(row: Any, kind: str) -> str:
    """The guid of a resource in the response to a POST.

    `kind`: the kind of resource, for the message. Raises UnavailableError if there is no guid: the request
    may have been carried out.
    """
    guid = payload.text(row, "guid")
    if not guid:
        reason = f"unrecognized response (expected the guid of a {kind})"
        raise UnavailableError(reason, may_have_arrived=True, from_server=True, server_error=reason)
    return guid


def droplet_of(row: Any) -> str:
    """The droplet that a build has made, or that a deployment deploys; empty if there is none."""
    return payload.text(row, "droplet", "guid")


def current_droplet_of(app: Row) -> str:
    """The droplet that is assigned to an app; empty if none is, or on an old server (cloudfoundry-api 4)."""
    return payload.text(app, "relationships", "current_droplet", "data", "guid")


def space_of(app: Row) -> str:
    """The space that an app is in; empty if the response does not name it."""
    return payload.text(app, "relationships", "space", "data", "guid")
