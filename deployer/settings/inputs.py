"""A group of inputs, declared once: the fields of a settings class (https://docs.pydantic.dev/latest/concepts/pydantic_settings/)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from deployer.settings.env import Aliases, RawInputs


class Inputs(BaseSettings):
    """A group of inputs. A field is an input: its type, default, description and other names stand there and nowhere else."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    ignored: ClassVar[frozenset[str]] = frozenset()
    """Variables with a prefix of ours that belong to somebody else."""

    @classmethod
    def aliases(cls) -> dict[str, Aliases]:
        """Each input's other names."""
        return {name: _spelling(info) for name, info in cls.model_fields.items()}

    @classmethod
    def untrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG003 -- the answer of a group that trusts all
        """Variables that must not be believed in this environment, and the notice that says so."""
        return {}

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:  # noqa: ARG003 -- the answer of a group without any
        """Every secret text that was given, right or wrong."""
        return ()

    @classmethod
    def redacted(cls, raw: RawInputs) -> Iterable[str]:  # noqa: ARG003 -- the answer of a group without any
        """Values that are taken out of what we pass on, but never masked by the CI system."""
        return ()

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:  # noqa: ARG003 -- the answer of a group in which everything goes with everything
        """What is missing or cannot stand together, judged by what was given, so that it is told with all other mistakes at once."""
        return []

    @classmethod
    def cautions(cls, raw: RawInputs) -> list[str]:  # noqa: ARG003 -- the answer of a group without any
        """What is allowed, but probably not meant, judged by what was given."""
        return []

    @classmethod
    def read(cls, raw: RawInputs) -> Self | None:
        """The group's values; what is wrong is added to the mistakes, what is doubtful to the warnings."""
        raw.mistakes += cls.mistakes(raw)
        raw.warnings += cls.cautions(raw)
        try:
            return cls(_build_sources=((Variables(cls, raw),), {}))
        except ValidationError as error:
            wrong = [(str(each["loc"][0]), _sentence(each)) for each in error.errors()]
            raw.mistakes += [
                f"{raw.as_typed(name)}: {sentence}" for name, sentence in wrong if name not in raw.unreadable
            ]
            return None


class Variables(PydanticBaseSettingsSource):
    """The only source of the settings: what `look_up` has found."""

    def __init__(self, settings: type[Inputs], raw: RawInputs) -> None:
        super().__init__(settings)
        self._given = raw

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 -- pydantic's signature
        """The text, the name, and that it is no JSON."""
        return self._given.found[field_name].text, field_name, False

    def __call__(self) -> dict[str, Any]:
        """All that was given."""
        return {
            name: self._given.text(name) for name in self.settings_cls.model_fields if name in self._given
        }


def declared(groups: Iterable[type[Inputs]]) -> Iterator[tuple[str, FieldInfo, Aliases]]:
    """Every input of the groups, for those who describe them."""
    for group in groups:
        yield from ((name, info, _spelling(info)) for name, info in group.model_fields.items())


def default(info: FieldInfo, aliases: Aliases) -> str:
    """An input's default as people read it."""
    value = info.get_default()
    return aliases.default or (
        str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else ""
    )


def _spelling(info: FieldInfo) -> Aliases:
    return next((each for each in info.metadata if isinstance(each, Aliases)), Aliases())


def _sentence(error: Any) -> str:
    cause = error.get("ctx", {}).get("error")
    return str(cause) if cause is not None else str(error["msg"]).replace("Input should be", "must be")
