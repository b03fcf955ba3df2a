"""A run against a scripted provider: its events, its requests and its outcome."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from deployer.model import (
    Ability,
    Certainty,
    Command,
    Connected,
    Event,
    Following,
    GroupExpanded,
    GroupMember,
    GroupStarted,
    Handle,
    Idle,
    InterruptReceived,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    Plan,
    RefusedError,
    RetryLater,
    RollingBack,
    Snapshot,
    Stage,
    Started,
    Target,
    TargetFinished,
    TargetResolved,
    Triggering,
    TriggerUncertain,
    UnavailableError,
)
from deployer.run import run
from tests.fakes import START_TIME, TICK, FakeClock, Reply, Scripted

Script = Mapping[str, Sequence[Any]]


Call = tuple[float, str]


QUEUED, RUNNING, DONE, BROKEN = (
    Snapshot(phase) for phase in (Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED)
)


CANCELLED, ABSENT = Snapshot(Phase.CANCELLED), Snapshot(Phase.ABSENT)


A1, A2, A3, B1, C1 = (Handle(name[0], name) for name in ("a-1", "a-2", "a-3", "b-1", "c-1"))


PARIS, BERLIN = (Handle("a", name, server=server) for name, server in (("a-2", "paris"), ("a-3", "berlin")))


ADOPTED = Handle("a", "a-1", owner=Owner.OTHERS)


UNSURE = Handle("a", "a-1", owner=Owner.UNSURE)


PHANTOM = Handle("a", "", Certainty.PHANTOM)


CONNECTED = Connected("Fake 1")


STATUS_UNREADABLE = "the deployment continues on the server, but its status can no longer be read: "


SERVER_503 = UnavailableError("HTTP 503", may_have_arrived=True, from_server=True)


NO_CONNECTION = UnavailableError("no connection")


LOST_RESPONSE = UnavailableError("the response timed out", may_have_arrived=True)


SERVER_ERROR = UnavailableError(
    "it failed (Whoops)", may_have_arrived=True, from_server=True, server_error="Whoops"
)


GATEWAY = UnavailableError("HTTP 403: a page", may_have_arrived=True, from_gateway=True)


REVOKED = RefusedError("the token is revoked", token_wide=True)


NOTHING_FOUND = "no deployment was found"


CANCELLED_BY_SIGTERM = "the job was cancelled (SIGTERM)"


SITE = "https://a.example.com"


NOT_FINISHED = "it was still being built or started"


ON_PARIS, ON_BERLIN = (f"on the additional server {server}: " for server in ("paris", "berlin"))


@dataclass(frozen=True)
class RunResult:
    """What one run did. `waits` counts its `Idle` events, which are not in `events`."""

    outcome: Outcome
    events: list[Event]
    calls: list[Call]
    waits: int

    @property
    def sent(self) -> list[str]:
        return [call for _, call in self.calls]

    def times(self, call: str) -> list[float]:
        return [time for time, each in self.calls if each == call]

    def ends(self) -> list[TargetFinished]:
        return [event for event in self.events if isinstance(event, TargetFinished)]


def run_script(  # noqa: PLR0913 -- the options of one run, each by name
    script: Script | None = None,
    *,
    targets: tuple[str, ...] = ("a",),
    signals: Iterable[tuple[float, str]] = (),
    signal_at: Event | None = None,
    nth: int = 1,
    counted: bool = False,
    visits: bool = False,
    **plan: Any,
) -> RunResult:
    """Run a script, and check the invariants of every run.

    `signal_at`: SIGTERM is received while this event is reported for the nth time. `counted`: every
    call is a request of the budget. `visits`: a site is verified.
    """
    clock = FakeClock(signals)
    provider = Scripted(script or {}, clock, counted=counted)
    events: list[Event] = []
    stops: list[float] = []
    after: list[float] = []

    def report(event: Event) -> None:
        events.append(event)
        if event == signal_at and events.count(event) == nth:
            clock.signal("SIGTERM")
        if isinstance(event, InterruptReceived):
            stops.append(clock.real() - clock.since_stop() - START_TIME)
            after.append(clock.since_stop())

    whole = Plan(targets, **plan)
    outcome = run(whole, provider, report, clock, provider.visit if visits else None)
    result = RunResult(
        outcome,
        [event for event in events if not isinstance(event, Idle)],
        provider.calls,
        events.count(Idle()),
    )
    assert_invariants(result, whole)
    assert all(seconds <= 2 for seconds in after), "no request gets more than two seconds of grace"
    assert all(time < stops[0] + 5 for time, _ in result.calls if stops), (
        "five seconds after the signal nothing more is sent"
    )
    return result


def assert_invariants(result: RunResult, plan: Plan) -> None:
    """Check the outcome (architecture, rule 6), that only own deployments are cancelled, and dry runs."""
    expansions = [event for event in result.events if isinstance(event, GroupExpanded)]
    gone = {event.target for event in expansions if event.gone}
    for target in {*plan.targets, *(part.id for event in expansions for part in event.members)} - gone:
        run = [event for event in result.events if getattr(event, "target", None) == target]
        assert [type(event) for event in run].count(TargetFinished) == 1, "every target finishes once"
        assert isinstance(run[-1], TargetFinished), "nothing is reported of a target that is finished"
    for target in gone:
        assert isinstance(
            [event for event in result.events if getattr(event, "target", None) == target][-1], GroupExpanded
        )
    assert result.outcome is Outcome.worst([event.outcome for event in result.ends()])
    adopted = {
        event.handle.id for event in result.events if isinstance(event, Following) and event.handle.adopted
    }
    cancel_requested = plan.changes and plan.command is Command.CANCEL
    cancels = [
        call.split()[1]
        for call in result.sent
        if call.startswith("cancel ") and ("within" in call or not cancel_requested)
    ]
    assert not adopted & set(cancels)
    rollbacks = {
        event.handle.id
        for event in result.events
        if isinstance(event, Following) and event.stage is Stage.ROLLBACK
    }
    assert not rollbacks & set(cancels), "a rollback is never cancelled"
    assert not cancels or plan.command is not Command.ROLLBACK
    rolled_back = {call.split()[1] for call in result.sent if call.startswith("rollback")}
    assert (
        rolled_back <= {event.target for event in result.events if isinstance(event, RollingBack)}
        if plan.rollback
        else not rolled_back
    )
    assert plan.changes or not [
        call for call in result.sent if call.startswith(("trigger", "rollback", "find", "poll", "cancel"))
    ]


def resolved_and_triggered(target: str) -> list[Event]:
    return [TargetResolved(Target(target)), Triggering(target)]


UNTIL_TRIGGER: list[Event] = [CONNECTED, *resolved_and_triggered("a")]


UNTIL_FOLLOWED: list[Event] = [*UNTIL_TRIGGER, Following("a", A1)]


TRIGGER_CALLS: list[Call] = [(0, "connect"), (0, "resolve a"), (0, "trigger a")]


def phase(phase: Phase, target: str = "a", stage: Stage = Stage.DEPLOYMENT) -> PhaseChanged:
    return PhaseChanged(target, phase, "", stage=stage)


UNCONFIRMED = replace(A1, certainty=Certainty.UNCONFIRMED)


TRIGGER_LOST: list[Event] = [*UNTIL_TRIGGER, TriggerUncertain("a", "the response timed out")]


SIGNAL_AT_2 = [(2.0, "SIGTERM")]


INTERRUPTED: list[Event] = [
    InterruptReceived("SIGTERM"),
    TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
]


QUEUE_FULL = replace(ABSENT, stable_for=2, reason="full queue")


HEALTH = Handle("a", "", condition="healthy")


DONE_WITH_HEALTH = replace(DONE, health_check=HEALTH)


BOTH_MEMBERS = (GroupMember(Target("a"), A1), GroupMember(Target("b"), B1))


ONE_UNNAMED = (GroupMember(Target("a"), A1), GroupMember(Target("b")))


UNTIL_GROUP_TRIGGER: list[Event] = [CONNECTED, *resolved_and_triggered("t")]


GROUP_CALLS: list[Call] = [(0, "connect"), (0, "resolve t"), (0, "trigger t")]


def expanded(*targets: str, gone: bool = True) -> GroupExpanded:
    return GroupExpanded("t", tuple(Target(target) for target in targets), gone=gone)


def followed(target: str) -> list[Event]:
    return [TargetResolved(Target(target)), Following(target, Handle(target, f"{target}-1"))]


MAYBE_PHANTOM = replace(A1, certainty=Certainty.POSSIBLY_PHANTOM)


GRANTED = Ability("read", purpose="to follow a deployment", granted=True, needed=True)


MISSING = tuple(
    Ability(name, purpose=purpose, granted=False, needed=True, remedy=f"Make one that has {name}")
    for name, purpose in (("deploy", "to deploy"), ("read:sensitive", "to show logs"))
)


DURATIONS = st.sampled_from([TICK, TICK, 0.4, 3])


ERRORS = st.sampled_from([NO_CONNECTION, SERVER_503, LOST_RESPONSE, REVOKED, RefusedError("no")])


def replies(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Reply]]:
    return st.lists(st.builds(Reply, values | ERRORS, takes=DURATIONS), min_size=1, max_size=4)


def assert_triggered_once(
    target: str, result: RunResult, results: list[Any], timeout: float, by: str = "trigger"
) -> None:
    """Check that nothing is started twice.

    A trigger follows another one only if that one certainly started nothing, or, once, if the deployment
    that it led to was cancelled or did not exist.
    """
    calls = [
        (time, call, reply)
        for (time, call), reply in zip(result.calls, results, strict=True)
        if target in call.split()[1:]
    ]
    calls = group_trigger(target, result, results) + calls
    polls = [
        (time, reply)
        for (time, call), reply in zip(result.calls, results, strict=True)
        if call == f"poll {target}-p"
    ]
    triggers = [number for number, (_, call, _) in enumerate(calls) if call.startswith(by)]
    repeated = 0
    for earlier, later in itertools.pairwise(triggers):
        start, _, reply = calls[earlier]
        searches = [each for _, call, each in calls[earlier:later] if call.startswith("find")]
        polled = [poll for time, poll in polls if start <= time <= calls[later][0]]
        full = isinstance(reply, Started) and any(
            handle.certainty is Certainty.UNCONFIRMED for handle in reply.handles
        )
        nothing_started = (
            isinstance(reply, RetryLater)
            or (isinstance(reply, UnavailableError) and not reply.may_have_arrived)
            or searches[-2:] == [None, None]
        )
        nothing_started |= full and all(
            isinstance(poll, BaseException) or poll.phase is Phase.ABSENT for poll in polled
        )
        repeated += not nothing_started
    assert repeated <= 1
    assert all(calls[number][0] <= calls[triggers[0]][0] + timeout + 12 for number in triggers), (
        "a last attempt, after the calls of other targets"
    )


def group_trigger(target: str, result: RunResult, results: list[Any]) -> list[tuple[float, str, Any]]:
    """Return the group's trigger as the first one of a member, unless it certainly left that member out."""
    started = [time for time, call in result.calls if call == "trigger b"]
    for call, reply in zip(result.sent, results, strict=True):
        group = call in {"trigger b", "find b"} and isinstance(reply, GroupStarted)
        for member in reply.members if group else ():
            if member.target.id == target != "a":
                outcome = Started((member.handle,)) if member.handle else LOST_RESPONSE
                return [(started[0], f"trigger {target}", outcome)]
    return []
