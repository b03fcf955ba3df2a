"""The only loop and the only sleep: checks and starts each target, and looks at each in turn.

Which rules hold is decided in watch.py; what is said, in report. Here is only who is asked when, and what a signal may interrupt.
"""

from __future__ import annotations

from deployer import watch as rules
from deployer.model import (
    AccessDenied,
    AlreadyDone,
    CancelResult,
    Certainty,
    Changes,
    Command,
    Following,
    GroupExpanded,
    GroupMember,
    GroupStarted,
    Interrupted,
    Observation,
    Outcome,
    Owner,
    Phase,
    PollFailed,
    PollFailing,
    RefusedError,
    Rejected,
    Retriggering,
    RetryLater,
    RollingBack,
    Stage,
    Started,
    Target,
    TargetNote,
    TargetResolved,
    TargetWarning,
    TriggerDelayed,
    Triggering,
    TriggerResult,
    TriggerUncertain,
    UnavailableError,
)
from deployer.run.cancel import cancel_all, follow_cancelled
from deployer.run.connect import RETRY_SECONDS, connect
from deployer.run.groups import shared_members, split_group
from deployer.run.interrupt import handle_interrupt
from deployer.run.preflight import PreflightResult, check_abilities, describe_checks
from deployer.run.target_run import (
    GRACE_SECONDS,
    RunContext,
    Step,
    TargetRun,
    cancel_deployment,
    for_people,
    is_ours,
    sleep,
    waiting,
)
from deployer.watch import Watch

FIND_RETRY_SECONDS = 5.0
MAX_SERVER_ERRORS = 3
"""Triggers that the server itself breaks at, or that a gateway answers in its place, after which no more is sent."""

FAILED = "the server failed {} times and started nothing: {}"
KEPT_OUT = "{} triggers were answered by a gateway in front of the platform, and no deployment was found: {}. Let POST requests through to its API"
MISSES = 3
"""Looks in a row that fail, after which `wait: false` waits no longer to see whether what was named exists."""

UNCONFIRMED = "could not confirm that the deployment exists: {}"
NO_SITE_URL = "no address of it is known"


def _find_delay(losses: int) -> float:
    """Seconds until the last look for a trigger of which nothing came, after which it is sent again: each time later."""
    return float(min(60, FIND_RETRY_SECONDS * 2 ** max(losses - 1, 0)))


def _next_due(unfinished: list[TargetRun], *, has_changes: bool) -> TargetRun:
    """Who is due first; but nothing is changed before every target was checked."""
    checking = has_changes and any(story.step is Step.RESOLVE for story in unfinished)
    return min(unfinished, key=lambda one: (checking and one.step is Step.CHANGE, one.due))


class Run:
    """One run: the plan, the two edges, the clock, and a story per target."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.plan = context.plan
        self.provider = context.provider
        self.report = context.report
        self.clock = context.clock
        self.runs = [TargetRun(target, context) for target in context.plan.targets]
        for run in self.runs:
            run.peers = self.runs
        self._token_rejected = ""
        self._preflight: PreflightResult | None = None

    def outcome(self) -> Outcome:
        """Every story to its end."""
        try:
            if unreached := connect(self.context):
                for run in self.runs:
                    run.finish(unreached.outcome, unreached.reason)
            else:
                self._run_all()
        except Interrupted as signal:
            handle_interrupt(self.context, self.runs, str(signal))
        return Outcome.worst([story.outcome for story in self.runs if story.outcome])

    # --- the loop

    def _run_all(self) -> None:
        acts = {
            Step.RESOLVE: self._resolve,
            Step.CHANGE: self._apply_changes,
            Step.TRIGGER: self._trigger if self.plan.changes else self._describe,
            Step.CANCEL: self._cancel,
            Step.FIND: self._find,
            Step.WATCH: self._watch,
        }
        while going := self._going():
            run = _next_due(going, has_changes=self.plan.has_changes)
            sleep(self.context, run.due - self.clock.now())
            self.clock.set_deadline(run.time_left)
            acts[run.step](run)
            if self._token_rejected:  # architecture, rule 3: no storm of refused requests
                for other in [story for story in self.runs if not story.checks_site]:
                    self._stop_asking(other)

    def _going(self) -> list[TargetRun]:
        """Those that are not over; what is held ends once no group of this run may deploy it any more."""
        for run in self.runs:
            if run.step is Step.HELD and not run.awaited:
                run.release()
        return [story for story in self.runs if story.step not in {Step.HELD, Step.FINISHED}]

    def _resolve(self, run: TargetRun) -> None:
        try:
            with self.clock.interruptible():
                target = self.provider.resolve(run.target)
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            self._delay(run, error)
        else:
            run.trigger_sent = False
            if target.id != run.target and not self._rename(run, target.id):
                return
            if not run.resolved:
                run.resolved, run.last_problem = True, ""
                self.report(TargetResolved(target))
                run.warn(target.warnings)
            run.site_url, run.group = target.url, target.group
            if self.plan.own_site and not target.url and not target.group and not target.missing:
                run.finish(Outcome.REFUSED, f"`verify_url: auto`: {NO_SITE_URL}. Give the address itself")
            elif self.plan.changes and self.plan.command is Command.CANCEL:
                run.go_to(Step.CANCEL)
            else:
                prepares = self.plan.changes and (
                    self.plan.has_changes or self.plan.rollback
                )  # what a way back needs is known before
                run.go_to(Step.CHANGE if prepares and not run.changes_applied else Step.TRIGGER)

    def _apply_changes(self, run: TargetRun) -> None:
        """What is to be changed before the start. A target that is refused keeps the others from being changed, too."""
        refused = next(
            (
                other.target
                for other in self.runs
                if other.outcome is Outcome.REFUSED and not other.changes_applied
            ),
            "",
        )
        if refused and self.plan.has_changes:
            nothing = (
                "nothing more" if self.provider.changes_made(run.target) else "nothing"
            )  # an answer may have been lost before
            run.finish(Outcome.REFUSED, f"{nothing} was changed, because {refused} was refused")
            return
        doubtful = run.change_in_flight
        try:
            with self.clock.grace(GRACE_SECONDS):
                run.change_in_flight = self.plan.has_changes
                prepared = self.provider.apply_changes(run.target)
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            run.change_in_flight = doubtful or (error.may_have_arrived and self.plan.has_changes)
            self._delay(run, error)
        else:
            run.change_in_flight, run.changes_applied, run.last_problem = False, not prepared.created, ""
            self._changes_applied(run, prepared)

    def _changes_applied(self, run: TargetRun, prepared: Changes) -> None:
        run.pending_changes = prepared.applied if prepared.handles else ()
        run.report_changes(() if prepared.handles else prepared.applied, created=bool(prepared.created))
        for sentence in prepared.unchanged:
            self.report(TargetNote(run.target, sentence))
        for warning in prepared.warnings:
            self.report(TargetWarning(run.target, warning))
        if prepared.created:
            self._rename(run, prepared.created)
        run.go_to(Step.RESOLVE if prepared.created else Step.TRIGGER)
        if prepared.handles:
            self._triggering(run)
            run.watch(Stage.STAGING, prepared.handles)
            for handle in prepared.handles:
                self.report(Following(run.target, handle, stage=Stage.STAGING))

    def _rename(self, run: TargetRun, uuid: str) -> bool:
        """What was named is told and asked for by its own id from here on. Whether nothing else of this run is the same."""
        if any(other.target == uuid for other in self.runs):
            run.finish(Outcome.REFUSED, f"it is {uuid}, which is given, too: give it once")
            return False
        self.report(GroupExpanded(run.target, (Target(uuid),), gone=True))
        run.target, run.resolved = uuid, False
        return True

    def _triggering(self, run: TargetRun) -> None:
        if run.triggered_at is None:
            run.triggered_at = self.clock.now()
            self.report(Triggering(run.target))

    def _trigger(self, run: TargetRun) -> None:
        if run.triggered_at is None:
            self._triggering(run)
        elif run.seconds_left <= 0:  # nothing is started that nobody would wait for
            run.finish(Outcome.TIMED_OUT, run.last_problem or "no time was left to trigger it")
            return
        try:
            with self.clock.grace(GRACE_SECONDS):
                run.trigger_sent = True
                answer = self._send_trigger(run)
                self._remember(run, answer)
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            run.trigger_sent = error.may_have_arrived
            if error.may_have_arrived:
                self._trigger_uncertain(run, error)
            else:
                self._delay(run, error)
        else:
            self._triggered(run, answer)

    def _send_trigger(self, run: TargetRun) -> TriggerResult:
        """The one request that can start anything: the deployment, or the way back from it."""
        if run.failed_with and run.deployment:
            return self.provider.rollback(run.target, run.deployment)
        return self.provider.trigger(run.target)

    def _triggered(self, run: TargetRun, result: TriggerResult) -> None:
        if run.is_rollback:
            run.report_changes(self.provider.changes_made(run.target))
        match result:
            case Rejected(why):
                run.finish(Outcome.REFUSED, why)
            case AlreadyDone(note):
                run.finish(Outcome.FINISHED, note)
            case GroupStarted():
                self._group_started(run, result)
            case RetryLater(seconds, why):
                run.trigger_sent, run.last_problem, run.trigger_uncertain = (
                    False,
                    why,
                    False,
                )  # the server has answered: nothing older is under way
                self._wait_for(run, seconds, why)
            case Started(handles, note):
                run.last_problem, run.trigger_uncertain = "", False
                run.report_changes(run.pending_changes)
                run.pending_changes = ()
                for handle in handles:
                    self.report(Following(run.target, handle, note, run.stage))
                if not handles or not (
                    self.plan.wait or any(handle.certainty is not Certainty.CONFIRMED for handle in handles)
                ):
                    run.finish(Outcome.TRIGGERED, note)

    def _remember(self, run: TargetRun, result: TriggerResult | AccessDenied | None) -> None:
        """What was started is known from here on, whatever a signal does; nothing is said yet."""
        if isinstance(result, Started):
            run.watch(run.triggered_stage, result.handles)
        elif isinstance(result, GroupStarted):
            split_group(self.runs, run, result)

    def _group_started(self, run: TargetRun, result: GroupStarted) -> None:
        """A group's parts go their own ways; the group itself only has an end where something of it can't be followed."""
        gone = bool(result.members) and not result.rest
        mine = {child.target: child for child in run.members}
        parts = [part for part in result.members if part.target.id in mine]
        for part, other in shared_members(self.runs, run, result):
            self._note_shared(run, part, other)
        self.report(GroupExpanded(run.target, tuple(part.target for part in parts), gone=gone))
        for part in parts:
            self.report(TargetResolved(part.target))
            if self.plan.own_site and not part.target.url:
                self.report(
                    TargetWarning(
                        part.target.id, f"`verify_url: auto`: {NO_SITE_URL}, so that nothing is asked"
                    )
                )
            if part.handle:
                self._triggered(mine[part.target.id], Started((part.handle,)))
        if gone:
            self.runs.remove(run)
        else:
            run.finish(result.outcome, result.rest)

    def _note_shared(self, run: TargetRun, member: GroupMember, other: TargetRun) -> None:
        """A second group of this run has deployed the same target."""
        uuid = member.handle.id if member.handle else ""
        watched = [watch.handle.id for watch in other.watches] if other.step is Step.WATCH else []
        if member.handle and watched == [uuid] and (other.trigger_uncertain or other.resumed):
            other.resumed = False
            self._triggered(other, Started((member.handle,)))
        followed = uuid in (*watched, *(handle.id for handle in other.more))
        why = "" if followed else " (not followed: its first deployment was over already)"
        self.report(TargetNote(run.target, f"it has deployed {member.target.label}, too: {uuid}{why}"))

    def _cancel(self, run: TargetRun) -> None:
        """`command: cancel` (see cancel.py)."""
        self._triggering(run)
        try:
            self._token_rejected = cancel_all(self.context, run) or self._token_rejected
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            self._delay(run, error)
        else:
            follow_cancelled(self.context, run)

    # --- nothing is to be changed

    def _describe(self, run: TargetRun) -> None:
        """`command: check` and `dry_run`: what the login may do, once, and what would be done with this target."""
        try:
            with self.clock.interruptible():
                self._preflight = self._preflight or check_abilities(self.context)
                for sentence in (
                    *self.provider.describe(run.target),
                    *describe_checks(self.plan, run.site_url),
                ):
                    self.report(TargetNote(run.target, sentence))
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            self._delay(run, error)
        else:
            run.finish(self._preflight.outcome, self._preflight.reason)

    # --- a trigger whose answer was lost (architecture, rule 7)

    def _trigger_uncertain(self, run: TargetRun, error: UnavailableError) -> None:
        run.trigger_uncertain, run.lost_responses = True, run.lost_responses + 1
        run.server_errors += bool(error.server_error or error.from_gateway)
        run.last_server_error = (KEPT_OUT if error.from_gateway else FAILED).format(
            MAX_SERVER_ERRORS, error.server_error or error.reason
        )
        run.searches, run.last_problem, run.retrigger_reason = 0, error.reason, ""
        self.report(TriggerUncertain(run.target, error.reason))
        run.go_to(Step.FIND, min(error.retry_after, max(run.seconds_left, 0)))

    def _find(self, run: TargetRun) -> None:
        try:
            with self.clock.interruptible():
                found = self.provider.find_triggered(run.target)
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            self._delay(run, error)
        else:
            self._found(run, found)

    def _found(self, run: TargetRun, found: Started | GroupStarted | AccessDenied | None) -> None:
        self._remember(run, found)
        match found:
            case Started() | GroupStarted():
                self._triggered(run, found)
            case AccessDenied(reason):
                run.finish(Outcome.LOST, reason)
            case None if run.searches == 0:
                run.searches = 1
                run.go_to(Step.FIND, min(_find_delay(run.lost_responses), max(run.seconds_left, 0)))
            case None if run.server_errors >= MAX_SERVER_ERRORS:
                run.step, run.trigger_uncertain = (
                    Step.TRIGGER,
                    False,
                )  # the server has answered each time, and there is nothing
                run.finish(Outcome.REFUSED, run.last_server_error)
            case None:
                run.trigger_sent = False
                self._retrigger(run, Step.TRIGGER, "no deployment of it was found")

    # --- waiting

    def _watch(self, run: TargetRun) -> None:
        now = self.clock.now()
        for index, watch in enumerate(run.watches):
            if watch.result is None and run.next_polls[index] <= now:
                self._poll(run, index, watch)
                if self._token_rejected and not run.checks_site:
                    return
        if (
            not self.plan.wait
            and run.stage is not Stage.STAGING
            and all(watch.appeared or watch.failed_polls >= MISSES for watch in run.watches)
        ):
            unseen = next((watch.poll_error for watch in run.watches if not watch.appeared), "")
            run.finish(Outcome.TRIGGERED, UNCONFIRMED.format(unseen) if unseen else "")
            return
        coming = [
            look for look, watch in zip(run.next_polls, run.watches, strict=True) if watch.result is None
        ]
        if coming:
            run.due = min(coming)
        else:
            self._stage_over(run)

    def _poll(self, run: TargetRun, index: int, watch: Watch) -> None:
        with self.clock.interruptible():
            observation = self._observe(run, watch)
        now = self.clock.now()
        run.watches[index], events = rules.observe(watch, observation, now)
        run.next_polls[index] = now + self._poll_delay(run.watches[index], now)
        for event in events:
            self.report(event)

    def _poll_delay(self, watch: Watch, now: float) -> float:
        count = sum(len(story.watches) for story in self.runs if story.step is Step.WATCH)
        return rules.poll_delay(
            watch, now, targets=count, fixed=self.plan.poll_interval, remaining=self.provider.remaining
        )

    def _observe(self, run: TargetRun, watch: Watch) -> Observation:
        if watch.stage is Stage.VERIFY and self.context.check_site:
            return self.context.check_site(run.site_url)
        try:
            return self.provider.poll(watch.handle)
        except RefusedError as error:
            self._token_rejected = self._token_rejected or (error.reason if error.token_wide else "")
            return AccessDenied(error.reason)
        except UnavailableError as error:
            return PollFailed(error.reason, error.retry_after)

    def _stage_over(self, run: TargetRun) -> None:
        watches, over = tuple(run.watches), run.retriggered or run.seconds_left <= 0
        step = rules.next_step(run.stage, watches, repeated=over, so_far=run.so_far, aims=self._checks(run))
        if run.more and isinstance(step, rules.Verdict | rules.RollBack):
            self._follow_more(run, step)
            return
        match step:
            case rules.Retrigger(why):
                run.retriggered, run.watches = True, []
                self._retrigger(run, Step.RESOLVE, why)
            case rules.QueueFull(seconds, why):
                run.watches, run.trigger_sent, run.last_problem = [], False, why
                run.step = Step.TRIGGER
                self._wait_for(run, seconds, why)
            case rules.StartNow():
                run.watches = []
                run.go_to(Step.TRIGGER)
            case rules.NextStage(stage, handles, since, so_far):
                run.so_far = so_far
                run.watch(stage, handles, since)
                for handle in handles:
                    self.report(Following(run.target, handle, stage=stage))
            case rules.RollBack(so_far):
                self._roll_back(run, so_far)
            case rules.Verdict(outcome, reason, _, warning, unseen):
                self._cancel_timed_out(run)
                for sentence in filter(None, (warning, unseen)):
                    self.report(TargetWarning(run.target, sentence))
                run.finish(outcome, reason)

    def _follow_more(self, run: TargetRun, step: rules.Verdict | rules.RollBack) -> None:
        """What another group of this run has deployed of the same target meanwhile."""
        run.so_far = step if isinstance(step, rules.Verdict) else step.so_far
        handles, run.more = run.more, ()
        run.watch(Stage.DEPLOYMENT, handles)
        for handle in handles:
            self.report(Following(run.target, handle))

    def _checks(self, run: TargetRun) -> rules.Checks:
        site = self.context.check_site is not None and (bool(run.site_url) or not self.plan.own_site)
        return rules.Checks(
            strict=self.plan.strict, site=site, rollback=self.plan.rollback and not run.failed_with
        )

    def _roll_back(self, run: TargetRun, so_far: rules.Verdict) -> None:
        """What ran before, but for a deployment that we only follow: that is somebody else's."""
        if self._token_rejected or (run.deployment and run.deployment.adopted):
            whose = (
                "may be somebody else's"
                if run.deployment and run.deployment.owner is Owner.UNSURE
                else "was started by somebody else"
            )
            why = self._token_rejected or f"the deployment {whose}"
            self.report(TargetWarning(run.target, f"not rolled back: {why}"))
            run.finish(so_far.outcome, so_far.reason)
            return
        self.report(RollingBack(run.target, so_far.reason))
        run.start_rollback(so_far)

    def _cancel_timed_out(self, run: TargetRun) -> None:
        """`on_timeout: cancel` stops what we started, unless it is deployed already and only its last command runs."""
        for watch in (
            run.watches if run.stage not in {Stage.HEALTH, Stage.VERIFY} and not run.is_rollback else ()
        ):
            late = watch.result is not None and watch.result.end is rules.End.TIMED_OUT
            if (
                self.plan.cancel_on_timeout
                and late
                and is_ours(watch)
                and watch.phase is not Phase.SUCCEEDED
                and not self._token_rejected
            ):
                with self.clock.grace(GRACE_SECONDS):
                    how, refused = cancel_deployment(self.context, watch)
                    left = waiting(self.context)
                self._token_rejected = refused
                self.report(CancelResult(run.target, for_people(watch), how))
                if left:
                    self.report(TargetWarning(run.target, left))

    # --- small steps

    def _delay(self, run: TargetRun, error: UnavailableError) -> None:
        """The same again later: an outage is waited through until `timeout`."""
        if error.permanent and not run.may_have_started:
            self._deny(run, error.reason)
            return
        if error.reason != run.last_problem:
            run.last_problem = error.reason
            self.report(PollFailing(run.target, error.reason))
        self._wait_for(run, max(error.retry_after, RETRY_SECONDS), "")

    def _wait_for(self, run: TargetRun, seconds: float, reason: str) -> None:
        """The same stage again after so many seconds, as far as `timeout` lets it."""
        run.blocked_since = self.clock.now() if run.blocked_since is None else run.blocked_since
        if run.seconds_left <= 0:
            run.finish(
                Outcome.LOST if run.may_have_started else Outcome.TIMED_OUT, reason or run.last_problem
            )
            return
        seconds = min(seconds, run.seconds_left)
        if reason:
            self.report(TriggerDelayed(run.target, seconds, reason))
        run.go_to(self._before_start(run) if run.step is Step.TRIGGER else run.step, seconds)

    def _before_start(self, run: TargetRun) -> Step:
        """The newest row is read anew, a later one may be somebody else's; but an earlier trigger in doubt is looked for first.

        Source: architecture, rule 7.
        """
        if run.trigger_uncertain:
            run.searches = 1
            return Step.FIND
        return Step.RESOLVE

    def _retrigger(self, run: TargetRun, step: Step, reason: str) -> None:
        """Triggered once more, as far as `timeout` lets it."""
        if run.seconds_left <= 0:
            run.finish(Outcome.TIMED_OUT, run.last_problem or reason)
            return
        if reason != run.retrigger_reason:  # after a full queue the same is looked for every time
            self.report(Retriggering(run.target, reason))
        run.retrigger_reason, run.resolved = reason, False
        run.go_to(step)

    def _refused(self, run: TargetRun, error: RefusedError) -> None:
        self._token_rejected = self._token_rejected or (error.reason if error.token_wide else "")
        self._deny(run, error.reason)

    def _stop_asking(self, run: TargetRun) -> None:
        """Nothing more may be asked: what was seen of a deployment counts, the rest is barred."""
        while (
            run.step is Step.WATCH and not run.checks_site
        ):  # what follows from an end that was seen is barred, too
            observation = AccessDenied(self._token_rejected)
            run.watches = [
                watch if watch.result else rules.observe(watch, observation, 0)[0] for watch in run.watches
            ]
            run.retriggered = True  # no trigger of ours would be taken any more
            self._stage_over(run)
        if not run.checks_site:
            self._deny(run, self._token_rejected)

    def _deny(self, run: TargetRun, reason: str) -> None:
        """Architecture, rule 3: what was never sent is refused; what was sent, or perhaps, is lost."""
        if run.step not in {Step.HELD, Step.FINISHED}:
            run.finish(Outcome.LOST if run.may_have_started else Outcome.REFUSED, reason)
