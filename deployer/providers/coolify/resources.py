"""What is known of each target; and PURE: how that is read from Coolify's responses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deployer.model import Command, Target
from deployer.providers import payload
from deployer.providers.coolify.changes.progress import ChangeProgress
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, TAG, TriggerRequest
from deployer.providers.payload import Row

ADDRESS = re.compile(r"https?://(?![^/?#]*@)(?=[^/?#:])[^\s\x00-\x1f\x7f<>\"'`|\\\ud800-\udfff]{1,500}")
PORT = re.compile(r"^(https?://[^/?#]+?):\d*(?=[/?#]|$)")
CREDENTIALS = re.compile(r"//[^/]*@")
SENSITIVE_FIELDS = ("custom_labels", "docker_compose_raw", "docker_compose", "dockerfile", "private_key_id")
"""Fields that Coolify only shows to a token with `read:sensitive` (coolify-api 5.6)."""


@dataclass(frozen=True, slots=True)
class TagResponse:
    """What a response of `POST /deploy?tag=` names."""

    deployments: tuple[tuple[str, str], ...]
    """Application uuid and deployment uuid, for each application."""
    services: tuple[str, ...] = ()
    """The names of services that were started; Coolify does not return their uuids."""
    refusals: tuple[str, ...] = ()
    """What was not started, in Coolify's words."""
    skipped: bool = False
    """At least one of the deployments is a phantom: Coolify has skipped it as already queued."""


@dataclass
class Progress:
    """What this run has done with a target so far. Kept when the target is resolved again."""

    pinned_commit: str = ""
    """The commit that this run has pinned the application to; empty if none."""
    tag_response: TagResponse | None = None
    """What the response to the trigger of this tag has named."""
    rollback_request: TriggerRequest | None = None
    """The rollback that was sent, or is about to be."""
    stuck_reason: str = ""
    """Why the older deployment, for which the last trigger was skipped, won't start; empty if it may."""
    changes: ChangeProgress = field(default_factory=ChangeProgress)
    """What was changed before the deployment."""
    rollback_changes: tuple[str, ...] = ()
    """What was changed for a rollback, as phrases such as `image: a → b`."""


@dataclass
class Resource:
    """One target: an application, service, database or tag."""

    kind: str = ""
    """One of KINDS, or TAG."""
    row: Row = field(default_factory=dict)
    """The resource as Coolify returned it; empty if it was not read."""
    newest_id: int = 0
    """The highest `id` of its deployment records before our trigger."""
    running_before: frozenset[str] | None = frozenset()
    """Uuids of the deployments that were active before our trigger.

    Read only where the history can't be; None if these can't be read either.
    """
    unread: str = ""
    """Why the list of its deployments could not be read; empty if it could."""
    has_history: bool = False
    """Its deployment history could be read."""
    health_check_passed: bool = False
    """Coolify's own health check has passed."""
    status_checks: int = 0
    """How often its status was read to find out what a lost response has started."""
    status_changed: bool = False
    """Its status was seen to change after the trigger."""
    started: bool = False
    """The row was read after the resource was started, so that its earlier status is unknown."""
    heartbeat: str = ""
    """When its server had last reported to Coolify, in the last response about its status."""
    queued: int = 0
    """How often its deployment was seen to be queued."""
    behind: int | None = None
    """How many deployments were running on its server when that was read last; None if unknown."""
    from_list: bool = False
    """The row is from a list, which has fewer fields."""
    missing: bool = False
    """It does not exist yet, and the row shows what it will be."""
    durations: tuple[float, ...] = ()
    """Seconds that earlier deployments of it took, including their time in the queue."""
    webhook_commits: frozenset[str] = frozenset()
    """The commits that a webhook has deployed."""
    members: tuple[Target, ...] | None = None
    """The applications with the tag; None if Coolify can't list them."""
    progress: Progress = field(default_factory=Progress)
    """What this run has done with it."""

    @property
    def is_resolved(self) -> bool:
        """Whether Coolify was asked what it is."""
        return bool(self.row) or self.kind == TAG

    @property
    def status(self) -> str:
        """Its status before this run did anything, in Coolify's words; empty if unknown."""
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
    def shows_sensitive(self) -> bool | None:
        """Whether the token has `read:sensitive`, by the fields that the row has; None if it can't tell."""
        if not self.row or self.from_list or self.kind != APPLICATION:
            return None
        return any(name in self.row for name in SENSITIVE_FIELDS)


def target(kind: str, uuid: str, row: Row, options: Options, warnings: tuple[str, ...] = ()) -> Target:
    """The resource as `run` knows it: name, address, status, server, and what the user should know."""
    status, url, before = row.get("status"), public_url(row.get("fqdn")), None
    if options.pr:
        deleted = options.command is Command.STOP
        url = "" if deleted else preview_url(url, row.get("preview_url_template"), options.pr)
        before = ""
    return Target(
        uuid,
        name=str(row.get("name") or ""),
        kind=kind,
        url=url,
        status=status if isinstance(status, str) else "",
        warnings=warnings,
        server=payload.text(row, "destination", "server", "name"),
        before=before,
    )


def public_url(fqdn: Any) -> str:
    """The first public address of an application; empty if it is not valid. It becomes a link and an output.

    Without its port, which is the container's: Coolify's proxy listens on its own ports, and Coolify's pages
    leave it out as well (getFqdnWithoutPort). An address with a user before its host is misleading, and
    therefore not valid.
    """
    first = fqdn.split(",")[0].strip() if isinstance(fqdn, str) else ""
    return PORT.sub(r"\1", first) if ADDRESS.fullmatch(first) else ""


def preview_url(url: str, template: Any, number: int) -> str:
    """The address of a preview, made from the application's first one; empty if that is not possible.

    No endpoint returns it. It keeps the path (coolify-api 5.10). Coolify keeps the port as well, but that is
    the container's: see `public_url`.
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


def description(row: Row) -> str:
    """What would be deployed of an application: its image, or its repository and how it is built."""
    pack, commit = str(row.get("build_pack") or ""), str(row.get("git_commit_sha") or "HEAD")
    if pack == "dockerimage":
        name = str(row.get("docker_registry_image_name") or "")
        return f"Docker image {name}:{row.get('docker_registry_image_tag') or 'latest'}"
    repository = CREDENTIALS.sub("//", str(row.get("git_repository") or "its repository"))
    source = f"{pack} build of {repository}, branch {row.get('git_branch') or '?'}"
    return source if commit == "HEAD" else f"{source}, pinned to {commit}"
