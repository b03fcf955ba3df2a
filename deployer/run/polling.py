"""Polls what is watched: one by one, or many deployments with one request."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.model import (
    AccessDenied,
    Handle,
    Observation,
    PollFailed,
    RefusedError,
    Stage,
    TargetWarning,
    UnavailableError,
)
from deployer.model.outcome import Phase
from deployer.pace import poll_delay
from deployer.run.target_run import RunContext, Step, TargetRun
from deployer.watch import Watch, observe

MIN_LISTED = 3
"""From so many deployments on, they are polled with one request for all that are active."""

ROUND_SECONDS = 2.5
"""The shortest time between two such requests."""

LISTED_STAGES = (Stage.DEPLOYMENT, Stage.ADDITIONAL_SERVERS, Stage.ROLLBACK)
ACTIVE_PHASES = (None, Phase.QUEUED, Phase.RUNNING)
SLOWER = (
    "`poll_interval` can't be kept: all targets together are polled at most {} times a minute. "
    "Increase it, or deploy fewer targets in one run"
)


class Polling:
    """Polls the watches of a run, and sets when each is polled next."""

    def __init__(self, context: RunContext, runs: list[TargetRun]) -> None:
        self._context = context
        self._runs = runs
        self.token_rejected = ""
        """Why the token was rejected; empty as long as it was not."""
        self._lists = True
        """The platform can list the active deployments."""
        self._unlisted: set[Handle] = set()
        """Deployments that such a list did not show: they have ended, or their log is not in it."""
        self._next_round = 0.0
        self._ended_servers: list[str] = []
        self._warned = False

    def poll_due(self, run: TargetRun) -> None:
        """Poll each watch of a target that is due, or all active deployments at once."""
        clock = self._context.clock
        for index, watch in enumerate(run.watches):
            if watch.result is not None or run.next_polls[index] > clock.now():
                continue
            if self.together and (run, index) in self._active() and self._poll_together():
                return
            self._poll(run, index)
            if self.token_rejected and not run.checks_site:
                return

    def take_ended_servers(self) -> list[str]:
        """The servers on which deployments were seen to end since the last call."""
        ended, self._ended_servers = self._ended_servers, []
        return ended

    def warn_if_slower(self, run: TargetRun, ready_at: float) -> None:
        """Warn once if the request budget does not allow the interval that the user set."""
        fixed = self._context.plan.poll_interval
        if fixed and not self._warned and run.step is Step.WATCH and ready_at - run.due > fixed:
            self._warned = True
            limit = self._context.provider.budget.per_minute
            self._context.report(TargetWarning(run.target, SLOWER.format(f"{limit:.0f}")))

    # --- many

    @property
    def together(self) -> bool:
        """Whether one request polls all active deployments."""
        return self._lists and len(list(self._active())) >= MIN_LISTED

    def _active(self) -> Iterator[tuple[TargetRun, int]]:
        """The watches of deployments that a list of the active ones may show."""
        for run in self._runs:
            if run.step is Step.WATCH and run.stage in LISTED_STAGES:
                for index, watch in enumerate(run.watches):
                    handle = watch.handle
                    known = handle.id and not handle.condition and handle not in self._unlisted
                    if known and watch.result is None and watch.phase in ACTIVE_PHASES:
                        yield run, index

    def _poll_together(self) -> bool:
        """Poll all active deployments with one request.

        Returns False if they must be polled one by one.
        """
        clock, active = self._context.clock, list(self._active())
        if clock.now() < self._next_round:
            for run, index in active:
                self._set_next(run, index, max(run.next_polls[index], self._next_round))
            return True
        handles = tuple(run.watches[index].handle for run, index in active)
        began = clock.real()
        error: Observation | None = None
        found = None
        try:
            with clock.interruptible():
                found = self._context.provider.poll_active(handles)
        except RefusedError as refused:
            self._reject(refused)
            error = AccessDenied(refused.reason)
        except UnavailableError as failed:
            error = PollFailed(failed.reason, failed.retry_after)
        if found is None and error is None:
            self._lists = False
            return False
        cost = clock.real() - began
        self._next_round = clock.now() + ROUND_SECONDS
        for run, index in active:
            handle = run.watches[index].handle
            observation = error or (found or {}).get(handle)
            if observation is None:
                self._unlisted.add(handle)
                self._set_next(run, index, clock.now())
            else:
                self._observed(run, index, observation, cost)
        return True

    def _set_next(self, run: TargetRun, index: int, moment: float) -> None:
        run.next_polls[index] = moment
        run.due = run.next_poll

    # --- one

    def _poll(self, run: TargetRun, index: int) -> None:
        clock = self._context.clock
        began = clock.real()
        with clock.interruptible():
            observation = self._observe(run, run.watches[index])
        self._observed(run, index, observation, clock.real() - began)

    def _observe(self, run: TargetRun, watch: Watch) -> Observation:
        if watch.stage is Stage.VERIFY and self._context.check_site:
            return self._context.check_site(run.site_url)
        try:
            return self._context.provider.poll(watch.handle)
        except RefusedError as error:
            self._reject(error)
            return AccessDenied(error.reason)
        except UnavailableError as error:
            return PollFailed(error.reason, error.retry_after)

    def _reject(self, error: RefusedError) -> None:
        self.token_rejected = self.token_rejected or (error.reason if error.token_wide else "")

    def _observed(self, run: TargetRun, index: int, observation: Observation, cost: float) -> None:
        """Add what was seen to the watch. `cost`: real seconds that the request took."""
        now = self._context.clock.now()
        watch, events = observe(run.watches[index], observation, now)
        run.watches[index] = watch
        delay = poll_delay(watch, now, fixed=self._context.plan.poll_interval, cost=cost)
        self._set_next(run, index, now + delay)
        for event in events:
            self._context.report(event)
        if watch.result is not None and watch.handle.id:
            server = watch.last_snapshot.server if watch.last_snapshot else ""
            self._ended_servers.append(server or run.server)
