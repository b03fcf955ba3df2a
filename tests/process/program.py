"""Runs the program as a real process against a simulator, and searches everything it wrote for secrets.

Every process has a marked value in every secret input. The tests are in the other files of this folder.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from deployer.main import REHEARSAL_SPEED
from deployer.simulator import Request, Scenario, Session, cloudfoundry
from deployer.simulator.cloudfoundry.scenario import Scenario as CloudFoundryScenario
from deployer.simulator.coolify.checks import name_of
from tests.ci.decoders import Command, parse_env_file, parse_line
from tests.process.forking import ForkedProcess
from tests.simulator.cloudfoundry import scenarios as cf_scenarios
from tests.simulator.cloudfoundry.invariants import violations as cf_violations
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating
from tests.skips import IS_LINUX

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "entrypoint.py"

FAST = 100.0
"""The speed for runs in which the time of a poll does not matter: 45 simulated seconds take half a second."""

HEADER = "Mq7\"x%2F'\\&=<z>+/|~ ;Hd9:$k,{b}!?#"
PROXY = "pRx9%40Kw%2F%25vT3mZq"
OTHER_TOKEN = "77|nobodysTokenZq4w7MarkedForTheRehearsal0099aabbcc"
COMMIT = "1111111111222222222233333333334444444444"
"""The commit of the recorded git deployments."""

OTHER_COMMIT = "f" * 39 + "0"

DRIVER = """\
import sys
sys.path.insert(0, {root!r})
from deployer.clock import Clock
from deployer.main import main
{before}
sys.exit(main(clock=Clock({speed!r})))
"""

AS_SCRIPT = """\
import runpy, sys
sys.argv = [*{command!r}]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""`python entrypoint.py arguments`."""


# --- encodings of secrets


def encodings(secret: str) -> Iterator[bytes]:
    """The secret and its encodings, not written with the program's code."""
    raw = secret.encode()
    percent = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    command = secret.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    escaped = json.dumps(secret)[1:-1]
    texts = {
        secret,
        *percent,
        *(text.lower() for text in percent if "%" in text),
        command,
        secret.replace("%", "%25"),
    }
    yield from (
        text.encode() for text in texts | {escaped, escaped.replace("/", "\\/"), raw.hex(), raw.hex().upper()}
    )
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            code = encode(b"\0" * offset + raw).rstrip(b"=")
            yield code[(0, 2, 3)[offset] : len(code) - ((offset + len(raw)) % 3 > 0)]


def leaks(data: bytes, secrets: set[str]) -> list[str]:
    """Return the secrets that the data contains, and in which encoding."""
    return [
        f"{secret} as {encoded!r}"
        for secret in sorted(secrets)
        for encoded in encodings(secret)
        if encoded in data
    ]


def token_parts(token: str) -> set[str]:
    """A token, and the part that is enough to log in: the number before `|` is optional (coolify-api 3.1)."""
    return {token, token.partition("|")[2]}


# --- the result of a process


@dataclass(frozen=True)
class ProcessResult:
    """The exit code, the output and the files of a process that has ended."""

    code: int
    out: bytes
    folder: Path

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def commands(self) -> list[Command]:
        """The workflow commands that GitHub's runner obeys."""
        return [command for line in self.text.split("\n") if (command := parse_line(line))]

    def annotations(self, level: str) -> list[str]:
        """The annotations of a level.

        In plain text a line of the build log may look like one: the lines of the log file are left out.
        """
        if self.read("output") or self.commands:
            return [
                f"{command.properties.get('title', '')}: {command.data}"
                for command in self.commands
                if command.name == level
            ]
        log_lines = self.read("build.log").splitlines()
        own_line = re.compile(rf"(?:\x1b\[3\d;1m)?{level.upper()}: ")
        return [line for line in self.lines if own_line.match(line) and line not in log_lines]

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text("utf-8") if path.exists() else ""

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs, from the file of this CI system."""
        if (self.folder / "output").exists():
            pairs, error = parse_env_file(self.read("output"))
            assert error == ""
            return pairs
        rows = (
            row.partition("=") for row in (self.read("deployer.env") or self.read("out.env")).splitlines()
        )
        return {
            name.removeprefix("DEPLOYED_").lower(): value.removeprefix('"').removesuffix('"')
            for name, _, value in rows
        }

    @property
    def result_file(self) -> Any:
        return json.loads(self.read("result.json"))


@dataclass
class Program:
    """A running process."""

    process: subprocess.Popen[bytes] | ForkedProcess
    folder: Path
    secrets: set[str]
    on_github: bool = False
    signals: list[float] = field(default_factory=list)
    late_secrets: Callable[[], tuple[str, ...]] = tuple
    """Secrets that the process receives only while it runs."""

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        self.signals.append(time.monotonic())
        self.process.send_signal(number)

    def wait_for_signal_handler(self, timeout: float = 30) -> None:
        """Wait until it handles SIGTERM. Before that, a signal kills the Python that is being started."""
        deadline = time.monotonic() + timeout
        while not _handled_signals(self.process.pid) & (1 << signal.SIGTERM - 1):
            assert self.process.poll() is None, "it ended before it handled signals"
            assert time.monotonic() < deadline, "it never handled signals"
            time.sleep(0.001)

    def end(self, timeout: float = 60) -> ProcessResult:
        """Wait for the end. Nothing that it wrote may contain a secret, and stderr must be empty."""
        out, err = self.process.communicate(timeout=timeout)
        return self.check(out or b"", err or b"")

    def check(self, out: bytes, err: bytes = b"") -> ProcessResult:
        """Check output that the caller has read: no secrets, and nothing on stderr."""
        self.secrets |= set(self.late_secrets())
        masks, rest = masked(out)
        assert not (self.on_github and re.search(rb"^::add-mask::", rest, re.MULTILINE)), (
            "a mask that comes too late"
        )
        written = {
            str(path): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }
        for name, data in {"stdout": rest, "stderr": err, **written}.items():
            assert leaks(data, self.secrets) == [], f"a secret in {name}"
        assert err == b""
        assert self.on_github or not masks, "a mask outside of GitHub"
        return ProcessResult(self.process.wait(), out, self.folder)


def _handled_signals(pid: int) -> int:
    """The signals for which a process has a handler, one bit each (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)


def masked(out: bytes) -> tuple[list[bytes], bytes]:
    """Split GitHub's masks at the beginning of the output from the rest."""
    lines = out.split(b"\n")
    count = next(
        (number for number, line in enumerate(lines) if not line.startswith(b"::add-mask::")), len(lines)
    )
    return lines[:count], b"\n".join(lines[count:])


# --- another host


class UnrelatedHost:
    """A host that records every byte it receives. The program must never connect to it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    connection.settimeout(1)
                    self.received.append(b"(a connection)")
                    with contextlib.suppress(OSError):
                        self.received.append(connection.recv(1 << 16))

    def close(self) -> None:
        self._socket.close()


# --- starting a process


def github(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a GitHub Actions job."""
    output_files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    return {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_SHA": COMMIT, **output_files, **more}


def gitlab(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a GitLab CI job."""
    return {"CI": "true", "GITLAB_CI": "true", "CI_COMMIT_SHA": COMMIT, **more}


def plain(folder: Path, **more: str) -> dict[str, str]:
    """The environment outside of any known CI system."""
    return {"DEPLOYER_OUTPUT_FILE": "out.env", **more}


def login(session: Session, folder: Path, *, in_file: bool = False) -> dict[str, str]:
    """The inputs for a session. A token file is outside of the folder that is searched for secrets."""
    known = {"COOLIFY_URL": session.url, "COOLIFY_UUID": ",".join(session.uuids)}
    if not in_file:
        return known | {"COOLIFY_TOKEN": session.token}
    (folder.parent / "token").write_text(session.token + "\n")
    return known | {"COOLIFY_TOKEN_FILE": str(folder.parent / "token")}


CF_SECRETS = ("CF_PASSWORD", "CF_CLIENT_SECRET", "CF_ASSERTION", "CF_DOCKER_PASSWORD")


def cf_login(session: cloudfoundry.Session, folder: Path, *, in_file: bool = False) -> dict[str, str]:
    """The inputs for a Cloud Foundry session, with the secrets optionally in files."""
    other_names = {"image": "DEPLOYER_APP_IMAGE"}
    variables = {other_names.get(name, name.upper()): value for name, value in session.inputs.items()}
    for name in CF_SECRETS if in_file else ():
        if value := variables.pop(name, ""):
            (folder.parent / name).write_text(value + "\n")
            variables[f"{name}_FILE"] = str(folder.parent / name)
    return variables


def secret_values(environ: Mapping[str, str]) -> Iterator[str]:
    """The values of the secret inputs, from variables and files."""
    for name in ("COOLIFY_TOKEN", *CF_SECRETS):
        yield from token_parts(environ.get(name, ""))
        if (path := Path(environ.get(f"{name}_FILE", ""))).is_file():
            yield from token_parts(path.read_text().strip())


def marked_secrets(unrelated_host: UnrelatedHost) -> dict[str, str]:
    """A marked value in every secret input. The proxy is for addresses that are never requested."""
    proxy = f"http://deployer:{PROXY}@127.0.0.1:{unrelated_host.port}"
    return {"DEPLOYER_HEADERS": f"X-Marked: {HEADER}\nX-Short: abc", "HTTPS_PROXY": proxy}


def output_files(**more: str) -> dict[str, str]:
    """The inputs that make the program write its optional files."""
    return {"DEPLOYER_LOG_FILE": "build.log", "DEPLOYER_RESULT_FILE": "result.json", **more}


def _started(
    command: Sequence[str], code: str, folder: Path, environ: Mapping[str, str], options: dict[str, Any]
) -> subprocess.Popen[bytes] | ForkedProcess:
    """The new process: a fork that runs `code`, or a Python with the arguments `command`."""
    pipes: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    } | options
    base = {"PATH": os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin")), "PYTHONDONTWRITEBYTECODE": "1"}
    if code:
        return ForkedProcess(code, folder, base | dict(environ), pipes)
    return subprocess.Popen([sys.executable, *command], cwd=folder, env=base | dict(environ), **pipes)


@contextlib.contextmanager
def running(
    folder: Path,
    environ: Mapping[str, str],
    *arguments: str,
    speed: float | None = None,
    before: str = "",
    fresh: bool = False,
    **options: Any,
) -> Iterator[Program]:
    """Start the program as a process: `entrypoint.py`, or with a `speed` its `main` on a faster clock.

    before: Python code that runs first.
    fresh: Python's start and the imports are part of the test. Otherwise the process is a fork, unless Python
    itself reads one of the variables, or something is done before its start.
    """
    secrets = {HEADER, PROXY, unquote(PROXY), *secret_values(environ)}
    on_github = "GITHUB_ACTIONS" in environ or environ.get("DEPLOYER_CI") == "github"
    driver = DRIVER.format(root=str(ROOT), speed=speed, before=before) if speed else ""
    command = ("-c", driver) if driver else (str(ENTRYPOINT), *arguments)
    code = driver or AS_SCRIPT.format(command=command)
    at_start = any(name.startswith(("LANG", "LC_", "PYTHON")) for name in environ) or "preexec_fn" in options
    forks = IS_LINUX and not fresh and not at_start
    process = _started(command, code if forks else "", folder, environ, options)
    try:
        yield Program(process, folder, {secret for secret in secrets if len(secret) > 4}, on_github)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


@dataclass
class SimulatedRun:
    """A program that runs against a simulated Coolify."""

    session: Session
    program: Program
    speed: float
    first_seen: float = 0

    def requests(self, name: str) -> list[Request]:
        """The requests to one route."""
        return [request for request in list(self.session.journal) if name_of(request) == name]

    def wait_for(self, condition: Callable[[SimulatedRun], bool], timeout: float = 30) -> None:
        """Wait for a condition. Fails with the output if the process ends first."""
        deadline = time.monotonic() + timeout
        while not condition(self):
            if not self.first_seen and self.session.journal:
                self.first_seen = time.monotonic()
            if self.program.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"the condition was never met: {self.program.process.communicate()[0].decode()}"
                )
            time.sleep(0.01)
        self.first_seen = self.first_seen or time.monotonic()

    def seconds_after_signal(self, request: Request) -> float:
        """Real seconds from the first signal to a request.

        Too large by the delay with which the first request was noticed.
        """
        return request.at / self.speed - (self.program.signals[0] - self.first_seen)

    def starts(self) -> int:
        """The number of deployments that the program has started: all but those of others.

        Before beta.463 no deployment record says who started it.
        """
        return max(0, len(self.session.deployments()) - len(self.session.scenario.others))

    def end(self, timeout: float = 60) -> ProcessResult:
        """Wait for the end, and check the invariants."""
        result = self.program.end(timeout)
        assert violations(self.session) == []
        return result


@dataclass
class CloudFoundryRun:
    """A program that runs against a simulated Cloud Foundry."""

    session: cloudfoundry.Session
    program: Program

    def wait_for(self, path: str, timeout: float = 30) -> None:
        """Wait for a request whose path ends with `path`."""
        deadline = time.monotonic() + timeout
        while not any(request.path.endswith(path) for request in list(self.session.journal)):
            assert self.program.process.poll() is None, "it ended before the request"
            assert time.monotonic() < deadline, "the request was never sent"
            time.sleep(0.01)

    def end(self, timeout: float = 60) -> ProcessResult:
        """Wait for the end, and check the invariants."""
        result = self.program.end(timeout)
        assert cf_violations(self.session) == []
        return result


@contextlib.contextmanager
def run_against_cloud_foundry(  # noqa: PLR0913 -- what differs between tests, as keyword arguments
    scenario: str | CloudFoundryScenario,
    folder: Path,
    unrelated_host: UnrelatedHost,
    environ: Mapping[str, str],
    *,
    speed: float = REHEARSAL_SPEED,
    in_file: bool = False,
) -> Iterator[CloudFoundryRun]:
    """Run the program against a Cloud Foundry scenario. Its tokens are as secret as the password."""
    with cf_scenarios.simulating(scenario, speed=speed) as session:
        variables = {
            **marked_secrets(unrelated_host),
            **cf_login(session, folder, in_file=in_file),
            **environ,
        }
        with running(folder, variables, speed=speed) as program:
            program.late_secrets = lambda: session.tokens
            yield CloudFoundryRun(session, program)
    assert unrelated_host.received == []


@contextlib.contextmanager
def run_against(  # noqa: PLR0913 -- what differs between tests, as keyword arguments
    scenario: str | Scenario,
    folder: Path,
    unrelated_host: UnrelatedHost,
    environ: Mapping[str, str] | None = None,
    *,
    speed: float = REHEARSAL_SPEED,
    in_file: bool = False,
    without: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[SimulatedRun]:
    """Run the program against a scenario, on a shared clock. `without`: variables to leave out."""
    with simulating(scenario, speed=speed) as session:
        variables = {
            **marked_secrets(unrelated_host),
            **login(session, folder, in_file=in_file),
            **(environ or {}),
        }
        variables = {name: value for name, value in variables.items() if name not in without}
        with running(folder, variables, speed=speed, **options) as program:
            yield SimulatedRun(session, program, speed)
    assert unrelated_host.received == []
