"""Coolify: which version a rollback restores; pure functions."""

from __future__ import annotations

import pytest

from deployer.providers.coolify import rollback_plan, rollback_rules
from deployer.providers.coolify.rollback_rules import Candidate
from deployer.providers.coolify.triggering import trigger
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, TriggerRequest
from tests.providers.coolify.rollbacks import BEFORE, NOW, OLDER, done
from tests.providers.coolify.support import WEB, Row, deployed, reply

BY_ENDPOINT, PIN, FORCE = (
    TriggerRequest(APPLICATION, WEB, "POST", "/x", "roll back", body={"commit": NOW}),
    TriggerRequest(APPLICATION, WEB, "POST", "/deploy", "deploy", {"uuid": WEB}),
    TriggerRequest(APPLICATION, WEB, "POST", "/deploy", "deploy", {"uuid": WEB, "force": "true"}),
)


@pytest.mark.parametrize(
    ("row", "sent", "marked", "expected"),
    [
        pytest.param(deployed(5, rollback=True), BY_ENDPOINT, True, True, id="a-rollback"),
        pytest.param(deployed(5), BY_ENDPOINT, True, False, id="a-deployment-not-a-rollback"),
        pytest.param(deployed(5), PIN, True, True, id="a-deployment"),
        pytest.param(deployed(5, is_api=False), PIN, True, False, id="started-by-a-person"),
        pytest.param(deployed(5, is_api=False), PIN, False, True, id="unmarked"),
        pytest.param(
            deployed(5, is_api=False, is_webhook=True), PIN, False, False, id="started-by-a-webhook"
        ),
        pytest.param(deployed(5), FORCE, True, False, id="not-forced"),
        pytest.param(deployed(5, force_rebuild=True), FORCE, True, True, id="forced"),
    ],
)
def test_which_record_a_rollback_request_has_started(
    row: Row, sent: TriggerRequest, marked: bool, expected: bool
) -> None:
    assert rollback_plan.matches(row, sent, marked=marked) is expected


def test_only_a_400_about_a_full_queue_counts_as_one() -> None:
    full = reply("rollback_queue_full")
    assert trigger.is_full(full.status, full.data["message"])
    assert not trigger.is_full(429, full.data["message"])
    assert not trigger.is_full(400, "Invalid request.")


@pytest.mark.parametrize(
    ("made", "earlier"),
    [
        pytest.param("2026-08-20 10:11:11 +0000 UTC", True, id="a-second-earlier"),
        pytest.param("2026-08-20 12:11:11 +0200 CEST", True, id="in-another-zone"),
        pytest.param("2026-08-20 10:11:13 +0200 CEST", True, id="the-zone-counts"),
        pytest.param("2026-08-20 10:11:12 +0000 UTC", False, id="in-the-same-second"),
        pytest.param("last week", False, id="no-date"),
        pytest.param(None, False, id="none"),
    ],
)
def test_only_an_image_that_was_built_earlier_certainly_ran_earlier(made: str | None, earlier: bool) -> None:
    listed: list[Row] = [
        {"tag": "2", "created_at": "2026-08-20 10:11:12 +0000 UTC", "is_current": True},
        {"tag": "1", "created_at": made},
    ]
    assert rollback_rules.other_images(listed) == (Candidate("1", f"built {made}" if made else "", earlier),)


def test_of_each_commit_the_newest_record_counts() -> None:
    listed = [
        done(2, OLDER),
        done(5, OLDER),
        done(4, NOW),
        done(3, "HEAD"),
        done(6, BEFORE, pull_request_id=1),
    ]
    found = rollback_rules.finished(listed)
    assert [(commit, row["id"]) for commit, row in found.items()] == [(OLDER, 5), (NOW, 4)]
