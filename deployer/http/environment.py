"""What this process's environment decides about a request: its proxy, the file of authorities, and whether we are in a container.

A variable that is wrong ends the request before anything is sent, and is named; its value is never shown.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from deployer.http import proxies, tls
from deployer.http.connection_errors import Attempt
from deployer.http.proxies import Route
from deployer.model import UnavailableError

CONTAINERS = ("/.dockerenv", "/run/.containerenv")
"""Files that Docker and Podman put into every container."""


class EnvironmentSession(requests.Session):
    """A session with our own rules for proxies and authorities. `trust_env`: whether the environment counts at all.

    `own_ca`: its adapter carries the context of `ca_cert`, which no variable beats.
    """

    own_ca = False

    def __init__(self) -> None:
        super().__init__()
        self._routes: dict[str, Route] = {}

    def _route(self, url: str) -> Route:
        """The way to this address, found out once: an environment stays as it is, and to read it takes longer than to poll a status."""
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._routes:
            self._routes[origin] = route(url, direct=not self.trust_env)
        return self._routes[origin]

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:  # noqa: ARG002 -- its name
        """Raises UnavailableError, without a request, where a variable is at fault."""
        way = self._route(url)
        if verify is not False:
            variable = self._bundle(url)
            verify = os.environ[variable] if variable else True
        chosen = {urlsplit(url).scheme: way.proxy} if way.proxy else {}
        return {"proxies": chosen, "stream": stream or self.stream, "verify": verify, "cert": cert}

    def attempt(self, url: str, connect: float) -> Attempt:
        """What the words for a failure of a request to this address need. `connect`: seconds that a connection was waited for."""
        way = self._route(url)
        unread = tls.unread(os.environ) if self.trust_env else ""
        return Attempt(url, connect, way.source, self.own_ca, self._bundle(url), unread, in_container())

    def _bundle(self, url: str) -> str:
        return "" if self.own_ca or not self.trust_env or not url.startswith("https:") else bundle()


def route(url: str, *, direct: bool = False) -> Route:
    """The way to an address. Raises UnavailableError where a variable holds no proxy's address."""
    try:
        return Route() if direct else proxies.route(url, os.environ)
    except ValueError as error:
        raise UnavailableError(str(error), permanent=True) from error


def bundle() -> str:
    """The variable whose file stands in the place of the public authorities. Raises UnavailableError where that file is not there."""
    variable = tls.bundle(os.environ)
    if problem := tls.unreadable(variable, os.environ):
        raise UnavailableError(problem, permanent=True)
    return variable


def blocking_variable(url: str, *, checked: bool) -> str:
    """What keeps every request to this address from being sent, as a sentence; empty where nothing does.

    `checked`: the certificate is checked without a `ca_cert`, so that the environment may name the file of authorities.
    """
    try:
        route(url)
        _ = checked and url.startswith("https:") and bundle()
    except UnavailableError as error:
        return error.reason
    return ""


def in_container() -> bool:
    """Whether this process runs in a container, as far as one can tell."""
    return any(Path(mark).exists() for mark in CONTAINERS) or "KUBERNETES_SERVICE_HOST" in os.environ
