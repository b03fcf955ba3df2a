"""The real peers of these tests, reached through the programs that CI systems use."""

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
    """The Docker engine, through its command line, as CI systems use it."""

    environ: dict[str, str] = field(repr=False)  # a failing test prints its arguments

    def __call__(
        self, *arguments: str | Path, stdin: str | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *map(str, arguments)],
            check=False,
            text=True,
            encoding="utf-8",
            input=stdin or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environ | environ,
            timeout=300,
        )

    def ok(self, *arguments: str | Path, stdin: str | None = None, **environ: str) -> str:
        completed = self(*arguments, stdin=stdin, **environ)
        assert completed.returncode == 0, completed.stdout
        return completed.stdout

    @contextmanager
    def attached(self, *arguments: str | Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command as a runner does: attached, with an empty stdin."""
        with subprocess.Popen(
            ["docker", *map(str, arguments)],
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
    """A platform's own command line, with its own home. Only loopback bypasses a proxy."""

    path: str
    environ: dict[str, str] = field(repr=False)

    def __call__(self, *arguments: str, code: int = 0, **environ: str) -> str:
        """Run a command, check its exit code, and return stdout and stderr together."""
        default_environ = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", "LANG": "C.UTF-8"}
        completed = subprocess.run(
            [self.path, *arguments],
            check=False,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=default_environ | self.environ | environ,
            timeout=120,
        )
        assert completed.returncode == code, (
            f"{' '.join(arguments)}: {completed.returncode}\n{completed.stdout}"
        )
        return completed.stdout


def find_program(names: tuple[str, ...], version: str, **environ: str) -> str:
    """The path of the first program whose version contains a text, or "" if there is none."""
    for path in filter(None, map(shutil.which, names)):
        completed = subprocess.run(
            [path, "version"],
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            timeout=60,
            env=os.environ | environ,
        )
        if version in completed.stdout:
            return path
    return ""


def engine() -> Docker | None:
    """The engine that responds here, or None. `.ci/run` starts one if there is none."""
    docker = Docker({"DOCKER_BUILDKIT": "1", **os.environ})
    return docker if responds(docker) else None


def responds(docker: Docker) -> bool:
    return shutil.which("docker", path=docker.environ["PATH"]) is not None and docker("info").returncode == 0


@dataclass(frozen=True)
class GitHub:
    """How GitHub's runner starts the container of an action: options and mounts (ci-formats 1.8)."""

    folder: Path

    @property
    def options(self) -> list[str]:
        mounts = [
            f"--volume={self.folder / name}:/github/{name}" for name in ("workspace", "home", "file_commands")
        ]
        # By name only, as the runner does: no value is in the process list.
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
