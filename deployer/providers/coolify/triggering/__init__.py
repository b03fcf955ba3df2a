"""Triggering: which request starts what, what the response means, and a trigger without a response."""
