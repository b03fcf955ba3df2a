"""Print what a run costs, and how soon it reports an end. Never fails.

`python -m tools.bench`, from the repository's root; takes about three minutes. The start, memory and
processor time are measured with real processes; requests and delays with whole runs on a clock that only
moves when the program sleeps. The simulator responds; its own cost is not counted.
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
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

from deployer.ci.output.redact import Redactor
from deployer.model import Entry, Handle, Phase, Snapshot
from deployer.pace import poll_delay
from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.script import Change, Line, Script
from deployer.simulator.coolify.wire import Listener
from deployer.simulator.serving.made_up import TOKEN
from deployer.watch import Watch, observe
from tests.scenarios.many_targets import Run, deploy_all, scenario

TOO_MANY = 429
ROUNDS = 7
LINE_CHARS = 200
MEGABYTE = 1 << 20
SPEED = 5.0
POLL_SECONDS = 1
"""Simulated seconds between two polls."""

PEAK = """
import re, resource, sys
from pathlib import Path

def peak():
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` would include the process that started this one
        return int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
"""
"""A function that returns the largest memory of a process so far, in bytes."""

FOLLOW = f"""
{PEAK}
from deployer.clock import Clock
from deployer.main import main
code = main(clock=Clock({SPEED}))
print(peak(), file=sys.stderr)
sys.exit(code)
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
        command = [sys.executable, "-c", FOLLOW]
        environment = inputs(url, next(iter(server.apps)))
        with subprocess.Popen(  # noqa: S603 -- our own program
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            peak = int(process.stderr.read()) if process.stderr else 0
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        paths = [request.path for request in server.journal]
        if process.returncode:
            print(f"(the run exited with {process.returncode})")
    polls = sum(path.startswith("/api/v1/deployments/") and "applications" not in path for path in paths)
    return Cost(polls, used.ru_utime + used.ru_stime, peak / MEGABYTE)


def per_poll(size: int) -> tuple[float, float]:
    """Processor seconds of one more poll of an unchanged log, and of the rest of the run."""
    short, long = following(size, 10), following(size, 150)
    more = long.polls - short.polls
    each = (long.seconds - short.seconds) / more if more else inf
    return each, short.seconds - short.polls * each


EMPTY_ENTRIES = f"""
{PEAK}
from deployer.providers.coolify.watching.deployment import read_log
read_log({{"logs": "[" + "{{}}," * {22 * MEGABYTE // 3} + "{{}}]"}})
print(peak())
"""


def empty_entries_memory() -> float:
    """The peak in MiB of a process that reads a log of 22 MB of entries without any content."""
    command = [sys.executable, "-c", EMPTY_ENTRIES]
    completed = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return int(completed.stdout) / MEGABYTE


# --- many targets


def many(targets: int, hosts: int, queue_limit: int = 25) -> Run:
    """Deploy so many applications on so many servers, which build two at a time."""
    with TemporaryDirectory() as folder, chdir(folder), quiet():
        return deploy_all(scenario(targets, hosts, queue_limit), DEPLOYER_TIMEOUT="2h")


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what the program prints."""
    print(end="", flush=True)
    original = os.dup(1)
    with Path(os.devnull).open("wb") as sink:
        os.dup2(sink.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(original, 1)
        os.close(original)


def show_many(title: str, run: Run) -> None:
    started = max(run.triggers())
    full = len(run.triggers(TOO_MANY))
    limited = sum(each.status == TOO_MANY for each in run.journal) - full
    print(
        f"{title:<20}{len(run.journal):6} requests, {len(run.triggers())} started in {started:.0f} s, "
        f"{full} met a full queue, {limited} were above the rate limit;"
    )
    print(
        f"{'':<20}{run.worst_minute(0, started):6} in the worst minute of the start, "
        f"{run.worst_minute(started, run.seconds)} later; exit {run.seconds - run.ended:.1f} s after the end"
    )


# --- how late an end is reported

DEPLOYMENTS = 300
CONTAINER_SECONDS = (2.0, 6.0)
"""How long before the end the new container starts."""


@dataclass(frozen=True)
class News:
    """How late the ends of deployments were seen."""

    mean: float
    late: float
    """The 95th percentile, in seconds."""
    per_minute: float

    @property
    def ratio(self) -> float:
        """The mean, as a share of that of a fixed interval with as many requests."""
        return self.mean * self.per_minute / 30


def news(history: int, *, stages: bool) -> News:
    """Deployments of 10 s to 20 min, of which so many earlier durations are known.

    stages: the log shows when the new container starts.
    """
    choose = random.Random(1)  # noqa: S311 -- the deployments are the same in every run
    delays, polls, minutes = [], 0, 0.0
    for number in range(DEPLOYMENTS):
        usual = 10 * 120 ** choose.random()
        earlier = tuple(usual * choose.lognormvariate(0, 0.2) for _ in range(history))
        end = usual * choose.lognormvariate(0, 0.2) if history else usual
        container = end - choose.uniform(*CONTAINER_SECONDS) if stages else inf
        watch = Watch(Handle("web", f"{number}"), began=0, deadline=inf, durations=earlier)
        now = choose.random() / 2
        while now < end:
            log = (Entry("1", "", starts_container=True),) if now >= container else ()
            watch, _ = observe(watch, Snapshot(Phase.RUNNING, log=log), now)
            now += poll_delay(watch, now)
            polls += 1
        delays.append(now - end)
        minutes += end / 60
    late = sorted(delays)[round(0.95 * DEPLOYMENTS)]
    return News(statistics.mean(delays), late, polls / minutes)


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
    show_many("200 targets", many(200, hosts=200))
    show_many("50 targets", many(50, hosts=25))
    show_many("60, full queues", many(60, hosts=3, queue_limit=4))
    one = many(1, hosts=1)
    print(f"one target          {one.seconds - one.ended:6.1f} s from the end of the deployment to the exit")
    for history, stages in ((0, True), (3, True), (1, False), (3, False)):
        seen = news(history, stages=stages)
        log = ", stages in the log" if stages else ""
        print(
            f"end seen after      {seen.mean:6.2f} s on average, 95 % within {seen.late:.1f} s, "
            f"{seen.per_minute:.1f} requests/min, {seen.ratio:.2f} of a fixed interval "
            f"({history} earlier deployments{log})"
        )
    without = following(0, 10)
    for megabytes in (10, 30):
        run = following(megabytes * MEGABYTE, 20)
        print(
            f"log of {megabytes} MB        {run.memory:6.0f} MiB at most "
            f"({without.memory:.0f} without a log), {run.seconds:.2f} s of processor time, {run.polls} polls"
        )
    print(f"22 MB of {{}} entries {empty_entries_memory():6.0f} MiB at most")
    each, rest = per_poll(5 * MEGABYTE)
    print(f"unchanged log       {each * 1000 / 5:6.2f} ms of processor time per MB and poll")
    print(f"all else            {rest * 1000:6.0f} ms of processor time with a log of 5 MB")
    each, _ = per_poll(0)
    print(f"poll without a log  {each * 1000:6.2f} ms of processor time")
    rates = redaction_rates((1, 50, 200))
    for count, rate in rates.items():
        share = rates[1] / rate
        print(f"redaction           {rate / 1000:6.1f}k lines/s with {count} secrets, ÷ {share:.1f}")


if __name__ == "__main__":
    main()
