"""Deployer: starts a deployment, follows it to an honest verdict, and tells it to the CI system at hand."""

__version__ = "0.1.0"

PROJECT = "OWNER/deployer"
"""The repository's public name. The only place where it stands; everything else is made of it."""
