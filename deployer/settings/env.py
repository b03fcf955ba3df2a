"""How an input finds its variable.

All spellings, secrets from files, warnings about unknown ones (architecture 2.1).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from deployer.settings import files

INPUT_PREFIXES = ("INPUT_", "PLUGIN_")
"""What GitHub-like and Drone-like CI systems put in front of the name that a user types."""

PREFIXES = (*INPUT_PREFIXES, "DEPLOYER_", "COOLIFY_")
FALSE_WORDS = frozenset({"false", "no", "off", "0"})
"""Spellings of a flag that is off, in lower case."""
TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
"""Spellings of a flag that is on, in lower case."""
OWN_NAME = ("coolify_", "cf_")
MIN_SECRET_CHARS = 8
"""Anything shorter is not treated as a secret: masking it would blank innocent words (architecture 5)."""

SECRET_FILE_BYTES = 64 * 1024
MIN_SIMILARITY = 0.75
"""From 0 to 1, as difflib measures it.

How similar an unknown input must be to a known one to be suggested.
"""


@dataclass(frozen=True, slots=True)
class Aliases:
    """What an input declares besides its field."""

    inputs: tuple[str, ...] = ()
    """Other names, with all spellings that the name itself has."""
    variables: tuple[str, ...] = ()
    """Other variables, only as they are written here."""
    file: bool = False
    """The value can be read from the file that `<variable>_FILE` names."""
    default: str = ""
    """The default as shown to users, if the field's own says too little."""


@dataclass(frozen=True, slots=True)
class Found:
    """The variable that an input was found in, and its value."""

    variable: str
    text: str


@dataclass
class RawInputs:
    """The inputs as text, as found in the environment, and what is reported about them."""

    found: dict[str, Found] = field(default_factory=dict)
    """By the input's name."""
    warnings: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    prefix: str = ""
    """What this CI system puts in front of the names that its users type."""
    unreadable: set[str] = field(default_factory=set)
    """Inputs whose file could not be read: that is reported, and nothing else about them."""
    clashing: set[str] = field(default_factory=set)
    """Inputs that name the same file as another one."""

    def __contains__(self, name: str) -> bool:
        """Whether the input is set."""
        return name in self.found

    def text(self, name: str) -> str:
        """The value, or empty."""
        return self.found[name].text if name in self.found else ""

    def is_on(self, name: str) -> bool:
        """Whether a flag is set and not off; invalid flags are reported elsewhere."""
        return name in self.found and not self.is_off(name)

    def is_off(self, name: str) -> bool:
        """Whether a flag is set to one of `FALSE_WORDS`."""
        return self.text(name).lower() in FALSE_WORDS

    def as_typed(self, name: str) -> str:
        """The name as the user types it here.

        `timeout` in a workflow's `with`, `DEPLOYER_TIMEOUT` in a shell.
        """
        if name in self.found:
            return as_typed(self.found[name].variable)
        return name if self.prefix else env_name(name)


def as_typed(variable: str) -> str:
    """A variable as the user typed it, without the CI system's prefix."""
    for prefix in INPUT_PREFIXES:
        if variable.startswith(prefix):
            return variable.removeprefix(prefix).lower()
    return variable


def env_name(name: str) -> str:
    """The variable of an input where no CI system creates one."""
    if (
        name == "image"
    ):  # people use DEPLOYER_IMAGE for the image that the job itself runs in (architecture 2.1)
        return "DEPLOYER_APP_IMAGE"
    return name.upper() if name.startswith(OWN_NAME) else f"DEPLOYER_{name.upper()}"


def variables_of(name: str, aliases: Aliases) -> Iterator[str]:
    """Every variable that an input is read from, highest precedence first."""
    for each in (name, *aliases.inputs):
        yield f"INPUT_{each.upper()}"
        if "_" in each:
            yield f"INPUT_{each.upper().replace('_', '-')}"
        yield f"PLUGIN_{each.upper()}"
        yield env_name(each)
    yield from aliases.variables


class Group(Protocol):
    """What `look_up` needs to know of a class of inputs."""

    ignored: ClassVar[frozenset[str]]

    @classmethod
    def aliases(cls) -> dict[str, Aliases]:
        """The aliases of each input."""

    @classmethod
    def untrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:
        """Variables that are ignored in this environment, each with the notice that says why."""


def look_up(groups: Iterable[type[Group]], environ: Mapping[str, str], prefix: str = "") -> RawInputs:
    """Find every input of the groups.

    `prefix`: what this CI system puts in front of the names that its users type.
    """
    raw = RawInputs(prefix=prefix)
    known: set[str] = set()
    for group in groups:
        ignored = group.untrusted(environ)
        raw.warnings += [notice for variable, notice in ignored.items() if environ.get(variable)]
        trusted = {name: value for name, value in environ.items() if name not in ignored}
        for name, aliases in group.aliases().items():
            variables = list(variables_of(name, aliases))
            known.update(variables)
            _find(raw, name, variables, trusted)
            if aliases.file:
                known.update(f"{variable}_FILE" for variable in variables)
                _find_file(raw, name, variables, trusted)
        known |= group.ignored
    _refuse_joined(raw)
    for variable, near in _unknown_inputs(environ, known):
        text = f"unknown input {as_typed(variable)}. Did you mean {as_typed(near)}?"
        # A misspelt rehearsal must not become a deployment.
        (raw.mistakes if near.endswith(("REHEARSE", "DRY_RUN")) else raw.warnings).append(text)
    return raw


JOINED = {
    "env": re.compile(r"=[^\n]*,\s*[A-Za-z_][A-Za-z0-9_.]*="),
    "headers": re.compile(r":[^\n]*,\s*[A-Za-z][A-Za-z0-9-]*:\s"),
}
"""By input: what a list looks like that Woodpecker or Drone has joined with commas (ci-formats 3.8)."""

JOINED_LIST = "looks like a list that the CI system joined with commas. Write a block with one item per line"


def _refuse_joined(raw: RawInputs) -> None:
    """Report lists and maps in a plugin's settings.

    They arrive as one line, and the first value would swallow the rest.
    """
    for name, joined in JOINED.items():
        found = raw.found.get(name)
        if not found or not found.variable.startswith("PLUGIN_") or "\n" in found.text:
            continue
        if joined.search(found.text) or found.text.startswith(("{", "[")):
            raw.mistakes.append(f"{found.variable}: {JOINED_LIST}")


def _find(raw: RawInputs, name: str, variables: list[str], environ: Mapping[str, str]) -> None:
    hits = [
        Found(variable, environ[variable].strip())
        for variable in variables
        if environ.get(variable, "").strip()
    ]
    if not hits:
        return
    winner = raw.found[name] = hits[0]
    for other in hits[1:]:
        if other.text != winner.text:
            raw.warnings.append(
                f"{other.variable} and {winner.variable} have different values; using {winner.variable}"
            )


def _find_file(raw: RawInputs, name: str, variables: list[str], environ: Mapping[str, str]) -> None:
    for variable in variables:
        source = f"{variable}_FILE"
        if not (path := environ.get(source, "").strip()):
            continue
        if name in raw:
            raw.mistakes.append(f"set either {as_typed(source)} or {raw.as_typed(name)}, not both")
            return
        try:
            raw.found[name] = Found(source, _secret(path))
        except ValueError as error:
            raw.mistakes.append(f"{as_typed(source)}: {error}")
            raw.found[name] = Found(source, "")
            raw.unreadable.add(name)
        return


def _secret(path: str) -> str:
    """The content of a small regular file, without its final line break. Raises ValueError."""
    text = files.read_text(path, SECRET_FILE_BYTES).removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ValueError("is empty")
    return text


def _unknown_inputs(environ: Mapping[str, str], known: set[str]) -> Iterator[tuple[str, str]]:
    """Unknown variables with one of our prefixes, each with the most similar known one."""
    for variable in sorted(environ):
        prefix = next((prefix for prefix in PREFIXES if variable.startswith(prefix)), "")
        if not prefix or variable in known or not environ[variable].strip():
            continue
        rest = {name.removeprefix(prefix): name for name in known if name.startswith(prefix)}
        for near in difflib.get_close_matches(
            variable.removeprefix(prefix).replace("-", "_"), rest, n=1, cutoff=MIN_SIMILARITY
        ):
            yield variable, rest[near]
