"""The loop: starts each target, looks at each in turn, and stops what it started when it must."""

from deployer.model import Clock, Outcome, Plan
from deployer.providers.contract import Provider
from deployer.run.loop import Run
from deployer.run.story import Report, Scene


def run(plan: Plan, provider: Provider, report: Report, clock: Clock) -> Outcome:
    """Do what the plan says; the worst target's outcome."""
    return Run(Scene(plan, provider, report, clock)).outcome()
