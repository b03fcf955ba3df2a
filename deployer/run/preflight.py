"""Nothing is changed: `command: check` and `dry_run` find out what the login may do, and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model import AbilityChecked, Command, Outcome, Plan
from deployer.run.target_run import RunContext


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """How every target's story ends, as far as the login decides it."""

    outcome: Outcome
    reason: str = ""


def check_abilities(context: RunContext) -> PreflightResult:
    """Tell every right, and whether one that is needed is missing."""
    rights = context.provider.abilities()
    for right in rights:
        context.report(AbilityChecked(right))
    missing = [right for right in rights if right.needed and right.granted is False]
    if missing:
        names = " and ".join(right.name for right in missing)
        return PreflightResult(Outcome.REFUSED, f"the token lacks {names}. {missing[0].remedy}")
    if context.plan.command is Command.CHECK:
        return PreflightResult(
            Outcome.FINISHED, "everything that this run needs is there; nothing was changed"
        )
    return PreflightResult(Outcome.SKIPPED, "dry run")


def describe_checks(plan: Plan, own: str) -> tuple[str, ...]:
    """PURE. What would be asked of a target's site in the end, if anything. `own`: its own address, as far as it is known."""
    address = (own or "its own address") if plan.own_site else plan.site
    return (
        (f"would ask {address} once it is deployed, until it answers {plan.answer}",) if plan.answer else ()
    )
