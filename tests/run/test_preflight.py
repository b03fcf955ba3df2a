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
from tests.fakes import Reply
from tests.run.scripted import (
    CONNECTED,
    GRANTED,
    INTERRUPTED,
    MISSING,
    NO_CONNECTION,
    REVOKED,
    SIGNAL_AT_2,
    TRIGGER_CALLS,
    Call,
    RunResult,
    Script,
    run_script,
)

UNNEEDED = Ability("write", purpose="to change settings", granted=False)


UNKNOWN_ABILITY = Ability("deploy", purpose="to deploy", granted=None, needed=True)


CHECKED = "everything that this run needs is available; nothing was changed"


DRY = "dry run"


LACKING = "the token lacks deploy and read:sensitive. Make one that has deploy"


@pytest.mark.parametrize(
    ("abilities", "plan", "outcome", "reason"),
    [
        pytest.param((GRANTED, UNNEEDED), {"command": Command.CHECK}, Outcome.FINISHED, CHECKED, id="check"),
        pytest.param(
            (GRANTED, UNNEEDED),
            {"command": Command.CHECK, "dry_run": True},
            Outcome.FINISHED,
            CHECKED,
            id="dry-run-of-check",
        ),
        *(
            pytest.param(
                (GRANTED, UNNEEDED),
                {"command": command, "dry_run": True},
                Outcome.SKIPPED,
                DRY,
                id=f"dry-{command.value}",
            )
            for command in Command
            if command is not Command.CHECK
        ),
        pytest.param(
            (GRANTED, *MISSING),
            {"command": Command.CHECK},
            Outcome.REFUSED,
            LACKING,
            id="check-with-missing-abilities",
        ),
        pytest.param(
            (GRANTED, *MISSING),
            {"dry_run": True},
            Outcome.REFUSED,
            LACKING,
            id="dry-run-with-missing-abilities",
        ),
        pytest.param(
            (UNKNOWN_ABILITY,),
            {"dry_run": True},
            Outcome.SKIPPED,
            DRY,
            id="unknown-ability-is-not-missing",
        ),
        pytest.param((), {"dry_run": True, "wait": False}, Outcome.SKIPPED, DRY, id="wait-false"),
    ],
)
def test_nothing_is_changed_and_abilities_are_reported_once(
    abilities: tuple[Ability, ...], plan: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    script: Script = {
        "abilities": [abilities],
        "describe a": [("would queue a deployment", "of its branch")],
        "describe b": [("would restart it",)],
    }
    assert run_script(script, targets=("a", "b"), **plan) == RunResult(
        outcome,
        [
            CONNECTED,
            TargetResolved(Target("a")),
            TargetResolved(Target("b")),
            *(AbilityChecked(ability) for ability in abilities),
            TargetNote("a", "would queue a deployment"),
            TargetNote("a", "of its branch"),
            TargetFinished("a", outcome, reason),
            TargetNote("b", "would restart it"),
            TargetFinished("b", outcome, reason),
        ],
        [
            (0, call)
            for call in ("connect", "resolve a", "resolve b", "abilities", "describe a", "describe b")
        ],
        0,
    )


@pytest.mark.parametrize(
    ("script", "plan", "verified"),
    [
        pytest.param({}, {}, [], id="no-site"),
        pytest.param(
            {},
            {"site": "https://x", "answer": "200"},
            ["https://x responds with 200"],
            id="site-input",
        ),
        pytest.param(
            {"resolve a": [Target("a", url="https://a")]},
            {"own_site": True, "answer": "200"},
            ["https://a responds with 200"],
            id="own-site",
        ),
        pytest.param(
            {"resolve a": [Target("a", group=True)]},
            {"own_site": True, "answer": "200"},
            ["its own address responds with 200"],
            id="own-site-of-each-member",
        ),
    ],
)
@pytest.mark.parametrize("plan_extra", [{"dry_run": True}, {"command": Command.CHECK}], ids=["dry", "check"])
def test_the_site_check_is_described(
    script: Script, plan: dict[str, Any], verified: list[str], plan_extra: dict[str, Any]
) -> None:
    result = run_script(
        {**script, "abilities": [()], "describe a": [("would deploy",)]}, **plan, **plan_extra
    )
    notes = [event.text for event in result.events if isinstance(event, TargetNote)]
    assert notes == [
        "would deploy",
        *(f"after the deployment, would verify that {each}" for each in verified),
    ]


def test_an_unknown_target_is_refused_and_the_other_is_checked() -> None:
    result = run_script(
        {"resolve a": [RefusedError("unknown")], "describe b": [("would restart it",)]},
        targets=("a", "b"),
        dry_run=True,
    )
    assert result == RunResult(
        Outcome.REFUSED,
        [
            CONNECTED,
            TargetFinished("a", Outcome.REFUSED, "unknown"),
            TargetResolved(Target("b")),
            TargetNote("b", "would restart it"),
            TargetFinished("b", Outcome.SKIPPED, DRY),
        ],
        [(0, call) for call in ("connect", "resolve a", "resolve b", "abilities", "describe b")],
        0,
    )


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"abilities": [NO_CONNECTION, (GRANTED,)]},
            [
                PollFailing("a", "no connection"),
                AbilityChecked(GRANTED),
                TargetFinished("a", Outcome.FINISHED, CHECKED),
            ],
            [(0, "abilities"), (5, "resolve a"), (5, "abilities"), (5, "describe a")],
            id="abilities-retried",
        ),
        pytest.param(
            {"abilities": [(GRANTED,)], "describe a": [NO_CONNECTION, ("would deploy",)]},
            [
                AbilityChecked(GRANTED),
                PollFailing("a", "no connection"),
                TargetNote("a", "would deploy"),
                TargetFinished("a", Outcome.FINISHED, CHECKED),
            ],
            [(0, "abilities"), (0, "describe a"), (5, "resolve a"), (5, "describe a")],
            id="abilities-reported-once",
        ),
        pytest.param(
            {"abilities": [RefusedError("not allowed")]},
            [TargetFinished("a", Outcome.REFUSED, "not allowed")],
            [(0, "abilities")],
            id="abilities-refused",
        ),
        pytest.param(
            {"describe a": [RefusedError("can't be done")]},
            [TargetFinished("a", Outcome.REFUSED, "can't be done")],
            [(0, "abilities"), (0, "describe a")],
            id="description-refused",
        ),
        pytest.param(
            {"abilities": [NO_CONNECTION]},
            [PollFailing("a", "no connection"), TargetFinished("a", Outcome.TIMED_OUT, "no connection")],
            [(0, "abilities"), (5, "resolve a"), (5, "abilities"), (7, "resolve a"), (7, "abilities")],
            id="abilities-time-out",
        ),
        pytest.param(
            {"abilities": [Reply((), takes=9)]}, INTERRUPTED, [(0, "abilities")], id="signal-during-abilities"
        ),
        pytest.param(
            {"describe a": [Reply((), takes=9)]},
            INTERRUPTED,
            [(0, "abilities"), (0, "describe a")],
            id="signal-during-description",
        ),
    ],
)
def test_a_check_that_fails_or_is_interrupted(script: Script, events: list[Event], calls: list[Call]) -> None:
    signals = SIGNAL_AT_2 if events is INTERRUPTED else []
    result = run_script(script, command=Command.CHECK, timeout=7, signals=signals)
    assert result.events == [CONNECTED, TargetResolved(Target("a")), *events]
    assert result.calls == [*TRIGGER_CALLS[:2], *calls]


def test_after_a_revoked_token_the_next_target_is_not_checked() -> None:
    result = run_script({"describe a": [REVOKED]}, targets=("a", "b"), command=Command.CHECK)
    assert result.sent == ["connect", "resolve a", "resolve b", "abilities", "describe a"]
    assert {event.target: event.outcome for event in result.ends()} == {
        "a": Outcome.REFUSED,
        "b": Outcome.REFUSED,
    }
