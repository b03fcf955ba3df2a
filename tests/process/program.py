"""Starts the program as a real process beside a simulator, and looks for secrets in every byte that it left behind.

Every process carries a marked value in every secret input. The tests that say what a run must do are in the files beside it.
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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from deployer.main import REHEARSAL_SPEED
from deployer.simulator import Request, Scenario, Session, cloudfoundry
from deployer.simulator.coolify.checks import name_of
from tests.ci.decoders import Command, parse_env_file, parse_line
from tests.simulator.cloudfoundry import scenarios as cf_scenarios
from tests.simulator.cloudfoundry.invariants import violations as cf_violations
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "entrypoint.py"

QUICK = 100.0
"""For runs in which nothing depends on when the program looks: 45 simulated seconds in half a real one."""

HEADER = "Mq7\"x%2F'\\&=<z>+/|~ ;Hd9:$k,{b}!?#"
PROXY = "pRx9%40Kw%2F%25vT3mZq"
OTHER_TOKEN = "77|nobodysTokenZq4w7MarkedForTheRehearsal0099aabbcc"
COMMIT = "1111111111222222222233333333334444444444"
"""What the recorded git deployments build."""

ANOTHER_COMMIT = "f" * 39 + "0"

DRIVER = """\
import sys
sys.path.insert(0, {root!r})
from deployer.clock import Clock
from deployer.main import main
{before}
sys.exit(main(clock=Clock({speed!r})))
"""


# --- what a secret may look like


def spellings(secret: str) -> Iterator[bytes]:
    """The secret as it is and as others spell it, by other code than the program's."""
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
    """Which secrets stand in there, and in which spelling."""
    return [
        f"{secret} as {spelled!r}"
        for secret in sorted(secrets)
        for spelled in spellings(secret)
        if spelled in data
    ]


def parts_of(token: str) -> set[str]:
    """A token, and what of it is enough to log in: the number before `|` is optional (coolify-api 3.1)."""
    return {token, token.partition("|")[2]}


# --- what a process left


@dataclass(frozen=True)
class Ended:
    """All that is left of a process."""

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
        """What GitHub's runner obeys."""
        return [command for line in self.text.split("\n") if (command := parse_line(line))]

    def told(self, level: str) -> list[str]:
        """The annotations of a level. In plain text a line of the build log may look like one: those of its file are left out."""
        if self.read("output") or self.commands:
            return [
                f"{command.properties.get('title', '')}: {command.data}"
                for command in self.commands
                if command.name == level
            ]
        foreign = self.read("build.log").splitlines()
        ours = re.compile(rf"(?:\x1b\[3\d;1m)?{level.upper()}: ")
        return [line for line in self.lines if ours.match(line) and line not in foreign]

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text("utf-8") if path.exists() else ""

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs, wherever this CI system has them."""
        if (self.folder / "output").exists():
            pairs, trouble = parse_env_file(self.read("output"))
            assert trouble == ""
            return pairs
        rows = (
            row.partition("=") for row in (self.read("deployer.env") or self.read("out.env")).splitlines()
        )
        return {
            name.removeprefix("DEPLOYED_").lower(): value.removeprefix('"').removesuffix('"')
            for name, _, value in rows
        }

    @property
    def result(self) -> Any:
        return json.loads(self.read("result.json"))


@dataclass
class Program:
    """A running process. `learnt`: what it was given while it ran, and must not tell."""

    process: subprocess.Popen[bytes]
    folder: Path
    secrets: set[str]
    on_github: bool = False
    signals: list[float] = field(default_factory=list)
    learnt: Callable[[], tuple[str, ...]] = tuple

    def send(self, number: signal.Signals) -> None:
        """A signal, unless it is over."""
        self.signals.append(time.monotonic())
        self.process.send_signal(number)

    def wait_until_it_listens(self, timeout: float = 30) -> None:
        """Until it has taken charge of SIGTERM. Before that it is a Python that is being started, which dies of a signal."""
        until = time.monotonic() + timeout
        while not _caught(self.process.pid) & (1 << signal.SIGTERM - 1):
            assert self.process.poll() is None, "it ended before it listened"
            assert time.monotonic() < until, "it never listened"
            time.sleep(0.001)

    def end(self, timeout: float = 60) -> Ended:
        """Wait for it. Nothing that it left may hold a secret, and stderr is not used."""
        out, err = self.process.communicate(timeout=timeout)
        return self.check(out or b"", err or b"")

    def check(self, out: bytes, err: bytes = b"") -> Ended:
        """The same for output that was read otherwise."""
        self.secrets |= set(self.learnt())
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
        assert self.on_github or not masks, "a mask where nobody obeys it"
        return Ended(self.process.returncode, out, self.folder)


def _caught(pid: int) -> int:
    """The signals for which a process has a handler, one bit each (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)


def masked(out: bytes) -> tuple[list[bytes], bytes]:
    """GitHub's masks, as far as they come before every other line, and the rest."""
    lines = out.split(b"\n")
    count = next(
        (number for number, line in enumerate(lines) if not line.startswith(b"::add-mask::")), len(lines)
    )
    return lines[:count], b"\n".join(lines[count:])


# --- another host


class Stranger:
    """Another host: it listens, and remembers every byte. Nothing of ours may ever come here."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._socket.accept()
                with link:
                    link.settimeout(1)
                    self.heard.append(b"(a connection)")
                    with contextlib.suppress(OSError):
                        self.heard.append(link.recv(1 << 16))

    def close(self) -> None:
        self._socket.close()


# --- starting one


def github(folder: Path, **more: str) -> dict[str, str]:
    """What a job of GitHub Actions has set."""
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    return {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_SHA": COMMIT, **files, **more}


def gitlab(folder: Path, **more: str) -> dict[str, str]:
    """What a job of GitLab CI has set."""
    return {"CI": "true", "GITLAB_CI": "true", "CI_COMMIT_SHA": COMMIT, **more}


def plain(folder: Path, **more: str) -> dict[str, str]:
    """No CI system that we know."""
    return {"DEPLOYER_OUTPUT_FILE": "out.env", **more}


def login(session: Session, folder: Path, *, in_file: bool = False) -> dict[str, str]:
    """The inputs for a stage; the token perhaps as a file, outside of the folder where secrets are looked for."""
    known = {"COOLIFY_URL": session.url, "COOLIFY_UUID": ",".join(session.uuids)}
    if not in_file:
        return known | {"COOLIFY_TOKEN": session.token}
    (folder.parent / "token").write_text(session.token + "\n")
    return known | {"COOLIFY_TOKEN_FILE": str(folder.parent / "token")}


CF_SECRETS = ("CF_PASSWORD", "CF_CLIENT_SECRET", "CF_ASSERTION", "CF_DOCKER_PASSWORD")


def cf_login(session: cloudfoundry.Session, folder: Path, *, in_file: bool = False) -> dict[str, str]:
    """The same for a Cloud Foundry."""
    variables = {"image": "DEPLOYER_APP_IMAGE"}
    given = {variables.get(name, name.upper()): value for name, value in session.inputs.items()}
    for name in CF_SECRETS if in_file else ():
        if value := given.pop(name, ""):
            (folder.parent / name).write_text(value + "\n")
            given[f"{name}_FILE"] = str(folder.parent / name)
    return given


def secrets_of(environ: Mapping[str, str]) -> Iterator[str]:
    """The values of the secret inputs, wherever they come from."""
    for name in ("COOLIFY_TOKEN", *CF_SECRETS):
        yield from parts_of(environ.get(name, ""))
        if (path := Path(environ.get(f"{name}_FILE", ""))).is_file():
            yield from parts_of(path.read_text().strip())


def marked(stranger: Stranger) -> dict[str, str]:
    """A marked value in every secret input; the proxy is for addresses that are never asked."""
    proxy = f"http://deployer:{PROXY}@127.0.0.1:{stranger.port}"
    return {"DEPLOYER_HEADERS": f"X-Marked: {HEADER}\nX-Short: abc", "HTTPS_PROXY": proxy}


def files(**more: str) -> dict[str, str]:
    """Everything that can be asked to be written."""
    return {"DEPLOYER_LOG_FILE": "build.log", "DEPLOYER_RESULT_FILE": "result.json", **more}


@contextlib.contextmanager
def running(
    folder: Path,
    environ: Mapping[str, str],
    *arguments: str,
    speed: float | None = None,
    before: str = "",
    **options: Any,
) -> Iterator[Program]:
    """The program as a process: `entrypoint.py`, or with a `speed` the same `main` on a faster clock. `before`: Python run before it."""
    driver = ("-c", DRIVER.format(root=str(ROOT), speed=speed, before=before))
    python = (sys.executable, *(driver if speed else (str(ENTRYPOINT),)))
    secrets = {HEADER, PROXY, unquote(PROXY), *secrets_of(environ)}
    on_github = "GITHUB_ACTIONS" in environ or environ.get("DEPLOYER_CI") == "github"
    pipes: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    } | options
    clean = {"PATH": os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin")), "PYTHONDONTWRITEBYTECODE": "1"}
    process: subprocess.Popen[bytes] = subprocess.Popen(
        [*python, *arguments], cwd=folder, env=clean | dict(environ), **pipes
    )
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
class Play:
    """A program beside the stage that it talks to."""

    stage: Session
    program: Program
    speed: float
    first_seen: float = 0

    def asked(self, name: str) -> list[Request]:
        """The requests to one route."""
        return [asked for asked in list(self.stage.journal) if name_of(asked) == name]

    def wait_for(self, condition: Callable[[Play], bool], timeout: float = 30) -> None:
        """Until it is so; a process that ended before is told with all that it said."""
        until = time.monotonic() + timeout
        while not condition(self):
            if not self.first_seen and self.stage.journal:
                self.first_seen = time.monotonic()
            if self.program.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(
                    f"it never came so far: {self.program.process.communicate()[0].decode()}"
                )
            time.sleep(0.01)
        self.first_seen = self.first_seen or time.monotonic()

    def real_seconds_after_the_signal(self, asked: Request) -> float:
        """When a request came, in real seconds after the first signal; too large by as much as the first request was seen too late."""
        return asked.at / self.speed - (self.program.signals[0] - self.first_seen)

    def starts(self) -> int:
        """How many deployments the program has started: all but those of others. Before beta.463 no row says so."""
        return max(0, len(self.stage.deployments()) - len(self.stage.scenario.others))

    def end(self, timeout: float = 60) -> Ended:
        """Wait for it; it must have behaved."""
        ended = self.program.end(timeout)
        assert violations(self.stage) == []
        return ended


@dataclass
class CfPlay:
    """A program beside the Cloud Foundry that it talks to."""

    stage: cloudfoundry.Session
    program: Program

    def wait_for(self, path: str, timeout: float = 30) -> None:
        """Until something whose path ends so was asked."""
        until = time.monotonic() + timeout
        while not any(asked.path.endswith(path) for asked in list(self.stage.journal)):
            assert self.program.process.poll() is None, "it ended before that"
            assert time.monotonic() < until, "it never came so far"
            time.sleep(0.01)

    def end(self, timeout: float = 60) -> Ended:
        """Wait for it; it must have behaved."""
        ended = self.program.end(timeout)
        assert cf_violations(self.stage) == []
        return ended


@contextlib.contextmanager
def cf_play(  # noqa: PLR0913 -- what differs from test to test, given by name
    scenario: str,
    folder: Path,
    stranger: Stranger,
    environ: Mapping[str, str],
    *,
    speed: float = REHEARSAL_SPEED,
    in_file: bool = False,
) -> Iterator[CfPlay]:
    """The same as `play` for a Cloud Foundry. Its tokens, which nobody knows before, are as secret as the password."""
    with cf_scenarios.simulating(scenario, speed=speed) as session:
        given = {**marked(stranger), **cf_login(session, folder, in_file=in_file), **environ}
        with running(folder, given, speed=speed) as program:
            program.learnt = lambda: session.tokens
            yield CfPlay(session, program)
    assert stranger.heard == []


@contextlib.contextmanager
def play(  # noqa: PLR0913 -- what differs from test to test, given by name
    scenario: str | Scenario,
    folder: Path,
    stranger: Stranger,
    environ: Mapping[str, str] | None = None,
    *,
    speed: float = REHEARSAL_SPEED,
    in_file: bool = False,
    without: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[Play]:
    """The program against a scenario, on a clock that both share. `without`: variables to leave out."""
    with simulating(scenario, speed=speed) as session:
        given = {**marked(stranger), **login(session, folder, in_file=in_file), **(environ or {})}
        given = {name: value for name, value in given.items() if name not in without}
        with running(folder, given, speed=speed, **options) as program:
            yield Play(session, program, speed)
    assert stranger.heard == []
