"""Coolify: what is checked before a rollback, and what a dry run reports."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import responses

from deployer.model import RefusedError, UnavailableError
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.rollback_plan import SAME_IMAGE
from deployer.providers.coolify.rollback_rules import NO_EARLIER_DEPLOYMENT
from tests.providers.coolify.rollbacks import (
    BEFORE,
    NOW,
    OLDER,
    OLDEST,
    RAN,
    _wire,
    allow_changes,
    coolify,
    roll_back,
    sent,
    serve_deploy,
    serve_image,
    serve_kept_images,
    serve_repository,
)
from tests.providers.coolify.support import API, IMG, NEW, WEB, Row, requests_sent, serve

__all__ = ["_wire"]  # fixtures

# --- the ability that a rollback needs is probed before the deployment


def check_abilities(
    wire: responses.RequestsMock, version: str, probe: str, uuid: str = WEB, **inputs: str
) -> tuple[tuple[str, ...], list[str]]:
    """The warnings before the deployment, and the requests for them."""
    serve_repository(wire, *RAN)
    serve_image(wire)
    serve(wire, "PATCH", f"/applications/{uuid}", probe)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    server = coolify(version, uuid, **inputs)
    server.resolve(uuid)
    before = len(wire.calls)
    changes = server.apply_changes(uuid)
    assert (changes.applied, changes.unchanged) == ((), ())
    return changes.warnings, sent(wire, before)


PROBES = [f"PATCH /applications/{WEB} {{}}", "POST /deploy"]


def test_a_token_that_could_not_roll_back_is_reported_before_the_deployment(
    wire: responses.RequestsMock,
) -> None:
    (warning,), calls = check_abilities(wire, "4.2.0", "patch_probe_deploy", rollback="true")
    assert warning.startswith(
        "the previous version could not be restored if the new one fails: the token lacks write. Make a new "
        "one: "
    )
    assert calls == PROBES


@pytest.mark.parametrize(
    ("version", "probe", "uuid", "inputs", "calls"),
    [
        pytest.param(
            "4.2.0", "patch_probe_write", WEB, {"rollback": "true"}, PROBES, id="it-has-the-ability"
        ),
        pytest.param("4.2.0", "maintenance_503", WEB, {"rollback": "true"}, PROBES[:1], id="unknown"),
        pytest.param("4.2.0", "patch_probe_deploy", WEB, {}, [], id="no-rollback"),
        pytest.param(
            NEW, "patch_probe_deploy", WEB, {"rollback": "true"}, [], id="the-endpoint-needs-no-such-ability"
        ),
        pytest.param("4.1.2", "patch_probe_deploy", WEB, {"rollback": "true"}, [], id="rollback-unsupported"),
        pytest.param(
            "4.2.0", "patch_probe_deploy", IMG, {"rollback": "true"}, [], id="an-image-that-is-unchanged"
        ),
    ],
)
def test_otherwise_there_is_no_warning(  # noqa: PLR0913, PLR0917 -- a row's columns
    wire: responses.RequestsMock,
    version: str,
    probe: str,
    uuid: str,
    inputs: dict[str, str],
    calls: list[str],
) -> None:
    assert check_abilities(wire, version, probe, uuid, **inputs) == ((), calls)


def test_the_rollback_then_ends_without_another_probe(wire: responses.RequestsMock) -> None:
    """Architecture, rule 3: no series of refused requests."""
    serve_repository(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    server = coolify("4.2.0", rollback="true")
    server.resolve(WEB)
    assert server.apply_changes(WEB).warnings
    with pytest.raises(RefusedError, match=r"^the token lacks write, so nothing was changed"):
        roll_back(server, wire)
    assert requests_sent(wire).count(f"PATCH /applications/{WEB}") == 1


def test_a_token_whose_ability_was_confirmed_is_not_probed_again(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN)
    allow_changes(wire)
    serve_deploy(wire)
    server = coolify("4.2.0", rollback="true", commit=NOW)
    server.resolve(WEB)
    server.apply_changes(WEB)
    assert requests_sent(wire).count("POST /deploy") == 1


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param({"body": requests.exceptions.ReadTimeout()}, id="no-response"),
        pytest.param({"json": {"message": "Server Error"}, "status": 500}, id="a-server-error"),
    ],
)
def test_if_the_change_has_no_response_nothing_was_started(
    wire: responses.RequestsMock, failure: dict[str, Any]
) -> None:
    serve_repository(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_write")
    wire.add("PATCH", f"{API}/applications/{WEB}", **failure)
    serve_deploy(wire)
    server = coolify("4.2.0", rollback="true")
    with pytest.raises(UnavailableError) as caught:
        roll_back(server, wire)
    assert not caught.value.may_have_arrived
    assert requests_sent(wire)[-1] == f"PATCH /applications/{WEB}"


# --- a dry run


def describe(server: CoolifyProvider, uuid: str = WEB) -> tuple[str, ...]:
    server.resolve(uuid)
    return server.describe(uuid)


def test_a_dry_run_lists_the_commits_to_roll_back_to(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN)
    serve_kept_images(
        wire,
        (NOW, "20", False),
        ("latest", "19", True),
        ("nightly", "19", False),
        (BEFORE, "18", False),
        (OLDEST, "10", False),
    )
    created = RAN[0]["created_at"]
    assert describe(coolify(command="rollback", dry_run="true")) == (
        f"would roll back to {BEFORE}",
        f"could roll back to {BEFORE}, deployed {created}",
        f"could roll back to {OLDER}, deployed {created}",
        f"could roll back to {OLDEST}, built 2026-08-10 10:11:12 +0000 UTC",
    )
    assert not [line for line in requests_sent(wire) if not line.startswith("GET")]


def test_a_dry_run_lists_the_images_to_roll_back_to(wire: responses.RequestsMock) -> None:
    serve_image(wire)
    serve_kept_images(
        wire,
        ("2.0.1", "20", True),
        ("1.9.9", "12", False),
        ("2.0.0", "18", False),
        ("no tag", "19", False),
        uuid=IMG,
    )
    assert describe(coolify(uuid=IMG, command="rollback", dry_run="true"), IMG) == (
        (
            "would roll back to ghcr.io/acme/shop:2.0.0 (image: ghcr.io/acme/shop:2.0.1 → "
            "ghcr.io/acme/shop:2.0.0)"
        ),
        "could roll back to 2.0.0, built 2026-08-18 10:11:12 +0000 UTC",
        "could roll back to 1.9.9, built 2026-08-12 10:11:12 +0000 UTC",
    )


@pytest.mark.parametrize(
    ("version", "uuid", "command", "needed"),
    [
        pytest.param(NEW, WEB, "rollback", False, id="the-rollback-endpoint"),
        pytest.param(NEW, IMG, "rollback", True, id="an-image"),
        pytest.param("4.2.0", WEB, "rollback", True, id="a-pin"),
        pytest.param("4.2.0", WEB, "deploy", False, id="a-deployment"),
    ],
)
def test_what_changes_the_application_needs_write(
    wire: responses.RequestsMock, version: str, uuid: str, command: str, needed: bool
) -> None:
    serve_repository(wire, *RAN)
    serve_image(wire)
    allow_changes(wire, uuid)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    server = coolify(version, uuid, command=command, dry_run="true")
    server.resolve(uuid)
    assert [ability.needed for ability in server.abilities() if ability.name == "write"] == [needed]


def test_a_dry_run_reports_that_the_token_could_not_pin(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN)
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_deploy")
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    assert describe(coolify("4.2.0", rollback="true", dry_run="true"))[-1].startswith(
        "could not roll back: the token lacks write"
    )


@pytest.mark.parametrize(
    ("version", "listed", "expected"),
    [
        pytest.param(NEW, RAN, f"would roll back to {NOW} if the new version is down", id="newest"),
        pytest.param("4.2.0", RAN, f"would roll back to {NOW} if the new version is down", id="4.2.0"),
        pytest.param(NEW, (), f"could not roll back: {NO_EARLIER_DEPLOYMENT}", id="the-first"),
        pytest.param(
            "4.1.2", RAN, "could not roll back: Coolify 4.1.2 does not support rollbacks", id="unsupported"
        ),
    ],
)
def test_a_dry_run_reports_which_version_would_be_restored(
    wire: responses.RequestsMock, version: str, listed: tuple[Row, ...], expected: str
) -> None:
    serve_repository(wire, *listed)
    allow_changes(wire)
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    assert describe(coolify(version, rollback="true", dry_run="true"))[-1].startswith(expected)


def test_a_dry_run_reports_the_pin_if_the_records_do_not_show_it(wire: responses.RequestsMock) -> None:
    serve_repository(wire, *RAN, git_commit_sha=OLDEST)  # pinned already: nothing would be changed
    sentences = describe(coolify("4.0.0-beta.463", rollback="true", dry_run="true"))
    assert sentences[-1] == f"would roll back to {OLDEST} if the new version is down"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        pytest.param(
            {"image": ":2.1.0"},
            "would roll back to ghcr.io/acme/shop:2.0.1 if the new version is down",
            id="another-tag",
        ),
        pytest.param({"image": ":2.0.1"}, f"could not roll back: {SAME_IMAGE}", id="the-same-tag"),
        pytest.param({}, f"could not roll back: {SAME_IMAGE}", id="no-image"),
    ],
)
def test_a_dry_run_reports_which_image_would_be_restored(
    wire: responses.RequestsMock, inputs: dict[str, str], expected: str
) -> None:
    serve_image(wire)
    assert describe(coolify(uuid=IMG, rollback="true", dry_run="true", **inputs), IMG)[-1] == expected
