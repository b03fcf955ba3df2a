"""A foundation in the middle of a run."""

from __future__ import annotations

from typing import Any

from deployer.model import Handle
from deployer.providers.cloudfoundry.condition import Condition
from tests.providers.cloudfoundry.support import APP, DEPLOYMENT, NEW_WEB, WEB, body

IMAGE = "ghcr.io/acme/web:1.4.2"


V3APP = f"/v3/apps/{APP}"


NEWEST = f"GET /v3/deployments?app_guids={APP}&order_by=-created_at&per_page=5"


STATS, NEW_STATS = f"/v3/processes/{WEB}/stats", f"/v3/processes/{NEW_WEB}/stats"


RUNS = Handle(APP, "", condition=Condition.RUNNING)


ROLLS = Handle(APP, DEPLOYMENT, condition=Condition.ROLLED_OUT)


def deployment(value: str, reason: str, **more: Any) -> dict[str, Any]:
    row = body("deployment-get-200-deploying")
    return {**row, "status": {"value": value, "reason": reason}, **more}


PROCESS = body("app-processes-list-200-web-2")["resources"][0]
