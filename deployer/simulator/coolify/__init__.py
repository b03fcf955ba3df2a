"""A Coolify on loopback."""
