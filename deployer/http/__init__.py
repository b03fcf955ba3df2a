"""HTTP for everything that sends requests.

Timeouts, size limits, TLS, proxies, redirects, connection errors.
"""
