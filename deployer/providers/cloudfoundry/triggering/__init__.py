"""Triggering: which requests start what, and how a deployment is found whose response was lost."""
