"""From each event to the sentence that is printed.

The build log and the outputs have files of their own beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deployer.ci import output
from deployer.ci.base import CI, Level
from deployer.ci.output import Redactor
from deployer.model import (
    AbilityChecked,
    CancelResult,
    Certainty,
    ChangeApplied,
    Command,
    Connected,
    DeploymentDetails,
    Event,
    Following,
    GroupExpanded,
    Handle,
    Idle,
    InterruptReceived,
    LogLines,
    LogUnavailable,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    PollFailing,
    PollRecovered,
    Retriggering,
    RollingBack,
    Stage,
    Target,
    TargetFinished,
    TargetNote,
    TargetResolved,
    TargetWarning,
    TriggerDelayed,
    Triggering,
    TriggerUncertain,
)
from deployer.model.text import suffix
from deployer.report.build_log import BuildLog
from deployer.report.options import ReportOptions
from deployer.report.outputs import Outputs
from deployer.report.phrases import (
    ACTIVITIES,
    COMMAND_PHRASES,
    DEPLOY_COMMANDS,
    LEFT_RUNNING,
    MAYBE_STARTED,
    NOTHING_STARTED,
    SUCCESSES,
    duration,
    headline,
)
from deployer.report.target_report import WAITING, TargetReport
from deployer.report.untrusted import redacted

HEARTBEAT_SECONDS = 60.0
"""Seconds without a line after which a CI log gets one: several systems cancel silent jobs."""

MAX_NAME_CHARS = 80
MAX_SITE_CHARS = 300
"""How much is shown of a site's response."""
MAX_STATUS_CHARS = 60
MAX_WAITING_TARGETS = 3
"""How many targets the status line and the heartbeat name."""


class _Targets(dict[str, TargetReport]):
    """Reports by target.

    An interrupt can end a run before a target was resolved: then it is added when it is first mentioned.
    """

    def __missing__(self, target: str) -> TargetReport:
        self[target] = TargetReport(Target(target))
        return self[target]


class Reporter:
    """Receives the events of a run.

    A failure here never changes the outcome: a file that can't be written is one warning.
    """

    def __init__(self, ci: CI, redact: Redactor, now: Callable[[], float], options: ReportOptions) -> None:
        self._ci = ci
        self._redact = redact
        self._now = now
        self._options = options
        self._targets = _Targets(
            {target: TargetReport(Target(target, missing=options.by_name)) for target in options.targets}
        )
        self._log_unavailable_reported = False
        self._unwritable: set[str] = set()
        self._annotated: set[tuple[Outcome, str]] = set()
        self._last_line_at = now()
        self._log = BuildLog(ci, redact, options, self._write_failed)
        self._outputs = Outputs(ci, redact, options, self._write_failed)
        self._outputs.log_file = self._log.open()
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Connected: self._connected,
            TargetResolved: self._resolved,
            ChangeApplied: self._changed,
            AbilityChecked: self._ability_checked,
            TargetNote: self._noted,
            Triggering: self._triggering,
            GroupExpanded: self._expanded,
            Following: self._following,
            TriggerDelayed: self._delayed,
            TriggerUncertain: self._uncertain,
            Retriggering: self._retriggering,
            RollingBack: self._rolling_back,
            LogLines: self._log_lines,
            LogUnavailable: self._log_unavailable,
            PhaseChanged: self._phase_changed,
            DeploymentDetails: self._details,
            PollFailing: self._poll_failing,
            PollRecovered: self._poll_recovered,
            TargetWarning: self._warning,
            Idle: self._idle,
            InterruptReceived: self._interrupted,
            CancelResult: self._cancelled,
            TargetFinished: self._finished,
        }

    def __call__(self, event: Event) -> None:
        """Report one event, and write the outputs that it makes known."""
        clean = redacted(event, self._redact)
        self._handlers[type(clean)](clean)
        self._outputs.update(list(self._targets.values()))

    def notice(self, text: str) -> None:
        """Print a warning that belongs to no target."""
        self._outside_log(lambda: self._ci.annotate("warning", "", text))

    # --- before the deployment

    def _connected(self, event: Connected) -> None:
        self._say(event.platform)

    def _resolved(self, event: TargetResolved) -> None:
        report, target = self._targets[event.target.id], event.target
        taken = {other.target.label for key, other in self._targets.items() if key != target.id}
        name = self._redact.cut(output.one_line(target.name), MAX_NAME_CHARS)
        usable = name not in taken and name != "***"
        first_time, report.target = not report.target.kind, replace(target, name=name if usable else "")
        if first_time and target.kind:
            what = "(does not exist yet)" if target.missing else target.id
            status = target.status if self._options.preflight else ""
            self._say(
                f"{report.target.label}: {target.kind} {what}"
                + suffix(", {}", status)
                + suffix(", {}", report.url)
            )

    def _changed(self, event: ChangeApplied) -> None:
        self._targets[event.target].changes.append(event.text)
        self._say_of(event.target, event.text if event.created else f"changed {event.text}")

    def _ability_checked(self, event: AbilityChecked) -> None:
        ability = event.ability
        granted = {True: "yes", False: "no", None: "unknown"}[ability.granted]
        self._say(f"token: {ability.name}: {granted} ({ability.purpose})")

    def _noted(self, event: TargetNote) -> None:
        self._say_of(event.target, event.text)

    # --- the trigger

    def _triggering(self, event: Triggering) -> None:
        report = self._targets[event.target]
        report.began = self._now() if report.began is None else report.began
        self._say(f"{report.target.label}: {COMMAND_PHRASES[self._options.command]}")

    def _expanded(self, event: GroupExpanded) -> None:
        """The members take the group's place, in the order in which the platform named them."""
        before, group = self._targets, self._targets[event.target]
        names = ", ".join(
            self._redact.cut(output.one_line(each.label), MAX_NAME_CHARS) for each in event.members
        )
        if not group.target.missing:  # a created target is reported with its id as soon as that is known
            text = f"targets: {names}" if names else "none of its targets can be followed"
            self._say(f"{group.target.label}: {text}")
        self._targets = _Targets()
        for key, report in before.items():
            if key == event.target:
                members = {
                    each.id: TargetReport(Target(each.id), began=group.began, changes=list(group.changes))
                    for each in event.members
                }
                self._targets.update(members)
            if key != event.target or not event.gone:
                self._targets[key] = report
        self._log.several = len(self._targets) > 1

    def _delayed(self, event: TriggerDelayed) -> None:
        self._say_of(event.target, f"{event.reason.rstrip('.')}; retrying in {duration(event.seconds)}")

    def _uncertain(self, event: TriggerUncertain) -> None:
        self._say_of(
            event.target,
            f"no usable response to the trigger ({event.reason}): checking whether a deployment was started",
        )

    def _retriggering(self, event: Retriggering) -> None:
        self._say_of(event.target, f"{event.reason}; triggering again")

    # --- the deployment

    def _following(self, event: Following) -> None:
        report, handle = self._targets[event.target], event.handle
        reason = suffix(" ({})", event.reason)
        match event.stage:
            case Stage.HEALTH:
                report.activity = "deployed; waiting until it is running"
                self._say_of(event.target, report.activity)
            case Stage.VERIFY:
                report.activity = "deployed; waiting for its site to respond"
                self._say_of(event.target, report.activity)
            case Stage.ROLLBACK:
                report.activity = "rolling back"
                self._say_of(
                    event.target, f"rolling back{suffix(': following deployment {}', handle.id)}{reason}"
                )
            case Stage.STAGING:
                report.activity = ACTIVITIES[Phase.RUNNING]
                self._say_of(event.target, f"waiting until it is {handle.condition}")
            case Stage.ADDITIONAL_SERVERS:
                what = f"following deployment {handle.id} on an additional server"
                self._say_of(event.target, what, handle.server)
            case Stage.CANCELLATION:
                report.handle = report.handle or handle
                report.activity = "waiting for the cancelled deployment to end"
            case Stage.DEPLOYMENT:
                report.handle, report.activity, report.link = handle, WAITING, handle.link
                report.commit = report.server = ""
                self._say_of(event.target, self._described(handle) + reason)
                if report.link:
                    self._say_of(event.target, f"deployment page: {report.link}")

    def _described(self, handle: Handle) -> str:
        """What is followed, as a phrase."""
        if handle.condition:
            return f"waiting until it is {handle.condition}{suffix(', deployment {}', handle.id)}"
        if handle.certainty is Certainty.PHANTOM:
            return "looking for the deployment that is already queued"
        what = f"{'following deployment' if self._options.wait else 'deployment'} {handle.id}"
        if handle.owner is Owner.UNSURE:
            return f"{what}, which may be somebody else's: Deployer will not cancel it"
        if handle.owner is Owner.OTHERS:
            return (
                f"{what}, which {handle.started_by or 'somebody else started'}: Deployer will not cancel it"
            )
        return what

    def _phase_changed(self, event: PhaseChanged) -> None:
        report = self._targets[event.target]
        activity, label, shown = ACTIVITIES[event.phase], report.target.label, False
        uncertain = {Certainty.UNCONFIRMED, Certainty.POSSIBLY_PHANTOM}
        if event.phase is Phase.ABSENT and report.handle and report.handle.certainty in uncertain:
            report.handle = None  # the uuid that a full queue, or a tag, responded with was never stored
        if event.stage is Stage.VERIFY:
            status = self._redact.cut(output.one_line(event.raw_status), MAX_SITE_CHARS)
            activity, shown = f"its site responds with {status}", True
        elif event.stage is Stage.HEALTH or (report.handle and report.handle.condition):
            status = self._redact.cut(output.one_line(event.raw_status), MAX_STATUS_CHARS)
            activity, shown = f"its status is {status}", True
        elif event.stage not in {Stage.CANCELLATION, Stage.STAGING}:
            label = self._label(event.target, event.server)
            shown = event.phase in {Phase.QUEUED, Phase.RUNNING}
        report.activity = activity
        if shown and not event.same:  # not one line per instance: the heartbeat reports those
            self._say(f"{label}: {activity}")

    def _details(self, event: DeploymentDetails) -> None:
        report = self._targets[event.target]
        if event.stage is not Stage.DEPLOYMENT:
            if event.link and event.link not in report.pages and event.stage is not Stage.CANCELLATION:
                report.pages.add(event.link)
                self._say_of(event.target, f"deployment page: {event.link}", event.server)
            return
        if event.link and event.link != report.link:
            self._say_of(event.target, f"deployment page: {event.link}")
        if event.commit and event.commit != report.commit:
            self._compare_commits(report, event.commit)
        report.link = event.link or report.link
        report.commit = event.commit or report.commit
        report.server = event.server or report.server

    def _compare_commits(self, report: TargetReport, commit: str) -> None:
        expected = "" if self._options.rehearsal else self._ci.commit
        if expected and not (commit.startswith(expected) or expected.startswith(commit)):
            title = f"{report.target.label}: another commit"
            text = f"Coolify deploys commit {commit}, but this run is for commit {expected}"
            self._outside_log(lambda: self._ci.annotate("warning", title, text))

    def _log_lines(self, event: LogLines) -> None:
        report = self._targets[event.target]
        if self._log.add(report, event.entries, "" if event.server == report.server else event.server):
            self._last_line_at = self._now()

    def _log_unavailable(self, event: LogUnavailable) -> None:
        if self._log_unavailable_reported:  # all targets have the same token
            return
        self._log_unavailable_reported = True
        self._say_of(
            event.target,
            "the build log can't be shown: the token may not read it. "
            "Create a token that also has read:sensitive (tick deploy first, then read, then read:sensitive)",
            event.server,
        )

    def _poll_failing(self, event: PollFailing) -> None:
        label = f"{self._label(event.target, event.server)}: " if event.target else ""
        self._say(f"{label}status check failed: {event.reason}; retrying")

    def _poll_recovered(self, event: PollRecovered) -> None:
        checks = "1 failed check" if event.failed_polls == 1 else f"{event.failed_polls} failed checks"
        self._say_of(event.target, f"status checks work again, after {checks}", event.server)

    def _warning(self, event: TargetWarning) -> None:
        title = self._title(event.target, event.server)
        self._outside_log(lambda: self._ci.annotate("warning", title, event.text))

    def _rolling_back(self, event: RollingBack) -> None:
        self._say_of(event.target, f"{event.reason}; rolling back to the previous version")

    def _idle(self, _event: Idle) -> None:
        waiting = [report for report in self._targets.values() if report.outcome is None]
        named = [
            f"{report.target.label}: {self._progress(report)}" for report in waiting[:MAX_WAITING_TARGETS]
        ]
        if len(waiting) > MAX_WAITING_TARGETS:
            named.append(f"and {len(waiting) - MAX_WAITING_TARGETS} more")
        text = "; ".join(named)
        if self._now() - self._last_line_at >= HEARTBEAT_SECONDS:
            self._last_line_at = self._now()
            self._ci.say(f"still waiting: {text}")
        self._ci.status(text)

    def _progress(self, report: TargetReport) -> str:
        if report.began is None:
            return report.activity
        return f"{report.activity}, {duration(self._now() - report.began)} since the trigger"

    # --- the end

    def _interrupted(self, event: InterruptReceived) -> None:
        self._say(f"the job is being cancelled ({event.signal})")

    def _cancelled(self, event: CancelResult) -> None:
        report = self._targets[event.target]
        link = event.handle.link or (report.link if report.handle == event.handle else "")
        report.cancelled = event.result
        what = f"deployment {event.handle.id}: " if event.handle.id else ""
        self._say_of(event.target, f"{what}{event.result}{suffix(' {}', link)}", event.handle.server)

    def _finished(self, event: TargetFinished) -> None:
        report = self._targets[event.target]
        report.outcome, report.reason = event.outcome, event.reason
        report.seconds = self._now() - report.began if report.began is not None else None
        self._log.end(report)
        text = headline(event.outcome, report.seconds, self._options.timeout)
        if event.outcome in SUCCESSES:
            self._say(f"{report.target.label}: {text}{self._notes(report)}")
            return
        self._log.show_kept(report)
        if (event.outcome, event.reason) not in self._annotated or report.link:
            self._annotated.add((event.outcome, event.reason))
            self._outside_log(lambda: self._annotate(report, text))
        else:
            self._say(f"{report.target.label}: {text}, for the same reason")

    def _notes(self, report: TargetReport) -> str:
        """What follows the headline of a success."""
        serves = report.outcome is Outcome.FINISHED and self._options.command in DEPLOY_COMMANDS
        notes = suffix(", {}", report.url if serves else "") + suffix(" ({})", report.reason)
        others = report.handle is not None and report.handle.owner is Owner.OTHERS
        if others and self._options.command is not Command.CANCEL:
            notes += " (a deployment that somebody else started)"
        return notes

    def _annotate(self, report: TargetReport, text: str) -> None:
        lines = [report.reason or text]
        if report.cancelled:
            lines.append(f"Deployment: {report.cancelled}")
        if report.outcome is Outcome.LOST and not report.deployment:
            lines.append(MAYBE_STARTED)
        if report.outcome is Outcome.TIMED_OUT and not report.cancelled:
            if report.handle:
                lines.append(LEFT_RUNNING)
            elif self._options.command in DEPLOY_COMMANDS:
                lines.append(NOTHING_STARTED)
        if report.link:
            lines.append(f"See {report.link}")
        title = self._title(report.target.id)
        if report.reason:
            title = f"{title}: {text}"
        level: Level = "warning" if report.outcome is Outcome.INTERRUPTED else "error"
        self._ci.annotate(level, title, "\n".join(lines))

    def finish(self, outcome: Outcome) -> None:
        """Write the final outputs, the result and the summary."""
        reports = list(self._targets.values())
        for each in reports:
            self._log.end(each)
        self._log.finish()
        began = min((each.began for each in reports if each.began is not None), default=self._now())
        self._outputs.finish(reports, outcome, self._now() - began)

    def links(self) -> list[str]:
        """The pages (or ids) of all deployments known so far, for a run that ends in a bug."""
        known = (report.link or report.deployment for report in self._targets.values())
        return [each for each in known if each]

    # --- printing

    def _write_failed(self, what: str, error: OSError | ValueError) -> None:
        if what not in self._unwritable:
            self._unwritable.add(what)
            self.notice(f"could not write {what}: {getattr(error, 'strerror', None) or error}")

    def _label(self, target: str, server: str = "") -> str:
        """The target's name, with the server if it is an additional one."""
        report = self._targets[target]
        if not server or server == report.server:
            return report.target.label
        return f"{report.target.label} on {self._redact.cut(output.one_line(server), MAX_NAME_CHARS)}"

    def _title(self, target: str, server: str = "") -> str:
        """The title of an annotation, which is shown far from the log's first line."""
        return f"{'Rehearsal: ' if self._options.rehearsal else ''}{self._label(target, server)}"

    def _say_of(self, target: str, text: str, server: str = "") -> None:
        self._say(f"{self._label(target, server)}: {text}")

    def _say(self, text: str) -> None:
        self._outside_log(lambda: self._ci.say(text))

    def _outside_log(self, write: Callable[[], None]) -> None:
        """Close the folded build log first."""
        self._log.close()
        self._last_line_at = self._now()
        write()
