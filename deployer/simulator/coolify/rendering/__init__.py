"""Rendering: the state of the simulated Coolify as JSON, as its version shows it."""
