"""Helpers for deployment records and their logs."""

from __future__ import annotations

from deployer.providers.coolify.watching import deployment
from tests.providers.coolify.support import APP, BASE, Row, ended

SECRET = "npm_mArKeDsecret"


UNHEALTHY_WITHOUT_LOG = "New container is unhealthy. It wrote no log."


def hidden_lines_hint(row: Row) -> str:
    """The hint at the hidden lines that follows an unknown failure reason."""
    return (
        "Its hidden log lines may contain the reason: set `hidden_logs: true` or open "
        f"{BASE}{row['deployment_url']}."
    )


NO_REASON = "Coolify reports no reason. The last lines of its log:\n"


def failure_reason(*texts: str | Row) -> str:
    return deployment.snapshot_of(ended("failed", *texts), BASE).reason


EXECUTING = "Executing post-deployment command (see debug log for output)."


COMMAND = f"docker exec abc bash -c 'NPM_TOKEN={SECRET} npm ci'"


COMMAND_FAILED = f"Command execution failed (exit code 1): {COMMAND}"


def additional_servers(*texts: str | Row, status: str = "finished") -> list[tuple[str, str, str]]:
    records = deployment.snapshot_of(ended(status, *texts), BASE, APP).follow_ups
    assert {(each.target, each.adopted, each.condition) for each in records} <= {(APP, False, "")}
    return [(each.id, each.server, each.link) for each in records]
