"""How a field finds its variable, and the settings that mean the same everywhere. The environment comes in as an argument."""

from deployer.settings.common import Common
from deployer.settings.inputs import Inputs, declared, default
from deployer.settings.lookup import PREFIXES, SHORTEST_SECRET, Found, Given, Spelling, look_up, plain, spellings, typed
from deployer.settings.values import Flag, Names

__all__ = [
    "PREFIXES",
    "SHORTEST_SECRET",
    "Common",
    "Flag",
    "Found",
    "Given",
    "Inputs",
    "Names",
    "Spelling",
    "declared",
    "default",
    "look_up",
    "plain",
    "spellings",
    "typed",
]
