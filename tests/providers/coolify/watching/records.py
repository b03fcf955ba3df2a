"""Deployment records."""

from __future__ import annotations

from deployer.providers.coolify.watching import deployment
from tests.providers.coolify.support import APP, BASE, Row, ended

SECRET = "npm_mArKeDsecret"


NO_LOG = "New container is unhealthy. It wrote no log."


def more(row: Row) -> str:
    """Where to read on, behind a cause that is not known."""
    return f"Its hidden log lines may contain the reason: set `hidden_logs: true` or open {BASE}{row['deployment_url']}."


GAVE_NONE = "Coolify reports no reason. The last lines of its log:\n"


def why(*texts: str | Row) -> str:
    return deployment.snapshot_of(ended("failed", *texts), BASE).reason


EXECUTING = "Executing post-deployment command (see debug log for output)."


RUN = f"docker exec abc bash -c 'NPM_TOKEN={SECRET} npm ci'"


BROKE = f"Command execution failed (exit code 1): {RUN}"


def others(*texts: str | Row, status: str = "finished") -> list[tuple[str, str, str]]:
    listed = deployment.snapshot_of(ended(status, *texts), BASE, APP).follow_ups
    assert {(each.target, each.adopted, each.condition) for each in listed} <= {(APP, False, "")}
    return [(each.id, each.server, each.link) for each in listed]
