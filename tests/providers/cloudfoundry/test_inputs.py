"""Cloud Foundry: its inputs, which platform they select, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import responses

from deployer.main import main
from deployer.model import Command
from deployer.providers.cloudfoundry.api import discovery
from deployer.providers.cloudfoundry.inputs import CloudFoundry
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.provider import CloudFoundryProvider
from deployer.providers.interface import ProviderContext
from deployer.settings import Common, RawInputs, look_up, placeholders
from tests.providers.cloudfoundry.support import AGENT, API, APP, LOGIN, body, serve
from tests.scenarios.test_transcripts import StillClock

MARK = "mArKeDsecret"
JWT = f"eyJhbGciOiJSUzI1NiJ9.{MARK}.c2lnbmF0dXJl"
PLACE = {"CF_API": API, "CF_ORG": "my-organization", "CF_SPACE": "my-space", "CF_APP": "web"}
PERSON = {"CF_USERNAME": "john", "CF_PASSWORD": f"{MARK}-password"}
CLIENT = {"CF_CLIENT_ID": "ci", "CF_CLIENT_SECRET": f"{MARK}-client"}
TOKEN = {"CF_ASSERTION": JWT}
GOOD = PLACE | PERSON
WAYS = "Set it, or CF_CLIENT_ID and CF_CLIENT_SECRET, or CF_USERNAME and CF_PASSWORD"


def read(environ: Mapping[str, str]) -> tuple[CloudFoundry | None, RawInputs]:
    raw = look_up((Common, CloudFoundry), environ)
    return CloudFoundry.read(raw), raw


def inputs(environ: Mapping[str, str]) -> CloudFoundry:
    found, raw = read(environ)
    assert found is not None, raw.mistakes
    assert raw.mistakes == []
    return found


def mistakes(environ: Mapping[str, str]) -> list[str]:
    return read(environ)[1].mistakes


def connected(environ: Mapping[str, str]) -> CloudFoundryProvider:
    common = Common.read(look_up((Common, CloudFoundry), environ))
    assert common is not None
    context = ProviderContext(
        AGENT, monotonic=lambda: 0.0, now=lambda: 0.0, add_secret=lambda _: None, no_proxy=True
    )
    found = inputs(environ).build_provider(common, context)
    assert isinstance(found, CloudFoundryProvider)
    return found


# --- one by one


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("api.example.org", API),
        ("https://api.example.org/", API),
        ("https://api.example.org/v3", API),
        ("https://api.example.org/v3/", API),
        ("https://api.example.org/v2", API),
        ("https://api.example.org?x#y", API),
        ("http://api.local:8080", "http://api.local:8080"),
        ("https://gateway.example.org/cf", "https://gateway.example.org/cf"),
    ],
)
def test_an_address_is_accepted_in_every_form_that_users_paste(text: str, base: str) -> None:
    assert inputs(GOOD | {"CF_API": text}).cf_api == base


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://api.example.org", "must start with https:// or http://"),
        (f"https://john:{MARK}@api.example.org", "must not contain a user name or password"),
        (f"bearer {MARK}", "is not a valid URL. Write https://api.example.com, as `cf api` shows it"),
        (f"{MARK}|x", "is not a valid URL. Write https://api.example.com, as `cf api` shows it"),
    ],
)
def test_an_invalid_address_is_reported_without_repeating_it(text: str, words: str) -> None:
    assert mistakes(GOOD | {"CF_API": text}) == [f"CF_API: {words}"]


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("web", ("web",)),
        ("web, worker\nweb", ("web", "worker")),
        (f"{APP} web", (APP, "web")),
        ("my-app.v2_x", ("my-app.v2_x",)),
    ],
)
def test_each_of_several_apps_counts_once(text: str, targets: tuple[str, ...]) -> None:
    assert inputs(GOOD | {"CF_APP": text}).targets == targets


def test_an_app_by_guid_needs_no_organization_and_no_space() -> None:
    assert mistakes({"CF_API": API, "CF_APP": f"{APP},{APP.upper()}", **PERSON}) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"CF_APP": " , "}, ["CF_APP: must name at least one app"], id="no-app"),
        pytest.param({"CF_ORG": "a\nb"}, ["CF_ORG: must be one line"], id="two-lines"),
        pytest.param(
            {"CF_STRATEGY": "canary"}, ["CF_STRATEGY: must be 'start', 'restart' or 'rolling'"], id="strategy"
        ),
        pytest.param({"CF_READY": "most"}, ["CF_READY: must be 'all' or 'any'"], id="ready"),
        pytest.param(
            {"CF_DOCKER_USERNAME": "bot", "DEPLOYER_APP_IMAGE": "a/b:1"},
            ["CF_DOCKER_USERNAME and CF_DOCKER_PASSWORD require each other"],
            id="incomplete-registry-login",
        ),
        pytest.param(
            {"CF_DOCKER_USERNAME": "bot", "CF_DOCKER_PASSWORD": MARK},
            ["CF_DOCKER_USERNAME requires DEPLOYER_APP_IMAGE"],
            id="registry-login-without-image",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": "a/b:1", "DEPLOYER_COMMAND": "restart"},
            ["DEPLOYER_APP_IMAGE can't be combined with `command: restart`, only with `command: deploy`"],
            id="image-without-deployment",
        ),
    ],
)
def test_mistakes_in_inputs_are_reported(more: Mapping[str, str], expected: list[str]) -> None:
    assert mistakes({**GOOD, **more}) == expected


@pytest.mark.parametrize(
    "image",
    [
        "web:1",
        ":1.2.3",
        "ghcr.io/acme/web:v1",
        "registry.local:5000/web:1",
        "LOCALHOST:5000/web:1",
        f"acme/web@sha256:{'a' * 64}",
        f"acme/web:1@sha256:{'a' * 64}",
    ],
)
def test_an_image_is_kept_as_it_is(image: str) -> None:
    assert connected(GOOD | {"DEPLOYER_APP_IMAGE": image}).options == Options(image=image)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("acme/web", "has no tag (`latest` must be explicit)"),
        ("registry.local:5000/web", "has no tag (`latest` must be explicit)"),
        ("https://ghcr.io/acme/web:1", "must be an image, not a URL"),
        ("acme/web@sha256:abc", "must end in 64 hex digits (0-9, a-f) after @sha256:"),
        ("acme/web@", "must end in 64 hex digits (0-9, a-f) after @sha256:"),
        (f"@sha256:{'a' * 64}", "is not a valid image"),
        ("acme/Web:1", "must be lower case"),
        ("acme/web:1 2", "has an invalid tag"),
        ("acme/web:", "has an invalid tag"),
        (":", "has an invalid tag"),
        ("/:1", "is not a valid image"),
        (f"john:{MARK}@ghcr.io/web:1", "must end in 64 hex digits (0-9, a-f) after @sha256:"),
        (f"acme web{MARK}:1", "is not a valid image"),
    ],
)
def test_an_invalid_image_is_reported_without_repeating_it(image: str, words: str) -> None:
    expected = mistakes(GOOD | {"DEPLOYER_APP_IMAGE": image})
    assert len(expected) == 1
    assert expected[0].startswith(f"DEPLOYER_APP_IMAGE: {words}")
    assert MARK not in expected[0]


# --- the login


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param(PERSON, [], id="a-user"),
        pytest.param(PERSON | {"CF_ORIGIN": "ldap"}, [], id="a-user-of-another-identity-provider"),
        pytest.param(CLIENT, [], id="a-client"),
        pytest.param(TOKEN, [], id="an-identity-token"),
        pytest.param(TOKEN | {"CF_CLIENT_ID": "ci"}, [], id="a-client-by-identity-token"),
        pytest.param(TOKEN | CLIENT, [], id="a-user-by-identity-token-through-a-client"),
        pytest.param(
            {}, [f"CF_ASSERTION is missing: an identity token that the CI system issues. {WAYS}"], id="none"
        ),
        pytest.param({"CF_USERNAME": "john"}, ["CF_USERNAME requires CF_PASSWORD"], id="no-password"),
        pytest.param({"CF_PASSWORD": MARK}, ["CF_PASSWORD requires CF_USERNAME"], id="no-user"),
        pytest.param(
            {"CF_ORIGIN": "ldap"},
            ["CF_ORIGIN requires CF_USERNAME", "CF_ORIGIN requires CF_PASSWORD"],
            id="only-an-origin",
        ),
        pytest.param(
            {"CF_CLIENT_ID": "ci"},
            ["CF_CLIENT_ID requires CF_CLIENT_SECRET or CF_ASSERTION"],
            id="no-client-secret",
        ),
        pytest.param(
            {"CF_CLIENT_SECRET": MARK},
            ["CF_CLIENT_SECRET requires CF_CLIENT_ID"],
            id="no-client",
        ),
        pytest.param(
            PERSON | CLIENT,
            ["CF_USERNAME and CF_CLIENT_ID belong to different logins. Remove one of them"],
            id="two",
        ),
        pytest.param(
            PERSON | TOKEN,
            ["CF_USERNAME and CF_ASSERTION belong to different logins. Remove one of them"],
            id="two-others",
        ),
        pytest.param(
            TOKEN | {"CF_ORIGIN": "x"},
            ["CF_ORIGIN and CF_ASSERTION belong to different logins. Remove one of them"],
            id="origin",
        ),
    ],
)
def test_exactly_one_complete_login_is_required(environ: Mapping[str, str], expected: list[str]) -> None:
    assert mistakes({**PLACE, **environ}) == expected


@pytest.mark.parametrize(
    "text", [MARK, f"ghs_{MARK}", f"a.{MARK}", f"a.{MARK}.c.d", f"a.{MARK} .c", f"Bearer a.{MARK}.c"]
)
def test_an_invalid_identity_token_is_not_sent(text: str) -> None:
    expected = mistakes(PLACE | {"CF_ASSERTION": text})
    assert [
        (each.startswith("CF_ASSERTION: is not an identity token"), MARK in each) for each in expected
    ] == [(True, False)]


@pytest.mark.parametrize("name", ["CF_PASSWORD", "CF_CLIENT_SECRET", "CF_ASSERTION", "CF_DOCKER_PASSWORD"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'"{MARK}"', placeholders.QUOTED),
        ("$CF_PASSWORD", placeholders.UNFILLED),
        ("$cf_password", placeholders.UNFILLED),
        ("${{ secrets.CF }}", placeholders.UNFILLED),
        ("$(CF_PASSWORD)", placeholders.UNFILLED),
        ("***", placeholders.MASKED),
    ],
)
def test_an_invalid_secret_is_reported_before_it_counts_as_a_failed_login(
    name: str, text: str, words: str
) -> None:
    assert f"{name}: {words}" in mistakes(PLACE | {name: text})


def test_every_secret_may_come_from_a_file(tmp_path: Path) -> None:
    files = {}
    for name in ("CF_PASSWORD", "CF_DOCKER_PASSWORD"):
        (tmp_path / name).write_text(f" {MARK} {name}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)
    found = connected(
        PLACE | files | {"CF_USERNAME": "john", "CF_DOCKER_USERNAME": "bot", "DEPLOYER_APP_IMAGE": "a/b:1"}
    )
    assert found.options.docker_password == f" {MARK} CF_DOCKER_PASSWORD"


def test_every_secret_is_redacted() -> None:
    environ = GOOD | {
        "CF_DOCKER_USERNAME": "bot",
        "CF_DOCKER_PASSWORD": f"{MARK}-docker",
        "DEPLOYER_APP_IMAGE": "a/b:1",
    }
    found, raw = read(environ)
    assert set(CloudFoundry.secrets(raw)) == {f"{MARK}-password", f"{MARK}-docker", ""}
    assert set(CloudFoundry.secrets(read(PLACE | CLIENT | TOKEN)[1])) == {f"{MARK}-client", JWT, ""}
    assert MARK not in repr((found, connected(environ).options))


@pytest.mark.parametrize(
    ("address", "warned"), [("http://api.example.org", 1), (API, 0), ("http://localhost:8080", 0)]
)
def test_a_login_over_plain_http_is_a_warning(address: str, warned: int) -> None:
    assert len(inputs(GOOD | {"CF_API": address}).warnings) == warned


# --- what becomes of them


@pytest.mark.parametrize(
    ("more", "options"),
    [
        pytest.param({}, Options(), id="nothing"),
        pytest.param(
            {"CF_STRATEGY": "rolling", "CF_READY": "any"},
            Options(strategy="rolling", ready="any"),
            id="strategy-and-ready",
        ),
        pytest.param({"DEPLOYER_WAIT": "false"}, Options(wait=False), id="wait"),
        pytest.param({"DEPLOYER_DRY_RUN": "true"}, Options(), id="dry-run"),
        pytest.param({"DEPLOYER_COMMAND": "check"}, Options(command=Command.CHECK), id="check"),
        pytest.param({"DEPLOYER_COMMAND": "stop"}, Options(command=Command.STOP), id="stop"),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": "a/b:1", "CF_DOCKER_USERNAME": "bot", "CF_DOCKER_PASSWORD": "pw"},
            Options(image="a/b:1", docker_username="bot", docker_password="pw"),
            id="image",
        ),
    ],
)
def test_the_inputs_become_options(more: Mapping[str, str], options: Options) -> None:
    assert connected({**GOOD, **more}).options == options


@pytest.mark.parametrize(
    ("login", "sent"),
    [
        pytest.param("https://uaa.example.org", "open", id="under-the-same-parent"),
        pytest.param("https://uaa.sys.example.org:8443", "open", id="below-it"),
        pytest.param("https://api.example.org:8443", "open", id="the-api-s-own-host"),
        pytest.param("https://login.example.net", None, id="another-domain"),
        pytest.param("https://evilexample.org", None, id="same-suffix-only"),
        pytest.param("https://example.org.evil.net", None, id="same-prefix-only"),
        pytest.param("https://example.org", None, id="the-parent-itself"),
    ],
)
def test_headers_are_only_sent_to_the_apis_domain_and_the_login_where_the_api_says(
    login: str, sent: str | None, wire: responses.RequestsMock
) -> None:
    """They are secrets of a gateway in front of the API.

    The password follows the API's own link, as in the official client.
    """
    found = body("root-get-200")
    links = {**found["links"], "login": {"href": login}, "uaa": {"href": login}}
    wire.get(f"{API}/", json={**found, "links": links})
    serve(wire, "uaa-token-password-200", path=f"{login}/oauth/token")
    connected(GOOD | {"DEPLOYER_HEADERS": "X-Gate: open"}).connect()
    assert [call.request.headers.get("X-Gate") for call in wire.calls] == ["open", sent]
    assert [bool(call.request.headers.get("Authorization")) for call in wire.calls] == [False, True]


@pytest.mark.parametrize(
    ("address", "base", "near"),
    [
        pytest.param(
            "https://UAA.sys.example.com./",
            "https://api.sys.example.com",
            True,
            id="case-and-a-dot-at-the-end",
        ),
        pytest.param("https://uaa.example", "https://api.example", False, id="top-level-domain"),
        pytest.param("https://api.example", "https://api.example", True, id="the-same-host-of-two-labels"),
        pytest.param("http://10.0.0.2", "http://10.0.0.1", False, id="ip-addresses-have-no-parent-domain"),
        pytest.param("http://10.0.0.1:8080", "http://10.0.0.1", True, id="another-port-of-the-same-machine"),
        pytest.param("http://[::2]", "http://[::1]", False, id="ipv6-addresses-neither"),
        pytest.param("http://localhost:2", "http://localhost:1", True, id="a-single-name"),
    ],
)
def test_which_hosts_share_the_apis_domain(address: str, base: str, *, near: bool) -> None:
    assert discovery.shares_domain(address, base) is near


def test_headers_are_sent_to_every_host_of_the_foundation(wire: responses.RequestsMock) -> None:
    """What stands in front of the API stands in front of its login server, too."""
    serve(wire, "root-get-200", path=f"{API}/")
    serve(wire, "uaa-token-password-200", path=f"{LOGIN}/oauth/token")
    connected(GOOD | {"DEPLOYER_HEADERS": "X-Gate: open"}).connect()
    assert [call.request.headers.get("X-Gate") for call in wire.calls] == ["open", "open"]
    assert [call.request.headers["User-Agent"] for call in wire.calls] == [AGENT, AGENT]


def test_a_rehearsal_requires_no_inputs_and_names_those_it_ignores() -> None:
    environ = {
        "DEPLOYER_VERIFY_URL": "auto",
        "CF_STRATEGY": "rolling",
        "CF_READY": "any",
        "DEPLOYER_REHEARSE": "success",
    }
    raw = look_up((Common, CloudFoundry), GOOD | environ)
    session = {
        "cf_api": "http://127.0.0.1:1",
        "cf_client_id": "robot",
        "cf_client_secret": "simulated",
        "cf_app": APP,
        "cf_ready": "all",
    }
    ignored = CloudFoundry.use_simulator(raw, session)
    found = CloudFoundry.read(raw)
    assert ignored == ["CF_API", "CF_USERNAME", "CF_PASSWORD", "CF_ORG", "CF_SPACE", "CF_APP", "CF_READY"]
    assert raw.mistakes == []
    assert found is not None
    assert (found.cf_api, found.targets, found.cf_strategy, found.cf_username) == (
        "http://127.0.0.1:1",
        (APP,),
        "rolling",
        "",
    )
    assert found.cf_ready == "all"


def test_conflicts_are_reported_once_in_a_rehearsal_too() -> None:
    raw = look_up(
        (Common, CloudFoundry),
        {"CF_DOCKER_USERNAME": "bot", "CF_DOCKER_PASSWORD": "pw", "DEPLOYER_REHEARSE": "success"},
    )
    CloudFoundry.use_simulator(raw, {"cf_api": API, "cf_username": "a", "cf_password": "b", "cf_app": APP})
    CloudFoundry.read(raw)
    assert raw.mistakes == ["CF_DOCKER_USERNAME requires DEPLOYER_APP_IMAGE"]


# --- which platform


def run_main(environ: Mapping[str, str], capfdbinary: pytest.CaptureFixture[bytes]) -> tuple[int, list[str]]:
    code = main([], environ, StillClock())  # type: ignore[arg-type]  # by shape, as everywhere in the tests
    return code, [
        line
        for line in capfdbinary.readouterr().out.decode().splitlines()
        if line.startswith(("ERROR", "WARN", "NOTICE"))
    ]


@pytest.mark.parametrize(
    ("environ", "first"),
    [
        pytest.param({}, "COOLIFY_URL is missing", id="nothing"),
        pytest.param({"CF_API": API}, "CF_APP is missing", id="by-its-inputs"),
        pytest.param({"DEPLOYER_PROVIDER": "cloudfoundry"}, "CF_API is missing", id="by-name"),
        pytest.param(
            {"DEPLOYER_PROVIDER": "coolify", "CF_API": API},
            "COOLIFY_URL is missing",
            id="by-name-of-the-other",
        ),
        pytest.param(
            {"DEPLOYER_PROVIDER": "cloudfoundry", "COOLIFY_URL": "x"},
            "CF_API is missing",
            id="by-name-with-inputs-of-the-other",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": "a:1"}, "COOLIFY_URL is missing", id="shared-inputs-select-nothing"
        ),
        pytest.param(
            {"CF_CLIENT_ID": "a", "CF_CLIENT_SECRET": "b"},
            "COOLIFY_URL is missing",
            id="inputs-that-cloudflare-access-also-has",
        ),
        pytest.param({"DEPLOYER_PROVIDER": "CloudFoundry"}, "CF_API is missing", id="by-name-in-capitals"),
        pytest.param(
            {"DEPLOYER_PROVIDER": "heroku"},
            "DEPLOYER_PROVIDER: must be 'coolify' or 'cloudfoundry'",
            id="unknown-name",
        ),
        pytest.param(
            {"CF_API": API, "COOLIFY_URL": "x"},
            "COOLIFY_URL (coolify) and CF_API (cloudfoundry) select different platforms. "
            "Set DEPLOYER_PROVIDER",
            id="both",
        ),
    ],
)
def test_the_platform_is_selected_by_its_inputs(
    environ: Mapping[str, str], first: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, lines = run_main(environ, capfdbinary)
    assert code == 2
    assert lines[0].startswith(f"ERROR: Deployer: {first}")


def test_an_input_of_the_other_platform_in_the_same_step_is_a_mistake(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A variable of another job's may stand beside it."""
    environ = {
        "DEPLOYER_PROVIDER": "cloudfoundry",
        "INPUT_ENV": "A=1",
        "DEPLOYER_TAG": "blue",
        "COOLIFY_URL": "x",
    }
    _, lines = run_main(environ, capfdbinary)
    assert lines[:2] == [
        "WARNING: Deployer: DEPLOYER_TAG has no effect: DEPLOYER_PROVIDER is cloudfoundry",
        "ERROR: Deployer: env has no effect: DEPLOYER_PROVIDER is cloudfoundry",
    ]
    assert not any("COOLIFY_URL" in line for line in lines)


@pytest.mark.parametrize("name", ["CF_ASSERTION", "CF_PASSWORD", "CF_CLIENT_SECRET"])
def test_a_run_without_a_secret_may_be_skipped(name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    environ = PLACE | {"DEPLOYER_ON_MISSING_SECRET": "skip"}
    assert run_main(environ, capfdbinary) == (
        0,
        ["NOTICE: Deployer: CF_ASSERTION is not set: skipped, nothing was deployed"],
    )
    assert run_main({**environ, name: MARK}, capfdbinary)[0] == 2
