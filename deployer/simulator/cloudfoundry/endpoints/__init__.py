"""The endpoints of the simulated Cloud Foundry."""
