"""Coolify: the requests of a rollback after a deployment of this run (coolify-api 5.3, 5.7)."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import responses

from deployer.model import Handle, Owner, RefusedError, RetryLater, Started, TriggerResult, UnavailableError
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.rollback import NO_LIST, NOTHING_BEFORE_CREATE
from deployer.providers.coolify.rollback_plan import SAME_IMAGE
from deployer.providers.coolify.rollback_rules import NO_EARLIER_DEPLOYMENT, NOT_LISTED, STARTED_SINCE
from tests.providers.coolify.rollbacks import (
    BEFORE,
    FORCED,
    HISTORY_IMG,
    NOW,
    OLDER,
    OLDEST,
    PINNED_NOTE,
    RAN,
    ROLLBACK,
    SHOP,
    TAG_BACK,
    _wire,
    allow_changes,
    coolify,
    done,
    roll_back,
    sent,
    serve_deploy,
    serve_image,
    serve_repository,
)
from tests.providers.coolify.support import (
    API,
    IMG,
    NEW,
    PG,
    STACK,
    WEB,
    Row,
    about,
    body,
    deployed,
    listing,
    requests_sent,
    serve,
)

__all__ = ["_wire"]  # fixtures

FULL = "Coolify says: Deployment queue is full. Please wait for existing deployments to complete."


OURS_IMG = Handle(IMG, "d4")


HISTORY = f"GET /deployments/applications/{WEB}?take=10"


# --- from a deployment of a commit


BY_CALL = [f'{ROLLBACK} {{"commit": "{BEFORE}"}}']


PINNED = [
    f"PATCH /applications/{WEB} {{}}",
    "POST /deploy",
    f'PATCH /applications/{WEB} {{"git_commit_sha": "{BEFORE}"}}',
]


PIN_NOTE = f"back to {BEFORE} (commit: HEAD → {BEFORE}); {PINNED_NOTE}"


@pytest.mark.parametrize(
    ("version", "calls", "note", "uuid"),
    [
        pytest.param(NEW, BY_CALL, f"back to {BEFORE}", "nubaatgkfbicbcjcnw7eyxph", id="newest"),
        pytest.param("4.3.0", BY_CALL, f"back to {BEFORE}", "nubaatgkfbicbcjcnw7eyxph", id="4.3.0"),
        pytest.param("4.2.0", [*PINNED, f"POST /deploy?uuid={WEB}"], PIN_NOTE, "d5", id="4.2.0-pins"),
        pytest.param(
            "4.0.0-beta.463",
            [*PINNED, f"POST /deploy?uuid={WEB}&force=true"],
            PIN_NOTE,
            "d5",
            id="beta.463-pins-and-forces",
        ),
    ],
)
def test_each_version_has_its_own_way_to_the_previous_commit(
    wire: responses.RequestsMock, version: str, calls: list[str], note: str, uuid: str
) -> None:
    serve_repository(wire, *RAN)
    allow_changes(wire)
    serve_deploy(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    result = roll_back(coolify(version, rollback="true"), wire)
    assert result == (Started((Handle(WEB, uuid),), note), [HISTORY, *calls])


@pytest.mark.parametrize("version", ["4.0.0-beta.464", "4.0.0", "4.1.2"])
def test_versions_that_ignore_pins_do_not_support_rollbacks(
    wire: responses.RequestsMock, version: str
) -> None:
    serve_repository(wire, *RAN)
    with pytest.raises(
        RefusedError, match=rf"^Coolify {version} does not support rollbacks: its own require 4\.3\.0"
    ):
        roll_back(coolify(version, rollback="true"), wire)
    assert not [line for line in requests_sent(wire) if not line.startswith("GET")]


def test_without_a_list_of_deployments_the_previous_commit_is_unknown(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "transport_404_unknown_endpoint")
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    with pytest.raises(RefusedError) as caught:
        roll_back(coolify("4.0.0-beta.400", rollback="true"), wire)
    assert str(caught.value) == NO_LIST


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        pytest.param((done(5, OLDEST), *RAN), STARTED_SINCE.format("d5"), id="another-finished-since"),
        pytest.param(
            (deployed(5, status="queued", commit="HEAD"), *RAN),
            STARTED_SINCE.format("d5"),
            id="another-is-queued",
        ),
        pytest.param(
            (deployed(5, status="in_progress", commit="HEAD"), *RAN),
            STARTED_SINCE.format("d5"),
            id="another-runs",
        ),
        pytest.param(
            (done(4, NOW), done(3, NOW)),
            f"the previous version is the same commit ({NOW})",
            id="the-same-commit",
        ),
        pytest.param((done(4, NOW),), NO_EARLIER_DEPLOYMENT, id="the-first"),
        pytest.param(
            (done(4, NOW), deployed(3, status="failed", commit=BEFORE)),
            NO_EARLIER_DEPLOYMENT,
            id="none-finished",
        ),
        pytest.param((done(4, NOW), done(3, "HEAD")), NO_EARLIER_DEPLOYMENT, id="no-commit-is-known"),
        pytest.param(
            (done(4, NOW), done(3, BEFORE, pull_request_id=7)), NO_EARLIER_DEPLOYMENT, id="only-a-preview"
        ),
        pytest.param((done(3, BEFORE),), NOT_LISTED, id="ours-is-not-listed"),
    ],
)
def test_a_rollback_that_is_not_possible_is_refused_with_its_reason(
    wire: responses.RequestsMock, listed: tuple[Row, ...], reason: str
) -> None:
    serve_repository(wire, *listed)
    with pytest.raises(RefusedError) as caught:
        roll_back(coolify(rollback="true"), wire)
    assert str(caught.value) == reason
    assert not [line for line in requests_sent(wire) if not line.startswith("GET")]


@pytest.mark.parametrize(
    ("listed", "commit"),
    [
        pytest.param(
            (deployed(3, status="failed", commit=OLDEST), done(2, OLDER), done(4, NOW)),
            OLDER,
            id="failed-ones-are-skipped",
        ),
        pytest.param(
            (done(4, NOW), done(3, OLDEST, pull_request_id=7), done(2, OLDER)),
            OLDER,
            id="previews-are-skipped",
        ),
        pytest.param(
            (done(5, OLDEST, pull_request_id=7), done(4, NOW), done(2, OLDER)),
            OLDER,
            id="newer-previews-are-skipped",
        ),
        pytest.param(
            (deployed(5, status="failed", commit=OLDEST), done(4, NOW), done(2, OLDER)),
            OLDER,
            id="a-newer-one-that-failed",
        ),
        pytest.param(
            (deployed(5, status="cancelled-by-user", commit="HEAD"), done(4, NOW), done(2, OLDER)),
            OLDER,
            id="a-newer-one-that-was-cancelled",
        ),
        pytest.param((done(2, OLDER), done(3, BEFORE), done(4, NOW)), BEFORE, id="in-any-order"),
        pytest.param(
            (
                done(5, NOW, is_api=False, server_id=1, created_at="2026-11-21T05:20:01.000000Z"),
                done(4, NOW, created_at="2026-11-21T05:19:00.000000Z"),
                done(3, BEFORE),
            ),
            BEFORE,
            id="ours-on-an-additional-server",
        ),
    ],
)
def test_the_previous_version_is_the_newest_finished_one_before_ours(
    wire: responses.RequestsMock, listed: tuple[Row, ...], commit: str
) -> None:
    serve_repository(wire, *listed)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    assert roll_back(coolify(rollback="true"), wire)[1][-1] == f'{ROLLBACK} {{"commit": "{commit}"}}'


# --- a pin that this run has set


def test_a_pin_of_this_run_is_restored_first(wire: responses.RequestsMock) -> None:
    serve_repository(wire, done(4, NOW), done(3, BEFORE))
    allow_changes(wire)
    serve_deploy(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    server = coolify(rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    result, calls = roll_back_after_resolving(server, wire, git_commit_sha=NOW)
    assert calls == [
        HISTORY,
        f'PATCH /applications/{WEB} {{"git_commit_sha": "HEAD"}}',
        f'{ROLLBACK} {{"commit": "{BEFORE}"}}',
    ]
    assert isinstance(result, Started)
    assert result.note == f"back to {BEFORE} (commit: {NOW} → HEAD)"


def roll_back_after_resolving(
    server: CoolifyProvider, wire: responses.RequestsMock, **changes: Any
) -> tuple[TriggerResult, list[str]]:
    """Resolve the changed application again, as the loop does, and roll back."""
    wire.replace("GET", f"{API}/applications/{WEB}", json={**body("app_get_read"), **changes})
    return roll_back(server, wire)


def test_the_pin_from_before_this_run_is_restored(wire: responses.RequestsMock) -> None:
    serve_repository(wire, done(4, NOW), done(3, BEFORE), git_commit_sha=BEFORE)
    allow_changes(wire)
    serve_deploy(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    server = coolify(rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    _, calls = roll_back_after_resolving(server, wire, git_commit_sha=NOW)
    assert calls[1:] == [
        f'PATCH /applications/{WEB} {{"git_commit_sha": "{BEFORE}"}}',
        f'{ROLLBACK} {{"commit": "{BEFORE}"}}',
    ]


@pytest.mark.parametrize(
    ("pinned", "calls"),
    [
        pytest.param(
            "HEAD", [f'PATCH /applications/{WEB} {{"git_commit_sha": "{BEFORE}"}}'], id="not-pinned-before"
        ),
        pytest.param(
            OLDEST, [f'PATCH /applications/{WEB} {{"git_commit_sha": "{OLDEST}"}}'], id="pinned-before"
        ),
    ],
)
def test_before_beta_464_the_records_show_the_head_of_the_branch_whatever_was_pinned(
    wire: responses.RequestsMock, pinned: str, calls: list[str]
) -> None:
    serve_repository(wire, done(4, BEFORE), done(3, BEFORE), git_commit_sha=pinned)
    allow_changes(wire)
    serve_deploy(wire)
    server = coolify("4.0.0-beta.463", rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    _, lines = roll_back_after_resolving(server, wire, git_commit_sha=NOW)
    assert lines[1:] == [*calls, f"POST /deploy?uuid={WEB}&force=true"]


def test_an_application_that_was_always_pinned_has_no_previous_version(wire: responses.RequestsMock) -> None:
    serve_repository(wire, done(4, NOW), done(3, BEFORE), git_commit_sha=OLDEST)
    with pytest.raises(RefusedError, match=f"the previous version is the same commit \\({OLDEST}\\)"):
        roll_back(coolify("4.0.0-beta.463", rollback="true"), wire)


def test_an_application_that_was_pinned_and_never_deployed_has_none_either(
    wire: responses.RequestsMock,
) -> None:
    serve_repository(wire, done(4, NOW), git_commit_sha=OLDEST)
    allow_changes(wire)
    serve_deploy(wire)
    server = coolify("4.0.0-beta.463", rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    with pytest.raises(RefusedError, match=NO_EARLIER_DEPLOYMENT):
        roll_back(server, wire)


def test_a_pin_that_this_run_has_not_set_stays(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN, git_commit_sha=OLDEST)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    result, calls = roll_back(coolify(rollback="true"), wire)
    assert (result, len(calls)) == (
        Started((Handle(WEB, "nubaatgkfbicbcjcnw7eyxph"),), f"back to {BEFORE}"),
        2,
    )


# --- from a deployment of an image


def deployed_with_image(
    wire: responses.RequestsMock,
    *,
    listed: tuple[Row, ...] = (done(4, "HEAD"),),
    then: str = "2.1.0",
    **inputs: str,
) -> CoolifyProvider:
    """A provider that has changed the image of an application, and deployed it."""
    serve_image(wire, "2.0.1", then, listed=listed)
    allow_changes(wire, IMG)
    serve_deploy(wire, IMG)
    server = coolify(uuid=IMG, rollback="true", **{"image": ":2.1.0", **inputs})
    server.resolve(IMG)
    server.apply_changes(IMG)
    return server


@pytest.mark.parametrize("version", [NEW, "4.1.2", "4.0.0-beta.380"])
def test_an_image_that_this_run_has_changed_is_restored(wire: responses.RequestsMock, version: str) -> None:
    server = deployed_with_image(wire)
    server.lookup.version = Version(version)
    result, calls = roll_back(server, wire, OURS_IMG)
    domains = ', "domains": "http://shop.example.com"' if version.endswith("380") else ""
    assert calls == [HISTORY_IMG, TAG_BACK.replace("}", f"{domains}}}"), FORCED]
    note = "back to ghcr.io/acme/shop:2.0.1 (image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1)"
    assert result == Started((Handle(IMG, "d5"),), note)


@pytest.mark.parametrize("inputs", [{}, {"image": ":2.0.1"}], ids=["not-requested", "requested"])
def test_an_image_with_the_same_tag_can_not_be_restored(
    wire: responses.RequestsMock, inputs: dict[str, str]
) -> None:
    serve_image(wire)
    server = coolify(uuid=IMG, rollback="true", **inputs)
    server.resolve(IMG)
    server.apply_changes(IMG)
    with pytest.raises(RefusedError) as caught:
        roll_back(server, wire, OURS_IMG)
    assert str(caught.value) == SAME_IMAGE
    assert not [line for line in requests_sent(wire) if not line.startswith("GET")]


def test_an_image_that_somebody_has_changed_since_is_not_rolled_back(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire, then="3.0.0")
    with pytest.raises(
        RefusedError, match=r"its image was changed to ghcr.io/acme/shop:3\.0\.0 meanwhile, not by this run"
    ):
        roll_back(server, wire, OURS_IMG)


def test_an_image_that_somebody_has_deployed_since_is_not_rolled_back(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire, listed=(done(5, "HEAD"), done(4, "HEAD")))
    with pytest.raises(RefusedError) as caught:
        roll_back(server, wire, OURS_IMG)
    assert str(caught.value) == STARTED_SINCE.format("d5")


def test_an_image_that_others_may_have_deployed_since_is_not_rolled_back(
    wire: responses.RequestsMock,
) -> None:
    server = deployed_with_image(wire, listed=tuple(done(number, "HEAD") for number in range(14, 4, -1)))
    with pytest.raises(RefusedError) as caught:
        roll_back(server, wire, OURS_IMG)
    assert str(caught.value) == NOT_LISTED


def test_without_a_list_of_deployments_an_image_is_restored(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire)
    wire.remove("GET", f"{API}/deployments/applications/{IMG}")
    serve(wire, "GET", f"/deployments/applications/{IMG}", "transport_404_unknown_endpoint")
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    server.lookup.version = Version("4.0.0-beta.400")
    assert roll_back(server, wire, OURS_IMG)[1][-2:] == [TAG_BACK, FORCED]


@pytest.mark.parametrize(
    ("inputs", "stays"),
    [
        pytest.param(
            {"settings": '{"docker_registry_image_tag": "2.1.0"}', "image": ""},
            "",
            id="an-image-set-as-a-field",
        ),
        pytest.param(
            {"settings": '{"docker_registry_image_tag": "2.1.0", "description": "x"}', "image": ""},
            "description: (none) → x",
            id="and-another-field",
        ),
        pytest.param(
            {"settings": '{"git_commit_sha": "1"}'}, "git_commit_sha: HEAD → 1", id="a-field-without-effect"
        ),
    ],
)
def test_fields_that_are_restored_are_not_reported_to_stay(
    wire: responses.RequestsMock, inputs: dict[str, Any], stays: str
) -> None:
    server = deployed_with_image(wire, **inputs)
    result, _ = roll_back(server, wire, OURS_IMG)
    assert isinstance(result, Started)
    assert result.note.partition("; other changes of this run stay in effect: ")[2] == stays


def test_a_pin_set_as_a_field_is_not_reported_to_stay_either(wire: responses.RequestsMock) -> None:
    serve_repository(wire, done(4, NOW), done(3, BEFORE))
    allow_changes(wire)
    serve_deploy(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    server = coolify(
        rollback="true", settings=f'{{"git_commit_sha": "{NOW}", "docker_registry_image_tag": "1"}}'
    )
    server.resolve(WEB)
    server.apply_changes(WEB)
    result, _ = roll_back_after_resolving(server, wire, git_commit_sha=NOW)
    assert isinstance(result, Started)
    assert result.note.endswith(
        "; other changes of this run stay in effect: docker_registry_image_tag: (none) → 1"
    )


def test_other_changes_stay_and_are_reported(wire: responses.RequestsMock) -> None:
    wire.add("GET", f"{API}/applications/{IMG}/envs", json=[])
    wire.add("PATCH", f"{API}/applications/{IMG}/envs/bulk", json=[], status=201)
    server = deployed_with_image(wire, settings='{"health_check_enabled": true}', env="A=1")
    wire.replace(
        "GET",
        f"{API}/applications/{IMG}",
        json={**body("create_img_get"), "uuid": IMG, **SHOP, "docker_registry_image_tag": "2.1.0"},
    )
    result, _ = roll_back(server, wire, OURS_IMG)
    assert isinstance(result, Started)
    assert (
        "other changes of this run stay in effect: health_check_enabled: false → true; variables: 1 added (A)"
        in result.note
    )


def test_an_application_that_this_run_created_has_no_previous_version(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire)
    server._changes.created_as = "application x: created"  # as the creation leaves it
    with pytest.raises(RefusedError) as caught:
        roll_back(server, wire, OURS_IMG)
    assert str(caught.value) == NOTHING_BEFORE_CREATE


# --- responses to the rollback


def test_the_rollback_endpoint_reports_a_full_queue_with_a_400(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "rollback_queue_full")
    assert roll_back(coolify(rollback="true"), wire)[0] == RetryLater(60, FULL, queue_full=True)


def test_after_a_full_queue_changes_are_not_sent_again(wire: responses.RequestsMock) -> None:
    """The image is the earlier one by then, which does not mean that there is no version to restore."""
    serve_image(wire, "2.0.1", "2.1.0", "2.0.1")
    allow_changes(wire, IMG)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_queue_full_429")
    server = coolify(uuid=IMG, rollback="true", image=":2.1.0")
    server.resolve(IMG)
    server.apply_changes(IMG)
    result, calls = roll_back(server, wire, OURS_IMG)
    assert result == RetryLater(
        60,
        f"{FULL}. Changed before that: image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1",
        queue_full=True,
    )
    assert calls[1:] == [TAG_BACK, FORCED]
    assert roll_back(server, wire, OURS_IMG)[1] == [HISTORY_IMG, FORCED]


def test_after_a_lost_response_changes_are_not_sent_again_either(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire)
    wire.add("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    wire.remove("POST", f"{API}/deploy")
    wire.add("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        roll_back(server, wire, OURS_IMG)
    before = len(wire.calls)
    with pytest.raises(UnavailableError):
        server.rollback(IMG, OURS_IMG)  # the loop only resolves again after a response
    assert sent(wire, before) == [HISTORY_IMG, FORCED]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("rollback_unknown", "Coolify says: Application not found. (HTTP 404)", id="not-found"),
        pytest.param(
            "rollback_bad",
            "Coolify rejected the rollback: commit: Invalid rollback commit",
            id="an-invalid-commit",
        ),
        pytest.param(
            "transport_403_missing_team_role", "the token belongs to a member of the team", id="no-ability"
        ),
    ],
)
def test_a_rejection_of_the_rollback_is_reported(
    wire: responses.RequestsMock, name: str, reason: str
) -> None:
    serve_repository(wire, *RAN)
    serve(wire, "POST", f"/applications/{WEB}/rollback", name)
    with pytest.raises(RefusedError) as caught:
        roll_back(coolify(rollback="true"), wire)
    assert str(caught.value).startswith(reason)


def test_a_rejection_after_the_change_reports_the_change(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire)
    wire.replace(
        "POST", f"{API}/deploy", json={"message": "Missing required permissions: deploy"}, status=403
    )
    with pytest.raises(RefusedError) as caught:
        roll_back(server, wire, OURS_IMG)
    assert str(caught.value).endswith(
        ". Changed before that: image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1"
    )


def test_a_token_that_may_not_write_changes_nothing(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    with pytest.raises(RefusedError, match=r"^the token lacks write, so nothing was changed") as caught:
        roll_back(coolify("4.2.0", rollback="true"), wire)
    assert caught.value.token_wide


# --- changes that precede the rollback


IMAGE_THERE, IMAGE_BACK = (
    f"image: ghcr.io/acme/shop:{tags}"
    for tags in ("2.0.1 → ghcr.io/acme/shop:2.1.0", "2.1.0 → ghcr.io/acme/shop:2.0.1")
)


def test_changes_for_a_rollback_are_reported(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire)
    assert server.changes_made(IMG) == (IMAGE_THERE,)
    roll_back(server, wire, OURS_IMG)
    assert server.changes_made(IMG) == (IMAGE_THERE, IMAGE_BACK)


def test_uncertain_changes_for_a_rollback_are_reported_and_then_confirmed(
    wire: responses.RequestsMock,
) -> None:
    serve_image(wire, "2.0.1", "2.1.0", "2.0.1")
    allow_changes(wire, IMG)
    serve_deploy(wire, IMG)
    server = coolify(uuid=IMG, rollback="true", image=":2.1.0")
    server.resolve(IMG)
    server.apply_changes(IMG)
    wire.replace("PATCH", f"{API}/applications/{IMG}", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        roll_back(server, wire, OURS_IMG)
    assert server.changes_made(IMG) == (IMAGE_THERE, f"{IMAGE_BACK} (perhaps: no response)")
    assert roll_back(server, wire, OURS_IMG)[1] == [HISTORY_IMG, FORCED]
    assert server.changes_made(IMG) == (IMAGE_THERE, IMAGE_BACK)


# --- a lost response


@pytest.mark.parametrize(
    ("version", "rows", "found"),
    [
        pytest.param(
            NEW, [deployed(5, rollback=True)], Started((Handle(WEB, "d5"),), "found on the server"), id="ours"
        ),
        pytest.param(
            NEW,
            [deployed(5, rollback=True, is_api=False)],
            Started((Handle(WEB, "d5"),), "found on the server"),
            id="unmarked",
        ),
        pytest.param(NEW, [deployed(5)], None, id="a-deployment-not-a-rollback"),
        pytest.param(NEW, [deployed(5, rollback=True, pull_request_id=7)], None, id="a-preview-s"),
        pytest.param(NEW, [], None, id="none"),
        pytest.param(
            "4.2.0", [deployed(5)], Started((Handle(WEB, "d5"),), "found on the server"), id="by-a-pin"
        ),
        pytest.param("4.2.0", [deployed(5, rollback=True)], None, id="not-by-a-pin"),
        pytest.param("4.2.0", [deployed(5, is_api=False)], None, id="started-by-a-person"),
        pytest.param("4.2.0", [deployed(5, force_rebuild=True)], None, id="a-forced-one"),
        pytest.param(
            "4.0.0-beta.463",
            [deployed(5, force_rebuild=True)],
            Started((Handle(WEB, "d5"),), "found on the server"),
            id="a-forced-pin",
        ),
    ],
)
def test_after_a_lost_response_the_deployment_is_looked_for(
    wire: responses.RequestsMock, version: str, rows: list[Row], found: Started | None
) -> None:
    serve_repository(wire, *RAN)
    allow_changes(wire)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    wire.add("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    wire.add("POST", f"{API}/applications/{WEB}/rollback", body=requests.exceptions.ReadTimeout())
    server = coolify(version, rollback="true")
    with pytest.raises(UnavailableError) as caught:
        roll_back(server, wire)
    assert caught.value.may_have_arrived
    wire.replace("GET", f"{API}/deployments/applications/{WEB}", json=listing(*rows, *RAN))
    assert server.find_triggered(WEB) == (
        found and Started(tuple(Handle(WEB, each.id, link=each.link) for each in found.handles), found.note)
    )


def test_before_records_of_the_api_were_marked_the_owner_is_unsure(wire: responses.RequestsMock) -> None:
    server = deployed_with_image(wire)
    server.lookup.version = Version("4.0.0-beta.434")
    wire.replace("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        roll_back(server, wire, OURS_IMG)
    wire.replace(
        "GET",
        f"{API}/deployments/applications/{IMG}",
        json=listing(about(deployed(5, is_api=False, force_rebuild=True), IMG, "d5")),
    )
    found = server.find_triggered(IMG)
    assert isinstance(found, Started)
    assert (found.handles[0].id, found.handles[0].adopted, found.handles[0].owner is Owner.UNSURE) == (
        "d5",
        True,
        True,
    )


# --- what can't be rolled back


@pytest.mark.parametrize(("uuid", "kind"), [(STACK, "service"), (PG, "database")])
def test_services_and_databases_can_not_be_rolled_back(
    wire: responses.RequestsMock, uuid: str, kind: str
) -> None:
    for each in ("application", "service", "database"):
        name = f"{each}_get" if each == kind else {"application": "app_get_unknown"}.get(each, f"{each}_404")
        serve(wire, "GET", f"/{each}s/{uuid}", name)
    server = coolify(uuid=uuid, rollback="true")
    with pytest.raises(RefusedError) as caught:
        roll_back(server, wire, Handle(uuid, "", condition="running"))
    assert str(caught.value) == f"a {kind} can't be rolled back: Coolify keeps no earlier version of it"
    with pytest.raises(RefusedError) as caught:
        coolify(uuid=uuid, command="rollback").resolve(uuid)
    assert str(caught.value) == f"a {kind} can't be rolled back: Coolify keeps no earlier version of it"


def test_a_token_that_may_not_read_does_not_know_the_previous_version(wire: responses.RequestsMock) -> None:
    server = coolify(command="rollback", wait="false")
    server.lookup.write_only_token = True
    server.resolve(WEB)
    with pytest.raises(
        RefusedError,
        match=r"^the token may not read, so the previous version is unknown. Add read to the token$",
    ):
        server.trigger(WEB)
    assert requests_sent(wire) == []
