"""Guids, names and secrets: made up, but identical in every run, so that transcripts can be compared."""

import hashlib

from deployer.simulator.serving.made_up import made_up

# As in the recorded replies.
APP = "1cb006ee-fb05-47e1-b541-c34179ddc446"
SPACE = "2f35885d-0c9d-4423-83ad-fd05066f8576"
ORGANIZATION = "24637893-3b77-489d-bb79-8466f0d88b52"
PROCESS = "6a901b7c-9417-4dc1-8189-d3234aa0ab82"
SPACE_NAME, ORGANIZATION_NAME = "my-space", "my-organization"

USERNAME, PASSWORD = "deployer@example.com", made_up("the user's password", 20)
CLIENT, CLIENT_SECRET = "deployer-client", made_up("the client's secret", 20)
ASSERTION = f"{made_up('assertion', 36)}.{made_up('claims', 60)}.{made_up('signature', 43)}"
REGISTRY_USERNAME, REGISTRY_PASSWORD = "puller", made_up("the registry's password", 20)


def guid(what: str) -> str:
    """A guid like those of Cloud Foundry; identical for the same `what`."""
    digits = hashlib.sha512(what.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
