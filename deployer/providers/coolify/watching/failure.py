"""PURE: why a deployment failed: finds the part of its log that broke, and says it in our words (known_failures.py) and in its own."""

from __future__ import annotations

import re

from deployer.model import Entry
from deployer.model.text import bounded
from deployer.providers.coolify.watching import known_failures

CAUSE_LINES, UNKNOWN_LINES, NESTED = 15, 5, 9
FAILED = "Deployment failed: "
OOPS = "Oops"
"""Before beta.443 (coolify-api 1); the reason follows it."""

CLOSING = ("Deployment failed. Removing the new version", "Gracefully shutting down build container")
"""How Coolify's own lines after a failure begin: they hold no reason."""

UNHEALTHY = "New container is unhealthy."
NOT_HEALTHY = "New container is not healthy, rolling back to the old container."
"""Without the line before it the health check never came to an end (captured-2/sequence_health_starting)."""

ATTEMPT = re.compile(r'Attempt \d+ of (\d+) \| Healthcheck status: "(\w+)"')
PROBE = "Healthcheck logs: "
STARTING = (
    "New container is not healthy: its health check was still {state} after {tries} attempts. "
    "Give it more time (start period, retries) in Coolify, or correct the check."
)
CONTAINER_LOGS = "Container logs:"
PRE_COMMAND = "Executing pre-deployment command"
POST_COMMAND = "Executing post-deployment command"
POST_FAILED = "Post-deployment command failed."
RULE = re.compile(r"[-=]{8,}")
COMMAND = re.compile(r"Command execution failed \(exit code (-?\d+)\):")
WRAPPED = re.compile(r"\A[^\n]*? (?=exit code -?\d+(?:[:\n]|\Z))")
"""Coolify's own errors around that of a command: nobody needs them."""

ERROR_LINE = re.compile(r"[\r\n]+Error:")
PROCESS, TOO_LONG = 'The process "', '" exceeded the timeout of '
"""Before and after the command in what Symfony says of one that took too long."""


def failure_reason(log: tuple[Entry, ...] | None, link: str = "", *, hidden_shown: bool = False) -> str:
    """The reason: the known cause, then the last visible words of what broke.

    Never the command line that Coolify ran (it may hold secrets). Hidden entries are read, and never shown. `link`: the deployment's
    page, where they can be seen. `hidden_shown`: they are in the log that people read already (`hidden_logs`).
    """
    log = log or ()
    visible = [entry for entry in log if not entry.hidden]
    for mark in (UNHEALTHY, NOT_HEALTHY):
        if any(platform_text(entry) == mark for entry in visible):
            return _unhealthy(visible, UNHEALTHY if mark == UNHEALTHY else _starting(visible))
    at = _broken(log)
    read, said = _said(log, at)
    output, heading = _output(log[:at])
    sentence = known_failures.match(read, shown=True) or known_failures.match(output, shown=False)
    if not sentence and heading.startswith(PRE_COMMAND):
        sentence = known_failures.PRE_COMMAND
    if not said and (last := _last_lines(_visible(log), UNKNOWN_LINES)):
        said = f"{'' if sentence else 'Coolify gave no reason. '}The last lines of its log:\n{last}"
    if not sentence and not hidden_shown and any(entry.hidden for entry in log[:at]):
        return _lines(
            said,
            f"Its hidden lines may say more: set `hidden_logs: true`{f' or open {link}' if link else ''}.",
        )
    return _lines(sentence, said)


def post_output(log: tuple[Entry, ...]) -> str:
    """What people may see of the output of a post-deployment command that failed. Coolify prints it after its own line of the failure."""
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
    """The text of an entry that Coolify itself wrote; nothing where a command's output could only pretend to."""
    return entry.text.strip() if entry.from_platform else ""


def _broken(log: tuple[Entry, ...]) -> int:
    """Where Coolify says that it failed; behind the last entry if it does not."""
    for beginning in (FAILED, OOPS, POST_FAILED):
        for number, entry in enumerate(log):
            if not entry.hidden and platform_text(entry).startswith(beginning):
                return number
    return len(log)


def _said(log: tuple[Entry, ...], at: int) -> tuple[str, str]:
    """The visible words of what broke: all of them to look for the cause in, and those that are shown; none where there is no reason."""
    if at < len(log) and platform_text(log[at]).startswith(FAILED):
        text = WRAPPED.sub("", without_commands(platform_text(log[at]).removeprefix(FAILED)))
        return text, _last_lines(text)
    after = tuple(entry for entry in log[at + 1 :] if not platform_text(entry).startswith(CLOSING))
    if at < len(log) and platform_text(log[at]) == POST_FAILED:
        after = (log[at], *after)
    if text := _visible(after):
        return text, _last_lines(text)
    return _last_lines(_visible(log), UNKNOWN_LINES), ""


def _visible(log: tuple[Entry, ...]) -> str:
    return "\n".join(without_commands(entry.text) for entry in log if not entry.hidden)


def _output(before: tuple[Entry, ...]) -> tuple[str, str]:
    """What was printed last, seen by all or not, and Coolify's own line above it."""
    printed: list[str] = []
    for entry in reversed(before):
        if not entry.hidden and platform_text(entry) and not RULE.fullmatch(platform_text(entry)):
            return "\n".join(reversed(printed)), platform_text(entry)
        printed.append(entry.text)
    return "\n".join(reversed(printed)), ""


def _starting(visible: list[Entry]) -> str:
    """Of a health check that never came to an end: what it was in its last attempt, and what the probe printed then."""
    attempts = [found for entry in visible if (found := ATTEMPT.fullmatch(platform_text(entry)))]
    probes = [platform_text(entry) for entry in visible if platform_text(entry).startswith(PROBE)]
    heading = STARTING.format(state=attempts[-1][2], tries=attempts[-1][1]) if attempts else NOT_HEALTHY
    return _lines(heading, *(_last_lines(probe) for probe in probes[-1:]))


def _unhealthy(visible: list[Entry], heading: str) -> str:
    """The container's own last words stand between `Container logs:` and Coolify's next ruled line (coolify-api 17.1 row 20)."""
    start = max(
        (number for number, entry in enumerate(visible) if platform_text(entry) == CONTAINER_LOGS),
        default=None,
    )
    if start is None:
        return heading
    words: list[str] = []
    for entry in visible[start + 1 :]:
        if RULE.fullmatch(platform_text(entry)):
            break
        words += map(bounded, entry.text.split("\n"))
    if not words:
        return f"{heading}{'' if heading.endswith('.') else '.'} It wrote no log."
    said = "\n".join([heading, CONTAINER_LOGS, *words[-CAUSE_LINES:]])
    return _lines(known_failures.match("\n".join(words), shown=True), said)


def without_commands(text: str) -> str:
    r"""Of each `Command execution failed (exit code N): <command>\nError: <output>` the exit code and the output."""
    told, rest = "", _without_process(text)
    for _ in range(NESTED):
        found = COMMAND.search(rest)
        if found is None:
            return told + rest
        told += f"{rest[: found.start()]}exit code {found[1]}"
        rest = _after_command(rest[found.end() :])
    return (told + COMMAND.split(rest, maxsplit=1)[0]).rstrip()


def _without_process(text: str) -> str:
    begin, end = text.find(PROCESS), text.rfind(TOO_LONG)
    return f"{text[:begin]}its command{text[end + 1 :]}" if -1 < begin < end else text


def _after_command(text: str) -> str:
    """What follows the command: from the first line with `Error:` before which all its quotes are closed, else from the last."""
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


def _last_lines(text: str, count: int = CAUSE_LINES) -> str:
    lines = [bounded(line.rstrip()) for line in text.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line and not RULE.fullmatch(line)]
    return "\n".join(lines[-count:])


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)
