"""From an event to the sentence that is said of it; the build log and the outputs have files of their own beside this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deployer.ci import output
from deployer.ci.base import CI
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
"""Seconds without a line after which a CI log gets one: several systems kill a silent job."""

NAME, SITE, STATUS = 80, 300, 60
"""Characters that are shown of a name, of what a site says, and of a status."""


class _Facts(dict[str, TargetReport]):
    """By target; what an interrupt has kept from being introduced is met here for the first time."""

    def __missing__(self, target: str) -> TargetReport:
        self[target] = TargetReport(Target(target))
        return self[target]


class Reporter:
    """Hears the events of a run. Nothing that fails here changes the outcome: a file that can't be written is a warning, once."""

    def __init__(self, ci: CI, redact: Redactor, now: Callable[[], float], options: ReportOptions) -> None:
        self._ci = ci
        self._redact = redact
        self._now = now
        self._options = options
        self._facts = _Facts(
            {target: TargetReport(Target(target, missing=options.by_name)) for target in options.targets}
        )
        self._unlogged_told = False
        self._unwritable: set[str] = set()
        self._annotated: set[tuple[Outcome, str]] = set()
        self._spoke = now()
        self._log = BuildLog(ci, redact, options, self._failed)
        self._outputs = Outputs(ci, redact, options, self._failed)
        self._outputs.log_file = self._log.open()
        self._tell: dict[type[Event], Callable[[Any], None]] = {
            Connected: self._reached,
            TargetResolved: self._checked,
            ChangeApplied: self._changed,
            AbilityChecked: self._entitled,
            TargetNote: self._noted,
            Triggering: self._begun,
            GroupExpanded: self._split,
            Following: self._followed,
            TriggerDelayed: self._delayed,
            TriggerUncertain: self._doubted,
            Retriggering: self._repeated,
            RollingBack: self._returned,
            LogLines: self._logged,
            LogUnavailable: self._unlogged,
            PhaseChanged: self._moved,
            DeploymentDetails: self._known,
            PollFailing: self._wavered,
            PollRecovered: self._recovered,
            TargetWarning: self._warned_of,
            Idle: self._waited,
            InterruptReceived: self._stopped,
            CancelResult: self._withdrawn,
            TargetFinished: self._ended,
        }

    def __call__(self, event: Event) -> None:
        """Tell one event, and write the outputs that it makes known."""
        said = redacted(event, self._redact)
        self._tell[type(said)](said)
        self._outputs.update(list(self._facts.values()))

    def notice(self, text: str) -> None:
        """A warning that belongs to no target."""
        self._say_outside(lambda: self._ci.annotate("warning", "", text))

    # --- the story

    def _reached(self, event: Connected) -> None:
        self._say(event.platform)

    def _checked(self, event: TargetResolved) -> None:
        facts = self._facts[event.target.id]
        taken = {other.target.label for key, other in self._facts.items() if key != event.target.id}
        name = self._redact.cut(output.one_line(event.target.name), NAME)
        usable = name not in taken and name != "***"
        first_time, facts.target = not facts.target.kind, replace(event.target, name=name if usable else "")
        if first_time and event.target.kind:
            at = f", {facts.url}" if facts.url else ""
            status = f", {event.target.status}" if event.target.status and self._options.preflight else ""
            self._say(
                f"{facts.target.label}: {event.target.kind} {'(not there yet)' if event.target.missing else event.target.id}{status}{at}"
            )

    def _changed(self, event: ChangeApplied) -> None:
        self._facts[event.target].changes.append(event.text)
        self._say(f"{self._label(event.target)}: {event.text if event.created else f'changed {event.text}'}")

    def _entitled(self, event: AbilityChecked) -> None:
        right = event.ability
        held = {True: "yes", False: "no", None: "not known"}[right.granted]
        self._say(f"token: {right.name}: {held} ({right.purpose})")

    def _noted(self, event: TargetNote) -> None:
        self._say(f"{self._label(event.target)}: {event.text}")

    def _begun(self, event: Triggering) -> None:
        facts = self._facts[event.target]
        facts.began = self._now() if facts.began is None else facts.began
        self._say(f"{facts.target.label}: {COMMAND_PHRASES[self._options.command]}")

    def _split(self, event: GroupExpanded) -> None:
        """The parts take the group's place, in the order in which the platform named them."""
        before, group = self._facts, self._facts[event.target]
        names = ", ".join(self._redact.cut(output.one_line(part.label), NAME) for part in event.members)
        if not group.target.missing:  # a name is told with its id as soon as it is known
            self._say(
                f"{group.target.label}: {f'it is {names}' if event.members else 'nothing of it can be followed'}"
            )
        self._facts = _Facts()
        for key, facts in before.items():
            if key == event.target:
                parts = {
                    part.id: TargetReport(Target(part.id), began=group.began, changes=list(group.changes))
                    for part in event.members
                }
                self._facts.update(parts)
            if key != event.target or not event.gone:
                self._facts[key] = facts
        self._log.many = len(self._facts) > 1

    def _followed(self, event: Following) -> None:
        facts = self._facts[event.target]
        if event.stage in {Stage.HEALTH, Stage.VERIFY}:
            facts.activity = (
                "deployed, reading whether it runs"
                if event.stage is Stage.HEALTH
                else "deployed, asking whether it answers"
            )
            self._say(f"{facts.target.label}: {facts.activity}")
            return
        if event.stage is Stage.ROLLBACK:
            facts.activity = "rolling back"
            what = f"deployment {event.handle.id}" if event.handle.id else "it"
            self._say(
                f"{facts.target.label}: rolling back: following {what}{f' ({event.reason})' if event.reason else ''}"
            )
            return
        if event.stage is Stage.STAGING:
            facts.activity = ACTIVITIES[Phase.RUNNING]
            self._say(f"{facts.target.label}: waiting until it is {event.handle.condition}")
            return
        if event.stage is Stage.ADDITIONAL_SERVERS:
            self._say(
                f"{self._label(event.target, event.handle.server)}: following deployment {event.handle.id} on an additional server"
            )
            return
        if event.stage is Stage.CANCELLATION:
            facts.handle, facts.activity = (
                facts.handle or event.handle,
                "waiting for the end of what was cancelled",
            )
            return
        facts.handle, facts.activity, facts.link, facts.commit, facts.server = (
            event.handle,
            WAITING,
            event.handle.link,
            "",
            "",
        )
        what = f"{'following deployment' if self._options.wait else 'deployment'} {event.handle.id}"
        if event.handle.condition:
            what = f"waiting until it is {event.handle.condition}{f', deployment {event.handle.id}' if event.handle.id else ''}"
        elif event.handle.certainty is Certainty.PHANTOM:
            what = "looking for the deployment that is already queued"
        elif event.handle.adopted:
            who = (
                "may be somebody else's"
                if event.handle.owner is Owner.UNSURE
                else event.handle.started_by or "somebody else started"
            )
            what += f", which {who}: it is never cancelled by us"
        self._say(f"{facts.target.label}: {what}{f' ({event.reason})' if event.reason else ''}")
        if facts.link:
            self._say(f"{facts.target.label}: its page is {facts.link}")

    def _delayed(self, event: TriggerDelayed) -> None:
        self._say(f"{self._label(event.target)}: {event.reason}; trying again in {duration(event.seconds)}")

    def _doubted(self, event: TriggerUncertain) -> None:
        self._say(
            f"{self._label(event.target)}: it is not certain what the trigger has started ({event.reason}): asking the server"
        )

    def _repeated(self, event: Retriggering) -> None:
        self._say(f"{self._label(event.target)}: {event.reason}; triggering once more")

    def _returned(self, event: RollingBack) -> None:
        self._say(f"{self._label(event.target)}: {event.reason}: what ran before is to be put back")

    def _unlogged(self, event: LogUnavailable) -> None:
        if self._unlogged_told:  # it is the same token for all
            return
        self._unlogged_told = True
        self._say(
            f"{self._label(event.target, event.server)}: the build log can't be shown: the token may not read it. "
            "Make a token with read:sensitive, too (deploy first, then read, then read:sensitive)"
        )

    def _moved(self, event: PhaseChanged) -> None:
        facts = self._facts[event.target]
        facts.activity, label, told = ACTIVITIES[event.phase], facts.target.label, ""
        if (
            event.phase is Phase.ABSENT
            and facts.handle
            and facts.handle.certainty in {Certainty.UNCONFIRMED, Certainty.POSSIBLY_PHANTOM}
        ):
            facts.handle = None  # what a full queue, or a tag, has named never was
        if event.stage is Stage.VERIFY:
            facts.activity = told = (
                f"its site says {self._redact.cut(output.one_line(event.raw_status), SITE)}"
            )
        elif event.stage is Stage.HEALTH or (facts.handle and facts.handle.condition):
            facts.activity = told = (
                f"its status is {self._redact.cut(output.one_line(event.raw_status), STATUS)}"
            )
        elif event.stage not in {Stage.CANCELLATION, Stage.STAGING} and event.phase in {
            Phase.QUEUED,
            Phase.RUNNING,
        }:
            label, told = self._label(event.target, event.server), ACTIVITIES[event.phase]
        if (
            told and not event.same
        ):  # not a line for every instance that comes up: the next sign of life has it
            self._say(f"{label}: {told}")

    def _known(self, event: DeploymentDetails) -> None:
        facts = self._facts[event.target]
        if event.stage is not Stage.DEPLOYMENT:
            if event.link and event.link not in facts.pages and event.stage is not Stage.CANCELLATION:
                facts.pages.add(event.link)
                self._say(f"{self._label(event.target, event.server)}: its page is {event.link}")
            return
        if event.link and event.link != facts.link:
            self._say(f"{facts.target.label}: its page is {event.link}")
        if event.commit and event.commit != facts.commit:
            self._compare(facts, event.commit)
        facts.link, facts.commit, facts.server = (
            event.link or facts.link,
            event.commit or facts.commit,
            event.server or facts.server,
        )

    def _compare(self, facts: TargetReport, commit: str) -> None:
        ours = "" if self._options.rehearsal else self._ci.commit
        if ours and not (commit.startswith(ours) or ours.startswith(commit)):
            text = f"Coolify deploys commit {commit}, and this run is for {ours}"
            self._say_outside(
                lambda: self._ci.annotate("warning", f"{facts.target.label}: another commit", text)
            )

    def _wavered(self, event: PollFailing) -> None:
        label = f"{self._label(event.target, event.server)}: " if event.target else ""
        self._say(f"{label}no news: {event.reason}; trying on")

    def _recovered(self, event: PollRecovered) -> None:
        looks = f"{event.failed_polls} failed look{'s' if event.failed_polls > 1 else ''}"
        self._say(f"{self._label(event.target, event.server)}: there is news again, after {looks}")

    def _warned_of(self, event: TargetWarning) -> None:
        self._say_outside(
            lambda: self._ci.annotate("warning", self._title(event.target, event.server), event.text)
        )

    def _waited(self, _event: Idle) -> None:
        going = [facts for facts in self._facts.values() if facts.outcome is None]
        told = "; ".join(f"{facts.target.label}: {self._doing(facts)}" for facts in going[:3])
        told += f"; and {len(going) - 3} more" if len(going) > 3 else ""  # noqa: PLR2004 -- as many as are named
        if self._now() - self._spoke >= HEARTBEAT_SECONDS:
            self._spoke = self._now()
            self._ci.say(f"still waiting: {told}")
        self._ci.status(told)

    def _doing(self, facts: TargetReport) -> str:
        since = (
            f", {duration(self._now() - facts.began)} since the trigger" if facts.began is not None else ""
        )
        return f"{facts.activity}{since}"

    def _stopped(self, event: InterruptReceived) -> None:
        self._say(f"the job is being stopped ({event.signal})")

    def _withdrawn(self, event: CancelResult) -> None:
        facts = self._facts[event.target]
        link = event.handle.link or (facts.link if facts.handle == event.handle else "")
        facts.cancelled = event.result
        label = self._label(event.target, event.handle.server)
        what = f"deployment {event.handle.id}: " if event.handle.id else ""
        self._say(f"{label}: {what}{event.result}{f' {link}' if link else ''}")

    def _ended(self, event: TargetFinished) -> None:
        facts = self._facts[event.target]
        facts.outcome, facts.reason = event.outcome, event.reason
        facts.seconds = self._now() - facts.began if facts.began is not None else None
        self._log.end(facts)
        if event.outcome not in SUCCESSES:
            self._log.bad_end(facts)
        text = headline(event.outcome, facts.seconds, self._options.timeout)
        if event.outcome in SUCCESSES:
            serves = (
                facts.url and event.outcome is Outcome.FINISHED and self._options.command in DEPLOY_COMMANDS
            )
            at = f", {facts.url}" if serves else ""
            note = f" ({event.reason})" if event.reason else ""
            foreign = (
                facts.handle
                and facts.handle.owner is Owner.OTHERS
                and self._options.command is not Command.CANCEL
            )
            note += " (a deployment that somebody else started)" if foreign else ""
            self._say(f"{facts.target.label}: {text}{at}{note}")
        elif (event.outcome, event.reason) not in self._annotated or facts.link:
            self._annotated.add((event.outcome, event.reason))
            self._say_outside(lambda: self._annotate(facts, text))
        else:
            self._say(f"{facts.target.label}: {text}, for the same reason")

    def _annotate(self, facts: TargetReport, text: str) -> None:
        see = f"\nIts deployment: {facts.cancelled}" if facts.cancelled else ""
        if facts.outcome is Outcome.LOST and not facts.deployment:
            see += MAYBE_STARTED
        if facts.outcome is Outcome.TIMED_OUT and not facts.cancelled:
            see += (
                LEFT_RUNNING
                if facts.handle
                else NOTHING_STARTED
                if self._options.command in DEPLOY_COMMANDS
                else ""
            )
        see += f"\nSee {facts.link}" if facts.link else ""
        label = self._title(facts.target.id)
        title, message = (f"{label}: {text}", facts.reason) if facts.reason else (label, text)
        self._ci.annotate(
            "warning" if facts.outcome is Outcome.INTERRUPTED else "error", title, message + see
        )

    # --- the end

    def finish(self, outcome: Outcome) -> None:
        """The verdict's outputs, the result and the summary."""
        facts = list(self._facts.values())
        for each in facts:
            self._log.end(each)
        self._log.finish()
        began = min((each.began for each in facts if each.began is not None), default=self._now())
        self._outputs.finish(facts, outcome, self._now() - began)

    def links(self) -> list[str]:
        """The pages of all deployments known so far, for a farewell that has nothing better."""
        return [
            facts.link or facts.deployment for facts in self._facts.values() if facts.link or facts.deployment
        ]

    # --- saying

    def _logged(self, event: LogLines) -> None:
        facts = self._facts[event.target]
        if self._log.add(facts, event.entries, "" if event.server == facts.server else event.server):
            self._spoke = self._now()

    def _failed(self, what: str, error: OSError | ValueError) -> None:
        if what not in self._unwritable:
            self._unwritable.add(what)
            self.notice(f"{what} can't be written: {getattr(error, 'strerror', None) or error}")

    def _label(self, target: str, server: str = "") -> str:
        """What people call it, and where, if that is an additional server."""
        facts = self._facts[target]
        if not server or server == facts.server:
            return facts.target.label
        return f"{facts.target.label} on {self._redact.cut(output.one_line(server), NAME)}"

    def _title(self, target: str, server: str = "") -> str:
        """Of an annotation: people meet it far from the log's first line."""
        return f"{'Rehearsal: ' if self._options.rehearsal else ''}{self._label(target, server)}"

    def _say(self, text: str) -> None:
        self._say_outside(lambda: self._ci.say(text))

    def _say_outside(self, act: Callable[[], None]) -> None:
        """Outside of the folded build log: this is for everybody."""
        self._log.close()
        self._spoke = self._now()
        act()
