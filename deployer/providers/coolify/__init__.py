"""The provider for Coolify: its inputs, requests and responses.

API: https://coolify.io/docs/api-reference
"""

from deployer.providers.coolify.inputs.fields import Coolify

__all__ = ["Coolify"]
