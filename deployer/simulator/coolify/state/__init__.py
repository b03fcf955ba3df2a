"""The state of the simulated Coolify, and how it changes over time."""
