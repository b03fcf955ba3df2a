"""The providers that there are. A new one is a folder beside these and a line here."""

from deployer.providers.cloudfoundry import CloudFoundry
from deployer.providers.contract import ProviderInputs
from deployer.providers.coolify import Coolify

PROVIDERS: tuple[type[ProviderInputs], ...] = (Coolify, CloudFoundry)
