"""Every recorded reply of Coolify (coolify-api 14 and 17) is read by the call that would read it, or as any answer of Coolify's.

`FIXTURES` and `STORIES` name each derived reply and each sequence of polls with what comes of it; what else was captured from real
servers is read without a crash, and means what its status says.
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
    Phase,
    RefusedError,
    Rejected,
    RetryLater,
    Snapshot,
    Stage,
    Started,
    Target,
    UnavailableError,
)
from deployer.providers.coolify import preflight, resources, trigger
from deployer.providers.coolify.api import responses as api_responses
from deployer.providers.coolify.history import application_of, matches_ours
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.trigger_requests import APPLICATION, NO_CANCEL, SERVICE, TAG
from deployer.providers.coolify.watching import deployment, resource_status
from deployer.watch import NextStage, Verdict, Watch, next_step, observe
from tests.providers.coolify.support import BASE, NEW, server

CONTRACT = Path(__file__).parents[2] / "contracts" / "coolify"
OLD = "4.0.0-beta.434"
Record = dict[str, Any]


# --- the files


def named(folder: str, pattern: str = "*.json") -> list[str]:
    """The files of a folder and of those in it, as paths without their ending."""
    return sorted(
        path.relative_to(CONTRACT).with_suffix("").as_posix() for path in (CONTRACT / folder).rglob(pattern)
    )


CAPTURED = [*named("captured"), *named("captured-2")]
SEQUENCES = {
    name for folder in ("captured", "captured-2", "fixtures") for name in named(folder, "sequence_*.json")
}


@cache
def recorded(name: str) -> Record:
    found: Record = json.loads((CONTRACT / f"{name}.json").read_text("utf-8"))
    return found


def version_of(said: Record) -> str:
    """Of a captured reply its own. A fixture says in words where it holds: to read it, only the very old ones make a difference."""
    return str(
        said.get("coolify_version") or (OLD if str(said["versions"]).startswith(("<", "4.0.0-beta")) else NEW)
    )


def put(wire: responses.RequestsMock, path: str, response: Record, method: str = "GET") -> None:
    """This answer to that request, whatever its query; without the headers of its transport, which was another one."""
    pairs = response["headers"].items() if isinstance(response["headers"], dict) else response["headers"]
    rest = {
        name.lower(): value
        for name, value in pairs
        if name.lower() not in {"transfer-encoding", "content-length", "connection"}
    }
    kind, body = rest.pop("content-type", None), response["body"]
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    wire.add(method, BASE + path, body=text, status=response["status"], headers=rest, content_type=kind)


def parameters(request: Record) -> Record:
    """Those of the query and of the body, of which several uuids may be listed."""
    query, body = request.get("query") or {}, request.get("body") or {}
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = _flat(body)
    given = {
        **(_flat(query) if isinstance(query, str) else query),
        **(body if isinstance(body, dict) else {}),
    }
    return {
        name.removesuffix("[]"): ",".join(value) if isinstance(value, list) else str(value)
        for name, value in given.items()
    }


def _flat(text: str) -> Record:
    return {name: values[-1] for name, values in parse_qs(text).items()}


# --- any answer of ours, in one line


def told(value: Any) -> str:
    return next((SAID[kind] for kind in type(value).__mro__ if kind in SAID), str)(value)


def _unavailable(error: UnavailableError) -> str:
    how = [word for word in ("may_have_arrived", "from_server", "permanent") if getattr(error, word)]
    return f"{' '.join(['unavailable', *how])}{_some(' {:g} s', error.retry_after)}: {error.reason}"


def _snapshot(snapshot: Snapshot) -> str:
    log = "no log" if snapshot.log is None else f"{len(snapshot.log)} entries"
    return ": ".join(filter(None, (f"{held(snapshot)}, {log}", snapshot.reason, *snapshot.warnings)))


def held(snapshot: Snapshot) -> str:
    return f"{snapshot.phase.value}{_some(', held {:g} s', snapshot.stable_for)}"


def _some(form: str, value: Any) -> str:
    """Nothing, of what is nothing."""
    return form.format(value) if value else ""


def _all(values: Iterable[Any]) -> str:
    return ", ".join(map(told, values))


SAID: dict[type, Callable[[Any], str]] = {
    RefusedError: lambda error: f"refused{' token-wide' if error.token_wide else ''}: {error.reason}",
    UnavailableError: _unavailable,
    Rejected: lambda answer: f"not started: {answer.reason}",
    RetryLater: lambda answer: f"later, {answer.seconds:g} s: {answer.reason}",
    AlreadyDone: lambda answer: f"done: {answer.note}",
    Started: lambda answer: (
        f"started {_all(answer.handles) or 'nothing to follow'}{_some(' ({})', answer.note)}"
    ),
    GroupStarted: lambda answer: f"split into {_all(answer.members)}{_some(' ({})', answer.rest)}",
    GroupMember: lambda part: f"{part.target.label} {told(part.handle)}",
    Handle: lambda handle: (
        f"{handle.id or handle.condition or 'whatever is there'}, {handle.certainty.value}"
    ),
    Target: lambda target: " ".join(filter(None, (target.kind, target.name, target.url))),
    Snapshot: _snapshot,
    Verdict: lambda final: f"{final.outcome.status}{_some(': {}', final.reason)}",
    NextStage: lambda onward: f"{told(onward.so_far)}, then {onward.stage.value}: {_all(onward.handles)}",
}


def tried(call: Callable[[], Any]) -> str:
    """What came of it, also if it was refused."""
    try:
        return told(call())
    except (RefusedError, UnavailableError) as error:
        return told(error)


# --- the call that reads an answer


@dataclass(frozen=True)
class Asked:
    """A recorded request, on a wire that gives the recorded answer."""

    name: str
    said: Record
    wire: responses.RequestsMock

    @property
    def given(self) -> Record:
        return parameters(self.said["request"])

    def server(self, kind: str = APPLICATION, *uuids: str, **options: Any) -> CoolifyProvider:
        """One of the version that has answered, with what a check has seen."""
        return server(
            version=version_of(self.said), known={uuid: Resource(kind) for uuid in uuids}, **options
        )

    def beside(self, path: str, name: str, *, listed: bool = False) -> None:
        """An answer that is needed, too."""
        response = recorded(name)["response"]
        put(self.wire, f"/api/v1{path}", {**response, "body": [response["body"]]} if listed else response)


def reach(asked: Asked) -> str:
    return tried(asked.server().connect)


def look(asked: Asked, uuid: str) -> str:
    row = asked.said["response"]["body"]
    return tried(
        lambda: asked.server().poll(Handle(application_of(row) if isinstance(row, dict) else "it", uuid))
    )


def history(asked: Asked, uuid: str) -> str:
    return tried(lambda: _statuses(asked.server().api.deployment_history(uuid, 3)))


def active(asked: Asked) -> str:
    return tried(lambda: _statuses(asked.server().api.active_deployments()))


def tagged(asked: Asked) -> str:
    return tried(lambda: _statuses(asked.server().api.tagged("blue")))


def _statuses(listed: list[Record] | None) -> str:
    return (
        "no such list"
        if listed is None
        else f"listed: {', '.join(str(row['status']) for row in listed) or 'nothing'}"
    )


def resource(asked: Asked, kind: str, uuid: str) -> str:
    """What it is called, and what each aspect that is looked at makes of its status."""
    there = asked.server(kind, uuid)
    name = tried(lambda: resources.target(kind, uuid, there.api.resource(kind, uuid), there.options))
    if asked.said["response"]["status"] != 200:
        return name
    aspects = (
        resource_status.HEALTH if kind == APPLICATION else resource_status.RUNNING,
        resource_status.STOPPED,
    )
    return "; ".join(
        [name, *(f"{aspect}? {held(there.poll(Handle(uuid, '', condition=aspect)))}" for aspect in aspects)]
    )


def deploy(asked: Asked) -> str:
    """By tag or by uuid, of which the first is the one that is read; the doctor's question has neither."""
    given = asked.given
    if "uuid" not in given and "tag" not in given:
        return tried(lambda: f"may deploy: {preflight.can_deploy(asked.server().api)}")
    if "uuid" not in given:
        place = asked.name.rpartition("/")[0]
        asked.beside(
            "/services", f"{place}/service_get{'_running' if place == 'fixtures' else ''}", listed=True
        )
        return tried(
            lambda: asked.server(TAG, given["tag"], tags=frozenset({given["tag"]})).trigger(given["tag"])
        )
    uuid = given["uuid"].split(",")[0].strip()
    pr = int(given.get("pr") or given.get("pull_request_id") or 0)
    options = {
        "force": given.get("force") == "true",
        "pr": pr,
        "docker_tag": given.get("docker_tag", ""),
        "pull_latest": False,
    }
    return tried(lambda: asked.server(kinds().get(uuid, APPLICATION), uuid, **options).trigger(uuid))


@cache
def kinds() -> dict[str, str]:
    """What is no application, by the paths under which it was asked for."""
    paths = [recorded(name).get("request", {}).get("path", "") for name in (*named("fixtures"), *CAPTURED)]
    return {
        uuid: kind
        for path in paths
        for kind, uuid in re.findall(r"^/api/v1/(service|database)s/([^/]+)", path)
    }


def act(asked: Asked, kind: str, uuid: str, word: str) -> str:
    """`/start` of an application is only asked with `instant_deploy`; `/restart` of a service with `latest` is its deployment."""
    deploys = (kind, word) == (APPLICATION, "start") or "latest" in asked.given
    command = Command.DEPLOY if deploys else Command(word)
    return tried(lambda: asked.server(kind, uuid, command=command, instant=kind == APPLICATION).trigger(uuid))


def cancel(asked: Asked, uuid: str) -> str:
    """After a 500 it is looked at: here it is cancelled."""
    asked.beside(f"/deployments/{uuid}", "fixtures/deployment_get_cancelled")
    return tried(lambda: asked.server().cancel(Handle("it", uuid)))


def delete_preview(asked: Asked, uuid: str, number: str) -> str:
    pr = int(number) if number.isdecimal() else 9
    put(asked.wire, f"/api/v1/applications/{uuid}/previews/{pr}", asked.said["response"], "DELETE")
    return tried(lambda: asked.server(APPLICATION, uuid, command=Command.STOP, pr=pr).trigger(uuid))


def probe_write(asked: Asked, uuid: str) -> str:
    if asked.said["request"]["body"] not in ({}, "{}"):
        return any_answer(asked)
    return tried(
        lambda: f"may write: {preflight.can_write(asked.server().api, {uuid: Resource(APPLICATION)})}"
    )


def any_answer(asked: Asked) -> str:
    """Of what is never asked, or never so: accepted, or refused with a sentence."""
    put(asked.wire, "/api/v1/anything", asked.said["response"])
    return tried(
        lambda: (
            f"accepted, a {type(api_responses.json_or_raise(asked.server().api.send('GET', '/anything'))).__name__}"
        )
    )


UUID = "([^/]+)"
KIND = "(application|service|database)s"
CALLS: dict[str, Callable[..., str]] = {
    "GET /version": reach,
    "GET /deployments": active,
    f"GET /deployments/{UUID}": look,
    f"GET /deployments/applications/{UUID}": history,
    "GET /applications": tagged,
    f"GET /{KIND}/{UUID}": resource,
    "POST /deploy": deploy,
    f"POST /deployments/{UUID}/cancel": cancel,
    f"POST /{KIND}/{UUID}/(start|restart|stop)": act,
    f"DELETE /applications/{UUID}/previews/{UUID}": delete_preview,
    f"PATCH /applications/{UUID}": probe_write,
}


def found_call(request: Record) -> tuple[Callable[..., str], tuple[str, ...]]:
    where = f"{request['method']} {request['path'].removeprefix('/api/v1')}"
    matches = ((call, match.groups()) for form, call in CALLS.items() if (match := re.fullmatch(form, where)))
    return next(matches, (any_answer, ()))


def read(name: str) -> str:
    """What comes of a recorded answer."""
    said = recorded(name)
    call, arguments = found_call(said["request"])
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        put(wire, said["request"]["path"], said["response"], said["request"]["method"])
        return call(Asked(name, said, wire), *arguments)


# --- the contract's own replies

MY_APP, OTHER_APP, DEPLOYMENT = (
    "k4s8wk0c0ggw4kc8c4s0ko8o",
    "xo0ck8g4scw0k88og4kwgs48",
    "vgs4k8c0ws0cwg4o8kc0s4gk",
)
MADE_UP = "zz0phantom0uuid0never0row"
PAGE = "a web page instead of JSON: a proxy or Cloudflare is in front of Coolify, or `coolify_url` is wrong"
FULL = "Coolify says: Deployment queue is full. Please wait for existing deployments to complete."
NO_SUCH = "the deployment does not exist"
DUPLICATE = f"started whatever is there, phantom ({trigger.ALREADY_QUEUED})"


def says(text: str, status: int) -> str:
    return f"refused: Coolify says: {text} (HTTP {status})"


def forbidden(start: str, rest: str = "") -> str:
    return f"{api_responses.FORBIDDEN[start]} ({start}{rest})"


NO_SCRIPT = "The script is missing from package.json. Add it, or change the command in Coolify.\n"
FIXTURES = {
    # Endpoints that are not asked.
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
    "app_create_dockerimage_400_many_destinations": says(
        "Server has multiple destinations and you do not set destination_uuid.", 400
    ),
    "app_create_dockerimage_400_no_destinations": says("Server has no destinations.", 400),
    "app_create_dockerimage_404_environment": says("Environment not found.", 404),
    "app_create_dockerimage_404_project": says("Project not found.", 404),
    "app_create_dockerimage_404_server": says("Server not found.", 404),
    "app_create_dockerimage_422": says("Validation failed.", 422),
    "app_create_dockerimage_422_env": says(
        "You need to provide at least one of environment_name or environment_uuid.", 422
    ),
    "app_env_patch_404": says("Environment variable not found.", 404),
    "app_env_post_409": says("Environment variable already exists. Use PATCH request to update it.", 409),
    "app_env_post_422_is_build_time": says("Validation failed.", 422),
    "app_env_post_422_is_buildtime_old": says("Validation failed.", 422),
    "app_logs_400_not_running": says("Application is not running.", 400),
    "app_patch_400_not_json": says("Invalid request.", 400),
    "app_patch_404": says("Application not found", 404),
    "app_patch_409_domain_conflict": says(
        "Domain conflicts detected. Use force_domain_override=true to proceed.", 409
    ),
    "app_patch_422_errors_is_list": says("Validation failed.", 422),
    "app_patch_422_list": says("Validation failed.", 422),
    "app_patch_422_tag_regex": says("Validation failed.", 422),
    "health_200": f"unavailable may_have_arrived: HTTP 200: {PAGE}",
    "health_v1_200": f"unavailable may_have_arrived: HTTP 200: {PAGE}",
    "notification_webhook_failed": "unavailable may_have_arrived: HTTP 200: a response that is not Coolify's",
    "notification_webhook_success": "unavailable may_have_arrived: HTTP 200: a response that is not Coolify's",
    "quirk_body_uuid_shadows_path": says("Service not found.", 404),
    "transport_405_post_required": says("This endpoint has changed to a POST request.", 405),
    # Is it there, and what may the token do?
    "version_200": f"Coolify 4.3.10 at {BASE}",
    "app_patch_400_empty_json": "may write: True",
    "deploy_400_no_target": "may deploy: True",
    # Applications, services and databases, with each aspect that is looked at.
    "app_get_200": "application my-app https://app.example.com; healthy? succeeded; stopped? running",
    "app_get_200_beta380": "application my-app https://app.example.com; healthy? succeeded; stopped? running",
    "app_get_404": says("Application not found.", 404),
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
    "database_404": says("Database not found.", 404),
    # Triggers.
    "deploy_uuid_queued": f"started {DEPLOYMENT}, confirmed",
    "deploy_uuid_mixed_resources": f"started {DEPLOYMENT}, confirmed",
    "deploy_uuid_skipped_phantom": DUPLICATE,
    "deploy_uuid_docker_tag_wrong_buildpack_200": "not started: Coolify says: docker_tag can only be used with Docker Image applications.",
    "deploy_uuid_pr_not_found_200": "not started: Coolify says: Pull request 42 not found for this resource. "
    f"{trigger.no_preview(Options(pr=42))}",
    "deploy_400_docker_tag_and_tag": says("docker_tag requires pull_request_id.", 400),
    "deploy_400_docker_tag_without_pr": says("docker_tag requires pull_request_id.", 400),
    "deploy_400_no_uuids": says("No UUIDs provided.", 400),
    "deploy_400_tag_and_pr": says("You can only use tag or pr, not both.", 400),
    "deploy_400_uuid_and_tag": says("You can only use uuid or tag, not both.", 400),
    "deploy_404_no_resources": says("No resources found.", 404),
    "deploy_tag_queued": f"split into {MY_APP} {DEPLOYMENT}, confirmed, {OTHER_APP} m0kcw8o4g8k0ssw4c0kk4wo8, confirmed, my-stack running, confirmed",
    "deploy_tag_skipped_phantom": f"split into {MY_APP} {MADE_UP}, possibly phantom",
    "deploy_tag_only_services": "split into my-stack running, confirmed",
    "deploy_tag_empty_tag": "not started: Coolify says: No resources found for tag lonely.",
    "deploy_tag_404": says("No resources found with this tag.", 404),
    "deploy_tag_429": f"unavailable may_have_arrived from_server: {FULL}",
    "app_start_queued": f"started {DEPLOYMENT}, unconfirmed",
    "app_start_queue_full_phantom": f"started {MADE_UP}, unconfirmed",
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
    "service_404": says("Service not found.", 404),
    # Deployments.
    "deployment_get_queued": "queued, 0 entries",
    "deployment_get_in_progress_beta380": "running, 6 entries",
    "deployment_get_in_progress_read_only": "running, no log",
    "deployment_get_in_progress_sensitive": "running, 6 entries",
    "deployment_get_finished": "succeeded, 11 entries",
    "deployment_get_finished_no_finished_at": "succeeded, held 10 s, 10 entries",
    "deployment_get_failed_exception": f"failed, 13 entries: {NO_SCRIPT}exit code 1: npm ERR! missing script: build",
    "deployment_get_failed_healthcheck": "failed, 15 entries: New container is unhealthy.\nContainer logs:\nError: listen EADDRINUSE",
    "deployment_get_failed_status_before_reason": f"failed, held 10 s, 6 entries: {deployment.RESTARTED}",
    "deployment_get_cancelled": f"cancelled, 7 entries: {deployment.CANCELLED}",
    "deployment_get_404": "absent, held 2 s, 0 entries: this deployment no longer exists in Coolify",
    "deployments_app_list": "listed: in_progress, finished",
    "deployments_app_list_leaks_logs": "listed: in_progress",
    "deployments_app_list_404": says("Application not found", 404),
    "deployments_app_list_422": says("The take field must be at least 1.", 422),
    "deployments_app_list_422_no_accept": f"unavailable may_have_arrived permanent: {api_responses.REDIRECTS[Leads.TO_OTHER_PATH]}",
    "deployments_list_array": "listed: in_progress, queued",
    "deployments_list_object": "listed: in_progress, queued",
    "deployments_list_empty": "listed: nothing",
    "deployment_cancel_200": "cancelled",
    "deployment_cancel_500_but_cancelled": "cancelled",
    "deployment_cancel_400_terminal": "already over (finished)",
    "deployment_cancel_403": says("You do not have permission to cancel this deployment.", 403),
    "deployment_cancel_404": f"{NO_SUCH}: it was never started, or it was deleted",
    # Refusals of everything, and answers that are not Coolify's.
    "transport_400_invalid_token_team": says("Invalid token.", 400),
    "transport_401_invalid_token_team": f"refused token-wide: {BASE}: {api_responses.UNAUTHORIZED['Invalid token.']}",
    "transport_401_unauthenticated": f"refused token-wide: {BASE}: {api_responses.UNAUTHORIZED['Unauthenticated.']}",
    "transport_403_ip_not_allowed": f"refused token-wide: {BASE}: {forbidden('You are not allowed to access the API.')}",
    "transport_403_member_token_abilities": "refused token-wide: "
    + forbidden(
        "This API token has permissions",
        " (deploy) that exceed your current role as a team member. Members are restricted to read-only API access. "
        "Please revoke this token and create a new one with only read permissions.",
    ),
    "transport_403_missing_permission_read": "refused token-wide: the token lacks an ability (Missing required permissions: read). "
    f"Make a new one: {api_responses.TOKEN_ABILITIES_HINT}",
    "transport_403_missing_team_role": f"refused token-wide: {forbidden('Missing required team role.')}",
    "transport_403_policy_denied": f"refused token-wide: {forbidden('You are not authorized to perform this action.')}",
    "transport_404_unknown_endpoint": f"refused: {NO_CANCEL}",
    "transport_429_rate_limit": "unavailable from_server 37 s: rate limited by Coolify (Too Many Attempts.)",
    "transport_429_rate_limit_no_accept": f"unavailable may_have_arrived 37 s: HTTP 429: {PAGE}",
    "transport_500_json": "unavailable may_have_arrived from_server: Coolify returned an error (HTTP 500: Server Error)",
    "transport_503_maintenance": f"unavailable may_have_arrived from_server: {BASE}: Coolify returned an error "
    "(HTTP 503: Service Unavailable)",
    "transport_proxy_cloudflare_access_302": f"unavailable may_have_arrived permanent: {BASE}: Cloudflare Access requires a login. "
    "Set CF-Access-Client-Id and CF-Access-Client-Secret in `headers`",
    "transport_proxy_traefik_404": f"unavailable may_have_arrived: {BASE}: HTTP 404: the proxy has no route for this address (404 page not found): "
    "Coolify is being started or updated, or `coolify_url` is wrong",
}


@pytest.mark.parametrize("name", FIXTURES)
def test_a_reply_of_the_contract_is_read_as_what_it_is(name: str) -> None:
    assert read(f"fixtures/{name}") == FIXTURES[name]


def test_every_reply_of_the_contract_is_in_a_table() -> None:
    listed = {f"fixtures/{name}" for name in FIXTURES} | {
        name for name in (*STORIES, *STATUSES) if name.startswith("fixtures/")
    }
    assert sorted(listed) == named("fixtures")


# --- the polls of one deployment

GOODBYE = "Gracefully shutting down build container: "
"""Coolify writes it after it has set `finished_at` (coolify-api 17.2), and after it at most the container's name: nobody waits for it."""

WELL = "finished, then health: healthy, confirmed"
UNHEALTHY = "New container is unhealthy. It wrote no log."
SKIPPED_POST = "its post-deployment command was skipped: no running container was found"
NO_IMAGE = "The registry does not have this image or tag. Check its name, and that it was pushed before the deployment.\n"
NO_SSH = "Coolify could not reach the server over SSH. Validate the server in Coolify, check its firewall and key, then deploy again.\n"
NO_CONTAINER = (
    "The pre- or post-deployment command found no container. Check the container's name in Coolify.\n"
)
MORE = "\nIts hidden log lines may contain the reason: set `hidden_logs: true` or open "
OLD_POST = "Post-deployment command: Could not find a valid container. Is the container name correct?"
FLIPPED = "Post-deployment command failed."
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

# When the watch ended, in the sequence's own seconds, and how.
STORIES: dict[str, tuple[float, str]] = {
    "captured/sequence_cancel_while_running": (3.96, f"cancelled: {deployment.CANCELLED}"),
    "captured/sequence_dockerimage_ok": (4.86, WELL),
    "captured/sequence_dockerimage_second_skipped": (4.59, WELL),
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
    "captured/sequence_nixpacks_ok": (7.64, WELL),
    "captured/sequence_pinned_commit": (9.8, WELL),
    "captured/sequence_post_command_fails": (8.19, f"unverified: {SKIPPED_POST}"),
    "captured/sequence_restart_dockerimage": (4.63, WELL),
    "captured/sequence_restart_only": (12.08, WELL),
    "captured/sequence_ssh_down": (
        7.23,
        f"failed: {NO_SSH}ssh: connect to host host.docker.internal port 22: Connection refused",
    ),
    "captured/sequence_ssh_flaky": (14.5, WELL),
    "captured-2/sequence_rollback": (4.48, WELL),
    "captured/v4.0.0-beta.434/sequence_dockerimage_ok": (
        15.52,
        WELL,
    ),  # 4.69 and the ten seconds in which it could still fail
    "captured/v4.0.0-beta.434/sequence_post_command_fails": (8.41, f"failed: {NO_CONTAINER}{OLD_POST}"),
    "captured/v4.0.0-beta.463/sequence_pinned_commit": (9.8, WELL),
    "captured/v4.1.2/sequence_pinned_commit": (8.91, WELL),
    "captured/v4.2.0/sequence_pinned_commit": (10.15, WELL),
    "fixtures/sequence_deploy_failed_reason_late": (
        4,
        f"failed: {NO_SCRIPT}exit code 1: npm ERR! missing script: build",
    ),
    "fixtures/sequence_deploy_success": (8, WELL),
    "fixtures/sequence_finished_flips_to_failed_old": (
        2,
        f"failed: {FLIPPED}{MORE}{BASE}{PAGE}.",
    ),
}


@dataclass(frozen=True)
class Story:
    """When the last look was, what came of it, which lines were shown and which were there until then, and which only came later."""

    ended: float
    verdict: str
    shown: list[str]
    written: list[str]
    late: list[str]


def watched(name: str) -> Story:
    """Each poll at its time, and the last one's answer again every two seconds, until the watch ends."""
    said = recorded(name)
    polls, path = said["responses"], said["request"]["path"]
    first = polls[0]["body"]
    target = re.findall("/application/([^/]+)/", first["deployment_url"])[0]
    times = [poll.get("t", 2.0 * number) for number, poll in enumerate(polls)]
    shown: list[str] = []
    looks, at = 0, 0.0
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        for poll in polls:
            put(wire, path, poll)
        there = server(
            version=version_of(said), known={target: Resource(APPLICATION, first.get("application") or {})}
        )
        watch = Watch(Handle(target, path.rpartition("/")[2]), began=0, deadline=1800)
        while watch.result is None:
            at = times[looks] if looks < len(times) else at + 2
            watch, events = observe(watch, there.poll(watch.handle), at)
            shown += [
                line(entry.text) for event in events if isinstance(event, LogLines) for entry in event.entries
            ]
            looks += 1
    whole, written = lines(polls), lines(polls[:looks])
    return Story(
        round(at, 2),
        told(next_step(Stage.DEPLOYMENT, (watch,), repeated=False)),
        shown,
        written,
        whole[len(written) :],
    )


def deployment_of(name: str) -> str:
    """Its uuid, which is the name of the container that it is built in, too."""
    uuid: str = recorded(name)["request"]["path"].rpartition("/")[2]
    return uuid


def lines(polls: list[Record]) -> list[str]:
    """Every entry once, when it was first there, whatever became of the list: known by all that it holds, and counted in each poll."""
    listed: dict[tuple[str, ...], str] = {}
    for poll in polls:
        counts: Counter[str] = Counter()
        for entry in json.loads(poll["body"]["logs"] or "[]"):
            key = json.dumps([entry.get(name) for name in ("timestamp", "type", "command", "output")])
            counts[key] += 1
            listed.setdefault((key, str(counts[key])), line(entry["output"]))
    return list(listed.values())


REMOTE_COMMAND = re.compile(r"Command execution failed \((exit code -?\d+)\): .*?\nError: ", re.DOTALL)


def line(text: str) -> str:
    """A line as it is shown: without the values of all variables, of which only the beginning is left, and without a remote command."""
    if text.startswith(deployment.PLANNING):
        return deployment.PLANNING
    told = REMOTE_COMMAND.sub(r"\1: ", text)
    return text if told == text else told.rstrip()


@pytest.mark.parametrize("name", STORIES)
def test_the_polls_of_a_deployment_end_as_it_did_and_show_each_line_once(name: str) -> None:
    run = watched(name)
    assert (run.ended, run.verdict) == STORIES[name]
    assert run.shown == run.written
    assert [text for text in run.late if not text.startswith(GOODBYE) and text != deployment_of(name)] == []


STARTING = "captured-2/sequence_health_starting"


def test_a_health_check_that_never_gets_beyond_starting_ends_as_failed() -> None:
    """In which words stands in tests/providers/coolify/watching/test_known_failures.py."""
    run = watched(STARTING)
    assert (run.ended, run.verdict.partition(": ")[0], run.shown) == (9.67, "failed", run.written)


# --- the polls of one service

# When each status was seen. coolify-api 8: after its restart a service is `exited` for up to two minutes, until the next check.
STATUSES: dict[str, tuple[tuple[float, ...], str]] = {
    "captured/sequence_service_restart_status": ((), "still going"),
    # Two and three seconds each: too short to tell one that works from one that doesn't, by anything that the API says.
    "captured-2/sequence_service_deploy_ok": ((), "still going"),
    "captured-2/sequence_service_deploy_up_fails": ((), "still going"),
    "captured-2/sequence_service_restart_latest_ok": ((), "still going"),
    "captured-2/sequence_service_restart_latest_pull_fails": ((), "still going"),
    "fixtures/sequence_service_restart_status": ((0, 3, 6, 20, 130, 146), "finished"),
}


@pytest.mark.parametrize("name", STATUSES)
def test_the_polls_of_a_service_end_neither_with_the_old_container_nor_with_the_gap(
    name: str, wire: responses.RequestsMock
) -> None:
    said, (times, verdict) = recorded(name), STATUSES[name]
    whole = recorded("captured/service_get")["response"]
    polls = said.get("responses", ())
    seen = said.get("statuses") or [
        {"t": at, **poll["body"]}
        for at, poll in zip(times or [poll["t"] for poll in polls], polls, strict=True)
    ]
    watch = Watch(Handle("stack", "", condition=resource_status.RUNNING), began=0, deadline=1800)
    there = server(command=Command.RESTART, known={"stack": Resource(SERVICE, {"status": seen[0]["status"]})})
    for poll in seen:
        assert watch.result is None
        put(
            wire,
            "/api/v1/services/stack",
            {**whole, "body": {**whole["body"], "uuid": "stack", "status": poll["status"]}},
        )
        watch, _ = observe(watch, there.poll(watch.handle), poll["t"])
    assert (
        told(next_step(Stage.DEPLOYMENT, (watch,), repeated=False)) if watch.result else "still going"
    ) == verdict


# --- the polls of an application after its deployment, and of its list after a push

AFTER_FINISHED = sorted(name for name in SEQUENCES if name.endswith("/sequence_application_after_finished"))
PUSHED = sorted(name for name in SEQUENCES if name.endswith("/sequence_push_webhook_rows"))


@pytest.mark.parametrize("name", AFTER_FINISHED)
def test_an_application_that_runs_after_its_deployment_is_seen_to_run(name: str) -> None:
    said = recorded(name)
    uuid = said["request"]["path"].rpartition("/")[2]
    for poll in said["responses"]:
        with responses.RequestsMock() as wire:
            put(wire, said["request"]["path"], poll)
            seen = server(version=version_of(said), known={uuid: Resource(APPLICATION)}).poll(
                Handle(uuid, "", condition=resource_status.HEALTH)
            )
        assert (seen.phase, seen.raw_status) == (Phase.SUCCEEDED, poll["body"]["status"])


@pytest.mark.parametrize("name", PUSHED)
def test_a_push_makes_a_row_that_is_never_taken_for_ours(name: str) -> None:
    said = recorded(name)
    uuid = said["request"]["path"].rpartition("/")[2]
    for poll in said["responses"]:
        with responses.RequestsMock() as wire:
            put(wire, said["request"]["path"], poll)
            there = server(version=version_of(said))
            listed = there.api.deployment_history(uuid, 2)
        assert listed is not None
        pushed, triggered = listed
        assert not matches_ours(pushed, Options(), there.lookup.version)
        assert matches_ours(triggered, Options(force=True), there.lookup.version)


def test_every_sequence_is_in_a_table() -> None:
    assert {*STORIES, STARTING, *STATUSES, *AFTER_FINISHED, *PUSHED} == SEQUENCES


# --- everything else that was captured

MEANS: dict[int, tuple[str, ...]] = {
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
"""How what comes of an answer begins, by its status, of the endpoints that are asked."""

FOLDERS = sorted({name.rpartition("/")[0] for name in CAPTURED})


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_captured_answer_is_read_without_trouble_and_means_what_its_status_says(folder: str) -> None:
    """Whatever is raised beside a refusal with a sentence is our bug; and no sentence repeats the token or a page."""
    odd: dict[str, str] = {}
    for name in (name for name in CAPTURED if name.rpartition("/")[0] == folder and name not in SEQUENCES):
        said = recorded(name)
        try:
            came = read(name)
        except Exception as error:  # noqa: BLE001 -- all of them are told at once
            odd[name] = repr(error)
        else:
            means = found_call(said["request"])[0] is any_answer or came.startswith(
                MEANS[said["response"]["status"]]
            )
            if not means or came.endswith(": ") or re.search("FAKE|<!DOCTYPE|<html|Responses", came):
                odd[name] = f"HTTP {said['response']['status']}: {came}"
    assert odd == {}
