"""What the status of a build means, and why a staging failed: a row per rule, and every recorded reply."""

import pytest

from deployer.model import Phase, UnavailableError
from deployer.providers.cloudfoundry.watching import build_status
from tests.providers.cloudfoundry.support import (
    DROPLET,
    body,
    names,
)


@pytest.mark.parametrize(
    ("state", "phase", "stable_for"),
    [
        pytest.param("STAGING", Phase.RUNNING, 0, id="staging"),
        pytest.param("STAGED", Phase.SUCCEEDED, 0, id="staged"),
        pytest.param("FAILED", Phase.FAILED, 3, id="failed"),
        pytest.param("BAKING", Phase.UNKNOWN, 0, id="unknown"),
    ],
)
def test_the_phase_of_a_build_is_its_state(state: str, phase: Phase, stable_for: float) -> None:
    found = build_status.snapshot_of({"state": state, "droplet": {"guid": DROPLET}})
    assert (found.phase, found.stable_for) == (phase, stable_for)


def test_a_failed_staging_quotes_its_log() -> None:
    row = body("build-get-200-failed-docker")
    assert build_status.snapshot_of(row, "Its log says: manifest unknown").reason == (
        "staging failed. Its log says: manifest unknown"
    )


BUILDS = {
    "build-create-201-staging-docker": Phase.RUNNING,
    "build-create-201-staging-docs": Phase.RUNNING,
    "build-get-200-failed-docker": Phase.FAILED,
    "build-get-200-failed-insufficient": Phase.FAILED,
    "build-get-200-staged-docker": Phase.SUCCEEDED,
    "build-get-200-staged-docs": Phase.SUCCEEDED,
    "build-get-200-staging-docker": Phase.RUNNING,
}


def test_every_recorded_reply_has_a_row() -> None:
    assert set(BUILDS) == set(names("build-get-200", "build-create-201"))


@pytest.mark.parametrize("name", BUILDS)
def test_builds_are_read(name: str) -> None:
    assert build_status.snapshot_of(body(name)).phase is BUILDS[name]


def test_a_staged_build_without_a_droplet_is_an_error() -> None:
    with pytest.raises(UnavailableError):
        build_status.snapshot_of({"state": "STAGED", "droplet": None})


def test_the_servers_text_is_one_line() -> None:
    found = build_status.snapshot_of({"state": "FAILED", "error": "a\nb" + "x" * 1000})
    assert found.reason == "staging failed: a b" + "x" * 1000


@pytest.mark.parametrize(
    ("name", "errors", "expected"),
    [
        pytest.param(
            "build-get-200-failed-docker",
            ["due to manifest unknown"],
            "Its log says: due to manifest unknown. The registry does not have this image or tag. "
            "Check its name, and that it was pushed before the deployment",
            id="no-such-tag",
        ),
        pytest.param(
            "build-get-200-failed-docker",
            ["unauthorized: authentication required"],
            "Its log says: unauthorized: authentication required. "
            "The registry denied access. Set `cf_docker_username` and `cf_docker_password`",
            id="no-login",
        ),
        pytest.param("build-get-200-failed-docker", ["first", "last"], "Its log says: last", id="any-other"),
        pytest.param("build-get-200-failed-docker", [], "", id="no-log"),
        pytest.param("build-get-200-failed-insufficient", [], build_status.NO_ROOM, id="no-capacity"),
    ],
)
def test_the_reason_of_a_failed_staging_is_in_its_log(name: str, errors: list[str], expected: str) -> None:
    assert build_status.failure_reason(body(name), errors) == expected
