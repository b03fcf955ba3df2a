"""The available providers. To add one, write a package beside these and list it here."""

from deployer.providers.cloudfoundry import CloudFoundry
from deployer.providers.coolify import Coolify
from deployer.providers.interface import ProviderInputs

PROVIDERS: tuple[type[ProviderInputs], ...] = (Coolify, CloudFoundry)
