"""What the simulated platforms share: HTTP, the journal of requests, made-up names."""
