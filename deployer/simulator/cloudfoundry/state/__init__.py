"""The state of the simulated Cloud Foundry, and how it changes over time."""
