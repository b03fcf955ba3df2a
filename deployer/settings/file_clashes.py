"""Reports inputs that name the same file: what is written to one would destroy the other."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deployer.settings.env import RawInputs, as_typed

READ = ("env_file", "ca_cert")
WRITTEN = ("output_file", "result_file", "log_file")


class _File(NamedTuple):
    input: str
    """The input that names it; empty if none does."""
    shown: str
    path: str


def find_clashes(
    raw: RawInputs, environ: Mapping[str, str], of_ci: Mapping[str, str], default_output: str
) -> None:
    """Add a mistake for each file that is also another one of ours, and its input to `raw.clashing`.

    of_ci: the CI system's own files that are written, by their variables.
    default_output: the default of `output_file`.
    """
    seen: dict[object, _File] = {}
    for file in _read(raw, environ):
        seen.setdefault(_identity(file.path), file)
    for file in _written(raw, of_ci, default_output):
        identity = _identity(file.path)
        if identity and (other := seen.setdefault(identity, file)) is not file:
            raw.mistakes.append(f"{file.shown} and {other.shown} name the same file. Change one of them")
            raw.clashing.add(file.input)


def _read(raw: RawInputs, environ: Mapping[str, str]) -> list[_File]:
    files = [_File(name, raw.as_typed(name), raw.text(name)) for name in READ if name in raw]
    secrets = {name: found.variable for name, found in raw.found.items() if found.variable.endswith("_FILE")}
    files += [
        _File(name, as_typed(source), environ[source].strip())
        for name, source in secrets.items()
        if not name.endswith("_file")
    ]
    return files


def _written(raw: RawInputs, of_ci: Mapping[str, str], default_output: str) -> list[_File]:
    no_summary = raw.is_off("summary")
    files = [
        _File("", variable, path)
        for variable, path in of_ci.items()
        if not (no_summary and variable.endswith("SUMMARY"))
    ]
    if default_output and "output_file" not in raw:
        files.append(
            _File(
                "output_file",
                f"{default_output} (the default of {raw.as_typed('output_file')})",
                default_output,
            )
        )
    return [*files, *(_File(name, raw.as_typed(name), raw.text(name)) for name in WRITTEN if name in raw)]


def _identity(path: str) -> object:
    """Equal for all names of one file, including hard and symbolic links.

    None for folders, pipes and devices.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        status = None
    if status and not stat.S_ISREG(status.st_mode):
        return None
    if status and status.st_ino:
        return status.st_dev, status.st_ino
    return os.path.normcase(os.path.realpath(path))
