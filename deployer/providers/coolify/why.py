"""PURE: why a deployment failed: finds the part of its log that broke, and says it in our words (causes.py) and in its own."""

from __future__ import annotations

import re

from deployer.model import Entry
from deployer.providers.coolify import causes

CAUSE_LINES, UNKNOWN_LINES, LINE, NESTED = 15, 5, 500, 9
FAILED = "Deployment failed: "
OOPS = "Oops"
"""Before beta.443 (coolify-api 1); the reason follows it."""

UNHEALTHY = "New container is unhealthy."
CONTAINER_LOGS = "Container logs:"
PRE_COMMAND = "Executing pre-deployment command"
RULE = re.compile(r"[-=]{8,}")
COMMAND = re.compile(r"Command execution failed \(exit code (-?\d+)\):")
WRAPPED = re.compile(r"\A[^\n]*? (?=exit code -?\d+(?:[:\n]|\Z))")
"""Coolify's own errors around that of a command: nobody needs them."""

ERROR_LINE = re.compile(r"[\r\n]+Error:")
PROCESS, TOO_LONG = 'The process "', '" exceeded the timeout of '
"""Before and after the command in what Symfony says of one that took too long."""


def cause(log: tuple[Entry, ...] | None, link: str = "") -> str:
    """The reason: the known cause, then the last visible words of what broke.

    Never the command line that Coolify ran (it may hold secrets). Hidden entries are read, and never shown. `link`: the deployment's
    page, where they can be seen.
    """
    log = log or ()
    for number, entry in enumerate(log):
        if not entry.hidden and own(entry) == UNHEALTHY:
            return _unhealthy([each for each in log[number + 1 :] if not each.hidden])
    at = _broken(log)
    read, said = _said(log, at)
    output, heading = _output(log[:at])
    sentence = causes.known(read, shown=True) or causes.known(output, shown=False)
    if not sentence and heading.startswith(PRE_COMMAND):
        sentence = causes.PRE_COMMAND
    if not sentence and any(entry.hidden for entry in log[:at]):
        return _lines(said, f"Its hidden lines may say more: set `hidden_logs: true`{f' or open {link}' if link else ''}.")
    return _lines(sentence, said)


def own(entry: Entry) -> str:
    """The text of an entry that Coolify itself wrote; nothing where a command's output could only pretend to."""
    return entry.text.strip() if entry.own else ""


def _broken(log: tuple[Entry, ...]) -> int:
    """Where Coolify says that it failed; behind the last entry if it does not."""
    for beginning in (FAILED, OOPS):
        for number, entry in enumerate(log):
            if not entry.hidden and own(entry).startswith(beginning):
                return number
    return len(log)


def _said(log: tuple[Entry, ...], at: int) -> tuple[str, str]:
    """The visible words of what broke: all of them to look for the cause in, and those that are shown."""
    if at < len(log) and own(log[at]).startswith(FAILED):
        text = WRAPPED.sub("", without_commands(own(log[at]).removeprefix(FAILED)))
        return text, _last_lines(text)
    last = _last_lines(_visible(log), UNKNOWN_LINES)
    return _visible(log[at:]) or last, f"Coolify gave no reason. The last lines of its log:\n{last}" if last else ""


def _visible(log: tuple[Entry, ...]) -> str:
    return "\n".join(without_commands(entry.text) for entry in log if not entry.hidden)


def _output(before: tuple[Entry, ...]) -> tuple[str, str]:
    """What was printed last, seen by all or not, and Coolify's own line above it."""
    printed: list[str] = []
    for entry in reversed(before):
        if not entry.hidden and own(entry) and not RULE.fullmatch(own(entry)):
            return "\n".join(reversed(printed)), own(entry)
        printed.append(entry.text)
    return "\n".join(reversed(printed)), ""


def _unhealthy(rest: list[Entry]) -> str:
    """The container's own last words stand between `Container logs:` and Coolify's next ruled line (coolify-api 17.1 row 20)."""
    start = next((number for number, entry in enumerate(rest) if own(entry) == CONTAINER_LOGS), None)
    if start is None:
        return UNHEALTHY
    words: list[str] = []
    for entry in rest[start + 1 :]:
        if RULE.fullmatch(own(entry)):
            break
        words += entry.text.split("\n")
    if not words:
        return f"{UNHEALTHY} It wrote no log."
    said = "\n".join([UNHEALTHY, CONTAINER_LOGS, *words[-CAUSE_LINES:]])
    return _lines(causes.known("\n".join(words), shown=True), said)


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
    lines = [line.rstrip()[:LINE] for line in text.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line and not RULE.fullmatch(line)]
    return "\n".join(lines[-count:])


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)
