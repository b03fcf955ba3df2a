"""Inputs: how they are declared, found in the environment and validated. The environment is passed in."""

from deployer.settings.common import Common
from deployer.settings.env import (
    INPUT_PREFIXES,
    MIN_SECRET_CHARS,
    PREFIXES,
    Aliases,
    Found,
    RawInputs,
    as_typed,
    env_name,
    look_up,
    variables_of,
)
from deployer.settings.file_clashes import find_clashes
from deployer.settings.files import read_text
from deployer.settings.inputs import Inputs, declared, default
from deployer.settings.parsers import Flag, Names, secret
from deployer.settings.placeholders import UNFILLED
from deployer.settings.url import address, in_the_clear

__all__ = [
    "INPUT_PREFIXES",
    "MIN_SECRET_CHARS",
    "PREFIXES",
    "UNFILLED",
    "Aliases",
    "Common",
    "Flag",
    "Found",
    "Inputs",
    "Names",
    "RawInputs",
    "address",
    "as_typed",
    "declared",
    "default",
    "env_name",
    "find_clashes",
    "in_the_clear",
    "look_up",
    "read_text",
    "secret",
    "variables_of",
]
