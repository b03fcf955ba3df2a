"""Polling: what Coolify says of a deployment and of a resource, and why a deployment failed."""
