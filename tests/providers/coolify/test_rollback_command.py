"""Coolify: `command: rollback`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import responses

from deployer.model import Handle, RefusedError, Started, TriggerResult
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.rollback import NO_IMAGES, NO_OTHER
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
    TAG_BACK,
    _wire,
    allow_changes,
    coolify,
    done,
    sent,
    serve_deploy,
    serve_image,
    serve_kept_images,
    serve_repository,
)
from tests.providers.coolify.support import API, IMG, NEW, WEB, Row, deployed, listing, requests_sent, serve

__all__ = ["_wire"]  # fixtures

# --- what is restored


def roll_back_on_demand(
    server: CoolifyProvider, wire: responses.RequestsMock, uuid: str = WEB
) -> tuple[TriggerResult, list[str]]:
    server.resolve(uuid)
    before = len(wire.calls)
    return server.trigger(uuid), sent(wire, before)


@pytest.mark.parametrize(
    ("inputs", "commit"),
    [
        pytest.param({}, BEFORE, id="the-previous-one"),
        pytest.param({"commit": OLDEST}, OLDEST, id="the-named-one"),
    ],
)
def test_on_demand_it_rolls_back_to_the_named_commit_or_the_previous_one(
    wire: responses.RequestsMock, inputs: dict[str, str], commit: str
) -> None:
    serve_repository(wire, *RAN)
    serve_kept_images(wire, (NOW, "20", True), (BEFORE, "18", False))
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    result, calls = roll_back_on_demand(coolify(command="rollback", **inputs), wire)
    assert result == Started((Handle(WEB, "nubaatgkfbicbcjcnw7eyxph"),), f"back to {commit}")
    assert calls[-1] == f'{ROLLBACK} {{"commit": "{commit}"}}'


def test_on_demand_an_older_version_pins_a_commit_also_one_further_back(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN)
    allow_changes(wire)
    serve_deploy(wire)
    result, calls = roll_back_on_demand(coolify("4.2.0", command="rollback", commit=OLDER), wire)
    assert calls == [
        *(f"PATCH /applications/{WEB} {{}}", "POST /deploy"),
        *(f'PATCH /applications/{WEB} {{"git_commit_sha": "{OLDER}"}}', f"POST /deploy?uuid={WEB}"),
    ]
    assert isinstance(result, Started)
    assert PINNED_NOTE in result.note


@pytest.mark.parametrize(
    ("inputs", "current", "calls", "note"),
    [
        pytest.param(
            {}, "2.0.1", [TAG_BACK.replace("2.0.1", "2.0.0")], "2.0.0", id="the-newest-that-is-kept"
        ),
        pytest.param(
            {"image": ":1.9.0"}, "2.0.1", [TAG_BACK.replace("2.0.1", "1.9.0")], "1.9.0", id="the-named-one"
        ),
    ],
)
def test_on_demand_an_image_is_restored(
    wire: responses.RequestsMock, inputs: dict[str, str], current: str, calls: list[str], note: str
) -> None:
    serve_image(wire)
    allow_changes(wire, IMG)
    serve_deploy(wire, IMG)
    serve_kept_images(wire, (current, "20", True), ("1.9.9", "12", False), ("2.0.0", "18", False), uuid=IMG)
    result, lines = roll_back_on_demand(coolify(uuid=IMG, command="rollback", **inputs), wire, IMG)
    assert lines[-4:] == [f"PATCH /applications/{IMG} {{}}", "POST /deploy", *calls, FORCED]
    assert isinstance(result, Started)
    assert result.note.startswith(f"back to ghcr.io/acme/shop:{note} (image: ghcr.io/acme/shop:2.0.1 → ")


@pytest.mark.parametrize(
    ("version", "uuid", "inputs", "reason"),
    [
        pytest.param("4.2.0", IMG, {}, NO_IMAGES, id="no-list-of-images"),
        pytest.param(NEW, IMG, {}, NO_IMAGES, id="its-server-is-unreachable"),
        pytest.param(
            NEW,
            IMG,
            {"commit": NOW},
            "this application runs an image and has no commits. Set `image`",
            id="a-commit-of-an-image",
        ),
        pytest.param(
            NEW,
            WEB,
            {"image": ":1"},
            "`image` is only for Docker-image applications",
            id="an-image-of-a-repository",
        ),
        pytest.param(
            NEW, WEB, {"commit": "HEAD"}, "`commit: HEAD` is not a version to roll back to", id="head"
        ),
        pytest.param(
            "4.1.2",
            WEB,
            {"commit": NOW},
            "Coolify 4.1.2 does not support rollbacks",
            id="a-version-that-ignores-pins",
        ),
        pytest.param("4.1.2", WEB, {}, NO_OTHER, id="no-other-commit-is-known"),
    ],
)
def test_on_demand_what_is_not_possible_is_refused(
    wire: responses.RequestsMock, version: str, uuid: str, inputs: dict[str, str], reason: str
) -> None:
    serve_repository(wire, done(4, NOW))
    serve_image(wire)
    for each in (WEB, IMG):
        serve(wire, "GET", f"/applications/{each}/rollback-images", "rollback_images_server_unreachable")
    server = coolify(version, uuid, command="rollback", **inputs)
    server.resolve(uuid)
    with pytest.raises(RefusedError) as caught:
        server.trigger(uuid)
    assert str(caught.value).startswith(reason)
    assert not [line for line in requests_sent(wire) if not line.startswith("GET")]
    assert version == NEW or not [line for line in requests_sent(wire) if line.endswith("rollback-images")]


def refused(server: CoolifyProvider, wire: responses.RequestsMock, uuid: str = WEB) -> str:
    """Why the rollback was refused; nothing was changed."""
    server.resolve(uuid)
    with pytest.raises(RefusedError) as caught:
        server.trigger(uuid)
    assert not [line for line in requests_sent(wire) if not line.startswith("GET")]
    return str(caught.value)


CHOOSE = "can't tell which version ran previously. Set "


@pytest.mark.parametrize(
    ("listed", "commit"),
    [
        pytest.param(
            (done(5, BEFORE, rollback=True), done(4, NOW), done(3, BEFORE), done(2, OLDER)),
            OLDER,
            id="by-the-rollback-endpoint",
        ),
        pytest.param((done(5, BEFORE), done(4, NOW), done(3, BEFORE), done(2, OLDER)), OLDER, id="by-a-pin"),
        pytest.param(
            (done(6, NOW), done(5, BEFORE, rollback=True), done(4, OLDEST), done(3, BEFORE)),
            BEFORE,
            id="then-a-new-commit",
        ),
        pytest.param(
            (done(6, NOW, rollback=True), done(5, BEFORE, rollback=True), done(4, NOW), done(3, BEFORE)),
            BEFORE,
            id="then-the-same-commit-again",
        ),
        pytest.param(
            (done(5, BEFORE), done(4, NOW), done(3, NOW), done(2, BEFORE), done(1, OLDER)),
            OLDER,
            id="deployed-twice",
        ),
        pytest.param(
            (
                done(6, BEFORE, rollback=True),
                deployed(5, status="failed", commit=OLDEST),
                done(4, NOW),
                done(3, BEFORE),
                done(2, OLDER),
            ),
            OLDER,
            id="after-a-failed-one",
        ),
    ],
)
def test_on_demand_a_commit_that_was_rolled_back_is_not_restored(
    wire: responses.RequestsMock, listed: tuple[Row, ...], commit: str
) -> None:
    serve_repository(wire, *listed)
    serve_kept_images(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    assert (
        roll_back_on_demand(coolify(command="rollback"), wire)[1][-1]
        == f'{ROLLBACK} {{"commit": "{commit}"}}'
    )


def test_if_all_other_commits_were_rolled_back_they_are_listed(wire: responses.RequestsMock) -> None:
    serve_repository(wire, done(5, BEFORE, rollback=True), done(4, NOW))
    serve_kept_images(wire, (BEFORE, "20", True), (OLDEST, "21", False))
    reason = refused(coolify(command="rollback"), wire)
    created = RAN[0]["created_at"]
    assert (
        reason == f"{CHOOSE}`commit` to choose one. Available: {NOW}, deployed {created}, and rolled back; "
        f"{OLDEST}, built 2026-08-21 10:11:12 +0000 UTC"
    )


def test_if_the_records_do_not_show_what_was_built_the_commits_are_listed(
    wire: responses.RequestsMock,
) -> None:
    """Before beta.464, they show the head of the branch.

    The newest one may have been rolled back by the pin.
    """
    serve_repository(wire, done(4, NOW), done(3, BEFORE), git_commit_sha=BEFORE)
    created = RAN[0]["created_at"]
    reason = refused(coolify("4.0.0-beta.463", command="rollback"), wire)
    assert (
        reason == f"{CHOOSE}`commit` to choose one. Available: {NOW}, deployed {created}; {BEFORE}, deployed "
        f"{created}"
    )


def test_an_image_built_after_the_current_one_is_not_restored(wire: responses.RequestsMock) -> None:
    """It may be the release that was just rolled back."""
    serve_image(wire)
    allow_changes(wire, IMG)
    serve_deploy(wire, IMG)
    serve_kept_images(wire, ("2.1.0", "21", False), ("2.0.1", "20", True), ("2.0.0", "18", False), uuid=IMG)
    _, calls = roll_back_on_demand(coolify(uuid=IMG, command="rollback"), wire, IMG)
    assert calls[-2:] == [TAG_BACK.replace("2.0.1", "2.0.0"), FORCED]


@pytest.mark.parametrize(
    "images",
    [
        pytest.param((("2.1.0", "21", False), ("2.0.1", "20", True)), id="all-are-newer"),
        pytest.param((("2.1.0", "21", False), ("2.0.1", "21", True)), id="both-at-once"),
        pytest.param((("2.1.0", "21", False),), id="none-is-known-to-run"),
    ],
)
def test_if_no_image_is_known_to_be_older_they_are_listed(
    wire: responses.RequestsMock, images: tuple[tuple[str, str, bool], ...]
) -> None:
    serve_image(wire)
    serve_kept_images(wire, *images, uuid=IMG)
    reason = refused(coolify(uuid=IMG, command="rollback"), wire, IMG)
    assert reason == f"{CHOOSE}`image` to choose one. Available: 2.1.0, built 2026-08-21 10:11:12 +0000 UTC"


# --- a list of images that marks none as current, as for an ordinary container name


CAPTURED = Path(__file__).parents[2] / "contracts" / "coolify" / "captured-2"


OLD_TAG, NEW_TAG = "1.26", "1.27"


LISTED = (
    "1.27, built 2026-12-01 01:31:46 +0000 UTC, the application's own tag; 1.26, built 2026-12-01 "
    "01:31:30 +0000 UTC"
)


def captured(name: str) -> Any:
    """A recorded exchange with a real Coolify 4.3.10."""
    return json.loads((CAPTURED / f"{name}.json").read_text("utf-8"))


def recorded_records(*, logs: bool) -> list[Row]:
    """The recorded deployments, newest first: a rollback to 1.26 that started 1.27, and those before it."""
    rollback = captured("sequence_rollback")["responses"][-1]["body"]
    rows: list[Row] = captured("rollback_rows_read")["response"]["body"]["deployments"]
    return [{**rows[0], "logs": rollback["logs"]}, *rows[1:]] if logs else rows


def recorded_application(
    wire: responses.RequestsMock, *rows: Row, **changes: Any
) -> tuple[CoolifyProvider, str]:
    """Serve the recorded application with these deployment records: the provider, and the uuid."""
    application = {**captured("application_after_rollback")["response"]["body"], **changes}
    uuid = application["uuid"]
    records = [{**row, "deployment_url": row["deployment_url"].replace(WEB, uuid)} for row in rows]
    wire.add("GET", f"{API}/applications/{uuid}", json=application)
    wire.add("GET", f"{API}/deployments/applications/{uuid}", json=listing(*records))
    wire.add(
        "GET",
        f"{API}/applications/{uuid}/rollback-images",
        json=captured("rollback_images_current_null")["response"]["body"],
    )
    allow_changes(wire, uuid)
    serve_deploy(wire, uuid)
    return coolify(uuid=uuid, command="rollback"), uuid


def started(number: int, image: str = f"nginx:{NEW_TAG}", **changes: Any) -> Row:
    """The record of a finished deployment whose log names this image as started."""
    line = {
        "command": None,
        "output": f"Starting deployment of {image} to localhost.",
        "type": "stdout",
        "hidden": False,
        "batch": 1,
    }
    return done(
        number, "HEAD", logs=json.dumps([{**line, "timestamp": "2026-12-01T01:46:47.096931Z"}]), **changes
    )


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(recorded_records(logs=True), id="a-real-rollback-that-started-the-same-image"),
        pytest.param(recorded_records(logs=False)[1:], id="logs-are-unreadable"),
        pytest.param([started(4)], id="its-log-names-the-image"),
        pytest.param([deployed(5, status="failed", commit="HEAD"), started(4)], id="then-a-failed-one"),
        pytest.param(
            [deployed(5, status="cancelled-by-user", commit="HEAD"), started(4)], id="then-a-cancelled-one"
        ),
        pytest.param(
            [deployed(5, status="in_progress", commit="HEAD", pull_request_id=7), started(4)],
            id="then-a-preview",
        ),
        pytest.param([done(4, NEW_TAG, rollback=True)], id="a-rollback-to-the-same-tag"),
        pytest.param([done(4, "HEAD", logs="[{not json")], id="a-damaged-log"),
    ],
)
def test_the_current_image_is_the_application_s_tag_if_its_deployments_show_that(
    wire: responses.RequestsMock, rows: list[Row]
) -> None:
    server, uuid = recorded_application(wire, *rows)
    result, calls = roll_back_on_demand(server, wire, uuid)
    assert calls[-2:] == [
        f'PATCH /applications/{uuid} {{"docker_registry_image_tag": "{OLD_TAG}"}}',
        f"POST /deploy?uuid={uuid}&force=true",
    ]
    assert isinstance(result, Started)
    assert result.note.startswith(f"back to nginx:{OLD_TAG} (image: nginx:{NEW_TAG} → nginx:{OLD_TAG})")


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no-deployment"),
        pytest.param([deployed(4, status="failed", commit="HEAD")], id="none-finished"),
        pytest.param(recorded_records(logs=False), id="a-rollback-to-another-tag-with-an-unreadable-log"),
        pytest.param([started(4, f"nginx:{OLD_TAG}")], id="its-tag-was-changed-and-not-deployed"),
        pytest.param([started(4, f"caddy:{NEW_TAG}")], id="its-image-was-changed-and-not-deployed"),
        pytest.param(
            [deployed(5, status="failed", commit="HEAD"), started(4, f"nginx:{OLD_TAG}")],
            id="its-tag-was-changed-and-failed",
        ),
        pytest.param(
            [deployed(5, status="failed", commit="HEAD"), done(4, "HEAD")],
            id="a-failed-one-and-unreadable-logs",
        ),
        pytest.param([deployed(5, status="in_progress", commit="HEAD"), started(4)], id="one-is-running"),
        pytest.param([deployed(5, status="queued", commit="HEAD"), started(4)], id="one-is-queued"),
        pytest.param(
            [deployed(5, status="paused", commit="HEAD"), started(4)], id="one-has-an-unknown-status"
        ),
    ],
)
def test_if_they_do_not_show_that_the_images_are_listed_with_their_dates(
    wire: responses.RequestsMock, rows: list[Row]
) -> None:
    server, uuid = recorded_application(wire, *rows)
    assert refused(server, wire, uuid) == f"{CHOOSE}`image` to choose one. Available: {LISTED}"


def test_a_tag_that_the_server_does_not_keep_has_no_date_to_compare(wire: responses.RequestsMock) -> None:
    server, uuid = recorded_application(wire, started(4, "nginx:1.28"), docker_registry_image_tag="1.28")
    assert (
        refused(server, wire, uuid) == f"{CHOOSE}`image` to choose one. Available: "
        f"{LISTED.replace(', the application' + chr(39) + 's own tag', '')}"
    )


def test_the_record_of_an_additional_server_is_ignored(wire: responses.RequestsMock) -> None:
    main = started(4, created_at="2026-12-01T01:46:35.000000Z") | {
        "finished_at": "2026-12-01T01:46:40.000000Z"
    }
    extra = deployed(5, status="in_progress", commit="HEAD", server_id=1, is_api=False, is_webhook=False)
    server, uuid = recorded_application(wire, extra | {"created_at": "2026-12-01T01:46:41.000000Z"}, main)
    assert roll_back_on_demand(server, wire, uuid)[1][-1] == f"POST /deploy?uuid={uuid}&force=true"


def test_a_list_that_marks_the_current_image_needs_no_other_request(wire: responses.RequestsMock) -> None:
    serve_image(wire)
    allow_changes(wire, IMG)
    serve_deploy(wire, IMG)
    serve_kept_images(wire, ("2.0.1", "20", True), ("2.0.0", "18", False), uuid=IMG)
    assert HISTORY_IMG not in roll_back_on_demand(coolify(uuid=IMG, command="rollback"), wire, IMG)[1]
