"""How each version of Coolify differs from the newest: the table of coolify-api 1, from newest to oldest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType

from deployer.simulator.coolify.endpoints.fields import BULK, FIELDS, FLAGS_SINCE_435, GONE, SINCE


@dataclass(frozen=True, slots=True)
class Shapes:
    """Which recorded objects a version responds with."""

    row: str = "deployment_get_sensitive"
    listed: str = "app_deployments_rs"  # in an application's list
    application: str = "app_get_sensitive"
    service: str = "service_get"
    variables: str = "v4.3.6_env_bulk"  # new ones; `…_again`: one that existed already
    team: str = "teams_current"


class Preview(Enum):
    """What `pr` does if there is no preview (coolify-api 5.1, 17.1 row 14)."""

    UNKNOWN = auto()  # the parameter is unknown: the application itself is deployed
    STUCK = auto()  # a deployment is queued that never runs, and the response is 404
    REPORTED = auto()  # the response says so


class Pin(Enum):
    """What happens to a pinned commit (coolify-api 5.7, 17.2)."""

    OUT = auto()  # it is deployed, but the record shows the branch's head
    IGNORED = auto()  # the branch's head is deployed
    SHOWN = auto()  # the branch's head is deployed, but the record begins with the pinned commit
    KEPT = auto()  # it is deployed


@dataclass(frozen=True, slots=True)
class Version:
    """One version. The fields' defaults are those of 4.3.10."""

    name: str = "4.3.10"  # the response of `/version`
    shapes: Shapes = Shapes()
    absent: frozenset[str] = frozenset()  # routes that it does not have
    post_only: bool = (
        True  # since 4.2.0: GET on an action is a 405, and `force=false` is no longer true (5.1)
    )
    reads_body: bool = True  # since beta.408: /deploy reads the body, too (5.1)
    start_reads: bool = True  # since beta.438: so does /start, where "false" is false from then on (5.2)
    skips: bool = True  # since beta.408: "Deployment already queued for this commit." (5.1)
    previews: Preview = Preview.REPORTED  # since beta.427 (5.1)
    image_previews: bool = True  # since beta.471: `docker_tag` and `pull_request_id` (5.1)
    filters: bool = True  # since beta.461: GET /applications filters by `tag` (16)
    limits_queue: bool = True  # since beta.454 (7.1)
    eager: bool = (
        True  # since beta.454 the request itself sets `in_progress`, before that the worker does (7.1)
    )
    deploy_abilities: tuple[str, ...] = ("deploy",)  # since beta.420 (4)
    start_ability: str = "deploy"  # since beta.464 of start, restart and stop (4)
    checks_team: bool = True  # since beta.464: deployments of other teams are not found (5.5)
    # `is_api` of what /deploy started: true on beta.463, not on beta.434 (captured/*/deployments_list)
    shows_api: bool = True
    finished_at: str = "%Y-%m-%dT%H:%M:%S.000000Z"  # since beta.461 (6)
    # since beta.463: an application is checked right after its deployment, which dates its status (18.7)
    dates_checks: bool = True
    leaks_logs: bool = False  # until 4.1.2: an application's list shows logs with `read` alone (4)
    # Until 4.1.2: applications and services show the server's secrets with `read` alone (captured/*/app_get).
    leaks_server: bool = False
    bars: Mapping[str, str] = field(
        default_factory=dict
    )  # the reply for a scenario's `bar` on this version; "" for none (3.3)
    cancelled: str = "cancel_queued_200"  # the response to a successful cancel (5.5)
    shows_ssh_error: bool = (
        False  # until 4.3.6: a 500 with the SSH error if the server is unreachable (17.1 row 5)
    )
    stalls: bool = False  # until 4.3.6: a cancel through the API does not start the next in the queue (5.5)
    flips: bool = (
        False  # until beta.453: a failing post-deployment command turns `finished` into `failed` (7.3)
    )
    oops: bool = False  # until beta.442: failures are logged as "Oops something is not okay" (1)
    latest: bool = True  # since beta.419: a service's restart supports `latest` (5.4)
    stays_up: bool = True  # since 4.1.2: with `latest` it does not stop first (5.4)
    starting: bool = True  # since beta.420: a service is `starting:unhealthy` while it is started (8)
    words: Mapping[str, str] = field(
        default_factory=dict
    )  # statuses that had another name before beta.444 (8)
    empty: str = "patch_empty"  # the response to PATCH with `{}` (3.1)
    fields: frozenset[str] = FIELDS  # the fields that PATCH allows (5.7)
    # since 4.1.2: image and commit are validated (1); a new application's ports are optional (5.8)
    checks_fields: bool = True
    wipes: bool = False  # until beta.380: PATCH removes the domains unless they are sent (5.7)
    pins: Pin = Pin.KEPT
    bulk: frozenset[str] = BULK  # the supported fields of an application's variable (5.9)
    checks_keys: bool = True  # since 4.2.0: a variable's key is validated (5.9)
    hides_once: bool = True  # since 4.2.0: shown-once values are never returned (5.9)
    shows_last: bool = (
        False  # until beta.380: the bulk response has only the last variable of an application (1)
    )
    created: str = "create_img_201"  # the response to the creation of an application (5.8)
    environment_uuids: bool = True  # since beta.381: accepts an environment's uuid (5.8)
    autogenerates: bool = True  # since beta.463: generates a domain (5.8)
    returns_domains: bool = True  # since beta.454: returns the domains (5.8)
    reads_images: bool = True  # since beta.435: accepts name:tag and name@sha256:… as the name (5.8)
    refuses_builders: bool = True  # since 4.2.0: rejects build servers (5.8)


NEWEST = Version()
V4_4_RC_1 = replace(NEWEST, name="4.4-rc.1")  # self-built versions report 4.3.10 (17.1 row 24)
V4_3_6 = replace(
    NEWEST,
    name="4.3.6",
    shapes=replace(NEWEST.shapes, service="v4.3.6_service_get"),
    cancelled="v4.3.6_cancel",
    shows_ssh_error=True,
    stalls=True,
)
V4_2_0 = replace(
    V4_3_6,
    name="4.2.0",
    shapes=replace(
        V4_3_6.shapes,
        row="v4.2.0_deployment_logs",
        application="v4.2.0_app_get",
        service="v4.2.0_service_get",
    ),
    bars={"member_deploy_version": "v4.2.0_member_deploy"},
    absent=frozenset({"rollback", "rollback_images", "destinations"}),
    fields=FIELDS - SINCE["4.3.0"],
)
V4_1_2 = replace(
    V4_2_0,
    name="4.1.2",
    shapes=Shapes(
        "v4.1.2_deployment_logs",
        "v4.1.2_app_deployments",
        "v4.1.2_app_get",
        "v4.1.2_service_get",
        team="v4.1.2_teams_current",
    ),
    post_only=False,
    leaks_logs=True,
    leaks_server=True,
    absent=V4_2_0.absent | {"all_destinations"},
    bars={"member_deploy_version": ""},
    fields=V4_2_0.fields - SINCE["4.2.0"],
    pins=Pin.SHOWN,
    checks_keys=False,
    hides_once=False,
    refuses_builders=False,
)
V4_0_0 = replace(
    V4_1_2,
    name="4.0.0",
    shapes=replace(
        V4_1_2.shapes,
        row="v4.0.0_deployment_logs",
        listed="v4.0.0_app_deployments",
        application="v4.0.0_app_get",
        service="v4.0.0_service_get",
        variables="v4.0.0_env_bulk",
    ),
    cancelled=NEWEST.cancelled,
    bars={"member_deploy_version": "", "left_team_401": ""},
    stays_up=False,
    checks_fields=False,
    pins=Pin.IGNORED,
)
B474 = replace(
    V4_0_0,
    name="4.0.0-beta.474",
    shapes=replace(
        V4_0_0.shapes, application="v4.0.0-beta.463_app_get", service="v4.0.0-beta.463_service_get"
    ),
    fields=V4_0_0.fields - SINCE["4.0.0"],
)
B463 = replace(
    B474,
    name="4.0.0-beta.463",
    shapes=replace(
        B474.shapes,
        row="v4.0.0-beta.420_deployment_logs",
        listed="v4.0.0-beta.420_app_deployments",
        variables="v4.0.0-beta.434_env_bulk",
    ),
    absent=B474.absent
    | {
        "preview_delete",
        *(f"database_{name}" for name in ("envs", "envs_set", "env_add", "env_change", "env_delete")),
    },
    fields=B474.fields - SINCE["4.0.0-beta.470"],
    bulk=BULK - {"comment"},
    pins=Pin.OUT,
    image_previews=False,
    start_ability="write",
    checks_team=False,
)
B461 = replace(
    B463,
    name="4.0.0-beta.461",
    shapes=replace(B463.shapes, application="v4.0.0-beta.420_app_get", service="v4.0.0-beta.420_service_get"),
    shows_api=False,
    dates_checks=False,
    fields=(B463.fields - SINCE["4.0.0-beta.463"]) | GONE,
    autogenerates=False,
)
B460 = replace(B461, name="4.0.0-beta.460", filters=False, finished_at="%Y-%m-%d %H:%M:%S")
B454 = replace(B460, name="4.0.0-beta.454")
B453 = replace(
    B454, name="4.0.0-beta.453", limits_queue=False, eager=False, flips=True, returns_domains=False
)
B434 = replace(
    B453,
    name="4.0.0-beta.434",
    absent=B453.absent | {"cancel"},
    start_reads=False,
    oops=True,
    bulk=B453.bulk - FLAGS_SINCE_435,
    reads_images=False,
    words={
        "exited": "exited:unhealthy",
        "running:unknown": "running:unhealthy",
        "starting:unknown": "running:starting",
        "restarting:unknown": "restarting:unhealthy",
    },
)
B426 = replace(
    B434,
    name="4.0.0-beta.426",
    shapes=replace(B434.shapes, variables="v4.0.0-beta.420_env_bulk"),
    previews=Preview.STUCK,
    bulk=B434.bulk | {"is_build_time"},
)
B420 = replace(B426, name="4.0.0-beta.420", fields=B426.fields - SINCE["4.0.0-beta.425"])
B418 = replace(
    B420,
    name="4.0.0-beta.418",
    absent=B420.absent | {"environments"},  # seen from beta.420 on (captured-2)
    shapes=replace(B420.shapes, application="v4.0.0-beta.380_app_get", service="v4.0.0-beta.380_service_get"),
    deploy_abilities=("write", "deploy"),
    latest=False,
    starting=False,
    empty="v4.0.0-beta.380_patch_empty",
    fields=B420.fields - SINCE["4.0.0-beta.420"],
)
B407 = replace(
    B418,
    name="4.0.0-beta.407",
    absent=B418.absent | {"health"},
    reads_body=False,
    skips=False,
    previews=Preview.UNKNOWN,
)
B400 = replace(B407, name="4.0.0-beta.400", absent=B407.absent | {"history"})
B380 = replace(
    B400,
    name="4.0.0-beta.380",
    absent=B400.absent | {"application_logs"},
    shapes=replace(B400.shapes, row="v4.0.0-beta.380_deployment_logs", variables="v4.0.0-beta.380_env_bulk"),
    wipes=True,
    shows_last=True,
    created="v4.0.0-beta.380_create_img",
    environment_uuids=False,
)

VERSIONS: Mapping[str, Version] = MappingProxyType({
    version.name: version
    for version in (
        B380, B400, B407, B418, B420, B426, B434, B453, B454, B460, B461, B463, B474, V4_0_0, V4_1_2, V4_2_0,
        V4_3_6, NEWEST, V4_4_RC_1,
    )
})  # fmt: skip
