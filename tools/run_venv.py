"""Makes a small environment with only what Deployer needs to run, locked by hash: `python3 tools/run_venv.py FOLDER`. See `make demo`.

The environment has no pip of its own: to install one would take as long as all the rest.
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
    "--no-user",  # the opposite in somebody's pip.conf does not go with --target
)


def pip() -> list[str]:
    """The pip beside this Python; otherwise the wheel that Python carries for `venv`, which starts more slowly."""
    if find_spec("pip"):
        return ["-m", "pip"]
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled")
    wheels = [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]
    return [str(wheels[-1] / "pip")]


def main(folder: str) -> int:
    """Return pip's exit code. The environment is made anew: what an interrupted run has left does not count."""
    venv.create(folder, clear=True, with_pip=False)
    site = sysconfig.get_path(
        "purelib", "venv", {"base": folder, "platbase": folder, "installed_base": folder}
    )
    words = [sys.executable, *pip(), "install", *OPTIONS, "--target", site, "--requirement", str(LOCK)]
    return subprocess.call(words)  # noqa: S603 -- all named here


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
