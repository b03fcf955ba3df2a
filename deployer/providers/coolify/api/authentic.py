"""PURE: is a refusal in Coolify's own words? Gateways and firewalls answer in JSON as well, perhaps after Coolify has acted.

The words are those of coolify-api 3.3 and 5. What is not in here is taken for a gateway's, so that nothing is concluded from it.
"""

from __future__ import annotations

import re
from typing import Any

PERMISSIONS = "Missing required permissions: "
QUEUE_FULL = "Deployment queue is full"
TOO_MANY = "Too Many Attempts."
FOREIGN_CANCEL = "You do not have permission to cancel this deployment."
MISSING = re.compile(
    r"(Application|Service|Service application|Database|Deployment|Preview|Project|Environment|Environment variable|Server|Destination|Team"
    r"|Private key) not found\.?|No resources found.*|No query results for model .*"
)
"""What Coolify's own 404 say, beside those with a `docs` key."""

DOCS = "https://coolify.io/docs"
SAID: dict[int, re.Pattern[str]] = {
    400: re.compile(
        r"You can only use (uuid or tag|tag or pr), not both\.|docker_tag requires pull_request_id\.|You must provide uuid or tag\."
        r"|No (UUIDs|TAGs) provided\.|UUID is required\.|Invalid (request|token)\.|Bulk data is required\.|Deployment queue is full\..*"
        r"|Deployment cannot be cancelled\. Current status: .*"
        r"|(Application|Service|Database) is (already running|already stopped|not running)\."
        r"|Server (has no destinations|has multiple destinations|is not functional).*"
    ),
    401: re.compile(r"Unauthenticated\.|Invalid token\."),
    403: re.compile(
        r"API is disabled\.|You are not allowed to access the API\.|Missing required permissions: .+|Missing required team role\."
        r"|This API token has permissions .*|You are not authorized to perform this action\.|You do not have permission to cancel this .*"
    ),
    404: MISSING,
    405: re.compile(r"This endpoint has changed to a POST request\."),
    409: re.compile(r"Domain conflicts detected\..*|Environment variable already exists\..*"),
    422: re.compile(
        r"Invalid pull_request_id\.|You need to provide at least one of environment_name or environment_uuid\."
    ),
    429: re.compile(r"Too Many Attempts\.|Deployment queue is full\..*"),
}
"""By status; of a 5xx every text is accepted: it is that of any exception where debugging is switched on."""


def is_own(status: int, data: Any, text: str) -> bool:
    """Whether an answer that is not good is Coolify's. `text`: its message, in one line."""
    if not text or not isinstance(data, dict):
        return False
    if status >= 500:
        return True
    if status == 404 and str(data.get("docs", "")).startswith(DOCS):
        return True
    if status == 422 and "errors" in data:
        return True
    form = SAID.get(status)
    return form is not None and form.fullmatch(text) is not None
