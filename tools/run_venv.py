"""Create an environment with only what Deployer needs to run, locked by hash, as `make demo` uses it.

`python3 tools/run_venv.py FOLDER`. The environment has no pip: installing it would double the time.
"""

import ensurepip
import subprocess
import sys
import sysconfig
import venv
from importlib.util import find_spec
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.txt"
OPTIONS = (
    *("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile"),
    *("--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"),
    "--no-user",  # `user = yes` in a pip.conf can't be combined with --target
)


def pip() -> list[str]:
    """This Python's pip; otherwise the wheel that Python ships for `venv`, which starts more slowly."""
    if find_spec("pip"):
        return ["-m", "pip"]
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled")
    wheels = [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]
    return [str(wheels[-1] / "pip")]


def main(folder: str) -> int:
    """Create the environment and return pip's exit code. What an interrupted run left is removed first."""
    venv.create(folder, clear=True, with_pip=False)
    base = {"base": folder, "platbase": folder, "installed_base": folder}
    site = sysconfig.get_path("purelib", "venv", base)
    command = [sys.executable, *pip(), "install", *OPTIONS, "--target", site, "--requirement", str(LOCK)]
    return subprocess.call(command)  # noqa: S603 -- a constant command


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
