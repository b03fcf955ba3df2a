"""Coolify: the deployments of additional servers."""

from __future__ import annotations

import pytest

from deployer.model import Phase
from deployer.providers.coolify.watching import deployment
from tests.providers.coolify.support import APP, BASE, Row, body, entry, finished
from tests.providers.coolify.watching.records import EXECUTING, others

PAGE = f"/project/p/environment/e/application/{APP}/deployment"


ELSEWHERE = f"Deployment to second. Logs: https://coolify.internal{PAGE}/abc"


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param(
            [ELSEWHERE], [("abc", "second", f"{BASE}{PAGE}/abc")], id="one-with-its-page-on-our-address"
        ),
        pytest.param(
            [ELSEWHERE, ELSEWHERE.replace("second", "the third one").replace("/abc", "/def")],
            [("abc", "second", f"{BASE}{PAGE}/abc"), ("def", "the third one", f"{BASE}{PAGE}/def")],
            id="two",
        ),
        pytest.param([entry(ELSEWHERE, hidden=True)], [("abc", "second", f"{BASE}{PAGE}/abc")], id="hidden"),
        pytest.param([entry(ELSEWHERE, command="npm run build")], [], id="a-build-that-prints-it"),
        pytest.param([f"{ELSEWHERE}\nand more"], [], id="and-more"),
        pytest.param([f"Deployment to second. Logs: {PAGE}/abc"], [], id="no-address"),
        pytest.param(["Deployment to second. Logs: https://x/deployment/a b"], [], id="no-uuid"),
        pytest.param(
            [f"Deployment to {'x' * 201}. Logs: https://x{PAGE}/abc"], [], id="a-name-that-is-too-long"
        ),
        pytest.param([], [], id="none"),
    ],
)
def test_additional_servers_stand_in_coolify_s_own_lines(
    texts: list[str | Row], found: list[tuple[str, str, str]]
) -> None:
    assert others(*texts) == found


@pytest.mark.parametrize(
    ("status", "count"),
    [("finished", 1), ("failed", 0), ("cancelled-by-user", 0), ("in_progress", 0), ("queued", 0)],
)
def test_additional_servers_are_followed_from_a_deployment_that_went_well(status: str, count: int) -> None:
    assert len(others(ELSEWHERE, status=status)) == count


def test_additional_servers_are_followed_though_the_post_deployment_command_failed() -> None:
    """They were started before it ran (coolify-api 7.3)."""
    seen = deployment.snapshot_of(
        finished(ELSEWHERE, EXECUTING, "Post-deployment command failed."), BASE, APP
    )
    assert (seen.phase, len(seen.follow_ups)) == (Phase.UNVERIFIED, 1)


MAIN, SECOND = (
    next(row for row in body("app_deployments_multiserver")["deployments"] if row["id"] == number)
    for number in (71, 72)
)


@pytest.mark.parametrize(
    ("changes", "main", "one"),
    [
        pytest.param({}, {}, True, id="as-recorded"),
        pytest.param({"server_id": MAIN["server_id"]}, {}, False, id="on-the-same-server"),
        pytest.param({"is_api": True}, {}, False, id="of-the-api"),
        pytest.param({"is_webhook": True}, {}, False, id="of-a-webhook"),
        pytest.param({"created_at": "2026-11-21T05:43:02.000000Z"}, {}, True, id="five-seconds-later"),
        pytest.param({"created_at": "2026-11-21T05:43:03.000000Z"}, {}, False, id="six-seconds-later"),
        pytest.param(
            {"created_at": "2026-11-21T05:42:53.000000Z"}, {}, True, id="shortly-before-the-end-was-written"
        ),
        pytest.param(
            {"created_at": "2026-11-21T05:42:40.000000Z"}, {}, False, id="before-the-first-one-began"
        ),
        pytest.param({"created_at": None}, {}, False, id="nobody-knows-when"),
        pytest.param(
            {},
            {"finished_at": None, "updated_at": "2026-11-21T05:42:57.000000Z"},
            True,
            id="the-end-is-not-written-yet",
        ),
        pytest.param(
            {"created_at": "2026-11-21T05:42:57.000000Z"},
            {"finished_at": "2026-11-21 05:42:57"},
            True,
            id="as-before-beta461",
        ),
        pytest.param({}, {"finished_at": "soon"}, False, id="an-end-that-is-no-time"),
        pytest.param(
            {}, {"finished_at": "2026-11-21T05:43:57.000000Z"}, True, id="a-minute-of-post-deployment-command"
        ),
    ],
)
def test_an_additional_server_s_row_was_born_when_the_first_one_ended(
    changes: Row, main: Row, *, one: bool
) -> None:
    """For who may not read the log. The rows are written before `finished_at`, the post-deployment command between.

    Source: coolify-api 7.3, 16.
    """
    assert deployment.is_other_server({**SECOND, **changes}, {**MAIN, **main}) is one
