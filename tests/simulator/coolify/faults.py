"""Unexpected responses and logs: malformed, huge, rewritten and hostile ones."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from deployer.simulator.coolify.replies import encoded, parsed, php, reply
from deployer.simulator.coolify.state.script import Line
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.made_up import TOKEN

MEBIBYTE = 1 << 20
HUGE_MEBIBYTES = 66  # MiB: more than the 64 that we read (architecture 5)
PLACEHOLDER = "%hole%"


def edited(response: Response, body: Iterable[bytes]) -> Response:
    """The response with another body."""
    return replace(response, body=body)


def streamed(before: str, filler: str, times: int, after: str) -> Iterator[bytes]:
    """A body that is never complete in memory: `before`, `filler` repeated, `after`."""
    yield before.encode()
    block = filler.encode()
    for _ in range(times):
        yield block
    yield after.encode()


def with_body(make: Callable[[dict[str, Any]], Any]) -> Callable[[Response], Response]:
    """Edit the parsed body."""
    return lambda response: edited(response, (encoded(make(parsed(response)), pretty=False),))


def broken(response: Response) -> Response:
    """Incomplete JSON in a complete body."""
    return edited(response, (b'{"id":1,"status":"finis',))


def huge(response: Response) -> Response:
    """A valid response with a log of more than 64 MiB."""
    entry = {
        "command": None,
        "output": PLACEHOLDER,
        "type": "stdout",
        "timestamp": "2026-11-21T05:24:29.344711Z",
        "hidden": False,
        "batch": 1,
    }
    head, _, tail = php({**parsed(response), "logs": php([entry])}).partition(PLACEHOLDER)
    return edited(response, streamed(head, "x" * MEBIBYTE, HUGE_MEBIBYTES, tail))


def cancelled_but_500(response: Response) -> Response:
    """The cancel works, but the response is 500, as in 4.1.0 to 4.3.6 (coolify-api 17.1 row 5)."""
    return reply("v4.3.6_cancel") if response.status == 200 else response


def gateway(status: int, text: str) -> Callable[[Response], Response]:
    """The JSON error of a gateway in front of Coolify, such as Kong or AWS."""
    return lambda response: replace(
        edited(response, (encoded({"message": text}, pretty=False),)), status=status
    )


GATEWAYS = tuple(
    gateway(status, text)
    for status, text in (
        (400, "Bad Request"),
        (404, "Not Found"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (413, "Request Too Long"),
        (418, "I'm a teapot"),
        (425, "Too Early"),
        (499, "Client Closed Request"),
    )
)

MALFORMED: tuple[Callable[[Response], Response], ...] = (
    broken,
    with_body(lambda body: [body]),
    with_body(lambda body: {**body, "logs": "[{not json"}),
    with_body(
        lambda body: {
            **body,
            "status": 7,
            "logs": {"0": 1},
            "finished_at": ["now"],
            "commit": {},
            "application": "web",
        }
    ),
)


def rewritten(entries: list[dict[str, Any]], elapsed: float) -> list[dict[str, Any]]:
    """The list loses its beginning, is reversed, empty, and complete again.

    Writers lose each other's entries (coolify-api 6.1).
    """
    third = len(entries) // 3
    versions: tuple[tuple[float, list[dict[str, Any]]], ...] = (
        (16, entries),
        (20, entries[third:]),
        (24, entries[::-1]),
        (26, []),
        (30, entries[third:] + entries[:third]),
    )
    return next((entries_then for end, entries_then in versions if elapsed < end), entries)


HOSTILE_NAME = (
    "web::error::\x1b[31m<b>@everyone</b> ##[error]\u202e\ud800\x00\n::set-output name=status::finished"
)
HOSTILE_ADDRESS = "http://web.example.com/::error::%0A<script>alert(1)</script>?a=|b`"
HOSTILE_MESSAGE = (
    "feat: ::add-mask::a ##vso[task.complete result=Succeeded;]done [x](javascript:alert(1)) \ud83d"
)
HOSTILE_TEXTS = (
    "::error::this is not ours",
    "  ::error file=a.py,line=1::indented",
    "::add-mask::a",
    "::stop-commands::endtoken\n::set-output name=status::finished\n::set-env name=PATH::/tmp",
    "##[error]this is not ours",
    "##vso[task.setvariable variable=status]finished",
    "##teamcity[buildStatus status='SUCCESS']",
    "\x1b[0Ksection_end:1:x\r\x1b[0K",
    "\x1b[0Ksection_start:1:x[collapsed=true]\r\x1b[0KHeader",
    "\x1b[2J\x1b[1;1H\x1b[31mred\x1b[0m \x9b31m",
    "\x1b]8;;http://evil.example.com/\x1b\\click here\x1b]8;;\x1b\\ \x1b]0;title\x07",
    "\u202etxt.exe\u202c \u2066isolated\u2069 \u200b\ufeff",
    "NUL:\x00 BEL:\x07 BS:\x08\x08\x08 VT:\x0b FF:\x0c NEL:\x85 LS:\u2028 PS:\u2029",
    "lone \ud800 surrogates \udfff",
    "one\rtwo\r\nthree\n\n\nfour",
    "long " + "x" * 100_000,
    (
        "```\n</details>\n<img src=http://evil.example.com/a.png>\n![a](http://evil.example.com/b.png) "
        "@everyone #1 <!-- -->\n|a|b|\n~~~~~"
    ),
    f"curl -H 'Authorization: Bearer {TOKEN}' http://example.com",
    TOKEN.partition("|")[2],
    "%0A::error::percent %25 100%",
    "EOF\nDEPLOYED_STATUS=finished\nghadelimiter_x",
    "",
)


def hostile_lines(start: float, end: float) -> tuple[Line, ...]:
    """One visible and one hidden entry for each hostile text, spread evenly."""
    step = (end - start) / len(HOSTILE_TEXTS)
    return tuple(
        Line(
            start + step * (index + extra / 2),
            text,
            type="stderr" if index % 2 else "stdout",
            hidden=bool(extra),
        )
        for index, text in enumerate(HOSTILE_TEXTS)
        for extra in (0, 1)
    )
