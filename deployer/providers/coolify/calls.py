"""The calls to one Coolify server: each is one request or two, read by the pure functions beside it (contract sections 2, 5 and 13)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from deployer.http import Http, Reply, TooLargeError
from deployer.model import (
    Barred,
    Handle,
    Later,
    Phase,
    Refused,
    RefusedError,
    Snapshot,
    Started,
    Target,
    Trust,
    UnavailableError,
)
from deployer.providers.coolify import answers, rows, trigger
from deployer.providers.coolify.trigger import Wish

REACH_READ = 8.0
"""Seconds for the first answer: three tries fit into the thirty seconds of rule 10."""

START_READ = 120.0
"""Seconds for the answer to a trigger: Coolify may do slow work over SSH before it answers (contract 3.5)."""

FULL_QUEUE = (
    "the server's deployment queue is full: Coolify answered with a deployment that does not exist, and nothing was started. "
    "Try again when the deployments before it have ended"
)
GONE_HOLD = 2.0
NEWEST = 3
"""Rows that are read for the newest: rows of the same second come in any order (captured/v4.0.0/app_deployments)."""

NO_READ = (
    "the token may not read (Missing required permissions: read), so its deployment can't be followed. "
    f"Make a new one: {answers.BOXES}. Or set `wait: false`"
)
UNFOLLOWED = "the token may not read, so nothing but the trigger will be seen"
BLIND = "the answer to the trigger was lost, and the token or this version of Coolify can't list deployments: it may have been started"
LARGE = "the build log has grown above 64 MiB: it is not shown any more, only the status still counts"


@dataclass
class Known:
    """What `check` has seen of a target, for `find` and `look`."""

    newest: int = 0
    running: frozenset[str] = frozenset()
    listed: bool = False
    post_command: bool = False


@dataclass
class CoolifyServer:
    """One Coolify, one token. Keeps what the contract makes a client remember, nothing else."""

    http: Http
    base: str
    wish: Wish
    remaining: int | None = None
    blind: bool = False
    marks_api: bool = True
    known: dict[str, Known] = field(default_factory=dict)

    # --- what run calls

    def reach(self) -> str:
        """`GET /version`: it decides whether anything of Coolify is there (design.md section 4)."""
        try:
            return self._reached(self._send("GET", "/version", patience=REACH_READ))
        except (RefusedError, UnavailableError) as error:
            error.reason = f"{self.base}: {error.reason}"
            raise

    def check(self, target: str) -> Target:
        """The application's name and address, and the newest row of its deployments (rule 7)."""
        if self.blind:
            return Target(target)
        try:
            row = self._get(f"/applications/{quote(target, safe='')}")
        except RefusedError as error:
            if error.everywhere:
                raise
            raise RefusedError(
                f"Coolify knows no application {target}: the uuid is wrong, or the token belongs to another team. {error}"
            ) from error
        row = row if isinstance(row, dict) else {}
        known = self.known[target] = Known(post_command=bool(row.get("post_deployment_command")))
        listed = self._listed(target, NEWEST)
        known.listed = listed is not None
        known.newest = max((trigger.number(each) for each in listed or ()), default=0)
        if listed is None:
            known.running = frozenset(str(each.get("deployment_uuid")) for each in self._running(target))
        return Target(target, name=str(row.get("name") or ""), kind="application", url=_address(row.get("fqdn")))

    def start(self, target: str) -> Started | Later | Refused:
        """One POST with its parameters in the query, and no `force` at all when not forcing (contract 5.1, 5.2)."""
        params = {"force": "true"} if self.wish.force else {}
        if self.wish.instant:
            path, params = f"/applications/{quote(target, safe='')}/start", {**params, "instant_deploy": "true"}
        else:
            path, params = "/deploy", {"uuid": target, **params}
        reply = self._send("POST", path, params, patience=START_READ)
        if reply.status == 429 and reply.is_json:
            text = answers.message(reply)
            if text.startswith(answers.QUEUE_FULL):
                return Refused(f"Coolify says: {text}")
            return Later(answers.seconds(reply) or 60, f"Coolify is asked too often ({text})")
        return trigger.accepted(answers.good(reply), target, self.wish, blind=self.blind)

    def find(self, target: str, *, patience: float | None = None) -> Started | Barred | None:
        """Rule 7: rows that are newer than the newest before our trigger, made by the API, with the same `force`."""
        known = self.known.get(target)
        if self.blind or known is None:
            return Barred(BLIND)
        if not known.listed:
            self.marks_api = False
            return self._found_running(target, known, patience)
        listed = self._listed(target, 10, patience=patience)
        if listed is None:
            return Barred(BLIND)
        return self._oldest(target, [row for row in listed if trigger.number(row) > known.newest])

    def look(self, handle: Handle) -> Snapshot:
        """`GET /deployments/{uuid}`; behind a phantom, the application's list."""
        if handle.trust is Trust.PHANTOM:
            return self._behind(handle)
        try:
            reply = self._send("GET", f"/deployments/{quote(handle.id, safe='')}")
        except TooLargeError as large:
            return self._huge(large, handle)
        if reply.status == 404 and answers.message(reply) == "Deployment not found.":
            doubtful = handle.trust is Trust.DOUBTFUL
            return Snapshot(Phase.ABSENT, hold=GONE_HOLD, reason=FULL_QUEUE if doubtful else "Coolify no longer has this deployment")
        return rows.snapshot(answers.good(reply), self._pages, post_command=self._known(handle).post_command)

    def cancel(self, handle: Handle, *, patience: float | None = None) -> str:
        """`POST /deployments/{uuid}/cancel`. The row is marked before the slow work: a 500 is read as "look again" (contract 5.5)."""
        path = f"/deployments/{quote(handle.id, safe='')}"
        reply = self._send("POST", f"{path}/cancel", patience=patience)
        text = answers.message(reply)
        if reply.status == 200 and reply.is_json:
            return "cancelled"
        if reply.status == 404 and isinstance(reply.data, dict) and "docs" in reply.data:
            return "still running: this version of Coolify has no way to cancel it from outside"
        if reply.status == 400 and "Current status:" in text:
            return f"already over ({text.rpartition(':')[2].strip()})"
        if reply.status >= 500:
            return "cancelled" if self._is_cancelled(path, patience) else "cancel sent, not confirmed"
        answers.good(reply)
        return "cancel sent, not confirmed"

    # --- what the answers say

    def _reached(self, reply: Reply) -> str:
        if answers.lacks(reply, "read"):
            if self.wish.wait:
                raise RefusedError(NO_READ, everywhere=True)
            self.blind = True
            return f"Coolify at {self.base} ({UNFOLLOWED})"
        text = reply.data.strip() if isinstance(reply.data, str) else ""
        if reply.status == 200 and answers.VERSION.fullmatch(text):
            self.marks_api = trigger.marks_api(text)
            return f"Coolify {text} at {self.base}"
        answers.good(reply)
        raise UnavailableError("an answer in JSON, but not a version: `coolify_url` is not the address of a Coolify")

    def _behind(self, phantom: Handle) -> Snapshot:
        """The real deployment behind "already queued": the newest one that is still going (contract 13)."""
        listed = self._listed(phantom.target, 10)
        going = self._running(phantom.target) if listed is None else [row for row in listed if _going(row)]
        real = next((row for row in sorted(going, key=trigger.number, reverse=True) if not row.get("pull_request_id")), None)
        if real is None:
            return Snapshot(Phase.ABSENT, reason="Coolify said that one was already queued, but there is none any more")
        return Snapshot(Phase.ABSENT, next=(Handle(phantom.target, str(real.get("deployment_uuid")), adopted=True),))

    def _found_running(self, target: str, known: Known, patience: float | None) -> Started | Barred:
        """Without a list per application (before beta.402): a new row of it among all that are going."""
        running = self._running(target, patience=patience)
        return self._oldest(target, [row for row in running if str(row.get("deployment_uuid")) not in known.running]) or Barred(BLIND)

    def _oldest(self, target: str, newer: list[dict[str, Any]]) -> Started | None:
        ours = [row for row in newer if trigger.like_ours(row, self.wish, marked=self.marks_api)]
        return trigger.oldest(ours, target, self._pages, marked=self.marks_api)

    def _known(self, handle: Handle) -> Known:
        return self.known.get(handle.target, Known())

    # --- requests

    def _is_cancelled(self, path: str, patience: float | None) -> bool:
        """Read again after a cancel that ended in a 500, as most versions' do although they cancelled (contract 17.1 row 5)."""
        try:
            row = answers.good(self._send("GET", path, patience=patience))
        except (RefusedError, UnavailableError):
            return False
        return isinstance(row, dict) and row.get("status") == "cancelled-by-user"

    def _send(self, method: str, path: str, params: dict[str, str] | None = None, *, patience: float | None = None) -> Reply:
        reply = self.http.send(method, path, params, patience=patience)
        left = reply.headers.get("x-ratelimit-remaining", "")
        self.remaining = int(left) if re.fullmatch(r"\d{1,6}", left) else None
        return reply

    def _get(self, path: str, params: dict[str, str] | None = None, *, patience: float | None = None) -> Any:
        return answers.good(self._send("GET", path, params, patience=patience))

    def _listed(self, target: str, take: int, *, patience: float | None = None) -> list[dict[str, Any]] | None:
        """The application's newest rows; None where this version has no such list (before beta.402)."""
        reply = self._send("GET", f"/deployments/applications/{quote(target, safe='')}", {"take": str(take)}, patience=patience)
        if reply.status == 404 and isinstance(reply.data, dict) and "docs" in reply.data:
            return None
        data = answers.good(reply)
        listed = data.get("deployments") if isinstance(data, dict) else None
        if not isinstance(listed, list):
            raise UnavailableError("Coolify's list of deployments has another shape than all known versions give it", arrived=True)
        return [row for row in listed if isinstance(row, dict)]

    def _running(self, target: str, *, patience: float | None = None) -> list[dict[str, Any]]:
        """This application's rows among all that are going. The list may be an object with number keys (contract 5.5)."""
        data = self._get("/deployments", patience=patience)
        listed = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
        mine = f"/application/{target}/"
        return [row for row in listed if isinstance(row, dict) and mine in str(row.get("deployment_url"))]

    def _huge(self, large: TooLargeError, handle: Handle) -> Snapshot:
        """The status of a row whose log is too large to be read: the fields around the log stand at the ends (contract section 6)."""
        field = r'(?<!\\)"{}":(?:"([^"\\]*)"|null)'
        status = re.findall(field.format("status"), large.tail)
        finished = re.findall(field.format("finished_at"), large.head)
        if not status:
            raise large
        row = {"status": status[-1], "finished_at": finished[-1] if finished else None, "logs": None}
        seen = rows.snapshot(row, self._pages, post_command=self._known(handle).post_command)
        reason = "" if seen.phase is Phase.FAILED else seen.reason
        return Snapshot(seen.phase, detail=seen.detail, hold=seen.hold, reason=reason, warning=LARGE)

    @property
    def _pages(self) -> str:
        """Where people's pages are: the address without a path."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"


def _going(row: dict[str, Any]) -> bool:
    return rows.PHASES.get(str(row.get("status"))) in {Phase.QUEUED, Phase.RUNNING}


def _address(fqdn: Any) -> str:
    """The first public address, if it is one: it becomes a link and an output."""
    first = fqdn.split(",")[0].strip() if isinstance(fqdn, str) else ""
    return first if re.fullmatch(r"https?://[^\s\x00-\x1f\x7f<>\"'`|\\\ud800-\udfff]{1,500}", first) else ""
