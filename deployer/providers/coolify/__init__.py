"""Coolify: its inputs, its calls, its answers. API: https://coolify.io/docs/api-reference"""

from deployer.providers.coolify.inputs.fields import Coolify

__all__ = ["Coolify"]
