"""How an input finds its variable, and the inputs that mean the same for every provider. Design.md 2.1 is the specification.

The environment comes in as an argument; `main.py` reads it. https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

from __future__ import annotations

import difflib
import re
import ssl
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

ADDED = ("INPUT_", "PLUGIN_")
"""What GitHub and its kin, and Drone and its kin, put before the name that a user types."""

PREFIXES = (*ADDED, "DEPLOYER_", "COOLIFY_")
OWN_NAME = ("coolify_", "cf_")
SHORTEST_SECRET = 8
"""Characters; what is shorter is no secret for us: hiding it would blank innocent words (design.md section 5)."""

SECRET_FILE_LIMIT = 64 * 1024
NEAR = 0.75


@dataclass(frozen=True, slots=True)
class Spelling:
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
class Given:
    """All that was found in the environment, and what is to be said about it."""

    found: dict[str, Found] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    prefix: str = ""

    def __contains__(self, name: str) -> bool:
        """Whether the input was given."""
        return name in self.found

    def text(self, name: str) -> str:
        """What was given, or nothing."""
        return self.found[name].text if name in self.found else ""

    def typed(self, name: str) -> str:
        """The name as the user types it here: `timeout` in a workflow's `with`, `DEPLOYER_TIMEOUT` in a shell."""
        if name in self.found:
            return typed(self.found[name].variable)
        return name if self.prefix else plain(name)


def typed(variable: str) -> str:
    """A variable as the user typed it: what the CI system has put before it is taken off again."""
    for prefix in ADDED:
        if variable.startswith(prefix):
            return variable.removeprefix(prefix).lower()
    return variable


def plain(name: str) -> str:
    """The variable that stands for an input where no CI system makes one of it."""
    return name.upper() if name.startswith(OWN_NAME) else f"DEPLOYER_{name.upper()}"


def spellings(name: str, spelling: Spelling) -> Iterator[str]:
    """Every variable that an input is read from, the strongest first."""
    for each in (name, *spelling.inputs):
        yield f"INPUT_{each.upper()}"
        if "_" in each:
            yield f"INPUT_{each.upper().replace('_', '-')}"
        yield f"PLUGIN_{each.upper()}"
        yield plain(each)
    yield from spelling.variables


# --- the kinds of value


def _flag(text: Any) -> Any:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(text, str) and text.lower() not in words:
        message = f"must be true or false, not {text!r}"
        raise ValueError(message)
    return words[text.lower()] if isinstance(text, str) else text


def _wait(text: Any) -> Any:
    if isinstance(text, str) and re.fullmatch(r"\d+[a-z]*", text, re.IGNORECASE):
        message = "must be true or false; how long to wait is `timeout`"
        raise ValueError(message)
    return _flag(text)


def _duration(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip().lower())
    if not text.strip() or match is None:
        message = f"{text!r} is no duration: write seconds (90) or 90s, 15m, 1h30m"
        raise ValueError(message)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if not (total := float(hours * 3600 + minutes * 60 + seconds)):
        message = "must be more than nothing"
        raise ValueError(message)
    return total


def _names(text: Any) -> Any:
    return tuple(part for part in re.split(r"[,\s]+", text) if part) if isinstance(text, str) else text


HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)")
OURS = re.compile(r"authorization|accept|content-.*|host", re.IGNORECASE)


def _headers(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    headers: dict[str, SecretStr] = {}
    for number, line in enumerate((line.strip() for line in text.splitlines()), 1):
        if not line:
            continue
        match = HEADER.fullmatch(line)
        if match is None:
            message = f"line {number} is no `Name: value`"
            raise ValueError(message)
        if OURS.fullmatch(match[1]):
            message = f"line {number}: {match[1]} is set by Deployer itself"
            raise ValueError(message)
        headers[match[1]] = SecretStr(match[2])
    return headers


def _certificate(text: Any) -> Any:
    if not isinstance(text, str) or not text:
        return text
    try:
        pem = text if "-----BEGIN" in text else Path(text).read_text("ascii", "replace")
        ssl.create_default_context().load_verify_locations(cadata=pem)
    except OSError as error:  # ssl.SSLError is one
        what = "holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise ValueError(what) from error
    return pem


Flag = Annotated[bool, BeforeValidator(_flag)]
WaitFlag = Annotated[bool, BeforeValidator(_wait)]
Duration = Annotated[float, BeforeValidator(_duration)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Headers = Annotated[dict[str, SecretStr], BeforeValidator(_headers)]
Certificate = Annotated[str, BeforeValidator(_certificate)]


# --- reading


class Inputs(BaseSettings):
    """A group of inputs. A field is an input: its type, default, description and other names stand there and nowhere else."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ignored: ClassVar[frozenset[str]] = frozenset()
    """Variables with a prefix of ours that belong to somebody else."""

    @classmethod
    def spelled(cls) -> dict[str, Spelling]:
        """Each input's other names."""
        return {name: _spelling(info) for name, info in cls.model_fields.items()}

    @classmethod
    def distrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG003 -- the answer of a group that trusts all
        """Variables that must not be believed in this environment, and the notice that says so."""
        return {}

    @classmethod
    def secrets(cls, given: Given) -> Iterable[str]:  # noqa: ARG003 -- the answer of a group without any
        """Every secret text that was given, right or wrong."""
        return ()

    @classmethod
    def mistakes(cls, given: Given) -> list[str]:  # noqa: ARG003 -- the answer of a group in which everything goes with everything
        """What is missing or cannot stand together, judged by what was given, so that it is told with all other mistakes at once."""
        return []

    @classmethod
    def read(cls, given: Given) -> Self | None:
        """The group's values; what is wrong is added to the mistakes."""
        given.mistakes += cls.mistakes(given)
        try:
            return cls(_build_sources=((Variables(cls, given),), {}))
        except ValidationError as error:
            given.mistakes += [f"{given.typed(str(each['loc'][0]))}: {_sentence(each)}" for each in error.errors()]
            return None


class Variables(PydanticBaseSettingsSource):
    """The only source of the settings: what `look_up` has found."""

    def __init__(self, settings: type[Inputs], given: Given) -> None:
        super().__init__(settings)
        self._given = given

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 -- pydantic's signature
        """The text, the name, and that it is no JSON."""
        return self._given.found[field_name].text, field_name, False

    def __call__(self) -> dict[str, Any]:
        """All that was given."""
        return {name: self._given.text(name) for name in self.settings_cls.model_fields if name in self._given}


def look_up(groups: Iterable[type[Inputs]], environ: Mapping[str, str], prefix: str = "") -> Given:
    """Find every input of the groups. `prefix`: what this CI system puts before the names that its users type."""
    given = Given(prefix=prefix)
    known: set[str] = set()
    for group in groups:
        doubts = group.distrusted(environ)
        given.warnings += [notice for variable, notice in doubts.items() if environ.get(variable)]
        trusted = {name: value for name, value in environ.items() if name not in doubts}
        for name, spelling in group.spelled().items():
            variables = list(spellings(name, spelling))
            known.update(variables)
            _find(given, name, variables, trusted)
            if spelling.file:
                known.update(f"{variable}_FILE" for variable in variables)
                _find_file(given, name, variables, trusted)
        known |= group.ignored
    given.warnings += _misspelt(environ, known)
    return given


def _find(given: Given, name: str, variables: list[str], environ: Mapping[str, str]) -> None:
    hits = [Found(variable, environ[variable].strip()) for variable in variables if environ.get(variable, "").strip()]
    if not hits:
        return
    winner = given.found[name] = hits[0]
    for other in hits[1:]:
        if other.text != winner.text:
            given.warnings.append(f"{other.variable} and {winner.variable} differ: {winner.variable} counts")


def _find_file(given: Given, name: str, variables: list[str], environ: Mapping[str, str]) -> None:
    for variable in variables:
        source = f"{variable}_FILE"
        if not (path := environ.get(source, "").strip()):
            continue
        if name in given:
            given.mistakes.append(f"{typed(source)}: {given.typed(name)} is given, too; give one of them")
            return
        try:
            given.found[name] = Found(source, _secret(Path(path)))
        except (OSError, ValueError) as error:
            given.mistakes.append(f"{typed(source)}: {getattr(error, 'strerror', None) or error}")
            given.found[name] = Found(source, "")
        return


def _secret(path: Path) -> str:
    """A small regular file, without its last line break. Raises OSError and ValueError."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        message = "is no regular file"
        raise ValueError(message)
    if status.st_size > SECRET_FILE_LIMIT:
        message = "is larger than 64 KiB"
        raise ValueError(message)
    text = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    if not text.strip():
        message = "is empty"
        raise ValueError(message)
    return text


def _misspelt(environ: Mapping[str, str], known: set[str]) -> Iterator[str]:
    for variable in sorted(environ):
        prefix = next((prefix for prefix in PREFIXES if variable.startswith(prefix)), "")
        if not prefix or variable in known or not environ[variable].strip():
            continue
        rest = {name.removeprefix(prefix): name for name in known if name.startswith(prefix)}
        for near in difflib.get_close_matches(variable.removeprefix(prefix).replace("-", "_"), rest, n=1, cutoff=NEAR):
            yield f"{typed(variable)} is no input of Deployer: did you mean {typed(rest[near])}?"


def declared(groups: Iterable[type[Inputs]]) -> Iterator[tuple[str, FieldInfo, Spelling]]:
    """Every input there is, for those who describe them: the provider's own first."""
    for group in sorted(groups, key=lambda group: group is Common):
        yield from ((name, info, _spelling(info)) for name, info in group.model_fields.items())


def default(info: FieldInfo, spelling: Spelling) -> str:
    """An input's default as people read it."""
    value = info.get_default()
    return spelling.default or (str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else "")


def _spelling(info: FieldInfo) -> Spelling:
    return next((each for each in info.metadata if isinstance(each, Spelling)), Spelling())


def _sentence(error: Any) -> str:
    cause = error.get("ctx", {}).get("error")
    return str(cause) if cause is not None else str(error["msg"]).replace("Input should be", "must be")


# --- the inputs of every provider


class Common(Inputs):
    """What means the same for every provider."""

    ignored: ClassVar[frozenset[str]] = frozenset({"DEPLOYER_DEBUG"})

    @classmethod
    def secrets(cls, given: Given) -> Iterable[str]:
        """The values of the extra headers."""
        return [line.partition(":")[2].strip() for line in given.text("headers").splitlines()]

    provider: Literal["", "coolify"] = Field("", description="`coolify`; found by the inputs given")
    ci: Annotated[str, Spelling(default="by detection")] = Field(
        "", description="The CI system to speak to (`github`, `gitlab`, `plain`), where it can't be detected: `docker run` inside a job"
    )
    command: Literal["deploy"] = Field("deploy", description="What to do: `deploy`")
    wait: WaitFlag = Field(default=True, description="Follow the deployment to its end; `false` ends after the trigger")
    timeout: Annotated[Duration, Spelling(default="30m")] = Field(
        1800,
        description="`90`, `90s`, `15m`, `1h30m`: for each target, from its first trigger request to the end of its deployment, "
        "queueing included",
    )
    poll_interval: Annotated[Duration | None, Spelling(inputs=("interval",), default="adaptive")] = Field(
        None, description="Seconds between two looks at a target; a number fixes the pace"
    )
    on_timeout: Literal["leave", "cancel"] = Field("leave", description="What becomes of our deployment after that: `leave` or `cancel`")
    on_interrupt: Literal["cancel", "leave"] = Field(
        "cancel", description="What becomes of our deployment when the job is cancelled: `cancel` or `leave`"
    )
    logs: Literal["live", "failure", "none"] = Field(
        "live", description="The build log in the job's log: `live`, only on `failure`, or `none`"
    )
    hidden_logs: Flag = Field(
        default=False, description="Also show Coolify's hidden log entries (commands and the compiler's output; may hold secrets)"
    )
    log_file: str = Field("", description="Write the whole build log to this file")
    headers: Annotated[Headers, Spelling(file=True)] = Field(
        default_factory=dict,
        description="Extra `Name: value` lines for every request (Cloudflare Access and its like); "
        "values of eight characters or more are secrets",
    )
    ca_cert: Certificate = Field("", description="Own certificate authority, a path or PEM text, added to the public ones")
    insecure: Flag = Field(default=False, description="Don't verify the server's TLS certificate (said loudly)")
    on_missing_secret: Literal["fail", "skip"] = Field(
        "fail", description="`skip`: a run without its token (a fork's pull request) ends green with a notice"
    )
    output_file: Annotated[str, Spelling(default="by the CI system")] = Field(
        "", description="Dotenv file of the outputs, as `DEPLOYED_STATUS` and so on; on GitLab `deployer.env`"
    )
    result_file: str = Field("", description="JSON file of the whole result")
    summary: Flag = Field(default=True, description="Write the job summary where the CI system has one")
    rehearse: str = Field(
        "", description="Run against the embedded simulator in this scenario (`success`, `build-failure`, …): no server, no token"
    )
