"""Coolify: its inputs, in every form in which people paste them, and invalid ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import responses

from deployer.model import Command
from deployer.providers.coolify.inputs import parsers
from deployer.providers.coolify.inputs.fields import Coolify
from deployer.providers.coolify.options import Options
from deployer.settings import Common, RawInputs, look_up
from tests.providers.coolify.support import API, BASE, IMG, TOKEN, WEB, body, connected, provider_context


def read(environ: Mapping[str, str]) -> tuple[Coolify | None, RawInputs]:
    raw = look_up((Common, Coolify), environ)
    return Coolify.read(raw), raw


def coolify(**environ: str) -> Coolify:
    inputs, raw = read({"COOLIFY_TOKEN": TOKEN, **environ})
    assert inputs is not None, raw.mistakes
    return inputs


def mistakes(**environ: str) -> list[str]:
    return read({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB, **environ})[1].mistakes


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("coolify.example.com", BASE),
        ("https://coolify.example.com", BASE),
        ("https://coolify.example.com/", BASE),
        ("https://coolify.example.com//", BASE),
        ("https://coolify.example.com/api", BASE),
        ("https://coolify.example.com/api/v1", BASE),
        ("https://coolify.example.com/api/v1/", BASE),
        ("https://coolify.example.com//api/v1", BASE),
        ("coolify.example.com/api/v1/", BASE),
        ("  https://coolify.example.com\n", BASE),
        ("HTTPS://coolify.example.com", BASE),
        ("https://coolify.example.com/?x=1#y", BASE),
        ("http://203.0.113.7:8000", "http://203.0.113.7:8000"),
        ("203.0.113.7:8000/api/v1", "https://203.0.113.7:8000"),
        ("localhost:8000", "https://localhost:8000"),
        ("http://[2001:db8::1]:8000/", "http://[2001:db8::1]:8000"),
        ("[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://example.com/coolify/", "https://example.com/coolify"),
        ("https://example.com/apian", "https://example.com/apian"),
        ("https://coolify.example.com.", "https://coolify.example.com."),
        ("coolify", "https://coolify"),
        ("my_coolify-1:8000", "https://my_coolify-1:8000"),
        (f"https://{'a' * 63}.example.com", f"https://{'a' * 63}.example.com"),
        ("https://köln.example.com", "https://köln.example.com"),
    ],
)
def test_a_url_is_accepted_in_every_form_that_people_paste(text: str, base: str) -> None:
    assert coolify(COOLIFY_URL=text, DEPLOYER_UUID=WEB).base == base


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("ftp://coolify.example.com", "must start with https:// or http://", id="ftp"),
        pytest.param(
            "https://admin:hunter22@coolify.example.com",
            "must not contain a user name or password",
            id="a-password",
        ),
        pytest.param(
            "admin:hunter22@coolify.example.com",
            "must not contain a user name or password",
            id="a-password-without-scheme",
        ),
        pytest.param(
            "https://hunter22@coolify.example.com", "must not contain a user name or password", id="a-user"
        ),
        pytest.param("https://coolify .example.com", "is not a valid URL", id="a-space"),
        pytest.param("https://a.example.com https://b.example.com", "is not a valid URL", id="two"),
        pytest.param("https://coolify\n.example.com", "is not a valid URL", id="a-line-break"),
        pytest.param("https://", "is not a valid URL", id="no-host"),
        pytest.param("https:///api/v1", "is not a valid URL", id="no-host-but-a-path"),
        pytest.param(
            "https://coolify.example.com:port", "is not a valid URL", id="a-port-that-is-not-a-number"
        ),
        pytest.param("https://coolify.example.com:99999", "is not a valid URL", id="a-port-that-is-too-high"),
        pytest.param("https://[::1", "is not a valid URL", id="half-an-ipv6"),
        pytest.param(
            "https://coolify.example.com:9|hunter22", "is not a valid URL", id="a-token-behind-a-colon"
        ),
        pytest.param(
            "https://coolify.example.com/api/v1/9|hunter22", "is not a valid URL", id="a-token-in-the-path"
        ),
        pytest.param("admin:hunter22", "is not a valid URL", id="a-login-and-no-host"),
        pytest.param(
            "hunter22://coolify.example.com",
            "must start with https:// or http://",
            id="a-token-as-the-scheme",
        ),
        pytest.param(
            "https://hunter22\u2100.example.com", "is not a valid URL", id="what-python-would-quote"
        ),
        pytest.param(
            "https://-coolify.example.com", "is not a valid URL", id="a-label-that-begins-with-a-hyphen"
        ),
        pytest.param(f"https://{'a' * 64}.example.com", "is not a valid URL", id="a-label-that-is-too-long"),
        pytest.param(f"https://{'a.' * 127}example.com", "is not a valid URL", id="a-name-that-is-too-long"),
        pytest.param("https:/admin:hunter22@coolify.example.com", "is not a valid URL", id="half-a-scheme"),
        pytest.param("7|hunter22", "is not a valid URL", id="a-token"),
        pytest.param("https://7|hunter22", "is not a valid URL", id="a-token-behind-a-scheme"),
        pytest.param("https://coolify.example.com|hunter22/api/v1", "is not a valid URL", id="a-bar"),
        pytest.param("https://coolify..example.com", "is not a valid URL", id="an-empty-label"),
        pytest.param("https://.example.com", "is not a valid URL", id="an-empty-first-label"),
        pytest.param("https://coolify.example.com..", "is not a valid URL", id="two-dots-at-the-end"),
        pytest.param("https://.", "is not a valid URL", id="only-a-dot"),
        pytest.param(f"https://{'a' * 64}.example.com", "is not a valid URL", id="a-label-of-64"),
        pytest.param(
            f"https://{'ü' * 63}.example.com",
            "is not a valid URL",
            id="a-label-that-is-too-long-once-it-is-encoded",
        ),
        pytest.param(f"https://{'a.' * 126}example.com", "is not a valid URL", id="a-name-of-more-than-253"),
        pytest.param(
            "https://coolify.example-.com", "is not a valid URL", id="a-label-that-ends-with-a-hyphen"
        ),
        pytest.param("https://coolify.$HOST", "is not a valid URL", id="a-variable-that-was-not-expanded"),
        pytest.param("https://coolify%2Eexample.com", "is not a valid URL", id="percent-encoded"),
    ],
)
def test_an_invalid_url_is_a_mistake_under_its_name(text: str, words: str) -> None:
    found = mistakes(COOLIFY_URL=text)
    assert len(found) == 1
    assert found[0].startswith("COOLIFY_URL: ")
    assert words in found[0]
    assert "hunter22" not in found[0]


@pytest.mark.parametrize(
    ("text", "base", "uuids", "force"),
    [
        pytest.param(f"{API}/deploy?uuid={WEB}&force=false", BASE, (WEB,), None, id="as-coolify-shows-it"),
        pytest.param(f"{API}/deploy?uuid={WEB}", BASE, (WEB,), None, id="without-force"),
        pytest.param(f"{API}/deploy?uuid={WEB}&force=true", BASE, (WEB,), "true", id="with-force"),
        pytest.param(f"{API}/deploy?force=false&uuid={WEB},{IMG}", BASE, (WEB, IMG), None, id="two"),
        pytest.param(f"{API}/deploy?uuid={WEB}%2C%20{IMG}", BASE, (WEB, IMG), None, id="two-encoded"),
        pytest.param(f"{API}/deploy?uuid={WEB}&uuid={IMG}", BASE, (WEB, IMG), None, id="twice"),
        pytest.param(f"{API}/deploy/?uuid={WEB}", BASE, (WEB,), None, id="a-trailing-slash"),
        pytest.param(
            f"coolify.example.com/api/v1/deploy?uuid={WEB}", BASE, (WEB,), None, id="without-scheme"
        ),
        pytest.param(
            f"http://203.0.113.7:8000/api/v1/deploy?uuid={WEB}",
            "http://203.0.113.7:8000",
            (WEB,),
            None,
            id="with-a-port",
        ),
    ],
)
def test_a_webhook_sets_url_and_uuid_and_its_force_false_is_ignored(
    wire: responses.RequestsMock, text: str, base: str, uuids: tuple[str, ...], force: str | None
) -> None:
    inputs = coolify(COOLIFY_WEBHOOK=text)
    assert (inputs.base, inputs.targets) == (base, uuids)
    wire.post(f"{base}/api/v1/deploy", json=body("deploy_one"))
    common = Common.read(RawInputs())
    assert common is not None
    inputs.build_provider(common, provider_context()).trigger(WEB)
    assert urlsplit(str(wire.calls[0].request.url)).query == f"uuid={WEB}" + (
        f"&force={force}" if force else ""
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(BASE, "is not a Deploy Webhook URL", id="only-the-url"),
        pytest.param(
            f"{BASE}/webhooks/source/github/events", "is not a Deploy Webhook URL", id="the-webhook-for-git"
        ),
        pytest.param(f"{API}/deploy", "must contain a uuid or a tag", id="no-query"),
        pytest.param(f"{API}/deploy?uuid=", "must contain a uuid or a tag", id="an-empty-uuid"),
        pytest.param(f"{API}/deploy?uuid={WEB}&tag=blue", "must contain a uuid or a tag", id="both"),
        pytest.param(f"{API}/deploy?uuid=%2C", "is not a UUID", id="a-comma"),
        pytest.param(f"{API}/deploy?uuid=a/b", "is not a UUID", id="an-invalid-uuid"),
        pytest.param(
            f"https://admin:hunter22@coolify.example.com/api/v1/deploy?uuid={WEB}",
            "must not contain a user name or password",
            id="a-password",
        ),
    ],
)
def test_an_invalid_webhook_is_one_mistake(text: str, words: str) -> None:
    _, raw = read({"COOLIFY_TOKEN": TOKEN, "COOLIFY_WEBHOOK": text})
    assert len(raw.mistakes) == 1
    assert raw.mistakes[0].startswith("COOLIFY_WEBHOOK: ")
    assert words in raw.mistakes[0]
    assert "hunter22" not in raw.mistakes[0]


def test_explicit_inputs_take_precedence_over_the_webhook() -> None:
    webhook = f"{API}/deploy?uuid={WEB}&force=true"
    inputs = coolify(
        COOLIFY_WEBHOOK=webhook,
        COOLIFY_URL="https://other.example.com",
        DEPLOYER_UUID=IMG,
        DEPLOYER_FORCE="false",
    )
    assert (inputs.base, inputs.targets, inputs.force) == ("https://other.example.com", (IMG,), False)


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        (WEB, (WEB,)),
        (f"{WEB},{IMG}", (WEB, IMG)),
        (f"{WEB}, {IMG}", (WEB, IMG)),
        (f"{WEB} {IMG}", (WEB, IMG)),
        (f"\n{WEB}\r\n{IMG}\n", (WEB, IMG)),
        (f",{WEB},,{IMG},", (WEB, IMG)),
        (f"{WEB},{IMG},{WEB}", (WEB, IMG)),
        ("ABC-def-1", ("ABC-def-1",)),
    ],
)
def test_a_list_of_uuids_is_split_without_duplicates(text: str, targets: tuple[str, ...]) -> None:
    assert coolify(COOLIFY_URL=BASE, DEPLOYER_UUID=text).targets == targets


@pytest.mark.parametrize(
    "text", ["a/b", "..", "a?b", "é", "a_b", f"{WEB};{IMG}", "https://coolify.example.com/project/x"]
)
def test_an_invalid_uuid_is_a_mistake(text: str) -> None:
    found = mistakes(DEPLOYER_UUID=text)
    assert [each for each in found if each.startswith("DEPLOYER_UUID: ") and "is not a UUID" in each] == found
    assert len(found) == 1


@pytest.mark.parametrize("text", [",", " , ,\n,"])
def test_a_list_without_a_uuid_is_a_mistake(text: str) -> None:
    """An empty list must not count as everything deployed."""
    found = mistakes(DEPLOYER_UUID=text)
    assert len(found) == 1
    assert found[0].startswith("DEPLOYER_UUID")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("ghs_mArKeDsecret0000", id="github-actions"),
        pytest.param("ghp_mArKeDsecret0000", id="github-person"),
        pytest.param("github_pat_mArKeDsecret0000", id="github-fine-grained"),
        pytest.param("glpat-mArKeDsecret0000", id="gitlab"),
        pytest.param("7|mArKeDsecret 0000", id="a-space"),
        pytest.param("7|mArKeDsecret\n0000", id="a-line-break"),
        pytest.param("7|mArKeDsecret\x000000", id="a-nul"),
        pytest.param("7|mArKeDsecret…", id="not-ascii"),
        pytest.param("https://coolify.example.com/mArKeDsecret", id="a-url"),
        pytest.param("HTTP://mArKeDsecret", id="a-url-in-capitals"),
        pytest.param("Bearer 7|mArKeDsecret", id="a-header"),
        pytest.param("bearer 7|mArKeDsecret", id="a-header-in-lower-case"),
    ],
)
def test_a_token_that_is_not_coolify_s_is_a_mistake_that_does_not_show_it(token: str) -> None:
    inputs, raw = read({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": token, "DEPLOYER_UUID": WEB})
    assert inputs is None
    assert len(raw.mistakes) == 1
    assert raw.mistakes[0].startswith("COOLIFY_TOKEN: ")
    assert "mArKeDsecret" not in repr((raw.mistakes, raw.warnings))


@pytest.mark.parametrize("token", ["https://coolify.example.com", "Bearer 7|mArKeDsecret"])
def test_a_token_that_is_a_url_or_a_header_is_reported_as_such(token: str) -> None:
    assert mistakes(COOLIFY_TOKEN=token) == [
        "COOLIFY_TOKEN: must be the token alone, without a URL or header"
    ]


def test_a_token_set_as_the_url_is_reported_without_showing_it() -> None:
    assert mistakes(COOLIFY_URL=TOKEN) == [
        "COOLIFY_URL: is not a valid URL. Write https://coolify.example.com"
    ]
    assert mistakes(COOLIFY_URL=TOKEN, COOLIFY_TOKEN=BASE) == [
        "COOLIFY_URL: is not a valid URL. Write https://coolify.example.com",
        "COOLIFY_TOKEN: must be the token alone, without a URL or header",
    ]


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("http://coolify.example.com", True),
        ("http://coolify.example.com:8000", True),
        ("http://8.8.8.8:8000", True),
        ("http://[2606:4700:4700::1111]:8000", True),
        ("https://coolify.example.com", False),
        ("http://localhost:8000", False),
        ("http://127.0.0.1:8000", False),
        ("http://10.1.2.3:8000", False),
        ("http://192.168.0.7", False),
        ("http://[fd00::1]:8000", False),
        ("http://coolify", False),
        ("http://coolify.local", False),
        ("http://coolify.internal", False),
    ],
)
def test_a_token_that_would_be_sent_unencrypted_is_a_warning(address: str, *, warned: bool) -> None:
    warnings = coolify(COOLIFY_URL=address, DEPLOYER_UUID=WEB).warnings
    assert [("not encrypted" in each, "https://" in each) for each in warnings] == [(True, True)] * warned


def test_everything_that_is_missing_is_reported_at_once() -> None:
    _, raw = read({})
    assert [each.partition(" is missing: ")[0] for each in raw.mistakes] == [
        "COOLIFY_URL",
        "COOLIFY_TOKEN",
        "DEPLOYER_UUID",
    ]


# --- the options


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        pytest.param({}, Options(), id="nothing"),
        pytest.param({"DEPLOYER_FORCE": "true"}, Options(force=True), id="force"),
        pytest.param({"DEPLOYER_INSTANT_DEPLOY": "true"}, Options(instant=True), id="instant"),
        pytest.param({"DEPLOYER_WAIT": "false"}, Options(wait=False), id="wait"),
        pytest.param({"DEPLOYER_DRY_RUN": "true"}, Options(read_only=True), id="dry-run"),
        pytest.param(
            {"DEPLOYER_COMMAND": "check"}, Options(command=Command.CHECK, read_only=True), id="check"
        ),
        pytest.param({"DEPLOYER_COMMAND": "restart"}, Options(command=Command.RESTART), id="restart"),
        pytest.param({"DEPLOYER_COMMAND": "cancel"}, Options(command=Command.CANCEL), id="cancel"),
        pytest.param(
            {"DEPLOYER_PR": "#7", "DEPLOYER_DOCKER_TAG": "pr-7"},
            Options(pr=7, docker_tag="pr-7"),
            id="preview",
        ),
        pytest.param({"DEPLOYER_PULL_LATEST": "false"}, Options(pull_latest=False), id="pull-latest"),
        pytest.param({"DEPLOYER_COMMIT": "a" * 40}, Options(pinned=True), id="commit"),
        pytest.param({"DEPLOYER_COMMIT": "HEAD"}, Options(pinned=True), id="head"),
        pytest.param(
            {"DEPLOYER_UUID": "", "DEPLOYER_TAG": "Blue, green"},
            Options(tags=frozenset({"blue", "green"})),
            id="tags",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_HEALTH": "true", "DEPLOYER_VERIFY_TIMEOUT": "5m"},
            Options(verify_health="true", verify_timeout=300),
            id="health",
        ),
        pytest.param(
            {"DEPLOYER_UUID": "", "COOLIFY_WEBHOOK": f"{API}/deploy?tag=blue&force=true"},
            Options(force=True, tags=frozenset({"blue"})),
            id="a-webhook-with-a-tag",
        ),
    ],
)
def test_the_inputs_become_options(environ: Mapping[str, str], options: Options) -> None:
    assert connected(environ).options == options


# --- create

PORTS_WRONG = (
    "must be the ports that the container listens on, such as 80 or 80,443. Set a mapping "
    "(8080:80) in `settings`"
)
CREATE = {
    "DEPLOYER_UUID": "",
    "DEPLOYER_CREATE": "true",
    "DEPLOYER_NAME": "shop",
    "DEPLOYER_APP_IMAGE": "nginx:1.27",
}


def test_the_target_of_create_is_a_name() -> None:
    inputs = coolify(
        COOLIFY_URL=BASE,
        **CREATE,
        DEPLOYER_PORTS="80, 443",
        DEPLOYER_DOMAINS="https://a.example.com https://b.example.com",
    )
    assert (inputs.targets, inputs.by_name, inputs.has_changes) == (("shop",), True, True)
    assert (inputs.ports, inputs.domains) == ((80, 443), ("https://a.example.com", "https://b.example.com"))
    assert coolify(COOLIFY_URL=BASE, DEPLOYER_UUID=WEB, DEPLOYER_CREATE="false").by_name is False


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, [], id="valid"),
        pytest.param({"DEPLOYER_COMMAND": "start"}, [], id="start"),
        pytest.param({"DEPLOYER_COMMAND": "check"}, [], id="check"),
        pytest.param({"DEPLOYER_ENV": "A=1", "DEPLOYER_SETTINGS": '{"is_spa": true}'}, [], id="with-changes"),
        pytest.param(
            {"DEPLOYER_NAME": "", "DEPLOYER_APP_IMAGE": ""},
            [
                "DEPLOYER_NAME is missing: DEPLOYER_CREATE requires the name of the application",
                "DEPLOYER_APP_IMAGE is missing: DEPLOYER_CREATE requires the image to run",
            ],
            id="nothing-to-create",
        ),
        pytest.param(
            {"DEPLOYER_UUID": WEB},
            ["DEPLOYER_CREATE and DEPLOYER_UUID can't be combined: the application is found by its `name`"],
            id="uuid",
        ),
        pytest.param(
            {"COOLIFY_WEBHOOK": f"{API}/deploy?uuid={WEB}"},
            [
                (
                    "DEPLOYER_CREATE and COOLIFY_WEBHOOK can't be combined: "
                    "it names an existing application; set `coolify_url`"
                )
            ],
            id="webhook",
        ),
        pytest.param(
            {"DEPLOYER_TAG": "blue"},
            [
                "DEPLOYER_APP_IMAGE can't be combined with a tag. Set the uuids",
                "DEPLOYER_CREATE and DEPLOYER_TAG can't be combined: the application is found by its `name`",
            ],
            id="tag",
        ),
        pytest.param(
            {"DEPLOYER_PR": "7", "DEPLOYER_DOCKER_TAG": "pr-7"},
            [
                "DEPLOYER_APP_IMAGE would change the application itself. For a preview, set `docker_tag`",
                "DEPLOYER_CREATE and DEPLOYER_PR can't be combined: a preview needs an existing application",
                (
                    "DEPLOYER_CREATE and DEPLOYER_DOCKER_TAG can't be combined: a preview needs an existing "
                    "application"
                ),
            ],
            id="preview",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": ":1.27"},
            ["DEPLOYER_APP_IMAGE must be a complete image, such as name:tag, with DEPLOYER_CREATE"],
            id="a-tag-alone",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "restart"},
            [
                "DEPLOYER_APP_IMAGE can't be combined with `command: restart`, which deploys nothing",
                "DEPLOYER_CREATE can't be combined with `command: restart`, which deploys nothing",
            ],
            id="restart",
        ),
        pytest.param(
            {"DEPLOYER_SETTINGS": '{"ports_exposes": "80"}'},
            ["DEPLOYER_SETTINGS must not contain `ports_exposes`, which DEPLOYER_CREATE sets"],
            id="settings",
        ),
        pytest.param(
            {"DEPLOYER_PORTS": "8080:80"},
            [f"DEPLOYER_PORTS: {PORTS_WRONG}"],
            id="ports",
        ),
        pytest.param(
            {"DEPLOYER_DOMAINS": "shop.example.com"},
            ["DEPLOYER_DOMAINS: item 1 is not a valid URL. Write https://app.example.com"],
            id="domains",
        ),
        pytest.param(
            {"DEPLOYER_NAME": "a\nb"},
            ["DEPLOYER_NAME: must be one line of at most 255 characters"],
            id="two-lines",
        ),
        pytest.param(
            {"DEPLOYER_PROJECT": "x" * 256},
            ["DEPLOYER_PROJECT: must be one line of at most 255 characters"],
            id="long",
        ),
        pytest.param(
            {"DEPLOYER_CREATE": "maybe"}, ["DEPLOYER_CREATE: must be true or false, not 'maybe'"], id="maybe"
        ),
        pytest.param(
            {"DEPLOYER_CREATE": "false", "DEPLOYER_UUID": WEB, "DEPLOYER_PORTS": "80"},
            [
                "DEPLOYER_NAME requires `create: true`",
                "DEPLOYER_PORTS requires `create: true`",
            ],
            id="not-created",
        ),
    ],
)
def test_conflicts_of_create_are_mistakes_before_anything_is_sent(
    environ: Mapping[str, str], expected: list[str]
) -> None:
    assert mistakes(**{**CREATE, **environ}) == expected


def test_a_rehearsal_creates_in_the_simulator() -> None:
    raw = look_up((Common, Coolify), {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, **CREATE})
    assert Coolify.use_simulator(
        raw, {"coolify_url": "http://127.0.0.1:1", "coolify_token": "none", "uuid": WEB}
    ) == [
        "COOLIFY_URL",
        "COOLIFY_TOKEN",
    ]
    inputs = Coolify.read(raw)
    assert inputs is not None, raw.mistakes
    assert (inputs.base, inputs.targets) == ("http://127.0.0.1:1", ("shop",))


# --- what two inputs would both set

BOTH = "A: set in both DEPLOYER_ENV and DEPLOYER_ENV_FILE. Remove one"
TAG_TWICE = "DEPLOYER_SETTINGS must not contain `docker_registry_image_tag`, which DEPLOYER_APP_IMAGE sets"
NO_LINE = "is not KEY=value (a value of several lines must be quoted)"
TAGGED = {"DEPLOYER_APP_IMAGE": ":2", "DEPLOYER_SETTINGS": '{"docker_registry_image_tag": "1"}'}


@pytest.mark.parametrize(
    ("environ", "file", "expected"),
    [
        pytest.param({"DEPLOYER_ENV": "A=1\nB=2"}, "B=3", [BOTH.replace("A:", "B:")], id="a-variable"),
        pytest.param({"DEPLOYER_ENV": "A=1"}, "B=3", [], id="two-variables"),
        pytest.param(TAGGED, None, [TAG_TWICE], id="a-field"),
        pytest.param(
            {"INPUT_IMAGE": ":2", "INPUT_SETTINGS": TAGGED["DEPLOYER_SETTINGS"]},
            None,
            ["settings must not contain `docker_registry_image_tag`, which image sets"],
            id="in-a-workflow",
        ),
        pytest.param(
            TAGGED | {"DEPLOYER_ENV": "oops"},
            "A=1",
            [TAG_TWICE, f"DEPLOYER_ENV: line 1 {NO_LINE}"],
            id="beside-a-bad-env",
        ),
        pytest.param(
            TAGGED, "oops", [TAG_TWICE, f"DEPLOYER_ENV_FILE: line 1 {NO_LINE}"], id="beside-a-bad-file"
        ),
        pytest.param(
            {"DEPLOYER_SETTINGS": "[]", "DEPLOYER_ENV": "A=1"},
            "A=2",
            [BOTH, "DEPLOYER_SETTINGS: must be"],
            id="beside-bad-settings",
        ),
    ],
)
def test_what_two_inputs_would_both_set_is_reported_by_the_names_that_were_typed(
    tmp_path: Path, environ: Mapping[str, str], file: str | None, expected: list[str]
) -> None:
    path = tmp_path / "variables"
    if file is not None:
        path.write_text(file)
        environ = {**environ, "DEPLOYER_ENV_FILE": str(path)}
    found = mistakes(DEPLOYER_UUID=WEB, **environ)
    assert len(found) == len(expected), found
    assert [each for each in expected if not any(sentence.startswith(each) for sentence in found)] == [], (
        found
    )


# --- the file of variables


def test_a_file_of_variables_is_read(tmp_path: Path) -> None:
    path = tmp_path / "variables"
    path.write_bytes(b"\xef\xbb\xbfA=1\r\nB='two\nlines'\n")
    inputs = coolify(COOLIFY_URL=BASE, DEPLOYER_UUID=WEB, DEPLOYER_ENV_FILE=str(path))
    assert {key: value.get_secret_value() for key, value in inputs.env_file.items()} == {
        "A": "1",
        "B": "two\nlines",
    }


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(parsers.MAX_FILE_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(_pipe, "is not a regular file", id="a-pipe"),
        pytest.param(Path.mkdir, "is not a regular file", id="a-folder"),
        pytest.param(_large, "is larger than 1024 KiB", id="too-large"),
        pytest.param(lambda path: path.write_bytes(b"A=\xff"), "is not encoded in UTF-8", id="not-utf-8"),
        pytest.param(lambda _: None, "could not be read: No such file or directory", id="missing"),
    ],
)
def test_a_file_of_variables_must_be_a_small_regular_one(
    tmp_path: Path, make: Callable[[Path], object], expected: str
) -> None:
    """A pipe can be read only once, and one without a writer would block the run."""
    path = tmp_path / "variables"
    make(path)
    assert mistakes(DEPLOYER_UUID=WEB, DEPLOYER_ENV_FILE=str(path)) == [f"DEPLOYER_ENV_FILE: {expected}"]
