"""PURE: why a deployment failed: the known failure, and the last log lines of the failing step."""

from __future__ import annotations

import re

from deployer.model import Entry
from deployer.model.text import bounded
from deployer.providers.coolify.watching import known_failures

MAX_REASON_LINES = 15
MAX_LINES_WITHOUT_REASON = 5
MAX_NESTED_COMMANDS = 9
FAILED = "Deployment failed: "
OOPS = "Oops"
"""Before beta.443 (coolify-api 1); the reason follows."""

CLOSING = ("Deployment failed. Removing the new version", "Gracefully shutting down build container")
"""How Coolify's own lines after a failure begin. They contain no reason."""

UNHEALTHY = "New container is unhealthy."
NOT_HEALTHY = "New container is not healthy, rolling back to the old container."
"""Without `UNHEALTHY` before it, the health check never finished (captured-2/sequence_health_starting)."""

ATTEMPT = re.compile(r'Attempt \d+ of (\d+) \| Healthcheck status: "(\w+)"')
PROBE = "Healthcheck logs: "
STARTING = (
    "New container is not healthy: its health check was still {state} after {tries} attempts. "
    "Allow more time (start period, retries) in Coolify, or fix the check."
)
CONTAINER_LOGS = "Container logs:"
PRE_COMMAND = "Executing pre-deployment command"
POST_COMMAND = "Executing post-deployment command"
POST_FAILED = "Post-deployment command failed."
RULE = re.compile(r"[-=]{8,}")
COMMAND = re.compile(r"Command execution failed \(exit code (-?\d+)\):")
WRAPPED = re.compile(r"\A[^\n]*? (?=exit code -?\d+(?:[:\n]|\Z))")
"""Coolify's own errors around that of a command."""

ERROR_LINE = re.compile(r"[\r\n]+Error:")
PROCESS, TOO_LONG = 'The process "', '" exceeded the timeout of '
"""Before and after the command in Symfony's message about one that took too long."""


def failure_reason(log: tuple[Entry, ...] | None, link: str = "", *, hidden_shown: bool = False) -> str:
    """The failure reason: the known failure, then the last visible lines of the failing step.

    Never the command line that Coolify ran, which may contain secrets. Hidden entries are searched, but never
    quoted.

    link: the deployment's page, where hidden entries can be seen.
    hidden_shown: hidden entries are shown in the log anyway (`hidden_logs`).
    """
    log = log or ()
    visible = [entry for entry in log if not entry.hidden]
    for mark in (UNHEALTHY, NOT_HEALTHY):
        if any(platform_text(entry) == mark for entry in visible):
            return _unhealthy(visible, UNHEALTHY if mark == UNHEALTHY else _starting(visible))
    at = _failed_at(log)
    searched, quoted = _quoted(log, at)
    output, heading = _output(log[:at])
    sentence = known_failures.match(searched, shown=True) or known_failures.match(output, shown=False)
    if not sentence and heading.startswith(PRE_COMMAND):
        sentence = known_failures.PRE_COMMAND
    if not quoted and (last := _last_lines(_visible(log), MAX_LINES_WITHOUT_REASON)):
        quoted = f"The last lines of its log:\n{last}"
        if not sentence:
            quoted = f"Coolify reports no reason. {quoted}"
    if not sentence and not hidden_shown and any(entry.hidden for entry in log[:at]):
        also = f" or open {link}" if link else ""
        return _lines(quoted, f"Its hidden log lines may contain the reason: set `hidden_logs: true`{also}.")
    return _lines(sentence, quoted)


def post_output(log: tuple[Entry, ...]) -> str:
    """The visible output of a post-deployment command that failed.

    Coolify prints it after its own line about the failure.
    """
    marks = [
        number
        for number, entry in enumerate(log)
        if platform_text(entry).startswith((POST_COMMAND, POST_FAILED))
    ]
    begin = next(
        (number for number in reversed(marks) if platform_text(log[number]).startswith(POST_COMMAND)),
        min(marks, default=len(log)),
    )
    printed = [
        entry
        for entry in log[begin + 1 :]
        if not entry.hidden and not platform_text(entry).startswith((POST_FAILED, *CLOSING))
    ]
    text = _visible(tuple(printed))
    return _lines(known_failures.match(text, shown=True), _last_lines(text))


def platform_text(entry: Entry) -> str:
    """The text of an entry that Coolify itself wrote.

    Empty for the output of a command, which could imitate it.
    """
    return entry.text.strip() if entry.from_platform else ""


def _failed_at(log: tuple[Entry, ...]) -> int:
    """The index of the entry in which Coolify reports the failure; the length of the log if there is none."""
    for beginning in (FAILED, OOPS, POST_FAILED):
        for number, entry in enumerate(log):
            if not entry.hidden and platform_text(entry).startswith(beginning):
                return number
    return len(log)


def _quoted(log: tuple[Entry, ...], at: int) -> tuple[str, str]:
    """The visible lines about the failure: those to search, and those to quote.

    The latter are empty without a reason.
    """
    if at < len(log) and platform_text(log[at]).startswith(FAILED):
        text = WRAPPED.sub("", without_commands(platform_text(log[at]).removeprefix(FAILED)))
        return text, _last_lines(text)
    after = tuple(entry for entry in log[at + 1 :] if not platform_text(entry).startswith(CLOSING))
    if at < len(log) and platform_text(log[at]) == POST_FAILED:
        after = (log[at], *after)
    if text := _visible(after):
        return text, _last_lines(text)
    return _last_lines(_visible(log), MAX_LINES_WITHOUT_REASON), ""


def _visible(log: tuple[Entry, ...]) -> str:
    return "\n".join(without_commands(entry.text) for entry in log if not entry.hidden)


def _output(before: tuple[Entry, ...]) -> tuple[str, str]:
    """The last output before the failure, hidden or not, and Coolify's own line above it."""
    printed: list[str] = []
    for entry in reversed(before):
        if not entry.hidden and platform_text(entry) and not RULE.fullmatch(platform_text(entry)):
            return "\n".join(reversed(printed)), platform_text(entry)
        printed.append(entry.text)
    return "\n".join(reversed(printed)), ""


def _starting(visible: list[Entry]) -> str:
    """The reason if the health check never finished.

    Its state at the last attempt, and the output of the probe.
    """
    attempts = [found for entry in visible if (found := ATTEMPT.fullmatch(platform_text(entry)))]
    probes = [platform_text(entry) for entry in visible if platform_text(entry).startswith(PROBE)]
    heading = STARTING.format(state=attempts[-1][2], tries=attempts[-1][1]) if attempts else NOT_HEALTHY
    return _lines(heading, *(_last_lines(probe) for probe in probes[-1:]))


def _unhealthy(visible: list[Entry], heading: str) -> str:
    """The reason with the container's last log lines.

    From `Container logs:` to Coolify's next ruler (coolify-api 17.1 row 20).
    """
    start = max(
        (number for number, entry in enumerate(visible) if platform_text(entry) == CONTAINER_LOGS),
        default=None,
    )
    if start is None:
        return heading
    lines: list[str] = []
    for entry in visible[start + 1 :]:
        if RULE.fullmatch(platform_text(entry)):
            break
        lines += map(bounded, entry.text.split("\n"))
    if not lines:
        return f"{heading.rstrip('.')}. It wrote no log."
    quoted = "\n".join([heading, CONTAINER_LOGS, *lines[-MAX_REASON_LINES:]])
    return _lines(known_failures.match("\n".join(lines), shown=True), quoted)


def without_commands(text: str) -> str:
    r"""Replace each `Command execution failed (exit code N): <command>\nError.

    <output>` by its exit code and output.
    """
    kept, rest = "", _without_process(text)
    for _ in range(MAX_NESTED_COMMANDS):
        found = COMMAND.search(rest)
        if found is None:
            return kept + rest
        kept += f"{rest[: found.start()]}exit code {found[1]}"
        rest = _after_command(rest[found.end() :])
    return (kept + COMMAND.split(rest, maxsplit=1)[0]).rstrip()


def _without_process(text: str) -> str:
    begin, end = text.find(PROCESS), text.rfind(TOO_LONG)
    return f"{text[:begin]}its command{text[end + 1 :]}" if -1 < begin < end else text


def _after_command(text: str) -> str:
    """What follows the command: from the first `Error:` line outside of quotes, or from the last one."""
    end, begin, quotes = None, 0, 0
    for mark in ERROR_LINE.finditer(text):
        quotes += text[begin : mark.start()].replace("'\\''", "").count("'")
        end = begin = mark.start()
        if quotes % 2 == 0:
            break
    if end is None:
        return ""
    output = text[end:].lstrip().removeprefix("Error:").strip()
    return f": {output}" if output else ""


def _last_lines(text: str, count: int = MAX_REASON_LINES) -> str:
    lines = [bounded(line.rstrip()) for line in text.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line and not RULE.fullmatch(line)]
    return "\n".join(lines[-count:])


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)
