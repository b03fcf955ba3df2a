"""The only loop and the only sleep: checks and starts each target, and looks at each in turn.

Which rules hold is decided in watch.py; what is said, in report. Here is only who is asked when, and what a signal may interrupt.
"""

from __future__ import annotations

from deployer import watch as rules
from deployer.model import (
    Answer,
    Barred,
    Begun,
    Checked,
    Command,
    Delayed,
    Done,
    Doubted,
    Followed,
    Interrupted,
    Later,
    Leg,
    Missed,
    Noted,
    Outcome,
    Part,
    Phase,
    Prepared,
    Refused,
    RefusedError,
    Repeated,
    Returned,
    Sight,
    Split,
    Spread,
    Started,
    Target,
    Trust,
    UnavailableError,
    Warned,
    Wavered,
    Withdrawn,
)
from deployer.run.cancelling import cancel_all, go_on
from deployer.run.doctor import Verdict, examine, proof
from deployer.run.farewell import farewell
from deployer.run.groups import part_ways, shared
from deployer.run.reach import RETRY, reach
from deployer.run.story import GRACE, Scene, Stage, Story, ours, shown, sleep, stop, waiting
from deployer.watch import Watch

SEARCH_AGAIN = 5.0
FAILURES = 3
"""Triggers that the server itself breaks at, or that a gateway answers in its place, after which no more is sent."""

FAILED = "the server failed {} times and started nothing: {}"
KEPT_OUT = (
    "{} triggers were answered by a gateway in front of the platform, and no deployment was found: {}. Let POST requests through to its API"
)
MISSES = 3
"""Looks in a row that fail, after which `wait: false` waits no longer to see whether what was named exists."""

UNCONFIRMED = "could not confirm that the deployment exists: {}"
NO_SITE = "no address of it is known"


def _patience(losses: int) -> float:
    """Seconds until the last look for a trigger of which nothing came, after which it is sent again: each time later."""
    return float(min(60, SEARCH_AGAIN * 2 ** max(losses - 1, 0)))


def _first(going: list[Story], *, alters: bool) -> Story:
    """Who is due first; but nothing is changed before every target was checked."""
    checking = alters and any(story.stage is Stage.CHECK for story in going)
    return min(going, key=lambda one: (checking and one.stage is Stage.PREPARE, one.due))


class Run:
    """One run: the plan, the two edges, the clock, and a story per target."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.plan = scene.plan
        self.provider = scene.provider
        self.report = scene.report
        self.clock = scene.clock
        self.stories = [Story(target, scene) for target in scene.plan.targets]
        for story in self.stories:
            story.peers = self.stories
        self._closed = ""
        self._verdict: Verdict | None = None

    def outcome(self) -> Outcome:
        """Every story to its end."""
        try:
            if unreached := reach(self.scene):
                for story in self.stories:
                    story.end(unreached.outcome, unreached.reason)
            else:
                self._tell_all()
        except Interrupted as signal:
            farewell(self.scene, self.stories, str(signal))
        return Outcome.worst([story.outcome for story in self.stories if story.outcome])

    # --- the loop

    def _tell_all(self) -> None:
        acts = {
            Stage.CHECK: self._check,
            Stage.PREPARE: self._prepare,
            Stage.START: self._start if self.plan.changes else self._examine,
            Stage.CANCEL: self._cancel,
            Stage.FIND: self._find,
            Stage.WATCH: self._watch,
        }
        while going := self._going():
            story = _first(going, alters=self.plan.alters)
            sleep(self.scene, story.due - self.clock.now())
            self.clock.set_deadline(story.time_left)
            acts[story.stage](story)
            if self._closed:  # architecture, rule 3: no storm of refused requests
                for other in [story for story in self.stories if not story.visits]:
                    self._close(other)

    def _going(self) -> list[Story]:
        """Those that are not over; what is held ends once no group of this run may deploy it any more."""
        for story in self.stories:
            if story.stage is Stage.HELD and not story.awaited:
                story.release()
        return [story for story in self.stories if story.stage not in {Stage.HELD, Stage.OVER}]

    def _check(self, story: Story) -> None:
        try:
            with self.clock.interruptible():
                target = self.provider.check(story.target)
        except RefusedError as error:
            self._refused(story, error)
        except UnavailableError as error:
            self._delay(story, error)
        else:
            story.sent = False
            if target.id != story.target and not self._identify(story, target.id):
                return
            if not story.checked:
                story.checked, story.trouble = True, ""
                self.report(Checked(target))
                story.warn(target.warnings)
            story.url, story.group = target.url, target.group
            if self.plan.own_site and not target.url and not target.group and not target.missing:
                story.end(Outcome.REFUSED, f"`verify_url: auto`: {NO_SITE}. Give the address itself")
            elif self.plan.changes and self.plan.command is Command.CANCEL:
                story.go(Stage.CANCEL)
            else:
                prepares = self.plan.changes and (self.plan.alters or self.plan.rollback)  # what a way back needs is known before
                story.go(Stage.PREPARE if prepares and not story.prepared else Stage.START)

    def _prepare(self, story: Story) -> None:
        """What is to be changed before the start. A target that is refused keeps the others from being changed, too."""
        refused = next((other.target for other in self.stories if other.outcome is Outcome.REFUSED and not other.prepared), "")
        if refused and self.plan.alters:
            nothing = "nothing more" if self.provider.altered(story.target) else "nothing"  # an answer may have been lost before
            story.end(Outcome.REFUSED, f"{nothing} was changed, because {refused} was refused")
            return
        doubtful = story.preparing
        try:
            with self.clock.grace(GRACE):
                story.preparing = self.plan.alters
                prepared = self.provider.prepare(story.target)
        except RefusedError as error:
            self._refused(story, error)
        except UnavailableError as error:
            story.preparing = doubtful or (error.arrived and self.plan.alters)
            self._delay(story, error)
        else:
            story.preparing, story.prepared, story.trouble = False, not prepared.made, ""
            self._prepared(story, prepared)

    def _prepared(self, story: Story, prepared: Prepared) -> None:
        story.coming = prepared.told if prepared.handles else ()
        story.tell_changed(() if prepared.handles else prepared.told, made=bool(prepared.made))
        for sentence in prepared.kept:
            self.report(Noted(story.target, sentence))
        for warning in prepared.warnings:
            self.report(Warned(story.target, warning))
        if prepared.made:
            self._identify(story, prepared.made)
        story.go(Stage.CHECK if prepared.made else Stage.START)
        if prepared.handles:
            self._begin(story)
            story.follow(Leg.STAGING, prepared.handles)
            for handle in prepared.handles:
                self.report(Followed(story.target, handle, leg=Leg.STAGING))

    def _identify(self, story: Story, uuid: str) -> bool:
        """What was named is told and asked for by its own id from here on. Whether nothing else of this run is the same."""
        if any(other.target == uuid for other in self.stories):
            story.end(Outcome.REFUSED, f"it is {uuid}, which is given, too: give it once")
            return False
        self.report(Split(story.target, (Target(uuid),), gone=True))
        story.target, story.checked = uuid, False
        return True

    def _begin(self, story: Story) -> None:
        if story.began is None:
            story.began = self.clock.now()
            self.report(Begun(story.target))

    def _start(self, story: Story) -> None:
        if story.began is None:
            self._begin(story)
        elif story.left <= 0:  # nothing is started that nobody would wait for
            story.end(Outcome.TIMED_OUT, story.trouble or "no time was left to trigger it")
            return
        try:
            with self.clock.grace(GRACE):
                story.sent = True
                answer = self._trigger(story)
                self._keep(story, answer)
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

    def _trigger(self, story: Story) -> Answer:
        """The one request that can start anything: the deployment, or the way back from it."""
        if story.undone and story.deployed:
            return self.provider.undo(story.target, story.deployed)
        return self.provider.start(story.target)

    def _answered(self, story: Story, answer: Answer) -> None:
        if story.returns:
            story.tell_changed(self.provider.altered(story.target))
        match answer:
            case Refused(why):
                story.end(Outcome.REFUSED, why)
            case Done(note):
                story.end(Outcome.FINISHED, note)
            case Spread():
                self._spread(story, answer)
            case Later(seconds, why):
                story.sent, story.trouble, story.doubted = False, why, False  # the server has answered: nothing older is under way
                self._wait_for(story, seconds, why)
            case Started(handles, note):
                story.trouble, story.doubted = "", False
                story.tell_changed(story.coming)
                story.coming = ()
                for handle in handles:
                    self.report(Followed(story.target, handle, note, story.leg))
                if not handles or not (self.plan.wait or any(handle.trust is not Trust.SURE for handle in handles)):
                    story.end(Outcome.TRIGGERED, note)

    def _keep(self, story: Story, answer: Answer | Barred | None) -> None:
        """What was started is known from here on, whatever a signal does; nothing is said yet."""
        if isinstance(answer, Started):
            story.follow(story.first_leg, answer.handles)
        elif isinstance(answer, Spread):
            part_ways(self.stories, story, answer)

    def _spread(self, story: Story, answer: Spread) -> None:
        """A group's parts go their own ways; the group itself only has an end where something of it can't be followed."""
        gone = bool(answer.parts) and not answer.rest
        mine = {child.target: child for child in story.children}
        parts = [part for part in answer.parts if part.target.id in mine]
        for part, other in shared(self.stories, story, answer):
            self._tell_shared(story, part, other)
        self.report(Split(story.target, tuple(part.target for part in parts), gone=gone))
        for part in parts:
            self.report(Checked(part.target))
            if self.plan.own_site and not part.target.url:
                self.report(Warned(part.target.id, f"`verify_url: auto`: {NO_SITE}, so that nothing is asked"))
            if part.handle:
                self._answered(mine[part.target.id], Started((part.handle,)))
        if gone:
            self.stories.remove(story)
        else:
            story.end(answer.outcome, answer.rest)

    def _tell_shared(self, story: Story, part: Part, other: Story) -> None:
        """A second group of this run has deployed the same target."""
        uuid = part.handle.id if part.handle else ""
        watched = [watch.handle.id for watch in other.watches] if other.stage is Stage.WATCH else []
        if part.handle and watched == [uuid] and (other.doubted or other.resumed):
            other.resumed = False
            self._answered(other, Started((part.handle,)))
        followed = uuid in (*watched, *(handle.id for handle in other.more))
        why = "" if followed else " (not followed: its first deployment was over already)"
        self.report(Noted(story.target, f"it has deployed {part.target.label}, too: {uuid}{why}"))

    def _cancel(self, story: Story) -> None:
        """`command: cancel` (see cancelling.py)."""
        self._begin(story)
        try:
            self._closed = cancel_all(self.scene, story) or self._closed
        except RefusedError as error:
            self._refused(story, error)
        except UnavailableError as error:
            self._delay(story, error)
        else:
            go_on(self.scene, story)

    # --- nothing is to be changed

    def _examine(self, story: Story) -> None:
        """`command: check` and `dry_run`: what the login may do, once, and what would be done with this target."""
        try:
            with self.clock.interruptible():
                self._verdict = self._verdict or examine(self.scene)
                for sentence in (*self.provider.intent(story.target), *proof(self.plan, story.url)):
                    self.report(Noted(story.target, sentence))
        except RefusedError as error:
            self._refused(story, error)
        except UnavailableError as error:
            self._delay(story, error)
        else:
            story.end(self._verdict.outcome, self._verdict.reason)

    # --- a trigger whose answer was lost (architecture, rule 7)

    def _doubt(self, story: Story, error: UnavailableError) -> None:
        story.doubted, story.losses = True, story.losses + 1
        story.failures += bool(error.failure or error.from_gateway)
        story.failure = (KEPT_OUT if error.from_gateway else FAILED).format(FAILURES, error.failure or error.reason)
        story.searches, story.trouble, story.again = 0, error.reason, ""
        self.report(Doubted(story.target, error.reason))
        story.go(Stage.FIND, min(error.wait, max(story.left, 0)))

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

    def _found(self, story: Story, found: Started | Spread | Barred | None) -> None:
        self._keep(story, found)
        match found:
            case Started() | Spread():
                self._answered(story, found)
            case Barred(reason):
                story.end(Outcome.LOST, reason)
            case None if story.searches == 0:
                story.searches = 1
                story.go(Stage.FIND, min(_patience(story.losses), max(story.left, 0)))
            case None if story.failures >= FAILURES:
                story.stage, story.doubted = Stage.START, False  # the server has answered each time, and there is nothing
                story.end(Outcome.REFUSED, story.failure)
            case None:
                story.sent = False
                self._again(story, Stage.START, "no deployment of it was found")

    # --- waiting

    def _watch(self, story: Story) -> None:
        now = self.clock.now()
        for index, watch in enumerate(story.watches):
            if watch.ending is None and story.looks[index] <= now:
                self._look(story, index, watch)
                if self._closed and not story.visits:
                    return
        if not self.plan.wait and story.leg is not Leg.STAGING and all(watch.met or watch.missed >= MISSES for watch in story.watches):
            unseen = next((watch.trouble for watch in story.watches if not watch.met), "")
            story.end(Outcome.TRIGGERED, UNCONFIRMED.format(unseen) if unseen else "")
            return
        coming = [look for look, watch in zip(story.looks, story.watches, strict=True) if watch.ending is None]
        if coming:
            story.due = min(coming)
        else:
            self._leg_over(story)

    def _look(self, story: Story, index: int, watch: Watch) -> None:
        with self.clock.interruptible():
            sight = self._sight(story, watch)
        now = self.clock.now()
        story.watches[index], events = rules.observe(watch, sight, now)
        story.looks[index] = now + self._pause(story.watches[index], now)
        for event in events:
            self.report(event)

    def _pause(self, watch: Watch, now: float) -> float:
        count = sum(len(story.watches) for story in self.stories if story.stage is Stage.WATCH)
        return rules.pause(watch, now, targets=count, fixed=self.plan.poll_interval, remaining=self.provider.remaining)

    def _sight(self, story: Story, watch: Watch) -> Sight:
        if watch.leg is Leg.VERIFY and self.scene.visit:
            return self.scene.visit(story.url)
        try:
            return self.provider.look(watch.handle)
        except RefusedError as error:
            self._closed = self._closed or (error.reason if error.everywhere else "")
            return Barred(error.reason)
        except UnavailableError as error:
            return Missed(error.reason, error.wait)

    def _leg_over(self, story: Story) -> None:
        watches, over = tuple(story.watches), story.repeated or story.left <= 0
        step = rules.after(story.leg, watches, repeated=over, so_far=story.so_far, aims=self._aims(story))
        if story.more and isinstance(step, rules.Final | rules.Back):
            self._follow_more(story, step)
            return
        match step:
            case rules.Again(why):
                story.repeated, story.watches = True, []
                self._again(story, Stage.CHECK, why)
            case rules.Full(seconds, why):
                story.watches, story.sent, story.trouble = [], False, why
                story.stage = Stage.START
                self._wait_for(story, seconds, why)
            case rules.Ready():
                story.watches = []
                story.go(Stage.START)
            case rules.Onward(leg, handles, since, so_far):
                story.so_far = so_far
                story.follow(leg, handles, since)
                for handle in handles:
                    self.report(Followed(story.target, handle, leg=leg))
            case rules.Back(so_far):
                self._go_back(story, so_far)
            case rules.Final(outcome, reason, _, warning, unseen):
                self._stop_late(story)
                for sentence in filter(None, (warning, unseen)):
                    self.report(Warned(story.target, sentence))
                story.end(outcome, reason)

    def _follow_more(self, story: Story, step: rules.Final | rules.Back) -> None:
        """What another group of this run has deployed of the same target meanwhile."""
        story.so_far = step if isinstance(step, rules.Final) else step.so_far
        handles, story.more = story.more, ()
        story.follow(Leg.DEPLOYMENT, handles)
        for handle in handles:
            self.report(Followed(story.target, handle))

    def _aims(self, story: Story) -> rules.Aims:
        site = self.scene.visit is not None and (bool(story.url) or not self.plan.own_site)
        return rules.Aims(strict=self.plan.strict, site=site, rollback=self.plan.rollback and not story.undone)

    def _go_back(self, story: Story, so_far: rules.Final) -> None:
        """What ran before, but for a deployment that we only follow: that is somebody else's."""
        if self._closed or (story.deployed and story.deployed.adopted):
            whose = "may be somebody else's" if story.deployed and story.deployed.perhaps else "was started by somebody else"
            why = self._closed or f"the deployment {whose}"
            self.report(Warned(story.target, f"not rolled back: {why}"))
            story.end(so_far.outcome, so_far.reason)
            return
        self.report(Returned(story.target, so_far.reason))
        story.go_back(so_far)

    def _stop_late(self, story: Story) -> None:
        """`on_timeout: cancel` stops what we started, unless it is deployed already and only its last command runs."""
        for watch in story.watches if story.leg not in {Leg.HEALTH, Leg.VERIFY} and not story.returns else ():
            late = watch.ending is not None and watch.ending.end is rules.End.LATE
            if self.plan.cancel_on_timeout and late and ours(watch) and watch.phase is not Phase.SUCCEEDED and not self._closed:
                with self.clock.grace(GRACE):
                    how, refused = stop(self.scene, watch)
                    left = waiting(self.scene)
                self._closed = refused
                self.report(Withdrawn(story.target, shown(watch), how))
                if left:
                    self.report(Warned(story.target, left))

    # --- small steps

    def _delay(self, story: Story, error: UnavailableError) -> None:
        """The same again later: an outage is waited through until `timeout`."""
        if error.final and not story.in_doubt:
            self._bar(story, error.reason)
            return
        if error.reason != story.trouble:
            story.trouble = error.reason
            self.report(Wavered(story.target, error.reason))
        self._wait_for(story, max(error.wait, RETRY), "")

    def _wait_for(self, story: Story, seconds: float, why: str) -> None:
        """The same stage again after so many seconds, as far as `timeout` lets it."""
        story.blocked = self.clock.now() if story.blocked is None else story.blocked
        if story.left <= 0:
            story.end(Outcome.LOST if story.in_doubt else Outcome.TIMED_OUT, why or story.trouble)
            return
        seconds = min(seconds, story.left)
        if why:
            self.report(Delayed(story.target, seconds, why))
        story.go(self._before_start(story) if story.stage is Stage.START else story.stage, seconds)

    def _before_start(self, story: Story) -> Stage:
        """The newest row is read anew, a later one may be somebody else's; but an earlier trigger in doubt is looked for first.

        Source: architecture, rule 7.
        """
        if story.doubted:
            story.searches = 1
            return Stage.FIND
        return Stage.CHECK

    def _again(self, story: Story, stage: Stage, why: str) -> None:
        """Triggered once more, as far as `timeout` lets it."""
        if story.left <= 0:
            story.end(Outcome.TIMED_OUT, story.trouble or why)
            return
        if why != story.again:  # after a full queue the same is looked for every time
            self.report(Repeated(story.target, why))
        story.again, story.checked = why, False
        story.go(stage)

    def _refused(self, story: Story, error: RefusedError) -> None:
        self._closed = self._closed or (error.reason if error.everywhere else "")
        self._bar(story, error.reason)

    def _close(self, story: Story) -> None:
        """Nothing more may be asked: what was seen of a deployment counts, the rest is barred."""
        while story.stage is Stage.WATCH and not story.visits:  # what follows from an end that was seen is barred, too
            sight = Barred(self._closed)
            story.watches = [watch if watch.ending else rules.observe(watch, sight, 0)[0] for watch in story.watches]
            story.repeated = True  # no trigger of ours would be taken any more
            self._leg_over(story)
        if not story.visits:
            self._bar(story, self._closed)

    def _bar(self, story: Story, reason: str) -> None:
        """Architecture, rule 3: what was never sent is refused; what was sent, or perhaps, is lost."""
        if story.stage not in {Stage.HELD, Stage.OVER}:
            story.end(Outcome.LOST if story.in_doubt else Outcome.REFUSED, reason)
