"""A group of inputs, declared once, as a settings class.

https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import signature
from typing import Any, ClassVar, Self, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from deployer.settings.env import Aliases, RawInputs

T = TypeVar("T")


class Inputs(BaseSettings):
    """A group of inputs.

    Each field declares an input: its type, default, description and aliases, here and nowhere else.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    ignored: ClassVar[frozenset[str]] = frozenset()
    """Variables with one of our prefixes that are not inputs."""

    @classmethod
    def aliases(cls) -> dict[str, Aliases]:
        """The aliases of each input."""
        return {name: _aliases(info) for name, info in cls.model_fields.items()}

    @classmethod
    def untrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG003 -- the default
        """Variables that are ignored in this environment, each with the notice that says why."""
        return {}

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:  # noqa: ARG003 -- the default
        """Every secret in the inputs, valid or not."""
        return ()

    @classmethod
    def redacted(cls, raw: RawInputs) -> Iterable[str]:  # noqa: ARG003 -- the default
        """Values that are removed from untrusted text, but not masked by the CI system."""
        return ()

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:  # noqa: ARG003 -- the default
        """What is missing or can't be combined, judged by the raw inputs.

        All mistakes are reported together.
        """
        return []

    @classmethod
    def cautions(cls, raw: RawInputs) -> list[str]:  # noqa: ARG003 -- the default
        """What is allowed but probably unintended, judged by the raw inputs."""
        return []

    @classmethod
    def read(cls, raw: RawInputs) -> Self | None:
        """The validated group, or None. Adds to `raw.mistakes` and `raw.warnings`."""
        raw.mistakes += cls.mistakes(raw)
        raw.warnings += cls.cautions(raw)
        try:
            return cls(_build_sources=((Variables(cls, raw),), {}))
        except ValidationError as error:
            invalid = [(str(each["loc"][0]), _sentence(each)) for each in error.errors()]
            raw.mistakes += [
                f"{raw.as_typed(name)}: {sentence}"
                for name, sentence in invalid
                if name not in raw.unreadable
            ]
            return None

    def fill(self, kind: Callable[..., T], **others: Any) -> T:
        """A dataclass, filled with the inputs of the same names; `others` take precedence."""
        names = signature(kind).parameters.keys() & type(self).model_fields.keys()
        return kind(**{name: getattr(self, name) for name in names} | others)


class Variables(PydanticBaseSettingsSource):
    """The only source of the settings: what `look_up` found in the environment."""

    def __init__(self, settings: type[Inputs], raw: RawInputs) -> None:
        super().__init__(settings)
        self._raw = raw

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 -- pydantic's signature
        """The text, the name, and that it is not JSON."""
        return self._raw.found[field_name].text, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The inputs of this group that are set."""
        return {name: self._raw.text(name) for name in self.settings_cls.model_fields if name in self._raw}


def declared(groups: Iterable[type[Inputs]]) -> Iterator[tuple[str, FieldInfo, Aliases]]:
    """Every input of the groups, to describe them."""
    for group in groups:
        yield from ((name, info, _aliases(info)) for name, info in group.model_fields.items())


def default(info: FieldInfo, aliases: Aliases) -> str:
    """An input's default as shown to users."""
    value = info.get_default()
    return aliases.default or (
        str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else ""
    )


def _aliases(info: FieldInfo) -> Aliases:
    return next((each for each in info.metadata if isinstance(each, Aliases)), Aliases())


def _sentence(error: Any) -> str:
    cause = error.get("ctx", {}).get("error")
    return str(cause) if cause is not None else str(error["msg"]).replace("Input should be", "must be")
