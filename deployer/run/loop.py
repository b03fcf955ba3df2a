"""The loop: resolves, changes, triggers and polls each target in turn, one request at a time.

watch.py decides what a response means, and report/ what is printed. This file decides which request is sent
when, and where a signal may interrupt it.
"""

from __future__ import annotations

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
    Outcome,
    Owner,
    Phase,
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
from deployer.run.polling import Polling
from deployer.run.preflight import PreflightResult, check_abilities, describe_checks
from deployer.run.schedule import Schedule
from deployer.run.target_run import (
    GRACE_SECONDS,
    RunContext,
    Step,
    TargetRun,
    cancel_deployment,
    is_ours,
    shown_handle,
    sleep,
    stuck_deployments,
)
from deployer.watch import (
    Checks,
    End,
    NextStage,
    QueueFull,
    Retrigger,
    RollBack,
    StartNow,
    Verdict,
    next_step,
    observe,
)

FIND_RETRY_SECONDS = 5.0
MAX_SERVER_ERRORS = 3
"""After so many triggers that failed on the server, or were answered by a gateway, no more are sent."""

SERVER_FAILED = "the server failed {} times and started nothing: {}"
GATEWAY_RESPONDED = (
    "{} triggers were answered by a gateway in front of the platform, and no deployment was found: {}. "
    "Let POST requests through to its API"
)
MAX_UNCONFIRMED_POLLS = 3
"""With `wait: false`: after so many failed polls, the deployment is no longer waited for to appear."""

UNCONFIRMED = "could not confirm that the deployment exists: {}"
NO_SITE_URL = "its address is unknown"


def _find_delay(lost_responses: int) -> float:
    """Seconds until the second search for a lost trigger, after which it is sent again; longer each time."""
    return float(min(60, FIND_RETRY_SECONDS * 2 ** max(lost_responses - 1, 0)))


class Run:
    """One run over all targets."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.plan = context.plan
        self.provider = context.provider
        self.report = context.report
        self.clock = context.clock
        self.runs = [TargetRun(target, context) for target in context.plan.targets]
        for run in self.runs:
            run.peers = self.runs
        self._schedule = Schedule(context.plan, context.provider)
        self._polling = Polling(context, self.runs)
        self._token_rejected = ""
        self._preflight: PreflightResult | None = None

    def outcome(self) -> Outcome:
        """Run every target to its end, and return the worst outcome."""
        try:
            if verdict := connect(self.context):
                for run in self.runs:
                    run.finish(verdict.outcome, verdict.reason)
            else:
                self._run_all()
        except Interrupted as signal:
            handle_interrupt(self.context, self.runs, str(signal))
        return Outcome.worst([run.outcome for run in self.runs if run.outcome])

    # --- the loop

    def _run_all(self) -> None:
        steps = {
            Step.RESOLVE: self._resolve,
            Step.CHANGE: self._apply_changes,
            Step.TRIGGER: self._trigger if self.plan.changes else self._describe,
            Step.CANCEL: self._cancel,
            Step.FIND: self._find,
            Step.WATCH: self._watch,
        }
        while unfinished := self._unfinished():
            run, ready_at = self._schedule.next(unfinished, polls_together=self._polling.together)
            self._polling.warn_if_slower(run, ready_at)
            sleep(self.context, ready_at - self.clock.now())
            self.clock.set_deadline(run.time_left)
            if run.waits_for_queue:
                run.finish(Outcome.TIMED_OUT, run.last_problem)
            else:
                steps[run.step](run)
            if self._token_rejected:  # architecture, rule 3: every further request would be refused
                for other in [each for each in self.runs if not each.checks_site]:
                    self._stop_requests(other)

    def _unfinished(self) -> list[TargetRun]:
        """Targets that are not finished.

        A held one is released once no group of this run may still deploy it.
        """
        for run in self.runs:
            if run.step is Step.HELD and not run.awaited:
                run.release()
            if run.outcome:
                self._schedule.queues.has_room(run, self.runs)
        return [run for run in self.runs if run.step not in {Step.HELD, Step.FINISHED}]

    def _resolve(self, run: TargetRun) -> None:
        try:
            with self.clock.interruptible():
                target = self.provider.resolve(run.target)
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            self._delay(run, error)
        else:
            run.trigger.sent = False
            if target.id != run.target and not self._rename(run, target.id):
                return
            if not run.resolved:
                run.resolved, run.last_problem = True, ""
                self.report(TargetResolved(target))
                run.warn(target.warnings)
            run.site_url, run.group.is_group = target.url, target.group
            run.durations, run.server = target.durations, target.server
            if self.plan.own_site and not target.url and not target.group and not target.missing:
                run.finish(
                    Outcome.REFUSED, f"`verify_url: auto`: {NO_SITE_URL}. Set `verify_url` to the address"
                )
            elif self.plan.changes and self.plan.command is Command.CANCEL:
                run.go_to(Step.CANCEL)
            else:
                # For a rollback, the previous version is looked up before the deployment.
                changing = self.plan.changes and (self.plan.has_changes or self.plan.rollback)
                run.go_to(Step.CHANGE if changing and not run.changes.applied else Step.TRIGGER)

    def _apply_changes(self, run: TargetRun) -> None:
        """Apply the changes before the trigger. Once one target is refused, no other is changed either."""
        refused = next(
            (
                other.target
                for other in self.runs
                if other.outcome is Outcome.REFUSED and not other.changes.applied
            ),
            "",
        )
        if refused and self.plan.has_changes:
            nothing = "nothing more" if self.provider.changes_made(run.target) else "nothing"
            run.finish(Outcome.REFUSED, f"{nothing} was changed, because {refused} was refused")
            return
        was_in_flight = run.changes.in_flight
        try:
            with self.clock.grace(GRACE_SECONDS):
                run.changes.in_flight = self.plan.has_changes
                changes = self.provider.apply_changes(run.target)
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            run.changes.in_flight = was_in_flight or (error.may_have_arrived and self.plan.has_changes)
            self._delay(run, error)
        else:
            run.changes.in_flight, run.changes.applied, run.last_problem = False, not changes.created, ""
            self._changes_applied(run, changes)

    def _changes_applied(self, run: TargetRun, changes: Changes) -> None:
        run.changes.pending = changes.applied if changes.handles else ()
        run.report_changes(() if changes.handles else changes.applied, created=bool(changes.created))
        for sentence in changes.unchanged:
            self.report(TargetNote(run.target, sentence))
        for warning in changes.warnings:
            self.report(TargetWarning(run.target, warning))
        if changes.created:
            self._rename(run, changes.created)
        run.go_to(Step.RESOLVE if changes.created else Step.TRIGGER)
        if changes.handles:
            self._triggering(run)
            run.watch(Stage.STAGING, changes.handles)
            for handle in changes.handles:
                self.report(Following(run.target, handle, stage=Stage.STAGING))

    def _rename(self, run: TargetRun, uuid: str) -> bool:
        """Use the target's own id from here on.

        Returns False if another target of this run already has that id.
        """
        if any(other.target == uuid for other in self.runs):
            run.finish(
                Outcome.REFUSED, f"it is the same as {uuid}, which is also a target. Remove one of them"
            )
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
        elif run.seconds_left <= 0:  # nobody would wait for it
            run.finish(Outcome.TIMED_OUT, run.last_problem or "no time was left to trigger it")
            return
        try:
            with self.clock.grace(GRACE_SECONDS):
                run.trigger.sent = True
                result = self._send_trigger(run)
                self._remember(run, result)
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            run.trigger.sent = error.may_have_arrived
            if error.may_have_arrived:
                self._trigger_uncertain(run, error)
            else:
                self._delay(run, error)
        else:
            self._triggered(run, result)

    def _send_trigger(self, run: TargetRun) -> TriggerResult:
        """The only request that can start anything: a deployment, or its rollback."""
        if run.failed_with and run.deployment:
            return self.provider.rollback(run.target, run.deployment)
        return self.provider.trigger(run.target)

    def _triggered(self, run: TargetRun, result: TriggerResult) -> None:
        if run.is_rollback:
            run.report_changes(self.provider.changes_made(run.target))
        match result:
            case Rejected(reason):
                run.finish(Outcome.REFUSED, reason)
            case AlreadyDone(note):
                run.finish(Outcome.FINISHED, note)
            case GroupStarted():
                self._group_started(run, result)
            case RetryLater():
                self._retry_trigger(run, result)
            case Started(handles, note):
                run.last_problem, run.trigger.uncertain = "", False
                if all(handle.certainty is Certainty.CONFIRMED for handle in handles):
                    self._schedule.queues.has_room(run, self.runs)
                run.report_changes(run.changes.pending)
                run.changes.pending = ()
                for handle in handles:
                    self.report(Following(run.target, handle, note, run.stage))
                unconfirmed = any(handle.certainty is not Certainty.CONFIRMED for handle in handles)
                if not handles or not (self.plan.wait or unconfirmed):
                    run.finish(Outcome.TRIGGERED, note)

    def _retry_trigger(self, run: TargetRun, result: RetryLater) -> None:
        """Trigger again later. The server responded, so no earlier trigger is in flight."""
        run.trigger.sent = run.trigger.uncertain = False
        run.last_problem = result.reason
        if result.queue_full:
            self._schedule.queues.is_full(run)
        self._wait_for(run, result.seconds, result.reason)

    def _remember(self, run: TargetRun, result: TriggerResult | AccessDenied | None) -> None:
        """Add what was started to the runs: from here on a signal can't lose it. Nothing is reported yet."""
        if isinstance(result, Started):
            run.watch(run.triggered_stage, result.handles)
        elif isinstance(result, GroupStarted):
            split_group(self.runs, run, result)

    def _group_started(self, run: TargetRun, result: GroupStarted) -> None:
        """Go on with the members of a group.

        The group itself only has a verdict if some of it can't be followed.
        """
        gone = bool(result.members) and not result.rest
        own = {child.target: child for child in run.group.members}
        members = [member for member in result.members if member.target.id in own]
        for member, other in shared_members(self.runs, run, result):
            self._note_shared(run, member, other)
        self.report(GroupExpanded(run.target, tuple(member.target for member in members), gone=gone))
        for member in members:
            self.report(TargetResolved(member.target))
            if self.plan.own_site and not member.target.url:
                text = f"`verify_url: auto`: {NO_SITE_URL}, so no site is verified"
                self.report(TargetWarning(member.target.id, text))
            if member.handle:
                self._triggered(own[member.target.id], Started((member.handle,)))
        if gone:
            self.runs.remove(run)
        else:
            run.finish(result.outcome, result.rest)

    def _note_shared(self, run: TargetRun, member: GroupMember, other: TargetRun) -> None:
        """Report that a second group of this run has deployed the same target."""
        uuid = member.handle.id if member.handle else ""
        watched = [watch.handle.id for watch in other.watches] if other.step is Step.WATCH else []
        if member.handle and watched == [uuid] and (other.trigger.uncertain or other.group.resumed):
            other.group.resumed = False
            self._triggered(other, Started((member.handle,)))
        followed = uuid in (*watched, *(handle.id for handle in other.group.more))
        note = "" if followed else " (not followed: its first deployment had already ended)"
        self.report(TargetNote(run.target, f"it also deployed {member.target.label}: {uuid}{note}"))

    def _cancel(self, run: TargetRun) -> None:
        """`command: cancel`."""
        self._triggering(run)
        try:
            self._token_rejected = cancel_all(self.context, run) or self._token_rejected
        except RefusedError as error:
            self._refused(run, error)
        except UnavailableError as error:
            self._delay(run, error)
        else:
            follow_cancelled(self.context, run)

    # --- without changing anything

    def _describe(self, run: TargetRun) -> None:
        """`command: check` and `dry_run`: report what the token may do and what would be done."""
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

    # --- a trigger whose response was lost (architecture, rule 7)

    def _trigger_uncertain(self, run: TargetRun, error: UnavailableError) -> None:
        run.trigger.uncertain, run.trigger.lost_responses = True, run.trigger.lost_responses + 1
        run.trigger.server_errors += bool(error.server_error or error.from_gateway)
        run.trigger.last_server_error = (GATEWAY_RESPONDED if error.from_gateway else SERVER_FAILED).format(
            MAX_SERVER_ERRORS, error.server_error or error.reason
        )
        run.trigger.searches, run.last_problem, run.trigger.repeat_reason = 0, error.reason, ""
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
            case None if run.trigger.searches == 0:
                run.trigger.searches = 1
                run.go_to(Step.FIND, min(_find_delay(run.trigger.lost_responses), max(run.seconds_left, 0)))
            case None if run.trigger.server_errors >= MAX_SERVER_ERRORS:
                # The server responded each time, and nothing was started.
                run.step, run.trigger.uncertain = Step.TRIGGER, False
                run.finish(Outcome.REFUSED, run.trigger.last_server_error)
            case None:
                run.trigger.sent = False
                self._retrigger(run, Step.TRIGGER, "no deployment was found")

    # --- polling

    def _watch(self, run: TargetRun) -> None:
        self._polling.poll_due(run)
        if self._polling.token_rejected:
            self._token_rejected = self._token_rejected or self._polling.token_rejected
            if not run.checks_site:
                return
        for server in self._polling.take_ended_servers():
            self._schedule.queues.deployment_ended(server, self.clock.now())
        confirmed = [watch.appeared or watch.failed_polls >= MAX_UNCONFIRMED_POLLS for watch in run.watches]
        if not self.plan.wait and run.stage is not Stage.STAGING and all(confirmed):
            error = next((watch.poll_error for watch in run.watches if not watch.appeared), "")
            run.finish(Outcome.TRIGGERED, UNCONFIRMED.format(error) if error else "")
        elif any(watch.result is None for watch in run.watches):
            run.due = run.next_poll
        else:
            self._stage_over(run)

    def _stage_over(self, run: TargetRun) -> None:
        repeated = run.trigger.repeated or run.seconds_left <= 0
        step = next_step(
            run.stage, tuple(run.watches), repeated=repeated, so_far=run.so_far, checks=self._checks(run)
        )
        if run.group.more and isinstance(step, Verdict | RollBack):
            self._follow_more(run, step)
            return
        match step:
            case Retrigger(reason):
                run.trigger.repeated, run.watches = True, []
                self._retrigger(run, Step.RESOLVE, reason)
            case QueueFull(seconds, reason):
                run.watches, run.trigger.sent, run.last_problem = [], False, reason
                run.step = Step.TRIGGER
                self._schedule.queues.is_full(run)
                self._wait_for(run, seconds, reason)
            case StartNow():
                run.watches = []
                run.go_to(Step.TRIGGER)
            case NextStage(stage, handles, since, so_far):
                run.so_far = so_far
                run.watch(stage, handles, since)
                for handle in handles:
                    self.report(Following(run.target, handle, stage=stage))
            case RollBack(so_far):
                self._roll_back(run, so_far)
            case Verdict(outcome, reason, _, warning, unseen):
                self._cancel_timed_out(run)
                for sentence in filter(None, (warning, unseen)):
                    self.report(TargetWarning(run.target, sentence))
                run.finish(outcome, reason)

    def _follow_more(self, run: TargetRun, step: Verdict | RollBack) -> None:
        """Follow what another group of this run has deployed of the same target meanwhile."""
        run.so_far = step if isinstance(step, Verdict) else step.so_far
        handles, run.group.more = run.group.more, ()
        run.watch(Stage.DEPLOYMENT, handles)
        for handle in handles:
            self.report(Following(run.target, handle))

    def _checks(self, run: TargetRun) -> Checks:
        site = self.context.check_site is not None and (bool(run.site_url) or not self.plan.own_site)
        return Checks(strict=self.plan.strict, site=site, rollback=self.plan.rollback and not run.failed_with)

    def _roll_back(self, run: TargetRun, so_far: Verdict) -> None:
        """Start a rollback, unless the deployment is, or may be, somebody else's."""
        if self._token_rejected or (run.deployment and run.deployment.adopted):
            unsure = run.deployment is not None and run.deployment.owner is Owner.UNSURE
            whose = "may be somebody else's" if unsure else "was started by somebody else"
            reason = self._token_rejected or f"the deployment {whose}"
            self.report(TargetWarning(run.target, f"not rolled back: {reason}"))
            run.finish(so_far.outcome, so_far.reason)
            return
        self.report(RollingBack(run.target, so_far.reason))
        run.start_rollback(so_far)

    def _cancel_timed_out(self, run: TargetRun) -> None:
        """`on_timeout: cancel`: cancel what this run started, unless only its last command is running."""
        if not self.plan.cancel_on_timeout or run.stage in {Stage.HEALTH, Stage.VERIFY} or run.is_rollback:
            return
        for watch in run.watches:
            timed_out = watch.result is not None and watch.result.end is End.TIMED_OUT
            may_cancel = is_ours(watch) and watch.phase is not Phase.SUCCEEDED and not self._token_rejected
            if timed_out and may_cancel:
                with self.clock.grace(GRACE_SECONDS):
                    result, self._token_rejected = cancel_deployment(self.context, watch)
                    stuck = stuck_deployments(self.context)
                self.report(CancelResult(run.target, shown_handle(watch), result))
                if stuck:
                    self.report(TargetWarning(run.target, stuck))

    # --- small steps

    def _delay(self, run: TargetRun, error: UnavailableError) -> None:
        """Retry the step later: an outage is waited for until `timeout`."""
        if error.permanent and not run.may_have_started:
            self._deny(run, error.reason)
            return
        if error.reason != run.last_problem:
            run.last_problem = error.reason
            self.report(PollFailing(run.target, error.reason))
        self._wait_for(run, max(error.retry_after, RETRY_SECONDS), "")

    def _wait_for(self, run: TargetRun, seconds: float, reason: str) -> None:
        """Retry the step after so many seconds, unless `timeout` is over before."""
        run.blocked_since = self.clock.now() if run.blocked_since is None else run.blocked_since
        if run.seconds_left <= 0:
            outcome = Outcome.LOST if run.may_have_started else Outcome.TIMED_OUT
            run.finish(outcome, reason or run.last_problem)
            return
        seconds = min(seconds, run.seconds_left)
        if reason:
            self.report(TriggerDelayed(run.target, seconds, reason))
        run.go_to(self._before_trigger(run) if run.step is Step.TRIGGER else run.step, seconds)

    def _before_trigger(self, run: TargetRun) -> Step:
        """The step before another trigger (architecture, rule 7).

        The target is resolved again, since a newer deployment may be somebody else's; but a lost trigger is
        searched for first.
        """
        if run.trigger.uncertain:
            run.trigger.searches = 1
            return Step.FIND
        return Step.RESOLVE

    def _retrigger(self, run: TargetRun, step: Step, reason: str) -> None:
        """Trigger once more, unless `timeout` is over."""
        if run.seconds_left <= 0:
            run.finish(Outcome.TIMED_OUT, run.last_problem or reason)
            return
        if reason != run.trigger.repeat_reason:  # a full queue leads here every time
            self.report(Retriggering(run.target, reason))
        run.trigger.repeat_reason, run.resolved = reason, False
        run.go_to(step)

    def _refused(self, run: TargetRun, error: RefusedError) -> None:
        self._token_rejected = self._token_rejected or (error.reason if error.token_wide else "")
        self._deny(run, error.reason)

    def _stop_requests(self, run: TargetRun) -> None:
        """Send no more requests for this target: what was seen of its deployment counts."""
        # A loop, because an end that was seen leads to the next stage, whose polls are denied as well.
        while run.step is Step.WATCH and not run.checks_site:
            denied = AccessDenied(self._token_rejected)
            run.watches = [watch if watch.result else observe(watch, denied, 0)[0] for watch in run.watches]
            run.trigger.repeated = True  # another trigger would be refused
            self._stage_over(run)
        if not run.checks_site:
            self._deny(run, self._token_rejected)

    def _deny(self, run: TargetRun, reason: str) -> None:
        """End as refused if no trigger was sent, and as lost if one may have been (architecture, rule 3)."""
        if run.step not in {Step.HELD, Step.FINISHED}:
            run.finish(Outcome.LOST if run.may_have_started else Outcome.REFUSED, reason)
