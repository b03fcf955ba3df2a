"""HTTP for every part that sends requests: time-outs, size limits, TLS, proxies, redirects, and what a failed connection means."""
