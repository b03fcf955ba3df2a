"""How an input finds its variable: every spelling, secrets from files, and what is said of misspelt ones (architecture 2.1)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from deployer.settings import files

INPUT_PREFIXES = ("INPUT_", "PLUGIN_")
"""What GitHub and its kin, and Drone and its kin, put before the name that a user types."""

PREFIXES = (*INPUT_PREFIXES, "DEPLOYER_", "COOLIFY_")
FALSE_WORDS = frozenset({"false", "no", "off", "0"})
"""How people write that a flag is off."""
TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
"""How they write that it is on."""
OWN_NAME = ("coolify_", "cf_")
MIN_SECRET_CHARS = 8
"""Characters; what is shorter is no secret for us: hiding it would blank innocent words (architecture 5)."""

SECRET_FILE_BYTES = 64 * 1024
SIMILARITY = 0.75


@dataclass(frozen=True, slots=True)
class Aliases:
    """Other names of an input: `inputs` are spelled in every way that the name itself is, `variables` only as they stand."""

    inputs: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    file: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Where an input was found, and its text."""

    variable: str
    text: str


@dataclass
class RawInputs:
    """All that was found in the environment, and what is to be said about it."""

    found: dict[str, Found] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    prefix: str = ""
    unreadable: set[str] = field(default_factory=set)
    clashing: set[str] = field(default_factory=set)
    """Inputs that name a file which is one of our other files, too."""

    def __contains__(self, name: str) -> bool:
        """Whether the input was given."""
        return name in self.found

    def text(self, name: str) -> str:
        """What was given, or nothing."""
        return self.found[name].text if name in self.found else ""

    def is_on(self, name: str) -> bool:
        """Whether a flag was given and is not off; whether it is a flag at all is checked elsewhere."""
        return name in self.found and not self.is_off(name)

    def is_off(self, name: str) -> bool:
        """Whether a flag was given as one of `FALSE_WORDS`."""
        return self.text(name).lower() in FALSE_WORDS

    def as_typed(self, name: str) -> str:
        """The name as the user types it here: `timeout` in a workflow's `with`, `DEPLOYER_TIMEOUT` in a shell."""
        if name in self.found:
            return as_typed(self.found[name].variable)
        return name if self.prefix else env_name(name)


def as_typed(variable: str) -> str:
    """A variable as the user typed it: what the CI system has put before it is taken off again."""
    for prefix in INPUT_PREFIXES:
        if variable.startswith(prefix):
            return variable.removeprefix(prefix).lower()
    return variable


def env_name(name: str) -> str:
    """The variable that stands for an input where no CI system makes one of it."""
    if (
        name == "image"
    ):  # DEPLOYER_IMAGE is what people call the image that the job itself runs in (architecture 2.1)
        return "DEPLOYER_APP_IMAGE"
    return name.upper() if name.startswith(OWN_NAME) else f"DEPLOYER_{name.upper()}"


def variables_of(name: str, aliases: Aliases) -> Iterator[str]:
    """Every variable that an input is read from, the strongest first."""
    for each in (name, *aliases.inputs):
        yield f"INPUT_{each.upper()}"
        if "_" in each:
            yield f"INPUT_{each.upper().replace('_', '-')}"
        yield f"PLUGIN_{each.upper()}"
        yield env_name(each)
    yield from aliases.variables


class Group(Protocol):
    """What the look-up needs to know of a class of inputs."""

    ignored: ClassVar[frozenset[str]]

    @classmethod
    def aliases(cls) -> dict[str, Aliases]:
        """Each input's other names."""

    @classmethod
    def untrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:
        """Variables that must not be believed in this environment, and the notice that says so."""


def look_up(groups: Iterable[type[Group]], environ: Mapping[str, str], prefix: str = "") -> RawInputs:
    """Find every input of the groups. `prefix`: what this CI system puts before the names that its users type."""
    raw = RawInputs(prefix=prefix)
    known: set[str] = set()
    for group in groups:
        doubts = group.untrusted(environ)
        raw.warnings += [notice for variable, notice in doubts.items() if environ.get(variable)]
        trusted = {name: value for name, value in environ.items() if name not in doubts}
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
        text = f"{as_typed(variable)} is no input of Deployer: did you mean {as_typed(near)}?"
        # Who meant a rehearsal must not get a deployment.
        (raw.mistakes if near.endswith(("REHEARSE", "DRY_RUN")) else raw.warnings).append(text)
    return raw


JOINED = {
    "env": re.compile(r"=[^\n]*,\s*[A-Za-z_][A-Za-z0-9_.]*="),
    "headers": re.compile(r":[^\n]*,\s*[A-Za-z][A-Za-z0-9-]*:\s"),
}
"""What a list looks like that Woodpecker or Drone has joined with commas, by the input (ci-formats 3.8)."""

JOINED_LIST = (
    "looks like a list that the CI system has joined with commas. Write a block, with one on each line"
)


def _refuse_joined(raw: RawInputs) -> None:
    """A plugin's setting that is a list or a map arrives as one line: read as it stands, the first value would swallow the rest."""
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
            raw.warnings.append(f"{other.variable} and {winner.variable} differ: {winner.variable} counts")


def _find_file(raw: RawInputs, name: str, variables: list[str], environ: Mapping[str, str]) -> None:
    for variable in variables:
        source = f"{variable}_FILE"
        if not (path := environ.get(source, "").strip()):
            continue
        if name in raw:
            raw.mistakes.append(f"{as_typed(source)}: {raw.as_typed(name)} is given, too; give one of them")
            return
        try:
            raw.found[name] = Found(source, _secret(path))
        except ValueError as error:
            raw.mistakes.append(f"{as_typed(source)}: {error}")
            raw.found[name] = Found(source, "")
            raw.unreadable.add(name)
        return


def _secret(path: str) -> str:
    """A small regular file, without its last line break. Raises ValueError."""
    text = files.read_text(path, SECRET_FILE_BYTES).removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ValueError("is empty")
    return text


def _unknown_inputs(environ: Mapping[str, str], known: set[str]) -> Iterator[tuple[str, str]]:
    """Variables that are none of ours, each with the nearest one that is."""
    for variable in sorted(environ):
        prefix = next((prefix for prefix in PREFIXES if variable.startswith(prefix)), "")
        if not prefix or variable in known or not environ[variable].strip():
            continue
        rest = {name.removeprefix(prefix): name for name in known if name.startswith(prefix)}
        for near in difflib.get_close_matches(
            variable.removeprefix(prefix).replace("-", "_"), rest, n=1, cutoff=SIMILARITY
        ):
            yield variable, rest[near]
