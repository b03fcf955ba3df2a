"""Scenarios with one failure each.

Lost or malformed responses, rejections, failing commands and deployments.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

from deployer.simulator.coolify.scenario import Other, Scenario
from deployer.simulator.coolify.scenarios import BROKEN, BUILT, IMAGE, WEB, WORKER
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.script import Change, Script, and_then, before, delayed, recorded
from deployer.simulator.coolify.versions import VERSIONS
from deployer.simulator.serving.exchange import Fault, Response, Then
from tests.simulator.coolify.faults import (
    GATEWAYS,
    HOSTILE_ADDRESS,
    HOSTILE_MESSAGE,
    HOSTILE_NAME,
    MALFORMED,
    cancelled_but_500,
    hostile_lines,
    huge,
    rewritten,
)

TRIGGERS = ("deploy", "start", "restart")
MIGRATES = {"post_deployment_command": "php artisan migrate --force"}
SKIPPED = recorded("post_command_fails", 45)
BEFORE_THE_COMMAND = before(
    SKIPPED,
    next(line.at for line in SKIPPED.lines if line.output.startswith("Executing post-deployment command")),
)
CLEANUP = tuple(line for line in SKIPPED.lines if line.output.startswith("Gracefully"))
REASON_AT = next(line.at for line in BROKEN.lines if line.output.startswith("====="))


def migrating(seconds: float) -> Script:
    """The post-deployment command succeeds after these seconds; with infinity it never ends."""
    end = (
        () if seconds == inf else (Change(BEFORE_THE_COMMAND.lines[-1].at + seconds, {"finished_at": True}),)
    )
    last_lines = () if seconds == inf else tuple(replace(line, at=line.at + seconds) for line in CLEANUP)
    return and_then(BEFORE_THE_COMMAND, last_lines, end)


def hostile() -> Script:
    """A failing build in which every text tries to command the CI system."""
    message = tuple(
        Change(change.at, {**change.fields, "commit_message": HOSTILE_MESSAGE}) for change in BROKEN.changes
    )
    return and_then(replace(BROKEN, changes=message), hostile_lines(21, 38))


def with_faults(name: str, summary: str, *faults: Fault) -> Scenario:
    """A successful deployment with faults of the server or the network."""
    return Scenario(name, summary, apps=(WEB,), faults=faults)


def with_script(name: str, summary: str, script: Script, **fields: str) -> Scenario:
    """A deployment with its own script."""
    return Scenario(name, summary, apps=(App(script, fields=fields),))


def one_per_poll(
    edits: Iterable[Callable[[Response], Response]], first: int, on: str = "look"
) -> tuple[Fault, ...]:
    """One edited poll for each edit, beginning with number `first`; or requests to another route."""
    return tuple(
        Fault((on,), Then.EDIT, edit=edit, nth=(nth,)) for nth, edit in enumerate(edits, start=first)
    )


def blocked(name: str, summary: str, bar: str) -> Scenario:
    """Every request with a known token is rejected."""
    return Scenario(name, summary, apps=(WEB,), bar=bar)


def with_abilities(name: str, summary: str, *abilities: str) -> Scenario:
    return Scenario(name, summary, apps=(WEB,), abilities=frozenset(abilities))


def behind_proxy(name: str, summary: str, reply: str) -> Scenario:
    """There is no Coolify at the address, or a proxy is in front of it."""
    return with_faults(name, summary, Fault(("any",), Then.REPLY, reply=reply))


FAILURES = (
    Scenario(
        "adopted-cancelled",
        "Like `already-queued`, but somebody cancels the other deployment; a second trigger is queued and "
        "finishes.",
        apps=(IMAGE,),
        others=(Other(cancelled=10),),
    ),
    Scenario(
        "adopted-gone",
        "Coolify reports `already queued`, but the list is empty by then; a second trigger is queued.",
        apps=(IMAGE,),
        vacant=1,
    ),
    with_faults(
        "lost-answer",
        "The deployment is queued, but the connection closes before the response.",
        Fault(TRIGGERS, Then.CLOSE, acts=True, nth=(1,)),
    ),
    with_faults(
        "lost-request",
        "The connection closes before anything is queued; the second trigger works.",
        Fault(TRIGGERS, Then.CLOSE, nth=(1,)),
    ),
    with_faults(
        "server-error",
        "Every trigger fails with 500 and queues nothing.",
        Fault(TRIGGERS, Then.REPLY, reply="deploy_body_list_500"),
    ),
    with_faults(
        "truncated",
        "The deployment is queued, but the response is cut off in the middle.",
        Fault(TRIGGERS, Then.CUT, nth=(1,)),
    ),
    with_script(
        "post-command-failed",
        "The deployment is finished, but its post-deployment command fails.",
        recorded("post_command_failed", 45),
        **MIGRATES,
    ),
    with_script(
        "post-command-skipped",
        "The post-deployment command finds no container.",
        SKIPPED,
        **MIGRATES,
    ),
    with_script(
        "post-command-slow",
        "The post-deployment command succeeds after 90 s.",
        migrating(90),
        **MIGRATES,
    ),
    with_script(
        "post-command-endless", "The post-deployment command never ends.", migrating(inf), **MIGRATES
    ),
    with_abilities(
        "no-logs", "The token lacks read:sensitive: deployments have no `logs`.", "read", "deploy"
    ),
    with_faults(
        "vanished",
        "After 10 s the application is deleted, with its deployment.",
        Fault(("look", "cancel"), Then.REPLY, reply="deployment_unknown", clock="row", since=10),
        Fault(("history",), Then.REPLY, reply="app_deployments_unknown", clock="row", since=10),
        Fault(("application",), Then.REPLY, reply="app_get_unknown", clock="row", since=10),
    ),
    with_faults(
        "revoked",
        "The token is revoked after 10 s.",
        Fault(("any",), Then.REPLY, reply="unauth_bad", clock="row", since=10),
    ),
    with_faults(
        "forbidden",
        "The token may not read the deployment.",
        Fault(("look",), Then.REPLY, reply="deployment_get_deployonly_403"),
    ),
    with_script(
        "rewritten",
        "The list of log entries shrinks, is reordered and grows again.",
        replace(BUILT, shown=rewritten),
    ),
    Scenario(
        "hostile",
        "Every untrusted text tries to command the CI system or to leak the token; the build fails.",
        apps=(App(hostile(), name=HOSTILE_NAME, fqdn=HOSTILE_ADDRESS),),
    ),
    with_script(
        "unknown-status",
        "The deployment has an unknown status for a while, and then finishes.",
        and_then(BUILT, changes=(Change(10, {"status": "paused"}), Change(25, {"status": "in_progress"}))),
    ),
    behind_proxy("html", "Every response is an HTML page.", "elsewhere_html"),
    behind_proxy(
        "cloudflare", "Cloudflare Access is in front of Coolify.", "transport_proxy_cloudflare_access_302"
    ),
    behind_proxy("redirect", "A proxy redirects everything to https.", "elsewhere_redirect_301"),
    behind_proxy("proxy-404", "Traefik has no route to Coolify.", "transport_proxy_traefik_404"),
    blocked("api-disabled", "The API is disabled.", "transport_api_disabled"),
    blocked("ip-denied", "The API does not allow this IP address.", "ip_denied"),
    blocked("member-token", "The token belongs to a member who is not an admin.", "member_deploy_version"),
    blocked("left-team", "The token's owner has left the team.", "left_team_401"),
    Scenario("unknown-app", "No application has this uuid.", apps=(WEB,), targets=0),
    with_abilities("read-only-token", "The token may only read.", "read", "read:sensitive"),
    with_faults(
        "throttled",
        "The rate limit is reached twice: by the trigger and by a poll.",
        Fault(TRIGGERS, Then.REPLY, reply="ratelimit_429", nth=(1,)),
        Fault(("look",), Then.REPLY, reply="ratelimit_429", nth=(3,)),
    ),
    with_faults("huge", "One response is larger than 64 MiB.", *one_per_poll((huge,), 2)),
    with_faults("malformed", "Four consecutive polls get malformed responses.", *one_per_poll(MALFORMED, 2)),
    with_faults(
        "gateway-look",
        "Eight consecutive polls get a gateway's JSON, each with another 4xx.",
        *one_per_poll(GATEWAYS, 2),
    ),
    with_faults(
        "gateway-check",
        "A gateway responds to the first eight requests for the application, each with another 4xx.",
        *one_per_poll(GATEWAYS, 1, "application"),
    ),
    with_faults(
        "hang-at-first",
        "The first request gets no response.",
        Fault(("version",), Then.HANG, nth=(1,)),
    ),
    with_faults("hang", "The third poll gets no response.", Fault(("look",), Then.HANG, nth=(3,))),
    with_faults(
        "hang-start",
        "The deployment is queued, but the response never comes.",
        Fault(TRIGGERS, Then.HANG, acts=True, nth=(1,)),
    ),
    with_faults(
        "cancel-500",
        "A cancel works, but responds with 500.",
        Fault(("cancel",), Then.EDIT, edit=cancelled_but_500),
    ),
    Scenario(
        "two",
        "Of two applications, the first fails and the second finishes.",
        apps=(App(BROKEN), WORKER),
        targets=2,
    ),
    Scenario("old", "Coolify is v4.0.0-beta.380.", apps=(WEB,), version=VERSIONS["4.0.0-beta.380"]),
    with_script(
        "restarted",
        "Coolify restarts during the deployment, which fails without a reason and an end.",
        and_then(before(BUILT, 30), changes=(Change(30, {"status": "failed"}),)),
    ),
    with_script(
        "late-reason",
        "The failure reason comes 3 s after the status.",
        delayed(BROKEN, REASON_AT, 3),
    ),
)
