"""The simulator responds as the captured Coolify of each version did."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import pytest

from deployer.simulator import Request
from deployer.simulator.coolify.routes import ACTIONS, found
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.made_up import TOKEN
from tests.simulator.coolify.situations import (
    ALL_TIME,
    CAPTURED,
    DEPLOY_AND_CANCEL,
    DEPLOY_DOCS,
    DEPLOY_IMG,
    DEPLOY_PREVIEW,
    DEPLOY_WEB,
    DEPLOY_WORKER,
    DESTINATIONS,
    DOCS,
    EXITED,
    FOLDERS,
    FOO,
    FOO2,
    FULL_QUEUE,
    IMG,
    MAINTENANCE,
    OVER_RATE_LIMIT,
    PG,
    RESTARTED,
    RUNNING,
    SERVER_UNREACHABLE,
    SERVERS,
    SHOWN_ONCE,
    STACK,
    STOPPED_CLOCK,
    STRANGERS,
    TAKEN_DOMAINS,
    UNREACHABLE,
    WEB,
    WORKER,
    Overrides,
    Visit,
    blocked,
    parse_body,
    plain,
    wire_response,
    with_script,
    with_variables,
)

# The captured requests that contain the uuid of each resource, in a version's folder or in the top folder.
UUID_SOURCES = {
    "web": ("deploy_one",),
    "worker": ("deploy_post_body", "deploy_body_json"),
    "docs": ("deploy_get", "path_deploy_trailing"),
    "img": ("patch_badtag", "seq_trigger_img", "create_img_get"),
    "stack": ("service_get",),
    "pg": ("database_start", "database_get"),
}
UUID = re.compile("[a-z0-9]{24}")
ALL_ABILITIES = {"read", "read:sensitive", "write", "write:sensitive", "deploy"}
TOKENS: Mapping[str, set[str]] = {
    "READ": {"read"},
    "OWNERREAD": {"read"},
    "MEMBERREAD": {"read"},
    "RS": {"read", "read:sensitive"},
    "DEPLOY": {"deploy"},
    "WRITE": {"write"},
    "FULL": ALL_ABILITIES,
    "OTHERFULL": ALL_ABILITIES,
    "MEMBERDEPLOY": {"read", "deploy"},
    "MEMBERSENS": {"read", "read:sensitive"},
    "ROOT": {"root"},
}
FAKE_TOKEN = re.compile(r"(\d+\|)?FAKE([A-Z]+?)x*\b")


@dataclass(frozen=True)
class Case:
    """The situation of a captured request."""

    before: tuple[str, ...] = ()
    """Requests that a root token sent before."""
    overrides: Overrides = field(default_factory=dict)
    late: bool = False
    """Whether those were long ago."""
    without_messages: bool = False
    """Whether the messages depend on more than this, and are not compared."""


@cache
def captured(folder: str, name: str) -> Any:
    return json.loads((CAPTURED / folder / f"{name}.json").read_text(encoding="utf-8"))


@cache
def uuids_of(folder: str) -> dict[str, str]:
    """The resource of each captured uuid."""
    captured_files = [
        (resource, name)
        for resource, names in UUID_SOURCES.items()
        for name in names
        if (CAPTURED / folder / f"{name}.json").exists()
    ]
    request = [(resource, captured(folder, name)["request"]) for resource, name in captured_files]
    created = json.loads(captured(folder, "create_img" if folder else "create_img_201")["request"]["body"])
    uuids = {
        UUID.findall(f"{each['path']} {each.get('query')} {each.get('body')}")[0]: resource
        for resource, each in request
    }
    foo = {} if folder else {captured(folder, "env_create_201")["response"]["body"]["uuid"]: "foo_of_web"}
    return uuids | {created["project_uuid"]: "project", created["server_uuid"]: "host"} | foo


def response_to(folder: str, name: str, case: Case) -> Response:
    """The simulator's response to the captured request in that situation."""
    status = captured(folder, "service_get")["response"]["body"]["status"]
    visit = Visit(FOLDERS[folder], **{"resources": (replace(STACK, status=status), PG)} | case.overrides)
    for step in case.before:
        visit.send(step)
    request, server = captured(folder, name)["request"], visit.server
    uuids = {captured_value: visit.uuids[resource] for captured_value, resource in uuids_of(folder).items()}
    query, body = (
        UUID.sub(lambda match: uuids.get(match[0], match[0]), request.get(part) or "")
        for part in ("query", "body")
    )
    deployment = visit.uuids["last"] if "/deployments/" in request["path"] else ""
    path = UUID.sub(lambda match: uuids.get(match[0], deployment or match[0]), request["path"])
    headers = {key.lower(): value for key, value in request["headers"].items()}
    if match := FAKE_TOKEN.search(headers.get("authorization", "")):
        server.scenario = replace(server.scenario, token_known=match[2] in TOKENS)
        visit.with_abilities(*TOKENS.get(match[2], ()))
        headers["authorization"] = FAKE_TOKEN.sub(
            TOKEN if match[1] else TOKEN.partition("|")[2], headers["authorization"]
        )
    server.speed = ALL_TIME if case.late else STOPPED_CLOCK
    return wire_response(
        server,
        Request(request["method"], path, parse_qs(query, keep_blank_values=True), headers, body.encode()),
    )


# --- the tables: which captured response is compared in which situation, or why it is not compared


def cases(
    names: str,
    *before: str,
    overrides: Overrides | None = None,
    late: bool = False,
    without_messages: bool = False,
) -> dict[str, Case]:
    return dict.fromkeys(
        names.split(), Case(before, overrides or {}, late=late, without_messages=without_messages)
    )


VERSION_FOLDERS: Mapping[str, Case] = {
    **cases("""
        app_get catchall database_start deploy_get deploy_list_body deploy_one deploy_post_body deploy_pr
        deploy_probe_empty create_img deploy_probe_read deploy_probe_write deploy_unknown env_bulk health
        member_read_version patch_badtag patch_empty patch_ok patch_pin patch_tag patch_unknown patch_unpin
        patch_uuid rate_limit_of_version rollback service_get service_restart service_start service_stop
        unauth unauth_star version version_noread
    """),
    **cases(
        """
        app_deployments cancel deploy_force_false_query deploy_mixed deploy_skipped deployment_deployonly
        deployment_logs deployment_logs_root deployment_read deployments_list
        """,
        *DEPLOY_WEB,
    ),
    **cases("app_restart app_start app_start_get app_start_write", *DEPLOY_WORKER),
    **cases("app_start_false", *DEPLOY_DOCS),
    **cases("cancel_again cancel_then_get", *DEPLOY_AND_CANCEL),
    **cases("cancel_server_unreachable", *DEPLOY_WEB, overrides=SERVER_UNREACHABLE),
    **cases("cancel_server_unreachable_then_get", *DEPLOY_AND_CANCEL, overrides=SERVER_UNREACHABLE),
    **cases("deploy_force_false_get", *DEPLOY_WEB, "POST /deploy?uuid={web}&force=false"),
    **cases("deploy_queue_full start_queue_full", overrides=FULL_QUEUE),
    **cases("deploy_skipped_get", *DEPLOY_WEB, *DEPLOY_WEB),
    **cases("deploy_tag", "GET /deploy?uuid={docs}"),
    **cases("deploy_tag_blue", without_messages=True),
    **cases("deployment_other_team", overrides=STRANGERS),
    **cases("env_bulk_again", overrides=with_variables(FOO)),
    **cases("member_deploy", *DEPLOY_WORKER, overrides=blocked("member_deploy_version")),
    **cases("member_elevated_version", overrides=blocked("member_deploy_version")),
    **cases("sequence_dockerimage_ok", *DEPLOY_IMG, overrides=with_script("dockerimage_ok"), late=True),
    **cases("sequence_pinned_commit", *DEPLOY_WEB, late=True),
    **cases(
        "sequence_post_command_fails", *DEPLOY_WEB, overrides=with_script("post_command_fails"), late=True
    ),
}
TOP_FOLDER: Mapping[str, Case] = {
    **cases("""
        accept_422_apstar accept_422_html_json accept_422_json accept_422_none accept_422_star accept_422_xhr
        app_deployments_deployonly app_deployments_foreign app_deployments_skipneg app_deployments_take0
        app_deployments_take0_star app_deployments_takex app_deployments_unknown app_get_deployonly
        app_get_read app_get_sensitive app_get_unknown app_restart_foreign app_start app_start_force
        app_start_instant app_start_instant_while_busy app_start_read403 app_start_unknown
        app_start_uuid_override app_start_uuid_override_q app_start_write403 app_stop create_img_201
        create_img_baddest create_img_badenv create_img_badimage create_img_badports create_img_badproject
        create_img_badtag create_img_deploytok create_img_env_uuid create_img_extra create_img_instant
        create_img_noenv create_img_noimage create_img_noports create_img_noproject create_img_noserver
        create_img_notag create_img_tag_in_name create_img_uuidfield databases_env_create env_create_201
        env_create_badkey env_create_flags env_create_is_build_time env_create_num env_delete_again
        env_patch_404 resources services_env_create env_bulk_nodata env_bulk_num env_bulk_partial
        env_value_trim patch_commit_bad patch_domains_bad patch_image_digest_full patch_image_name_tagged
        patch_image_name_upper patch_image_tag_num patch_is_static_str patch_labels_b64 patch_ports
        patch_type_error patch_unknown_and_invalid rollback_bad rollback_extra rollback_missing
        rollback_missing2 rollback_unknown servers applications_restart_get_405 applications_start_get_405
        applications_stop_get_405 apps_list auth_basic auth_nondigit_prefix auth_noprefix_ok auth_query_token
        auth_trailing_space cancel_deploytoken_404 catchall_404 catchall_404_star create_img_get database_get
        databases_restart databases_start databases_start_get_405 databases_start_unknown databases_stop
        databases_stop_exited databases_stop_get_405 deploy_bad_json_body deploy_body_and_query
        deploy_body_json deploy_body_list_500 deploy_body_list_500_star deploy_both deploy_comma_zero
        deploy_dockertag_nopr deploy_dockertag_tag deploy_duplicate_uuid deploy_foreign deploy_get_401
        deploy_get_403_read deploy_get_405 deploy_many deploy_mixed deploy_one deploy_pr_db
        deploy_pr_dockerimage_nopreview deploy_pr_dockerimage_tag deploy_pr_dockertag_on_git deploy_pr_unknown
        deploy_probe_deploy deploy_probe_read deploy_probe_root deploy_probe_write deploy_service
        deploy_service_app_uuid deploy_tag_blue deploy_tag_commas deploy_tag_lonely deploy_tag_solo
        deploy_tag_unknown deploy_tag_upper deploy_two_tags_same_app deploy_unknown deploy_unknown_fields
        deploy_uuid_brackets deploy_uuid_twice deploy_uuid_upper deployment_foreign deployment_of_deleted_app
        deployment_unknown deployments_list_deployonly deployments_list_other_team health_api_disabled
        health_root_path ip_cidr_ok ip_denied_xff_ok ip_zero_ok member_read_app member_read_patch
        member_read_version patch_badjson patch_commit patch_commit_head patch_domains patch_foreign
        patch_fqdn patch_image_back patch_image_digest patch_image_digest2 patch_image_tag
        patch_image_tag_empty patch_list patch_nobody patch_nobody_ct patch_nojson patch_ok patch_pin
        patch_probe_deploy patch_probe_write patch_read_403 patch_tag_while_running patch_unknown_app
        patch_unknown_field patch_unpin patch_uuid_query path_deploy_trailing path_inner_double
        path_trailing_slash preview_delete_404 preview_delete_422 rate_limit_of_version ratelimit_bad_token
        seq_trigger_img service_get service_restart_seq_trigger services_restart services_restart_get_405
        services_restart_latest services_stop_get_405 transport_api_disabled_noauth unauth_bad
        unauth_bad_noprefix unauth_expired unauth_none unauth_none_html unauth_none_noaccept unauth_none_star
        version version_star wrong_method_cancel_get wrong_method_delete_deploy
    """),
    **cases(
        """
        app_deployments_empty app_deployments_read cancel_double_race_first cancel_in_progress_200
        cancel_in_progress_ssh cancel_queued_200 cancel_read_403 cancel_while_running deploy_force_1
        deploy_force_True deploy_force_false deploy_force_no deploy_force_off deploy_force_on
        deploy_force_true deploy_force_yes deploy_skipped deploy_two_tags deployment_get_deployonly_403
        deployment_get_sensitive deployment_logs_null deployment_logs_read_only deployment_logs_root
        deployment_member_read deployment_pinned deployment_queued deployments_list_after_update
        deployments_list_read deployments_list_rs start_skipped
        """,
        *DEPLOY_WEB,
    ),
    **cases(
        "create_img_domains_conflict patch_domains_conflict patch_domains_conflict_force "
        "patch_domains_restore",
        overrides=TAKEN_DOMAINS,
    ),
    **cases("create_img_multidest create_img_multidest_ok", overrides=DESTINATIONS),
    **cases(
        "env_bulk_201 env_bulk_nullvalue env_bulk_omitvalue env_bulk_unknown_keys env_bulk_writeonly",
        overrides=with_variables(FOO),
    ),
    **cases("env_bulk_ml_omitflags", overrides=with_variables(SHOWN_ONCE)),
    **cases("env_list_read env_list_sensitive", overrides=with_variables(FOO, SHOWN_ONCE)),
    **cases("services_env_list databases_env_list databases_env_bulk", overrides=with_variables(FOO2)),
    **cases("env_create_409 env_delete env_patch_201 env_patch_full_token", overrides=with_variables(FOO)),
    **cases(
        "services_env_create_409 services_env_patch databases_env_create_409 databases_env_patch",
        overrides=with_variables(FOO2),
    ),
    **cases(
        "app_logs_not_running",
        overrides={"apps": (WEB, replace(WORKER, fields={"status": "exited:unhealthy"}), DOCS, IMG)},
    ),
    **cases("app_logs_server_unreachable", overrides=SERVER_UNREACHABLE),
    **cases("rollback_images_server_unreachable", overrides=SERVER_UNREACHABLE),
    **cases("rollback_queue_full", overrides=FULL_QUEUE),
    **cases(
        "app_deployments_multiserver app_get_multiserver_after", *DEPLOY_WORKER, overrides=SERVERS, late=True
    ),
    **cases("app_deployments_rs", *("POST /deploy?uuid={web}&force=true",) * 6),
    **cases("app_get_multiserver", overrides=SERVERS),
    **cases(
        "cancel_again_400 cancel_terminal_400 deployment_cancelled deployment_cancelled_inprogress",
        *DEPLOY_AND_CANCEL,
    ),
    **cases("deployment_cancelled_ssh deployment_state_cancelled-by-user", *DEPLOY_AND_CANCEL),
    **cases("cancel_other_team", overrides=STRANGERS),
    **cases("cancel_server_unreachable_200", *DEPLOY_WEB, overrides=SERVER_UNREACHABLE),
    **cases(
        "databases_restart_running databases_start_running services_start_running services_stop_running",
        overrides=RUNNING,
    ),
    **cases("deploy_form deploy_uuid_trim", *DEPLOY_WORKER),
    **cases("deploy_img_while_running_skipped deploy_spaces", *DEPLOY_IMG),
    **cases(
        """
        deploy_queue_full_429 deploy_queue_full_429_skippable deploy_queue_full_mixed_first
        deploy_queue_full_tag deploy_queue_full_unforced_other restart_queue_full start_queue_full
        """,
        overrides=FULL_QUEUE,
    ),
    **cases("deploy_second_while_running_git", *DEPLOY_WORKER, late=True),
    **cases("deploy_service_server_unreachable_500 deploy_tag_server_unreachable_500", overrides=UNREACHABLE),
    **cases("deploy_skipped_phantom_404", *DEPLOY_WEB, *DEPLOY_WEB),
    **cases("deploy_tag_blue_again", *DEPLOY_WEB, *DEPLOY_IMG),
    **cases("deploy_tag_two", *DEPLOY_DOCS),
    **cases("deployment_after_coolify_restart", *DEPLOY_WEB, overrides=RESTARTED, late=True),
    **cases("deployment_logs_some deployment_state_finished", *DEPLOY_WEB, late=True),
    **cases("deployment_state_failed", *DEPLOY_WEB, overrides=with_script("nixpacks_buildfail"), late=True),
    **cases("disabled_then version_no_accept_disabled", overrides=blocked("transport_api_disabled")),
    **cases(
        "transport_api_disabled transport_api_disabled_deploy", overrides=blocked("transport_api_disabled")
    ),
    **cases("ip_denied ip_denied_root", overrides=blocked("ip_denied")),
    **cases("ip_denied_member_sens member_deploy_deploy", overrides=blocked("member_deploy_version")),
    **cases("member_deploy_version member_sens_version", overrides=blocked("member_deploy_version")),
    **cases("left_team_401", overrides=blocked("left_team_401")),
    **cases("maintenance_503 maintenance_503_star maintenance_health", overrides=MAINTENANCE),
    **cases("preview_delete_200", *DEPLOY_PREVIEW),
    **cases("ratelimit_429 ratelimit_429_deploy ratelimit_429_star", *OVER_RATE_LIMIT),
    **cases("ratelimit_other_token_same_user", *OVER_RATE_LIMIT),
    **cases("sequence_cancel_while_running", *DEPLOY_AND_CANCEL, late=True),
    **cases(
        "sequence_dockerimage_ok sequence_dockerimage_second_skipped",
        *DEPLOY_IMG,
        overrides=with_script("dockerimage_ok"),
        late=True,
    ),
    **cases(
        "sequence_dockerimage_upfail sequence_nixpacks_buildfail",
        *DEPLOY_WEB,
        overrides=with_script("nixpacks_buildfail"),
        late=True,
    ),
    **cases(
        "sequence_healthcheck_healthy sequence_nixpacks_ok sequence_pinned_commit", *DEPLOY_WEB, late=True
    ),
    **cases(
        "sequence_healthcheck_unhealthy",
        *DEPLOY_WEB,
        overrides=with_script("healthcheck_unhealthy"),
        late=True,
    ),
    **cases("sequence_multiserver_main", *DEPLOY_WORKER, overrides=SERVERS, late=True),
    **cases(
        "sequence_post_command_fails", *DEPLOY_WEB, overrides=with_script("post_command_fails"), late=True
    ),
    **cases(
        "sequence_restart_dockerimage",
        "POST /applications/{img}/restart",
        overrides=with_script("dockerimage_ok"),
        late=True,
    ),
    **cases("sequence_restart_only", "POST /applications/{web}/restart", late=True),
    **cases("service_after_deploy", "POST /deploy?uuid={stack}", overrides=EXITED),
    **cases("services_start services_stop services_stop_exited", overrides=EXITED),
    **cases("start_queue_full_phantom", "POST /applications/{docs}/start", overrides=FULL_QUEUE),
}
NOT_COMPARED: Mapping[str, str] = {
    name: reason
    for reason, names in {
        "a PATCH deploys nothing": "patch_instant patch_instant_queue_full patch_instant_skip",
        "SSH works while a deployment runs": "sequence_ssh_down sequence_ssh_flaky",
        "the rate limit is simulated once for all users": "ratelimit_catchall ratelimit_health "
        "ratelimit_other_user "
        "ratelimit_owner_by_ip",
        "the listener removes the body and its header": "head_version",
    }.items()
    for name in names.split()
}


def table(folder: str) -> Mapping[str, Case]:
    return VERSION_FOLDERS if folder else TOP_FOLDER


def is_simulated(folder: str, name: str) -> bool:
    """Whether a captured request is for an endpoint of the simulator."""
    request = captured(folder, name).get("request")
    match = found(request["path"], request["method"]) if request else None
    return match is not None and (
        match[0].method == request["method"]
        or (request["method"] in {"GET", "HEAD"} and match[0].name in ACTIONS)
    )


def files() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((CAPTURED / folder).glob("*.json")):
            yield folder, path.stem


# --- the comparison


def differences(captured_value: Any, simulated: Any, path: str = "body") -> list[str]:
    """Where two values differ in keys, types or messages.

    Null matches everything; of lists, the first items are compared.
    """
    if captured_value is None or simulated is None:
        return []
    if type(captured_value) is not type(simulated):
        return [f"{path}: {type(simulated).__name__} instead of {type(captured_value).__name__}"]
    if isinstance(captured_value, dict):
        keys = captured_value.keys() ^ simulated.keys()
        differences_found = [
            difference
            for key in captured_value.keys() & simulated.keys()
            for difference in differences(captured_value[key], simulated[key], f"{path}.{key}")
        ]
        return ([f"{path}: {sorted(keys)}"] if keys else []) + differences_found
    if isinstance(captured_value, list):
        return (
            differences(captured_value[0], simulated[0], f"{path}[0]") if captured_value and simulated else []
        )
    if path.endswith(".logs"):
        return differences(json.loads(captured_value), json.loads(simulated), f"{path}()")
    is_message = path.endswith((".message", ".message[0]", ".error")) or ".errors" in path
    return (
        [f"{path}: {simulated!r} instead of {captured_value!r}"]
        if is_message and captured_value != simulated
        else []
    )


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        pytest.param(folder, name, id=f"{FOLDERS[folder]} {name}")
        for folder, name in files()
        if name in table(folder)
    ],
)
def test_response_is_the_captured_one(folder: str, name: str) -> None:
    exchange, case = captured(folder, name), table(folder)[name]
    captured_value = exchange["response"] if "response" in exchange else exchange["responses"][-1]
    response = response_to(folder, name, case)
    body = parse_body(response)
    assert response.status == captured_value["status"], body
    differences_found = differences(plain(captured_value["body"]), plain(body))
    assert [
        difference
        for difference in differences_found
        if not (case.without_messages and ".message[" in difference)
    ] == []
    if "headers" in captured_value:
        assert {key.lower() for key, _ in response.headers} == {
            key.lower() for key, _ in captured_value["headers"]
        }
    else:
        assert body["status"] == captured_value["body"]["status"]


def test_every_captured_response_is_compared_or_excluded() -> None:
    captured_files = set(files())
    assert {
        (folder, name)
        for folder, name in captured_files
        if is_simulated(folder, name) and name not in {*table(folder), *NOT_COMPARED}
    } == set()
    assert {*VERSION_FOLDERS} - {name for folder, name in captured_files if folder} == set()
    assert {*TOP_FOLDER} - {name for folder, name in captured_files if not folder} == set()
    assert {*NOT_COMPARED} - {name for _, name in captured_files} == set()
