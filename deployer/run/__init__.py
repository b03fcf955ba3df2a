"""The loop: triggers each target, polls each in turn, and cancels what it started when it must."""

from collections.abc import Callable

from deployer.model import Clock, Outcome, Plan, Snapshot
from deployer.providers.interface import Provider
from deployer.run.loop import Run
from deployer.run.target_run import Report, RunContext


def run(
    plan: Plan,
    provider: Provider,
    report: Report,
    clock: Clock,
    check_site: Callable[[str], Snapshot] | None = None,
) -> Outcome:
    """Do what the plan says, and return the worst outcome.

    `check_site`: polls a target's site, given its own URL.
    """
    return Run(RunContext(plan, provider, report, clock, check_site)).outcome()
