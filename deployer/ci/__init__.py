"""The CI systems that we know, and which of them we run in. A new one: a file here, and its class in the tuple."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.plain import Plain

SYSTEMS: tuple[type[CI], ...] = (GitHub, GitLab, Plain)
NAMES: tuple[str, ...] = tuple(system.name for system in SYSTEMS)


def detect(environ: Mapping[str, str], named: str = "") -> type[CI]:
    """Find the system: the one that is named, otherwise the first that knows itself. Never fails: the settings tell of a wrong name."""
    by_name = {system.name: system for system in SYSTEMS}
    return by_name.get(named.strip().lower()) or next(system for system in SYSTEMS if system.detects(environ))
