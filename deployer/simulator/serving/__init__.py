"""What the simulated platforms share: HTTP, the request journal, and made-up names."""
