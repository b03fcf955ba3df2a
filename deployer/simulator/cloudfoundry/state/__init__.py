"""What the simulated Cloud Foundry holds, and how it changes with time."""
