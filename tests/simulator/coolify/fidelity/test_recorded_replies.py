"""Every recorded reply of Coolify (coolify-api 14 and 17) is parsed by the function that would receive it.

`FIXTURES` and `SEQUENCE_RESULTS` contain the expected result of each derived reply and each sequence of
polls. All other captured replies are parsed without a crash, with a result that fits their status.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses

from deployer.http.redirects import Leads
from deployer.model import (
    AlreadyDone,
    Command,
    GroupMember,
    GroupStarted,
    Handle,
    LogLines,
    RefusedError,
    Rejected,
    RetryLater,
    Snapshot,
    Stage,
    Started,
    Target,
    UnavailableError,
    VerifyHealth,
)
from deployer.providers.coolify import preflight, resources
from deployer.providers.coolify.api import responses as api_responses
from deployer.providers.coolify.history import application_of, matches_ours
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import trigger
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, NO_CANCEL, SERVICE, TAG
from deployer.providers.coolify.watching import deployment, resource_status
from deployer.watch import (
    End,
    NextStage,
    Verdict,
    Watch,
    WatchResult,
    first_poll,
    next_step,
    observe,
    undated_from,
)
from tests.providers.coolify.support import BASE, NEW, server

CONTRACTS = Path(__file__).parents[3] / "contracts" / "coolify"
OLD = "4.0.0-beta.434"
Record = dict[str, Any]


# --- the files


def files_in(folder: str, pattern: str = "*.json") -> list[str]:
    """The files of a folder and its subfolders, as paths without suffix."""
    return sorted(
        path.relative_to(CONTRACTS).with_suffix("").as_posix() for path in (CONTRACTS / folder).rglob(pattern)
    )


CAPTURED = [*files_in("captured"), *files_in("captured-2")]
SEQUENCES = {
    name for folder in ("captured", "captured-2", "fixtures") for name in files_in(folder, "sequence_*.json")
}


@cache
def recorded(name: str) -> Record:
    found: Record = json.loads((CONTRACTS / f"{name}.json").read_text("utf-8"))
    return found


def version_of(record: Record) -> str:
    """The version of a reply. A fixture only describes it, and only very old versions make a difference."""
    return str(
        record.get("coolify_version")
        or (OLD if str(record["versions"]).startswith(("<", "4.0.0-beta")) else NEW)
    )


def serve(wire: responses.RequestsMock, path: str, response: Record, method: str = "GET") -> None:
    """Serve a response at a path, with any query, and without the headers of its transport."""
    pairs = response["headers"].items() if isinstance(response["headers"], dict) else response["headers"]
    rest = {
        name.lower(): value
        for name, value in pairs
        if name.lower() not in {"transfer-encoding", "content-length", "connection"}
    }
    kind, body = rest.pop("content-type", None), response["body"]
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    wire.add(method, BASE + path, body=text, status=response["status"], headers=rest, content_type=kind)


def parameters_of(request: Record) -> Record:
    """The parameters of the query and of the body. Lists are joined with commas."""
    query, body = request.get("query") or {}, request.get("body") or {}
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = _flat(body)
    merged = {
        **(_flat(query) if isinstance(query, str) else query),
        **(body if isinstance(body, dict) else {}),
    }
    return {
        name.removesuffix("[]"): ",".join(value) if isinstance(value, list) else str(value)
        for name, value in merged.items()
    }


def _flat(text: str) -> Record:
    return {name: values[-1] for name, values in parse_qs(text).items()}


# --- results in one line


def describe(value: Any) -> str:
    return next((DESCRIPTIONS[kind] for kind in type(value).__mro__ if kind in DESCRIPTIONS), str)(value)


def _unavailable(error: UnavailableError) -> str:
    flags = [flag for flag in ("may_have_arrived", "from_server", "permanent") if getattr(error, flag)]
    return f"{' '.join(['unavailable', *flags])}{_some(' {:g} s', error.retry_after)}: {error.reason}"


def _snapshot(snapshot: Snapshot) -> str:
    log = "no log" if snapshot.log is None else f"{len(snapshot.log)} entries"
    return ": ".join(filter(None, (f"{phase_of(snapshot)}, {log}", snapshot.reason, *snapshot.warnings)))


def phase_of(snapshot: Snapshot) -> str:
    return f"{snapshot.phase.value}{_some(', held {:g} s', snapshot.stable_for)}"


def _some(pattern: str, value: Any) -> str:
    """Format a value, or return "" if it is empty."""
    return pattern.format(value) if value else ""


def _all(values: Iterable[Any]) -> str:
    return ", ".join(map(describe, values))


DESCRIPTIONS: dict[type, Callable[[Any], str]] = {
    RefusedError: lambda error: f"refused{' token-wide' if error.token_wide else ''}: {error.reason}",
    UnavailableError: _unavailable,
    Rejected: lambda result: f"not started: {result.reason}",
    RetryLater: lambda result: f"later, {result.seconds:g} s: {result.reason}",
    AlreadyDone: lambda result: f"done: {result.note}",
    Started: lambda result: (
        f"started {_all(result.handles) or 'nothing to follow'}{_some(' ({})', result.note)}"
    ),
    GroupStarted: lambda result: f"split into {_all(result.members)}{_some(' ({})', result.rest)}",
    GroupMember: lambda member: f"{member.target.label} {describe(member.handle)}",
    Handle: lambda handle: (
        f"{handle.id or handle.condition or 'whatever is there'}, {handle.certainty.value}"
    ),
    Target: lambda target: " ".join(filter(None, (target.kind, target.name, target.url))),
    Snapshot: _snapshot,
    Verdict: lambda verdict: f"{verdict.outcome.status}{_some(': {}', verdict.reason)}",
    NextStage: lambda next_stage: (
        f"{describe(next_stage.so_far)}, then {next_stage.stage.value}: {_all(next_stage.handles)}"
    ),
}


def result_of(call: Callable[[], Any]) -> str:
    """Describe the result of a call, or its error."""
    try:
        return describe(call())
    except (RefusedError, UnavailableError) as error:
        return describe(error)


# --- the calls that parse a reply


@dataclass(frozen=True)
class Exchange:
    """A recorded exchange, whose response is served."""

    name: str
    record: Record
    wire: responses.RequestsMock

    @property
    def parameters(self) -> Record:
        return parameters_of(self.record["request"])

    def server(self, kind: str = APPLICATION, *uuids: str, **options: Any) -> CoolifyProvider:
        """A provider of the recorded version that knows these resources."""
        return server(
            version=version_of(self.record), known={uuid: Resource(kind) for uuid in uuids}, **options
        )

    def serve_also(self, path: str, name: str, *, as_list: bool = False) -> None:
        """Serve a further recorded response that the call needs."""
        response = recorded(name)["response"]
        serve(self.wire, f"/api/v1{path}", {**response, "body": [response["body"]]} if as_list else response)


def connect(exchange: Exchange) -> str:
    return result_of(exchange.server().connect)


def poll_deployment(exchange: Exchange, uuid: str) -> str:
    row = exchange.record["response"]["body"]
    return result_of(
        lambda: exchange.server().poll(
            Handle(application_of(row) if isinstance(row, dict) else "unknown", uuid)
        )
    )


def history(exchange: Exchange, uuid: str) -> str:
    return result_of(lambda: _statuses(exchange.server().api.deployment_history(uuid, 3)))


def active(exchange: Exchange) -> str:
    return result_of(lambda: _statuses(exchange.server().api.active_deployments()))


def tagged(exchange: Exchange) -> str:
    return result_of(lambda: _statuses(exchange.server().api.tagged("blue")))


def _statuses(records: list[Record] | None) -> str:
    return (
        "no such list"
        if records is None
        else f"listed: {', '.join(str(row['status']) for row in records) or 'nothing'}"
    )


def resource(exchange: Exchange, kind: str, uuid: str) -> str:
    """Describe the resource, and what its status means for each condition."""
    coolify = exchange.server(kind, uuid)
    name = result_of(lambda: resources.target(kind, uuid, coolify.api.resource(kind, uuid), coolify.options))
    if exchange.record["response"]["status"] != 200:
        return name
    conditions = (
        resource_status.HEALTH if kind == APPLICATION else resource_status.RUNNING,
        resource_status.STOPPED,
    )
    return "; ".join(
        [
            name,
            *(
                f"{condition}? {phase_of(coolify.poll(Handle(uuid, '', condition=condition)))}"
                for condition in conditions
            ),
        ]
    )


def deploy(exchange: Exchange) -> str:
    """Trigger by tag or by the first uuid. The preflight's probe has neither."""
    parameters = exchange.parameters
    if "uuid" not in parameters and "tag" not in parameters:
        return result_of(lambda: f"may deploy: {preflight.can_deploy(exchange.server().api)}")
    if "uuid" not in parameters:
        folder = exchange.name.rpartition("/")[0]
        exchange.serve_also(
            "/services", f"{folder}/service_get{'_running' if folder == 'fixtures' else ''}", as_list=True
        )
        return result_of(
            lambda: exchange.server(TAG, parameters["tag"], tags=frozenset({parameters["tag"]})).trigger(
                parameters["tag"]
            )
        )
    uuid = parameters["uuid"].split(",")[0].strip()
    pr = int(parameters.get("pr") or parameters.get("pull_request_id") or 0)
    options = {
        "force": parameters.get("force") == "true",
        "pr": pr,
        "docker_tag": parameters.get("docker_tag", ""),
        "pull_latest": False,
    }
    return result_of(lambda: exchange.server(kinds().get(uuid, APPLICATION), uuid, **options).trigger(uuid))


@cache
def kinds() -> dict[str, str]:
    """The services and databases, by the paths of their requests."""
    paths = [recorded(name).get("request", {}).get("path", "") for name in (*files_in("fixtures"), *CAPTURED)]
    return {
        uuid: kind
        for path in paths
        for kind, uuid in re.findall(r"^/api/v1/(service|database)s/([^/]+)", path)
    }


def action(exchange: Exchange, kind: str, uuid: str, verb: str) -> str:
    """Send an action.

    `/start` of an application means `instant_deploy`; `/restart` of a service with `latest` is its
    deployment.
    """
    deploys = (kind, verb) == (APPLICATION, "start") or "latest" in exchange.parameters
    command = Command.DEPLOY if deploys else Command(verb)
    return result_of(
        lambda: exchange.server(kind, uuid, command=command, instant=kind == APPLICATION).trigger(uuid)
    )


def cancel(exchange: Exchange, uuid: str) -> str:
    """Cancel. After a 500 the deployment is polled: here it is cancelled."""
    exchange.serve_also(f"/deployments/{uuid}", "fixtures/deployment_get_cancelled")
    return result_of(lambda: exchange.server().cancel(Handle("it", uuid)))


def delete_preview(exchange: Exchange, uuid: str, number: str) -> str:
    pr = int(number) if number.isdecimal() else 9
    serve(exchange.wire, f"/api/v1/applications/{uuid}/previews/{pr}", exchange.record["response"], "DELETE")
    return result_of(lambda: exchange.server(APPLICATION, uuid, command=Command.STOP, pr=pr).trigger(uuid))


def probe_write(exchange: Exchange, uuid: str) -> str:
    if exchange.record["request"]["body"] not in ({}, "{}"):
        return any_response(exchange)
    return result_of(
        lambda: f"may write: {preflight.can_write(exchange.server().api, {uuid: Resource(APPLICATION)})}"
    )


def any_response(exchange: Exchange) -> str:
    """Parse the response to a request that we never send: accepted, or rejected with a reason."""
    serve(exchange.wire, "/api/v1/anything", exchange.record["response"])
    return result_of(
        lambda: (
            "accepted, a "
            f"{type(api_responses.json_or_raise(exchange.server().api.send('GET', '/anything'))).__name__}"
        )
    )


UUID = "([^/]+)"
KIND = "(application|service|database)s"
CALLS: dict[str, Callable[..., str]] = {
    "GET /version": connect,
    "GET /deployments": active,
    f"GET /deployments/{UUID}": poll_deployment,
    f"GET /deployments/applications/{UUID}": history,
    "GET /applications": tagged,
    f"GET /{KIND}/{UUID}": resource,
    "POST /deploy": deploy,
    f"POST /deployments/{UUID}/cancel": cancel,
    f"POST /{KIND}/{UUID}/(start|restart|stop)": action,
    f"DELETE /applications/{UUID}/previews/{UUID}": delete_preview,
    f"PATCH /applications/{UUID}": probe_write,
}


def call_for(request: Record) -> tuple[Callable[..., str], tuple[str, ...]]:
    request_line = f"{request['method']} {request['path'].removeprefix('/api/v1')}"
    matches = (
        (call, match.groups())
        for pattern, call in CALLS.items()
        if (match := re.fullmatch(pattern, request_line))
    )
    return next(matches, (any_response, ()))


def parse_reply(name: str) -> str:
    """Describe what a recorded reply is parsed as."""
    record = recorded(name)
    call, arguments = call_for(record["request"])
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        serve(wire, record["request"]["path"], record["response"], record["request"]["method"])
        return call(Exchange(name, record, wire), *arguments)


# --- the fixtures of the contract

MY_APP, OTHER_APP, DEPLOYMENT = (
    "k4s8wk0c0ggw4kc8c4s0ko8o",
    "xo0ck8g4scw0k88og4kwgs48",
    "vgs4k8c0ws0cwg4o8kc0s4gk",
)
MADE_UP_UUID = "zz0phantom0uuid0never0row"
PAGE = "a web page instead of JSON: a proxy or Cloudflare is in front of Coolify, or `coolify_url` is wrong"
FULL = "Coolify says: Deployment queue is full. Please wait for existing deployments to complete."
NO_SUCH = "the deployment does not exist"
DUPLICATE = f"started whatever is there, phantom ({trigger.ALREADY_QUEUED})"


def coolify_says(text: str, status: int) -> str:
    return f"refused: Coolify says: {text} (HTTP {status})"


def forbidden(start: str, rest: str = "") -> str:
    return f"{api_responses.FORBIDDEN[start]} ({start}{rest})"


NO_SCRIPT = "The script is missing from package.json. Add it, or change the command in Coolify.\n"
FIXTURES = {
    # Endpoints that are not used.
    **dict.fromkeys(
        (
            *(
                "app_create_dockerimage_200_beta380",
                "app_create_dockerimage_201",
                "app_create_dockerimage_201_null_domains",
            ),
            *(
                "app_env_delete_200",
                "app_env_patch_201",
                "app_env_post_201",
                "app_logs_200",
                "app_rollback_images_200",
            ),
            *(
                "app_patch_200",
                "app_patch_200_instant_deploy",
                "app_patch_200_instant_deploy_skipped",
                "app_rollback_queued",
            ),
            *("deploy_uuid_queued_get", "service_app_start_200", "service_env_post_201"),
        ),
        "accepted, a dict",
    ),
    **dict.fromkeys(
        (
            *(
                "app_envs_bulk_201_list",
                "app_envs_get_read_only",
                "app_envs_get_sensitive",
                "database_envs_bulk_201",
            ),
            *("projects_200", "resources_200", "servers_200", "service_envs_bulk_201", "tags_200"),
        ),
        "accepted, a list",
    ),
    "app_create_dockerimage_400_many_destinations": coolify_says(
        "Server has multiple destinations and you do not set destination_uuid.", 400
    ),
    "app_create_dockerimage_400_no_destinations": coolify_says("Server has no destinations.", 400),
    "app_create_dockerimage_404_environment": coolify_says("Environment not found.", 404),
    "app_create_dockerimage_404_project": coolify_says("Project not found.", 404),
    "app_create_dockerimage_404_server": coolify_says("Server not found.", 404),
    "app_create_dockerimage_422": coolify_says("Validation failed.", 422),
    "app_create_dockerimage_422_env": coolify_says(
        "You need to provide at least one of environment_name or environment_uuid.", 422
    ),
    "app_env_patch_404": coolify_says("Environment variable not found.", 404),
    "app_env_post_409": coolify_says(
        "Environment variable already exists. Use PATCH request to update it.", 409
    ),
    "app_env_post_422_is_build_time": coolify_says("Validation failed.", 422),
    "app_env_post_422_is_buildtime_old": coolify_says("Validation failed.", 422),
    "app_logs_400_not_running": coolify_says("Application is not running.", 400),
    "app_patch_400_not_json": coolify_says("Invalid request.", 400),
    "app_patch_404": coolify_says("Application not found", 404),
    "app_patch_409_domain_conflict": coolify_says(
        "Domain conflicts detected. Use force_domain_override=true to proceed.", 409
    ),
    "app_patch_422_errors_is_list": coolify_says("Validation failed.", 422),
    "app_patch_422_list": coolify_says("Validation failed.", 422),
    "app_patch_422_tag_regex": coolify_says("Validation failed.", 422),
    "health_200": f"unavailable may_have_arrived: HTTP 200: {PAGE}",
    "health_v1_200": f"unavailable may_have_arrived: HTTP 200: {PAGE}",
    "notification_webhook_failed": "unavailable may_have_arrived: HTTP 200: a response that is not Coolify's",
    "notification_webhook_success": "unavailable may_have_arrived: HTTP 200: a response that is not "
    "Coolify's",
    "quirk_body_uuid_shadows_path": coolify_says("Service not found.", 404),
    "transport_405_post_required": coolify_says("This endpoint has changed to a POST request.", 405),
    # Connecting, and the token's abilities.
    "version_200": f"Coolify 4.3.10 at {BASE}",
    "app_patch_400_empty_json": "may write: True",
    "deploy_400_no_target": "may deploy: True",
    # Applications, services and databases, with each condition.
    "app_get_200": "application my-app https://app.example.com; healthy? succeeded; stopped? running",
    "app_get_200_beta380": "application my-app https://app.example.com; healthy? succeeded; stopped? running",
    "app_get_404": coolify_says("Application not found.", 404),
    "app_status_degraded_unhealthy": "application my-app; healthy? failed, held 90 s; stopped? running",
    "app_status_exited_unhealthy": "application my-app; healthy? failed, held 90 s; stopped? succeeded",
    "app_status_paused_unknown": "application my-app; healthy? running; stopped? running",
    "app_status_restarting_unknown": "application my-app; healthy? failed, held 90 s; stopped? running",
    "app_status_running_healthy_excluded": "application my-app; healthy? succeeded; stopped? running",
    "app_status_running_starting": "application my-app; healthy? running; stopped? running",
    "app_status_running_unhealthy": "application my-app; healthy? succeeded; stopped? running",
    "app_status_running_unknown": "application my-app; healthy? succeeded; stopped? running",
    "app_status_starting_unknown": "application my-app; healthy? running; stopped? running",
    "service_get_running": "service my-stack; running? succeeded, held 75 s; stopped? running",
    "service_status_colon": "service my-stack; running? running; stopped? running",
    "service_status_degraded_unhealthy": "service my-stack; running? failed, held 180 s; stopped? running",
    "service_status_exited": "service my-stack; running? failed, held 180 s; stopped? succeeded",
    "service_status_exited_unhealthy": "service my-stack; running? failed, held 180 s; stopped? succeeded",
    "service_status_running_unknown": "service my-stack; running? succeeded, held 75 s; stopped? running",
    "service_status_starting_unhealthy": "service my-stack; running? running; stopped? running",
    "service_status_unknown_unknown_excluded": "service my-stack; running? running; stopped? running",
    "database_get_200": "database my-pg; running? succeeded, held 75 s; stopped? running",
    "database_404": coolify_says("Database not found.", 404),
    # Triggers.
    "deploy_uuid_queued": f"started {DEPLOYMENT}, confirmed",
    "deploy_uuid_mixed_resources": f"started {DEPLOYMENT}, confirmed",
    "deploy_uuid_skipped_phantom": DUPLICATE,
    "deploy_uuid_docker_tag_wrong_buildpack_200": "not started: Coolify says: docker_tag can only be used "
    "with Docker Image applications.",
    "deploy_uuid_pr_not_found_200": "not started: Coolify says: Pull request 42 not found for this resource. "
    f"{trigger.no_preview(Options(pr=42))}",
    "deploy_400_docker_tag_and_tag": coolify_says("docker_tag requires pull_request_id.", 400),
    "deploy_400_docker_tag_without_pr": coolify_says("docker_tag requires pull_request_id.", 400),
    "deploy_400_no_uuids": coolify_says("No UUIDs provided.", 400),
    "deploy_400_tag_and_pr": coolify_says("You can only use tag or pr, not both.", 400),
    "deploy_400_uuid_and_tag": coolify_says("You can only use uuid or tag, not both.", 400),
    "deploy_404_no_resources": coolify_says("No resources found.", 404),
    "deploy_tag_queued": f"split into {MY_APP} {DEPLOYMENT}, confirmed, {OTHER_APP} "
    "m0kcw8o4g8k0ssw4c0kk4wo8, confirmed, my-stack running, confirmed",
    "deploy_tag_skipped_phantom": f"split into {MY_APP} {MADE_UP_UUID}, possibly phantom",
    "deploy_tag_only_services": "split into my-stack running, confirmed",
    "deploy_tag_empty_tag": "not started: Coolify says: No resources found for tag lonely.",
    "deploy_tag_404": coolify_says("No resources found with this tag.", 404),
    "deploy_tag_429": f"unavailable may_have_arrived from_server: {FULL}",
    "app_start_queued": f"started {DEPLOYMENT}, unconfirmed",
    "app_start_queue_full_phantom": f"started {MADE_UP_UUID}, unconfirmed",
    "app_start_skipped": DUPLICATE,
    "app_restart_queued": f"started {DEPLOYMENT}, unconfirmed",
    "app_stop": "started stopped, confirmed",
    **dict.fromkeys(
        ("service_start_200", "service_restart_200", "database_start_200", "database_restart_200"),
        "started running, confirmed",
    ),
    "service_stop_200": "started stopped, confirmed",
    "database_stop_200": "started stopped, confirmed",
    "service_start_400_running": "done: Service is already running",
    "service_stop_400": "done: Service is already stopped",
    "database_start_400_running": "done: Database is already running",
    "database_stop_400": "done: Database is already stopped",
    "service_404": coolify_says("Service not found.", 404),
    # Deployments.
    "deployment_get_queued": "queued, 0 entries",
    "deployment_get_in_progress_beta380": "running, 6 entries",
    "deployment_get_in_progress_read_only": "running, no log",
    "deployment_get_in_progress_sensitive": "running, 6 entries",
    "deployment_get_finished": "succeeded, 11 entries",
    "deployment_get_finished_no_finished_at": "succeeded, held 10 s, 10 entries",
    "deployment_get_failed_exception": f"failed, 13 entries: {NO_SCRIPT}exit code 1: npm ERR! missing "
    "script: build",
    "deployment_get_failed_healthcheck": "failed, 15 entries: New container is unhealthy.\nContainer "
    "logs:\nError: listen EADDRINUSE",
    "deployment_get_failed_status_before_reason": f"failed, held 10 s, 6 entries: {deployment.RESTARTED}",
    "deployment_get_cancelled": f"cancelled, 7 entries: {deployment.CANCELLED}",
    "deployment_get_404": "absent, held 2 s, 0 entries: this deployment no longer exists in Coolify",
    "deployments_app_list": "listed: in_progress, finished",
    "deployments_app_list_leaks_logs": "listed: in_progress",
    "deployments_app_list_404": coolify_says("Application not found", 404),
    "deployments_app_list_422": coolify_says("The take field must be at least 1.", 422),
    "deployments_app_list_422_no_accept": "unavailable may_have_arrived permanent: "
    f"{api_responses.REDIRECTS[Leads.TO_OTHER_PATH]}",
    "deployments_list_array": "listed: in_progress, queued",
    "deployments_list_object": "listed: in_progress, queued",
    "deployments_list_empty": "listed: nothing",
    "deployment_cancel_200": "cancelled",
    "deployment_cancel_500_but_cancelled": "cancelled",
    "deployment_cancel_400_terminal": "already over (finished)",
    "deployment_cancel_403": coolify_says("You do not have permission to cancel this deployment.", 403),
    "deployment_cancel_404": f"{NO_SUCH}: it was never started, or it was deleted",
    # Rejections of everything, and responses that are not Coolify's.
    "transport_400_invalid_token_team": coolify_says("Invalid token.", 400),
    "transport_401_invalid_token_team": f"refused token-wide: {BASE}: "
    f"{api_responses.UNAUTHORIZED['Invalid token.']}",
    "transport_401_unauthenticated": f"refused token-wide: {BASE}: "
    f"{api_responses.UNAUTHORIZED['Unauthenticated.']}",
    "transport_403_ip_not_allowed": f"refused token-wide: {BASE}: "
    f"{forbidden('You are not allowed to access the API.')}",
    "transport_403_member_token_abilities": "refused token-wide: "
    + forbidden(
        "This API token has permissions",
        " (deploy) that exceed your current role as a team member. Members are restricted to read-only API "
        "access. "
        "Please revoke this token and create a new one with only read permissions.",
    ),
    "transport_403_missing_permission_read": "refused token-wide: the token lacks an ability (Missing "
    "required permissions: read). "
    f"Make a new one: {api_responses.TOKEN_ABILITIES_HINT}",
    "transport_403_missing_team_role": f"refused token-wide: {forbidden('Missing required team role.')}",
    "transport_403_policy_denied": "refused token-wide: "
    f"{forbidden('You are not authorized to perform this action.')}",
    "transport_404_unknown_endpoint": f"refused: {NO_CANCEL}",
    "transport_429_rate_limit": "unavailable from_server 37 s: rate limited by Coolify (Too Many Attempts.)",
    "transport_429_rate_limit_no_accept": f"unavailable may_have_arrived 37 s: HTTP 429: {PAGE}",
    "transport_500_json": "unavailable may_have_arrived from_server: Coolify returned an error (HTTP 500: "
    "Server Error)",
    "transport_503_maintenance": f"unavailable may_have_arrived from_server: {BASE}: Coolify returned an "
    "error "
    "(HTTP 503: Service Unavailable)",
    "transport_proxy_cloudflare_access_302": f"unavailable may_have_arrived permanent: {BASE}: Cloudflare "
    "Access requires a login. "
    "Set CF-Access-Client-Id and CF-Access-Client-Secret in `headers`",
    "transport_proxy_traefik_404": f"unavailable may_have_arrived: {BASE}: HTTP 404: the proxy has no route "
    "for this address (404 page not found): "
    "Coolify is being started or updated, or `coolify_url` is wrong",
}


@pytest.mark.parametrize("name", FIXTURES)
def test_fixture_is_parsed_as_expected(name: str) -> None:
    assert parse_reply(f"fixtures/{name}") == FIXTURES[name]


def test_every_fixture_is_in_a_table() -> None:
    names = {f"fixtures/{name}" for name in FIXTURES} | {
        name for name in (*SEQUENCE_RESULTS, *STATUSES) if name.startswith("fixtures/")
    }
    assert sorted(names) == files_in("fixtures")


# --- the polls of one deployment

SHUTDOWN_LINE = "Gracefully shutting down build container: "
"""Coolify writes it after it has set `finished_at` (coolify-api 17.2).

Only the container's name may follow it: nothing waits for it.
"""

HEALTHY = "finished, then health: healthy, confirmed"
UNHEALTHY = "New container is unhealthy. It wrote no log."
SKIPPED_POST = "its post-deployment command was skipped: no running container was found"
NO_IMAGE = (
    "The registry does not have this image or tag. Check its name, and that it was pushed before the "
    "deployment.\n"
)
NO_SSH = (
    "Coolify could not reach the server over SSH. Validate the server in Coolify, check its firewall "
    "and key, then deploy again.\n"
)
NO_CONTAINER = (
    "The pre- or post-deployment command found no container. Check the container's name in Coolify.\n"
)
MORE = "\nIts hidden log lines may contain the reason: set `hidden_logs: true` or open "
OLD_POST = "Post-deployment command: Could not find a valid container. Is the container name correct?"
TURNED_TO_FAILED = "Post-deployment command failed."
BUILD = """\
exit code 1: #1 step 1
#2 step 2
#3 step 3
ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 1"""
PAGE = (
    "/project/p0ck4sw8og8wkc0s4g4wk8cs/environment/e8kwg0c4s0ok4gw8sk0cw4go"
    "/application/k4s8wk0c0ggw4kc8c4s0ko8o/deployment/vgs4k8c0ws0cwg4o8kc0s4gk"
)
BUILD_PAGE = (
    "/project/vmql0ricefxufxuz08ykbxny/environment/d95myjhljrijb3w635g3gcxz"
    "/application/ptofe13hijui9bkafqyhz7yy/deployment/movweurukkiemaesvjk042qw"
)

# When the watch ended, in seconds of the sequence, and how.
SEQUENCE_RESULTS: dict[str, tuple[float, str]] = {
    "captured/sequence_cancel_while_running": (3.96, f"cancelled: {deployment.CANCELLED}"),
    "captured/sequence_dockerimage_ok": (4.86, HEALTHY),
    "captured/sequence_dockerimage_second_skipped": (4.59, HEALTHY),
    "captured/sequence_dockerimage_upfail": (
        4.58,
        f"failed: {NO_IMAGE}exit code 18: Error response from daemon: manifest unknown",
    ),
    "captured/sequence_healthcheck_healthy": (6.26, "finished"),
    "captured/sequence_healthcheck_unhealthy": (7.15, f"failed: {UNHEALTHY}"),
    "captured/sequence_multiserver_main": (
        8.33,
        "finished, then additional servers: k8obemkkrbgjddu4tcwdmw1u, confirmed",
    ),
    "captured/sequence_nixpacks_buildfail": (
        6.77,
        f"failed: {BUILD}{MORE}{BASE}{BUILD_PAGE}.",
    ),
    "captured/sequence_nixpacks_ok": (7.64, HEALTHY),
    "captured/sequence_pinned_commit": (9.8, HEALTHY),
    "captured/sequence_post_command_fails": (8.19, f"unverified: {SKIPPED_POST}"),
    "captured/sequence_restart_dockerimage": (4.63, HEALTHY),
    "captured/sequence_restart_only": (12.08, HEALTHY),
    "captured/sequence_ssh_down": (
        7.23,
        f"failed: {NO_SSH}ssh: connect to host host.docker.internal port 22: Connection refused",
    ),
    "captured/sequence_ssh_flaky": (14.5, HEALTHY),
    "captured-2/sequence_rollback": (4.48, HEALTHY),
    # 4.69 s, and 10 s in which it could still fail
    "captured/v4.0.0-beta.434/sequence_dockerimage_ok": (15.52, HEALTHY),
    "captured/v4.0.0-beta.434/sequence_post_command_fails": (8.41, f"failed: {NO_CONTAINER}{OLD_POST}"),
    "captured/v4.0.0-beta.463/sequence_pinned_commit": (9.8, HEALTHY),
    "captured/v4.1.2/sequence_pinned_commit": (8.91, HEALTHY),
    "captured/v4.2.0/sequence_pinned_commit": (10.15, HEALTHY),
    "fixtures/sequence_deploy_failed_reason_late": (
        4,
        f"failed: {NO_SCRIPT}exit code 1: npm ERR! missing script: build",
    ),
    "fixtures/sequence_deploy_success": (8, HEALTHY),
    "fixtures/sequence_finished_flips_to_failed_old": (
        2,
        f"failed: {TURNED_TO_FAILED}{MORE}{BASE}{PAGE}.",
    ),
}


@dataclass(frozen=True)
class WatchedSequence:
    """The end of a watch, and the lines that were shown, written until then, and written later."""

    ended: float
    verdict: str
    shown: list[str]
    written: list[str]
    late: list[str]


def watch_sequence(name: str) -> WatchedSequence:
    """Replay each poll at its time, and the last one every 2 s, until the watch ends."""
    record = recorded(name)
    polls, path = record["responses"], record["request"]["path"]
    first = polls[0]["body"]
    target = re.findall("/application/([^/]+)/", first["deployment_url"])[0]
    times = [poll.get("t", 2.0 * number) for number, poll in enumerate(polls)]
    shown: list[str] = []
    polled, at = 0, 0.0
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        for poll in polls:
            serve(wire, path, poll)
        coolify = server(
            version=version_of(record), known={target: Resource(APPLICATION, first.get("application") or {})}
        )
        watch = Watch(Handle(target, path.rpartition("/")[2]), began=0, deadline=1800)
        while watch.result is None:
            at = times[polled] if polled < len(times) else at + 2
            watch, events = observe(watch, coolify.poll(watch.handle), at)
            shown += [
                line(entry.text) for event in events if isinstance(event, LogLines) for entry in event.entries
            ]
            polled += 1
    all_lines, written = lines(polls), lines(polls[:polled])
    return WatchedSequence(
        round(at, 2),
        describe(next_step(Stage.DEPLOYMENT, (watch,), repeated=False)),
        shown,
        written,
        all_lines[len(written) :],
    )


def deployment_of(name: str) -> str:
    """The deployment's uuid, which is also the name of its build container."""
    uuid: str = recorded(name)["request"]["path"].rpartition("/")[2]
    return uuid


def lines(polls: list[Record]) -> list[str]:
    """Every log entry once, in the order of first appearance. Equal entries of one poll are kept."""
    texts: dict[tuple[str, ...], str] = {}
    for poll in polls:
        counts: Counter[str] = Counter()
        for entry in json.loads(poll["body"]["logs"] or "[]"):
            key = json.dumps([entry.get(name) for name in ("timestamp", "type", "command", "output")])
            counts[key] += 1
            texts.setdefault((key, str(counts[key])), line(entry["output"]))
    return list(texts.values())


REMOTE_COMMAND = re.compile(r"Command execution failed \((exit code -?\d+)\): .*?\nError: ", re.DOTALL)


def line(text: str) -> str:
    """A line as it is shown: only its beginning if it contains variables, and without a remote command."""
    if text.startswith(deployment.PLANNING):
        return deployment.PLANNING
    shown = REMOTE_COMMAND.sub(r"\1: ", text)
    return text if shown == text else shown.rstrip()


@pytest.mark.parametrize("name", SEQUENCE_RESULTS)
def test_polls_of_a_deployment_end_as_recorded_and_show_each_line_once(name: str) -> None:
    run = watch_sequence(name)
    assert (run.ended, run.verdict) == SEQUENCE_RESULTS[name]
    assert run.shown == run.written
    assert [
        text for text in run.late if not text.startswith(SHUTDOWN_LINE) and text != deployment_of(name)
    ] == []


STARTING = "captured-2/sequence_health_starting"


def test_health_check_that_stays_starting_ends_as_failed() -> None:
    """Its text is tested in tests/providers/coolify/watching/test_known_failures.py."""
    run = watch_sequence(STARTING)
    assert (run.ended, run.verdict.partition(": ")[0], run.shown) == (9.67, "failed", run.written)


# --- the polls of one service

# The times of each status. After its restart a service is `exited` for up to two minutes, until the next
# check (coolify-api 8).
STATUSES: dict[str, tuple[tuple[float, ...], str]] = {
    "captured/sequence_service_restart_status": ((), "still active"),
    # 2 and 3 s each: too short to distinguish success from failure by anything in the API.
    "captured-2/sequence_service_deploy_ok": ((), "still active"),
    "captured-2/sequence_service_deploy_up_fails": ((), "still active"),
    "captured-2/sequence_service_restart_latest_ok": ((), "still active"),
    "captured-2/sequence_service_restart_latest_pull_fails": ((), "still active"),
    "fixtures/sequence_service_restart_status": ((0, 3, 6, 20, 130, 146), "finished"),
}


@pytest.mark.parametrize("name", STATUSES)
def test_polls_of_a_service_end_neither_with_the_old_container_nor_in_the_gap(
    name: str, wire: responses.RequestsMock
) -> None:
    record, (times, verdict) = recorded(name), STATUSES[name]
    service = recorded("captured/service_get")["response"]
    polls = record.get("responses", ())
    states = record.get("statuses") or [
        {"t": at, **poll["body"]}
        for at, poll in zip(times or [poll["t"] for poll in polls], polls, strict=True)
    ]
    watch = Watch(Handle("stack", "", condition=resource_status.RUNNING), began=0, deadline=1800)
    coolify = server(
        command=Command.RESTART, known={"stack": Resource(SERVICE, {"status": states[0]["status"]})}
    )
    for poll in states:
        assert watch.result is None
        serve(
            wire,
            "/api/v1/services/stack",
            {**service, "body": {**service["body"], "uuid": "stack", "status": poll["status"]}},
        )
        watch, _ = observe(watch, coolify.poll(watch.handle), poll["t"])
    assert (
        describe(next_step(Stage.DEPLOYMENT, (watch,), repeated=False)) if watch.result else "still active"
    ) == verdict


# --- the polls of an application after its deployment, and of its list after a push

AFTER_FINISHED = sorted(name for name in SEQUENCES if name.endswith("/sequence_application_after_finished"))
PUSHED = sorted(name for name in SEQUENCES if name.endswith("/sequence_push_webhook_rows"))


HEALTHY_AFTER = {
    "captured-2/sequence_application_after_finished": 1.0,
    "captured-2/v4.0.0-beta.420/sequence_application_after_finished": 10.0,
    "captured-2/v4.0.0-beta.463/sequence_application_after_finished": 1.0,
    "captured-2/v4.1.2/sequence_application_after_finished": 1.0,
    "captured-2/v4.2.0/sequence_application_after_finished": 1.0,
}
"""Seconds from the end of the deployment to the verdict, if the application is polled each second."""

RUNNING_STATUS = "its status was running:unknown, but it was not checked again in time"


def watch_application(
    name: str, verify: VerifyHealth = "auto", new_status: str = ""
) -> tuple[float, WatchResult]:
    """Poll the recorded deployment at its end, and then the recorded application each second.

    new_status: the status of the new container in place of the recorded one. Only `last_online_at` shows
        whether Coolify has checked it.

    Returns the seconds from the end to the verdict, and that.
    """
    record = recorded(name)
    path, polls, last = record["request"]["path"], record["responses"], record["deployment"][-1]
    uuid, version = path.rpartition("/")[2], version_of(record)
    row = {**recorded("captured/deployment_state_finished")["response"]["body"], "logs": "[]"}
    row |= {"deployment_uuid": "d1", "status": last["seen"][0], "finished_at": last["seen"][1]}
    row["deployment_url"] = ""
    known = {uuid: Resource(APPLICATION, polls[0]["body"])}
    coolify = server(version=version, known=known, verify_health=verify)
    with responses.RequestsMock() as wire:
        serve(wire, "/api/v1/deployments/d1", {**polls[0], "body": row})
        check = coolify.poll(Handle(uuid, "d1")).health_check
    assert check
    undated = undated_from(Stage.HEALTH, 0, 180)
    watch = Watch(check, 0, 180, Stage.HEALTH, undated_from=undated)
    at = first_poll((check,), 0, undated)
    while watch.result is None:
        shown = [poll for poll in polls if poll["t"] <= last["t"] + at][-1]
        if new_status and shown is polls[-1]:
            shown = {**shown, "body": {**shown["body"], "status": new_status}}
        with responses.RequestsMock() as wire:
            serve(wire, path, shown)
            watch, _ = observe(watch, coolify.poll(check), at)
        at += 1
    return at - 1, watch.result


@pytest.mark.parametrize("name", AFTER_FINISHED)
def test_running_application_after_its_deployment_is_healthy(name: str) -> None:
    """As soon as Coolify is seen to have checked it since, otherwise ten seconds after the end."""
    assert watch_application(name) == (HEALTHY_AFTER[name], WatchResult(End.SUCCEEDED))


@pytest.mark.parametrize("name", AFTER_FINISHED)
def test_running_application_needs_a_later_check_to_be_running_for_a_minute(name: str) -> None:
    """Where Coolify dates its checks, the recordings end before the next one."""
    checks = HEALTHY_AFTER[name] < 10
    assert watch_application(name, "true") == (
        (180, WatchResult(End.TIMED_OUT, RUNNING_STATUS)) if checks else (70, WatchResult(End.SUCCEEDED))
    )


@pytest.mark.parametrize("name", AFTER_FINISHED)
@pytest.mark.parametrize("verify", ["auto", "true"])
@pytest.mark.parametrize("status", ["exited:unhealthy", "restarting:unknown", "degraded:unhealthy"])
def test_old_container_that_ran_never_makes_a_new_one_healthy(
    name: str, verify: VerifyHealth, status: str
) -> None:
    """Ninety seconds after Coolify was seen to have checked it, or after the ten seconds."""
    ended, result = watch_application(name, verify, status)
    assert (ended, result.end) == (HEALTHY_AFTER[name] + 90, End.FAILED)


@pytest.mark.parametrize("name", PUSHED)
def test_deployment_of_a_push_is_never_ours(name: str) -> None:
    record = recorded(name)
    uuid = record["request"]["path"].rpartition("/")[2]
    for poll in record["responses"]:
        with responses.RequestsMock() as wire:
            serve(wire, record["request"]["path"], poll)
            coolify = server(version=version_of(record))
            records = coolify.api.deployment_history(uuid, 2)
        assert records is not None
        pushed, triggered = records
        assert not matches_ours(pushed, Options(), coolify.lookup.version)
        assert matches_ours(triggered, Options(force=True), coolify.lookup.version)


def test_every_sequence_is_in_a_table() -> None:
    assert {*SEQUENCE_RESULTS, STARTING, *STATUSES, *AFTER_FINISHED, *PUSHED} == SEQUENCES


# --- everything else that was captured

EXPECTED_BY_STATUS: dict[int, tuple[str, ...]] = {
    200: (
        *("Coolify ", "listed: ", "application ", "service ", "database ", "accepted, "),
        *(
            "queued",
            "running",
            "succeeded",
            "failed",
            "cancelled",
            "started ",
            "split into ",
            "not started: ",
        ),
    ),
    302: ("unavailable may_have_arrived permanent: ",),
    400: ("refused: ", "done: ", "already over", "may deploy: True", "may write: True"),
    401: ("refused token-wide: ",),
    403: ("refused", "may deploy: False", "may write: False"),
    404: ("refused: ", "absent", "no such list", "not started: ", "done: ", NO_SUCH),
    409: ("refused: ",),
    422: ("refused: ",),
    429: ("later, ", "unavailable "),
    500: ("unavailable may_have_arrived", "cancelled"),
    503: ("unavailable may_have_arrived",),
}
"""How the result of a used endpoint begins, by the status of the response."""

FOLDERS = sorted({name.rpartition("/")[0] for name in CAPTURED})


@pytest.mark.parametrize("folder", FOLDERS)
def test_captured_reply_is_parsed_as_its_status_implies(folder: str) -> None:
    """No exception except an error with a reason; and no reason contains the token or a page."""
    unexpected: dict[str, str] = {}
    for name in (name for name in CAPTURED if name.rpartition("/")[0] == folder and name not in SEQUENCES):
        record = recorded(name)
        try:
            result = parse_reply(name)
        except Exception as error:  # noqa: BLE001 -- all are reported at once
            unexpected[name] = repr(error)
        else:
            differences_in = call_for(record["request"])[0] is any_response or result.startswith(
                EXPECTED_BY_STATUS[record["response"]["status"]]
            )
            if (
                not differences_in
                or result.endswith(": ")
                or re.search("FAKE|<!DOCTYPE|<html|Responses", result)
            ):
                unexpected[name] = f"HTTP {record['response']['status']}: {result}"
    assert unexpected == {}
