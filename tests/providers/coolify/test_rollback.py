"""Coolify: back to what ran before, on the wire: which requests, in which order, and what is said of it (coolify-api 5.3, 5.7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from deployer.model import Handle, Owner, RefusedError, RetryLater, Started, TriggerResult, UnavailableError
from deployer.providers.coolify import rollback, rollback_candidates, trigger
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.rollback import (
    NO_EARLIER_DEPLOYMENT,
    NO_IMAGES,
    NO_LIST,
    NO_OTHER,
    NOTHING_BEFORE_CREATE,
    SAME_IMAGE,
)
from deployer.providers.coolify.rollback_candidates import NOT_LISTED, STARTED_SINCE, Candidate
from deployer.providers.coolify.trigger_requests import APPLICATION, TriggerRequest
from tests.providers.coolify.support import (
    API,
    IMG,
    NEW,
    PG,
    STACK,
    WEB,
    Row,
    about,
    asked,
    body,
    connected,
    deployed,
    listing,
    reply,
    serve,
)

NOW, BEFORE, OLDER, OLDEST = (digit * 40 for digit in "4321")
PINNED_NOTE = "the application stays pinned to this commit: later deployments and webhooks build it, too, until `commit: HEAD` ends that"
FULL = "Coolify says: Deployment queue is full. Please wait for existing deployments to complete."
SHOP = {
    "docker_registry_image_name": "ghcr.io/acme/shop",
    "docker_registry_image_tag": "2.0.1",
    "fqdn": "http://shop.example.com",
}
OURS = Handle(WEB, "d4")
OURS_IMG = Handle(IMG, "d4")


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def done(number: int, commit: str, **changes: Any) -> Row:
    """A deployment that was finished."""
    return deployed(
        number, commit=commit, status="finished", finished_at="2026-11-21T05:20:00.000000Z", **changes
    )


RAN = (done(4, NOW), done(3, BEFORE), done(2, OLDER))


def coolify(version: str = NEW, uuid: str = WEB, **inputs: str) -> CoolifyProvider:
    """One that has been reached, with these changes requested."""
    made: CoolifyProvider = connected(
        {f"INPUT_{name.upper()}": value for name, value in {"uuid": uuid, **inputs}.items()}
    )
    made.lookup.version = Version(version)
    return made


def git(wire: responses.RequestsMock, *listed: Row, **changes: Any) -> None:
    """An application that is built from a repository, with these deployments."""
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read", body={**body("app_get_read"), **changes})
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*listed))


def image(wire: responses.RequestsMock, *tags: str, listed: tuple[Row, ...] = (done(4, "HEAD"),)) -> None:
    """One that runs an image: its tag, at each look, and its deployments."""
    for tag in tags or ("2.0.1",):
        held = {**body("create_img_get"), "uuid": IMG, **SHOP, "docker_registry_image_tag": tag}
        wire.add("GET", f"{API}/applications/{IMG}", json=held)
    wire.add(
        "GET",
        f"{API}/deployments/applications/{IMG}",
        json=listing(*(about(row, IMG, row["deployment_uuid"]) for row in listed)),
    )


def may(wire: responses.RequestsMock, uuid: str = WEB) -> None:
    """The token may change and deploy, and every change is taken."""
    serve(wire, "PATCH", f"/applications/{uuid}", "patch_probe_write")
    wire.add("PATCH", f"{API}/applications/{uuid}", json={"uuid": uuid})


def queued(wire: responses.RequestsMock, uuid: str = WEB) -> None:
    """The probe's answer, and that a deployment was queued."""
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    item = {"message": "Application web deployment queued.", "resource_uuid": uuid, "deployment_uuid": "d5"}
    wire.add("POST", f"{API}/deploy", json={"deployments": [item]})


def sent(wire: responses.RequestsMock, since: int) -> list[str]:
    """What was asked after so many requests, with the bodies of those that have one."""
    lines = asked(wire)
    bodies = [call.request.body for call in wire.calls]
    return [
        f"{line} {json.dumps(json.loads(text))}" if text else line
        for line, text in zip(lines, bodies, strict=True)
    ][since:]


def undone(
    server: CoolifyProvider, wire: responses.RequestsMock, handle: Handle = OURS
) -> tuple[TriggerResult, list[str]]:
    """Checked, and put back: the answer, and what was sent for it."""
    server.resolve(handle.target)
    before = len(wire.calls)
    return server.rollback(handle.target, handle), sent(wire, before)


HISTORY = f"GET /deployments/applications/{WEB}?take=10"
ROLLBACK = f"POST /applications/{WEB}/rollback"


# --- from a deployment of a repository


BY_CALL = [f'{ROLLBACK} {{"commit": "{BEFORE}"}}']
PINNED = [
    f"PATCH /applications/{WEB} {{}}",
    "POST /deploy",
    f'PATCH /applications/{WEB} {{"git_commit_sha": "{BEFORE}"}}',
]
PIN_TOLD = f"back to {BEFORE} (commit: HEAD → {BEFORE}); {PINNED_NOTE}"


@pytest.mark.parametrize(
    ("version", "calls", "note", "uuid"),
    [
        pytest.param(NEW, BY_CALL, f"back to {BEFORE}", "nubaatgkfbicbcjcnw7eyxph", id="newest"),
        pytest.param("4.3.0", BY_CALL, f"back to {BEFORE}", "nubaatgkfbicbcjcnw7eyxph", id="4.3.0"),
        pytest.param("4.2.0", [*PINNED, f"POST /deploy?uuid={WEB}"], PIN_TOLD, "d5", id="4.2.0-pins"),
        pytest.param(
            "4.0.0-beta.463",
            [*PINNED, f"POST /deploy?uuid={WEB}&force=true"],
            PIN_TOLD,
            "d5",
            id="beta.463-pins-and-forces",
        ),
    ],
)
def test_each_version_has_its_own_way_to_the_commit_before(
    wire: responses.RequestsMock, version: str, calls: list[str], note: str, uuid: str
) -> None:
    git(wire, *RAN)
    may(wire)
    queued(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    answer = undone(coolify(version, rollback="true"), wire)
    assert answer == (Started((Handle(WEB, uuid),), note), [HISTORY, *calls])


@pytest.mark.parametrize("version", ["4.0.0-beta.464", "4.0.0", "4.1.2"])
def test_between_them_there_is_none_and_that_is_said(wire: responses.RequestsMock, version: str) -> None:
    git(wire, *RAN)
    with pytest.raises(
        RefusedError, match=rf"^Coolify {version} has no way back: its rollback came with 4\.3\.0"
    ):
        undone(coolify(version, rollback="true"), wire)
    assert not [line for line in asked(wire) if not line.startswith("GET")]


def test_before_there_was_a_list_nobody_can_tell(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "transport_404_unknown_endpoint")
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    with pytest.raises(RefusedError) as caught:
        undone(coolify("4.0.0-beta.400", rollback="true"), wire)
    assert str(caught.value) == NO_LIST


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        pytest.param((done(5, OLDEST), *RAN), STARTED_SINCE.format("d5"), id="another-was-finished-since"),
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
            (done(4, NOW), done(3, NOW)), f"what ran before is the same commit ({NOW})", id="the-same-commit"
        ),
        pytest.param((done(4, NOW),), NO_EARLIER_DEPLOYMENT, id="the-first"),
        pytest.param(
            (done(4, NOW), deployed(3, status="failed", commit=BEFORE)),
            NO_EARLIER_DEPLOYMENT,
            id="nothing-that-was-finished",
        ),
        pytest.param((done(4, NOW), done(3, "HEAD")), NO_EARLIER_DEPLOYMENT, id="no-commit-is-known"),
        pytest.param(
            (done(4, NOW), done(3, BEFORE, pull_request_id=7)), NO_EARLIER_DEPLOYMENT, id="only-a-preview"
        ),
        pytest.param((done(3, BEFORE),), NOT_LISTED, id="ours-is-not-listed"),
    ],
)
def test_what_can_not_be_put_back_is_refused_with_its_reason(
    wire: responses.RequestsMock, listed: tuple[Row, ...], reason: str
) -> None:
    git(wire, *listed)
    with pytest.raises(RefusedError) as caught:
        undone(coolify(rollback="true"), wire)
    assert str(caught.value) == reason
    assert not [line for line in asked(wire) if not line.startswith("GET")]


@pytest.mark.parametrize(
    ("listed", "commit"),
    [
        pytest.param(
            (deployed(3, status="failed", commit=OLDEST), done(2, OLDER), done(4, NOW)),
            OLDER,
            id="failed-ones-are-passed-over",
        ),
        pytest.param(
            (done(4, NOW), done(3, OLDEST, pull_request_id=7), done(2, OLDER)), OLDER, id="previews-too"
        ),
        pytest.param(
            (done(5, OLDEST, pull_request_id=7), done(4, NOW), done(2, OLDER)), OLDER, id="also-newer-ones"
        ),
        pytest.param(
            (deployed(5, status="failed", commit=OLDEST), done(4, NOW), done(2, OLDER)),
            OLDER,
            id="a-newer-one-that-failed",
        ),
        pytest.param(
            (deployed(5, status="cancelled-by-user", commit="HEAD"), done(4, NOW), done(2, OLDER)),
            OLDER,
            id="or-was-cancelled",
        ),
        pytest.param((done(2, OLDER), done(3, BEFORE), done(4, NOW)), BEFORE, id="whatever-the-order"),
        pytest.param(
            (
                done(5, NOW, is_api=False, server_id=1, created_at="2026-11-21T05:20:01.000000Z"),
                done(4, NOW, created_at="2026-11-21T05:19:00.000000Z"),
                done(3, BEFORE),
            ),
            BEFORE,
            id="our-own-on-another-server",
        ),
    ],
)
def test_what_ran_before_is_the_newest_finished_one_before_ours(
    wire: responses.RequestsMock, listed: tuple[Row, ...], commit: str
) -> None:
    git(wire, *listed)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    assert undone(coolify(rollback="true"), wire)[1][-1] == f'{ROLLBACK} {{"commit": "{commit}"}}'


# --- a pin that this run has set


def test_a_pin_of_this_run_is_taken_back_first(wire: responses.RequestsMock) -> None:
    git(wire, done(4, NOW), done(3, BEFORE))
    may(wire)
    queued(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    server = coolify(rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    answer, calls = put_back(server, wire, git_commit_sha=NOW)
    assert calls == [
        HISTORY,
        f'PATCH /applications/{WEB} {{"git_commit_sha": "HEAD"}}',
        f'{ROLLBACK} {{"commit": "{BEFORE}"}}',
    ]
    assert isinstance(answer, Started)
    assert answer.note == f"back to {BEFORE} (commit: {NOW} → HEAD)"


def put_back(
    server: CoolifyProvider, wire: responses.RequestsMock, **changes: Any
) -> tuple[TriggerResult, list[str]]:
    """Once more checked, as the loop does it, and put back."""
    wire.replace("GET", f"{API}/applications/{WEB}", json={**body("app_get_read"), **changes})
    return undone(server, wire)


def test_a_pin_of_before_is_what_is_put_back(wire: responses.RequestsMock) -> None:
    git(wire, done(4, NOW), done(3, BEFORE), git_commit_sha=BEFORE)
    may(wire)
    queued(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    server = coolify(rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    _, calls = put_back(server, wire, git_commit_sha=NOW)
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
def test_before_beta_464_the_rows_show_the_branch_s_head_whatever_was_pinned(
    wire: responses.RequestsMock, pinned: str, calls: list[str]
) -> None:
    git(wire, done(4, BEFORE), done(3, BEFORE), git_commit_sha=pinned)
    may(wire)
    queued(wire)
    server = coolify("4.0.0-beta.463", rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    _, sent_then = put_back(server, wire, git_commit_sha=NOW)
    assert sent_then[1:] == [*calls, f"POST /deploy?uuid={WEB}&force=true"]


def test_who_was_pinned_all_along_has_nothing_to_go_back_to(wire: responses.RequestsMock) -> None:
    git(wire, done(4, NOW), done(3, BEFORE), git_commit_sha=OLDEST)
    with pytest.raises(RefusedError, match=f"what ran before is the same commit \\({OLDEST}\\)"):
        undone(coolify("4.0.0-beta.463", rollback="true"), wire)


def test_who_was_pinned_and_never_deployed_has_neither(wire: responses.RequestsMock) -> None:
    git(wire, done(4, NOW), git_commit_sha=OLDEST)
    may(wire)
    queued(wire)
    server = coolify("4.0.0-beta.463", rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    with pytest.raises(RefusedError, match=NO_EARLIER_DEPLOYMENT):
        undone(server, wire)


def test_a_pin_that_this_run_has_not_set_is_left(wire: responses.RequestsMock) -> None:
    git(wire, *RAN, git_commit_sha=OLDEST)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    answer, calls = undone(coolify(rollback="true"), wire)
    assert (answer, len(calls)) == (
        Started((Handle(WEB, "nubaatgkfbicbcjcnw7eyxph"),), f"back to {BEFORE}"),
        2,
    )


# --- from a deployment of an image


def imaged(
    wire: responses.RequestsMock,
    *,
    listed: tuple[Row, ...] = (done(4, "HEAD"),),
    then: str = "2.1.0",
    **inputs: str,
) -> CoolifyProvider:
    """One whose image this run has changed, and deployed."""
    image(wire, "2.0.1", then, listed=listed)
    may(wire, IMG)
    queued(wire, IMG)
    server = coolify(uuid=IMG, rollback="true", **{"image": ":2.1.0", **inputs})
    server.resolve(IMG)
    server.apply_changes(IMG)
    return server


HISTORY_IMG = f"GET /deployments/applications/{IMG}?take=10"
TAG_BACK = f'PATCH /applications/{IMG} {{"docker_registry_image_tag": "2.0.1"}}'
FORCED = f"POST /deploy?uuid={IMG}&force=true"


@pytest.mark.parametrize("version", [NEW, "4.1.2", "4.0.0-beta.380"])
def test_an_image_that_this_run_has_changed_is_set_back(wire: responses.RequestsMock, version: str) -> None:
    server = imaged(wire)
    server.lookup.version = Version(version)
    answer, calls = undone(server, wire, OURS_IMG)
    domains = ', "domains": "http://shop.example.com"' if version.endswith("380") else ""
    assert calls == [HISTORY_IMG, TAG_BACK.replace("}", f"{domains}}}"), FORCED]
    told = "back to ghcr.io/acme/shop:2.0.1 (image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1)"
    assert answer == Started((Handle(IMG, "d5"),), told)


@pytest.mark.parametrize("inputs", [{}, {"image": ":2.0.1"}], ids=["not-asked-for", "asked-for"])
def test_an_image_s_tag_that_is_the_same_can_not_be_put_back(
    wire: responses.RequestsMock, inputs: dict[str, str]
) -> None:
    image(wire)
    server = coolify(uuid=IMG, rollback="true", **inputs)
    server.resolve(IMG)
    server.apply_changes(IMG)
    with pytest.raises(RefusedError) as caught:
        undone(server, wire, OURS_IMG)
    assert str(caught.value) == SAME_IMAGE
    assert not [line for line in asked(wire) if not line.startswith("GET")]


def test_an_image_that_somebody_has_changed_since_is_left(wire: responses.RequestsMock) -> None:
    server = imaged(wire, then="3.0.0")
    with pytest.raises(
        RefusedError, match=r"its image is ghcr.io/acme/shop:3\.0\.0 by now, which this run has not set"
    ):
        undone(server, wire, OURS_IMG)


def test_an_image_that_somebody_has_deployed_since_too(wire: responses.RequestsMock) -> None:
    server = imaged(wire, listed=(done(5, "HEAD"), done(4, "HEAD")))
    with pytest.raises(RefusedError) as caught:
        undone(server, wire, OURS_IMG)
    assert str(caught.value) == STARTED_SINCE.format("d5")


def test_an_image_that_others_may_have_deployed_since_is_left(wire: responses.RequestsMock) -> None:
    server = imaged(wire, listed=tuple(done(number, "HEAD") for number in range(14, 4, -1)))
    with pytest.raises(RefusedError) as caught:
        undone(server, wire, OURS_IMG)
    assert str(caught.value) == NOT_LISTED


def test_before_there_was_a_list_an_image_is_set_back(wire: responses.RequestsMock) -> None:
    server = imaged(wire)
    wire.remove("GET", f"{API}/deployments/applications/{IMG}")
    serve(wire, "GET", f"/deployments/applications/{IMG}", "transport_404_unknown_endpoint")
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    server.lookup.version = Version("4.0.0-beta.400")
    assert undone(server, wire, OURS_IMG)[1][-2:] == [TAG_BACK, FORCED]


@pytest.mark.parametrize(
    ("inputs", "stays"),
    [
        pytest.param(
            {"settings": '{"docker_registry_image_tag": "2.1.0"}', "image": ""},
            "",
            id="an-image-by-its-field",
        ),
        pytest.param(
            {"settings": '{"docker_registry_image_tag": "2.1.0", "description": "x"}', "image": ""},
            "description: (none) → x",
            id="and-more",
        ),
        pytest.param(
            {"settings": '{"git_commit_sha": "1"}'},
            "git_commit_sha: HEAD → 1",
            id="what-an-image-is-not-made-of",
        ),
    ],
)
def test_what_is_put_back_is_not_said_to_stay(
    wire: responses.RequestsMock, inputs: dict[str, Any], stays: str
) -> None:
    server = imaged(wire, **inputs)
    answer, _ = undone(server, wire, OURS_IMG)
    assert isinstance(answer, Started)
    assert answer.note.partition("; what else this run has changed stays: ")[2] == stays


def test_a_pin_by_its_field_is_not_said_to_stay_either(wire: responses.RequestsMock) -> None:
    git(wire, done(4, NOW), done(3, BEFORE))
    may(wire)
    queued(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    server = coolify(
        rollback="true", settings=f'{{"git_commit_sha": "{NOW}", "docker_registry_image_tag": "1"}}'
    )
    server.resolve(WEB)
    server.apply_changes(WEB)
    answer, _ = put_back(server, wire, git_commit_sha=NOW)
    assert isinstance(answer, Started)
    assert answer.note.endswith(
        "; what else this run has changed stays: docker_registry_image_tag: (none) → 1"
    )


def test_what_else_was_changed_stays_and_is_named(wire: responses.RequestsMock) -> None:
    wire.add("GET", f"{API}/applications/{IMG}/envs", json=[])
    wire.add("PATCH", f"{API}/applications/{IMG}/envs/bulk", json=[], status=201)
    server = imaged(wire, settings='{"health_check_enabled": true}', env="A=1")
    wire.replace(
        "GET",
        f"{API}/applications/{IMG}",
        json={**body("create_img_get"), "uuid": IMG, **SHOP, "docker_registry_image_tag": "2.1.0"},
    )
    answer, _ = undone(server, wire, OURS_IMG)
    assert isinstance(answer, Started)
    assert (
        "what else this run has changed stays: health_check_enabled: false → true; variables: 1 added (A)"
        in answer.note
    )


def test_what_this_run_has_created_has_nothing_to_go_back_to(wire: responses.RequestsMock) -> None:
    server = imaged(wire)
    server._changes.created_as = "application x: created"  # as the creation leaves it
    with pytest.raises(RefusedError) as caught:
        undone(server, wire, OURS_IMG)
    assert str(caught.value) == NOTHING_BEFORE_CREATE


# --- what the server says to it


def test_a_full_queue_is_a_400_of_the_rollback_call(wire: responses.RequestsMock) -> None:
    git(wire, *RAN)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "rollback_queue_full")
    assert undone(coolify(rollback="true"), wire)[0] == RetryLater(60, FULL)


def test_after_a_full_queue_what_was_changed_already_is_not_changed_again(
    wire: responses.RequestsMock,
) -> None:
    """The image is the earlier one by then: that is no sign that there is nothing to go back to."""
    image(wire, "2.0.1", "2.1.0", "2.0.1")
    may(wire, IMG)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_queue_full_429")
    server = coolify(uuid=IMG, rollback="true", image=":2.1.0")
    server.resolve(IMG)
    server.apply_changes(IMG)
    answer, calls = undone(server, wire, OURS_IMG)
    assert answer == RetryLater(
        60, f"{FULL}. Changed before that: image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1"
    )
    assert calls[1:] == [TAG_BACK, FORCED]
    assert undone(server, wire, OURS_IMG)[1] == [HISTORY_IMG, FORCED]


def test_after_a_lost_answer_neither(wire: responses.RequestsMock) -> None:
    server = imaged(wire)
    wire.add("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    wire.remove("POST", f"{API}/deploy")
    wire.add("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        undone(server, wire, OURS_IMG)
    before = len(wire.calls)
    with pytest.raises(UnavailableError):
        server.rollback(IMG, OURS_IMG)  # the loop checks anew only after an answer
    assert sent(wire, before) == [HISTORY_IMG, FORCED]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("rollback_unknown", "Coolify says: Application not found. (HTTP 404)", id="it-is-gone"),
        pytest.param(
            "rollback_bad",
            "Coolify refuses to roll back: commit: Invalid rollback commit",
            id="what-it-does-not-take",
        ),
        pytest.param(
            "transport_403_missing_team_role", "the token belongs to a member of the team", id="no-right"
        ),
    ],
)
def test_a_refusal_of_the_rollback_call_is_told(wire: responses.RequestsMock, name: str, reason: str) -> None:
    git(wire, *RAN)
    serve(wire, "POST", f"/applications/{WEB}/rollback", name)
    with pytest.raises(RefusedError) as caught:
        undone(coolify(rollback="true"), wire)
    assert str(caught.value).startswith(reason)


def test_a_refusal_after_the_change_tells_the_change(wire: responses.RequestsMock) -> None:
    server = imaged(wire)
    wire.replace(
        "POST", f"{API}/deploy", json={"message": "Missing required permissions: deploy"}, status=403
    )
    with pytest.raises(RefusedError) as caught:
        undone(server, wire, OURS_IMG)
    assert str(caught.value).endswith(
        ". Changed before that: image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1"
    )


def test_a_token_that_may_not_write_changes_nothing(wire: responses.RequestsMock) -> None:
    git(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    with pytest.raises(RefusedError, match=r"^the token lacks write, so nothing was changed") as caught:
        undone(coolify("4.2.0", rollback="true"), wire)
    assert caught.value.token_wide


# --- what was changed on the way is known


IMAGE_THERE, IMAGE_BACK = (
    f"image: ghcr.io/acme/shop:{tags}"
    for tags in ("2.0.1 → ghcr.io/acme/shop:2.1.0", "2.1.0 → ghcr.io/acme/shop:2.0.1")
)


def test_what_was_changed_to_go_back_is_known(wire: responses.RequestsMock) -> None:
    server = imaged(wire)
    assert server.changes_made(IMG) == (IMAGE_THERE,)
    undone(server, wire, OURS_IMG)
    assert server.changes_made(IMG) == (IMAGE_THERE, IMAGE_BACK)


def test_what_was_perhaps_changed_to_go_back_is_known_too_and_then_for_sure(
    wire: responses.RequestsMock,
) -> None:
    image(wire, "2.0.1", "2.1.0", "2.0.1")
    may(wire, IMG)
    queued(wire, IMG)
    server = coolify(uuid=IMG, rollback="true", image=":2.1.0")
    server.resolve(IMG)
    server.apply_changes(IMG)
    wire.replace("PATCH", f"{API}/applications/{IMG}", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        undone(server, wire, OURS_IMG)
    assert server.changes_made(IMG) == (IMAGE_THERE, f"{IMAGE_BACK} (perhaps: no answer came)")
    assert undone(server, wire, OURS_IMG)[1] == [HISTORY_IMG, FORCED]
    assert server.changes_made(IMG) == (IMAGE_THERE, IMAGE_BACK)


# --- the right that it needs is asked for before the deployment


def right(
    wire: responses.RequestsMock, version: str, probe: str, uuid: str = WEB, **inputs: str
) -> tuple[tuple[str, ...], list[str]]:
    """What is said before the deployment, and what is sent for it."""
    git(wire, *RAN)
    image(wire)
    serve(wire, "PATCH", f"/applications/{uuid}", probe)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    server = coolify(version, uuid, **inputs)
    server.resolve(uuid)
    before = len(wire.calls)
    told = server.apply_changes(uuid)
    assert (told.applied, told.unchanged) == ((), ())
    return told.warnings, sent(wire, before)


PROBES = [f"PATCH /applications/{WEB} {{}}", "POST /deploy"]


def test_a_token_that_could_not_put_back_is_told_before_the_deployment(wire: responses.RequestsMock) -> None:
    (warning,), calls = right(wire, "4.2.0", "patch_probe_deploy", rollback="true")
    assert warning.startswith(
        "if the new version does not run, what ran before can't be put back: the token lacks write. Make a new one: "
    )
    assert calls == PROBES


@pytest.mark.parametrize(
    ("version", "probe", "uuid", "inputs", "calls"),
    [
        pytest.param("4.2.0", "patch_probe_write", WEB, {"rollback": "true"}, PROBES, id="it-has-the-right"),
        pytest.param("4.2.0", "maintenance_503", WEB, {"rollback": "true"}, PROBES[:1], id="nobody-can-tell"),
        pytest.param("4.2.0", "patch_probe_deploy", WEB, {}, [], id="no-rollback"),
        pytest.param(
            NEW, "patch_probe_deploy", WEB, {"rollback": "true"}, [], id="the-call-needs-no-such-right"
        ),
        pytest.param("4.1.2", "patch_probe_deploy", WEB, {"rollback": "true"}, [], id="no-way-back-at-all"),
        pytest.param(
            "4.2.0", "patch_probe_deploy", IMG, {"rollback": "true"}, [], id="an-image-that-is-not-changed"
        ),
    ],
)
def test_otherwise_nothing_is_said(  # noqa: PLR0913, PLR0917 -- a row's columns
    wire: responses.RequestsMock,
    version: str,
    probe: str,
    uuid: str,
    inputs: dict[str, str],
    calls: list[str],
) -> None:
    assert right(wire, version, probe, uuid, **inputs) == ((), calls)


def test_the_way_back_then_ends_without_asking_again(wire: responses.RequestsMock) -> None:
    """Architecture, rule 3: no storm of refused requests."""
    git(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    server = coolify("4.2.0", rollback="true")
    server.resolve(WEB)
    assert server.apply_changes(WEB).warnings
    with pytest.raises(RefusedError, match=r"^the token lacks write, so nothing was changed"):
        undone(server, wire)
    assert asked(wire).count(f"PATCH /applications/{WEB}") == 1


def test_who_has_proven_the_right_is_not_asked_again(wire: responses.RequestsMock) -> None:
    git(wire, *RAN)
    may(wire)
    queued(wire)
    server = coolify("4.2.0", rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    assert asked(wire).count("POST /deploy") == 1


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param({"body": requests.exceptions.ReadTimeout()}, id="no-answer"),
        pytest.param({"json": {"message": "Server Error"}, "status": 500}, id="it-breaks"),
    ],
)
def test_where_the_change_has_no_answer_nothing_was_started(
    wire: responses.RequestsMock, trouble: dict[str, Any]
) -> None:
    git(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_write")
    wire.add("PATCH", f"{API}/applications/{WEB}", **trouble)
    queued(wire)
    server = coolify("4.2.0", rollback="true")
    with pytest.raises(UnavailableError) as caught:
        undone(server, wire)
    assert not caught.value.may_have_arrived
    assert asked(wire)[-1] == f"PATCH /applications/{WEB}"


# --- a lost answer


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
        pytest.param(NEW, [deployed(5)], None, id="somebody-else-s-deployment"),
        pytest.param(NEW, [deployed(5, rollback=True, pull_request_id=7)], None, id="a-preview-s"),
        pytest.param(NEW, [], None, id="none"),
        pytest.param(
            "4.2.0", [deployed(5)], Started((Handle(WEB, "d5"),), "found on the server"), id="by-a-pin"
        ),
        pytest.param("4.2.0", [deployed(5, rollback=True)], None, id="not-by-a-pin"),
        pytest.param("4.2.0", [deployed(5, is_api=False)], None, id="a-person-s"),
        pytest.param("4.2.0", [deployed(5, force_rebuild=True)], None, id="a-forced-one"),
        pytest.param(
            "4.0.0-beta.463",
            [deployed(5, force_rebuild=True)],
            Started((Handle(WEB, "d5"),), "found on the server"),
            id="a-forced-pin",
        ),
    ],
)
def test_a_lost_answer_is_looked_for(
    wire: responses.RequestsMock, version: str, rows: list[Row], found: Started | None
) -> None:
    git(wire, *RAN)
    may(wire)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    wire.add("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    wire.add("POST", f"{API}/applications/{WEB}/rollback", body=requests.exceptions.ReadTimeout())
    server = coolify(version, rollback="true")
    with pytest.raises(UnavailableError) as caught:
        undone(server, wire)
    assert caught.value.may_have_arrived
    wire.replace("GET", f"{API}/deployments/applications/{WEB}", json=listing(*rows, *RAN))
    assert server.find_triggered(WEB) == (
        found and Started(tuple(Handle(WEB, each.id, link=each.link) for each in found.handles), found.note)
    )


def test_before_the_api_s_rows_were_marked_whose_it_is_is_not_sure(wire: responses.RequestsMock) -> None:
    server = imaged(wire)
    server.lookup.version = Version("4.0.0-beta.434")
    wire.replace("POST", f"{API}/deploy", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        undone(server, wire, OURS_IMG)
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


# --- what has nothing to go back to


@pytest.mark.parametrize(("uuid", "kind"), [(STACK, "service"), (PG, "database")])
def test_services_and_databases_keep_nothing(wire: responses.RequestsMock, uuid: str, kind: str) -> None:
    for each in ("application", "service", "database"):
        name = f"{each}_get" if each == kind else {"application": "app_get_unknown"}.get(each, f"{each}_404")
        serve(wire, "GET", f"/{each}s/{uuid}", name)
    server = coolify(uuid=uuid, rollback="true")
    with pytest.raises(RefusedError) as caught:
        undone(server, wire, Handle(uuid, "", condition="running"))
    assert str(caught.value) == f"a {kind} keeps nothing that could be gone back to"
    with pytest.raises(RefusedError) as caught:
        coolify(uuid=uuid, command="rollback").resolve(uuid)
    assert str(caught.value) == f"a {kind} can't be rolled back: Coolify keeps no earlier version of it"


def test_a_token_that_may_not_read_can_not_tell_what_ran_before(wire: responses.RequestsMock) -> None:
    server = coolify(command="rollback", wait="false")
    server.lookup.write_only_token = True
    server.resolve(WEB)
    with pytest.raises(
        RefusedError, match=r"^the token may not read, so that nobody can tell what ran before$"
    ):
        server.trigger(WEB)
    assert asked(wire) == []


# --- on demand


def kept(wire: responses.RequestsMock, *images: tuple[str, str, bool], uuid: str = WEB) -> None:
    """The images that the server keeps: tag, age, whether it is the one that runs."""
    listed = [
        {"tag": tag, "created_at": f"2026-08-{day} 10:11:12 +0000 UTC", "is_current": current}
        for tag, day, current in images
    ]
    changed = {**body("app_rollback_images_200"), "images": listed}
    serve(wire, "GET", f"/applications/{uuid}/rollback-images", "app_rollback_images_200", body=changed)


def demanded(
    server: CoolifyProvider, wire: responses.RequestsMock, uuid: str = WEB
) -> tuple[TriggerResult, list[str]]:
    server.resolve(uuid)
    before = len(wire.calls)
    return server.trigger(uuid), sent(wire, before)


@pytest.mark.parametrize(
    ("inputs", "commit"),
    [
        pytest.param({}, BEFORE, id="the-one-before"),
        pytest.param({"commit": OLDEST}, OLDEST, id="the-one-that-is-named"),
    ],
)
def test_on_demand_it_goes_back_to_what_is_named_or_to_the_one_before(
    wire: responses.RequestsMock, inputs: dict[str, str], commit: str
) -> None:
    git(wire, *RAN)
    kept(wire, (NOW, "20", True), (BEFORE, "18", False))
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    answer, calls = demanded(coolify(command="rollback", **inputs), wire)
    assert answer == Started((Handle(WEB, "nubaatgkfbicbcjcnw7eyxph"),), f"back to {commit}")
    assert calls[-1] == f'{ROLLBACK} {{"commit": "{commit}"}}'


def test_on_demand_an_older_version_pins_and_may_be_told_to_go_back_further(
    wire: responses.RequestsMock,
) -> None:
    git(wire, *RAN)
    may(wire)
    queued(wire)
    answer, calls = demanded(coolify("4.2.0", command="rollback", commit=OLDER), wire)
    assert calls == [
        *(f"PATCH /applications/{WEB} {{}}", "POST /deploy"),
        *(f'PATCH /applications/{WEB} {{"git_commit_sha": "{OLDER}"}}', f"POST /deploy?uuid={WEB}"),
    ]
    assert isinstance(answer, Started)
    assert PINNED_NOTE in answer.note


@pytest.mark.parametrize(
    ("inputs", "current", "calls", "note"),
    [
        pytest.param(
            {}, "2.0.1", [TAG_BACK.replace("2.0.1", "2.0.0")], "2.0.0", id="the-newest-that-is-kept"
        ),
        pytest.param(
            {"image": ":1.9.0"},
            "2.0.1",
            [TAG_BACK.replace("2.0.1", "1.9.0")],
            "1.9.0",
            id="the-one-that-is-named",
        ),
    ],
)
def test_on_demand_an_image_is_gone_back_to(
    wire: responses.RequestsMock, inputs: dict[str, str], current: str, calls: list[str], note: str
) -> None:
    image(wire)
    may(wire, IMG)
    queued(wire, IMG)
    kept(wire, (current, "20", True), ("1.9.9", "12", False), ("2.0.0", "18", False), uuid=IMG)
    answer, asked_then = demanded(coolify(uuid=IMG, command="rollback", **inputs), wire, IMG)
    assert asked_then[-4:] == [f"PATCH /applications/{IMG} {{}}", "POST /deploy", *calls, FORCED]
    assert isinstance(answer, Started)
    assert answer.note.startswith(f"back to ghcr.io/acme/shop:{note} (image: ghcr.io/acme/shop:2.0.1 → ")


@pytest.mark.parametrize(
    ("version", "uuid", "inputs", "reason"),
    [
        pytest.param("4.2.0", IMG, {}, NO_IMAGES, id="no-list-of-images"),
        pytest.param(NEW, IMG, {}, NO_IMAGES, id="its-server-is-out-of-reach"),
        pytest.param(
            NEW,
            IMG,
            {"commit": NOW},
            "this application runs an image and has no commits: give `image`",
            id="a-commit-of-an-image",
        ),
        pytest.param(
            NEW,
            WEB,
            {"image": ":1"},
            "`image` is only for Docker-image applications",
            id="an-image-of-a-repository",
        ),
        pytest.param(NEW, WEB, {"commit": "HEAD"}, "`commit: HEAD` names nothing to go back to", id="head"),
        pytest.param(
            "4.1.2", WEB, {"commit": NOW}, "Coolify 4.1.2 has no way back", id="a-version-that-ignores-pins"
        ),
        pytest.param("4.1.2", WEB, {}, NO_OTHER, id="no-other-commit-is-known"),
    ],
)
def test_on_demand_what_can_not_be_done_is_refused(
    wire: responses.RequestsMock, version: str, uuid: str, inputs: dict[str, str], reason: str
) -> None:
    git(wire, done(4, NOW))
    image(wire)
    for each in (WEB, IMG):
        serve(wire, "GET", f"/applications/{each}/rollback-images", "rollback_images_server_unreachable")
    server = coolify(version, uuid, command="rollback", **inputs)
    server.resolve(uuid)
    with pytest.raises(RefusedError) as caught:
        server.trigger(uuid)
    assert str(caught.value).startswith(reason)
    assert not [line for line in asked(wire) if not line.startswith("GET")]
    assert version == NEW or not [line for line in asked(wire) if line.endswith("rollback-images")]


def unclear(server: CoolifyProvider, wire: responses.RequestsMock, uuid: str = WEB) -> str:
    """Why nothing was gone back to; nothing was changed."""
    server.resolve(uuid)
    with pytest.raises(RefusedError) as caught:
        server.trigger(uuid)
    assert not [line for line in asked(wire) if not line.startswith("GET")]
    return str(caught.value)


UNSURE = "it is not clear what ran before what runs now: give what to go back to as "


@pytest.mark.parametrize(
    ("listed", "commit"),
    [
        pytest.param(
            (done(5, BEFORE, rollback=True), done(4, NOW), done(3, BEFORE), done(2, OLDER)),
            OLDER,
            id="by-the-rollback-call",
        ),
        pytest.param((done(5, BEFORE), done(4, NOW), done(3, BEFORE), done(2, OLDER)), OLDER, id="by-a-pin"),
        pytest.param(
            (done(6, NOW), done(5, BEFORE, rollback=True), done(4, OLDEST), done(3, BEFORE)),
            BEFORE,
            id="and-then-something-new",
        ),
        pytest.param(
            (done(6, NOW, rollback=True), done(5, BEFORE, rollback=True), done(4, NOW), done(3, BEFORE)),
            BEFORE,
            id="and-forth-again",
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
            id="after-one-that-failed",
        ),
    ],
)
def test_on_demand_what_was_taken_back_is_not_gone_back_to(
    wire: responses.RequestsMock, listed: tuple[Row, ...], commit: str
) -> None:
    git(wire, *listed)
    kept(wire)
    serve(wire, "POST", f"/applications/{WEB}/rollback", "v4.3.6_rollback")
    assert demanded(coolify(command="rollback"), wire)[1][-1] == f'{ROLLBACK} {{"commit": "{commit}"}}'


def test_where_all_else_was_taken_back_it_is_listed(wire: responses.RequestsMock) -> None:
    git(wire, done(5, BEFORE, rollback=True), done(4, NOW))
    kept(wire, (BEFORE, "20", True), (OLDEST, "21", False))
    told = unclear(coolify(command="rollback"), wire)
    created = RAN[0]["created_at"]
    assert (
        told
        == f"{UNSURE}`commit`. There is {NOW}, deployed {created}, and taken back; {OLDEST}, made 2026-08-21 10:11:12 +0000 UTC"
    )


def test_where_the_rows_do_not_show_what_was_built_it_is_listed(wire: responses.RequestsMock) -> None:
    """Before beta.464 they show the branch's head: the newest of them may be the one that the pin has taken back."""
    git(wire, done(4, NOW), done(3, BEFORE), git_commit_sha=BEFORE)
    created = RAN[0]["created_at"]
    told = unclear(coolify("4.0.0-beta.463", command="rollback"), wire)
    assert told == f"{UNSURE}`commit`. There is {NOW}, deployed {created}; {BEFORE}, deployed {created}"


def test_an_image_that_was_made_after_the_one_that_runs_is_not_gone_back_to(
    wire: responses.RequestsMock,
) -> None:
    """It may be the release that was just taken back."""
    image(wire)
    may(wire, IMG)
    queued(wire, IMG)
    kept(wire, ("2.1.0", "21", False), ("2.0.1", "20", True), ("2.0.0", "18", False), uuid=IMG)
    _, calls = demanded(coolify(uuid=IMG, command="rollback"), wire, IMG)
    assert calls[-2:] == [TAG_BACK.replace("2.0.1", "2.0.0"), FORCED]


@pytest.mark.parametrize(
    "images",
    [
        pytest.param((("2.1.0", "21", False), ("2.0.1", "20", True)), id="all-are-newer"),
        pytest.param((("2.1.0", "21", False), ("2.0.1", "21", True)), id="both-at-once"),
        pytest.param((("2.1.0", "21", False),), id="none-is-known-to-run"),
    ],
)
def test_where_no_image_is_known_to_be_older_they_are_listed(
    wire: responses.RequestsMock, images: tuple[tuple[str, str, bool], ...]
) -> None:
    image(wire)
    kept(wire, *images, uuid=IMG)
    told = unclear(coolify(uuid=IMG, command="rollback"), wire, IMG)
    assert told == f"{UNSURE}`image`. There is 2.1.0, made 2026-08-21 10:11:12 +0000 UTC"


# --- where the list of images marks none (an ordinary container's name)


CAPTURED = Path(__file__).parents[2] / "contracts" / "coolify" / "captured-2"
OLD_TAG, NEW_TAG = "1.26", "1.27"
LISTED = "1.27, made 2026-12-01 01:31:46 +0000 UTC, the application's own tag; 1.26, made 2026-12-01 01:31:30 +0000 UTC"


def captured(name: str) -> Any:
    """A recorded exchange with a real 4.3.10."""
    return json.loads((CAPTURED / f"{name}.json").read_text("utf-8"))


def real_rows(*, logs: bool) -> list[Row]:
    """The deployments of that application, the newest first: a rollback to 1.26, which started 1.27, and those before it."""
    rolled = captured("sequence_rollback")["responses"][-1]["body"]
    rows: list[Row] = captured("rollback_rows_read")["response"]["body"]["deployments"]
    return [{**rows[0], "logs": rolled["logs"]}, *rows[1:]] if logs else rows


def real(wire: responses.RequestsMock, *rows: Row, **changes: Any) -> tuple[CoolifyProvider, str]:
    """That application with these deployments; its uuid."""
    held = {**captured("application_after_rollback")["response"]["body"], **changes}
    uuid = held["uuid"]
    mine = [{**row, "deployment_url": row["deployment_url"].replace(WEB, uuid)} for row in rows]
    wire.add("GET", f"{API}/applications/{uuid}", json=held)
    wire.add("GET", f"{API}/deployments/applications/{uuid}", json=listing(*mine))
    wire.add(
        "GET",
        f"{API}/applications/{uuid}/rollback-images",
        json=captured("rollback_images_current_null")["response"]["body"],
    )
    may(wire, uuid)
    queued(wire, uuid)
    return coolify(uuid=uuid, command="rollback"), uuid


def started(number: int, image: str = f"nginx:{NEW_TAG}", **changes: Any) -> Row:
    """A finished deployment whose log can be read: it started this image."""
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
        pytest.param(real_rows(logs=True), id="a-real-rollback-that-started-the-same-image"),
        pytest.param(real_rows(logs=False)[1:], id="logs-can-not-be-read"),
        pytest.param([started(4)], id="its-log-names-the-image"),
        pytest.param([deployed(5, status="failed", commit="HEAD"), started(4)], id="then-one-that-failed"),
        pytest.param(
            [deployed(5, status="cancelled-by-user", commit="HEAD"), started(4)],
            id="then-one-that-was-cancelled",
        ),
        pytest.param(
            [deployed(5, status="in_progress", commit="HEAD", pull_request_id=7), started(4)],
            id="a-preview-is-no-matter",
        ),
        pytest.param([done(4, NEW_TAG, rollback=True)], id="a-rollback-to-the-same-tag"),
        pytest.param([done(4, "HEAD", logs="[{not json")], id="a-damaged-log-is-none"),
    ],
)
def test_what_runs_is_the_application_s_own_tag_where_its_deployments_show_it(
    wire: responses.RequestsMock, rows: list[Row]
) -> None:
    server, uuid = real(wire, *rows)
    answer, calls = demanded(server, wire, uuid)
    assert calls[-2:] == [
        f'PATCH /applications/{uuid} {{"docker_registry_image_tag": "{OLD_TAG}"}}',
        f"POST /deploy?uuid={uuid}&force=true",
    ]
    assert isinstance(answer, Started)
    assert answer.note.startswith(f"back to nginx:{OLD_TAG} (image: nginx:{NEW_TAG} → nginx:{OLD_TAG})")


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no-deployment"),
        pytest.param([deployed(4, status="failed", commit="HEAD")], id="none-was-finished"),
        pytest.param(real_rows(logs=False), id="a-rollback-to-another-tag-whose-log-can-not-be-read"),
        pytest.param([started(4, f"nginx:{OLD_TAG}")], id="its-tag-was-changed-and-not-deployed"),
        pytest.param([started(4, f"caddy:{NEW_TAG}")], id="its-image-was-changed-and-not-deployed"),
        pytest.param(
            [deployed(5, status="failed", commit="HEAD"), started(4, f"nginx:{OLD_TAG}")],
            id="its-tag-was-changed-and-failed",
        ),
        pytest.param(
            [deployed(5, status="failed", commit="HEAD"), done(4, "HEAD")],
            id="one-failed-and-no-log-can-be-read",
        ),
        pytest.param([deployed(5, status="in_progress", commit="HEAD"), started(4)], id="one-is-running"),
        pytest.param([deployed(5, status="queued", commit="HEAD"), started(4)], id="one-is-queued"),
        pytest.param(
            [deployed(5, status="paused", commit="HEAD"), started(4)], id="one-has-an-unknown-status"
        ),
    ],
)
def test_where_they_do_not_show_it_the_images_are_listed_with_their_dates(
    wire: responses.RequestsMock, rows: list[Row]
) -> None:
    server, uuid = real(wire, *rows)
    assert unclear(server, wire, uuid) == f"{UNSURE}`image`. There is {LISTED}"


def test_a_tag_that_the_server_does_not_keep_has_no_date_to_compare(wire: responses.RequestsMock) -> None:
    server, uuid = real(wire, started(4, "nginx:1.28"), docker_registry_image_tag="1.28")
    assert (
        unclear(server, wire, uuid)
        == f"{UNSURE}`image`. There is {LISTED.replace(', the application' + chr(39) + 's own tag', '')}"
    )


def test_the_row_of_an_additional_server_contradicts_nothing(wire: responses.RequestsMock) -> None:
    main = started(4, created_at="2026-12-01T01:46:35.000000Z") | {
        "finished_at": "2026-12-01T01:46:40.000000Z"
    }
    extra = deployed(5, status="in_progress", commit="HEAD", server_id=1, is_api=False, is_webhook=False)
    server, uuid = real(wire, extra | {"created_at": "2026-12-01T01:46:41.000000Z"}, main)
    assert demanded(server, wire, uuid)[1][-1] == f"POST /deploy?uuid={uuid}&force=true"


def test_a_list_that_marks_the_current_image_is_believed_without_another_request(
    wire: responses.RequestsMock,
) -> None:
    image(wire)
    may(wire, IMG)
    queued(wire, IMG)
    kept(wire, ("2.0.1", "20", True), ("2.0.0", "18", False), uuid=IMG)
    assert HISTORY_IMG not in demanded(coolify(uuid=IMG, command="rollback"), wire, IMG)[1]


# --- what would be done


def outlook(server: CoolifyProvider, uuid: str = WEB) -> tuple[str, ...]:
    server.resolve(uuid)
    return server.describe(uuid)


def test_a_dry_run_lists_what_could_be_gone_back_to(wire: responses.RequestsMock) -> None:
    git(wire, *RAN)
    kept(
        wire,
        (NOW, "20", False),
        ("latest", "19", True),
        ("nightly", "19", False),
        (BEFORE, "18", False),
        (OLDEST, "10", False),
    )
    created = RAN[0]["created_at"]
    assert outlook(coolify(command="rollback", dry_run="true")) == (
        f"would go back to {BEFORE}",
        f"could go back to {BEFORE}, deployed {created}",
        f"could go back to {OLDER}, deployed {created}",
        f"could go back to {OLDEST}, made 2026-08-10 10:11:12 +0000 UTC",
    )
    assert not [line for line in asked(wire) if not line.startswith("GET")]


def test_a_dry_run_lists_images_too(wire: responses.RequestsMock) -> None:
    image(wire)
    kept(
        wire,
        ("2.0.1", "20", True),
        ("1.9.9", "12", False),
        ("2.0.0", "18", False),
        ("no tag", "19", False),
        uuid=IMG,
    )
    assert outlook(coolify(uuid=IMG, command="rollback", dry_run="true"), IMG) == (
        "would go back to ghcr.io/acme/shop:2.0.0 (image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.0.0)",
        "could go back to 2.0.0, made 2026-08-18 10:11:12 +0000 UTC",
        "could go back to 1.9.9, made 2026-08-12 10:11:12 +0000 UTC",
    )


@pytest.mark.parametrize(
    ("version", "uuid", "command", "needed"),
    [
        pytest.param(NEW, WEB, "rollback", False, id="the-rollback-call"),
        pytest.param(NEW, IMG, "rollback", True, id="an-image"),
        pytest.param("4.2.0", WEB, "rollback", True, id="a-pin"),
        pytest.param("4.2.0", WEB, "deploy", False, id="a-deployment"),
    ],
)
def test_what_changes_the_application_needs_write(
    wire: responses.RequestsMock,
    version: str,
    uuid: str,
    command: str,
    needed: bool,
) -> None:
    git(wire, *RAN)
    image(wire)
    may(wire, uuid)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    server = coolify(version, uuid, command=command, dry_run="true")
    server.resolve(uuid)
    assert [right.needed for right in server.abilities() if right.name == "write"] == [needed]


def test_a_dry_run_says_that_the_token_could_not_pin(wire: responses.RequestsMock) -> None:
    git(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    assert outlook(coolify("4.2.0", rollback="true", dry_run="true"))[-1].startswith(
        "could not be rolled back: the token lacks write"
    )


@pytest.mark.parametrize(
    ("version", "listed", "told"),
    [
        pytest.param(NEW, RAN, f"would be rolled back to {NOW} if it does not run", id="newest"),
        pytest.param("4.2.0", RAN, f"would be rolled back to {NOW} if it does not run", id="4.2.0"),
        pytest.param(NEW, (), f"could not be rolled back: {NO_EARLIER_DEPLOYMENT}", id="the-first"),
        pytest.param("4.1.2", RAN, "could not be rolled back: Coolify 4.1.2 has no way back", id="no-way"),
    ],
)
def test_a_dry_run_says_what_would_be_gone_back_to(
    wire: responses.RequestsMock, version: str, listed: tuple[Row, ...], told: str
) -> None:
    git(wire, *listed)
    may(wire)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    assert outlook(coolify(version, rollback="true", dry_run="true"))[-1].startswith(told)


def test_a_dry_run_says_the_pin_where_the_rows_do_not_show_it(wire: responses.RequestsMock) -> None:
    git(wire, *RAN, git_commit_sha=OLDEST)  # which is pinned already, so that nothing would be changed
    told = outlook(coolify("4.0.0-beta.463", rollback="true", dry_run="true"))
    assert told[-1] == f"would be rolled back to {OLDEST} if it does not run"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        pytest.param(
            {"image": ":2.1.0"},
            "would be rolled back to ghcr.io/acme/shop:2.0.1 if it does not run",
            id="another-tag",
        ),
        pytest.param({"image": ":2.0.1"}, f"could not be rolled back: {SAME_IMAGE}", id="the-same-tag"),
        pytest.param({}, f"could not be rolled back: {SAME_IMAGE}", id="no-image"),
    ],
)
def test_a_dry_run_says_it_of_an_image(
    wire: responses.RequestsMock, inputs: dict[str, str], told: str
) -> None:
    image(wire)
    assert outlook(coolify(uuid=IMG, rollback="true", dry_run="true", **inputs), IMG)[-1] == told


# --- PURE


ASKED, PIN, FORCE = (
    TriggerRequest(APPLICATION, WEB, "POST", "/x", "roll back", body={"commit": NOW}),
    TriggerRequest(APPLICATION, WEB, "POST", "/deploy", "deploy", {"uuid": WEB}),
    TriggerRequest(APPLICATION, WEB, "POST", "/deploy", "deploy", {"uuid": WEB, "force": "true"}),
)


@pytest.mark.parametrize(
    ("row", "act", "marked", "like"),
    [
        pytest.param(deployed(5, rollback=True), ASKED, True, True, id="a-rollback"),
        pytest.param(deployed(5), ASKED, True, False, id="a-deployment-is-none"),
        pytest.param(deployed(5), PIN, True, True, id="a-deployment"),
        pytest.param(deployed(5, is_api=False), PIN, True, False, id="a-person-s"),
        pytest.param(deployed(5, is_api=False), PIN, False, True, id="unmarked"),
        pytest.param(deployed(5, is_api=False, is_webhook=True), PIN, False, False, id="a-webhook-s"),
        pytest.param(deployed(5), FORCE, True, False, id="not-forced"),
        pytest.param(deployed(5, force_rebuild=True), FORCE, True, True, id="forced"),
    ],
)
def test_which_row_a_request_without_an_answer_has_made(
    row: Row, act: TriggerRequest, marked: bool, like: bool
) -> None:
    assert rollback.like(row, act, marked=marked) is like


def test_only_a_full_queue_is_one() -> None:
    full = reply("rollback_queue_full")
    assert trigger.is_full(full.status, full.data["message"])
    assert not trigger.is_full(429, full.data["message"])
    assert not trigger.is_full(400, "Invalid request.")


@pytest.mark.parametrize(
    ("made", "earlier"),
    [
        pytest.param("2026-08-20 10:11:11 +0000 UTC", True, id="a-second-before"),
        pytest.param("2026-08-20 12:11:11 +0200 CEST", True, id="in-another-zone"),
        pytest.param("2026-08-20 10:11:13 +0200 CEST", True, id="which-counts"),
        pytest.param("2026-08-20 10:11:12 +0000 UTC", False, id="at-the-same-second"),
        pytest.param("last week", False, id="no-date"),
        pytest.param(None, False, id="none"),
    ],
)
def test_only_an_image_that_was_made_before_ran_before(made: str | None, earlier: bool) -> None:
    listed: list[Row] = [
        {"tag": "2", "created_at": "2026-08-20 10:11:12 +0000 UTC", "is_current": True},
        {"tag": "1", "created_at": made},
    ]
    assert rollback_candidates.other_images(listed) == (
        Candidate("1", f"made {made}" if made else "", earlier),
    )


def test_of_each_commit_the_newest_row_counts() -> None:
    listed = [
        done(2, OLDER),
        done(5, OLDER),
        done(4, NOW),
        done(3, "HEAD"),
        done(6, BEFORE, pull_request_id=1),
    ]
    found = rollback_candidates.finished(listed)
    assert [(commit, row["id"]) for commit, row in found.items()] == [(OLDER, 5), (NOW, 4)]
