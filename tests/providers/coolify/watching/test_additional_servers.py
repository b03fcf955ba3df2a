"""The deployments on additional servers."""

from __future__ import annotations

import pytest

from deployer.model import Phase
from deployer.providers.coolify.watching import deployment
from tests.providers.coolify.support import APP, BASE, Row, body, entry, finished
from tests.providers.coolify.watching.records import EXECUTING, additional_servers

PAGE = f"/project/p/environment/e/application/{APP}/deployment"


ON_SECOND = f"Deployment to second. Logs: https://coolify.internal{PAGE}/abc"


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param([ON_SECOND], [("abc", "second", f"{BASE}{PAGE}/abc")], id="one-on-our-host"),
        pytest.param(
            [ON_SECOND, ON_SECOND.replace("second", "the third one").replace("/abc", "/def")],
            [("abc", "second", f"{BASE}{PAGE}/abc"), ("def", "the third one", f"{BASE}{PAGE}/def")],
            id="two",
        ),
        pytest.param([entry(ON_SECOND, hidden=True)], [("abc", "second", f"{BASE}{PAGE}/abc")], id="hidden"),
        pytest.param([entry(ON_SECOND, command="npm run build")], [], id="printed-by-a-build"),
        pytest.param([f"{ON_SECOND}\nand more"], [], id="with-text-after-it"),
        pytest.param([f"Deployment to second. Logs: {PAGE}/abc"], [], id="no-address"),
        pytest.param(["Deployment to second. Logs: https://x/deployment/a b"], [], id="no-uuid"),
        pytest.param([f"Deployment to {'x' * 201}. Logs: https://x{PAGE}/abc"], [], id="name-too-long"),
        pytest.param([], [], id="none"),
    ],
)
def test_additional_servers_are_read_from_coolify_s_own_lines(
    texts: list[str | Row], found: list[tuple[str, str, str]]
) -> None:
    assert additional_servers(*texts) == found


@pytest.mark.parametrize(
    ("status", "count"),
    [("finished", 1), ("failed", 0), ("cancelled-by-user", 0), ("in_progress", 0), ("queued", 0)],
)
def test_additional_servers_are_followed_after_success_only(status: str, count: int) -> None:
    assert len(additional_servers(ON_SECOND, status=status)) == count


def test_additional_servers_are_followed_after_a_failed_post_deployment_command() -> None:
    """They are started before the command runs (coolify-api 7.3)."""
    seen = deployment.snapshot_of(
        finished(ON_SECOND, EXECUTING, "Post-deployment command failed."), BASE, APP
    )
    assert (seen.phase, len(seen.follow_ups)) == (Phase.UNVERIFIED, 1)


MAIN, SECOND = (
    next(row for row in body("app_deployments_multiserver")["deployments"] if row["id"] == number)
    for number in (71, 72)
)


@pytest.mark.parametrize(
    ("changes", "main", "expected"),
    [
        pytest.param({}, {}, True, id="as-recorded"),
        pytest.param({"server_id": MAIN["server_id"]}, {}, False, id="on-same-server"),
        pytest.param({"is_api": True}, {}, False, id="api"),
        pytest.param({"is_webhook": True}, {}, False, id="webhook"),
        pytest.param({"created_at": "2026-11-21T05:43:02.000000Z"}, {}, True, id="5-seconds-later"),
        pytest.param({"created_at": "2026-11-21T05:43:03.000000Z"}, {}, False, id="6-seconds-later"),
        pytest.param({"created_at": "2026-11-21T05:42:53.000000Z"}, {}, True, id="just-before-the-end"),
        pytest.param(
            {"created_at": "2026-11-21T05:42:40.000000Z"}, {}, False, id="before-the-main-deployment"
        ),
        pytest.param({"created_at": None}, {}, False, id="unknown-time"),
        pytest.param(
            {},
            {"finished_at": None, "updated_at": "2026-11-21T05:42:57.000000Z"},
            True,
            id="end-not-written-yet",
        ),
        pytest.param(
            {"created_at": "2026-11-21T05:42:57.000000Z"},
            {"finished_at": "2026-11-21 05:42:57"},
            True,
            id="as-before-beta461",
        ),
        pytest.param({}, {"finished_at": "soon"}, False, id="invalid-end"),
        pytest.param(
            {}, {"finished_at": "2026-11-21T05:43:57.000000Z"}, True, id="post-deployment-command-of-a-minute"
        ),
    ],
)
def test_record_of_an_additional_server_is_created_when_the_main_one_ends(
    changes: Row, main: Row, *, expected: bool
) -> None:
    """For tokens that may not read the log.

    The records are written before `finished_at`, and before the post-deployment command.

    Source: coolify-api 7.3, 16.
    """
    assert deployment.is_other_server({**SECOND, **changes}, {**MAIN, **main}) is expected
