"""The invariants of a run, whatever the server does and whenever signals come."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.model import (
    AccessDenied,
    AlreadyDone,
    Certainty,
    Changes,
    Command,
    Event,
    GroupMember,
    GroupStarted,
    Handle,
    Outcome,
    Owner,
    Phase,
    Plan,
    Rejected,
    RetryLater,
    Snapshot,
    Started,
    Target,
)
from deployer.run import run
from tests.fakes import FakeClock, Reply, Scripted
from tests.run.scripted import (
    A1,
    ABSENT,
    C1,
    DONE,
    DURATIONS,
    GRANTED,
    MISSING,
    REVOKED,
    RUNNING,
    SERVER_ERROR,
    SITE,
    RunResult,
    Script,
    assert_invariants,
    assert_triggered_once,
    replies,
)

STABLE_FOR = st.sampled_from([0, 10, math.inf])


GROUPS = (
    GroupStarted((GroupMember(Target("c"), C1),)),
    GroupStarted((GroupMember(Target("c"), replace(C1, owner=Owner.OTHERS)),)),
    GroupStarted(
        (
            GroupMember(Target("c"), Handle("c", "c-p", Certainty.POSSIBLY_PHANTOM)),
            GroupMember(Target("a"), A1),
        ),
        "one more",
    ),
    GroupStarted((GroupMember(Target("c")),), "and perhaps more", Outcome.LOST),
    GroupStarted((), "nothing that can be followed"),
)


def scripts(target: str, *groups: GroupStarted) -> st.SearchStrategy[dict[str, list[Any]]]:
    one, two, three = (Handle(target, f"{target}-{number}") for number in (1, 2, 3))
    others, health = replace(two, owner=Owner.OTHERS), Handle(target, "", condition="healthy")
    uncertain = [
        Handle(target, f"{target}-p", certainty)
        for certainty in (Certainty.UNCONFIRMED, Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM)
    ]
    unsure = replace(one, owner=Owner.UNSURE)
    kinds = [one, replace(one, owner=Owner.OTHERS), *uncertain]
    trigger_replies = [
        *(Started((kind,)) for kind in kinds),
        Started(()),
        RetryLater(20, "full"),
        Rejected("no"),
        AlreadyDone("already running"),
        SERVER_ERROR,
        *groups,
    ]
    rollback_replies = [
        Started((Handle(target, f"{target}-rollback"),)),
        *(Started((each,)) for each in uncertain[1:]),
        RetryLater(20, "full"),
        Rejected("no"),
        SERVER_ERROR,
    ]
    find_replies = [None, None, Started((one,)), Started((unsure,)), AccessDenied("blind"), *groups]
    snapshots = st.builds(Snapshot, st.sampled_from(Phase), stable_for=STABLE_FOR)
    followed_up = [
        replace(DONE, follow_ups=(two,)),
        Snapshot(Phase.UNVERIFIED, follow_ups=(two, three), health_check=health),
        replace(DONE, health_check=health),
    ]
    polls = replies(snapshots | st.sampled_from(followed_up))
    cancels = replies(st.just("cancelled"))
    return st.fixed_dictionaries(
        {
            f"resolve {target}": replies(st.sampled_from([Target(target, url=SITE), Target(target)])),
            f"trigger {target}": replies(st.sampled_from(trigger_replies)),
            f"rollback {target}": replies(st.sampled_from(rollback_replies)),
            f"poll {target}-rollback": polls,
            f"find {target}": replies(st.sampled_from(find_replies)),
            f"poll {target}-p": replies(
                st.sampled_from([ABSENT, ABSENT, replace(ABSENT, follow_ups=(others,)), RUNNING, DONE])
            ),
            **{f"poll {target}-{number}": polls for number in (1, 2, 3)},
            f"poll {target}:healthy": replies(
                st.builds(Snapshot, st.sampled_from(Phase), stable_for=STABLE_FOR, final=st.booleans())
            ),
            f"active {target}": replies(
                st.sampled_from([(), (others,), (others, replace(three, owner=Owner.OTHERS))])
            ),
            **{f"cancel {target}-{number}": cancels for number in (1, 2, 3, "p")},
            f"describe {target}": replies(st.just(("would start it",))),
            f"change {target}": replies(st.just(Changes(("image: 1 → 2",)))),
            f"changed {target}": st.just([("image: 1 → 2",)]),
        },
    )


SITE_REPLIES = st.lists(
    st.builds(
        Reply,
        st.builds(
            Snapshot,
            st.sampled_from([Phase.SUCCEEDED, Phase.RUNNING]),
            stable_for=st.just(1),
            shows_failure=st.booleans(),
        ),
        takes=DURATIONS,
    ),
    min_size=1,
    max_size=4,
)


PLANS = st.builds(
    Plan,
    st.just(("a", "b")),
    command=st.sampled_from(
        [Command.DEPLOY, Command.DEPLOY, Command.DEPLOY, Command.ROLLBACK, Command.CANCEL, Command.CHECK]
    ),
    rollback=st.booleans(),
    dry_run=st.sampled_from([False, False, False, True]),
    timeout=st.sampled_from([60, 150]),
    has_changes=st.booleans(),
    own_site=st.booleans(),
    wait=st.sampled_from([True, True, True, False]),
    strict=st.booleans(),
    cancel_on_timeout=st.booleans(),
)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(
    one=scripts("a"),
    two=scripts("b", *GROUPS),
    three=scripts("c"),
    abilities=replies(st.sampled_from([(GRANTED,), MISSING])),
    signals=st.lists(st.tuples(st.sampled_from([0, 0.2, 1.5, 7, 30, 61]), st.just("SIGTERM")), max_size=2),
    plan=PLANS,
    sites=SITE_REPLIES,
    visits=st.booleans(),
)
def test_any_run_ends_and_triggers_nothing_twice(  # noqa: PLR0913, PLR0917 -- what may happen
    one: Script,
    two: Script,
    three: Script,
    abilities: list[Reply],
    signals: list[tuple[float, str]],
    plan: Plan,
    sites: list[Reply],
    visits: bool,
) -> None:
    clock = FakeClock(signals)
    plan = replace(plan, own_site=plan.own_site and visits)
    provider = Scripted(
        {**one, **two, **three, "abilities": abilities, f"visit {SITE}": sites, "visit ": sites}, clock
    )
    events: list[Event] = []
    outcome = run(plan, provider, events.append, clock, provider.visit if visits else None)
    result = RunResult(outcome, events, provider.calls, 0)
    assert_invariants(result, plan)
    assert visits or not [call for call in result.sent if call.startswith("visit")]
    assert (outcome is Outcome.INTERRUPTED) <= bool(signals)
    for target in "abc":
        assert_triggered_once(target, result, provider.results, plan.timeout)
        assert_triggered_once(target, result, provider.results, plan.timeout, by="rollback")
    revoked = [
        reply is REVOKED and "within" not in call
        for (_, call), reply in zip(result.calls, provider.results, strict=True)
    ]
    assert True not in revoked[:-1] or all(
        "within" in call or call.startswith(("cancel", "visit"))
        for call in result.sent[revoked.index(True) + 1 :]
    )
