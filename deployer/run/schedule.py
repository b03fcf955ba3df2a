"""Which target is next, and when: what is due, what the request budget allows, and which queues are full."""

from __future__ import annotations

from deployer.model import Plan, TargetNote
from deployer.providers.interface import Provider
from deployer.run.target_run import Step, TargetRun

MIN_SECONDS_LEFT = 1.0
"""A target that waited for a queue is not triggered any more if less than this is left of its `timeout`."""

WAITS_FOR_QUEUE = "waiting, because the deployment queue of {} is full: {} is triggered first"


class FullQueues:
    """Deployment queues that were full: one target of each server tries again, and the others wait for it."""

    def __init__(self) -> None:
        self._first: dict[str, TargetRun] = {}
        """By the name of the server: the target that tries again."""

    def is_full(self, run: TargetRun) -> None:
        """The trigger of a target met a full queue."""
        self._first[run.server] = run
        run.waits_for_queue = False

    def has_room(self, run: TargetRun, runs: list[TargetRun]) -> None:
        """The target that tries again was accepted, or is over: the next one that waits for it tries."""
        if self._first.get(run.server) is not run:
            return
        del self._first[run.server]
        for other in runs:
            if other.server == run.server and other.seconds_left > MIN_SECONDS_LEFT:
                other.waits_for_queue = False

    def deployment_ended(self, server: str, now: float) -> None:
        """A deployment on this server has ended: its queue may have room."""
        if server and (first := self._first.get(server)):
            first.due = min(first.due, now)

    def must_wait(self, run: TargetRun) -> bool:
        """Whether another target of its server tries first. Reports that once."""
        first = self._first.get(run.server)
        starting = run.resolved and run.step in {Step.RESOLVE, Step.TRIGGER}
        if run.waits_for_queue or first is None or first is run or not starting:
            return run.waits_for_queue
        run.waits_for_queue, run.last_problem = True, first.last_problem
        # A newer deployment may be somebody else's by then (architecture, rule 7).
        run.step = Step.RESOLVE
        if run.triggered_at is None and run.blocked_since is None:
            run.blocked_since = run.context.clock.now()
            place = f"the server {run.server}" if run.server else "its server"
            run.context.report(TargetNote(run.target, WAITS_FOR_QUEUE.format(place, first.target)))
        return True


class Schedule:
    """Chooses the next target."""

    def __init__(self, plan: Plan, provider: Provider) -> None:
        self._plan = plan
        self._budget = provider.budget
        self.queues = FullQueues()

    def next(self, unfinished: list[TargetRun], *, polls_together: bool) -> tuple[TargetRun, float]:
        """The next target, and when its step is done. Nothing is changed before every target is resolved.

        polls_together: one request polls all active deployments.
        """
        self._budget.starting = any(run.step not in {Step.WATCH, Step.CANCEL} for run in unfinished)
        allowed = self._budget.ready_at
        # Changes are made to all targets before the first trigger.
        one_by_one = self._plan.changes and not self._plan.has_changes
        resolving = self._plan.has_changes and any(run.step is Step.RESOLVE for run in unfinished)

        def order(run: TargetRun) -> tuple[bool, float, int, float]:
            too_early = resolving and run.step is Step.CHANGE
            # A target is triggered before the next one is resolved.
            first = one_by_one and run.step in {Step.TRIGGER, Step.CANCEL}
            priority = 0 if first else 1 if polls_together and run.step is Step.WATCH else 2
            return too_early, self._ready_at(run, allowed), priority, run.due

        chosen = min(unfinished, key=order)
        return chosen, self._ready_at(chosen, allowed)

    def _ready_at(self, run: TargetRun, allowed: float) -> float:
        """When the next step of a target can be done: when it is due, and not before the budget allows it."""
        now = run.context.clock.now()
        if self.queues.must_wait(run):
            return now + max(run.seconds_left, 0)
        due = max(run.due, now)
        # A deployment that is looked for may end soon, and is then harder to find.
        if (
            run.step in {Step.TRIGGER, Step.FIND, Step.CANCEL}
            or run.checks_site
            or not self._sends_request(run)
        ):
            return due
        latest = now + max(run.time_left, 0) if run.step is Step.WATCH else due + allowed
        return min(max(due, allowed), max(due, latest))

    def _sends_request(self, run: TargetRun) -> bool:
        """Whether its step sends a request: a watch that has ended is only evaluated."""
        return run.step is not Step.WATCH or any(watch.result is None for watch in run.watches)
