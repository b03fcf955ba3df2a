"""Install the locked packages and the program into a virtual environment, and become the program.

Writes only below RUNNER_TEMP.
"""

from __future__ import annotations

import signal

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
HAS_MASK = hasattr(signal, "pthread_sigmask")  # not on Windows

if __name__ == "__main__" and HAS_MASK:
    # Until `main` handles them: the other imports are slow.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

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
EXIT_REFUSED, EXIT_INTERRUPTED = 2, 130


def key() -> str:
    """A digest of what the environment depends on: this Python, the lock file, and the program.

    Two versions of the action in one job therefore have two environments.
    """
    digest = hashlib.sha256(f"{sys.version} {sys.executable}".encode())
    for path in (LOCK, *sorted(PACKAGE.rglob("*.*"))):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def install(home: Path) -> None:
    """Create the environment. pip reads its index, proxy and certificates from the job's variables.

    Raises OSError or subprocess.CalledProcessError.
    """
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True, symlinks=os.name != "nt")
    locked = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--requirement", str(LOCK)]
    pip = [str(python(home)), "-I", "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-cache-dir", *locked]
    subprocess.run(pip, check=True, stdin=subprocess.DEVNULL)
    base = {"base": str(home), "platbase": str(home), "installed_base": str(home)}
    packages = sysconfig.get_path("purelib", "venv", base)
    shutil.copytree(PACKAGE, Path(packages, "deployer"), ignore=shutil.ignore_patterns("__pycache__"))
    (home / "complete").touch()


def python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def become(program: list[str]) -> int:
    """Replace this process by the program, so that the runner's signals reach it.

    Signals are blocked until the program handles them, so none is lost. Windows can't replace a process:
    there the console sends signals to both processes, and this one waits.
    """
    if os.name != "nt":
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        os.execv(program[0], program)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(program)


def handle_signals() -> None:
    """Let a signal end the installation, also one that has arrived. An ignored SIGHUP stays ignored."""
    for number in SIGNALS:
        if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    if HAS_MASK:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def stop(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt for the first signal only: another one must not interrupt the cleanup."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(temp: str) -> int:
    if not temp:
        print("::error title=Deployer::RUNNER_TEMP is not set. Run this action on a GitHub Actions runner")
        return EXIT_REFUSED
    try:
        handle_signals()
        home = Path(temp, f"deployer-{key()}")
        if not (home / "complete").exists():
            install(home)
        return become([str(python(home)), "-I", "-m", "deployer"])
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            "::error title=Deployer::could not install the locked packages, and nothing was deployed: "
            f"{type(error).__name__}. pip's message is above"
        )
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(os.environ.get("RUNNER_TEMP", "")))
