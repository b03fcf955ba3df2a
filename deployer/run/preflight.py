"""`command: check` and `dry_run`: what the token may do, and whether that is enough. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model import AbilityChecked, Command, Outcome, Plan
from deployer.run.target_run import RunContext


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """The verdict for all targets, as far as the token decides it."""

    outcome: Outcome
    reason: str = ""


def check_abilities(context: RunContext) -> PreflightResult:
    """Report every ability, and whether a required one is missing."""
    abilities = context.provider.abilities()
    for ability in abilities:
        context.report(AbilityChecked(ability))
    missing = [each for each in abilities if each.needed and each.granted is False]
    if missing:
        names = " and ".join(each.name for each in missing)
        return PreflightResult(Outcome.REFUSED, f"the token lacks {names}. {missing[0].remedy}")
    if context.plan.command is Command.CHECK:
        return PreflightResult(
            Outcome.FINISHED, "everything that this run needs is available; nothing was changed"
        )
    return PreflightResult(Outcome.SKIPPED, "dry run")


def describe_checks(plan: Plan, own: str) -> tuple[str, ...]:
    """PURE. How a target's site would be verified, as sentences. `own`: its own URL, if known."""
    if not plan.answer:
        return ()
    url = (own or "its own address") if plan.own_site else plan.site
    return (f"after the deployment, would verify that {url} responds with {plan.answer}",)
