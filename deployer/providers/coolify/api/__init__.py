"""Coolify's HTTP API: the client, what a response means, and what each version supports.

API: https://coolify.io/docs/api-reference
"""
