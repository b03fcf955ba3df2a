"""What a run costs: the time to its first request, the memory and the processor time of a large build log. Prints, never fails.

`python -m tools.bench`, from the repository's root. The simulator answers; what it costs itself is not counted.
"""

from __future__ import annotations

import os
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.script import Change, Line, Script
from deployer.simulator.coolify.wire import Listener
from deployer.simulator.serving.made_up import TOKEN

ROUNDS = 7
LINE = 200
MEGABYTE = 1 << 20
SPEED = 5.0
PACE = 1
"""Simulated seconds between two looks."""

IN_MEBIBYTES = MEGABYTE if sys.platform == "darwin" else 1024
"""What ru_maxrss counts in: bytes on macOS, kilobytes elsewhere."""

FOLLOW = "import sys; from deployer.clock import Clock; from deployer.main import main; sys.exit(main(clock=Clock({speed})))"


# --- the start


def to_the_first_request() -> float:
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


def importing_requests() -> float:
    """Seconds that the same interpreter takes to import `requests`, and to end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import requests"], env=inputs("", ""), check=True)
    return time.perf_counter() - began


def inputs(url: str, uuid: str) -> dict[str, str]:
    """A clean environment: no variable of ours changes what is measured."""
    return {
        "PATH": os.defpath,
        "COOLIFY_URL": url,
        "COOLIFY_TOKEN": TOKEN,
        "COOLIFY_UUID": uuid,
        "DEPLOYER_POLL_INTERVAL": str(PACE),
    }


# --- the build log


@dataclass(frozen=True)
class Cost:
    """Of one whole run: its looks, processor seconds, and largest memory in MiB."""

    looks: int
    seconds: float
    memory: float


def build(size: int, seconds: float) -> Script:
    """A deployment whose log is there at once, so many bytes of it, and which is finished after so many simulated seconds."""
    lines = tuple(Line(0, f"#{number} ".ljust(LINE, "x")) for number in range(max(1, size // LINE)))
    return Script(lines, (Change(seconds, {"status": "finished", "finished_at": True}),))


@contextmanager
def coolify(script: Script) -> Iterator[tuple[Server, str]]:
    """A simulator with one application, and its address."""
    server = Server(Scenario("bench", "A large build log.", apps=(App(script),)), SPEED)
    with Listener(0, server) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield server, f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            listener.hang_up()


def following(size: int, seconds: float) -> Cost:
    """Follow a deployment with so many bytes of log, to its end."""
    with coolify(build(size, seconds)) as (server, url):
        command = [sys.executable, "-c", FOLLOW.format(speed=SPEED)]
        environment = inputs(url, next(iter(server.apps)))
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        looks = sum(
            asked.path.startswith("/api/v1/deployments/") and "applications" not in asked.path
            for asked in server.journal
        )
        if process.returncode:
            print(f"(the run ended with {process.returncode})")
    return Cost(looks, used.ru_utime + used.ru_stime, used.ru_maxrss / IN_MEBIBYTES)


def per_look(size: int) -> tuple[float, float]:
    """Processor seconds of one more look at a log that has not changed, and of the rest of the run."""
    short, long = following(size, 10), following(size, 60)
    more = long.looks - short.looks
    each = (long.seconds - short.seconds) / more if more else inf
    return each, short.seconds - short.looks * each


def main() -> None:
    pairs = [(to_the_first_request(), importing_requests()) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}")
    print(
        f"to the first request   {ours * 1000:6.0f} ms, {ratio:.2f} times `import requests` ({theirs * 1000:.0f} ms)"
    )
    plain, large = following(0, 10), following(30 * MEGABYTE, 20)
    print(
        f"memory                 {large.memory:6.0f} MiB with a log of 30 MB ({large.looks} looks), {plain.memory:.0f} MiB without one"
    )
    each, rest = per_look(5 * MEGABYTE)
    print(
        f"a look at 5 MB of log  {each * 1000:6.0f} ms of processor time ({rest * 1000:.0f} ms for all else: start, showing the log)"
    )
    nothing, _ = per_look(0)
    print(f"a look without a log   {nothing * 1000:6.1f} ms")


if __name__ == "__main__":
    main()
