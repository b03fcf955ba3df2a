"""How a field finds its variable, and the settings that mean the same everywhere. The environment comes in as an argument."""

from deployer.settings.addresses import address, in_the_clear
from deployer.settings.common import Common
from deployer.settings.file_clashes import find_clashes
from deployer.settings.files import read_text
from deployer.settings.inputs import Inputs, declared, default
from deployer.settings.lookup import ADDED, PREFIXES, SHORTEST_SECRET, Found, Given, Spelling, look_up, plain, spellings, typed
from deployer.settings.placeholders import UNFILLED
from deployer.settings.values import Flag, Names, secret

__all__ = [
    "ADDED",
    "PREFIXES",
    "SHORTEST_SECRET",
    "UNFILLED",
    "Common",
    "Flag",
    "Found",
    "Given",
    "Inputs",
    "Names",
    "Spelling",
    "address",
    "declared",
    "default",
    "find_clashes",
    "in_the_clear",
    "look_up",
    "plain",
    "read_text",
    "secret",
    "spellings",
    "typed",
]
