"""The providers that there are. A new one is a folder beside these and a line here."""

from deployer.providers.cloudfoundry import CloudFoundry
from deployer.providers.coolify import Coolify
from deployer.providers.interface import ProviderInputs

PROVIDERS: tuple[type[ProviderInputs], ...] = (Coolify, CloudFoundry)
