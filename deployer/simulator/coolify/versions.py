"""What each version of Coolify does otherwise than the newest: the table of coolify-api 1, told from the newest to the oldest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType

from deployer.simulator.coolify.endpoints.fields import BULK, FIELDS, FLAGS_SINCE_435, GONE, SINCE


@dataclass(frozen=True, slots=True)
class Shapes:
    """Which recorded objects a version answers with."""

    row: str = "deployment_get_sensitive"
    listed: str = "app_deployments_rs"  # in an application's list
    application: str = "app_get_sensitive"
    service: str = "service_get"
    variables: str = "v4.3.6_env_bulk"  # new ones; `…_again` shows one that was there
    team: str = "teams_current"


class Preview(Enum):
    """What becomes of `pr` where there is no preview (coolify-api 5.1, 17.1 row 14)."""

    UNKNOWN = auto()  # the parameter isn't known: the application itself is deployed
    STUCK = auto()  # a row is queued that never runs, and the answer is 404
    TOLD = auto()  # the answer says so


class Pin(Enum):
    """What becomes of a pinned commit (coolify-api 5.7, 17.2)."""

    OUT = auto()  # it is checked out, but the row shows the branch's head
    IGNORED = auto()  # the branch's head is deployed
    SHOWN = auto()  # so it is, but the row begins with the pinned commit
    KEPT = auto()  # it is deployed


@dataclass(frozen=True, slots=True)
class Version:
    """One version. The fields' defaults are those of 4.3.10."""

    name: str = "4.3.10"  # what `/version` says
    shapes: Shapes = Shapes()
    absent: frozenset[str] = frozenset()  # routes that it doesn't have
    post_only: bool = (
        True  # since 4.2.0: GET on an action is a 405, and `force=false` is no longer true (5.1)
    )
    reads_body: bool = True  # since beta.408: /deploy reads the body, too (5.1)
    start_reads: bool = True  # since beta.438: so does /start, where "false" is false from then on (5.2)
    skips: bool = True  # since beta.408: "Deployment already queued for this commit." (5.1)
    previews: Preview = Preview.TOLD  # since beta.427 (5.1)
    image_previews: bool = True  # since beta.471: `docker_tag` and `pull_request_id` (5.1)
    filters: bool = True  # since beta.461: GET /applications heeds `tag`, before that it lists all (16)
    limits_queue: bool = True  # since beta.454 (7.1)
    eager: bool = (
        True  # since beta.454 the request itself sets `in_progress`, before that the worker does (7.1)
    )
    deploy_abilities: tuple[str, ...] = ("deploy",)  # since beta.420 (4)
    start_ability: str = "deploy"  # since beta.464 of start, restart and stop (4)
    checks_team: bool = True  # since beta.464 other teams' deployments are not found (5.5)
    shows_api: bool = True  # `is_api` of what /deploy started: true on beta.463, not on beta.434 (captured/*/deployments_list)
    finished_at: str = "%Y-%m-%dT%H:%M:%S.000000Z"  # since beta.461 (6)
    leaks_logs: bool = False  # until 4.1.2: an application's list shows logs to those who may only read (4)
    leaks_server: bool = (
        False  # until 4.1.2: so do applications and services with the server's secrets (captured/*/app_get)
    )
    bars: Mapping[str, str] = field(
        default_factory=dict
    )  # a scenario's `bar`, and what it is here; "": no bar at all (3.3)
    cancelled: str = "cancel_queued_200"  # what a cancel that worked answers (5.5)
    tells_ssh: bool = False  # until 4.3.6: or a 500 that says so, if the server is out of reach (17.1 row 5)
    stalls: bool = False  # until 4.3.6: a cancel over the API doesn't start the next in the queue (5.5)
    flips: bool = (
        False  # until beta.453: a failing post-deployment command turns `finished` into `failed` (7.3)
    )
    oops: bool = False  # until beta.442: a failure is told by "Oops something is not okay" (1)
    latest: bool = True  # since beta.419: a service's restart heeds `latest` (5.4)
    stays_up: bool = True  # since 4.1.2: with `latest` it doesn't stop first (5.4)
    starting: bool = True  # since beta.420: a service is `starting:unhealthy` while it is started (8)
    words: Mapping[str, str] = field(
        default_factory=dict
    )  # statuses that had another name until beta.444 (8)
    empty: str = "patch_empty"  # what PATCH with `{}` answers (3.1)
    fields: frozenset[str] = FIELDS  # what PATCH lets change (5.7)
    checks_fields: bool = True  # since 4.1.2: image and commit must look like one (1); the port of a new application may be missing (5.8)
    wipes: bool = False  # until beta.380: PATCH takes the addresses away unless they are sent (5.7)
    pins: Pin = Pin.KEPT
    bulk: frozenset[str] = BULK  # what is heeded of a variable of an application (5.9)
    checks_keys: bool = True  # since 4.2.0: a variable's key must be one (5.9)
    hides_once: bool = True  # since 4.2.0: what is shown once is shown to nobody (5.9)
    shows_last: bool = (
        False  # until beta.380: of an application's many variables the answer shows the last one (1)
    )
    created: str = "create_img_201"  # what the creation of an application answers (5.8)
    environment_uuids: bool = True  # since beta.381: it takes an environment's uuid (5.8)
    autogenerates: bool = True  # since beta.463: it gives the application an address (5.8)
    tells_domains: bool = True  # since beta.454: it tells the addresses (5.8)
    reads_images: bool = True  # since beta.435: it reads name:tag and name@sha256:… in the name (5.8)
    refuses_builders: bool = True  # since 4.2.0: nothing is put on a build server (5.8)


NEWEST = Version()
V4_4_RC_1 = replace(NEWEST, name="4.4-rc.1")  # self-built ones say 4.3.10 (17.1 row 24)
V4_3_6 = replace(
    NEWEST,
    name="4.3.6",
    shapes=replace(NEWEST.shapes, service="v4.3.6_service_get"),
    cancelled="v4.3.6_cancel",
    tells_ssh=True,
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
    fields=(B463.fields - SINCE["4.0.0-beta.463"]) | GONE,
    autogenerates=False,
)
B460 = replace(B461, name="4.0.0-beta.460", filters=False, finished_at="%Y-%m-%d %H:%M:%S")
B454 = replace(B460, name="4.0.0-beta.454")
B453 = replace(B454, name="4.0.0-beta.453", limits_queue=False, eager=False, flips=True, tells_domains=False)
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
        B380, B400, B407, B418, B420, B426, B434, B453, B454, B460, B461, B463, B474, V4_0_0, V4_1_2, V4_2_0, V4_3_6, NEWEST, V4_4_RC_1,
    )
})  # fmt: skip
