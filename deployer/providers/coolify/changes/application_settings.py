"""PURE: the input `settings`: the fields of an application that it may change (coolify-api 5.7)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from deployer.providers.coolify.changes import images

SECRET = re.compile(
    r".*(?:passw|secret|token|key|credential).*|.*_command|custom_labels|custom_docker_run_options"
    r"|custom_nginx_configuration|dockerfile|docker_compose(?:_raw)?|gpu_options",
    re.IGNORECASE,
)
"""Fields that may contain a secret or code: reported as changed, but never shown."""

PASSWORD = re.compile(r"(?<=://)\S*@|(?<!\S)[^\s/@:]+:(?!//)\S*@(?!sha256)")
"""A login before the host of a URL, with or without a scheme; not the digest of an image."""

FORBIDDEN = {
    "instant_deploy": (
        "would start a second deployment that can't be followed. Remove it: this run deploys anyway"
    ),
    "uuid": "is not a field that can be changed. Use the input `uuid`",
    "fqdn": "is read-only. Use `domains`",
}
"""Fields that can't be changed, and why."""

SET_BY_INPUTS = {
    "image": (images.NAME_FIELD, images.TAG_FIELD),
    "commit": ("git_commit_sha",),
    "create": (
        "name",
        "domains",
        "ports_exposes",
        "project_uuid",
        "environment_name",
        "environment_uuid",
        "server_uuid",
        "destination_uuid",
    ),
}
"""Fields that an input of its own sets, by input."""

ADDED_IN = {
    "4.0.0-beta.420": (
        "is_http_basic_auth_enabled",
        "http_basic_auth_username",
        "http_basic_auth_password",
        "connect_to_docker_network",
    ),
    "4.0.0-beta.425": ("force_domain_override",),
    "4.0.0-beta.463": (
        "is_spa",
        "is_auto_deploy_enabled",
        "is_force_https_enabled",
        "custom_network_aliases",
        "dockerfile_location",
        "is_container_label_escape_enabled",
    ),
    "4.0.0-beta.470": ("health_check_type", "health_check_command", "dockerfile_target_build"),
    "4.0.0": ("is_preserve_repository_enabled",),
    "4.2.0": (
        "is_preview_deployments_enabled",
        "use_build_secrets",
        "is_git_submodules_enabled",
        "is_git_lfs_enabled",
        "is_git_shallow_clone_enabled",
        "disable_build_cache",
        "inject_build_args_to_dockerfile",
        "include_source_commit_in_build",
        "is_consistent_container_name_enabled",
        "custom_internal_name",
        "stop_grace_period",
        "docker_images_to_keep",
    ),
    "4.3.0": ("noindex_domains", "preview_url_template", "max_restart_count"),
}
"""Fields that older versions don't allow to be changed, by the version that added them."""

REMOVED_IN = {"docker_compose_raw": "4.0.0-beta.463"}
"""Fields that newer versions don't allow to be changed, each with the version that removed it."""


def settings(text: str) -> dict[str, Any]:
    """The fields to change. Raises ValueError with a sentence that shows no value: it may be a secret."""
    try:
        fields = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(fields, dict) or not fields:
        raise ValueError(
            'must be a JSON object of application fields, such as {"health_check_enabled": true}'
        )
    if wrong := [f"`{name}` {reason}" for name, reason in FORBIDDEN.items() if name in fields]:
        raise ValueError("; ".join(wrong))
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"contains a field twice: {', '.join(twice)}")
    return dict(pairs)


def _no_constant(_: str) -> Any:
    raise ValueError("contains NaN or Infinity, which JSON does not allow")


def overlaps(fields: Iterable[str], inputs: Iterable[str]) -> list[tuple[str, str]]:
    """Fields that another input also sets, each with that input."""
    used, present = set(inputs), set(fields)
    return [
        (name, each)
        for each, names in SET_BY_INPUTS.items()
        if each in used
        for name in names
        if name in present
    ]
