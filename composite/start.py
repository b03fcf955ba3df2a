"""Puts the locked packages and the program into a venv of this job, and becomes the program. Writes nowhere but under RUNNER_TEMP."""

from __future__ import annotations

import signal

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
HAS_MASK = hasattr(signal, "pthread_sigmask")  # not on Windows

if __name__ == "__main__" and HAS_MASK:
    signal.pthread_sigmask(
        signal.SIG_BLOCK, SIGNALS
    )  # until `main` takes charge of them: the other imports are slow

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
PACKAGE = ROOT / "deployer"
REFUSED, STOPPED = 2, 130


def key() -> str:
    """What the venv depends on: this Python, the locked list, the program. Another version of the action in the same job has its own."""
    digest = hashlib.sha256(f"{sys.version} {sys.executable}".encode())
    for path in (LOCK, *sorted(PACKAGE.rglob("*.*"))):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def install(home: Path) -> None:
    """Make the venv. pip takes its index, proxy and certificates from the job's environment, as everywhere."""
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True, symlinks=os.name != "nt")
    locked = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--requirement", str(LOCK)]
    pip = [
        str(python(home)),
        "-I",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-cache-dir",
        *locked,
    ]
    subprocess.run(pip, check=True, stdin=subprocess.DEVNULL)
    where = sysconfig.get_path(
        "purelib", "venv", {"base": str(home), "platbase": str(home), "installed_base": str(home)}
    )
    shutil.copytree(PACKAGE, Path(where, "deployer"), ignore=shutil.ignore_patterns("__pycache__"))
    (home / "complete").touch()


def python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def become(program: list[str]) -> int:
    """Take its place, so that the runner's signals reach it; what comes before it listens is kept for it.

    Windows can't: there the console sends them to both, and this one waits.
    """
    if os.name != "nt":
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        os.execv(program[0], program)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(program)


def listen() -> None:
    """From here on a signal ends the installation, also one that came before. An ignored SIGHUP stays ignored."""
    for number in SIGNALS:
        if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    if HAS_MASK:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def stop(_number: int, _frame: FrameType | None) -> None:
    """Only the first signal counts: the next must not end the clearing up with a traceback."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(temp: str) -> int:
    if not temp:
        print("::error title=Deployer::RUNNER_TEMP is not set: this action needs a runner")
        return REFUSED
    try:
        listen()
        home = Path(temp, f"deployer-{key()}")
        if not (home / "complete").exists():
            install(home)
        return become([str(python(home)), "-I", "-m", "deployer"])
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            f"::error title=Deployer::the locked packages could not be installed, and nothing was started: {type(error).__name__}"
        )
        return REFUSED
    except KeyboardInterrupt:
        return STOPPED


if __name__ == "__main__":
    sys.exit(main(os.environ.get("RUNNER_TEMP", "")))
