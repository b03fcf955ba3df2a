"""Cloud Foundry: its inputs, its requests and their responses. API: https://v3-apidocs.cloudfoundry.org"""

from deployer.providers.cloudfoundry.inputs import CloudFoundry

__all__ = ["CloudFoundry"]
