"""The only loop and the only sleep: checks and starts each target, looks at each in turn, and stops what it started when it must.

Which rules hold is decided in watch.py; what is said, in report.py. Here is only who is asked when, and what a signal may interrupt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from deployer import watch as rules
from deployer.clock import Clock, Expired, Interrupted
from deployer.model import (
    Barred,
    Begun,
    Checked,
    Delayed,
    Doubted,
    Ended,
    Event,
    Followed,
    Handle,
    Later,
    Leg,
    Missed,
    Outcome,
    Phase,
    Plan,
    Reached,
    Refused,
    RefusedError,
    Repeated,
    Sight,
    Started,
    Stopped,
    Trust,
    UnavailableError,
    Waited,
    Wavered,
    Withdrawn,
)
from deployer.watch import Watch

if TYPE_CHECKING:
    from deployer.providers.contract import Provider

Report = Callable[[Event], None]

GRACE = 2.0
"""Real seconds that a trigger under way still gets when the job is stopped (rule 8)."""

FAREWELL = 5.0
"""Real seconds after the signal in which we still send anything: GitHub kills after ten (contract ci 1.9)."""

FAREWELL_READ = 1.0
SEARCH_AGAIN = 5.0
RETRY = 5.0
FAILURES = 3


class Stage(Enum):
    """What a story does next."""

    CHECK = "check"
    START = "start"
    FIND = "find"
    WATCH = "watch"
    OVER = "over"


@dataclass
class Story:
    """One target's way from its check to its outcome. The only thing here that changes."""

    target: str
    stage: Stage = Stage.CHECK
    due: float = 0
    began: float | None = None
    blocked: float | None = None
    sent: bool = False
    leg: Leg = Leg.DEPLOYMENT
    watches: list[Watch] = field(default_factory=list)
    repeated: bool = False
    searches: int = 0
    failures: int = 0
    trouble: str = ""
    outcome: Outcome | None = None


def run(plan: Plan, provider: Provider, report: Report, clock: Clock) -> Outcome:
    """Do what the plan says; the worst target's outcome."""
    return Run(plan, provider, report, clock).outcome()


class Run:
    """One run: the plan, the two edges, the clock, and a story per target."""

    def __init__(self, plan: Plan, provider: Provider, report: Report, clock: Clock) -> None:
        self.plan = plan
        self.provider = provider
        self.report = report
        self.clock = clock
        self.stories = [Story(target) for target in plan.targets]
        self._closed = ""

    def outcome(self) -> Outcome:
        """Every story to its end."""
        try:
            if self._reach():
                self._tell_all()
        except Interrupted as signal:
            self._farewell(str(signal))
        return Outcome.worst([story.outcome for story in self.stories if story.outcome])

    # --- before anything is sent that could start something

    def _reach(self) -> bool:
        """Rule 10: patience is short until the server has once answered as itself, and long from then on."""
        began = self.clock.now()
        tries, trouble, met = 0, "", False
        while True:
            try:
                with self.clock.interruptible():
                    platform = self.provider.reach()
                self.report(Reached(platform))
            except RefusedError as error:
                return self._all_end(Outcome.REFUSED, str(error))
            except UnavailableError as error:
                tries, met = tries + 1, met or error.itself
                now = self.clock.now()
                if error.final:
                    return self._all_end(Outcome.UNREACHABLE, error.reason)
                again = max(error.wait, RETRY) if met else rules.reach_again(tries, began, now)
                if met and now - began >= self.plan.timeout:
                    return self._all_end(Outcome.TIMED_OUT, f"nothing was started: {error.reason}")
                if again is None:
                    return self._all_end(Outcome.UNREACHABLE, f"{error.reason} ({tries} tries in {now - began:.0f} s)")
                if error.reason != trouble:
                    self.report(Wavered("", error.reason))
                    trouble = error.reason
                self.clock.sleep(again)
            else:
                return True

    def _all_end(self, outcome: Outcome, reason: str) -> bool:
        for story in self.stories:
            self._end(story, outcome, reason)
        return False

    # --- the loop

    def _tell_all(self) -> None:
        acts = {Stage.CHECK: self._check, Stage.START: self._start, Stage.FIND: self._find, Stage.WATCH: self._watch}
        while going := [story for story in self.stories if story.stage is not Stage.OVER]:
            story = min(going, key=lambda one: one.due)
            delay = story.due - self.clock.now()
            if delay > 0:
                self.report(Waited())
                self.clock.sleep(delay)
            acts[story.stage](story)
            if self._closed:  # rule 3: no storm of refused requests
                for other in self.stories:
                    self._bar(other, self._closed)

    def _check(self, story: Story) -> None:
        try:
            with self.clock.interruptible():
                target = self.provider.check(story.target)
        except RefusedError as error:
            self._refused(story, error)
        except UnavailableError as error:
            self._delay(story, error)
        else:
            story.trouble = ""
            self.report(Checked(target))
            self._go(story, Stage.START)

    def _start(self, story: Story) -> None:
        if story.began is None:
            story.began = self.clock.now()
            self.report(Begun(story.target))
        try:
            with self.clock.grace(GRACE):
                story.sent = True
                answer = self.provider.start(story.target)
                if isinstance(answer, Started):
                    self._follow(story, Leg.DEPLOYMENT, answer.handles)
        except RefusedError as error:
            self._refused(story, error)
        except UnavailableError as error:
            story.sent = error.arrived
            if error.arrived:
                self._doubt(story, error)
            else:
                self._delay(story, error)
        else:
            self._answered(story, answer)

    def _answered(self, story: Story, answer: Started | Later | Refused) -> None:
        match answer:
            case Refused(why):
                self._end(story, Outcome.REFUSED, why)
            case Later(seconds, why):
                story.sent = False
                self._wait_for(story, seconds, why)
            case Started(handles, note):
                for handle in handles:
                    self.report(Followed(story.target, handle, note))
                if not handles or not self.plan.wait:
                    self._end(story, Outcome.TRIGGERED, note)

    def _follow(self, story: Story, leg: Leg, handles: tuple[Handle, ...]) -> None:
        """From here on the handles are known, whatever a signal does."""
        now = self.clock.now()
        deadline = (now if story.began is None else story.began) + self.plan.timeout
        story.leg, story.watches = leg, [Watch(handle, began=now, deadline=deadline) for handle in handles]
        self._go(story, Stage.WATCH)

    # --- a trigger whose answer was lost (rule 7)

    def _doubt(self, story: Story, error: UnavailableError) -> None:
        story.failures += bool(error.failure)
        story.searches = 0
        story.trouble = error.failure or error.reason
        self.report(Doubted(story.target, error.reason))
        self._go(story, Stage.FIND)

    def _find(self, story: Story) -> None:
        try:
            with self.clock.interruptible():
                found = self.provider.find(story.target)
        except RefusedError as error:
            self._refused(story, error)
        except UnavailableError as error:
            self._delay(story, error)
        else:
            self._found(story, found)

    def _found(self, story: Story, found: Started | Barred | None) -> None:
        match found:
            case Started(handles, note):
                self._follow(story, Leg.DEPLOYMENT, handles)
                self._answered(story, Started(handles, note))
            case Barred(reason):
                self._end(story, Outcome.LOST, reason)
            case None if story.searches == 0:
                story.searches = 1
                self._go(story, Stage.FIND, SEARCH_AGAIN)
            case None if story.failures >= FAILURES:
                self._end(story, Outcome.REFUSED, f"the server failed {FAILURES} times and started nothing: {story.trouble}")
            case None:
                story.sent = False
                self.report(Repeated(story.target, "nothing was started by the trigger whose answer was lost"))
                self._go(story, Stage.START)

    # --- waiting

    def _watch(self, story: Story) -> None:
        now = self.clock.now()
        for index, watch in enumerate(story.watches):
            if watch.ending is None:
                with self.clock.interruptible():
                    sight = self._sight(watch.handle)
                now = self.clock.now()
                story.watches[index], events = rules.observe(watch, sight, now)
                for event in events:
                    self.report(event)
        going = [watch for watch in story.watches if watch.ending is None]
        if going:
            self._go(story, Stage.WATCH, min(self._pause(watch, now) for watch in going))
        else:
            self._leg_over(story)

    def _pause(self, watch: Watch, now: float) -> float:
        count = sum(len(story.watches) for story in self.stories if story.stage is Stage.WATCH)
        return rules.pause(watch, now, targets=count, fixed=self.plan.poll_interval, remaining=self.provider.remaining)

    def _sight(self, handle: Handle) -> Sight:
        try:
            return self.provider.look(handle)
        except RefusedError as error:
            self._closed = self._closed or (error.reason if error.everywhere else "")
            return Barred(error.reason)
        except UnavailableError as error:
            return Missed(error.reason, error.wait)

    def _leg_over(self, story: Story) -> None:
        match rules.after(story.leg, tuple(story.watches), repeated=story.repeated):
            case rules.Again(why):
                story.repeated, story.watches = True, []
                self.report(Repeated(story.target, why))
                self._go(story, Stage.CHECK)
            case rules.Onward(leg, handles):
                self._follow(story, leg, handles)
                for handle in handles:
                    self.report(Followed(story.target, handle))
            case rules.Final(outcome, reason):
                if outcome is Outcome.TIMED_OUT:
                    self._timed_out(story)
                self._end(story, outcome, reason)

    def _timed_out(self, story: Story) -> None:
        """`on_timeout: cancel` stops what we started, unless it is deployed already and only its last command runs."""
        for watch in story.watches:
            if self.plan.cancel_on_timeout and _ours(watch) and watch.phase is not Phase.SUCCEEDED:
                try:
                    with self.clock.grace(GRACE):
                        how = self.provider.cancel(watch.handle)
                except (RefusedError, UnavailableError) as error:
                    how = f"it could not be cancelled: {error}"
                self.report(Withdrawn(story.target, watch.handle, how))

    # --- small steps

    def _go(self, story: Story, stage: Stage, delay: float = 0) -> None:
        story.stage = stage
        story.due = self.clock.now() + delay

    def _delay(self, story: Story, error: UnavailableError) -> None:
        """The same again later: an outage is waited through until `timeout`."""
        if error.reason != story.trouble:
            story.trouble = error.reason
            self.report(Wavered(story.target, error.reason))
        self._wait_for(story, max(error.wait, RETRY), "")

    def _wait_for(self, story: Story, seconds: float, why: str) -> None:
        now = self.clock.now()
        story.blocked = now if story.blocked is None else story.blocked
        left = (story.blocked if story.began is None else story.began) + self.plan.timeout - now
        if left <= 0:
            in_doubt = story.stage is Stage.FIND
            self._end(story, Outcome.LOST if in_doubt else Outcome.TIMED_OUT, why or story.trouble)
            return
        if why:
            self.report(Delayed(story.target, seconds, why))
        self._go(story, story.stage, min(seconds, left))

    def _refused(self, story: Story, error: RefusedError) -> None:
        self._closed = self._closed or (error.reason if error.everywhere else "")
        self._bar(story, error.reason)

    def _bar(self, story: Story, reason: str) -> None:
        """Rule 3: what was never sent is refused; what was sent, or perhaps, is lost."""
        if story.stage is not Stage.OVER:
            in_doubt = story.stage in {Stage.FIND, Stage.WATCH}
            self._end(story, Outcome.LOST if in_doubt else Outcome.REFUSED, reason)

    def _end(self, story: Story, outcome: Outcome, reason: str = "") -> None:
        """Rule 6: `Ended` is the last event of a story, once."""
        story.stage, story.outcome = Stage.OVER, outcome
        self.report(Ended(story.target, outcome, reason))

    # --- the job is stopped (rule 8)

    def _farewell(self, signal: str) -> None:
        self.report(Stopped(signal))
        going = [story for story in self.stories if story.stage is not Stage.OVER]
        for story in going:
            if story.sent and story.stage in {Stage.START, Stage.FIND}:
                self._find_once(story)
        ours = [(story, watch) for story in going for watch in story.watches if _going(watch) and _ours(watch)]
        for story, watch in sorted(ours, key=lambda pair: pair[1].phase is not Phase.RUNNING):
            how = self._withdraw(watch.handle) if self.plan.cancel_on_interrupt else "left running, as `on_interrupt: leave` says"
            self.report(Withdrawn(story.target, watch.handle, how))
        for story in going:
            self._end(story, Outcome.INTERRUPTED, f"the job was stopped ({signal})")

    def _left(self) -> float:
        return FAREWELL - self.clock.since_stop()

    def _find_once(self, story: Story) -> None:
        try:
            with self.clock.limit(self._left()):
                found = self.provider.find(story.target, patience=FAREWELL_READ)
        except (RefusedError, UnavailableError, Expired):
            found = None
        if isinstance(found, Started):
            self._follow(story, Leg.DEPLOYMENT, found.handles)
            for handle in found.handles:
                self.report(Followed(story.target, handle, found.note))

    def _withdraw(self, handle: Handle) -> str:
        if self._left() <= 0:
            return "not reached in time: it may still be running"
        try:
            with self.clock.limit(self._left()):
                return self.provider.cancel(handle, patience=FAREWELL_READ)
        except UnavailableError as error:
            return "cancel sent, not confirmed" if error.arrived else f"not reached ({error.reason}): it may still be running"
        except Expired:
            return "cancel sent, not confirmed"
        except RefusedError as error:
            return f"it could not be cancelled: {error}"


def _going(watch: Watch) -> bool:
    return watch.ending is None or watch.ending.end is rules.End.LATE


def _ours(watch: Watch) -> bool:
    """What somebody else started we never touch; what never existed we can't."""
    return not watch.handle.adopted and watch.handle.trust is not Trust.PHANTOM
