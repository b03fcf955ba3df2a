"""The endpoints of the simulated Coolify."""
