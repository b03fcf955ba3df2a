"""Cloud Foundry's HTTP APIs: discovery, login, the client, what a response means.

API: https://v3-apidocs.cloudfoundry.org
"""
