"""Whatever the server and the signals do: the invariants of a run."""

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
from tests.fakes import Act, FakeClock, Scripted
from tests.run.scripted import (
    A1,
    C1,
    DONE,
    GONE,
    HELD,
    LACKS,
    OWN_FAILURE,
    REVOKED,
    RUNNING,
    SITE,
    TAKES,
    Script,
    Tale,
    holds_always,
    rows,
    started_once,
)

HOLDS = st.sampled_from([0, 10, math.inf])


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
    theirs, proof = replace(two, owner=Owner.OTHERS), Handle(target, "", condition="healthy")
    perhaps = [
        Handle(target, f"{target}-p", trust)
        for trust in (Certainty.UNCONFIRMED, Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM)
    ]
    unsure = replace(one, owner=Owner.UNSURE)
    kinds = [one, replace(one, owner=Owner.OTHERS), *perhaps]
    begins = [
        *(Started((kind,)) for kind in kinds),
        Started(()),
        RetryLater(20, "full"),
        Rejected("no"),
        AlreadyDone("so already"),
        OWN_FAILURE,
        *groups,
    ]
    backs = [
        Started((Handle(target, f"{target}-back"),)),
        *(Started((each,)) for each in perhaps[1:]),
        RetryLater(20, "full"),
        Rejected("no"),
        OWN_FAILURE,
    ]
    finds = [None, None, Started((one,)), Started((unsure,)), AccessDenied("blind"), *groups]
    seen = st.builds(Snapshot, st.sampled_from(Phase), stable_for=HOLDS)
    onward = [
        replace(DONE, follow_ups=(two,)),
        Snapshot(Phase.UNVERIFIED, follow_ups=(two, three), health_check=proof),
        replace(DONE, health_check=proof),
    ]
    looks = rows(seen | st.sampled_from(onward))
    cancels = rows(st.just("cancelled"))
    return st.fixed_dictionaries(
        {
            f"check {target}": rows(st.sampled_from([Target(target, url=SITE), Target(target)])),
            f"start {target}": rows(st.sampled_from(begins)),
            f"undo {target}": rows(st.sampled_from(backs)),
            f"look {target}-back": looks,
            f"find {target}": rows(st.sampled_from(finds)),
            f"look {target}-p": rows(
                st.sampled_from([GONE, GONE, replace(GONE, follow_ups=(theirs,)), RUNNING, DONE])
            ),
            **{f"look {target}-{number}": looks for number in (1, 2, 3)},
            f"look {target}:healthy": rows(
                st.builds(Snapshot, st.sampled_from(Phase), stable_for=HOLDS, final=st.booleans())
            ),
            f"going {target}": rows(
                st.sampled_from([(), (theirs,), (theirs, replace(three, owner=Owner.OTHERS))])
            ),
            **{f"cancel {target}-{number}": cancels for number in (1, 2, 3, "p")},
            f"intent {target}": rows(st.just(("would start it",))),
            f"prepare {target}": rows(st.just(Changes(("image: 1 → 2",)))),
            f"altered {target}": st.just([("image: 1 → 2",)]),
        },
    )


SITES = st.lists(
    st.builds(
        Act,
        st.builds(
            Snapshot,
            st.sampled_from([Phase.SUCCEEDED, Phase.RUNNING]),
            stable_for=st.just(1),
            shows_failure=st.booleans(),
        ),
        takes=TAKES,
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
    rights=rows(st.sampled_from([(HELD,), LACKS])),
    signals=st.lists(st.tuples(st.sampled_from([0, 0.2, 1.5, 7, 30, 61]), st.just("SIGTERM")), max_size=2),
    plan=PLANS,
    sites=SITES,
    visits=st.booleans(),
)
def test_whatever_happens_the_run_ends_and_sends_nothing_twice(  # noqa: PLR0913, PLR0917 -- what may happen
    one: Script,
    two: Script,
    three: Script,
    rights: list[Act],
    signals: list[tuple[float, str]],
    plan: Plan,
    sites: list[Act],
    visits: bool,
) -> None:
    clock = FakeClock(signals)
    plan = replace(plan, own_site=plan.own_site and visits)
    provider = Scripted(
        {**one, **two, **three, "rights": rights, f"visit {SITE}": sites, "visit ": sites}, clock
    )
    events: list[Event] = []
    outcome = run(plan, provider, events.append, clock, provider.visit if visits else None)
    tale = Tale(outcome, events, provider.calls, 0)
    holds_always(tale, plan)
    assert visits or not [call for call in tale.sent if call.startswith("visit")]
    assert (outcome is Outcome.INTERRUPTED) <= bool(signals)
    for target in "abc":
        started_once(target, tale, provider.said, plan.timeout)
        started_once(target, tale, provider.said, plan.timeout, by="undo")
    revoked = [
        answer is REVOKED and "within" not in call
        for (_, call), answer in zip(tale.calls, provider.said, strict=True)
    ]
    assert True not in revoked[:-1] or all(
        "within" in call or call.startswith(("cancel", "visit"))
        for call in tale.sent[revoked.index(True) + 1 :]
    )
