"""PURE: from a deployment's row to a snapshot: its phase, whether it is settled, and its log (coolify-api 6 and 7)."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deployer.http import untrusted_json
from deployer.model import Entry, Handle, Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
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

# All five that exist, on every version (coolify-api 6).
PHASES = {
    "queued": Phase.QUEUED,
    "in_progress": Phase.RUNNING,
    "finished": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "cancelled-by-user": Phase.CANCELLED,
}
FINAL_PHASES = (Phase.SUCCEEDED, Phase.UNVERIFIED, Phase.FAILED, Phase.CANCELLED)

FINAL_AFTER_SECONDS = 10.0
"""Seconds that an end without `finished_at` must last: a reason comes late, and a cancelled row may never get one.

Source: coolify-api 7.4, 17.1.
"""

SHA = re.compile(r"[0-9a-f]{7,64}")
POST_FAILURES = {
    POST_FAILED: "its post-deployment command failed",
    "Post-deployment command: No running containers found. Skipping.": "its post-deployment command was skipped: "
    "no running container was found",
}
POST_COMMAND_UNFINISHED = "deployed; its post-deployment command was not seen to end"
MOST_ENTRIES = 300_000
"""Entries of one log that are read: more than 22 MB of the smallest that Coolify writes."""

LARGE_LOG = (
    "the build log has more than 300,000 lines: it is not shown any more, only the status still counts"
)
UNREADABLE_LOG = "the build log could not be read: Coolify's list of its lines is damaged"

REASONS = ("Deployment failed", "Oops", UNHEALTHY, "New container is not healthy")
RESTARTED = "Coolify gave neither a reason nor an end: it was probably restarted or updated, which fails all that runs. Deploy again"
LOG_FORBIDDEN = "the token may not read its log, which says why (read:sensitive)"
POSSIBLY_RESTARTED = "possibly Coolify was restarted or updated, which fails all that runs"
ELSEWHERE = re.compile(
    r"Deployment to (?P<server>.{1,200})\. Logs: https?://[^/\s]+(?P<path>/\S*/deployment/(?P<uuid>[A-Za-z0-9-]+))"
)
SAME_TIME = timedelta(seconds=5)
"""After the end of a deployment, on the server's clock: until then its additional servers' rows are born."""

IMPORTING = re.compile(r"Importing .+ \(commit sha [0-9a-f]+\) to .+")
"""Coolify's own line before it checks out what is built; where the image of an earlier build is used again there is none."""

PLANNING = "Generating nixpacks configuration with:"
ENV_VALUE = re.compile(
    r"(--env '[^\s'=]+=)(?:[^']|'\\'')*(')|(--env [^\s'=]+=).*?(?=\s--env |\s/artifacts/|$)", re.DOTALL
)
"""Coolify shows this line to everybody, with the values of the application's variables in it."""

CANCELLED = "it was cancelled in Coolify or through its API. Run the job again to deploy"


def snapshot_of(  # noqa: PLR0913 -- what is known beside the row, each given by name
    row: Any,
    base: str,
    target: str = "",
    *,
    post_command: bool = False,
    flips: bool = False,
    hidden_shown: bool = False,
) -> Snapshot:
    """What one answer of `GET /deployments/{uuid}` shows. `post_command`: the application is known to have one.

    `flips`: a version on which `finished` may still turn into `failed` (before beta.454). `hidden_shown`: people see the log's hidden
    lines already. Raises UnavailableError for an answer of another shape.
    """
    if not isinstance(row, dict) or not isinstance(row.get("status"), str):
        raise UnavailableError(
            "Coolify's answer has not the shape of a deployment", may_have_arrived=True, from_server=True
        )
    log, damage = entries(row)
    warnings = [damage] if damage else []
    status = row["status"]
    phase = PHASES.get(status, Phase.UNKNOWN)
    if phase is Phase.UNKNOWN:
        unknown = f"'{one_line(status)}'"
        warnings.append(
            f"Coolify reports a status that we do not know: {unknown}. It is neither taken for success nor for failure"
        )
    reason = (
        _failure_reason(row, log, base, hidden_shown=hidden_shown)
        if phase is Phase.FAILED
        else CANCELLED
        if phase is Phase.CANCELLED
        else ""
    )
    hold = (
        FINAL_AFTER_SECONDS
        if flips and phase is Phase.SUCCEEDED and row.get("finished_at")
        else _stable_seconds(row, log, phase, post_command=post_command)
    )
    if phase is Phase.SUCCEEDED:
        phase, reason = _post_command_result(log, reason if math.isfinite(hold) else POST_COMMAND_UNFINISHED)
        if log is None and (post_command or _has_post_command(row)):
            warnings.append(
                "the result of its post-deployment command could not be seen: the token may not read logs (read:sensitive)"
            )
    return Snapshot(
        phase,
        raw_status=status,
        log=log,
        stable_for=min(hold, FINAL_AFTER_SECONDS) if phase is Phase.UNVERIFIED else hold,
        final=not (flips and phase is Phase.SUCCEEDED),
        follow_ups=additional_deployments(log, target, base)
        if phase in {Phase.SUCCEEDED, Phase.UNVERIFIED}
        else (),
        reason=reason,
        warnings=tuple(warnings),
        link=page_of(row, base),
        commit=_sha(row.get("commit")),
        server=_text(row.get("server_name")),
    )


def _failure_reason(
    row: dict[str, Any], log: tuple[Entry, ...] | None, base: str, *, hidden_shown: bool
) -> str:
    """The cause; a restart of Coolify leaves neither a reason nor an end, where there is a field for it (coolify-api 7.6)."""
    endless = "finished_at" in row and not row["finished_at"]
    if log is None:
        return f"{LOG_FORBIDDEN}; {POSSIBLY_RESTARTED}" if endless else LOG_FORBIDDEN
    if endless and not any(platform_text(entry).startswith(REASONS) for entry in log):
        return RESTARTED
    return failure_reason(log, page_of(row, base), hidden_shown=hidden_shown)


def additional_deployments(log: tuple[Entry, ...] | None, target: str, base: str) -> tuple[Handle, ...]:
    """The deployments of additional servers, which Coolify names in the log of the first one (coolify-api 7.7)."""
    found = (ELSEWHERE.fullmatch(platform_text(entry)) for entry in log or ())
    return tuple(
        Handle(target, match["uuid"], server=match["server"], link=base + quote(match["path"], safe="/-._~%"))
        for match in found
        if match
    )


def is_other_server(row: dict[str, Any], main: dict[str, Any]) -> bool:
    """Whether a row is an additional server's deployment that came of this finished one; for those who may not read its log."""
    began, born, end = (
        _moment(text)
        for text in (
            main.get("created_at"),
            row.get("created_at"),
            main.get("finished_at") or main.get("updated_at"),
        )
    )
    alike = (
        row.get("server_id") != main.get("server_id") and not row.get("is_api") and not row.get("is_webhook")
    )
    return bool(alike and began and born and end and began < born and born - end <= SAME_TIME)


def _moment(text: Any) -> datetime | None:
    """The server's own times, which are compared with one another only. Both forms of coolify-api 1 (beta.461)."""
    try:
        return datetime.fromisoformat(str(text).replace(" ", "T")).replace(tzinfo=UTC)
    except ValueError:
        return None


def pinned_commit(seen: Snapshot, pin: str, *, forced: bool) -> str:
    """The commit of a deployment whose row shows the branch's head although a pinned one is checked out (before beta.464).

    Empty until it is seen that something is checked out; where the log can't be read, that is sure of a build without cache only.
    """
    imported = (
        forced if seen.log is None else any(IMPORTING.fullmatch(platform_text(entry)) for entry in seen.log)
    )
    return pin if seen.commit and imported else ""


def _stable_seconds(
    row: dict[str, Any], log: tuple[Entry, ...] | None, phase: Phase, *, post_command: bool
) -> float:
    """Architecture, rule 4: how long this phase must last. Before beta.381 there is no `finished_at` at all."""
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
            output = post_output(log or ()) if platform_text(entry) == POST_FAILED else ""
            return Phase.UNVERIFIED, POST_FAILURES[platform_text(entry)] + (
                f". Its output:\n{output}" if output else ""
            )
    return Phase.SUCCEEDED, reason


def _has_post_command(row: dict[str, Any]) -> bool:
    application = row.get("application")
    return isinstance(application, dict) and bool(application.get("post_deployment_command"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _sha(value: Any) -> str:
    """The commit, once it is one: until git was asked it is the word HEAD."""
    return value if isinstance(value, str) and SHA.fullmatch(value) else ""


def page_of(row: dict[str, Any], base: str) -> str:
    """The deployment's page: the row holds its path (coolify-api 6)."""
    path = _text(row.get("deployment_url"))
    return base + quote(path.encode("utf-8", "replace"), safe="/-._~%") if path.startswith("/") else ""


# --- the log


def entries(row: dict[str, Any]) -> tuple[tuple[Entry, ...] | None, str]:
    """The log's entries, and a warning where they are damaged. None: the token may not read it (coolify-api 6.1)."""
    if "logs" not in row:
        return None, ""
    logs = row["logs"]
    if logs is None or logs == "":
        return (), ""
    try:  # no list of dicts in between: it is large
        listed = untrusted_json.loads(logs, _counted(_entry)) if isinstance(logs, str) else None
    except untrusted_json.TooManyValuesError:
        return (), LARGE_LOG
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        return (), UNREADABLE_LOG
    return tuple(each for each in listed if isinstance(each, Entry)), ""


def _counted(make: Callable[[dict[str, Any]], Entry | None]) -> Callable[[dict[str, Any]], Entry | None]:
    """The same, up to `MOST_ENTRIES` times. Raises TooManyValuesError then."""
    made = itertools.count(1)

    def counted(raw: dict[str, Any]) -> Entry | None:
        entry = make(raw)
        if entry and next(made) > MOST_ENTRIES:
            raise untrusted_json.TooManyValuesError
        return entry

    return counted


def _entry(raw: dict[str, Any]) -> Entry | None:
    """The key is the entry's fingerprint: its index may later belong to another one. None where there is no text at all."""
    if not isinstance(raw.get("output"), str):
        return None
    own, text = not raw.get("command"), _text(raw.get("output"))
    parts = "\0".join(str(raw.get(name)) for name in ("timestamp", "type", "output", "command"))
    key = hashlib.blake2b(
        parts.encode("utf-8", "replace"), digest_size=16
    ).digest()  # a log of megabytes is not kept for its keys
    if own and text.startswith(PLANNING):
        text = ENV_VALUE.sub(r"\1\3***\2", text)
    elif own and raw.get("hidden") is False and COMMAND.search(text):
        text = without_commands(
            text
        )  # Coolify shows the whole command that failed, with all that is in it (coolify-api 17.1 rows 22, 23)
    return Entry(key, text, hidden=raw.get("hidden") is not False, from_platform=own)
