"""What the simulated Coolify holds, and how it changes with time."""
