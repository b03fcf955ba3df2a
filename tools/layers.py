"""Print what the image adds to its base: our layers, their content, and modules that no rehearsal loads.

`python -m tools.layers [IMAGE]`. Needs a Docker engine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

IMAGE = "deployer:e2e"
OURS = ("/opt/deployer", "COPY /out/", "LABEL", "ENTRYPOINT")
REHEARSALS = ("success", "build-failure", "bad-token", "image-update", "bad-release", "tag", "no-such")
PYTHON = "/opt/deployer/bin/python"
MAX_ROWS = 12

FILES = """
import json, pathlib
found = pathlib.Path("/opt/deployer").rglob("*")
files = [path for path in found if path.is_file() and not path.is_symlink()]
print(json.dumps({str(path): path.stat().st_size for path in files}))
"""

# The program, and as its last line the modules that it has loaded.
LOADED = """
import json, sys
from deployer.__main__ import run
run()
paths = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
print(json.dumps([path for path in paths if path]), file=sys.stderr)
"""


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True)  # noqa: S603, S607 -- docker, on the PATH


def owner(path: str) -> str:
    """What a file of /opt/deployer belongs to: its package, or its kind."""
    _, _, inner = path.partition("/site-packages/")
    if not inner:
        return "the rest"
    name = inner.partition("/")[0]
    if name.endswith(".dist-info"):
        return "*.dist-info (licences, and what scanners read)"
    return name if "/" in inner else "single modules"


def unused(files: Iterable[str], loaded: set[str]) -> list[str]:
    """Modules of third-party packages that were not loaded; data files don't count."""
    modules = [path for path in files if path.endswith((".py", ".so")) and "/site-packages/" in path]
    return [path for path in modules if path not in loaded and "/site-packages/deployer/" not in path]


def table(sizes: Counter[str]) -> str:
    return "\n".join(f"{size / 1024:8.0f} KiB  {name}" for name, size in sizes.most_common(MAX_ROWS))


def main(argv: list[str]) -> int:
    image = argv[0] if argv else IMAGE
    history = docker(
        "history", "--no-trunc", "--format", "{{.Size}}\t{{.CreatedBy}}", image
    ).stdout.splitlines()
    print("our layers:", *(line[:110] for line in history if any(mark in line for mark in OURS)), sep="\n")
    files = json.loads(docker("run", "--rm", "--entrypoint", PYTHON, image, "-I", "-c", FILES).stdout)
    sizes: Counter[str] = Counter()
    for path, size in files.items():
        sizes[owner(path)] += size
    print(f"their content ({len(files)} files):", table(sizes), sep="\n")
    loaded: set[str] = set()
    for name in REHEARSALS:
        inputs = ("--env", f"DEPLOYER_REHEARSE={name}", "--env", "DEPLOYER_TAG=production")
        output = docker("run", "--rm", *inputs, "--entrypoint", PYTHON, image, "-I", "-c", LOADED).stderr
        loaded |= set(json.loads(output.splitlines()[-1]))
    idle = Counter({path.partition("/site-packages/")[2]: files[path] for path in unused(files, loaded)})
    print(
        f"not loaded in {len(REHEARSALS)} rehearsals ({sum(idle.values()) // 1024} KiB without bytecode):",
        table(idle),
        sep="\n",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
