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
from deployer.providers.coolify import answers, rows

REACH_READ = 8.0
"""Seconds for the first answer: three tries fit into the thirty seconds of rule 10."""

START_READ = 120.0
"""Seconds for the answer to a trigger: Coolify may do slow work over SSH before it answers (contract 3.5)."""

ALREADY = "Deployment already queued"
ALREADY_QUEUED = "an older deployment of the same commit is still going, and Coolify starts no second one"
FULL_QUEUE = (
    "the server's deployment queue is full: Coolify answered with a deployment that does not exist, and nothing was started. "
    "Try again when the deployments before it have ended"
)
GONE_HOLD = 2.0
NEWEST = 3
"""Rows that are read for the newest: rows of the same second come in any order (captured/v4.0.0/app_deployments)."""

MARKED = 463
"""The first beta tried whose rows say `is_api` of what `POST /deploy` started (captured/v4.0.0-beta.434/app_deployments: false)."""

NO_READ = (
    "the token may not read (Missing required permissions: read), so its deployment can't be followed. "
    f"Make a new one: {answers.BOXES}. Or set `wait: false`"
)
UNCHECKED = "with a full queue Coolify answers the same and starts nothing; the token may not read, so nobody can tell"
UNFOLLOWED = "the token may not read, so nothing but the trigger was seen"
BLIND = "the answer to the trigger was lost, and the token or this version of Coolify can't list deployments: it may have been started"
LARGE = "the build log has grown above 64 MiB: it is not shown any more, only the status still counts"


@dataclass(frozen=True, slots=True)
class Wish:
    """How the deployments are to be started."""

    force: bool
    instant: bool
    wait: bool


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
        known.newest = max((_id(each) for each in listed or ()), default=0)
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
        return self._accepted(target, answers.good(reply))

    def find(self, target: str, *, patience: float | None = None) -> Started | Barred | None:
        """Rule 7: rows that are newer than the newest before our trigger, made by the API, with the same `force`."""
        known = self.known.get(target)
        if self.blind or known is None:
            return Barred(BLIND)
        if not known.listed:
            self.marks_api = False
            return self._found_running(target, known, patience)
        listed = self._listed(target, 10, patience=patience) or []
        return self._oldest(target, [row for row in listed if _id(row) > known.newest and self._like_ours(row)])

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
            return Snapshot(Phase.ABSENT, hold=GONE_HOLD, reason=FULL_QUEUE if doubtful else "Coolify has this deployment no more")
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
            beta = re.search(r"-beta\.(\d+)", text)
            self.marks_api = beta is None or int(beta[1]) >= MARKED
            return f"Coolify {text} at {self.base}"
        answers.good(reply)
        raise UnavailableError("an answer in JSON, but not a version: `coolify_url` is not the address of a Coolify")

    def _accepted(self, target: str, data: Any) -> Started | Refused:
        items = [data] if self.wish.instant else data.get("deployments") if isinstance(data, dict) else None
        if not isinstance(items, list) or (self.wish.instant and not (isinstance(data, dict) and isinstance(data.get("message"), str))):
            raise UnavailableError("Coolify's answer to the trigger has another shape than all known versions give it", arrived=True)
        mine = (item for item in items if isinstance(item, dict) and (self.wish.instant or item.get("resource_uuid") == target))
        item = next(mine, None)
        if item is None:
            return Refused(f"Coolify knows no resource {target}")
        text, uuid = str(item.get("message") or ""), item.get("deployment_uuid")
        if text.startswith(ALREADY):
            return Started((Handle(target, "", Trust.PHANTOM),), ALREADY_QUEUED)
        if isinstance(uuid, str) and uuid:
            doubtful = self.wish.instant and not self.blind
            return Started(
                (Handle(target, uuid, Trust.DOUBTFUL if doubtful else Trust.SURE),), UNCHECKED if self.wish.instant and self.blind else ""
            )
        if uuid is not None:
            raise UnavailableError("Coolify's answer to the trigger names a deployment in no way that we know", arrived=True)
        if re.match(r"(Service|Database) .* started\.", text, re.DOTALL):
            return Started((), f"Coolify says: {text} Nothing newer was pulled, and there is no deployment to follow")
        return Refused(f"Coolify says: {text}" if text else "Coolify named no deployment")

    def _behind(self, phantom: Handle) -> Snapshot:
        """The real deployment behind "already queued": the newest one that is still going (contract 13)."""
        listed = self._listed(phantom.target, 10)
        going = self._running(phantom.target) if listed is None else [row for row in listed if _going(row)]
        real = next((row for row in sorted(going, key=_id, reverse=True) if not row.get("pull_request_id")), None)
        if real is None:
            return Snapshot(Phase.ABSENT, reason="Coolify said that one was already queued, but there is none any more")
        return Snapshot(Phase.ABSENT, next=(Handle(phantom.target, str(real.get("deployment_uuid")), adopted=True),))

    def _like_ours(self, row: dict[str, Any]) -> bool:
        """Rule 7. Where the server marks nothing as the API's, all that no webhook made."""
        by_api = row.get("is_api") or (not self.marks_api and not row.get("is_webhook"))
        return bool(by_api) and not row.get("pull_request_id") and bool(row.get("force_rebuild")) == self.wish.force

    def _oldest(self, target: str, found: list[dict[str, Any]]) -> Started | None:
        """The oldest of the rows. Ours only if it is the one row, otherwise it may be somebody else's and is never cancelled."""
        if not found:
            return None
        first = min(found, key=_id)
        adopted = len(found) > 1 or not self.marks_api
        handle = Handle(target, str(first.get("deployment_uuid")), adopted=adopted, link=rows.link(first, self._pages))
        several = "several were started at once: the oldest is followed"
        unknown = "found on the server; this version of Coolify does not say who started it"
        return Started((handle,), several if len(found) > 1 else unknown if adopted else "found on the server")

    def _found_running(self, target: str, known: Known, patience: float | None) -> Started | Barred:
        """Without a list per application (before beta.402): a new row of it among all that are going."""
        running = self._running(target, patience=patience)
        fresh = [row for row in running if str(row.get("deployment_uuid")) not in known.running and self._like_ours(row)]
        return self._oldest(target, fresh) or Barred(BLIND)

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


def _id(row: dict[str, Any]) -> int:
    number = row.get("id")
    return number if isinstance(number, int) else 0


def _going(row: dict[str, Any]) -> bool:
    return rows.PHASES.get(str(row.get("status"))) in {Phase.QUEUED, Phase.RUNNING}


def _address(fqdn: Any) -> str:
    """The first public address, if it is one: it becomes a link and an output."""
    first = fqdn.split(",")[0].strip() if isinstance(fqdn, str) else ""
    return first if re.fullmatch(r"https?://[^\s\x00-\x1f\x7f<>\"'`|\\\ud800-\udfff]{1,500}", first) else ""
