"""Cloud Foundry's HTTP APIs: discovery, login, client, and responses. https://v3-apidocs.cloudfoundry.org"""
