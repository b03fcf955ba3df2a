"""Cloud Foundry: its inputs, its calls, its answers. API: https://v3-apidocs.cloudfoundry.org"""

from deployer.providers.cloudfoundry.inputs import CloudFoundry

__all__ = ["CloudFoundry"]
