"""What a check has seen of a target, for the calls that come after it; and PURE: how it is read from the server's answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deployer.model import Command, Target
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.trigger_requests import APPLICATION, TAG

ADDRESS = re.compile(r"https?://(?![^/?#]*@)(?=[^/?#:])[^\s\x00-\x1f\x7f<>\"'`|\\\ud800-\udfff]{1,500}")
PORT = re.compile(r"^(https?://[^/?#]+?):\d*(?=[/?#]|$)")
CREDENTIALS = re.compile(r"//[^/]*@")
SENSITIVE = ("custom_labels", "docker_compose_raw", "docker_compose", "dockerfile", "private_key_id")
"""Fields that only a token with `read:sensitive` sees (coolify-api 5.6)."""


@dataclass
class Resource:
    """One target.

    `newest_id`: the highest row `id` before our trigger; `running_before`: the deployments that ran then, where there is no
    list to be read (None
    where they can't be read either); `unread`: why the list could not be read. `from_list`: the row is one of a list, which shows less.
    `missing`: it is still to be made, and the row is what it will be. `health_check_passed`: Coolify's own health check did.
    `status_checks`: how often its status was looked at because of a lost answer; `status_changed`: it was seen to change.
    `started`: the row was read
    after it was started, so that its status before is not known. `down`: it was seen not to run since its deployment.
    `queued`: how often its deployment was seen to be queued; `behind`: how many ran on its server when that was read last.
    `webhook_commits`: the commits that a webhook has deployed. `members`: the applications that carry the tag, None where the
    server can't tell.
    """

    kind: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    newest_id: int = 0
    running_before: frozenset[str] | None = frozenset()
    unread: str = ""
    has_history: bool = False
    health_check_passed: bool = False
    status_checks: int = 0
    status_changed: bool = False
    started: bool = False
    down: bool = False
    queued: int = 0
    behind: int | None = None
    from_list: bool = False
    missing: bool = False
    webhook_commits: frozenset[str] = frozenset()
    members: tuple[Target, ...] | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether the server was asked what it is."""
        return bool(self.row) or self.kind == TAG

    @property
    def status(self) -> str:
        """What the server said of it before anything was done; empty where that is not known."""
        return "" if self.started else str(self.row.get("status") or "")

    @property
    def post_command(self) -> bool:
        """Whether the application has a post-deployment command."""
        return bool(self.row.get("post_deployment_command"))

    @property
    def servers(self) -> int:
        """How many additional servers the application is deployed to."""
        count = self.row.get("additional_servers_count")
        return count if isinstance(count, int) else 0

    @property
    def sensitive(self) -> bool | None:
        """Whether the token sees what only read:sensitive shows; None where nothing was read that would tell."""
        return (
            any(name in self.row for name in SENSITIVE)
            if self.row and not self.from_list and self.kind == APPLICATION
            else None
        )


@dataclass(frozen=True, slots=True)
class TagResponse:
    """What one answer of `POST /deploy?tag=` names: applications with their deployments, services by name only.

    `refusals`: whatever was not started, in the server's words. `skipped`: one of the deployments, or more, is a phantom.
    """

    deployments: tuple[tuple[str, str], ...]
    services: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    skipped: bool = False


def target(
    kind: str, uuid: str, row: dict[str, Any], options: Options, warnings: tuple[str, ...] = ()
) -> Target:
    """What people call it, where it can be visited, and what they should know before it is triggered."""
    status = row.get("status")
    url, before = public_url(row.get("fqdn")), None
    if options.pr:
        url, before = (
            ""
            if options.command is Command.STOP
            else preview_url(url, row.get("preview_url_template"), options.pr),
            "",
        )
    told = status if isinstance(status, str) else ""
    return Target(
        uuid,
        name=str(row.get("name") or ""),
        kind=kind,
        url=url,
        status=told,
        warnings=warnings,
        before=before,
    )


def public_url(fqdn: Any) -> str:
    """The first public address, if it is one: it becomes a link and an output. One with a user before its host is none: it misleads.

    Without its port: that is the container's, to which Coolify's proxy passes on what it takes at its own ports. Coolify's pages leave
    it out, too (getFqdnWithoutPort).
    """
    first = fqdn.split(",")[0].strip() if isinstance(fqdn, str) else ""
    return PORT.sub(r"\1", first) if ADDRESS.fullmatch(first) else ""


def preview_url(url: str, template: Any, number: int) -> str:
    """A preview's address, which no answer holds: made of the application's first one, keeping its path (coolify-api 5.10).

    The port that Coolify keeps there, too, is the container's: see `address`. Empty where it can't be known.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    text = str(template or "{{pr_id}}.{{domain}}")
    if not host or "{{random}}" in text:
        return ""
    name = text.replace("{{pr_id}}", str(number)).replace("{{domain}}", host)
    return public_url(urlunsplit((parts.scheme, name, parts.path, "", "")))


def description(row: dict[str, Any]) -> str:
    """What of an application would be deployed: its image, or its repository and how it is built."""
    pack, commit = str(row.get("build_pack") or ""), str(row.get("git_commit_sha") or "HEAD")
    if pack == "dockerimage":
        name, tag = (
            str(row.get("docker_registry_image_name") or ""),
            str(row.get("docker_registry_image_tag") or "latest"),
        )
        return f"Docker image {name}:{tag}"
    repository = CREDENTIALS.sub("//", str(row.get("git_repository") or "its repository"))
    place = f"{repository}, branch {row.get('git_branch') or '?'}"
    return f"{pack} build of {place}{'' if commit == 'HEAD' else f', pinned to {commit}'}"
