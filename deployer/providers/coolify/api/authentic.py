"""PURE: whether an error response is in Coolify's own words.

Gateways and firewalls respond in JSON as well, perhaps after Coolify has carried out the request. The words
are those of coolify-api 3.3 and 5. Everything else counts as a gateway's: nothing is concluded from it.
"""

from __future__ import annotations

import re
from typing import Any

MISSING_PERMISSIONS = "Missing required permissions: "
QUEUE_FULL = "Deployment queue is full"
RATE_LIMITED = "Too Many Attempts."
CANCEL_FORBIDDEN = "You do not have permission to cancel this deployment."
NOT_FOUND = re.compile(
    r"(Application|Service|Service application|Database|Deployment|Preview|Project|Environment"
    r"|Environment variable|Server|Destination|Team|Private key) not found\.?"
    r"|No resources found.*|No query results for model .*"
)
"""The messages of Coolify's own 404s, besides those with a `docs` key."""

DOCS = "https://coolify.io/docs"
OWN_MESSAGES: dict[int, re.Pattern[str]] = {
    400: re.compile(
        r"You can only use (uuid or tag|tag or pr), not both\.|docker_tag requires pull_request_id\."
        r"|You must provide uuid or tag\.|No (UUIDs|TAGs) provided\.|UUID is required\."
        r"|Invalid (request|token)\.|Bulk data is required\.|Deployment queue is full\..*"
        r"|Deployment cannot be cancelled\. Current status: .*"
        r"|(Application|Service|Database) is (already running|already stopped|not running)\."
        r"|Server (has no destinations|has multiple destinations|is not functional).*"
    ),
    401: re.compile(r"Unauthenticated\.|Invalid token\."),
    403: re.compile(
        r"API is disabled\.|You are not allowed to access the API\.|Missing required permissions: .+"
        r"|Missing required team role\.|This API token has permissions .*"
        r"|You are not authorized to perform this action\.|You do not have permission to cancel this .*"
    ),
    404: NOT_FOUND,
    405: re.compile(r"This endpoint has changed to a POST request\."),
    409: re.compile(r"Domain conflicts detected\..*|Environment variable already exists\..*"),
    422: re.compile(
        r"Invalid pull_request_id\."
        r"|You need to provide at least one of environment_name or environment_uuid\."
    ),
    429: re.compile(r"Too Many Attempts\.|Deployment queue is full\..*"),
}
"""The messages of Coolify's other error responses, by status.

With 5xx every message is accepted: if debugging is on, it is that of any exception.
"""


def is_own(status: int, data: Any, text: str) -> bool:
    """Whether an error response is Coolify's own. `text`: its message, in one line."""
    if not text or not isinstance(data, dict):
        return False
    if status >= 500:
        return True
    if status == 404 and str(data.get("docs", "")).startswith(DOCS):
        return True
    if status == 422 and "errors" in data:
        return True
    pattern = OWN_MESSAGES.get(status)
    return pattern is not None and pattern.fullmatch(text) is not None
