"""Makes a small environment with only what Deployer needs to run, locked by hash: `python3 tools/run_venv.py FOLDER`. See `make demo`.

pip runs from the wheel that Python carries for `venv`. Installing pip into the environment first would take longer than all the rest.
"""

import ensurepip
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.txt"
OPTIONS = ("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile", "--quiet", "--disable-pip-version-check")


def bundled_pip() -> Path | None:
    """The pip that this Python carries, wherever its distribution keeps it; None where it is not a wheel."""
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled")
    wheels = [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]
    return wheels[-1] / "pip" if wheels else None


def main(folder: str) -> int:
    """Return pip's exit code. The environment is made anew: what an interrupted run has left does not count."""
    pip = bundled_pip()
    venv.create(folder, clear=True, with_pip=pip is None)
    python = [str(Path(folder, "bin", "python")), *([str(pip)] if pip else ["-m", "pip"])]
    return subprocess.call([*python, "install", *OPTIONS, "--requirement", str(LOCK)])  # noqa: S603 -- all named here


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
