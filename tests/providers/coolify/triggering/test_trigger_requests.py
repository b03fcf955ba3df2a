"""What each version supports, and which request carries out the command.

Source: coolify-api 1, 4, 5.1, 5.2, 5.4, 5.10 and 13.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest

from deployer.model import Command
from deployer.providers.coolify.api.versions import SERVICES_PULLED, Feature, Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.triggering import trigger_requests
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, KINDS, SERVICE, TAG
from tests.providers.coolify.support import NEW

# --- versions

ASCENDING = (
    "4.0.0-alpha.1",
    "4.0.0-beta.9",
    "4.0.0-beta.380",
    "4.0.0-beta.420",
    "4.0.0-beta.420.1",
    "4.0.0-beta.420.7",
    "4.0.0-beta.420.10",
    "4.0.0-beta.421",
    "4.0.0-rc.1",
    "4.0.0",
    "4.0.1",
    "4.1.2",
    "4.3.6",
    "4.3.10",
    "4.3.11",
    "4.4-beta.1",
    "4.4-rc.1",
    "4.4-rc.1.2",
    "4.4-rc.2",
    "4.4",
    "4.4-nightly.7",
    "4.4.1",
    "5.0.0",
    "10.0",
)


def test_versions_have_an_order() -> None:
    for earlier, later in combinations(ASCENDING, 2):
        assert (Version(earlier).before(later), Version(later).before(earlier)) == (True, False), (
            earlier,
            later,
        )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4.3.10", "v4.3.10"),
        ("4.3.10", " 4.3.10\n"),
        ("4.4", "4.4.0"),
        ("4.0.0-beta.420", "4.0.0-BETA.420"),
        ("4.4-rc.1", "4.4-rc.1.1a2b3c4"),
        ("4.3.10", "4.3.10+build"),
    ],
)
def test_two_spellings_of_a_version_are_equal(one: str, other: str) -> None:
    assert not Version(one).before(other)
    assert not Version(other).before(one)


def test_a_build_of_a_commit_is_newer_than_the_version_that_it_names() -> None:
    assert Version("4.3.10").before("4.3.10-dev.1a2b3c4d5")
    assert Version("4.3.10-dev.1a2b3c4d5").before("4.3.11")


@pytest.mark.parametrize("text", ["", "nightly", "next", "unknown", "4", "v", "four", "4.x", "-beta.380"])
def test_a_version_that_can_not_be_parsed_counts_as_the_newest(text: str) -> None:
    """coolify-api 5.10; without `read`, the version is unknown."""
    assert all(Version(text).has(feature) for feature in Feature)
    assert not Version(text).before("999.0")


BOUNDARIES = {
    Feature.PREVIEWS: ("4.0.0-beta.407", "4.0.0-beta.408"),
    Feature.PULL_LATEST: ("4.0.0-beta.418", "4.0.0-beta.419"),
    Feature.CANCEL: ("4.0.0-beta.435", "4.0.0-beta.436"),
    Feature.STATES: ("4.0.0-beta.444", "4.0.0-beta.445"),
    Feature.FINISHED_STAYS: ("4.0.0-beta.453", "4.0.0-beta.454"),
    Feature.BY_TAG: ("4.0.0-beta.460", "4.0.0-beta.461"),
    Feature.MARKS_API: ("4.0.0-beta.462", "4.0.0-beta.463"),
    Feature.DEPLOY_STARTS: ("4.0.0-beta.463", "4.0.0-beta.464"),
    Feature.DOCKER_TAG: ("4.0.0-beta.470", "4.0.0-beta.471"),
    Feature.PREVIEW_DELETE: ("4.0.0-beta.473", "4.0.0-beta.474"),
    Feature.ROLLBACK: ("4.2.9", "4.3.0"),
    Feature.QUEUE_MOVES_ON: ("4.3.6", "4.3.7"),
}


def test_every_boundary_is_tested_from_both_sides() -> None:
    """A feature that is missing in this table is not used, or not tested."""
    assert set(BOUNDARIES) == set(Feature)


@pytest.mark.parametrize(
    ("feature", "without", "version"), [(each, *sides) for each, sides in BOUNDARIES.items()]
)
def test_a_version_supports_its_own_and_all_earlier_features(
    feature: Feature, without: str, version: str
) -> None:
    assert [
        Version(text).has(feature) for text in (without, f"{without}.9", version, f"{version}.1", NEW)
    ] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert feature.value == version


# --- requests

UUID = "abc"
AS_DEPLOYED = "Coolify starts an application by deploying it"
PREVIEW = "deploy the preview of pull request 7"
LATEST = "pull newer images and restart the service"
START_AGAIN = "start the service again"
NO_FLAGS_SERVICE, NO_FLAGS_DATABASE = (
    f"`force` and `instant_deploy` have no effect on a {kind}" for kind in (SERVICE, DATABASE)
)
DEPLOY, START, RESTART, STOP, CHECK = (
    Command.DEPLOY,
    Command.START,
    Command.RESTART,
    Command.STOP,
    Command.CHECK,
)


def line(kind: str, version: str, options: Options) -> str:
    """The request as a line."""
    request = trigger_requests.request_for(kind, UUID, options, Version(version))
    query = "&".join(f"{name}={value}" for name, value in request.params.items())
    return f"{request.method} {request.path}" + (f"?{query}" if query else "")


@pytest.mark.parametrize(
    ("kind", "options", "request_line", "texts"),
    [
        pytest.param(APPLICATION, {}, "POST /deploy?uuid=abc", ("queue a deployment", ""), id="application"),
        pytest.param(
            APPLICATION,
            {"force": True},
            "POST /deploy?uuid=abc&force=true",
            ("queue a deployment", ""),
            id="application-force",
        ),
        pytest.param(APPLICATION, {"pr": 7}, "POST /deploy?uuid=abc&pr=7", (PREVIEW, ""), id="preview"),
        pytest.param(
            APPLICATION,
            {"pr": 7, "docker_tag": "pr-7", "force": True},
            "POST /deploy?uuid=abc&force=true&pr=7&docker_tag=pr-7",
            (PREVIEW, ""),
            id="preview-of-image",
        ),
        pytest.param(
            APPLICATION,
            {"instant": True},
            "POST /applications/abc/start?instant_deploy=true",
            ("deploy at once", ""),
            id="application-instant",
        ),
        pytest.param(
            APPLICATION,
            {"instant": True, "force": True},
            "POST /applications/abc/start?force=true&instant_deploy=true",
            ("deploy at once", ""),
            id="application-instant-and-force",
        ),
        pytest.param(
            APPLICATION,
            {"pull_latest": False},
            "POST /deploy?uuid=abc",
            ("queue a deployment", ""),
            id="application-without-pull",
        ),
        pytest.param(
            APPLICATION,
            {"command": START},
            "POST /deploy?uuid=abc",
            ("queue a deployment", AS_DEPLOYED),
            id="application-start",
        ),
        pytest.param(
            APPLICATION,
            {"command": START, "force": True},
            "POST /deploy?uuid=abc&force=true",
            ("queue a deployment", AS_DEPLOYED),
            id="application-start-force",
        ),
        pytest.param(
            APPLICATION,
            {"command": START, "instant": True},
            "POST /applications/abc/start?instant_deploy=true",
            ("deploy at once", AS_DEPLOYED),
            id="application-start-instant",
        ),
        pytest.param(
            APPLICATION,
            {"command": START, "pr": 7},
            "POST /deploy?uuid=abc&pr=7",
            (PREVIEW, AS_DEPLOYED),
            id="preview-start",
        ),
        pytest.param(
            APPLICATION,
            {"command": RESTART},
            "POST /applications/abc/restart",
            ("restart the application", ""),
            id="application-restart",
        ),
        pytest.param(
            APPLICATION,
            {"command": RESTART, "force": True, "instant": True},
            "POST /applications/abc/restart",
            ("restart the application", ""),
            id="application-restart-has-no-flags",
        ),
        pytest.param(
            APPLICATION,
            {"command": STOP},
            "POST /applications/abc/stop",
            ("stop the application", ""),
            id="application-stop",
        ),
        pytest.param(
            APPLICATION,
            {"command": STOP, "pr": 7},
            "DELETE /applications/abc/previews/7",
            ("delete the preview of pull request 7", ""),
            id="preview-stop",
        ),
        pytest.param(
            APPLICATION,
            {"command": CHECK},
            "POST /deploy?uuid=abc",
            ("queue a deployment", ""),
            id="application-check",
        ),
        pytest.param(
            APPLICATION,
            {"command": CHECK, "force": True},
            "POST /deploy?uuid=abc&force=true",
            ("queue a deployment", ""),
            id="check-force",
        ),
        pytest.param(SERVICE, {}, "POST /services/abc/restart?latest=true", (LATEST, ""), id="service"),
        pytest.param(
            SERVICE,
            {"force": True},
            "POST /services/abc/restart?latest=true",
            (LATEST, NO_FLAGS_SERVICE),
            id="service-force-has-no-effect",
        ),
        pytest.param(
            SERVICE,
            {"instant": True},
            "POST /services/abc/restart?latest=true",
            (LATEST, NO_FLAGS_SERVICE),
            id="service-instant-has-no-effect",
        ),
        pytest.param(
            SERVICE,
            {"pull_latest": False},
            "POST /deploy?uuid=abc",
            ("start the service again, with the images that it has", ""),
            id="service-without-pull",
        ),
        pytest.param(
            SERVICE,
            {"pull_latest": False, "force": True},
            "POST /deploy?uuid=abc",
            ("start the service again, with the images that it has", NO_FLAGS_SERVICE),
            id="service-without-pull-force",
        ),
        pytest.param(
            SERVICE,
            {"command": CHECK},
            "POST /services/abc/restart?latest=true",
            (LATEST, ""),
            id="service-check",
        ),
        pytest.param(
            SERVICE,
            {"command": START},
            "POST /services/abc/start",
            ("start the service, if it is stopped", ""),
            id="service-start",
        ),
        pytest.param(
            SERVICE,
            {"command": RESTART},
            "POST /services/abc/restart",
            ("restart the service", ""),
            id="service-restart",
        ),
        pytest.param(
            SERVICE, {"command": STOP}, "POST /services/abc/stop", ("stop the service", ""), id="service-stop"
        ),
        pytest.param(DATABASE, {}, "POST /deploy?uuid=abc", ("start the database", ""), id="database"),
        pytest.param(
            DATABASE,
            {"force": True},
            "POST /deploy?uuid=abc",
            ("start the database", NO_FLAGS_DATABASE),
            id="database-force",
        ),
        pytest.param(
            DATABASE,
            {"command": CHECK},
            "POST /deploy?uuid=abc",
            ("start the database", ""),
            id="database-check",
        ),
        pytest.param(
            DATABASE,
            {"command": START},
            "POST /databases/abc/start",
            ("start the database, if it is stopped", ""),
            id="database-start",
        ),
        pytest.param(
            DATABASE,
            {"command": RESTART},
            "POST /databases/abc/restart",
            ("restart the database", ""),
            id="database-restart",
        ),
        pytest.param(
            DATABASE,
            {"command": STOP},
            "POST /databases/abc/stop",
            ("stop the database", ""),
            id="database-stop",
        ),
        pytest.param(TAG, {}, "POST /deploy?tag=abc", ("deploy everything with the tag", ""), id="tag"),
        pytest.param(
            TAG,
            {"force": True},
            "POST /deploy?tag=abc&force=true",
            ("deploy everything with the tag", ""),
            id="tag-force",
        ),
        pytest.param(
            TAG,
            {"command": CHECK},
            "POST /deploy?tag=abc",
            ("deploy everything with the tag", ""),
            id="tag-check",
        ),
    ],
)
@pytest.mark.parametrize("version", [NEW, "4.0.0-beta.474", "4.4-rc.1", ""])
def test_each_command_is_one_request(
    kind: str, options: dict[str, Any], request_line: str, texts: tuple[str, str], version: str
) -> None:
    """`texts`: the summary and the note."""
    request = trigger_requests.request_for(kind, UUID, Options(**options), Version(version))
    assert line(kind, version, Options(**options)) == request_line
    assert (request.kind, request.target, (request.summary, request.note)) == (kind, UUID, texts)
    assert request.is_bulk is request_line.startswith("POST /deploy?")


@pytest.mark.parametrize(
    ("version", "forced"),
    [
        ("4.0.0-beta.380", True),
        ("4.0.0-beta.463", True),
        ("4.0.0-beta.464", False),
        ("4.2.0", False),
        ("", False),
    ],
)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param(APPLICATION, {}, id="deploy"),
        pytest.param(APPLICATION, {"instant": True}, id="instant"),
        pytest.param(APPLICATION, {"command": START}, id="start"),
    ],
)
def test_a_pinned_commit_is_built_without_cache_where_an_image_may_have_another_commit_s_name(
    kind: str, options: dict[str, Any], version: str, *, forced: bool
) -> None:
    """Up to beta.463 the image is named after the branch's head, and a build is skipped if that image exists.

    Source: coolify-api 5.7.
    """
    assert (
        "force"
        in trigger_requests.request_for(kind, UUID, Options(pinned=True, **options), Version(version)).params
    ) is forced


@pytest.mark.parametrize(
    ("version", "request_line", "summary", "note"),
    [
        pytest.param(
            "4.0.0-beta.380", "POST /deploy?uuid=abc", START_AGAIN, "", id="beta380-every-start-pulls"
        ),
        pytest.param(
            "4.0.0-beta.390", "POST /deploy?uuid=abc", START_AGAIN, "", id="beta390-every-start-pulls"
        ),
        pytest.param(
            "4.0.0-beta.391",
            "POST /deploy?uuid=abc",
            START_AGAIN,
            trigger_requests.NO_PULL_API,
            id="beta391-none-pulls",
        ),
        pytest.param(
            "4.0.0-beta.418",
            "POST /deploy?uuid=abc",
            START_AGAIN,
            trigger_requests.NO_PULL_API,
            id="beta418-none-pulls",
        ),
        pytest.param(
            "4.0.0-beta.419",
            "POST /services/abc/restart?latest=true",
            LATEST,
            "",
            id="beta419-restart-latest",
        ),
    ],
)
def test_newer_images_of_a_service_are_pulled_as_the_version_supports(
    version: str, request_line: str, summary: str, note: str
) -> None:
    request = trigger_requests.request_for(SERVICE, UUID, Options(), Version(version))
    assert (line(SERVICE, version, Options()), request.summary, request.note) == (request_line, summary, note)
    assert note in trigger_requests.request_for(SERVICE, UUID, Options(force=True), Version(version)).note
    assert SERVICES_PULLED == "4.0.0-beta.391"


@pytest.mark.parametrize(
    ("version", "note"),
    [("4.0.0-beta.390", trigger_requests.ALWAYS_PULLS), ("4.0.0-beta.391", ""), (NEW, ""), ("", "")],
)
def test_it_is_noted_where_every_start_pulls(version: str, note: str) -> None:
    request = trigger_requests.request_for(SERVICE, UUID, Options(pull_latest=False), Version(version))
    assert (line(SERVICE, version, Options(pull_latest=False)), request.note) == (
        "POST /deploy?uuid=abc",
        note,
    )


VERSIONS = (
    "4.0.0-beta.380",
    "4.0.0-beta.400",
    "4.0.0-beta.420",
    "4.0.0-beta.434",
    "4.0.0-beta.463",
    "4.0.0",
    "4.3.6",
    NEW,
    "4.4-rc.1",
)
OPTIONS = [
    Options(
        command=command, force=force, instant=instant, pr=pr, docker_tag=docker_tag, pull_latest=pull_latest
    )
    for command in (DEPLOY, START, RESTART, STOP, CHECK)
    for force, instant, pull_latest in product((False, True), repeat=3)
    for pr, docker_tag in ((0, ""), (7, ""), (7, "pr-7"))
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [*KINDS, TAG])
def test_no_request_has_parameters_that_some_version_misreads(kind: str, version: str) -> None:
    """`false` forces before 4.2.0, and a `uuid` in the query overrides the path (coolify-api 5.1, 5.2)."""
    for options in OPTIONS:
        request = trigger_requests.request_for(kind, UUID, options, Version(version))
        assert request.method == ("DELETE" if "/previews/" in request.path else "POST"), options
        assert ("uuid" in request.params) is (request.is_bulk and kind != TAG), options
        assert "tag" not in request.params or request.is_bulk, options
        assert {
            request.params[name] for name in ("force", "instant_deploy", "latest") if name in request.params
        } <= {"true"}, options
        assert set(request.params) <= {
            "uuid",
            "tag",
            "force",
            "instant_deploy",
            "latest",
            "pr",
            "docker_tag",
        }, options


@pytest.mark.parametrize("version", VERSIONS)
def test_an_application_is_deployed_in_the_same_way_on_every_version(version: str) -> None:
    assert [line(APPLICATION, version, options) for options in OPTIONS] == [
        line(APPLICATION, NEW, options) for options in OPTIONS
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", [RESTART, STOP])
def test_a_uuid_is_escaped_in_the_path(kind: str, command: Command) -> None:
    request = trigger_requests.request_for(kind, "../x?y", Options(command=command), Version(NEW))
    assert request.path == f"/{kind}s/..%2Fx%3Fy/{command.value}"


# --- the ability that a request needs


@pytest.mark.parametrize(
    ("kind", "options", "version", "ability"),
    [
        pytest.param(APPLICATION, {}, "4.0.0-beta.380", "deploy", id="deploy"),
        pytest.param(APPLICATION, {}, NEW, "deploy", id="deploy-beta463"),
        pytest.param(APPLICATION, {"instant": True}, "4.0.0-beta.463", "write", id="start-before-beta464"),
        pytest.param(APPLICATION, {"instant": True}, "4.0.0-beta.464", "deploy", id="start-since-beta464"),
        pytest.param(
            APPLICATION, {"command": RESTART}, "4.0.0-beta.463", "write", id="restart-before-beta464"
        ),
        pytest.param(
            APPLICATION, {"command": RESTART}, "4.0.0-beta.464", "deploy", id="restart-since-beta464"
        ),
        pytest.param(APPLICATION, {"command": STOP}, "4.0.0-beta.463", "write", id="stop-before-beta464"),
        pytest.param(APPLICATION, {"command": STOP}, "4.0.0-beta.464", "deploy", id="stop-since-beta464"),
        pytest.param(
            APPLICATION, {"command": STOP, "pr": 7}, NEW, "write", id="preview-is-deleted-with-write"
        ),
        pytest.param(APPLICATION, {"pr": 7}, NEW, "deploy", id="preview-is-deployed-with-deploy"),
        pytest.param(
            APPLICATION,
            {"command": START},
            "4.0.0-beta.463",
            "deploy",
            id="application-is-started-by-deploy",
        ),
        pytest.param(SERVICE, {}, "4.0.0-beta.418", "deploy", id="service-by-deploy"),
        pytest.param(SERVICE, {}, "4.0.0-beta.419", "write", id="service-by-restart-before-beta464"),
        pytest.param(SERVICE, {}, "4.0.0-beta.464", "deploy", id="service-by-restart-since-beta464"),
        pytest.param(SERVICE, {"pull_latest": False}, "4.0.0-beta.463", "deploy", id="service-without-pull"),
        pytest.param(DATABASE, {}, "4.0.0-beta.463", "deploy", id="database-by-deploy"),
        pytest.param(DATABASE, {"command": START}, "4.0.0-beta.463", "write", id="database-by-start"),
        pytest.param(TAG, {}, "4.0.0-beta.463", "deploy", id="tag"),
    ],
)
def test_each_request_needs_one_ability(
    kind: str, options: dict[str, Any], version: str, ability: str
) -> None:
    assert trigger_requests.required_ability(kind, Options(**options), Version(version)) == ability
