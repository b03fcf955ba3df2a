"""The supported CI systems, and which of them the job runs in.

To add one: a file here, and its class in `SYSTEMS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.plain import Plain

SYSTEMS: tuple[type[CI], ...] = (GitHub, GitLab, Plain)
NAMES: tuple[str, ...] = tuple(system.name for system in SYSTEMS)


def detect(environ: Mapping[str, str], name: str = "") -> type[CI]:
    """The system with this name, otherwise the first that detects itself.

    Never fails: an invalid name is reported by the settings.
    """
    by_name = {system.name: system for system in SYSTEMS}
    return by_name.get(name.strip().lower()) or next(system for system in SYSTEMS if system.detects(environ))
