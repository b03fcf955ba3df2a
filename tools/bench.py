"""Print what a run costs: the start, memory, each poll of a large build log, and redaction. Never fails.

`python -m tools.bench`, from the repository's root. The simulator responds; its own cost is not counted.
"""

from __future__ import annotations

import os
import platform
import random
import socket
import statistics
import string
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

from deployer.ci.output.redact import Redactor
from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.script import Change, Line, Script
from deployer.simulator.coolify.wire import Listener
from deployer.simulator.serving.made_up import TOKEN

ROUNDS = 7
LINE_CHARS = 200
MEGABYTE = 1 << 20
SPEED = 5.0
POLL_SECONDS = 1
"""Simulated seconds between two polls."""

BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024
"""The unit of `ru_maxrss`: bytes on macOS, kilobytes elsewhere."""

FOLLOW = """
import sys
from deployer.clock import Clock
from deployer.main import main
sys.exit(main(clock=Clock({speed})))
"""

# --- the start


def start_seconds() -> float:
    """Seconds from the start of `entrypoint.py` to its first byte on the wire."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        environ = inputs(f"http://127.0.0.1:{server.getsockname()[1]}", "abc")
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "entrypoint.py"], env=environ, stdout=subprocess.DEVNULL
        ) as process:
            link, _ = server.accept()
            with link:
                link.recv(1)
                took = time.perf_counter() - began
                process.kill()
    return took


def import_seconds() -> float:
    """Seconds that a process with the same interpreter takes to import `requests`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import requests"], env=inputs("", ""), check=True)
    return time.perf_counter() - began


def inputs(url: str, uuid: str) -> dict[str, str]:
    """A clean environment: nothing set on this machine changes what is measured."""
    return {
        "PATH": os.defpath,
        "COOLIFY_URL": url,
        "COOLIFY_TOKEN": TOKEN,
        "COOLIFY_UUID": uuid,
        "DEPLOYER_POLL_INTERVAL": str(POLL_SECONDS),
    }


# --- the build log


@dataclass(frozen=True)
class Cost:
    """The cost of one run."""

    polls: int
    """How often the deployment was read."""
    seconds: float
    """Processor time."""
    memory: float
    """The peak, in MiB."""


def build(size: int, seconds: float) -> Script:
    """A deployment that has a log of so many bytes at once, and finishes after so many simulated seconds."""
    count = max(1, size // LINE_CHARS)
    lines = tuple(Line(0, f"#{number} ".ljust(LINE_CHARS, "x")) for number in range(count))
    return Script(lines, (Change(seconds, {"status": "finished", "finished_at": True}),))


@contextmanager
def coolify(script: Script) -> Iterator[tuple[Server, str]]:
    """A simulated Coolify with one application, and its URL."""
    server = Server(Scenario("bench", "A large build log.", apps=(App(script),)), SPEED)
    with Listener(0, server) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield server, f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            listener.hang_up()


def following(size: int, seconds: float) -> Cost:
    """Follow a deployment with so many bytes of log until it ends."""
    with coolify(build(size, seconds)) as (server, url):
        command = [sys.executable, "-c", FOLLOW.format(speed=SPEED)]
        environment = inputs(url, next(iter(server.apps)))
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        paths = [request.path for request in server.journal]
        if process.returncode:
            print(f"(the run exited with {process.returncode})")
    polls = sum(path.startswith("/api/v1/deployments/") and "applications" not in path for path in paths)
    return Cost(polls, used.ru_utime + used.ru_stime, used.ru_maxrss * BYTES_PER_MAXRSS / MEGABYTE)


def per_poll(size: int) -> tuple[float, float]:
    """Processor seconds of one more poll of an unchanged log, and of the rest of the run."""
    short, long = following(size, 10), following(size, 60)
    more = long.polls - short.polls
    each = (long.seconds - short.seconds) / more if more else inf
    return each, short.seconds - short.polls * each


# --- redaction


def redaction_rates(counts: tuple[int, ...]) -> dict[int, float]:
    """Redacted lines per second, by the number of secrets."""
    words = Path("docs/internals/coolify-api.md").read_text("utf-8").split()
    choose = random.Random(1)  # noqa: S311 -- the lines are the same in every run
    lines = [" ".join(choose.choices(words, k=14))[:120] for _ in range(10_000)]
    letters = string.ascii_letters + string.digits
    rates = {}
    for count in counts:
        redactor = Redactor()
        for number in range(count):
            secret = "".join(choose.choices(letters, k=24))
            form = (
                secret,
                f"postgres://app:{secret}@db:5432/app",
                f"https://hooks.example.com/{secret}",
                f"{choose.choice(words)}-{choose.choice(words)}-production",
            )[number % 4]
            redactor.add(form)
        redactor("the first text builds the pattern")
        began = time.perf_counter()
        for line in lines:
            redactor(line)
        rates[count] = len(lines) / (time.perf_counter() - began)
    return rates


def main() -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}")
    pairs = [(start_seconds(), import_seconds()) for _ in range(ROUNDS)]
    start, imports = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"first request       {start:6.0f} ms, {ratio:.2f} times `import requests` ({imports:.0f} ms)")
    without = following(0, 10)
    for megabytes in (10, 30):
        run = following(megabytes * MEGABYTE, 20)
        print(
            f"log of {megabytes} MB        {run.memory:6.0f} MiB at most "
            f"({without.memory:.0f} without a log), {run.seconds:.2f} s of processor time, {run.polls} polls"
        )
    each, rest = per_poll(5 * MEGABYTE)
    print(f"unchanged log       {each * 1000 / 5:6.2f} ms of processor time per MB and poll")
    print(f"all else            {rest * 1000:6.0f} ms of processor time with a log of 5 MB")
    each, _ = per_poll(0)
    print(f"poll without a log  {each * 1000:6.2f} ms of processor time")
    rates = redaction_rates((1, 50, 200))
    for count, rate in rates.items():
        print(
            f"redaction           {rate / 1000:6.1f}k lines/s with {count} secrets, ÷ {rates[1] / rate:.1f}"
        )


if __name__ == "__main__":
    main()
