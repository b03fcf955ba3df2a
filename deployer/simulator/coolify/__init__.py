"""The simulated Coolify."""
