"""Polls builds, deployments and instances, and reads logs and crashes."""
