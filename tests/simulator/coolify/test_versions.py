"""The simulator answers as the captured Coolify of each version did, and has nothing that the servers' own descriptions lack."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from deployer.simulator import VERSIONS, Request, Scenario
from deployer.simulator.__main__ import main
from deployer.simulator.coolify.checks import answered, caught_as, shown
from deployer.simulator.coolify.render import SENSITIVE
from deployer.simulator.coolify.render_env import uuid_of
from deployer.simulator.coolify.replies import body_of
from deployer.simulator.coolify.routes import ACTIONS, ROUTES, Route, found
from deployer.simulator.coolify.scenarios import BUILT, IMAGE, MAIN
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import App, Extra
from deployer.simulator.coolify.state.places import Host
from deployer.simulator.coolify.state.resources import Resource
from deployer.simulator.coolify.state.script import recorded
from deployer.simulator.coolify.state.variables import Variable
from deployer.simulator.coolify.wire import spoiled
from deployer.simulator.serving.exchange import Fault, Response, Then
from deployer.simulator.serving.made_up import TOKEN
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

CONTRACT = Path(__file__).parents[2] / "contracts" / "coolify"
CAPTURED = CONTRACT / "captured"
FOLDERS = {"": "4.3.10"} | {f"v{name}": name for name in VERSIONS if (CAPTURED / f"v{name}").exists()}
STILL, LATE = 1e-9, 1e12  # simulated seconds in a real one: no time passes, or all of it
HOUR = 3600
JSON = {"accept": "application/json"}


# --- the server, and what it says


WEB = App(BUILT, tags=("blue",))
WORKER = App(BUILT, name="worker", fqdn="http://worker.example.com")
DOCS = App(BUILT, name="docs", fqdn="http://docs.example.com", tags=("solo",))
IMG = replace(IMAGE, name="img", tags=("blue",))
STACK, PG = Resource(tags=("blue",)), Resource("database", name="pg", status="exited:unhealthy")
APPS, RESOURCES = {"web": WEB, "worker": WORKER, "docs": DOCS, "img": IMG}, {"stack": STACK, "pg": PG}
EVERYBODY = Scenario(
    "everybody",
    "What the captured servers had.",
    apps=tuple(APPS.values()),
    resources=tuple(RESOURCES.values()),
    tags=("lonely",),
    abilities=frozenset({"root"}),
)


def said(server: Server, asked: Request) -> Response:
    """What goes over the wire."""
    asked.at = server.now()
    trouble = server.trouble(caught_as(server.scenario.version, asked))
    answer = spoiled(server, asked, trouble) if trouble else answered(server, asked)
    assert answer
    return shown(asked, answer)


def read(answer: Response) -> Any:
    text = b"".join(answer.body).decode()
    return json.loads(text) if dict(answer.headers)["Content-Type"] == "application/json" else text


class Visit:
    """A client of a server that stands still. A step is a method and a path; `{web}` and the like stand for uuids."""

    def __init__(self, version: str, **world: Any) -> None:
        self.server = Server(replace(EVERYBODY, version=VERSIONS[version], **world), STILL)
        self.uuids = dict(zip((*APPS, *RESOURCES), (*self.server.apps, *self.server.resources), strict=True))
        self.uuids |= {"project": body_of("project")["uuid"], "host": body_of("servers")[0]["uuid"]}
        self.uuids |= {f"foo_of_{who}": uuid_of(self.uuids[who], FOO) for who in ("web", "stack", "pg")}
        self.server.now()  # others' deployments are there from the first moment on
        self.uuids["last"] = self.server.rows[-1].uuid if self.server.rows else ""

    def ask(self, step: str, body: str = "", **headers: str) -> Response:
        """The answer; the last deployment that it names is `{last}` from now on."""
        method, _, place = step.format(**self.uuids).partition(" ")
        path, _, query = place.partition("?")
        with_token = JSON | {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"} | headers
        answer = said(
            self.server, Request(method, f"/api/v1{path}", parse_qs(query), with_token, body.encode())
        )
        named: list[bytes] = re.findall(rb'"deployment_uuid":"(\w+)"', b"".join(answer.body))
        self.uuids["last"] = named[-1].decode() if named else self.uuids["last"]
        return answer

    def told(self, step: str, body: str = "", **headers: str) -> Any:
        return read(self.ask(step, body, **headers))

    def wait(self, seconds: float) -> "Visit":
        """So much later."""
        assert self.server._zero is not None
        self.server._zero -= seconds / self.server.speed
        return self

    def row(self) -> dict[str, Any]:
        """The deployment named last."""
        body: dict[str, Any] = self.told("GET /deployments/{last}")
        return body

    def done(self, *steps: str) -> Response:
        """The answer to the last of them."""
        return [self.ask(step) for step in steps][-1]

    def may(self, *abilities: str) -> "Visit":
        self.server.scenario = replace(self.server.scenario, abilities=frozenset(abilities))
        return self


# --- the captured requests


# In which request each of them is found, in the folder of a version or in the top one.
NAMED = {
    "web": ("deploy_one",),
    "worker": ("deploy_post_body", "deploy_body_json"),
    "docs": ("deploy_get", "path_deploy_trailing"),
    "img": ("patch_badtag", "seq_trigger_img", "create_img_get"),
    "stack": ("service_get",),
    "pg": ("database_start", "database_get"),
}
UUID = re.compile("[a-z0-9]{24}")
FULL = {"read", "read:sensitive", "write", "write:sensitive", "deploy"}
TOKENS: Mapping[str, set[str]] = {
    "READ": {"read"},
    "OWNERREAD": {"read"},
    "MEMBERREAD": {"read"},
    "RS": {"read", "read:sensitive"},
    "DEPLOY": {"deploy"},
    "WRITE": {"write"},
    "FULL": FULL,
    "OTHERFULL": FULL,
    "MEMBERDEPLOY": {"read", "deploy"},
    "MEMBERSENS": {"read", "read:sensitive"},
    "ROOT": {"root"},
}
FAKE = re.compile(r"(\d+\|)?FAKE([A-Z]+?)x*\b")
World = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """The situation of a captured request.

    `before`: what a root token asked first. `late`: that was long ago. `wordless`: what is said depends on a longer story.
    """

    before: tuple[str, ...] = ()
    world: World = field(default_factory=dict)
    late: bool = False
    wordless: bool = False


@cache
def captured(folder: str, name: str) -> Any:
    return json.loads((CAPTURED / folder / f"{name}.json").read_text(encoding="utf-8"))


@cache
def uuids_of(folder: str) -> dict[str, str]:
    """Who is behind each captured uuid."""
    there = [
        (who, name)
        for who, names in NAMED.items()
        for name in names
        if (CAPTURED / folder / f"{name}.json").exists()
    ]
    asked = [(who, captured(folder, name)["request"]) for who, name in there]
    made = json.loads(captured(folder, "create_img" if folder else "create_img_201")["request"]["body"])
    known = {
        UUID.findall(f"{each['path']} {each.get('query')} {each.get('body')}")[0]: who for who, each in asked
    }
    foo = {} if folder else {captured(folder, "env_create_201")["response"]["body"]["uuid"]: "foo_of_web"}
    return known | {made["project_uuid"]: "project", made["server_uuid"]: "host"} | foo


def answer_to(folder: str, name: str, case: Case) -> Response:
    """What the simulator says to the captured request in that situation."""
    status = captured(folder, "service_get")["response"]["body"]["status"]
    visit = Visit(FOLDERS[folder], **{"resources": (replace(STACK, status=status), PG)} | case.world)
    for step in case.before:
        visit.ask(step)
    asked, server = captured(folder, name)["request"], visit.server
    known = {theirs: visit.uuids[who] for theirs, who in uuids_of(folder).items()}
    query, body = (
        UUID.sub(lambda hit: known.get(hit[0], hit[0]), asked.get(part) or "") for part in ("query", "body")
    )
    another = visit.uuids["last"] if "/deployments/" in asked["path"] else ""
    path = UUID.sub(lambda hit: known.get(hit[0], another or hit[0]), asked["path"])
    headers = {key.lower(): value for key, value in asked["headers"].items()}
    if hit := FAKE.search(headers.get("authorization", "")):
        server.scenario = replace(server.scenario, token_known=hit[2] in TOKENS)
        visit.may(*TOKENS.get(hit[2], ()))
        headers["authorization"] = FAKE.sub(
            TOKEN if hit[1] else TOKEN.partition("|")[2], headers["authorization"]
        )
    server.speed = LATE if case.late else STILL
    return said(
        server,
        Request(asked["method"], path, parse_qs(query, keep_blank_values=True), headers, body.encode()),
    )


# --- the tables: which captured answer is compared in which situation, and which is not compared, and why not


WEB_RUNS, WORKER_RUNS, DOCS_RUNS, IMG_RUNS = ((f"POST /deploy?uuid={{{who}}}",) for who in APPS)
CANCELLED = (*WEB_RUNS, "POST /deployments/{last}/cancel")
PREVIEW = ("POST /deploy?uuid={img}&pr=9&docker_tag=pr-9",)
TOO_MANY = ("GET /nope",) * 200


def going(script: str) -> World:
    """Every deployment goes like the recorded one."""
    return {"apps": tuple(replace(app, script=recorded(script, 45)) for app in APPS.values())}


def standing(stack: str, pg: str) -> World:
    return {"resources": (replace(STACK, status=stack), replace(PG, status=pg))}


def with_variables(*variables: Variable) -> World:
    return {
        "apps": tuple(replace(app, variables=variables) for app in APPS.values()),
        "resources": tuple(replace(each, variables=variables) for each in RESOURCES.values()),
    }


def barred(bar: str) -> World:
    return {"bar": bar}


RUNNING, EXITED = standing("running:healthy", "running:healthy"), standing("exited", "exited:unhealthy")
FULL_QUEUE: World = {"full_until": float("inf")}
CUT_OFF: World = {"reachable": False}
STRANGERS: World = {"strangers": 1}
SERVERS: World = {"apps": (WEB, replace(WORKER, script=MAIN, servers=(Extra("second", BUILT),)), DOCS, IMG)}
RESTARTED: World = {"apps": SCENARIOS["restarted"].apps * len(APPS)}
AWAY: World = {"faults": (Fault(("any",), Then.REPLY, reply="maintenance_503"),)}
TAKEN: World = {
    "apps": (
        replace(WEB, fqdn="https://web.example.com"),
        WORKER,
        replace(DOCS, name="docker-image-e8gu7q2lwu1ii6w4tlw1noea", fqdn="https://new.example.com"),
        IMG,
    )
}
DESTINATIONS: World = {"hosts": (Host(destinations=("coolify", "second")),)}
FOO, FOO2 = Variable("FOO", "bar"), Variable("FOO2", "bar")
SHOWN_ONCE = Variable("ML", "a\nb", literal=True, multiline=True, shown_once=True)
UNREACHABLE: World = {"resources": (replace(STACK, reachable=False), PG)}


def cases(
    names: str, *before: str, world: World | None = None, late: bool = False, wordless: bool = False
) -> dict[str, Case]:
    return dict.fromkeys(names.split(), Case(before, world or {}, late=late, wordless=wordless))


IN_FOLDERS: Mapping[str, Case] = {
    **cases("""
        app_get catchall database_start deploy_get deploy_list_body deploy_one deploy_post_body deploy_pr deploy_probe_empty
        create_img deploy_probe_read deploy_probe_write deploy_unknown env_bulk health member_read_version patch_badtag patch_empty
        patch_ok patch_pin patch_tag patch_unknown patch_unpin patch_uuid rate_limit_of_version rollback service_get service_restart
        service_start service_stop unauth unauth_star version version_noread
    """),
    **cases(
        """
        app_deployments cancel deploy_force_false_query deploy_mixed deploy_skipped deployment_deployonly deployment_logs
        deployment_logs_root deployment_read deployments_list
        """,
        *WEB_RUNS,
    ),
    **cases("app_restart app_start app_start_get app_start_write", *WORKER_RUNS),
    **cases("app_start_false", *DOCS_RUNS),
    **cases("cancel_again cancel_then_get", *CANCELLED),
    **cases("cancel_server_unreachable", *WEB_RUNS, world=CUT_OFF),
    **cases("cancel_server_unreachable_then_get", *CANCELLED, world=CUT_OFF),
    **cases("deploy_force_false_get", *WEB_RUNS, "POST /deploy?uuid={web}&force=false"),
    **cases("deploy_queue_full start_queue_full", world=FULL_QUEUE),
    **cases("deploy_skipped_get", *WEB_RUNS, *WEB_RUNS),
    **cases("deploy_tag", "GET /deploy?uuid={docs}"),
    **cases("deploy_tag_blue", wordless=True),
    **cases("deployment_other_team", world=STRANGERS),
    **cases("env_bulk_again", world=with_variables(FOO)),
    **cases("member_deploy", *WORKER_RUNS, world=barred("member_deploy_version")),
    **cases("member_elevated_version", world=barred("member_deploy_version")),
    **cases("sequence_dockerimage_ok", *IMG_RUNS, world=going("dockerimage_ok"), late=True),
    **cases("sequence_pinned_commit", *WEB_RUNS, late=True),
    **cases("sequence_post_command_fails", *WEB_RUNS, world=going("post_command_fails"), late=True),
}
ON_TOP: Mapping[str, Case] = {
    **cases("""
        accept_422_apstar accept_422_html_json accept_422_json accept_422_none accept_422_star accept_422_xhr
        app_deployments_deployonly app_deployments_foreign app_deployments_skipneg app_deployments_take0 app_deployments_take0_star
        app_deployments_takex app_deployments_unknown app_get_deployonly app_get_read app_get_sensitive app_get_unknown
        app_restart_foreign app_start app_start_force app_start_instant app_start_instant_while_busy app_start_read403
        app_start_unknown app_start_uuid_override app_start_uuid_override_q app_start_write403 app_stop
        create_img_201 create_img_baddest create_img_badenv create_img_badimage create_img_badports create_img_badproject
        create_img_badtag create_img_deploytok create_img_env_uuid create_img_extra create_img_instant create_img_noenv
        create_img_noimage create_img_noports create_img_noproject create_img_noserver create_img_notag create_img_tag_in_name
        create_img_uuidfield databases_env_create env_create_201 env_create_badkey env_create_flags env_create_is_build_time
        env_create_num env_delete_again env_patch_404 resources services_env_create
        env_bulk_nodata env_bulk_num env_bulk_partial env_value_trim patch_commit_bad patch_domains_bad
        patch_image_digest_full patch_image_name_tagged patch_image_name_upper patch_image_tag_num patch_is_static_str
        patch_labels_b64 patch_ports patch_type_error patch_unknown_and_invalid rollback_bad rollback_extra rollback_missing
        rollback_missing2 rollback_unknown servers
        applications_restart_get_405 applications_start_get_405 applications_stop_get_405 apps_list auth_basic auth_nondigit_prefix
        auth_noprefix_ok auth_query_token auth_trailing_space cancel_deploytoken_404 catchall_404 catchall_404_star create_img_get
        database_get databases_restart databases_start databases_start_get_405 databases_start_unknown databases_stop
        databases_stop_exited databases_stop_get_405 deploy_bad_json_body deploy_body_and_query deploy_body_json
        deploy_body_list_500 deploy_body_list_500_star deploy_both deploy_comma_zero deploy_dockertag_nopr deploy_dockertag_tag
        deploy_duplicate_uuid deploy_foreign deploy_get_401 deploy_get_403_read deploy_get_405 deploy_many deploy_mixed deploy_one
        deploy_pr_db deploy_pr_dockerimage_nopreview deploy_pr_dockerimage_tag deploy_pr_dockertag_on_git deploy_pr_unknown
        deploy_probe_deploy deploy_probe_read deploy_probe_root deploy_probe_write deploy_service deploy_service_app_uuid
        deploy_tag_blue deploy_tag_commas deploy_tag_lonely deploy_tag_solo deploy_tag_unknown deploy_tag_upper
        deploy_two_tags_same_app deploy_unknown deploy_unknown_fields deploy_uuid_brackets deploy_uuid_twice deploy_uuid_upper
        deployment_foreign deployment_of_deleted_app deployment_unknown deployments_list_deployonly deployments_list_other_team
        health_api_disabled health_root_path ip_cidr_ok ip_denied_xff_ok ip_zero_ok member_read_app member_read_patch
        member_read_version patch_badjson patch_commit patch_commit_head patch_domains patch_foreign patch_fqdn patch_image_back
        patch_image_digest patch_image_digest2 patch_image_tag patch_image_tag_empty patch_list patch_nobody patch_nobody_ct
        patch_nojson patch_ok patch_pin patch_probe_deploy patch_probe_write patch_read_403 patch_tag_while_running
        patch_unknown_app patch_unknown_field patch_unpin patch_uuid_query path_deploy_trailing path_inner_double
        path_trailing_slash preview_delete_404 preview_delete_422 rate_limit_of_version ratelimit_bad_token seq_trigger_img service_get
        service_restart_seq_trigger services_restart
        services_restart_get_405 services_restart_latest services_stop_get_405 transport_api_disabled_noauth unauth_bad
        unauth_bad_noprefix unauth_expired unauth_none unauth_none_html unauth_none_noaccept unauth_none_star version version_star
        wrong_method_cancel_get wrong_method_delete_deploy
    """),
    **cases(
        """
        app_deployments_empty app_deployments_read cancel_double_race_first cancel_in_progress_200 cancel_in_progress_ssh
        cancel_queued_200 cancel_read_403 cancel_while_running deploy_force_1 deploy_force_True deploy_force_false deploy_force_no
        deploy_force_off deploy_force_on deploy_force_true deploy_force_yes deploy_skipped deploy_two_tags
        deployment_get_deployonly_403 deployment_get_sensitive deployment_logs_null deployment_logs_read_only deployment_logs_root
        deployment_member_read deployment_pinned deployment_queued deployments_list_after_update deployments_list_read
        deployments_list_rs start_skipped
        """,
        *WEB_RUNS,
    ),
    **cases(
        "create_img_domains_conflict patch_domains_conflict patch_domains_conflict_force patch_domains_restore",
        world=TAKEN,
    ),
    **cases("create_img_multidest create_img_multidest_ok", world=DESTINATIONS),
    **cases(
        "env_bulk_201 env_bulk_nullvalue env_bulk_omitvalue env_bulk_unknown_keys env_bulk_writeonly",
        world=with_variables(FOO),
    ),
    **cases("env_bulk_ml_omitflags", world=with_variables(SHOWN_ONCE)),
    **cases("env_list_read env_list_sensitive", world=with_variables(FOO, SHOWN_ONCE)),
    **cases("services_env_list databases_env_list databases_env_bulk", world=with_variables(FOO2)),
    **cases("env_create_409 env_delete env_patch_201 env_patch_full_token", world=with_variables(FOO)),
    **cases(
        "services_env_create_409 services_env_patch databases_env_create_409 databases_env_patch",
        world=with_variables(FOO2),
    ),
    **cases(
        "app_logs_not_running",
        world={"apps": (WEB, replace(WORKER, fields={"status": "exited:unhealthy"}), DOCS, IMG)},
    ),
    **cases("app_logs_server_unreachable", world=CUT_OFF),
    **cases("rollback_images_server_unreachable", world=CUT_OFF),
    **cases("rollback_queue_full", world=FULL_QUEUE),
    **cases("app_deployments_multiserver app_get_multiserver_after", *WORKER_RUNS, world=SERVERS, late=True),
    **cases("app_deployments_rs", *("POST /deploy?uuid={web}&force=true",) * 6),
    **cases("app_get_multiserver", world=SERVERS),
    **cases(
        "cancel_again_400 cancel_terminal_400 deployment_cancelled deployment_cancelled_inprogress",
        *CANCELLED,
    ),
    **cases("deployment_cancelled_ssh deployment_state_cancelled-by-user", *CANCELLED),
    **cases("cancel_other_team", world=STRANGERS),
    **cases("cancel_server_unreachable_200", *WEB_RUNS, world=CUT_OFF),
    **cases(
        "databases_restart_running databases_start_running services_start_running services_stop_running",
        world=RUNNING,
    ),
    **cases("deploy_form deploy_uuid_trim", *WORKER_RUNS),
    **cases("deploy_img_while_running_skipped deploy_spaces", *IMG_RUNS),
    **cases(
        """
        deploy_queue_full_429 deploy_queue_full_429_skippable deploy_queue_full_mixed_first deploy_queue_full_tag
        deploy_queue_full_unforced_other restart_queue_full start_queue_full
        """,
        world=FULL_QUEUE,
    ),
    **cases("deploy_second_while_running_git", *WORKER_RUNS, late=True),
    **cases("deploy_service_server_unreachable_500 deploy_tag_server_unreachable_500", world=UNREACHABLE),
    **cases("deploy_skipped_phantom_404", *WEB_RUNS, *WEB_RUNS),
    **cases("deploy_tag_blue_again", *WEB_RUNS, *IMG_RUNS),
    **cases("deploy_tag_two", *DOCS_RUNS),
    **cases("deployment_after_coolify_restart", *WEB_RUNS, world=RESTARTED, late=True),
    **cases("deployment_logs_some deployment_state_finished", *WEB_RUNS, late=True),
    **cases("deployment_state_failed", *WEB_RUNS, world=going("nixpacks_buildfail"), late=True),
    **cases("disabled_then version_no_accept_disabled", world=barred("transport_api_disabled")),
    **cases("transport_api_disabled transport_api_disabled_deploy", world=barred("transport_api_disabled")),
    **cases("ip_denied ip_denied_root", world=barred("ip_denied")),
    **cases("ip_denied_member_sens member_deploy_deploy", world=barred("member_deploy_version")),
    **cases("member_deploy_version member_sens_version", world=barred("member_deploy_version")),
    **cases("left_team_401", world=barred("left_team_401")),
    **cases("maintenance_503 maintenance_503_star maintenance_health", world=AWAY),
    **cases("preview_delete_200", *PREVIEW),
    **cases("ratelimit_429 ratelimit_429_deploy ratelimit_429_star", *TOO_MANY),
    **cases("ratelimit_other_token_same_user", *TOO_MANY),
    **cases("sequence_cancel_while_running", *CANCELLED, late=True),
    **cases(
        "sequence_dockerimage_ok sequence_dockerimage_second_skipped",
        *IMG_RUNS,
        world=going("dockerimage_ok"),
        late=True,
    ),
    **cases(
        "sequence_dockerimage_upfail sequence_nixpacks_buildfail",
        *WEB_RUNS,
        world=going("nixpacks_buildfail"),
        late=True,
    ),
    **cases("sequence_healthcheck_healthy sequence_nixpacks_ok sequence_pinned_commit", *WEB_RUNS, late=True),
    **cases("sequence_healthcheck_unhealthy", *WEB_RUNS, world=going("healthcheck_unhealthy"), late=True),
    **cases("sequence_multiserver_main", *WORKER_RUNS, world=SERVERS, late=True),
    **cases("sequence_post_command_fails", *WEB_RUNS, world=going("post_command_fails"), late=True),
    **cases(
        "sequence_restart_dockerimage",
        "POST /applications/{img}/restart",
        world=going("dockerimage_ok"),
        late=True,
    ),
    **cases("sequence_restart_only", "POST /applications/{web}/restart", late=True),
    **cases("service_after_deploy", "POST /deploy?uuid={stack}", world=EXITED),
    **cases("services_start services_stop services_stop_exited", world=EXITED),
    **cases("start_queue_full_phantom", "POST /applications/{docs}/start", world=FULL_QUEUE),
}
NOT_COMPARED: Mapping[str, str] = {
    name: reason
    for reason, names in {
        "a PATCH deploys nothing": "patch_instant patch_instant_queue_full patch_instant_skip",
        "SSH works while a deployment runs": "sequence_ssh_down sequence_ssh_flaky",
        "one budget is enough for all": "ratelimit_catchall ratelimit_health ratelimit_other_user ratelimit_owner_by_ip",
        "the wire takes the body and its header away": "head_version",
    }.items()
    for name in names.split()
}


def table(folder: str) -> Mapping[str, Case]:
    return IN_FOLDERS if folder else ON_TOP


def has(folder: str, name: str) -> bool:
    """Whether a captured request is for an endpoint that the simulator has."""
    asked = captured(folder, name).get("request")
    hit = found(asked["path"], asked["method"]) if asked else None
    return hit is not None and (
        hit[0].method == asked["method"] or (asked["method"] in {"GET", "HEAD"} and hit[0].name in ACTIONS)
    )


def files() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((CAPTURED / folder).glob("*.json")):
            yield folder, path.stem


# --- the comparison


def unlike(theirs: Any, ours: Any, place: str = "body") -> list[str]:
    """Where the shapes differ: keys and types, and what is said to people. Null is like everything, a list is known by its first item."""
    if theirs is None or ours is None:
        return []
    if type(theirs) is not type(ours):
        return [f"{place}: {type(ours).__name__} instead of {type(theirs).__name__}"]
    if isinstance(theirs, dict):
        keys = theirs.keys() ^ ours.keys()
        faults = [
            fault
            for key in theirs.keys() & ours.keys()
            for fault in unlike(theirs[key], ours[key], f"{place}.{key}")
        ]
        return ([f"{place}: {sorted(keys)}"] if keys else []) + faults
    if isinstance(theirs, list):
        return unlike(theirs[0], ours[0], f"{place}[0]") if theirs and ours else []
    if place.endswith(".logs"):
        return unlike(json.loads(theirs), json.loads(ours), f"{place}()")
    told = place.endswith((".message", ".message[0]", ".error")) or ".errors" in place
    return [f"{place}: {ours!r} instead of {theirs!r}"] if told and theirs != ours else []


def plain(body: Any) -> Any:
    """GET /deployments is a list even where PHP made an object of it (coolify-api 5.5)."""
    return (
        list(body.values())
        if isinstance(body, dict) and body and all(key.isdecimal() for key in body)
        else body
    )


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        pytest.param(folder, name, id=f"{FOLDERS[folder]} {name}")
        for folder, name in files()
        if name in table(folder)
    ],
)
def test_an_answer_is_the_captured_one(folder: str, name: str) -> None:
    kept, case = captured(folder, name), table(folder)[name]
    theirs = kept["response"] if "response" in kept else kept["responses"][-1]
    answer = answer_to(folder, name, case)
    body = read(answer)
    assert answer.status == theirs["status"], body
    faults = unlike(plain(theirs["body"]), plain(body))
    assert [fault for fault in faults if not (case.wordless and ".message[" in fault)] == []
    if "headers" in theirs:
        assert {key.lower() for key, _ in answer.headers} == {key.lower() for key, _ in theirs["headers"]}
    else:
        assert body["status"] == theirs["body"]["status"]


def test_every_captured_answer_is_compared_or_has_a_reason_not_to_be() -> None:
    there = set(files())
    assert {
        (folder, name)
        for folder, name in there
        if has(folder, name) and name not in {*table(folder), *NOT_COMPARED}
    } == set()
    assert {*IN_FOLDERS} - {name for folder, name in there if folder} == set()
    assert {*ON_TOP} - {name for folder, name in there if not folder} == set()
    assert {*NOT_COMPARED} - {name for _, name in there} == set()


# --- the servers' own descriptions


DOCUMENTS = {
    "4.0.0-beta.380": "coolify-v4.0.0-beta.380",
    "4.0.0": "coolify-v4.0.0",
    "4.4-rc.1": "coolify-v4.4-rc.1",
}
BODIES = {
    "patch": '{"description": "x"}',
    "rollback": '{"commit": "x"}',
    "create": json.dumps(
        {
            "project_uuid": body_of("project")["uuid"],
            "server_uuid": body_of("servers")[0]["uuid"],
            "environment_name": "production",
            "docker_registry_image_name": "nginx",
            "ports_exposes": "80",
        }
    ),
    **dict.fromkeys(
        ("application_envs_set", "service_envs_set", "database_envs_set"),
        '{"data": [{"key": "FOO", "value": "x"}]}',
    ),
    **dict.fromkeys(
        ("application_env_add", "service_env_add", "database_env_add"), '{"key": "NEW", "value": "x"}'
    ),
    **dict.fromkeys(
        ("application_env_change", "service_env_change", "database_env_change"),
        '{"key": "FOO", "value": "x"}',
    ),
}
KINDS = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
# A request of each route that succeeds, and what comes before it.
SUCCEEDING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "version": ("/version", ()),
    "health": ("/health", ()),
    "deploy": ("/deploy?uuid={web}", ()),
    "start": ("/applications/{web}/start", ()),
    "restart": ("/applications/{web}/restart", ()),
    "stop": ("/applications/{web}/stop", ()),
    "preview_delete": ("/applications/{img}/previews/9", PREVIEW),
    "list": ("/deployments", WEB_RUNS),
    "history": ("/deployments/applications/{web}", WEB_RUNS),
    "look": ("/deployments/{last}", WEB_RUNS),
    "cancel": ("/deployments/{last}/cancel", WEB_RUNS),
    "applications": ("/applications", ()),
    "application": ("/applications/{web}", ()),
    "patch": ("/applications/{web}", ()),
    "services": ("/services", ()),
    "service": ("/services/{stack}", ()),
    "service_start": ("/services/{stack}/start", ()),
    "service_restart": ("/services/{stack}/restart", ()),
    "service_stop": ("/services/{stack}/stop", ()),
    "database": ("/databases/{pg}", ()),
    "database_start": ("/databases/{pg}/start", ()),
    "database_restart": ("/databases/{pg}/restart", ()),
    "database_stop": ("/databases/{pg}/stop", ()),
    "create": ("/applications/dockerimage", ()),
    "rollback_images": ("/applications/{web}/rollback-images", ()),
    "rollback": ("/applications/{web}/rollback", ()),
    "application_envs": ("/applications/{web}/envs", ()),
    "application_envs_set": ("/applications/{web}/envs/bulk", ()),
    "application_env_add": ("/applications/{web}/envs", ()),
    "application_env_change": ("/applications/{web}/envs", ()),
    "application_env_delete": ("/applications/{web}/envs/{foo_of_web}", ()),
    "application_logs": ("/applications/{web}/logs", ()),
    "service_envs": ("/services/{stack}/envs", ()),
    "service_env_add": ("/services/{stack}/envs", ()),
    "service_env_change": ("/services/{stack}/envs", ()),
    "service_env_delete": ("/services/{stack}/envs/{foo_of_stack}", ()),
    "service_envs_set": ("/services/{stack}/envs/bulk", ()),
    "database_envs": ("/databases/{pg}/envs", ()),
    "database_envs_set": ("/databases/{pg}/envs/bulk", ()),
    "database_env_add": ("/databases/{pg}/envs", ()),
    "database_env_change": ("/databases/{pg}/envs", ()),
    "database_env_delete": ("/databases/{pg}/envs/{foo_of_pg}", ()),
    "databases": ("/databases", ()),
    "projects": ("/projects", ()),
    "environments": ("/projects/{project}/environments", ()),
    "environment": ("/projects/{project}/production", ()),
    "server": ("/servers/{host}", ()),
    "all_destinations": ("/destinations", ()),
    "resources": ("/resources", ()),
    "team": ("/teams/current", ()),
    "project": ("/projects/{project}", ()),
    "servers": ("/servers", ()),
    "destinations": ("/servers/{host}/destinations", ()),
}
UNDOCUMENTED = (
    "additional_networks_count", "additional_servers", "additional_servers_count", "application", "applications", "build_server_id",
    "compose_parsing_version", "databases", "destination", "environment", "finished_at", "horizon_job_id", "horizon_job_worker",
    "last_online_at", "last_restart_at", "last_restart_type", "restart_count", "server", "server_status", "source_type", "status",
)  # fmt: skip
OF_SERVERS = (
    "backup_compression_cpu_percentage", "compose_version", "compose_version_checked_at", "connection_timeout",
    "deployment_queue_limit", "disable_application_image_retention", "docker_version", "docker_version_checked_at",
    "force_docker_cleanup", "generate_exact_labels", "is_coolify_host", "is_reachable", "is_sentinel_debug_enabled",
    "is_terminal_enabled", "is_usable", "sentinel_push_interval_seconds", "server_disk_usage_check_frequency",
    "server_disk_usage_notification_threshold", "server_timezone",
)  # fmt: skip
NOT_OF_SERVERS = (
    "force_server_cleanup", "high_disk_usage_notification_sent", "log_drain_notification_sent", "logdrain_axiom_api_key",
    "logdrain_custom_config", "logdrain_custom_config_parser", "logdrain_newrelic_license_key", "proxy_type", "sentinel_token",
    "swarm_cluster", "unreachable_count", "unreachable_notification_sent", "validation_logs",
)  # fmt: skip
OF_VARIABLES = (
    "is_buildpack_control", "is_coolify", "is_nixpacks", "is_really_required", "is_required", "order", "standalone_clickhouse_id",
    "standalone_dragonfly_id", "standalone_keydb_id", "standalone_mariadb_id", "standalone_mongodb_id", "standalone_mysql_id",
    "standalone_postgresql_id", "standalone_redis_id",
)  # fmt: skip
# Where the documents and the servers differ, and why the simulator goes with the servers.
DEVIATIONS: Mapping[str, str] = {
    said: reason
    for reason, facts in {
        "an action is documented as GET until 4.1.2, and takes POST (coolify-api 11)": ["an action is a GET"],
        "it is outside of /api/v1": ["health_of_all is not documented"],
        "beta.380 documents it under /api/v1, where it came with beta.411 (coolify-api 1)": [
            "health is documented"
        ],
        "beta.380 ignores what came later (coolify-api 1)": [
            "applications has no parameter tag",
            "deploy has no parameter docker_tag",
            "deploy has no parameter pr",
            "service_restart has no parameter latest",
        ],
        "beta.380 documents JSON (coolify-api 11)": ["version is no application/json"],
        "the schema is wrong (coolify-api 11)": ["history is a dict"],
        "they forgot what is in a server (captured/servers)": [
            f"{key} is not documented" for key in OF_SERVERS
        ],
        "a list does not show it to those who may only read (captured/servers)": [
            f"{key} is absent" for key in NOT_OF_SERVERS
        ],
        "they forgot what is in a variable (captured/env_list_sensitive)": [
            f"{key} is not documented" for key in OF_VARIABLES
        ],
        "no variable was seen to have it (coolify-api 17.1 row 17)": [
            f"{key} is absent" for key in ("database_id", "resourceable_id", "resourceable_type")
        ],
        "beta.380 documents `{message}` (coolify-api 11)": [
            f"{kind}_{name} is a message"
            for kind in ("application", "service")
            for name in ("envs_set", "env_change")
        ],
        "it was not described any more, and is there (captured-2/teams_current)": ["team is not documented"],
        "beta.380 forgot the answer (captured/v4.0.0-beta.380/create_img)": [
            "create answers nothing that is documented"
        ],
        "it is an answer's (captured/create_img_201)": ["domains is not documented"],
        "a list has no environments (coolify-api 5.10)": ["environments is absent"],
        "they forgot what is in a project (coolify-api 5.10, captured/app_get_sensitive)": [
            f"{key} is not documented" for key in ("created_at", "environments", "team_id", "updated_at")
        ],
        "`Content is very complex. Will be implemented later.`": ["database is a dict"],
        "it is hidden (coolify-api 5.6, 6)": [
            "id is absent",
            "configuration_snapshot is absent",
            "configuration_diff is absent",
        ],
        "only those see it who may read what is sensitive, and it was recorded for such a token on 4.3.10 only": [
            f"{key} is absent" for key in SENSITIVE
        ],
        "no server was seen to have it (captured/*/service_get)": [
            "is_container_label_readonly_enabled is absent"
        ],
        "a list has less than a single application (captured/apps_list)": ["settings is absent"],
        "the documents forgot it (captured/*/deployment_logs, app_get, service_get)": [
            f"{key} is not documented" for key in UNDOCUMENTED
        ],
    }.items()
    for said in facts
}


# Routes whose described answer is another one than every real server's.
WRONG: Mapping[str, str] = {
    **dict.fromkeys(
        ("resources", "databases"), "it is documented as a text (captured/resources, captured-2/databases)"
    ),
    **dict.fromkeys(
        ("service_env_add", "database_env_add"),
        "the whole variable is told (coolify-api 5.9, captured/services_env_create)",
    ),
    **dict.fromkeys(
        ("environment", "environments"),
        "an environment is documented by its columns (captured-2/project_environment)",
    ),
    "server": "they forgot what is in a server (captured-2/server)",
    "team": "its settings are not shown any more (captured-2/*/teams_current)",
}


@cache
def document(version: str) -> Any:
    return json.loads(
        (CONTRACT.parent / "openapi" / f"{DOCUMENTS[version]}.json").read_text(encoding="utf-8")
    )


def resolved(version: str, part: Any) -> Any:
    while "$ref" in part:
        place = part["$ref"].removeprefix("#/").split("/")
        part = document(version)
        for key in place:
            part = part[key]
    return part


def described(version: str, route: Route, method: str) -> Any:
    """What the document says of a route and a method; None if it says nothing."""
    paths = document(version)["paths"].items()
    return next(
        (
            methods[method]
            for path, methods in paths
            if route.path.fullmatch(f"/api/v1{path}") and method in methods
        ),
        None,
    )


def differing(version: str, route: Route) -> Iterator[str]:
    """Facts about one route: how it is reached, with what, and what it answers."""
    there = described(version, route, route.method.lower()) or (
        described(version, route, "get") if route.name in ACTIONS else None
    )
    if route.name in VERSIONS[version].absent:
        yield from [f"{route.name} is documented"] if there else []
    elif there is None:
        yield f"{route.name} is not documented"
    else:
        if described(version, route, route.method.lower()) is None:
            yield "an action is a GET"
        named = {parameter["name"] for parameter in there.get("parameters", [])}
        yield from (f"{route.name} has no parameter {name}" for name in set(route.query or ()) - named)
        right = next(status for status in ("201", "200") if status in there["responses"])
        yield from answering(version, route, resolved(version, there["responses"][right]).get("content"))


def answering(version: str, route: Route, content: Any) -> Iterator[str]:
    """Facts about what a route answers when all goes well. `content` may be missing in a document."""
    step, before = SUCCEEDING[route.name]
    starting = tuple(
        replace(each, status="starting:unhealthy", variables=(FOO,)) for each in RESOURCES.values()
    )
    visit = Visit(
        version, resources=starting, apps=tuple(replace(app, variables=(FOO,)) for app in APPS.values())
    )
    for each in before:
        visit.ask(each)
    answer = visit.ask(f"{route.method} {step}", BODIES.get(route.name, ""))
    assert answer.status in {200, 201}, route
    if content is None:
        yield f"{route.name} answers nothing that is documented"
        return
    [(kind, media)] = content.items()
    if not dict(answer.headers)["Content-Type"].startswith(kind):
        yield f"{route.name} is no {kind}"
    yield from misfits(
        version, route.name, {} if route.name in WRONG else media["schema"], plain(read(answer))
    )


def misfits(version: str, place: str, schema: Any, value: Any) -> Iterator[str]:
    """Where a value has not the keys and types of a schema. Null is like everything, a list is known by its first item."""
    schema = resolved(version, schema)
    if value is None or "type" not in schema:
        return
    if {*schema.get("properties", ())} == {"message"} and "message" not in value:
        yield f"{place} is a message"
    elif type(value) is not KINDS[schema["type"]]:
        yield f"{place} is a {type(value).__name__}"
    elif isinstance(value, list):
        yield from misfits(version, place, schema["items"], value[0]) if value else ()
    elif isinstance(value, dict) and (known := schema.get("properties")):
        yield from (f"{key} is absent" for key in known.keys() - value.keys())
        yield from (f"{key} is not documented" for key in value.keys() - known.keys())
        for key in known.keys() & value.keys():
            yield from misfits(version, key, known[key], value[key])


def test_the_servers_descriptions_know_the_simulators_routes_and_fields_but_where_they_are_wrong() -> None:
    facts = {
        version: {said for route in ROUTES for said in differing(version, route)} for version in DOCUMENTS
    }
    assert {
        (version, said) for version, told in facts.items() for said in told if said not in DEVIATIONS
    } == set()
    assert DEVIATIONS.keys() - set().union(*facts.values()) == set()


# --- where the versions part


def first(version: str, **world: Any) -> dict[str, Any]:
    """The row of a deployment that has just been started."""
    visit = Visit(version, **world)
    visit.ask(*WEB_RUNS)
    return visit.row()


def over(version: str, script: str) -> dict[str, Any]:
    """The row of a deployment that ended long ago."""
    visit = Visit(version, **going(script))
    visit.ask(*WEB_RUNS)
    return visit.wait(HOUR).row()


def last_words(version: str, script: str) -> list[str]:
    """What people read at the end, without what is done away with, and without reasons."""
    entries = json.loads(over(version, script)["logs"])
    return [entry["output"].partition(": ")[0] for entry in entries if not entry["hidden"]][-4:-1]


def triggered(version: str, step: str, **world: Any) -> tuple[int, int]:
    """The status of the answer, and how many deployments there are."""
    visit = Visit(version, **world)
    status = visit.ask(step).status
    return status, len(visit.server.rows)


def twice(version: str, step: str) -> int:
    """How many deployments there are when it was asked for a second one."""
    visit = Visit(version)
    visit.ask(*WEB_RUNS)
    visit.ask(step)
    return len(visit.server.rows)


def pull_request(version: str) -> int:
    """For which pull request the application is deployed that has a preview for number 9."""
    visit = Visit(version, apps=tuple(replace(app, previews=(9,)) for app in APPS.values()))
    visit.ask("POST /deploy?uuid={web}&pr=9")
    return visit.server.rows[0].options.pr


def behind_a_cancelled_one(version: str) -> str:
    """What a deployment does an hour after the one before it was cancelled over the API."""
    visit = Visit(version)
    visit.ask(*WEB_RUNS)
    cancelled = visit.uuids["last"]
    visit.ask("POST /deploy?uuid={web}&force=true")
    waiting = visit.uuids["last"]
    visit.ask(f"POST /deployments/{cancelled}/cancel")
    return str(visit.wait(HOUR).told(f"GET /deployments/{waiting}")["status"])


def restarted_with_latest(version: str) -> set[str]:
    """Every status of a service while it is restarted with newer images."""
    visit = Visit(version, **RUNNING)
    visit.ask("POST /services/{stack}/restart?latest=true")
    return {visit.wait(1).told("GET /services/{stack}")["status"] for _ in range(90)}


def pulled(version: str) -> bool:
    """Whether a restart with newer images was one."""
    visit = Visit(version)
    visit.ask("POST /services/{stack}/restart?latest=true")
    return visit.server.acts[-1].name == "latest"


def shows_logs(version: str) -> bool:
    """Whether an application's list does, to somebody who may only read."""
    visit = Visit(version)
    visit.ask(*WEB_RUNS)
    return "logs" in visit.may("read").told("GET /deployments/applications/{web}")["deployments"][0]


def written(version: str, step: str, body: str, **world: Any) -> tuple[int, Any]:
    """The status and the body of the answer to something that is written."""
    answer = Visit(version, **world).ask(step, body)
    return answer.status, read(answer)


def changed_address(version: str) -> str | None:
    """What is left of the application's address when something else was changed."""
    visit = Visit(version)
    visit.ask(PATCH, '{"name": "x"}')
    fqdn: str | None = visit.told("GET /applications/{web}")["fqdn"]
    return fqdn


def without_port() -> str:
    return json.dumps(
        {key: value for key, value in json.loads(BODIES["create"]).items() if key != "ports_exposes"}
    )


def kept(version: str, body: str, *keys: str) -> list[Any]:
    """What a new variable of an application has in these columns."""
    visit = Visit(version)
    visit.ask(BULK, body)
    listed = visit.told("GET /applications/{web}/envs")
    return [listed[0].get(key) for key in keys]


def changes(version: str, field: str) -> bool:
    """Whether a field may be changed."""
    return "errors" not in written(version, PATCH, json.dumps({field: None}))[1]


def pinned(version: str) -> tuple[str, str]:
    """The first letter of the commit that a pinned application's row has at first, and in the end."""
    visit = Visit(version)
    visit.ask(PATCH, json.dumps({"git_commit_sha": "a" * 40}))
    visit.ask(*WEB_RUNS)
    return visit.row()["commit"][0], visit.wait(HOUR).row()["commit"][0]


def named_image(version: str, name: str) -> str:
    """The image of an application that was made with this name for it."""
    visit = Visit(version)
    body = json.loads(BODIES["create"]) | {"docker_registry_image_name": name}
    app = visit.server.apps[visit.told(CREATE, json.dumps(body))["uuid"]]
    return ":".join(app.fields[f"docker_registry_image_{part}"] for part in ("name", "tag"))


def unknown(version: str, step: str) -> bool:
    return "docs" in Visit(version).told(step)


def refused(version: str, step: str, *abilities: str, **world: Any) -> str:
    """Why, or nothing."""
    answer = Visit(version, **world).may(*abilities).ask(step)
    return str(read(answer)["message"]) if answer.status in {401, 403} else ""


DOWN_FIRST, STAYS_UP = (
    {"running:healthy", "exited", "starting:unhealthy"},
    {"running:healthy", "starting:unhealthy"},
)
OOPS, GONE = (
    "Oops something is not okay, are you okay? 😢",
    "Deployment failed. Removing the new version of your application.",
)
MEMBER, LEFT = barred("member_deploy_version"), barred("left_team_401")
START, DELETE = "POST /applications/{web}/start", "DELETE /applications/{web}/previews/7"
PATCH, BULK, CREATE = (
    "PATCH /applications/{web}",
    "PATCH /applications/{web}/envs/bulk",
    "POST /applications/dockerimage",
)
NEW = '{"data": [{"key": "NEW", "value": "x", "is_build_time": true, "is_buildtime": false, "is_multiline": true}]}'
ONCE = '{"data": [{"key": "ML", "value": "n", "is_multiline": true, "is_shown_once": true}]}'
DIGEST = "ghcr.io/acme/shop@sha256:" + "a" * 64
PARTINGS: tuple[tuple[str, Callable[[str], object], str, object, str, object], ...] = (
    # what is looked at, and how; the last version of the one kind with what it shows; the first version of the other kind, the same
    (
        "a list for one application",
        lambda v: unknown(v, "GET /deployments/applications/{web}"),
        "400",
        True,
        "407",
        False,
    ),
    ("health", lambda v: unknown(v, "GET /health"), "407", True, "418", False),
    ("cancel", lambda v: unknown(v, "POST /deployments/x/cancel"), "434", True, "453", False),
    ("previews can be deleted", lambda v: unknown(v, DELETE), "463", True, "474", False),
    ("finished_at", lambda v: "finished_at" in first(v), "380", False, "400", True),
    ("finished_at in ISO", lambda v: over(v, "nixpacks_ok")["finished_at"][10], "460", " ", "461", "T"),
    (
        "a body is read",
        lambda v: Visit(v).ask("POST /deploy", '{"uuid": "x"}').status,
        "407",
        400,
        "418",
        404,
    ),
    ("the same commit is skipped", lambda v: twice(v, *WEB_RUNS), "407", 2, "418", 1),
    ("pr is known", pull_request, "407", 0, "418", 9),
    (
        "a missing preview is known",
        lambda v: triggered(v, "POST /deploy?uuid={web}&pr=7"),
        "407",
        (200, 1),
        "418",
        (404, 1),
    ),
    (
        "a missing preview is told",
        lambda v: triggered(v, "POST /deploy?uuid={web}&pr=7"),
        "426",
        (404, 1),
        "434",
        (200, 0),
    ),
    ("a tag makes a preview", lambda v: triggered(v, *PREVIEW), "463", (200, 0), "474", (200, 1)),
    (
        "a write token may not deploy",
        lambda v: refused(v, *WEB_RUNS, "write"),
        "418",
        "",
        "420",
        "Missing required permissions: deploy",
    ),
    (
        "a deploy token may start",
        lambda v: refused(v, START, "deploy"),
        "463",
        "Missing required permissions: write",
        "474",
        "",
    ),
    (
        "a member",
        lambda v: refused(v, "GET /version", "read", **MEMBER)[:16],
        "4.1.2",
        "",
        "4.2.0",
        "This API token h",
    ),
    (
        "a role",
        lambda v: refused(v, "GET /version", "read", **MEMBER)[:16],
        "4.2.0",
        "This API token h",
        "4.3.6",
        "Missing required",
    ),
    (
        "who left",
        lambda v: refused(v, "GET /version", "read", **LEFT),
        "4.0.0",
        "",
        "4.1.2",
        "Invalid token.",
    ),
    ("starting", lambda v: "starting:unhealthy" in restarted_with_latest(v), "418", False, "420", True),
    ("newer images", pulled, "418", False, "420", True),
    ("latest stops first", restarted_with_latest, "4.0.0", DOWN_FIRST, "4.1.2", STAYS_UP),
    (
        "a bare word",
        lambda v: Visit(v, **EXITED).told("GET /services/{stack}")["status"],
        "434",
        "exited:unhealthy",
        "453",
        "exited",
    ),
    (
        "no check",
        lambda v: Visit(v).told("GET /applications/{web}")["status"],
        "434",
        "running:unhealthy",
        "453",
        "running:unknown",
    ),
    ("Oops", lambda v: last_words(v, "nixpacks_buildfail")[0], "434", OOPS, "453", "Deployment failed"),
    (
        "a post-deployment command",
        lambda v: over(v, "post_command_failed")["status"],
        "453",
        "failed",
        "454",
        "finished",
    ),
    (
        "no container for it",
        lambda v: over(v, "post_command_fails")["status"],
        "453",
        "failed",
        "454",
        "finished",
    ),
    ("in progress at once", lambda v: first(v)["status"], "453", "queued", "454", "in_progress"),
    ("a full queue", lambda v: triggered(v, *WEB_RUNS, **FULL_QUEUE), "453", (200, 1), "454", (429, 0)),
    ("applications by tag", lambda v: len(Visit(v).told("GET /applications?tag=solo")), "460", 4, "461", 1),
    ("is_api", lambda v: first(v)["is_api"], "461", False, "463", True),
    ("the application in a row", lambda v: "application" in first(v), "463", False, "474", True),
    (
        "other teams",
        lambda v: Visit(v, **STRANGERS).ask("GET /deployments/{last}").status,
        "463",
        200,
        "474",
        404,
    ),
    ("a cancel fails to answer", lambda v: Visit(v).done(*CANCELLED).status, "4.0.0", 200, "4.1.2", 500),
    ("a cancel answers", lambda v: Visit(v).done(*CANCELLED).status, "4.3.6", 500, "4.3.10", 200),
    ("a cancel starts the next", behind_a_cancelled_one, "4.3.6", "queued", "4.3.10", "finished"),
    (
        "actions by GET",
        lambda v: triggered(v, "GET /deploy?uuid={web}"),
        "4.1.2",
        (200, 1),
        "4.2.0",
        (405, 0),
    ),
    ("force=false", lambda v: twice(v, "POST /deploy?uuid={web}&force=false"), "4.1.2", 2, "4.2.0", 1),
    ("start with force=false", lambda v: twice(v, f"{START}?force=false"), "434", 2, "453", 1),
    ("rollback", lambda v: unknown(v, "POST /applications/{web}/rollback"), "4.2.0", True, "4.3.6", False),
    ("a database's variables", lambda v: unknown(v, "GET /databases/{pg}/envs"), "463", True, "474", False),
    ("many variables", lambda v: type(written(v, BULK, NEW)[1]), "380", dict, "400", list),
    ("a wiped address", changed_address, "380", None, "400", WEB.fqdn),
    (
        "at build time",
        lambda v: kept(v, NEW, "is_build_time", "is_buildtime"),
        "426",
        [True, None],
        "434",
        [None, True],
    ),
    (
        "flags of variables",
        lambda v: kept(v, NEW, "is_buildtime", "is_multiline"),
        "434",
        [True, False],
        "453",
        [False, True],
    ),
    ("a key", lambda v: written(v, BULK, '{"data": [{"key": "a-b"}]}')[0], "4.1.2", 201, "4.2.0", 422),
    (
        "shown once",
        lambda v: written(v, BULK, ONCE, **with_variables(SHOWN_ONCE))[1][0].get("value"),
        "4.1.2",
        "n",
        "4.2.0",
        None,
    ),
    (
        "an image's tag",
        lambda v: written(v, PATCH, '{"docker_registry_image_tag": "a b"}')[0],
        "4.0.0",
        200,
        "4.1.2",
        422,
    ),
    ("no port", lambda v: written(v, CREATE, without_port())[0], "4.0.0", 422, "4.1.2", 201),
    ("basic auth", lambda v: changes(v, "http_basic_auth_username"), "418", False, "420", True),
    ("domains by force", lambda v: changes(v, "force_domain_override"), "420", False, "426", True),
    ("is_spa", lambda v: changes(v, "is_spa"), "461", False, "463", True),
    ("docker_compose_raw", lambda v: changes(v, "docker_compose_raw"), "461", True, "463", False),
    ("health_check_type", lambda v: changes(v, "health_check_type"), "463", False, "474", True),
    (
        "is_preserve_repository_enabled",
        lambda v: changes(v, "is_preserve_repository_enabled"),
        "474",
        False,
        "4.0.0",
        True,
    ),
    ("stop_grace_period", lambda v: changes(v, "stop_grace_period"), "4.1.2", False, "4.2.0", True),
    ("max_restart_count", lambda v: changes(v, "max_restart_count"), "4.2.0", False, "4.3.6", True),
    ("a pinned commit in the row", pinned, "4.0.0", ("H", "1"), "4.1.2", ("a", "1")),
    ("a pinned commit", pinned, "4.1.2", ("a", "1"), "4.2.0", ("a", "a")),
    ("a digest in the name", lambda v: named_image(v, DIGEST), "434", f"{DIGEST}:latest", "453", DIGEST),
    (
        "a new address",
        lambda v: bool(written(v, CREATE, BODIES["create"])[1]["domains"]),
        "461",
        False,
        "463",
        True,
    ),
    ("logs for all readers", shows_logs, "4.1.2", True, "4.2.0", False),
)


@pytest.mark.parametrize(
    ("look", "last", "before", "first_one", "since"), [pytest.param(*row[1:], id=row[0]) for row in PARTINGS]
)
def test_two_versions_part_where_the_contract_says(
    look: Callable[[str], object], last: str, before: object, first_one: str, since: object
) -> None:
    older, newer = (f"4.0.0-beta.{name}" if name.isdecimal() else name for name in (last, first_one))
    assert list(VERSIONS).index(older) + 1 == list(VERSIONS).index(newer)
    assert (look(older), look(newer)) == (before, since)


def test_a_stalled_queue_goes_on_when_any_other_deployment_ends() -> None:
    visit = Visit("4.3.6")
    visit.ask(*WEB_RUNS)
    cancelled = visit.uuids["last"]
    visit.ask("POST /deploy?uuid={web}&force=true")
    stalled = visit.uuids["last"]
    visit.ask(f"POST /deployments/{cancelled}/cancel")
    visit.wait(HOUR).ask("POST /deploy?uuid={web}&force=true")
    assert (visit.row()["status"], visit.told(f"GET /deployments/{stalled}")["status"]) == (
        "in_progress",
        "queued",
    )
    assert visit.wait(50).told(f"GET /deployments/{stalled}")["status"] == "in_progress"
    assert visit.wait(50).told(f"GET /deployments/{stalled}")["status"] == "finished"


@pytest.mark.parametrize("version", ["4.3.6", "4.3.10"])
def test_who_waits_behind_one_that_is_cancelled_in_the_queue_waits_for_the_one_that_runs(
    version: str,
) -> None:
    visit = Visit(version)
    uuids = []
    for _ in range(3):
        visit.ask("POST /deploy?uuid={web}&force=true")
        uuids.append(visit.uuids["last"])
    visit.ask(f"POST /deployments/{uuids[1]}/cancel")

    def statuses() -> list[str]:
        return [visit.told(f"GET /deployments/{uuid}")["status"] for uuid in uuids]

    assert statuses() == ["in_progress", "cancelled-by-user", "queued"]
    visit.wait(50)
    assert statuses() == ["finished", "cancelled-by-user", "in_progress"]


def test_a_row_for_a_missing_preview_never_runs() -> None:
    visit = Visit("4.0.0-beta.426")
    visit.ask("POST /deploy?uuid={web}&pr=7")
    [row] = visit.wait(HOUR).told("GET /deployments/applications/{web}")["deployments"]
    assert (row["status"], row["pull_request_id"]) == ("queued", 7)


def test_a_flip_shows_finished_first_and_says_the_old_words() -> None:
    visit = Visit("4.0.0-beta.434", **going("post_command_failed"))
    visit.ask(*WEB_RUNS)
    seen = [visit.wait(0.6).row()["status"] for _ in range(100)]
    assert list(dict.fromkeys(seen)) == ["queued", "in_progress", "finished", "failed"]
    assert last_words("4.0.0-beta.434", "post_command_failed") == [OOPS, "Post-deployment command", GONE]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_says_its_name_and_deploys(version: str) -> None:
    visit = Visit(version)
    assert visit.told("GET /version") == version
    visit.ask(*WEB_RUNS)
    assert visit.wait(HOUR).row()["status"] == "finished"


@pytest.mark.parametrize("accept", ["*/*", "text/html, application/json", ""])
def test_who_does_not_ask_for_json_gets_a_page(accept: str) -> None:
    visit = Visit("4.3.10", **AWAY)
    page = visit.ask("GET /version", accept=accept)
    assert (page.status, dict(page.headers)["retry-after"]) == (503, "60")
    assert read(page).startswith("<!DOCTYPE html>")
    back = Visit("4.3.10").ask(
        "GET /deployments/applications/{web}?take=0", accept=accept, host="coolify.example.com"
    )
    assert (back.status, dict(back.headers)["Location"]) == (302, "http://coolify.example.com")


def test_a_scenario_is_played_on_another_version_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with simulating("success", version="4.0.0-beta.434") as session:
        assert session.scenario == replace(SCENARIOS["success"], version=VERSIONS["4.0.0-beta.434"])
    with (
        pytest.raises(ValueError, match=r"there is no version '4\.2': did you mean '4\.2\.0'\?"),
        simulating("success", version="4.2"),
    ):
        pass
    with pytest.raises(SystemExit):
        main(["--version-of-coolify", "4.2"])
    assert "did you mean '4.2.0'?" in capsys.readouterr().err
    assert SCENARIOS["old"].version is VERSIONS["4.0.0-beta.380"]
