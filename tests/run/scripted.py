"""A run against a scripted provider: what is told, what is sent, and how it ends."""

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
from tests.fakes import BEGINNING, TICK, Act, FakeClock, Scripted

Script = Mapping[str, Sequence[Any]]


Call = tuple[float, str]


QUEUED, RUNNING, DONE, BROKEN = (
    Snapshot(phase) for phase in (Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED)
)


CANCELLED, GONE = Snapshot(Phase.CANCELLED), Snapshot(Phase.ABSENT)


A1, A2, A3, B1, C1 = (Handle(name[0], name) for name in ("a-1", "a-2", "a-3", "b-1", "c-1"))


PARIS, BERLIN = (Handle("a", name, server=server) for name, server in (("a-2", "paris"), ("a-3", "berlin")))


ADOPTED = Handle("a", "a-1", owner=Owner.OTHERS)


UNSURE = Handle("a", "a-1", owner=Owner.UNSURE)


PHANTOM = Handle("a", "", Certainty.PHANTOM)


REACHED = Connected("Fake 1")


GOES_ON = "the deployment continues on the server, but its status can't be read any more: "


SPOKEN = UnavailableError("HTTP 503", may_have_arrived=True, from_server=True)


NO_LINE = UnavailableError("no connection")


LOST_ANSWER = UnavailableError("the response timed out", may_have_arrived=True)


OWN_FAILURE = UnavailableError(
    "it failed (Whoops)", may_have_arrived=True, from_server=True, server_error="Whoops"
)


GATEWAY = UnavailableError("HTTP 403: a page", may_have_arrived=True, from_gateway=True)


REVOKED = RefusedError("the token is revoked", token_wide=True)


NOTHING = "no deployment of it was found"


STOPPED_BY = "the job was stopped (SIGTERM)"


SITE = "https://a.example.com"


LATE = "it was still being built or started"


IN_PARIS, IN_BERLIN = (f"on the additional server {server}: " for server in ("paris", "berlin"))


@dataclass(frozen=True)
class Tale:
    """What came of one run. `waits` is how often it told that nothing happens; those events are in no list."""

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


def tell(  # noqa: PLR0913 -- the knobs of one run, each given by name
    script: Script | None = None,
    *,
    targets: tuple[str, ...] = ("a",),
    signals: Iterable[tuple[float, str]] = (),
    signal_at: Event | None = None,
    nth: int = 1,
    remaining: int | None = None,
    visits: bool = False,
    **plan: Any,
) -> Tale:
    """One run, and what holds for every one. `signal_at`: SIGTERM comes while this event is told for the nth time.

    `visits`: a site must answer.
    """
    clock = FakeClock(signals)
    provider = Scripted(script or {}, clock, remaining=remaining)
    events: list[Event] = []
    stops: list[float] = []
    after: list[float] = []

    def report(event: Event) -> None:
        events.append(event)
        if event == signal_at and events.count(event) == nth:
            clock.signal("SIGTERM")
        if isinstance(event, InterruptReceived):
            stops.append(clock.real() - clock.since_stop() - BEGINNING)
            after.append(clock.since_stop())

    whole = Plan(targets, **plan)
    outcome = run(whole, provider, report, clock, provider.visit if visits else None)
    tale = Tale(
        outcome,
        [event for event in events if not isinstance(event, Idle)],
        provider.calls,
        events.count(Idle()),
    )
    holds_always(tale, whole)
    assert all(seconds <= 2 for seconds in after), "no act gets more than two seconds more"
    assert all(time < stops[0] + 5 for time, _ in tale.calls if stops), (
        "five seconds after the signal nothing more is sent"
    )
    return tale


def holds_always(tale: Tale, plan: Plan) -> None:
    """Architecture, rule 6, that what is not ours is not touched, and that nothing is when nothing is to be changed."""
    splits = [event for event in tale.events if isinstance(event, GroupExpanded)]
    gone = {event.target for event in splits if event.gone}
    for target in {*plan.targets, *(part.id for event in splits for part in event.members)} - gone:
        run = [event for event in tale.events if getattr(event, "target", None) == target]
        assert [type(event) for event in run].count(TargetFinished) == 1, "every story ends once"
        assert isinstance(run[-1], TargetFinished), "nothing is told of a story that is over"
    for target in gone:
        assert isinstance(
            [event for event in tale.events if getattr(event, "target", None) == target][-1], GroupExpanded
        )
    assert tale.outcome is Outcome.worst([event.outcome for event in tale.ends()])
    adopted = {
        event.handle.id for event in tale.events if isinstance(event, Following) and event.handle.adopted
    }
    asked = plan.changes and plan.command is Command.CANCEL
    cancels = [
        call.split()[1]
        for call in tale.sent
        if call.startswith("cancel ") and ("within" in call or not asked)
    ]
    assert not adopted & set(cancels)
    back = {
        event.handle.id
        for event in tale.events
        if isinstance(event, Following) and event.stage is Stage.ROLLBACK
    }
    assert not back & set(cancels), "what puts something back is never cancelled"
    assert not cancels or plan.command is not Command.ROLLBACK
    undone = {call.split()[1] for call in tale.sent if call.startswith("undo")}
    assert (
        undone <= {event.target for event in tale.events if isinstance(event, RollingBack)}
        if plan.rollback
        else not undone
    )
    assert plan.changes or not [
        call for call in tale.sent if call.startswith(("start", "undo", "find", "look", "cancel"))
    ]


def begun(target: str) -> list[Event]:
    return [TargetResolved(Target(target)), Triggering(target)]


OPENING: list[Event] = [REACHED, *begun("a")]


FOLLOWED: list[Event] = [*OPENING, Following("a", A1)]


UNTIL_START: list[Call] = [(0, "reach"), (0, "check a"), (0, "start a")]


def phase(phase: Phase, target: str = "a", stage: Stage = Stage.DEPLOYMENT) -> PhaseChanged:
    return PhaseChanged(target, phase, "", stage=stage)


DOUBTFUL = replace(A1, certainty=Certainty.UNCONFIRMED)


IN_DOUBT: list[Event] = [*OPENING, TriggerUncertain("a", "the response timed out")]


SIGNAL_AT_2 = [(2.0, "SIGTERM")]


FAREWELL: list[Event] = [InterruptReceived("SIGTERM"), TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY)]


FULL = replace(GONE, stable_for=2, reason="full queue")


PROOF = Handle("a", "", condition="healthy")


PROVABLE = replace(DONE, health_check=PROOF)


BOTH = (GroupMember(Target("a"), A1), GroupMember(Target("b"), B1))


HALF = (GroupMember(Target("a"), A1), GroupMember(Target("b")))


GROUP: list[Event] = [REACHED, *begun("t")]


GROUP_STARTED: list[Call] = [(0, "reach"), (0, "check t"), (0, "start t")]


def split(*targets: str, gone: bool = True) -> GroupExpanded:
    return GroupExpanded("t", tuple(Target(target) for target in targets), gone=gone)


def followed(target: str) -> list[Event]:
    return [TargetResolved(Target(target)), Following(target, Handle(target, f"{target}-1"))]


PERHAPS = replace(A1, certainty=Certainty.POSSIBLY_PHANTOM)


HELD = Ability("read", purpose="to follow a deployment", granted=True, needed=True)


LACKS = tuple(
    Ability(name, purpose=why, granted=False, needed=True, remedy=f"Make one that has {name}")
    for name, why in (("deploy", "to deploy"), ("read:sensitive", "to show logs"))
)


TAKES = st.sampled_from([TICK, TICK, 0.4, 3])


ERRORS = st.sampled_from([NO_LINE, SPOKEN, LOST_ANSWER, REVOKED, RefusedError("no")])


def rows(answers: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Act]]:
    return st.lists(st.builds(Act, answers | ERRORS, takes=TAKES), min_size=1, max_size=4)


def started_once(target: str, tale: Tale, said: list[Any], timeout: float, by: str = "start") -> None:
    """A trigger follows another one only if that one certainly started nothing, or, once, if what it led to was cancelled or not there."""
    told = [
        (time, call, answer)
        for (time, call), answer in zip(tale.calls, said, strict=True)
        if target in call.split()[1:]
    ]
    told = started_with_its_group(target, tale, said) + told
    looks = [
        (time, answer)
        for (time, call), answer in zip(tale.calls, said, strict=True)
        if call == f"look {target}-p"
    ]
    starts = [number for number, (_, call, _) in enumerate(told) if call.startswith(by)]
    again = 0
    for earlier, later in itertools.pairwise(starts):
        begun, _, answer = told[earlier]
        searches = [each for _, call, each in told[earlier:later] if call.startswith("find")]
        seen = [look for time, look in looks if begun <= time <= told[later][0]]
        full = isinstance(answer, Started) and any(
            handle.certainty is Certainty.UNCONFIRMED for handle in answer.handles
        )
        sure = (
            isinstance(answer, RetryLater)
            or (isinstance(answer, UnavailableError) and not answer.may_have_arrived)
            or searches[-2:] == [None, None]
        )
        sure |= full and all(isinstance(look, BaseException) or look.phase is Phase.ABSENT for look in seen)
        again += not sure
    assert again <= 1
    assert all(told[number][0] <= told[starts[0]][0] + timeout + 12 for number in starts), (
        "a last try, behind the others' calls"
    )


def started_with_its_group(target: str, tale: Tale, said: list[Any]) -> list[tuple[float, str, Any]]:
    """The trigger of the group is the first one of its parts, if it is not known that it left this one out."""
    began = [time for time, call in tale.calls if call == "start b"]
    for call, answer in zip(tale.sent, said, strict=True):
        for part in (
            answer.members if call in {"start b", "find b"} and isinstance(answer, GroupStarted) else ()
        ):
            if part.target.id == target != "a":
                return [
                    (began[0], f"start {target}", Started((part.handle,)) if part.handle else LOST_ANSWER)
                ]
    return []
