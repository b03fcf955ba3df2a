"""Polling: builds, deployments, instances, logs and crashes of an app."""
