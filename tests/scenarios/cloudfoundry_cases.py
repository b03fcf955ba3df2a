"""What a row about Cloud Foundry is made of, and the rows: truths about starts, images, rolling deployments, logins and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.simulator.cloudfoundry.names import APP, REGISTRY_PASSWORD, REGISTRY_USERNAME, guid
from tests.scenarios.coolify_cases import CODES as ENDS

CODES = {**ENDS, "superseded": 4, "interrupted": 130}
NAMED = {
    APP: "WEB",
    guid("app 1"): "APP-1",
    **{guid(f"app {number}"): f"APP-{number}" for number in range(2, 5)},
    **{guid(f"droplet {age} of app 0"): f"OLD-DROPLET-{age}" for age in range(3)},
    **{
        guid(f"{what} {number}"): f"{what.upper()}-{number}"
        for what in ("package", "build", "deployment")
        for number in range(1, 4)
    },
    **{guid(f"droplet of build {number}"): f"DROPLET-{number}" for number in range(1, 3)},
}
"""What the simulator's guids stand for."""


def _sent(method: str, path: str, body: str = "") -> str:
    return f"{method} /v3{path} {body}".rstrip()


def _act(name: str, app: str = "WEB") -> str:
    return _sent("POST", f"/apps/{app}/actions/{name}")


def assigned(droplet: str) -> str:
    return _sent("PATCH", "/apps/WEB/relationships/current_droplet", f'{{"data": {{"guid": "{droplet}"}}}}')


def _packed(more: str = "") -> str:
    return _sent(
        "POST",
        "/packages",
        f'{{"type": "docker", {OF_WEB}, "data": {{"image": "ghcr.io/acme/web:1.4.2"{more}}}}}',
    )


def rolled(droplet: str = "") -> str:
    named = f', "droplet": {{"guid": "{droplet}"}}' if droplet else ""
    return _sent("POST", "/deployments", f'{{"strategy": "rolling", {OF_WEB}{named}}}')


def _cancelled(number: int) -> str:
    return _sent("POST", f"/deployments/DEPLOYMENT-{number}/actions/cancel")


OF_WEB = '"relationships": {"app": {"data": {"guid": "WEB"}}}'
WITH_LOGIN = f', "username": "{REGISTRY_USERNAME}", "password": "{REGISTRY_PASSWORD}"'
START, RESTART, STOP = _act("start"), _act("restart"), _act("stop")
STAGED = (_packed(), _sent("POST", "/builds", '{"package": {"guid": "PACKAGE-1"}}'))
NEW, OLD = assigned("DROPLET-1"), assigned("OLD-DROPLET-0")
ROLL, CANCEL = rolled(), _cancelled(1)


@dataclass(frozen=True)
class Truth:
    """`sent`: every request that changes something. `signals`: seconds of the run, each with what the job is stopped by."""

    scenario: str
    status: str
    says: tuple[str, ...] = ()
    sent: tuple[str, ...] = (START,)
    inputs: Mapping[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()
    lasts: tuple[float, float] = (0, 1e9)
    signals: tuple[tuple[float, str], ...] = ()
    logins: int = 1


NOTHING: tuple[str, ...] = ()
BY_GUID = {"cf_app": APP}
SITE, BACK, SURE = {"verify_url": "{site}"}, {"rollback": "true"}, {"verify_health": "true"}
DRY, CHECK, NO_WAIT = {"dry_run": "true"}, {"command": "check"}, {"wait": "false"}
BY_ROLLING, BY_RESTART = {"cf_strategy": "rolling"}, {"cf_strategy": "restart"}
ANY = {"cf_ready": "any"}
CANCEL_LATE, LEAVE = {"on_timeout": "cancel"}, {"on_interrupt": "leave"}
NO_IMAGE = {"image": ""}
FINISHED, LISTENS = "web: finished in", "[APP/PROC/WEB/0] Listening on 0.0.0.0:8080"
OOM = "it crashes (0 of 2 running, 2 crashed): APP/PROC/WEB: Exited with status 137 (out of memory). Increase its memory: `cf scale"
CHANGED = "web: changed image: ghcr.io/acme/web:1.4.1 → ghcr.io/acme/web:1.4.2"
RESTARTED = "it is already started, and a start would not pick up the new image: restarting it instead"
ALREADY = "it is already started, and starting it again changes nothing"
UNTOUCHED = "the staging continues, without any effect on what is running: it can't be cancelled"
GOES_ON = "left running: it can't be cancelled"
PUT_BACK = "cancelled: Cloud Foundry restores the previous version"
WENT_BACK = "The previous version was restored"
OLDER, BEFORE = guid("droplet 1 of app 0"), guid("droplet 0 of app 0")
ROLLED = f"web: waiting until it is rolled out, deployment {guid('deployment 1')}"

STARTS = (
    Truth(
        "success",
        "finished",
        (
            "web: waiting until it is running",
            "0 of 2 running, 2 down",
            LISTENS,
            "https://web.apps.example.org",
        ),
    ),
    Truth("success", "finished", (f"web: app {APP}",), inputs=BY_GUID),
    Truth("success", "finished", (f"web: app {APP}",), inputs=BY_GUID | {"cf_org": "", "cf_space": ""}),
    Truth("success", "finished", ("web: starting it",), inputs={"command": "start"}),
    Truth(
        "success",
        "triggered",
        ("web: triggered, not waiting for the deployment",),
        inputs=NO_WAIT,
        never=("2 of 2",),
        lasts=(0, 2),
    ),
    Truth("success", "finished", (), inputs={"logs": "none"}, never=(LISTENS,)),
    Truth("started", "finished", (ALREADY, "2 of 2 running"), lasts=(0, 3)),
    Truth("restart", "finished", ("web: its status is 0 of 2 running",), (RESTART,)),
    Truth(
        "restart", "finished", ("web: restarting it",), (RESTART,), {"command": "restart", "cf_strategy": ""}
    ),
    Truth("restart", "triggered", (), (RESTART,), NO_WAIT),
    Truth(
        "two-apps",
        "finished",
        ("worker: finished in", "https://worker.apps.example.org"),
        (START, _act("start", "APP-1")),
    ),
    Truth(
        "paged",
        "finished",
        ("web-4: finished in",),
        tuple(_act("start", app) for app in ("WEB", *(f"APP-{n}" for n in range(1, 5)))),
    ),
    Truth(
        "lured",
        "finished",
        ("web-4: finished in",),
        tuple(_act("start", app) for app in ("WEB", *(f"APP-{n}" for n in range(1, 5)))),
    ),
    Truth(
        "success",
        "refused",
        (f"web: not started: it is the same as {APP}, which is also a target. Remove one of them",),
        inputs={"cf_app": f"web,{APP}"},
    ),
    Truth(
        "success",
        "refused",
        (f"it is the same as {APP}, which is also a target",),
        NOTHING,
        CHECK | {"cf_app": f"{APP},web"},
    ),
    Truth(
        "success",
        "refused",
        ("app 'nope' not found in the space 'my-space'", FINISHED),
        inputs={"cf_app": "web,nope"},
    ),
    Truth(
        "success", "refused", ("space 'nope' not found in the organization",), NOTHING, {"cf_space": "nope"}
    ),
    Truth("success", "refused", ("organization 'nope' not found",), NOTHING, {"cf_org": "nope"}),
    Truth(
        "success",
        "refused",
        ("app '11111111-1111-4111-8111-111111111111' not found in the space",),
        NOTHING,
        {"cf_app": "11111111-1111-4111-8111-111111111111"},
    ),
)
INSTANCES = (
    Truth("crash", "failed", (OOM, "[APP/PROC/WEB/1] Killed"), lasts=(14, 20)),
    Truth("crash", "failed", (OOM,), inputs=ANY),
    Truth("one-crash", "failed", ("it crashes (1 of 2 running, 1 crashed)",), lasts=(150, 240)),
    Truth("one-crash", "finished", (), inputs=ANY, lasts=(0, 15)),
    Truth(
        "one-crash",
        "timed_out",
        ("it crashes (1 of 2 running, 1 crashed): APP/PROC/WEB: Exited",),
        inputs={"timeout": "90s"},
    ),
    Truth(
        "flapping",
        "failed",
        ("Exited with status 2. See its last log lines", "panic: no route to the database"),
    ),
    Truth(
        "unready",
        "timed_out",
        ("2 of 2 running, 2 not ready, 1m", "its readiness health check has not passed yet"),
        inputs={"timeout": "3m"},
    ),
    Truth("unready", "finished", (), inputs=ANY),
    Truth("zero", "finished", ("it is scaled to zero instances: it is started, but nothing is running",)),
    Truth("worker", "finished", ("web: 0 of 2 running, 2 down; worker: 0 of 1 running, 1 down",)),
    Truth(
        "worker-crash",
        "failed",
        ("web: 2 of 2 running; worker: 0 of 1 running, 1 crashed): APP/PROC/WORKER",),
    ),
    Truth(
        "slow-placement",
        "finished",
        ("an instance could not be placed yet (insufficient resources: memory)",),
        lasts=(95, 120),
    ),
    Truth(
        *(
            "never-placed",
            "timed_out",
            (
                "not all of its instances were running: 0 of 2 running, 2 down (insufficient resources: memory)",
            ),
        ),
        inputs={"timeout": "4m"},
        lasts=(239, 245),
    ),
    Truth("blind", "finished", ("Stats server temporarily unavailable.",)),
    Truth(
        "stats-away",
        "finished",
        (
            "status check failed: Cloud Foundry can't currently report the state of the instances",
            "status is available again",
        ),
    ),
    Truth("outage", "finished", ("status check failed:", "status is available again")),
    Truth(
        "success", "finished", ("web: deployed; waiting for it to be healthy",), inputs=SURE, lasts=(80, 95)
    ),
    Truth("restart", "finished", ("waiting for it to be healthy",), (RESTART,), SURE, lasts=(80, 95)),
    Truth("rolling", "finished", ("waiting for it to be healthy",), (ROLL,), SURE),
    Truth("zero", "unverified", ("it is scaled to zero instances",), inputs=SURE),
    Truth("success", "finished", (), inputs={"verify_health": "false"}, never=("reading",)),
    Truth("success", "finished", ("web: its site responds with HTTP 200",), inputs=SITE),
    Truth("success", "unverified", ("without 'v2'",), inputs=SITE | {"verify_contains": "v2"}),
)
IMAGES = (
    Truth(
        "image", "finished", (CHANGED, RESTARTED, "[STG/0] Staging process finished"), (*STAGED, NEW, RESTART)
    ),
    Truth("image", "finished", (CHANGED,), (*STAGED, NEW, RESTART), {"image": ":1.4.2"}),
    Truth("image", "finished", (CHANGED,), (*STAGED, NEW, RESTART), BY_RESTART, never=(RESTARTED,)),
    Truth("image", "triggered", (CHANGED, "staged"), (*STAGED, NEW, RESTART), NO_WAIT),
    Truth("image-stopped", "finished", (CHANGED,), (*STAGED, NEW, START), never=(RESTARTED,)),
    Truth("image-rolling", "finished", (CHANGED, ROLLED), (*STAGED, rolled("DROPLET-1"))),
    Truth("image-crash", "failed", (CHANGED, OOM), (*STAGED, NEW, RESTART)),
    Truth("image-sick", "finished", (CHANGED,), (*STAGED, NEW, RESTART)),
    Truth(
        "image-sick", "unverified", ("responded with HTTP 502: Bad Gateway",), (*STAGED, NEW, RESTART), SITE
    ),
    Truth(
        "staging-failure",
        "failed",
        (
            "Its log says: failed to fetch metadata",
            "manifest unknown. The registry does not have this image or tag",
        ),
        STAGED,
        never=("changed",),
    ),
    Truth("registry", "finished", (CHANGED,), (_packed(WITH_LOGIN), STAGED[1], NEW, RESTART)),
    Truth(
        *(
            "registry",
            "failed",
            ("The registry denied access. Set `cf_docker_username`",),
            STAGED,
        ),
        {"cf_docker_username": "", "cf_docker_password": ""},
    ),
    Truth("buildpack", "refused", ("`image` requires a Docker app",), NOTHING),
    Truth("no-room", "failed", ("No cell has enough free capacity to stage it",), STAGED),
    Truth(
        "build-busy",
        "finished",
        ("another build of the app is still being staged",),
        (*STAGED, STAGED[1], NEW, RESTART),
    ),
    Truth(
        "image",
        "timed_out",
        ("it was still being staged", "Nothing was started"),
        STAGED,
        {"timeout": "5s"},
        never=("changed",),
    ),
    Truth("image", "timed_out", (UNTOUCHED,), STAGED, CANCEL_LATE | {"timeout": "5s"}),
    Truth(
        "no-droplet",
        "refused",
        ("it has no droplet, because nothing was ever staged for it. Push it once with `cf push`",),
        NOTHING,
    ),
    Truth(
        "no-droplet",
        "finished",
        ("changed image: ghcr.io/acme/web:1.4.2",),
        (*STAGED, NEW, START),
        {"image": "ghcr.io/acme/web:1.4.2"},
    ),
    Truth(
        "no-droplet",
        "refused",
        ("`image` is only a tag, and the app has no image yet",),
        NOTHING,
        {"image": ":1.4.2"},
    ),
)
LOSSES = (
    Truth(
        "pack-lost",
        "finished",
        (CHANGED,),
        (STAGED[0], STAGED[0], _sent("POST", "/builds", '{"package": {"guid": "PACKAGE-2"}}'), NEW, RESTART),
    ),
    Truth("stage-lost", "finished", (CHANGED,), (*STAGED, NEW, RESTART)),
    Truth("assign-lost", "finished", (CHANGED,), (*STAGED, NEW, NEW, RESTART)),
    Truth("deploy-lost", "finished", ("no usable response to the trigger", ROLLED), (ROLL,)),
    Truth("restart-lost", "finished", ("its processes were restarted",), (RESTART,)),
    Truth("start-lost", "finished", ("no usable response to the trigger",)),
    Truth("start-undone", "finished", ("no deployment of it was found; triggering again",), (START, START)),
    Truth("broken", "refused", ("the server failed 3 times and started nothing",), (START,) * 3),
    Truth("runner", "finished", ("Cloud Foundry can't reach the runtime of its apps",), (RESTART, RESTART)),
    Truth("limited", "finished", ("rate limited by Cloud Foundry",), lasts=(20, 60)),
)
ROLLINGS = (
    Truth(
        "rolling",
        "finished",
        (ROLLED, "deploying; new instances: 0 of 1 running, 1 down", "2 of 2 running"),
        (ROLL,),
        lasts=(60, 80),
    ),
    Truth("rolling", "triggered", (ROLLED,), (ROLL,), NO_WAIT),
    Truth(
        "rolling",
        "timed_out",
        ("its instances were still being replaced (new ones: 1 of 1 running)",),
        (ROLL,),
        {"timeout": "20s"},
    ),
    Truth("rolling", "timed_out", (PUT_BACK,), (ROLL, CANCEL), CANCEL_LATE | {"timeout": "20s"}),
    Truth("rolling-stopped", "finished", (ROLLED, "its status is 0 of 2 running"), (ROLL,)),
    Truth(
        "rolling-stuck",
        "failed",
        ("the old instances still serve requests. Cancel it, or set `rollback: true`", "out of memory"),
        (ROLL,),
    ),
    Truth(
        "rolling-cancelled",
        "cancelled",
        ("it was cancelled in Cloud Foundry, which restores the previous version",),
        (ROLL,),
    ),
    Truth("superseded", "superseded", ("another deployment took its place after 2",), (ROLL,)),
    Truth(
        "rolling-quota",
        "finished",
        ("the deployment is not making progress: memory quota_exceeded",),
        (ROLL,),
    ),
    Truth(
        "rolling-off",
        "refused",
        ("rolling deployments are disabled on this foundation. Use `cf_strategy: restart`",),
        (ROLL,),
    ),
    Truth("rolling-no-quota", "refused", ("the quota does not allow the extra instance",), (ROLL,)),
    Truth(
        "others",
        "finished",
        (
            f"it replaces deployment {guid('deployment 1')}, which somebody else started and which is still in progress",
        ),
        (ROLL,),
    ),
)
LOGINS = (
    Truth("client", "finished"),
    Truth("user-assertion", "finished"),
    Truth("client-assertion", "finished"),
    Truth("origin", "finished"),
    Truth("opaque", "finished"),
    Truth(
        "wrong-password",
        "refused",
        ("They were sent only once, because five failures lock an account", "set `cf_origin`"),
        NOTHING,
    ),
    Truth("origin", "refused", ("They were sent only once",), NOTHING, {"cf_origin": ""}),
    Truth("locked", "refused", ("the account is locked after too many failed logins",), NOTHING),
    Truth("token-expiry", "finished", ("4m 07s since the trigger",), lasts=(300, 320), logins=6),
    Truth("client-expiry", "finished", lasts=(300, 320), logins=6),
    Truth("refresh-expired", "finished", lasts=(300, 320), logins=11),
    Truth("revoked", "finished", logins=2),
    Truth(
        "uaa-away",
        "finished",
        ("status check failed: the login server: ", "status is available again"),
        lasts=(150, 180),
        logins=7,
    ),
    Truth(
        "uaa-away-password",
        "finished",
        ("status check failed: the login server: ",),
        lasts=(150, 180),
        logins=7,
    ),
    Truth(
        "uaa-away-client",
        "finished",
        ("status check failed: the login server: ",),
        lasts=(150, 180),
        logins=7,
    ),
    Truth("uaa-limit", "finished", ("rate limited by the login server",), logins=2),
)
REFUSALS = (
    Truth(
        "quota",
        "refused",
        (
            "a quota of the organization or space is used up",
            "memory quota_exceeded (CF-UnprocessableEntity 10008)",
        ),
    ),
    Truth("suspended", "refused", ("the organization is suspended",)),
    Truth(
        "auditor",
        "refused",
        ("the login lacks the role in the space", "`cf set-space-role USER ORG SPACE SpaceDeveloper`"),
    ),
    Truth("supporter", "refused", ("the login lacks the role in the space (Space Developer",), STAGED[:1]),
    Truth("supporter", "finished", (), (RESTART,), BY_RESTART | NO_IMAGE),
    Truth("no-docker", "refused", ("`cf enable-feature-flag diego_docker`",)),
    Truth("korifi", "refused", ("this is a Korifi without UAA",), NOTHING, logins=0),
)
LOGS = (
    Truth("no-logs", "finished", ("this Cloud Foundry has no log-cache: no log is printed",)),
    Truth("logs-away", "finished", ("could not read the log 5 times in a row (HTTP 404)",)),
    Truth("hostile", "finished", ("not a CI command ✓",), never=("\n::error", "\n##vso")),
    Truth("late-logs", "finished", ("[APP/PROC/WEB/0] second in the list\n[APP/PROC/WEB/0] Listening",)),
)
COMMANDS = (
    Truth("started", "finished", ("web: stopping it", "its status is stopped"), (STOP,), {"command": "stop"}),
    Truth("started", "triggered", (), (STOP,), {"command": "stop"} | NO_WAIT),
    Truth("success", "finished", ("it is already stopped",), NOTHING, {"command": "stop"}),
    Truth(
        "cancel",
        "finished",
        (f"deployment {guid('deployment 1')}: {PUT_BACK} (one that somebody else started)", "1 cancelled"),
        (CANCEL,),
    ),
    Truth("cancel", "triggered", (PUT_BACK,), (CANCEL,), NO_WAIT),
    Truth("started", "finished", ("nothing to cancel",), NOTHING, {"command": "cancel"}),
    Truth(
        "started",
        "finished",
        (f"(back to droplet {OLDER})",),
        (assigned("OLD-DROPLET-1"), RESTART),
        {"command": "rollback"},
    ),
    Truth(
        "rolling",
        "finished",
        (f"(back to droplet {OLDER})",),
        (rolled("OLD-DROPLET-1"),),
        {"command": "rollback"},
    ),
    Truth(
        "no-droplet",
        "refused",
        ("it has no droplet that is older than the current one",),
        NOTHING,
        {"command": "rollback"},
    ),
)
BACKS = (
    Truth(
        "image-crash",
        "rolled_back",
        (f"(back to droplet {BEFORE})", WENT_BACK),
        (*STAGED, NEW, RESTART, OLD, RESTART),
        BACK,
    ),
    Truth(
        *("image-crash", "rolled_back", ("it crashes (0 of 1 running, 1 crashed)", WENT_BACK)),
        (*STAGED, rolled("DROPLET-1"), CANCEL),
        BACK | BY_ROLLING,
        never=("or set `rollback: true`",),
    ),
    Truth(
        "image-sick",
        "rolled_back",
        ("responded with HTTP 502", WENT_BACK),
        (*STAGED, NEW, RESTART, OLD, RESTART),
        BACK | SITE,
    ),
    Truth(
        *("image-sick", "rolled_back", ("responded with HTTP 502", WENT_BACK)),
        (*STAGED, rolled("DROPLET-1"), rolled("OLD-DROPLET-0")),
        BACK | SITE | BY_ROLLING,
    ),
    Truth(
        "rolling-stuck",
        "rolled_back",
        ("rolling back: following deployment", "its status is cancelling", WENT_BACK),
        (ROLL, CANCEL),
        BACK,
    ),
    Truth(
        "rolling-stuck",
        "rolled_back",
        ("waiting for it to be healthy", WENT_BACK),
        (ROLL, CANCEL),
        BACK | SURE,
    ),
    Truth(
        "crash",
        "failed",
        ("The previous version was not restored: it was stopped before",),
        inputs=BACK,
    ),
    Truth("staging-failure", "failed", (), STAGED, BACK, never=("rolling back",)),
    Truth("never-placed", "timed_out", (), inputs=BACK | {"timeout": "2m"}, never=("rolling back",)),
)
INTERRUPTS = (
    Truth("rolling", "interrupted", (PUT_BACK,), (ROLL, CANCEL), signals=((20, "SIGTERM"),)),
    Truth(
        "rolling",
        "interrupted",
        ("left running (`on_interrupt: leave`)",),
        (ROLL,),
        LEAVE,
        signals=((20, "SIGTERM"),),
    ),
    Truth("restart", "interrupted", (GOES_ON,), (RESTART,), signals=((5, "SIGTERM"),)),
    Truth("success", "interrupted", (GOES_ON,), signals=((5, "SIGTERM"),)),
    Truth(
        "image",
        "interrupted",
        (f"web: {UNTOUCHED}",),
        STAGED,
        signals=((5, "SIGTERM"),),
        never=("changed", "web: deployment"),
    ),
    Truth("image", "interrupted", (CHANGED, GOES_ON), (*STAGED, NEW, RESTART), signals=((20, "SIGTERM"),)),
    Truth("others", "interrupted", (PUT_BACK,), (ROLL, _cancelled(2)), signals=((20, "SIGTERM"),)),
    Truth(
        "image-crash",
        "interrupted",
        ("left running: a rollback is never cancelled",),
        (*STAGED, NEW, RESTART, OLD, RESTART),
        BACK,
        signals=((33, "SIGTERM"),),
    ),
)
DOCTOR = (
    Truth(
        "success", "finished", ("token: cloud_controller.write: yes", "would start it (POST"), NOTHING, CHECK
    ),
    Truth(
        "success",
        "skipped",
        ("app 1cb006ee-fb05-47e1-b541-c34179ddc446, stopped", "would start it (POST"),
        NOTHING,
        DRY,
    ),
    Truth("started", "skipped", (ALREADY,), NOTHING, DRY),
    Truth("restart", "skipped", ("would restart it",), NOTHING, DRY),
    Truth("rolling", "skipped", ("would replace its instances one by one",), NOTHING, DRY),
    Truth(
        "image",
        "skipped",
        ("would stage the image ghcr.io/acme/web:1.4.1 → ghcr.io/acme/web:1.4.2", RESTARTED),
        NOTHING,
        DRY,
    ),
    Truth(
        "image-rolling",
        "finished",
        ("Space Developer in the space: yes", "with the new droplet (POST /v3/deployments)"),
        NOTHING,
        CHECK,
    ),
    Truth("started", "skipped", ("would stop it",), NOTHING, DRY | {"command": "stop"}),
    Truth("success", "skipped", ("it is already stopped",), NOTHING, DRY | {"command": "stop"}),
    Truth(
        "started",
        "skipped",
        ("would restart it", f"back to droplet {OLDER}"),
        NOTHING,
        DRY | {"command": "rollback"},
    ),
    Truth(
        "others",
        "skipped",
        ("it is cancelled, and Cloud Foundry restores",),
        NOTHING,
        DRY | {"command": "rollback"},
    ),
    Truth("others", "skipped", ("it replaces deployment",), NOTHING, DRY),
    Truth("cancel", "skipped", ("would cancel deployment",), NOTHING, DRY),
    Truth("image", "skipped", (f"would be rolled back to droplet {BEFORE}",), NOTHING, DRY | BACK),
    Truth(
        "image-stopped", "skipped", ("would not be rolled back: it was stopped before",), NOTHING, DRY | BACK
    ),
    Truth(
        "restart", "skipped", ("would not be rolled back: no other droplet ran before",), NOTHING, DRY | BACK
    ),
    Truth(
        "rolling",
        "skipped",
        ("by cancelling its deployment while it is in progress",),
        NOTHING,
        DRY | BACK,
        never=("again once it has ended",),
    ),
    Truth(
        "image-rolling",
        "finished",
        (f"or by deploying droplet {BEFORE} again once it has ended",),
        NOTHING,
        CHECK | BACK,
    ),
    Truth("no-droplet", "refused", ("it has no droplet",), NOTHING, CHECK),
    Truth(
        "auditor",
        "refused",
        ("Space Developer or Space Supporter in the space: no", "the token lacks"),
        NOTHING,
        CHECK,
    ),
    Truth("supporter", "refused", ("Space Developer in the space: no",), NOTHING, DRY),
    Truth("no-docker", "refused", ("diego_docker: no",), NOTHING, CHECK),
)
TRUTHS = (
    *STARTS,
    *INSTANCES,
    *IMAGES,
    *LOSSES,
    *ROLLINGS,
    *LOGINS,
    *REFUSALS,
    *LOGS,
    *COMMANDS,
    *BACKS,
    *INTERRUPTS,
    *DOCTOR,
)
