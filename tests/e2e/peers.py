"""The real peers of these tests, as the programs that CI systems use to reach them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Docker:
    """The engine, by its command line: what CI systems use."""

    environ: dict[str, str] = field(repr=False)  # a failing test prints its arguments

    def __call__(
        self, *words: str | Path, stdin: str | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *map(str, words)],
            check=False,
            text=True,
            encoding="utf-8",
            input=stdin or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environ | environ,
            timeout=300,
        )

    def ok(self, *words: str | Path, stdin: str | None = None, **environ: str) -> str:
        done = self(*words, stdin=stdin, **environ)
        assert done.returncode == 0, done.stdout
        return done.stdout

    @contextmanager
    def attached(self, *words: str | Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """What a runner does: it stays attached, and has nothing to say on stdin."""
        with subprocess.Popen(
            ["docker", *map(str, words)],
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environ | environ,
        ) as client:
            try:
                yield client
            finally:
                client.kill()


@dataclass(frozen=True)
class Program:
    """A platform's own command line, with a home of its own; it asks nobody but loopback past any proxy."""

    path: str
    environ: dict[str, str] = field(repr=False)

    def __call__(self, *words: str, code: int = 0, **environ: str) -> str:
        """What it says, on both streams."""
        usual = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", "LANG": "C.UTF-8"}
        done = subprocess.run(
            [self.path, *words],
            check=False,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=usual | self.environ | environ,
            timeout=120,
        )
        assert done.returncode == code, f"{' '.join(words)}: {done.returncode}\n{done.stdout}"
        return done.stdout


def found(names: tuple[str, ...], says: str, **environ: str) -> str:
    """Where a program is whose version has this beginning; nothing where there is none."""
    for path in filter(None, map(shutil.which, names)):
        told = subprocess.run(
            [path, "version"],
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            timeout=60,
            env=os.environ | environ,
        )
        if says in told.stdout:
            return path
    return ""


def engine() -> Docker | None:
    """The engine that answers here; `.ci/run` starts one where there is none."""
    docker = Docker({"DOCKER_BUILDKIT": "1", **os.environ})
    return docker if answers(docker) else None


def answers(docker: Docker) -> bool:
    return shutil.which("docker", path=docker.environ["PATH"]) is not None and docker("info").returncode == 0


@dataclass(frozen=True)
class GitHub:
    """The options and mounts with which GitHub's runner starts the container of an action (ci-formats 1.8)."""

    folder: Path

    @property
    def options(self) -> list[str]:
        mounts = [
            f"--volume={self.folder / name}:/github/{name}" for name in ("workspace", "home", "file_commands")
        ]
        # By name only, as the runner does it: no value stands in the process list.
        return [
            "--workdir",
            "/github/workspace",
            "--env=HOME=/github/home",
            *mounts,
            *(f"--env={name}" for name in self.environ),
        ]

    @property
    def environ(self) -> dict[str, str]:
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": "/github/file_commands/set_output_1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_RUN_ID": "1",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/step_summary_1",
            "GITHUB_WORKSPACE": "/github/workspace",
            "INPUT_COOLIFY_TOKEN": "",  # every declared input is set
            "INPUT_UUID": "",
        }

    @property
    def outputs(self) -> str:
        return (self.folder / "file_commands" / "set_output_1").read_text("utf-8")

    @property
    def summary(self) -> str:
        return (self.folder / "file_commands" / "step_summary_1").read_text("utf-8")
