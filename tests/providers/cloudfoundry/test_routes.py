"""The public address of an app, from its routes."""

from typing import Any

import pytest

from deployer.providers.cloudfoundry import routes
from tests.providers.cloudfoundry.support import (
    body,
)


@pytest.mark.parametrize(
    ("rows", "address"),
    [
        pytest.param(
            body("app-routes-list-200")["resources"],
            "https://a-hostname.a-domain.com/some_path",
            id="recorded",
        ),
        pytest.param(body("app-routes-list-200-none")["resources"], "", id="none"),
        pytest.param(
            [{"url": "tcp.example.com:1024", "protocol": "tcp"}, {"url": "a.example.com"}],
            "https://a.example.com",
            id="tcp",
        ),
        pytest.param(
            [{"url": "*.example.com"}, {"url": "b.example.com"}],
            "https://b.example.com",
            id="wildcard-host",
        ),
        pytest.param([{"url": "web.apps.internal"}, {"url": "web.apps.INTERNAL:8080"}], "", id="internal"),
        pytest.param([{"url": "user@evil.example.com/\n::error::"}], "", id="hostile"),
        pytest.param([{"url": None}, {}], "", id="empty"),
    ],
)
def test_the_address_is_the_first_route_that_a_browser_could_open(
    rows: list[dict[str, Any]], address: str
) -> None:
    assert routes.address(rows) == address
