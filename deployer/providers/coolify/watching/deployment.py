"""PURE: from a deployment record to a snapshot.

Its phase, whether that is final, and its log (coolify-api 6 and 7).
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deployer.http import untrusted_json
from deployer.model import Entry, Handle, Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.coolify.watching.failure import (
    COMMAND,
    POST_COMMAND,
    POST_FAILED,
    UNHEALTHY,
    failure_reason,
    platform_text,
    post_output,
    without_commands,
)

# All five statuses that exist, in every version (coolify-api 6).
PHASES = {
    "queued": Phase.QUEUED,
    "in_progress": Phase.RUNNING,
    "finished": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "cancelled-by-user": Phase.CANCELLED,
}
FINAL_PHASES = (Phase.SUCCEEDED, Phase.UNVERIFIED, Phase.FAILED, Phase.CANCELLED)

FINAL_AFTER_SECONDS = 10.0
"""How long an end without `finished_at` must last.

That field is set late, and for some cancelled deployments never.

Source: coolify-api 7.4, 17.1.
"""

SHA = re.compile(r"[0-9a-f]{7,64}")
POST_FAILURES = {
    POST_FAILED: "its post-deployment command failed",
    "Post-deployment command: No running containers found. Skipping.": "its post-deployment command was "
    "skipped: no running container was "
    "found",
}
POST_COMMAND_UNFINISHED = "deployed, but its post-deployment command did not finish"
POST_COMMAND_UNREADABLE = (
    "the result of its post-deployment command is unknown: the token may not read logs (read:sensitive)"
)
MAX_ENTRIES = 300_000
"""How many entries of one log are read: more than 22 MB of the smallest ones that Coolify writes."""

DIGEST_PIECE_CHARS = 1 << 16

LARGE_LOG = "the build log has more than 300,000 lines: the rest is not shown, only the status is still read"
UNREADABLE_LOG = "the build log could not be read: Coolify returned it damaged"

REASONS = ("Deployment failed", "Oops", UNHEALTHY, "New container is not healthy")
RESTARTED = (
    "Coolify reports neither a reason nor an end time: it was probably restarted or updated, "
    "which fails all running deployments. Deploy again"
)
LOG_FORBIDDEN = "the reason is in the build log, which the token may not read (read:sensitive)"
POSSIBLY_RESTARTED = "possibly Coolify was restarted or updated, which fails all running deployments"
OTHER_SERVER = re.compile(
    r"Deployment to (?P<server>.{1,200})\. Logs: "
    r"https?://[^/\s]+(?P<path>/\S*/deployment/(?P<uuid>[A-Za-z0-9-]+))"
)
OTHERS_CREATED_WITHIN = timedelta(seconds=5)
"""How soon after its end the deployments of additional servers are created, on the server's clock."""

IMPORTING = re.compile(r"Importing .+ \(commit sha [0-9a-f]+\) to .+")
"""Coolify's own log line before it checks out a commit.

Missing if the image of an earlier build is reused.
"""

HEALTHY = "New container is healthy."
"""Coolify's own log line for a health check that passed, the same in every version (coolify-api 16)."""

CONTAINER_STARTS = frozenset({"Rolling update started.", "New container started."})
"""Coolify's own lines about the last stage of a deployment."""

PLANNING = "Generating nixpacks configuration with:"
ENV_VALUE = re.compile(
    r"(--env '[^\s'=]+=)(?:[^']|'\\'')*(')|(--env [^\s'=]+=).*?(?=\s--env |\s/artifacts/|$)", re.DOTALL
)
"""Coolify writes this line as visible, although it contains the values of the application's variables."""

CANCELLED = "it was cancelled in Coolify or through its API. To deploy, run the job again"


def snapshot_of(  # noqa: PLR0913 -- what else is known, each given by name
    row: Any,
    base: str,
    target: str = "",
    *,
    log: Log | None = None,
    post_command: bool = False,
    may_turn: bool = False,
    hidden_shown: bool = False,
) -> Snapshot:
    """What a response of `GET /deployments/{uuid}` shows.

    base: the base URL of Coolify's pages.
    log: its log, if that was read already.
    post_command: the application is known to have a post-deployment command.
    may_turn: a version in which `finished` may still turn into `failed` (before beta.454).
    hidden_shown: the log's hidden entries are shown to the user anyway.

    Raises UnavailableError for a response of another shape.
    """
    if not isinstance(row, dict) or not isinstance(row.get("status"), str):
        raise UnavailableError(
            "Coolify's response is not a deployment", may_have_arrived=True, from_server=True
        )
    read = log or read_log(row)
    entries = read.entries
    warnings = [read.damage] if read.damage else []
    status = row["status"]
    phase = PHASES.get(status, Phase.UNKNOWN)
    if phase is Phase.UNKNOWN:
        warnings.append(
            f"Coolify reports an unknown status: '{one_line(status)}'. It counts neither as success nor as "
            "failure"
        )
    stable_for = _stable_seconds(row, entries, phase, post_command=post_command)
    if may_turn and phase is Phase.SUCCEEDED and row.get("finished_at"):
        stable_for = FINAL_AFTER_SECONDS
    reason = ""
    match phase:
        case Phase.FAILED:
            reason = _failure_reason(row, entries, base, hidden_shown=hidden_shown)
        case Phase.CANCELLED:
            reason = CANCELLED
        case Phase.SUCCEEDED:
            unfinished = "" if math.isfinite(stable_for) else POST_COMMAND_UNFINISHED
            phase, reason = _post_command_result(entries, unfinished)
            if entries is None and (post_command or _has_post_command(row)):
                warnings.append(POST_COMMAND_UNREADABLE)
        case _:
            pass
    deployed = phase in {Phase.SUCCEEDED, Phase.UNVERIFIED}
    return Snapshot(
        phase,
        raw_status=status,
        log=entries,
        stable_for=min(stable_for, FINAL_AFTER_SECONDS) if phase is Phase.UNVERIFIED else stable_for,
        final=not (may_turn and phase is Phase.SUCCEEDED),
        follow_ups=additional_deployments(entries, target, base) if deployed else (),
        reason=reason,
        warnings=tuple(warnings),
        link=page_of(row, base),
        commit=_sha(row.get("commit")),
        server=payload.text(row, "server_name"),
    )


def _failure_reason(
    row: dict[str, Any], log: tuple[Entry, ...] | None, base: str, *, hidden_shown: bool
) -> str:
    """The failure reason. A restart of Coolify leaves neither a reason nor an end time (coolify-api 7.6)."""
    no_end = "finished_at" in row and not row["finished_at"]
    if log is None:
        return f"{LOG_FORBIDDEN}; {POSSIBLY_RESTARTED}" if no_end else LOG_FORBIDDEN
    if no_end and not any(platform_text(entry).startswith(REASONS) for entry in log):
        return RESTARTED
    return failure_reason(log, page_of(row, base), hidden_shown=hidden_shown)


def additional_deployments(log: tuple[Entry, ...] | None, target: str, base: str) -> tuple[Handle, ...]:
    """The deployments of additional servers, which the log of the first one names (coolify-api 7.7)."""
    found = (OTHER_SERVER.fullmatch(platform_text(entry)) for entry in log or ())
    return tuple(
        Handle(target, match["uuid"], server=match["server"], link=base + quote(match["path"], safe="/-._~%"))
        for match in found
        if match
    )


def is_other_server(row: dict[str, Any], main: dict[str, Any]) -> bool:
    """Whether a record is the deployment on an additional server that belongs to `main`."""
    began, created = moment(main.get("created_at")), moment(row.get("created_at"))
    ended = moment(main.get("finished_at") or main.get("updated_at"))
    same_server = row.get("server_id") == main.get("server_id")
    if same_server or row.get("is_api") or row.get("is_webhook") or not (began and created and ended):
        return False
    return began < created and created - ended <= OTHERS_CREATED_WITHIN


def moment(text: Any) -> datetime | None:
    """A time of the server, only to be compared with others of it. Both forms of coolify-api 1 (beta.461)."""
    try:
        return datetime.fromisoformat(str(text).replace(" ", "T")).replace(tzinfo=UTC)
    except ValueError:
        return None


def pinned_commit(snapshot: Snapshot, pin: str, *, forced: bool) -> str:
    """The pinned commit, which is built although the record shows the head of the branch (before beta.464).

    Empty until the log shows a checkout. If the log can't be read, only a build without cache is certain to
    have one.
    """
    checkout_logged = any(IMPORTING.fullmatch(platform_text(entry)) for entry in snapshot.log or ())
    checked_out = forced if snapshot.log is None else checkout_logged
    return pin if snapshot.commit and checked_out else ""


def _stable_seconds(
    row: dict[str, Any], log: tuple[Entry, ...] | None, phase: Phase, *, post_command: bool
) -> float:
    """How long this phase must last (architecture, rule 4).

    Before beta.381 there is no `finished_at` at all.
    """
    if phase not in FINAL_PHASES or row.get("finished_at"):
        return 0
    running = (
        post_command
        or _has_post_command(row)
        or any(platform_text(entry).startswith(POST_COMMAND) for entry in log or ())
    )
    if phase is Phase.SUCCEEDED and "finished_at" in row and running:
        return math.inf
    return FINAL_AFTER_SECONDS


def _post_command_result(log: tuple[Entry, ...] | None, reason: str) -> tuple[Phase, str]:
    for entry in log or ():
        if platform_text(entry) in POST_FAILURES:
            failure = POST_FAILURES[platform_text(entry)]
            output = post_output(log or ()) if platform_text(entry) == POST_FAILED else ""
            return Phase.UNVERIFIED, f"{failure}. Its output:\n{output}" if output else failure
    return Phase.SUCCEEDED, reason


def _has_post_command(row: dict[str, Any]) -> bool:
    return bool(payload.value(row, "application", "post_deployment_command"))


def _sha(value: Any) -> str:
    """The commit; empty as long as it is the word HEAD."""
    return value if isinstance(value, str) and SHA.fullmatch(value) else ""


def page_of(row: dict[str, Any], base: str) -> str:
    """The URL of the deployment's page: the record contains its path (coolify-api 6)."""
    path = payload.text(row, "deployment_url")
    return base + quote(path.encode("utf-8", "replace"), safe="/-._~%") if path.startswith("/") else ""


# --- the log


@dataclass(frozen=True, slots=True)
class Log:
    """The log of one response."""

    entries: tuple[Entry, ...] | None
    """None: the token may not read them (coolify-api 6.1)."""
    damage: str = ""
    """A warning if it could not be read; empty otherwise."""
    chars: int = 0
    """The length of its text without the closing bracket; 0 if the next one must be read completely."""
    digest: bytes = b""
    """A hash of that text."""
    healthy: bool = False
    """Coolify's own health check of the new container passed."""


def read_log(row: Any, last: Log | None = None) -> Log:
    """The log of a deployment. Of one that only got longer since `last`, only the new entries are parsed."""
    if not isinstance(row, dict) or "logs" not in row:
        return Log(None)
    logs = row["logs"]
    if logs is None or logs == "":
        return Log(())
    if not isinstance(logs, str):
        return Log((), UNREADABLE_LOG)
    if last and last.chars and _digest(logs, last.chars) == last.digest:
        longer = _parsed_log(logs, last, "[" + logs[last.chars :].removeprefix(","))
        if not longer.damage:
            return longer
    return _parsed_log(logs, Log(()), logs)


def _parsed_log(logs: str, known: Log, rest: str) -> Log:
    """The log of which some entries are known. `rest`: the list of the others, as JSON."""
    before = known.entries or ()
    try:  # without a list of dicts in between, which would be large
        listed = untrusted_json.loads(rest, _counted(_entry, MAX_ENTRIES - len(before)))
    except untrusted_json.TooManyValuesError:
        return Log((), LARGE_LOG)
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        return Log((), UNREADABLE_LOG)
    new = tuple(each for each in listed if isinstance(each, Entry))
    entries = before + new
    # In an empty list, the next entry would not follow a comma.
    chars = len(logs) - 1 if entries and logs.endswith("]") else 0
    healthy = known.healthy or any(platform_text(entry) == HEALTHY for entry in new)
    return Log(entries, chars=chars, digest=_digest(logs, chars) if chars else b"", healthy=healthy)


def _digest(text: str, chars: int) -> bytes:
    """A hash of the first `chars` characters, taken in pieces, so that a large log is never copied."""
    digest = hashlib.sha256()
    for start in range(0, chars, DIGEST_PIECE_CHARS):
        digest.update(text[start : min(start + DIGEST_PIECE_CHARS, chars)].encode("utf-8", "replace"))
    return digest.digest()


def _counted(
    make: Callable[[dict[str, Any]], Entry | None], limit: int
) -> Callable[[dict[str, Any]], Entry | None]:
    """A `make` that raises TooManyValuesError after `limit` entries."""
    made = itertools.count(1)

    def counted(raw: dict[str, Any]) -> Entry | None:
        entry = make(raw)
        if entry and next(made) > limit:
            raise untrusted_json.TooManyValuesError
        return entry

    return counted


def _entry(raw: dict[str, Any]) -> Entry | None:
    """One log entry; None without text.

    Its key is a hash of its content: its index may later belong to another entry.
    """
    if not isinstance(raw.get("output"), str):
        return None
    own, text = not raw.get("command"), str(raw["output"])
    parts = "\0".join(str(raw.get(name)) for name in ("timestamp", "type", "output", "command"))
    # A hash, so that the keys do not keep a log of megabytes in memory.
    key = hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=16).digest()
    if own and text.startswith(PLANNING):
        text = ENV_VALUE.sub(r"\1\3***\2", text)
    elif own and raw.get("hidden") is False and COMMAND.search(text):
        # Coolify shows the whole command that failed, including secrets (coolify-api 17.1 rows 22, 23).
        text = without_commands(text)
    return Entry(
        key,
        text,
        hidden=raw.get("hidden") is not False,
        from_platform=own,
        starts_container=own and text in CONTAINER_STARTS,
    )
