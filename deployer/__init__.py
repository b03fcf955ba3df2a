"""Deployer: starts a deployment, follows it to a verdict, and reports it to the CI system."""

__version__ = "0.1.0"

PROJECT = "OWNER/deployer"
"""The repository's public name, defined here only."""
