"""`command: check` and `dry_run` change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.model import (
    Ability,
    AbilityChecked,
    Command,
    Event,
    Outcome,
    PollFailing,
    RefusedError,
    Target,
    TargetFinished,
    TargetNote,
    TargetResolved,
)
from tests.fakes import Act
from tests.run.scripted import (
    FAREWELL,
    HELD,
    LACKS,
    NO_LINE,
    REACHED,
    REVOKED,
    SIGNAL_AT_2,
    UNTIL_START,
    Call,
    Script,
    Tale,
    tell,
)

UNNEEDED = Ability("write", purpose="to change settings", granted=False)


UNKNOWN_RIGHT = Ability("deploy", purpose="to deploy", granted=None, needed=True)


CHECKED = "everything that this run needs is there; nothing was changed"


DRY = "dry run"


LACKING = "the token lacks deploy and read:sensitive. Make one that has deploy"


@pytest.mark.parametrize(
    ("rights", "plan", "outcome", "reason"),
    [
        pytest.param((HELD, UNNEEDED), {"command": Command.CHECK}, Outcome.FINISHED, CHECKED, id="check"),
        pytest.param(
            (HELD, UNNEEDED),
            {"command": Command.CHECK, "dry_run": True},
            Outcome.FINISHED,
            CHECKED,
            id="a-dry-check-is-a-check",
        ),
        *(
            pytest.param(
                (HELD, UNNEEDED),
                {"command": command, "dry_run": True},
                Outcome.SKIPPED,
                DRY,
                id=f"dry-{command.value}",
            )
            for command in Command
            if command is not Command.CHECK
        ),
        pytest.param(
            (HELD, *LACKS),
            {"command": Command.CHECK},
            Outcome.REFUSED,
            LACKING,
            id="check-and-what-is-needed-is-missing",
        ),
        pytest.param(
            (HELD, *LACKS),
            {"dry_run": True},
            Outcome.REFUSED,
            LACKING,
            id="dry-and-what-is-needed-is-missing",
        ),
        pytest.param(
            (UNKNOWN_RIGHT,),
            {"dry_run": True},
            Outcome.SKIPPED,
            DRY,
            id="what-could-not-be-found-out-is-not-missing",
        ),
        pytest.param((), {"dry_run": True, "wait": False}, Outcome.SKIPPED, DRY, id="without-waiting"),
    ],
)
def test_nothing_is_changed_and_the_rights_are_told_once(
    rights: tuple[Ability, ...], plan: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    script: Script = {
        "rights": [rights],
        "intent a": [("would queue a deployment", "of its branch")],
        "intent b": [("would restart it",)],
    }
    assert tell(script, targets=("a", "b"), **plan) == Tale(
        outcome,
        [
            REACHED,
            TargetResolved(Target("a")),
            TargetResolved(Target("b")),
            *(AbilityChecked(right) for right in rights),
            TargetNote("a", "would queue a deployment"),
            TargetNote("a", "of its branch"),
            TargetFinished("a", outcome, reason),
            TargetNote("b", "would restart it"),
            TargetFinished("b", outcome, reason),
        ],
        [(0, call) for call in ("reach", "check a", "check b", "rights", "intent a", "intent b")],
        0,
    )


@pytest.mark.parametrize(
    ("script", "plan", "told"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param(
            {},
            {"site": "https://x", "answer": "200"},
            ["https://x once it is deployed, until it answers 200"],
            id="as-given",
        ),
        pytest.param(
            {"check a": [Target("a", url="https://a")]},
            {"own_site": True, "answer": "200"},
            ["https://a once it is deployed, until it answers 200"],
            id="its-own",
        ),
        pytest.param(
            {"check a": [Target("a", group=True)]},
            {"own_site": True, "answer": "200"},
            ["its own address once it is deployed, until it answers 200"],
            id="of-each-part-its-own",
        ),
    ],
)
@pytest.mark.parametrize("how", [{"dry_run": True}, {"command": Command.CHECK}], ids=["dry", "check"])
def test_what_would_be_asked_of_its_site_is_said(
    script: Script, plan: dict[str, Any], told: list[str], how: dict[str, Any]
) -> None:
    tale = tell({**script, "rights": [()], "intent a": [("would deploy",)]}, **plan, **how)
    said = [event.text for event in tale.events if isinstance(event, TargetNote)]
    assert said == ["would deploy", *(f"would ask {each}" for each in told)]


def test_an_unknown_target_is_refused_while_the_other_is_examined() -> None:
    tale = tell(
        {"check a": [RefusedError("unknown")], "intent b": [("would restart it",)]},
        targets=("a", "b"),
        dry_run=True,
    )
    assert tale == Tale(
        Outcome.REFUSED,
        [
            REACHED,
            TargetFinished("a", Outcome.REFUSED, "unknown"),
            TargetResolved(Target("b")),
            TargetNote("b", "would restart it"),
            TargetFinished("b", Outcome.SKIPPED, DRY),
        ],
        [(0, call) for call in ("reach", "check a", "check b", "rights", "intent b")],
        0,
    )


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"rights": [NO_LINE, (HELD,)]},
            [
                PollFailing("a", "no connection"),
                AbilityChecked(HELD),
                TargetFinished("a", Outcome.FINISHED, CHECKED),
            ],
            [(0, "rights"), (5, "check a"), (5, "rights"), (5, "intent a")],
            id="rights-that-could-not-be-read-yet",
        ),
        pytest.param(
            {"rights": [(HELD,)], "intent a": [NO_LINE, ("would deploy",)]},
            [
                AbilityChecked(HELD),
                PollFailing("a", "no connection"),
                TargetNote("a", "would deploy"),
                TargetFinished("a", Outcome.FINISHED, CHECKED),
            ],
            [(0, "rights"), (0, "intent a"), (5, "check a"), (5, "intent a")],
            id="they-are-told-once-whatever-comes-after",
        ),
        pytest.param(
            {"rights": [RefusedError("not allowed")]},
            [TargetFinished("a", Outcome.REFUSED, "not allowed")],
            [(0, "rights")],
            id="rights-refused",
        ),
        pytest.param(
            {"intent a": [RefusedError("can't be done")]},
            [TargetFinished("a", Outcome.REFUSED, "can't be done")],
            [(0, "rights"), (0, "intent a")],
            id="intent-refused",
        ),
        pytest.param(
            {"rights": [NO_LINE]},
            [PollFailing("a", "no connection"), TargetFinished("a", Outcome.TIMED_OUT, "no connection")],
            [(0, "rights"), (5, "check a"), (5, "rights"), (7, "check a"), (7, "rights")],
            id="never-found-out",
        ),
        pytest.param({"rights": [Act((), takes=9)]}, FAREWELL, [(0, "rights")], id="a-signal"),
        pytest.param(
            {"intent a": [Act((), takes=9)]}, FAREWELL, [(0, "rights"), (0, "intent a")], id="a-signal-later"
        ),
    ],
)
def test_a_check_that_does_not_go_well(script: Script, events: list[Event], calls: list[Call]) -> None:
    signals = SIGNAL_AT_2 if events is FAREWELL else []
    tale = tell(script, command=Command.CHECK, timeout=7, signals=signals)
    assert tale.events == [REACHED, TargetResolved(Target("a")), *events]
    assert tale.calls == [*UNTIL_START[:2], *calls]


def test_a_revoked_token_is_not_asked_about_the_next_target() -> None:
    tale = tell({"intent a": [REVOKED]}, targets=("a", "b"), command=Command.CHECK)
    assert tale.sent == ["reach", "check a", "check b", "rights", "intent a"]
    assert {event.target: event.outcome for event in tale.ends()} == {
        "a": Outcome.REFUSED,
        "b": Outcome.REFUSED,
    }
