"""The cases of whole runs against the simulated Cloud Foundry, and what they consist of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.simulator.cloudfoundry.names import APP, REGISTRY_PASSWORD, REGISTRY_USERNAME, guid
from tests.scenarios.coolify_cases import CODES as COMMON_CODES

CODES = {**COMMON_CODES, "superseded": 4, "interrupted": 130}
NAMES = {
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
"""The names of the simulator's guids in the tables."""


def _sent(method: str, path: str, body: str = "") -> str:
    return f"{method} /v3{path} {body}".rstrip()


def _action(name: str, app: str = "WEB") -> str:
    return _sent("POST", f"/apps/{app}/actions/{name}")


def assign(droplet: str) -> str:
    return _sent("PATCH", "/apps/WEB/relationships/current_droplet", f'{{"data": {{"guid": "{droplet}"}}}}')


def _create_package(more: str = "") -> str:
    return _sent(
        "POST",
        "/packages",
        f'{{"type": "docker", {OF_WEB}, "data": {{"image": "ghcr.io/acme/web:1.4.2"{more}}}}}',
    )


def roll(droplet: str = "") -> str:
    named = f', "droplet": {{"guid": "{droplet}"}}' if droplet else ""
    return _sent("POST", "/deployments", f'{{"strategy": "rolling", {OF_WEB}{named}}}')


def _cancel(number: int) -> str:
    return _sent("POST", f"/deployments/DEPLOYMENT-{number}/actions/cancel")


OF_WEB = '"relationships": {"app": {"data": {"guid": "WEB"}}}'
WITH_LOGIN = f', "username": "{REGISTRY_USERNAME}", "password": "{REGISTRY_PASSWORD}"'
START, RESTART, STOP = _action("start"), _action("restart"), _action("stop")
STAGE = (_create_package(), _sent("POST", "/builds", '{"package": {"guid": "PACKAGE-1"}}'))
NEW, OLD = assign("DROPLET-1"), assign("OLD-DROPLET-0")
ROLL, CANCEL = roll(), _cancel(1)


@dataclass(frozen=True)
class Case:
    """One whole run."""

    scenario: str
    status: str
    says: tuple[str, ...] = ()
    """Texts that the output contains."""
    sent: tuple[str, ...] = (START,)
    """All requests that change something, in order."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()
    """Texts that the output does not contain."""
    lasts: tuple[float, float] = (0, 1e9)
    """The least and the most seconds that the run takes."""
    signals: tuple[tuple[float, str], ...] = ()
    """Signals that the job receives, with the second of the run."""
    logins: int = 1


NO_REQUESTS: tuple[str, ...] = ()
BY_GUID = {"cf_app": APP}
SITE, ROLLBACK, VERIFY_HEALTH = {"verify_url": "{site}"}, {"rollback": "true"}, {"verify_health": "true"}
DRY_RUN, CHECK, NO_WAIT = {"dry_run": "true"}, {"command": "check"}, {"wait": "false"}
BY_ROLLING, BY_RESTART = {"cf_strategy": "rolling"}, {"cf_strategy": "restart"}
ANY = {"cf_ready": "any"}
CANCEL_ON_TIMEOUT, LEAVE_ON_INTERRUPT = {"on_timeout": "cancel"}, {"on_interrupt": "leave"}
NO_IMAGE = {"image": ""}
FINISHED, LISTENS = "web: finished in", "[APP/PROC/WEB/0] Listening on 0.0.0.0:8080"
OOM = (
    "the app crashes (0 of 2 running, 2 crashed): APP/PROC/WEB: Exited with status 137 (out of memory). "
    "Increase its memory: `cf scale"
)
CHANGED = "web: changed image: ghcr.io/acme/web:1.4.1 → ghcr.io/acme/web:1.4.2"
RESTARTED = "it is already started, and a start would not pick up the new image: restarting it instead"
ALREADY_STARTED = "it is already started, and starting it again changes nothing"
STAGING_CONTINUES = "the staging continues, without any effect on what is running: it can't be cancelled"
LEFT_RUNNING = "left running: it can't be cancelled"
CANCELLED = "cancelled: Cloud Foundry restores the previous version"
NEVER_PLACED = (
    "not all of its instances were running: 0 of 2 running, 2 down (insufficient resources: memory)"
)
REPLACES = (
    f"it replaces deployment {guid('deployment 1')}, which somebody else started "
    "and which is still in progress"
)
RESTORED = "The previous version was restored"
OLDER, PREVIOUS = guid("droplet 1 of app 0"), guid("droplet 0 of app 0")
ROLLED = f"web: waiting until it is rolled out, deployment {guid('deployment 1')}"

STARTS = (
    Case(
        "success",
        "finished",
        (
            "web: waiting until it is running",
            "0 of 2 running, 2 down",
            LISTENS,
            "https://web.apps.example.org",
        ),
    ),
    Case("success", "finished", (f"web: app {APP}",), inputs=BY_GUID),
    Case("success", "finished", (f"web: app {APP}",), inputs=BY_GUID | {"cf_org": "", "cf_space": ""}),
    Case("success", "finished", ("web: starting it",), inputs={"command": "start"}),
    Case(
        "success",
        "triggered",
        ("web: triggered, not waiting for the deployment",),
        inputs=NO_WAIT,
        never=("2 of 2",),
        lasts=(0, 2),
    ),
    Case("success", "finished", (), inputs={"logs": "none"}, never=(LISTENS,)),
    Case("started", "finished", (ALREADY_STARTED, "2 of 2 running"), lasts=(0, 3)),
    Case("restart", "finished", ("web: its status is 0 of 2 running",), (RESTART,)),
    Case(
        "restart", "finished", ("web: restarting it",), (RESTART,), {"command": "restart", "cf_strategy": ""}
    ),
    Case("restart", "triggered", (), (RESTART,), NO_WAIT),
    Case(
        "two-apps",
        "finished",
        ("worker: finished in", "https://worker.apps.example.org"),
        (START, _action("start", "APP-1")),
    ),
    Case(
        "paged",
        "finished",
        ("web-4: finished in",),
        tuple(_action("start", app) for app in ("WEB", *(f"APP-{n}" for n in range(1, 5)))),
    ),
    Case(
        "lured",
        "finished",
        ("web-4: finished in",),
        tuple(_action("start", app) for app in ("WEB", *(f"APP-{n}" for n in range(1, 5)))),
    ),
    Case(
        "success",
        "refused",
        (f"web: not started: it is the same as {APP}, which is also a target. Remove one of them",),
        inputs={"cf_app": f"web,{APP}"},
    ),
    Case(
        "success",
        "refused",
        (f"it is the same as {APP}, which is also a target",),
        NO_REQUESTS,
        CHECK | {"cf_app": f"{APP},web"},
    ),
    Case(
        "success",
        "refused",
        ("app 'nope' not found in the space 'my-space'", FINISHED),
        inputs={"cf_app": "web,nope"},
    ),
    Case(
        "success",
        "refused",
        ("space 'nope' not found in the organization",),
        NO_REQUESTS,
        {"cf_space": "nope"},
    ),
    Case("success", "refused", ("organization 'nope' not found",), NO_REQUESTS, {"cf_org": "nope"}),
    Case(
        "success",
        "refused",
        ("app '11111111-1111-4111-8111-111111111111' not found in the space",),
        NO_REQUESTS,
        {"cf_app": "11111111-1111-4111-8111-111111111111"},
    ),
)
INSTANCES = (
    Case("crash", "failed", (OOM, "[APP/PROC/WEB/1] Killed"), lasts=(14, 20)),
    Case("crash", "failed", (OOM,), inputs=ANY),
    Case("one-crash", "failed", ("the app crashes (1 of 2 running, 1 crashed)",), lasts=(150, 240)),
    Case("one-crash", "finished", (), inputs=ANY, lasts=(0, 15)),
    Case(
        "one-crash",
        "timed_out",
        ("the app crashes (1 of 2 running, 1 crashed): APP/PROC/WEB: Exited",),
        inputs={"timeout": "90s"},
    ),
    Case(
        "flapping",
        "failed",
        ("Exited with status 2. See its last log lines", "panic: no route to the database"),
    ),
    Case(
        "unready",
        "timed_out",
        ("2 of 2 running, 2 not ready, 1m", "its readiness health check has not passed yet"),
        inputs={"timeout": "3m"},
    ),
    Case("unready", "finished", (), inputs=ANY),
    Case("zero", "finished", ("it is scaled to zero instances: it is started, but nothing is running",)),
    Case("worker", "finished", ("web: 0 of 2 running, 2 down; worker: 0 of 1 running, 1 down",)),
    Case(
        "worker-crash",
        "failed",
        ("web: 2 of 2 running; worker: 0 of 1 running, 1 crashed): APP/PROC/WORKER",),
    ),
    Case(
        "slow-placement",
        "finished",
        ("an instance could not be placed yet (insufficient resources: memory)",),
        lasts=(95, 120),
    ),
    Case(
        "never-placed",
        "timed_out",
        (NEVER_PLACED,),
        inputs={"timeout": "4m"},
        lasts=(239, 245),
    ),
    Case("blind", "finished", ("Stats server temporarily unavailable.",)),
    Case(
        "stats-away",
        "finished",
        (
            "status check failed: Cloud Foundry can't currently report the state of the instances",
            "status checks work again",
        ),
    ),
    Case("outage", "finished", ("status check failed:", "status checks work again")),
    Case(
        "success",
        "finished",
        ("web: deployed; waiting until it is running",),
        inputs=VERIFY_HEALTH,
        lasts=(80, 95),
    ),
    Case("restart", "finished", ("waiting until it is running",), (RESTART,), VERIFY_HEALTH, lasts=(80, 95)),
    Case("rolling", "finished", ("waiting until it is running",), (ROLL,), VERIFY_HEALTH),
    Case("zero", "unverified", ("it is scaled to zero instances",), inputs=VERIFY_HEALTH),
    Case("success", "finished", (), inputs={"verify_health": "false"}, never=("reading",)),
    Case("success", "finished", ("web: its site responds with HTTP 200",), inputs=SITE),
    Case("success", "unverified", ("without 'v2'",), inputs=SITE | {"verify_contains": "v2"}),
)
IMAGES = (
    Case(
        "image", "finished", (CHANGED, RESTARTED, "[STG/0] Staging process finished"), (*STAGE, NEW, RESTART)
    ),
    Case("image", "finished", (CHANGED,), (*STAGE, NEW, RESTART), {"image": ":1.4.2"}),
    Case("image", "finished", (CHANGED,), (*STAGE, NEW, RESTART), BY_RESTART, never=(RESTARTED,)),
    Case("image", "triggered", (CHANGED, "staged"), (*STAGE, NEW, RESTART), NO_WAIT),
    Case("image-stopped", "finished", (CHANGED,), (*STAGE, NEW, START), never=(RESTARTED,)),
    Case("image-rolling", "finished", (CHANGED, ROLLED), (*STAGE, roll("DROPLET-1"))),
    Case("image-crash", "failed", (CHANGED, OOM), (*STAGE, NEW, RESTART)),
    Case("image-sick", "finished", (CHANGED,), (*STAGE, NEW, RESTART)),
    Case("image-sick", "unverified", ("responded with HTTP 502: Bad Gateway",), (*STAGE, NEW, RESTART), SITE),
    Case(
        "staging-failure",
        "failed",
        (
            "Its log says: failed to fetch metadata",
            "manifest unknown. The registry does not have this image or tag",
        ),
        STAGE,
        never=("changed",),
    ),
    Case("registry", "finished", (CHANGED,), (_create_package(WITH_LOGIN), STAGE[1], NEW, RESTART)),
    Case(
        *(
            "registry",
            "failed",
            ("The registry denied access. Set `cf_docker_username`",),
            STAGE,
        ),
        {"cf_docker_username": "", "cf_docker_password": ""},
    ),
    Case("buildpack", "refused", ("`image` requires a Docker app",), NO_REQUESTS),
    Case("no-room", "failed", ("No cell has enough free capacity to stage it",), STAGE),
    Case(
        "build-busy",
        "finished",
        ("another build of the app is still being staged",),
        (*STAGE, STAGE[1], NEW, RESTART),
    ),
    Case(
        "image",
        "timed_out",
        ("it was still being staged", "Nothing was started"),
        STAGE,
        {"timeout": "5s"},
        never=("changed",),
    ),
    Case("image", "timed_out", (STAGING_CONTINUES,), STAGE, CANCEL_ON_TIMEOUT | {"timeout": "5s"}),
    Case(
        "no-droplet",
        "refused",
        ("it has no droplet, because nothing was ever staged for it. Push it once with `cf push`",),
        NO_REQUESTS,
    ),
    Case(
        "no-droplet",
        "finished",
        ("changed image: ghcr.io/acme/web:1.4.2",),
        (*STAGE, NEW, START),
        {"image": "ghcr.io/acme/web:1.4.2"},
    ),
    Case(
        "no-droplet",
        "refused",
        ("`image` is only a tag, and the app has no image yet",),
        NO_REQUESTS,
        {"image": ":1.4.2"},
    ),
)
LOST_RESPONSES = (
    Case(
        "pack-lost",
        "finished",
        (CHANGED,),
        (STAGE[0], STAGE[0], _sent("POST", "/builds", '{"package": {"guid": "PACKAGE-2"}}'), NEW, RESTART),
    ),
    Case("stage-lost", "finished", (CHANGED,), (*STAGE, NEW, RESTART)),
    Case("assign-lost", "finished", (CHANGED,), (*STAGE, NEW, NEW, RESTART)),
    Case("deploy-lost", "finished", ("no usable response to the trigger", ROLLED), (ROLL,)),
    Case("restart-lost", "finished", ("its processes were restarted",), (RESTART,)),
    Case("start-lost", "finished", ("no usable response to the trigger",)),
    Case("start-undone", "finished", ("no deployment was found; triggering again",), (START, START)),
    Case("broken", "refused", ("the server failed 3 times and started nothing",), (START,) * 3),
    Case("runner", "finished", ("Cloud Foundry can't reach the runtime of its apps",), (RESTART, RESTART)),
    Case("limited", "finished", ("rate limited by Cloud Foundry",), lasts=(20, 60)),
)
ROLLINGS = (
    Case(
        "rolling",
        "finished",
        (ROLLED, "deploying; new instances: 0 of 1 running, 1 down", "2 of 2 running"),
        (ROLL,),
        lasts=(60, 80),
    ),
    Case("rolling", "triggered", (ROLLED,), (ROLL,), NO_WAIT),
    Case(
        "rolling",
        "timed_out",
        ("its instances were still being replaced (new ones: 1 of 1 running)",),
        (ROLL,),
        {"timeout": "20s"},
    ),
    Case("rolling", "timed_out", (CANCELLED,), (ROLL, CANCEL), CANCEL_ON_TIMEOUT | {"timeout": "20s"}),
    Case("rolling-stopped", "finished", (ROLLED, "its status is 0 of 2 running"), (ROLL,)),
    Case(
        "rolling-stuck",
        "failed",
        ("the old instances still serve requests. Cancel it, or set `rollback: true`", "out of memory"),
        (ROLL,),
    ),
    Case(
        "rolling-cancelled",
        "cancelled",
        ("it was cancelled in Cloud Foundry, which restores the previous version",),
        (ROLL,),
    ),
    Case("superseded", "superseded", ("another deployment took its place after 2",), (ROLL,)),
    Case(
        "rolling-quota",
        "finished",
        ("the deployment is not making progress: memory quota_exceeded",),
        (ROLL,),
    ),
    Case(
        "rolling-off",
        "refused",
        ("rolling deployments are disabled on this foundation. Use `cf_strategy: restart`",),
        (ROLL,),
    ),
    Case("rolling-no-quota", "refused", ("the quota does not allow the extra instance",), (ROLL,)),
    Case(
        "others",
        "finished",
        (REPLACES,),
        (ROLL,),
    ),
)
LOGINS = (
    Case("client", "finished"),
    Case("user-assertion", "finished"),
    Case("client-assertion", "finished"),
    Case("origin", "finished"),
    Case("opaque", "finished"),
    Case(
        "wrong-password",
        "refused",
        ("They were sent only once, because five failures lock an account", "set `cf_origin`"),
        NO_REQUESTS,
    ),
    Case("origin", "refused", ("They were sent only once",), NO_REQUESTS, {"cf_origin": ""}),
    Case("locked", "refused", ("the account is locked after too many failed logins",), NO_REQUESTS),
    Case("token-expiry", "finished", ("4m 16s since the trigger",), lasts=(300, 320), logins=5),
    Case("client-expiry", "finished", lasts=(300, 320), logins=5),
    Case("refresh-expired", "finished", lasts=(300, 320), logins=9),
    Case("revoked", "finished", logins=2),
    Case(
        "uaa-away",
        "finished",
        ("status check failed: the login server: ", "status checks work again"),
        lasts=(150, 180),
        logins=7,
    ),
    Case(
        "uaa-away-password",
        "finished",
        ("status check failed: the login server: ",),
        lasts=(150, 180),
        logins=7,
    ),
    Case(
        "uaa-away-client",
        "finished",
        ("status check failed: the login server: ",),
        lasts=(150, 180),
        logins=7,
    ),
    Case("uaa-limit", "finished", ("rate limited by the login server",), logins=2),
)
REFUSALS = (
    Case(
        "quota",
        "refused",
        (
            "a quota of the organization or space is used up",
            "memory quota_exceeded (CF-UnprocessableEntity 10008)",
        ),
    ),
    Case("suspended", "refused", ("the organization is suspended",)),
    Case(
        "auditor",
        "refused",
        ("the login lacks the role in the space", "`cf set-space-role USER ORG SPACE SpaceDeveloper`"),
    ),
    Case("supporter", "refused", ("the login lacks the role in the space (Space Developer",), STAGE[:1]),
    Case("supporter", "finished", (), (RESTART,), BY_RESTART | NO_IMAGE),
    Case("no-docker", "refused", ("`cf enable-feature-flag diego_docker`",)),
    Case("korifi", "refused", ("this is a Korifi without UAA",), NO_REQUESTS, logins=0),
)
LOGS = (
    Case("no-logs", "finished", ("this Cloud Foundry has no log-cache: no log is printed",)),
    Case("logs-away", "finished", ("could not read the log 5 times in a row (HTTP 404)",)),
    Case("hostile", "finished", ("not a CI command ✓",), never=("\n::error", "\n##vso")),
    Case("late-logs", "finished", ("[APP/PROC/WEB/0] second in the list\n[APP/PROC/WEB/0] Listening",)),
)
COMMANDS = (
    Case("started", "finished", ("web: stopping it", "its status is stopped"), (STOP,), {"command": "stop"}),
    Case("started", "triggered", (), (STOP,), {"command": "stop"} | NO_WAIT),
    Case("success", "finished", ("it is already stopped",), NO_REQUESTS, {"command": "stop"}),
    Case(
        "cancel",
        "finished",
        (f"deployment {guid('deployment 1')}: {CANCELLED} (one that somebody else started)", "1 cancelled"),
        (CANCEL,),
    ),
    Case("cancel", "triggered", (CANCELLED,), (CANCEL,), NO_WAIT),
    Case("started", "finished", ("nothing to cancel",), NO_REQUESTS, {"command": "cancel"}),
    Case(
        "started",
        "finished",
        (f"(back to droplet {OLDER})",),
        (assign("OLD-DROPLET-1"), RESTART),
        {"command": "rollback"},
    ),
    Case(
        "rolling",
        "finished",
        (f"(back to droplet {OLDER})",),
        (roll("OLD-DROPLET-1"),),
        {"command": "rollback"},
    ),
    Case(
        "no-droplet",
        "refused",
        ("it has no droplet that is older than the current one",),
        NO_REQUESTS,
        {"command": "rollback"},
    ),
)
ROLLBACKS = (
    Case(
        "image-crash",
        "rolled_back",
        (f"(back to droplet {PREVIOUS})", RESTORED),
        (*STAGE, NEW, RESTART, OLD, RESTART),
        ROLLBACK,
    ),
    Case(
        *("image-crash", "rolled_back", ("the app crashes (0 of 1 running, 1 crashed)", RESTORED)),
        (*STAGE, roll("DROPLET-1"), CANCEL),
        ROLLBACK | BY_ROLLING,
        never=("or set `rollback: true`",),
    ),
    Case(
        "image-sick",
        "rolled_back",
        ("responded with HTTP 502", RESTORED),
        (*STAGE, NEW, RESTART, OLD, RESTART),
        ROLLBACK | SITE,
    ),
    Case(
        *("image-sick", "rolled_back", ("responded with HTTP 502", RESTORED)),
        (*STAGE, roll("DROPLET-1"), roll("OLD-DROPLET-0")),
        ROLLBACK | SITE | BY_ROLLING,
    ),
    Case(
        "rolling-stuck",
        "rolled_back",
        ("rolling back: following deployment", RESTORED),
        (ROLL, CANCEL),
        ROLLBACK,
    ),
    Case(
        "rolling-stuck",
        "rolled_back",
        ("waiting until it is running", RESTORED),
        (ROLL, CANCEL),
        ROLLBACK | VERIFY_HEALTH,
    ),
    Case(
        "crash",
        "failed",
        ("The previous version was not restored: it was stopped before",),
        inputs=ROLLBACK,
    ),
    Case("staging-failure", "failed", (), STAGE, ROLLBACK, never=("rolling back",)),
    Case("never-placed", "timed_out", (), inputs=ROLLBACK | {"timeout": "2m"}, never=("rolling back",)),
)
INTERRUPTS = (
    Case("rolling", "interrupted", (CANCELLED,), (ROLL, CANCEL), signals=((20, "SIGTERM"),)),
    Case(
        "rolling",
        "interrupted",
        ("left running (`on_interrupt: leave`)",),
        (ROLL,),
        LEAVE_ON_INTERRUPT,
        signals=((20, "SIGTERM"),),
    ),
    Case("restart", "interrupted", (LEFT_RUNNING,), (RESTART,), signals=((5, "SIGTERM"),)),
    Case("success", "interrupted", (LEFT_RUNNING,), signals=((5, "SIGTERM"),)),
    Case(
        "image",
        "interrupted",
        (f"web: {STAGING_CONTINUES}",),
        STAGE,
        signals=((5, "SIGTERM"),),
        never=("changed", "web: deployment"),
    ),
    Case("image", "interrupted", (CHANGED, LEFT_RUNNING), (*STAGE, NEW, RESTART), signals=((20, "SIGTERM"),)),
    Case("others", "interrupted", (CANCELLED,), (ROLL, _cancel(2)), signals=((20, "SIGTERM"),)),
    Case(
        "image-crash",
        "interrupted",
        ("left running: a rollback is never cancelled",),
        (*STAGE, NEW, RESTART, OLD, RESTART),
        ROLLBACK,
        signals=((33, "SIGTERM"),),
    ),
)
CHECKS = (
    Case(
        "success",
        "finished",
        ("token: cloud_controller.write: yes", "would start it (POST"),
        NO_REQUESTS,
        CHECK,
    ),
    Case(
        "success",
        "skipped",
        ("app 1cb006ee-fb05-47e1-b541-c34179ddc446, stopped", "would start it (POST"),
        NO_REQUESTS,
        DRY_RUN,
    ),
    Case("started", "skipped", (ALREADY_STARTED,), NO_REQUESTS, DRY_RUN),
    Case("restart", "skipped", ("would restart it",), NO_REQUESTS, DRY_RUN),
    Case("rolling", "skipped", ("would replace its instances one by one",), NO_REQUESTS, DRY_RUN),
    Case(
        "image",
        "skipped",
        ("would stage the image ghcr.io/acme/web:1.4.1 → ghcr.io/acme/web:1.4.2", RESTARTED),
        NO_REQUESTS,
        DRY_RUN,
    ),
    Case(
        "image-rolling",
        "finished",
        ("Space Developer in the space: yes", "with the new droplet (POST /v3/deployments)"),
        NO_REQUESTS,
        CHECK,
    ),
    Case("started", "skipped", ("would stop it",), NO_REQUESTS, DRY_RUN | {"command": "stop"}),
    Case("success", "skipped", ("it is already stopped",), NO_REQUESTS, DRY_RUN | {"command": "stop"}),
    Case(
        "started",
        "skipped",
        ("would restart it", f"back to droplet {OLDER}"),
        NO_REQUESTS,
        DRY_RUN | {"command": "rollback"},
    ),
    Case(
        "others",
        "skipped",
        ("it is cancelled, and Cloud Foundry restores",),
        NO_REQUESTS,
        DRY_RUN | {"command": "rollback"},
    ),
    Case("others", "skipped", ("it replaces deployment",), NO_REQUESTS, DRY_RUN),
    Case("cancel", "skipped", ("would cancel deployment",), NO_REQUESTS, DRY_RUN),
    Case(
        "image", "skipped", (f"would be rolled back to droplet {PREVIOUS}",), NO_REQUESTS, DRY_RUN | ROLLBACK
    ),
    Case(
        "image-stopped",
        "skipped",
        ("would not be rolled back: it was stopped before",),
        NO_REQUESTS,
        DRY_RUN | ROLLBACK,
    ),
    Case(
        "restart",
        "skipped",
        ("would not be rolled back: no other droplet ran before",),
        NO_REQUESTS,
        DRY_RUN | ROLLBACK,
    ),
    Case(
        "rolling",
        "skipped",
        ("by cancelling its deployment while it is in progress",),
        NO_REQUESTS,
        DRY_RUN | ROLLBACK,
        never=("again once it has ended",),
    ),
    Case(
        "image-rolling",
        "finished",
        (f"or by deploying droplet {PREVIOUS} again once it has ended",),
        NO_REQUESTS,
        CHECK | ROLLBACK,
    ),
    Case("no-droplet", "refused", ("it has no droplet",), NO_REQUESTS, CHECK),
    Case(
        "auditor",
        "refused",
        ("Space Developer or Space Supporter in the space: no", "the token lacks"),
        NO_REQUESTS,
        CHECK,
    ),
    Case("supporter", "refused", ("Space Developer in the space: no",), NO_REQUESTS, DRY_RUN),
    Case("no-docker", "refused", ("diego_docker: no",), NO_REQUESTS, CHECK),
)
CASES = (
    *STARTS,
    *INSTANCES,
    *IMAGES,
    *LOST_RESPONSES,
    *ROLLINGS,
    *LOGINS,
    *REFUSALS,
    *LOGS,
    *COMMANDS,
    *ROLLBACKS,
    *INTERRUPTS,
    *CHECKS,
)
