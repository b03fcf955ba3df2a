"""What the environment of this process decides about a request: its proxy, its certificate authorities.

An invalid variable fails the request before anything is sent. The error names the variable and never shows
its value.
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
"""Files that Docker and Podman create in every container."""


class EnvironmentSession(requests.Session):
    """A session with our own rules for proxies and certificate authorities.

    `trust_env`: whether the environment counts.
    """

    own_ca = False
    """The adapter has a TLS context made from `ca_cert`, which takes precedence over any variable."""

    def __init__(self) -> None:
        super().__init__()
        self._routes: dict[str, Route] = {}

    def _route(self, url: str) -> Route:
        """The route to an origin, determined once.

        The environment does not change, and reading it takes longer than a poll.
        """
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._routes:
            self._routes[origin] = route(url, direct=not self.trust_env)
        return self._routes[origin]

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:  # noqa: ARG002 -- its name
        """Raises UnavailableError, without a request, if a variable is invalid."""
        route = self._route(url)
        if verify is not False:
            variable = self._bundle(url)
            verify = os.environ[variable] if variable else True
        chosen = {urlsplit(url).scheme: route.proxy} if route.proxy else {}
        return {"proxies": chosen, "stream": stream or self.stream, "verify": verify, "cert": cert}

    def proxy_variable(self, url: str) -> str:
        """The variable that names the proxy of requests to this URL; empty without one."""
        return self._route(url).source

    def attempt(self, url: str, connect: float) -> Attempt:
        """What an error message about a request to this URL needs.

        `connect`: the connect timeout in seconds.
        """
        route = self._route(url)
        unread = tls.unread(os.environ) if self.trust_env else ""
        return Attempt(url, connect, route.source, self.own_ca, self._bundle(url), unread, in_container())

    def _bundle(self, url: str) -> str:
        return "" if self.own_ca or not self.trust_env or not url.startswith("https:") else bundle()


def route(url: str, *, direct: bool = False) -> Route:
    """The route to a URL. Raises UnavailableError if a variable does not contain a valid proxy address."""
    try:
        return Route() if direct else proxies.route(url, os.environ)
    except ValueError as error:
        raise UnavailableError(str(error), permanent=True) from error


def bundle() -> str:
    """The variable whose file replaces the public CAs; empty if none is set.

    Raises UnavailableError if the file is missing.
    """
    variable = tls.bundle(os.environ)
    if problem := tls.unreadable(variable, os.environ):
        raise UnavailableError(problem, permanent=True)
    return variable


def blocking_variable(url: str, *, checked: bool) -> str:
    """Which variable fails every request to this URL, as a sentence; empty if none does.

    checked: the certificate is verified without `ca_cert`, so that the environment may name a file of CAs.
    """
    try:
        route(url)
        _ = checked and url.startswith("https:") and bundle()
    except UnavailableError as error:
        return error.reason
    return ""


def in_container() -> bool:
    """Whether this process seems to run in a container."""
    return any(Path(mark).exists() for mark in CONTAINERS) or "KUBERNETES_SERVICE_HOST" in os.environ
