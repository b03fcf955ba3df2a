"""The calls to one Coolify server: each is one request or two, read by the pure functions beside it (coolify-api 2, 5 and 13)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from deployer.http import Reply, TooLargeError, retry_after
from deployer.model import (
    Answer,
    Barred,
    Command,
    Done,
    Handle,
    Later,
    Prepared,
    Refused,
    RefusedError,
    Right,
    Snapshot,
    Spread,
    Started,
    Target,
    Trust,
    UnavailableError,
)
from deployer.model.text import one_line
from deployer.providers.coolify import acts, answers, back, doctor, known, stalled, statuses, tags, trigger
from deployer.providers.coolify.acts import APPLICATION, KINDS, TAG, Act
from deployer.providers.coolify.alter import Alteration, Alterer, judged
from deployer.providers.coolify.api import Api, Row, of_application
from deployer.providers.coolify.back import Back
from deployer.providers.coolify.creating import Wanted
from deployer.providers.coolify.creator import Creator
from deployer.providers.coolify.known import Known
from deployer.providers.coolify.looks import BEHIND, Looks
from deployer.providers.coolify.own_words import QUEUE_FULL, TOO_MANY
from deployer.providers.coolify.survey import Survey, of_this_list
from deployer.providers.coolify.versions import Since, Version
from deployer.providers.coolify.wish import Wish

REACH_READ = 8.0
"""Seconds for the first answer: three tries fit into the thirty seconds of architecture, rule 10."""

START_READ = 120.0
"""Seconds for the answer to a trigger: Coolify may do slow work over SSH before it answers (coolify-api 3.5)."""

QUEUE_WAIT = 60.0
OLDER_WAIT = 30.0
OLDER = (
    "an older deployment of the same commit is still going, and may not have read what was changed: it is triggered again when that is over"
)
NO_READ = (
    "the token may not read (Missing required permissions: read), so its deployment can't be followed. "
    f"Make a new one: {answers.BOXES}. Or give a second token as `read_token`, or set `wait: false`"
)
UNFOLLOWED = "the token may not read, so nothing but the trigger will be seen"
BLIND = "the answer to the trigger was lost, and the token or this version of Coolify can't list deployments"
UNLISTED = "the response to the trigger was lost, and the list of deployments can't be read"
UNCHANGED = "the answer was lost, and its status is still {}: it may have been started anew, or not"


class CoolifyServer:
    """One Coolify, one login. Keeps what the API makes a client remember, nothing else."""

    def __init__(self, api: Api, base: str, wish: Wish, alteration: Alteration | None = None, wanted: Wanted | None = None) -> None:
        self.api = api
        self.base = base
        self.wish = wish
        self.survey = Survey(api, wish)
        self._alterer = Alterer(self.survey, alteration or Alteration())
        self._creator = Creator(self.survey, wanted, self._alterer) if wanted else None
        self._back = Back(self.survey, self._alterer)
        self._undoing: dict[str, Act] = {}
        self._denied: dict[str, str] = {}
        self._stuck: dict[str, str] = {}
        self._stalls = self._told_waiting = False
        parts = urlsplit(base)
        self._pages = f"{parts.scheme}://{parts.netloc}"
        self._looks = Looks(self.survey, self._pages)

    @property
    def remaining(self) -> int | None:
        """Requests that the server still grants in this minute."""
        return self.api.remaining

    # --- before anything is started

    def reach(self, *, patience: float | None = None) -> str:
        """`GET /version`: it decides whether anything of Coolify is there (architecture 4)."""
        try:
            return self._reached(self.api.send("GET", "/version", patience=patience or REACH_READ))
        except (RefusedError, UnavailableError) as error:
            error.reason = f"{self.base}: {error.reason}"
            raise

    def _reached(self, reply: Reply) -> str:
        if answers.lacks(reply, "read"):
            if self.wish.wait and not self.wish.examines:
                raise RefusedError(NO_READ, everywhere=True)
            self.survey.blind = True
            return f"Coolify at {self.base} ({UNFOLLOWED})"
        text = reply.data.strip() if isinstance(reply.data, str) else ""
        if reply.status == 200 and answers.VERSION.fullmatch(text):
            self.survey.version = Version(text)
            return f"Coolify {text} at {self.base}"
        self.api.good(reply)
        raise UnavailableError("an answer in JSON, but not a version: `coolify_url` is not the address of a Coolify")

    def check(self, target: str) -> Target:
        """What the target is, and the newest row of its deployments; and whether it can have what is to be changed.

        Source: architecture, rule 7.
        """
        maker = self._maker(target)
        found = maker.check() if maker else Target(target)
        if not found.missing:
            found = self.survey.check(found.id)
        if self._alterer.wish and self.wish.deploys:
            patch, _ = self._alterer.plan(found.id)
            if "domains" in patch.body and not found.missing and not self.wish.examines:
                row = {**self.survey.of(found.id).row, "fqdn": patch.body["domains"]}  # where it answers once that is changed
                asked_for = known.target(APPLICATION, found.id, row, self.wish)
                found = replace(asked_for, before=found.url if found.before is None else found.before)
        return found

    def _maker(self, target: str) -> Creator | None:
        """Who finds or makes what has only a name so far."""
        return self._creator if self._creator and target == self._creator.wanted.name else None

    def _kept(self, target: str) -> tuple[str, ...]:
        return self._creator.kept(target) if self._creator else ()

    def rights(self) -> tuple[Right, ...]:
        """See doctor.py."""
        writes = "to change the application before it is deployed" if self._alterer.wish and self.wish.deploys else ""
        return doctor.rights(self.survey, writes=writes or ("to put back what ran before" if self._back.writes else ""))

    def intent(self, target: str) -> tuple[str, ...]:
        """What would be sent, and what that would do."""
        seen = self.survey.of(target)
        if self.wish.command is Command.CANCEL:
            return tuple(f"would cancel deployment {each.id}, which {each.whose}" for each in self.going(target)) or ("nothing to cancel",)
        if self.wish.command is Command.ROLLBACK:
            return self._ways_back(target)
        maker = self._maker(target)
        changes = (maker.intent(),) if maker else self._kept(target)
        changes += self._alterer.intent(target) if self._alterer.wish else ()
        undone = (self._back.outlook(target),) if self.wish.rollback and seen.kind != TAG and not seen.missing else ()
        act = acts.act(seen.kind, doctor.NEW if seen.missing else target, self.wish, self.survey.version)
        patched = self._alterer.plan(target)[0].body if self._alterer.wish and seen.row and not seen.missing else {}
        return changes + doctor.intent(act, seen, self.wish, patched) + undone

    def _ways_back(self, target: str) -> tuple[str, ...]:
        """What would be gone back to, and what else there is."""
        listed = [f"could go back to {each}" for each in self._back.candidates(target)]
        return (f"would go {self._back.on_demand(target).note}", *listed)

    def prepare(self, target: str) -> Prepared:
        """See creator.py and alter.py."""
        if maker := self._maker(target):
            return maker.make()
        prepared = self._alterer.carry_out(target) if self._alterer.wish else Prepared(())
        return replace(prepared, warnings=(*prepared.warnings, *self._kept(target), *self._back.doubts(target)))

    def altered(self, target: str) -> tuple[str, ...]:
        """See alter.py; and what was changed to put back what ran before."""
        return (*self._alterer.altered(target), *self._back.changed.get(target, ()))

    # --- starting

    def start(self, target: str) -> Answer:
        """One request that can start anything. Who may not read does not know of what kind a uuid is: a 404 starts nothing."""
        if self.wish.command is Command.ROLLBACK:
            return self._go_back(target, None)
        seen = self.survey.known.get(target)
        kinds = (seen.kind,) if seen else (TAG,) if target in self.wish.tags else (APPLICATION,) if self.wish.pr else self._guesses
        if denied := self._denied.get(acts.abilities(kinds[0], self.wish, self.survey.version)):
            return Refused(denied)  # architecture, rule 3: it would only be refused again
        for kind in kinds:
            act = acts.act(kind, target, self.wish, self.survey.version)
            reply = self.api.send(act.method, act.path, act.params, patience=START_READ)
            if act.by_deploy or not answers.is_missing(reply):
                break
        try:
            return self._fresh(self._answer(reply, act), target)
        except RefusedError as error:
            if reply.status == 403:
                self._denied[acts.abilities(act.kind, self.wish, self.survey.version)] = error.reason
            raise

    def _fresh(self, answer: Answer, target: str) -> Answer:
        """What this run has changed must go live: an older deployment is waited for then, and not taken for ours."""
        skipped = isinstance(answer, Started) and any(handle.trust is Trust.PHANTOM for handle in answer.handles)
        if not skipped or not self._alterer.done.get(target):
            return answer
        before, self._stuck[target] = self._stuck.get(target, ""), self._looks.stuck(target)
        return Refused(before) if before and self._stuck[target] else Later(OLDER_WAIT, OLDER)

    def undo(self, target: str, deployed: Handle) -> Answer:
        """See back.py."""
        return self._go_back(target, deployed)

    def _go_back(self, target: str, deployed: Handle | None) -> Answer:
        try:
            act = self._undoing[target] = self._back.act(target, deployed)
        except UnavailableError as error:
            error.arrived = False  # so far it is only read, or changed so that the same may be done again: nothing was started
            raise
        try:
            reply = self.api.send(act.method, act.path, act.params, body=act.body, patience=START_READ)
            if reply.status == 422 and act.body:
                judged(reply, act.body, self.survey.version, "to go back")
            answer = self._answer(reply, act)
        except (RefusedError, UnavailableError) as error:
            error.reason += self._back.so_far(target)
            raise
        return replace(answer, why=answer.why + self._back.so_far(target)) if isinstance(answer, (Later, Refused)) else answer

    @property
    def _guesses(self) -> tuple[str, ...]:
        """Of what kind a uuid may be, in the order in which that is tried: to start an application is to deploy anew whatever it is."""
        return KINDS[::-1] if self.wish.command is Command.START else KINDS

    def _answer(self, reply: Reply, act: Act) -> Answer:
        text = answers.message(reply)
        if reply.status == 429 and text.startswith(QUEUE_FULL):
            return self._queue_full(reply, act)
        if reply.status == 429 and text == TOO_MANY:
            wait = retry_after(reply) or QUEUE_WAIT
            raise UnavailableError(f"Coolify is asked too often ({text})", itself=True, wait=wait)
        if back.is_full(reply.status, text):
            return Later(QUEUE_WAIT, trigger.said(text))
        if reply.status == 400 and (done := statuses.already(act.kind, text)):
            return Done(done)
        if reply.status == 404 and (missing := self._missing(reply, text, act)):
            return missing
        data = answers.good(reply)
        return self._named(data, act.target) if act.kind == TAG else self._accepted(data, act)

    def _accepted(self, data: Any, act: Act) -> Started | Refused:
        answer = trigger.accepted(data, act, self.wish, blind=self.survey.blind)
        return replace(answer, note=answer.note or act.note) if isinstance(answer, Started) else answer

    def _named(self, data: Any, tag: str) -> Spread | Refused:
        """What it names is known from here on, whatever interrupts the reading of names."""
        named = tags.read(data)
        if isinstance(named, Refused):
            return named
        self.survey.named[tag] = named
        return tags.spread(tag, self.survey)

    def _queue_full(self, reply: Reply, act: Act) -> Later:
        """A tag is not sent again: what stood before the full server was queued (coolify-api 5.1)."""
        text = answers.message(reply)
        if act.kind == TAG:
            raise UnavailableError(trigger.said(text), arrived=True, itself=True)
        return Later(retry_after(reply) or QUEUE_WAIT, trigger.said(text))

    def _missing(self, reply: Reply, text: str, act: Act) -> Done | Refused | None:
        """The 404s that say something of what was asked for."""
        if act.method == "DELETE" and text == "Preview not found.":
            return Done(f"there is no preview of pull request {self.wish.pr}: nothing to delete")
        if trigger.NO_PREVIEW.fullmatch(text):
            dead = "Coolify has queued a deployment all the same, which never runs: cancel it there"
            return Refused(f"{trigger.no_preview(self.wish)}. {dead}")
        if answers.unknown_endpoint(reply):
            return Refused(f"this version of Coolify can't {act.says}: it has no {act.method} {act.path}")
        return None

    def find(self, target: str, *, patience: float | None = None) -> Started | Spread | Barred | None:
        """Architecture, rule 7: rows that are newer than the newest before our trigger, made by the API, of the same kind as ours."""
        seen = self.survey.known.get(target)
        if self.survey.blind or seen is None:
            return Barred(BLIND)
        if target in self.survey.named:
            return tags.spread(target, self.survey, ask=patience is None)
        if seen.kind == TAG:
            return self._found_tag(seen, patience)
        if seen.kind != APPLICATION or self.wish.command is Command.STOP:
            return self._found_by_status(target, seen, patience)
        return self._found_listed(target, seen, patience)

    def _found_tag(self, seen: Known, patience: float | None) -> Spread | Barred:
        """Among all that are going: what is newer than all that were going before."""
        if seen.unread:
            return Barred(UNLISTED)
        services = seen.members is not None and patience is None and bool(self.api.services())
        newer = [row for row in self.api.active(patience=patience) if self._ours(row) and trigger.number(row) > seen.newest]
        return tags.found(seen, newer, self._pages, marked=self._marked, services=services)

    def _found_listed(self, target: str, seen: Known, patience: float | None) -> Started | Barred | None:
        """In the application's list, or, where there is none to be read, among all that are going."""
        try:
            recent = self.survey.recent(target, BEHIND, newest=seen.newest, patience=patience) if seen.listed else None
            listed = of_application(target, recent)
        except (RefusedError, UnavailableError) as error:
            if isinstance(error, RefusedError) and not of_this_list(error):
                raise
            return self._found_otherwise(target, seen, error, patience)
        return self._found_running(target, seen, patience) if listed is None else self._found_newer(listed, target, seen)

    def _found_newer(self, listed: list[Row], target: str, seen: Known) -> Started | None:
        newer = [row for row in listed if trigger.number(row) > seen.newest and self._ours(row, target)]
        return trigger.oldest(newer, target, self._pages, marked=self._marked)

    def _found_otherwise(
        self, target: str, seen: Known, error: RefusedError | UnavailableError, patience: float | None
    ) -> Started | Barred:
        """The list can't be read any more: a newer row among all that are going; that there is none means nothing."""
        if found := self._found_newer(self.survey.running(target, patience=patience), target, seen):
            return found
        if isinstance(error, (RefusedError, TooLargeError)):  # the same request again would tell no more
            return Barred(UNLISTED)
        raise error

    def _found_running(self, target: str, seen: Known, patience: float | None) -> Started | Barred:
        """Without a list per application (before beta.402, or unreadable): a new row of it among all that are going."""
        if seen.running is None:
            return Barred(UNLISTED)
        rows = self.survey.running(target, patience=patience)
        newer = [row for row in rows if str(row.get("deployment_uuid")) not in seen.running and self._ours(row, target)]
        return trigger.oldest(newer, target, self._pages, marked=self._marked) or Barred(UNLISTED if seen.unread else BLIND)

    def _found_by_status(self, target: str, seen: Known, patience: float | None) -> Started | Barred | None:
        """Two looks at its status. What is done only once, however often it is asked for, may be sent again; a restart may not."""
        if self.wish.pr:
            return None  # a preview's status is in no answer, and to delete it again does nothing
        seen.doubts += 1
        status = one_line(self.api.resource(seen.kind, target, patience=patience).get("status"))
        state, before = statuses.split(status)[0], statuses.split(seen.status)[0]
        stopping = self.wish.command is Command.STOP
        if state == "exited" if stopping else state != before:
            aspect = statuses.STOPPED if stopping else statuses.RUNNING
            return Started((Handle(target, "", aspect=aspect),), f"its status has changed to {status}")
        again = self.wish.command in {Command.START, Command.STOP} or seen.doubts == 1
        return None if again else Barred(UNCHANGED.format(status or "not known"))

    def _ours(self, row: dict[str, object], target: str = "") -> bool:
        if target in self._undoing:
            return back.like(row, self._undoing[target], marked=self._marked)
        return trigger.like_ours(row, self.wish, self.survey.version)

    @property
    def _marked(self) -> bool:
        """Whether this version marks what the API has started (captured/v4.0.0-beta.434/app_deployments: false)."""
        return self.survey.version.has(Since.MARKS_API)

    # --- looking, and cancelling

    def look(self, handle: Handle) -> Snapshot:
        """See looks.py."""
        return self._looks.look(handle)

    def going(self, target: str) -> tuple[Handle, ...]:
        """From the list of all that are going; of services and databases there is none."""
        kind = self.survey.of(target).kind
        if self.survey.blind:
            raise RefusedError(f"what is to be cancelled can't be seen: {UNFOLLOWED}")
        if kind != APPLICATION:
            raise RefusedError(f"a {kind} has no deployments that could be cancelled; `command: stop` stops it")
        rows = [row for row in self.survey.running(target) if not self.wish.pr or row.get("pull_request_id") == self.wish.pr]
        if rows and not self.survey.version.has(Since.CANCEL):
            raise RefusedError(acts.NO_CANCEL)
        order = sorted(rows, key=lambda row: (row.get("status") != "in_progress", trigger.number(row)))
        return tuple(self._looks.foreign(target, row) for row in order)

    def cancel(self, handle: Handle, *, patience: float | None = None) -> str:
        """`POST /deployments/{uuid}/cancel`. The row is marked before the slow work: a 500 is read as "look again" (coolify-api 5.5)."""
        if handle.aspect:
            return "it goes on: what was asked of Coolify can't be taken back"
        self._stalls = self._stalls or not self.survey.version.has(Since.QUEUE_MOVES_ON)  # also where no answer comes
        reply = self.api.send("POST", f"/deployments/{quote(handle.id, safe='')}/cancel", patience=patience)
        text = answers.message(reply)
        if answers.unknown_endpoint(reply):
            raise RefusedError(acts.NO_CANCEL)
        if reply.status == 400 and "Current status:" in text:
            return f"already over ({text.rpartition(':')[2].strip()})"
        if reply.status == 404 and text == "Deployment not found.":
            return "there is no such deployment: it was never started, or it was deleted"
        try:
            answers.answered(reply)
        except UnavailableError as error:
            if error.arrived:
                return self._after_lost_answer(reply, handle, patience)
            raise
        return "cancelled"

    def left_waiting(self, *, patience: float | None = None) -> str:
        """Before 4.3.7: see stalled.py. Told once; nothing is asked where nothing was cancelled."""
        if not self._stalls or self._told_waiting:
            return ""
        self._stalls, told = False, stalled.waiting(self.api.active(patience=patience), self.survey.version)
        self._told_waiting = bool(told)
        return told

    def _after_lost_answer(self, reply: Reply, handle: Handle, patience: float | None) -> str:
        """Most versions answer 500 although they have cancelled, and a gateway may answer in their place: the row tells.

        Source: coolify-api 17.1.
        """
        match self._status_of(handle, patience):
            case "cancelled-by-user":
                return "cancelled"
            case "queued" | "in_progress":
                raise UnavailableError(f"Coolify did not cancel it ({answers.told(reply)})", itself=True)
            case _:
                return "cancel sent, not confirmed"

    def _status_of(self, handle: Handle, patience: float | None) -> str:
        """Empty where it can't be read."""
        try:
            row = answers.good(self.api.deployment(handle.id, patience=patience))
        except (RefusedError, UnavailableError):
            return ""
        return str(row.get("status")) if isinstance(row, dict) else ""
