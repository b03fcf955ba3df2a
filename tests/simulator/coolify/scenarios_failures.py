"""Scenarios about what goes wrong in the field, one thing at a time: lost or odd answers, refusals, commands and deployments that fail."""

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
RUNNING_ON = before(
    SKIPPED,
    next(line.at for line in SKIPPED.lines if line.output.startswith("Executing post-deployment command")),
)
GONE = tuple(line for line in SKIPPED.lines if line.output.startswith("Gracefully"))
REASON = next(line.at for line in BROKEN.lines if line.output.startswith("====="))


def migrating(seconds: float) -> Script:
    """The post-deployment command runs for so long (infinite: for ever) and goes well."""
    done = () if seconds == inf else (Change(RUNNING_ON.lines[-1].at + seconds, {"finished_at": True}),)
    last = () if seconds == inf else tuple(replace(line, at=line.at + seconds) for line in GONE)
    return and_then(RUNNING_ON, last, done)


def hostile() -> Script:
    """A failing build whose every text wants to command the CI system."""
    message = tuple(
        Change(change.at, {**change.fields, "commit_message": HOSTILE_MESSAGE}) for change in BROKEN.changes
    )
    return and_then(replace(BROKEN, changes=message), hostile_lines(21, 38))


def plain(name: str, summary: str, *troubles: Fault) -> Scenario:
    """A deployment that goes well on a server, or a road to it, that does not."""
    return Scenario(name, summary, apps=(WEB,), faults=troubles)


def scripted(name: str, summary: str, script: Script, **fields: str) -> Scenario:
    """A deployment that goes another way."""
    return Scenario(name, summary, apps=(App(script, fields=fields),))


def each(edits: Iterable[Callable[[Response], Response]], first: int, on: str = "look") -> tuple[Fault, ...]:
    """One look spoiled by each edit, from the look number `first` on; or one request to another route."""
    return tuple(
        Fault((on,), Then.EDIT, edit=edit, nth=(nth,)) for nth, edit in enumerate(edits, start=first)
    )


def barred(name: str, summary: str, bar: str) -> Scenario:
    """Every request with a token that is known gets the same refusal."""
    return Scenario(name, summary, apps=(WEB,), bar=bar)


def may(name: str, summary: str, *abilities: str) -> Scenario:
    return Scenario(name, summary, apps=(WEB,), abilities=frozenset(abilities))


def elsewhere(name: str, summary: str, reply: str) -> Scenario:
    """Behind the address there is no Coolify, or something stands before it."""
    return plain(name, summary, Fault(("any",), Then.REPLY, reply=reply))


FAILURES = (
    Scenario(
        "adopted-cancelled",
        "As `already-queued`, but somebody cancels that other deployment; a second trigger is really queued and finishes.",
        apps=(IMAGE,),
        others=(Other(cancelled=10),),
    ),
    Scenario(
        "adopted-gone",
        "Coolify says `already queued`, but nothing is in the list any more; a second trigger is really queued.",
        apps=(IMAGE,),
        vacant=1,
    ),
    plain(
        "lost-answer",
        "The deployment is queued, but the connection closes before the answer.",
        Fault(TRIGGERS, Then.CLOSE, acts=True, nth=(1,)),
    ),
    plain(
        "lost-request",
        "The connection closes before anything is queued; the second trigger works.",
        Fault(TRIGGERS, Then.CLOSE, nth=(1,)),
    ),
    plain(
        "server-error",
        "Every trigger answers 500 and queues nothing.",
        Fault(TRIGGERS, Then.REPLY, reply="deploy_body_list_500"),
    ),
    plain(
        "truncated",
        "The deployment is queued, but the answer breaks off in its middle.",
        Fault(TRIGGERS, Then.CUT, nth=(1,)),
    ),
    scripted(
        "post-command-failed",
        "The deployment is finished, its post-deployment command fails.",
        recorded("post_command_failed", 45),
        **MIGRATES,
    ),
    scripted(
        "post-command-skipped",
        "The post-deployment command finds no container to run in.",
        SKIPPED,
        **MIGRATES,
    ),
    scripted(
        "post-command-slow",
        "The post-deployment command runs for ninety seconds and goes well.",
        migrating(90),
        **MIGRATES,
    ),
    scripted("post-command-endless", "The post-deployment command never ends.", migrating(inf), **MIGRATES),
    may("no-logs", "The token lacks read:sensitive: deployments have no `logs`.", "read", "deploy"),
    plain(
        "vanished",
        "Ten seconds after its start the application is deleted, with its deployment.",
        Fault(("look", "cancel"), Then.REPLY, reply="deployment_unknown", clock="row", since=10),
        Fault(("history",), Then.REPLY, reply="app_deployments_unknown", clock="row", since=10),
        Fault(("application",), Then.REPLY, reply="app_get_unknown", clock="row", since=10),
    ),
    plain(
        "revoked",
        "The token is revoked ten seconds after the start.",
        Fault(("any",), Then.REPLY, reply="unauth_bad", clock="row", since=10),
    ),
    plain(
        "forbidden",
        "The deployment may not be read.",
        Fault(("look",), Then.REPLY, reply="deployment_get_deployonly_403"),
    ),
    scripted(
        "rewritten",
        "The list of log entries shrinks, is re-ordered and grows again.",
        replace(BUILT, shown=rewritten),
    ),
    Scenario(
        "hostile",
        "Every foreign text wants to command the CI system or to leak the token; the build fails.",
        apps=(App(hostile(), name=HOSTILE_NAME, fqdn=HOSTILE_ADDRESS),),
    ),
    scripted(
        "unknown-status",
        "The deployment has a status that nobody knows for a while, then it is finished.",
        and_then(BUILT, changes=(Change(10, {"status": "paused"}), Change(25, {"status": "in_progress"}))),
    ),
    elsewhere("html", "A page of HTML answers everything.", "elsewhere_html"),
    elsewhere(
        "cloudflare", "Cloudflare Access stands before Coolify.", "transport_proxy_cloudflare_access_302"
    ),
    elsewhere("redirect", "A proxy sends everything to https.", "elsewhere_redirect_301"),
    elsewhere("proxy-404", "Traefik knows no Coolify.", "transport_proxy_traefik_404"),
    barred("api-disabled", "The API is switched off.", "transport_api_disabled"),
    barred("ip-denied", "This address may not use the API.", "ip_denied"),
    barred("member-token", "The token belongs to a mere member of the team.", "member_deploy_version"),
    barred("left-team", "The token's owner has left the team.", "left_team_401"),
    Scenario("unknown-app", "No application has this uuid.", apps=(WEB,), targets=0),
    may("read-only-token", "The token may read, but start nothing.", "read", "read:sensitive"),
    plain(
        "throttled",
        "Too many requests were sent: once for the trigger, once for a look.",
        Fault(TRIGGERS, Then.REPLY, reply="ratelimit_429", nth=(1,)),
        Fault(("look",), Then.REPLY, reply="ratelimit_429", nth=(3,)),
    ),
    plain("huge", "One answer is larger than 64 MiB.", *each((huge,), 2)),
    plain("malformed", "Four looks in a row are answered by nonsense.", *each(MALFORMED, 2)),
    plain(
        "gateway-look",
        "Eight looks in a row are answered by a gateway's JSON, each with another 4xx.",
        *each(GATEWAYS, 2),
    ),
    plain(
        "gateway-check",
        "Before anything is started a gateway answers the first eight questions about the application, each with another 4xx.",
        *each(GATEWAYS, 1, "application"),
    ),
    plain(
        "hang-at-first",
        "The very first question is never answered.",
        Fault(("version",), Then.HANG, nth=(1,)),
    ),
    plain("hang", "The third look is never answered.", Fault(("look",), Then.HANG, nth=(3,))),
    plain(
        "hang-start",
        "The deployment is queued, but the answer never comes.",
        Fault(TRIGGERS, Then.HANG, acts=True, nth=(1,)),
    ),
    plain(
        "cancel-500",
        "A cancel works, and answers 500.",
        Fault(("cancel",), Then.EDIT, edit=cancelled_but_500),
    ),
    Scenario(
        "two",
        "Of two applications the first fails and the second finishes.",
        apps=(App(BROKEN), WORKER),
        targets=2,
    ),
    Scenario("old", "Coolify is v4.0.0-beta.380.", apps=(WEB,), version=VERSIONS["4.0.0-beta.380"]),
    scripted(
        "restarted",
        "Coolify restarts during the deployment: failed, without a reason and without an end.",
        and_then(before(BUILT, 30), changes=(Change(30, {"status": "failed"}),)),
    ),
    scripted(
        "late-reason",
        "The reason of the failure comes three seconds after the status.",
        delayed(BROKEN, REASON, 3),
    ),
)
