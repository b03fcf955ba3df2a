"""Coolify's HTTP API: the client, what a response means, what each version can do. API: https://coolify.io/docs/api-reference"""
