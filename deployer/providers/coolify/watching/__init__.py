"""Polling: the status of a deployment and of a resource, and why a deployment failed."""
