"""Coolify: `create`: whether the application exists, and what is sent to create it."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.model import RefusedError
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes import create_rules, images
from deployer.providers.coolify.changes.create_rules import NewApplication, Placement
from deployer.providers.coolify.changes.images import Image
from tests.providers.coolify.support import NEW, Row, body

HEX = "a" * 64
MARKED = "mArKeDsecret"
NEWEST, OLDEST = Version(NEW), Version("4.0.0-beta.380")

PROJECTS = body("projects_200")
ENVIRONMENTS = [
    {"id": 1, "name": "production", "uuid": "d95myjhljrijb3w635g3gcxz"},
    {"id": 2, "name": "Staging", "uuid": "e2"},
]
"""With the fields of `environment` in captured/app_get_read.json."""

SERVER = "z5g6z0bsdcs2syh3riaw1ixx"
COOLIFY = "ajlly5dwoi3rzoewpmqtst45"
DESTINATIONS = [
    {"uuid": COOLIFY, "name": "coolify", "server_uuid": SERVER},
    {"uuid": "d2", "name": "second", "server_uuid": SERVER},
]
"""With the fields in the OpenAPI document of the servers."""


@pytest.mark.parametrize("inputs", ["", "p0ck4sw8og8wkc0s4g4wk8cs", "acme", "ACME"])
def test_a_project_is_found_by_uuid_by_name_or_as_the_only_one(inputs: str) -> None:
    assert create_rules.pick("project", inputs, PROJECTS) == PROJECTS[0]


@pytest.mark.parametrize(
    ("inputs", "rows", "expected"),
    [
        pytest.param(
            "",
            ENVIRONMENTS,
            '`environment` is missing. Available: "production" (d95myjhljrijb3w635g3gcxz), "Staging" (e2)',
            id="?",
        ),
        pytest.param(
            "dev",
            ENVIRONMENTS[:1],
            'environment "dev" not found. Available: "production" (d95myjhljrijb3w635g3gcxz)',
            id="missing",
        ),
        pytest.param(
            "dev", [], 'environment "dev" not found. The token can\'t see any environment', id="none"
        ),
        pytest.param(
            "A",
            [{"name": "a", "uuid": "1"}, {"name": "a", "uuid": "2"}],
            '`environment`: 2 are named "A". Set the uuid of one: "a" (1), "a" (2)',
            id="twice",
        ),
        pytest.param("dev", [{"name": "x"}] * 25, ", ".join(['"x"'] * 20) + " and 5 more", id="many"),
    ],
)
def test_what_is_missing_is_reported_with_what_is_available(
    inputs: str, rows: list[Row], expected: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        create_rules.pick("environment", inputs, rows)
    assert expected in str(caught.value)


def test_an_exact_name_takes_precedence_over_one_in_another_case() -> None:
    rows = [{"name": "A", "uuid": "1"}, {"name": "a", "uuid": "2"}]
    assert create_rules.pick("server", "a", rows) == rows[1]


def test_a_build_server_is_never_chosen() -> None:
    rows = body("servers")
    builder = {"uuid": "b", "name": "builder", "settings": {"is_build_server": True}}
    assert create_rules.server("", [*rows, builder]) == rows[0]
    with pytest.raises(RefusedError, match='server "builder" not found'):
        create_rules.server("builder", [*rows, builder])


def test_a_destination_is_only_sent_if_there_are_several() -> None:
    assert create_rules.destination("", SERVER, DESTINATIONS[:1], []) == ""
    assert create_rules.destination("Second", SERVER, DESTINATIONS, []) == "d2"
    with pytest.raises(RefusedError, match=r'`destination` is missing\. Available: "coolify"'):
        create_rules.destination("", SERVER, DESTINATIONS, [])
    with pytest.raises(RefusedError, match='destination "nope" not found'):
        create_rules.destination("nope", SERVER, DESTINATIONS[:1], [])


def test_older_versions_show_destinations_only_in_their_applications() -> None:
    applications = body("apps_list")
    assert create_rules.destination("coolify", SERVER, None, applications) == COOLIFY
    assert create_rules.destination("unseen", SERVER, None, applications) == "unseen"
    assert create_rules.destination("coolify", "another", None, applications) == "coolify"
    assert create_rules.destination("", SERVER, None, applications) == ""


def test_an_application_is_found_by_its_name_in_its_environment() -> None:
    applications = body("apps_list")
    found = create_rules.existing("img", ENVIRONMENTS[0], applications)
    assert found is not None
    assert found["docker_registry_image_name"] == "ghcr.io/acme/shop"
    assert create_rules.existing("img", ENVIRONMENTS[1], applications) is None
    assert create_rules.existing("IMG", ENVIRONMENTS[0], applications) is None


@pytest.mark.parametrize(
    ("name", "environment", "more", "expected"),
    [
        pytest.param("web", ENVIRONMENTS[0], 0, "it is built from source", id="built-from-source"),
        pytest.param("img", ENVIRONMENTS[0], 1, '2 applications are named "img"', id="two"),
        pytest.param("img", {"name": "production"}, 0, "can't be looked up", id="no-id"),
    ],
)
def test_an_application_that_is_unclear_is_refused(
    name: str, environment: Row, more: int, expected: str
) -> None:
    applications = body("apps_list")
    with pytest.raises(RefusedError, match=expected):
        create_rules.existing(name, environment, applications * (1 + more))


PLACE = Placement("p", "production", "s")
IMAGE_SENT = {
    "project_uuid": "p",
    "environment_name": "production",
    "server_uuid": "s",
    "name": "shop",
    "docker_registry_image_name": "a",
    "docker_registry_image_tag": "1",
    "ports_exposes": "80",
}
SENT = {"project_uuid": "p", "environment_name": "production", "server_uuid": "s", "name": "shop"}


@pytest.mark.parametrize(
    ("wanted", "place", "version", "sent"),
    [
        pytest.param(
            NewApplication(
                "shop",
                Image("nginx", "1"),
                ports=(80, 443),
                domains=("https://a.example.com", "https://b.example.com"),
            ),
            Placement("p", "production", "s", "d"),
            OLDEST,
            {
                **SENT,
                "destination_uuid": "d",
                "ports_exposes": "80,443",
                "domains": "https://a.example.com,https://b.example.com",
                "docker_registry_image_name": "nginx",
                "docker_registry_image_tag": "1",
            },
            id="all-inputs",
        ),
        pytest.param(
            NewApplication("shop", Image("a/b", digest=HEX)),
            PLACE,
            NEWEST,
            {**SENT, "docker_registry_image_name": f"a/b@sha256:{HEX}"},
            id="digest",
        ),
        pytest.param(
            NewApplication("shop", Image("a/b", digest=HEX), ports=(80,)),
            PLACE,
            Version("4.0.0-beta.434"),
            {
                **SENT,
                "docker_registry_image_name": "a/b@sha256",
                "docker_registry_image_tag": HEX,
                "ports_exposes": "80",
            },
            id="digest-on-an-old-version",
        ),
        pytest.param(
            NewApplication(
                "shop", Image("a", "1"), ports=(80,), domains=("https://a.example.com",), forced=True
            ),
            PLACE,
            NEWEST,
            {**IMAGE_SENT, "domains": "https://a.example.com", "force_domain_override": True},
            id="forced-domains",
        ),
        pytest.param(
            NewApplication(
                "shop", Image("a", "1"), ports=(80,), domains=("https://a.example.com",), forced=True
            ),
            PLACE,
            Version("4.0.0-beta.420"),
            {**IMAGE_SENT, "domains": "https://a.example.com"},
            id="an-old-version-forces-nothing",
        ),
        pytest.param(
            NewApplication("shop", Image("a", "1"), ports=(80,), forced=True),
            PLACE,
            NEWEST,
            IMAGE_SENT,
            id="nothing-to-force",
        ),
    ],
)
def test_the_body_of_the_create_request(
    wanted: NewApplication, place: Placement, version: Version, sent: dict[str, Any]
) -> None:
    assert create_rules.body(wanted, place, version) == sent


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        pytest.param(
            NewApplication("shop", Image("", "1"), ports=(80,)), NEWEST, "Set it to name:tag", id="tag-only"
        ),
        pytest.param(
            NewApplication("shop", Image("a", "1")), Version("4.1.1"), "`ports` is missing", id="no-ports"
        ),
        pytest.param(
            NewApplication("shop", Image("a", "1"), ports=(80,), verified=True),
            Version("4.0.0-beta.462"),
            "gives a new application no domain",
            id="no-domain",
        ),
    ],
)
def test_what_a_version_requires_for_a_new_application(
    wanted: NewApplication, version: Version, expected: str
) -> None:
    with pytest.raises(RefusedError, match=expected):
        create_rules.body(wanted, PLACE, version)


def test_a_new_application_has_a_domain_to_verify() -> None:
    image = Image("a", "1")
    assert "domains" not in create_rules.body(
        NewApplication("shop", image, ports=(80,), verified=True), PLACE, Version("4.0.0-beta.463")
    )
    old = create_rules.body(
        NewApplication("shop", image, ports=(80,), verified=True, domains=("https://a.example.com",)),
        PLACE,
        OLDEST,
    )
    assert old["domains"] == "https://a.example.com"


def test_the_expected_row_reads_like_a_real_one() -> None:
    wanted = NewApplication(
        "shop", Image("a/b", digest=HEX), ports=(80, 443), domains=("https://a.example.com",)
    )
    row = create_rules.expected_row(wanted)
    assert (images.changed(row, wanted.image), create_rules.ignored_inputs(wanted, row)) == ({}, ())


THERE = {
    "fqdn": "https://a.example.com,https://b.example.com",
    "ports_exposes": "80",
    "destination": {"uuid": "d", "name": "coolify", "server": {"uuid": "s", "name": "localhost"}},
}


@pytest.mark.parametrize(
    ("inputs", "row", "expected"),
    [
        pytest.param({}, THERE, [], id="no-inputs"),
        pytest.param(
            {"domains": ("https://b.example.com", "https://a.example.com"), "ports": (80,)},
            THERE,
            [],
            id="equal",
        ),
        pytest.param({"server": "LocalHost", "destination": "d"}, THERE, [], id="the-same-server"),
        pytest.param({"domains": ("https://a.example.com",)}, THERE, ["`domains`"], id="fewer-domains"),
        pytest.param({"domains": ("https://a.example.com",)}, {}, ["`domains`"], id="no-domains"),
        pytest.param(
            {"ports": (80, 81), "server": "other", "destination": "x"},
            THERE,
            ["`ports`", "`server`", "`destination`"],
            id="all",
        ),
        pytest.param(
            {"server": "other", "destination": "x"}, {"destination": None}, [], id="no-destination-in-the-row"
        ),
    ],
)
def test_inputs_that_an_existing_application_ignores_are_reported(
    inputs: dict[str, Any], row: Row, expected: list[str]
) -> None:
    sentences = create_rules.ignored_inputs(NewApplication("shop", Image("a", "1"), **inputs), row)
    assert [sentence.partition(" only applies to a new application")[0] for sentence in sentences] == expected


def test_domains_and_ports_are_parsed() -> None:
    assert create_rules.domains("https://a.example.com, http://b.example.com:8080/x") == (
        "https://a.example.com",
        "http://b.example.com:8080/x",
    )
    assert create_rules.ports("80, 443") == (80, 443)
    assert (create_rules.domains(""), create_rules.ports("")) == ((), ())


@pytest.mark.parametrize(
    "text", ["a.example.com", "https://", "ftp://a.example.com", f"https://u:{MARKED}@a.example.com"]
)
def test_an_invalid_domain_is_reported(text: str) -> None:
    with pytest.raises(ValueError, match=r"item 2 is not a valid URL") as caught:
        create_rules.domains(f"https://ok.example.com,{text}")
    assert MARKED not in str(caught.value)


@pytest.mark.parametrize("text", ["0", "65536", "http", "8080:80", "-1", "80;81"])
def test_an_invalid_port_is_reported(text: str) -> None:
    with pytest.raises(ValueError, match="must be the ports"):
        create_rules.ports(text)
