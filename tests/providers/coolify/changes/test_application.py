"""Coolify: image, settings and commit: what is sent, how it is reported, and what is never shown."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.model import RefusedError
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes import application, application_settings, images
from deployer.providers.coolify.changes.application import Patch
from deployer.providers.coolify.changes.images import Image
from deployer.providers.coolify.changes.rejections import rejections, without_secrets
from tests.providers.coolify.support import NEW, Row, body

HEX = "a" * 64
OTHER = "b" * 64
SHA = "abcdef1234567890abcdef1234567890abcdef12"
MARKED = "mArKeDsecret"
NEWEST, OLDEST = Version(NEW), Version("4.0.0-beta.380")


def image_row(name: str | None = "ghcr.io/acme/shop", tag: str | None = "1.0.0", **more: Any) -> Row:
    return {
        "build_pack": "dockerimage",
        "docker_registry_image_name": name,
        "docker_registry_image_tag": tag,
        **more,
    }


# --- image: parsing

IMAGES = [
    pytest.param("nginx:1.27", Image("nginx", "1.27"), id="name-and-tag"),
    pytest.param(
        " ghcr.io/acme/shop:v1.2_3-x ", Image("ghcr.io/acme/shop", "v1.2_3-x"), id="surrounding-spaces"
    ),
    pytest.param("localhost:5000/shop:1", Image("localhost:5000/shop", "1"), id="registry-with-port"),
    pytest.param(":2.0", Image("", "2.0"), id="tag-only"),
    pytest.param(f"ghcr.io/a/b@sha256:{HEX}", Image("ghcr.io/a/b", digest=HEX), id="digest"),
    pytest.param(
        f"r.example.com:443/a/b@sha256:{HEX}",
        Image("r.example.com:443/a/b", digest=HEX),
        id="port-and-digest",
    ),
    pytest.param(f"a/b:1@sha256:{HEX}", Image("a/b", digest=HEX), id="the-digest-takes-precedence"),
]


@pytest.mark.parametrize(("text", "expected"), IMAGES)
def test_an_image_is_read_as_docker_writes_it(text: str, expected: Image) -> None:
    assert images.parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("nginx", "has no tag", id="no-tag"),
        pytest.param("localhost:5000/shop", "has no tag", id="a-port-is-not-a-tag"),
        pytest.param("Nginx:1", "lower case", id="upper-case"),
        pytest.param("nginx:a b", "has an invalid tag", id="bad-tag"),
        pytest.param("nginx:", "has an invalid tag", id="empty-tag"),
        pytest.param(":", "has an invalid tag", id="only-a-colon"),
        pytest.param("", "is not a valid image", id="nothing"),
        pytest.param(f"@sha256:{HEX}", "is not a valid image", id="digest-only"),
        pytest.param(f"nginx@sha256:{HEX[1:]}", "64 hex digits", id="short-digest"),
        pytest.param(f"nginx@sha256:{HEX.upper()}", "64 hex digits", id="upper-digest"),
        pytest.param("nginx@sha512:aa", "64 hex digits", id="other-digest"),
        pytest.param("https://ghcr.io/a/b:1", "must be an image, not a URL", id="url"),
        pytest.param(f"user:{MARKED}@ghcr.io/a/b:1", "64 hex digits", id="login"),
        pytest.param("a//b:1", "is not a valid image", id="two-slashes"),
    ],
)
def test_an_invalid_image_is_reported_without_its_text(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        images.parsed(text)
    assert MARKED not in str(caught.value)


# --- image: what is sent


@pytest.mark.parametrize(
    ("row", "requested", "sent"),
    [
        pytest.param(image_row(), "ghcr.io/acme/shop:1.0.0", {}, id="equal"),
        pytest.param(image_row(), ":1.0.0", {}, id="equal-by-tag"),
        pytest.param(image_row(), ":2.0.0", {"docker_registry_image_tag": "2.0.0"}, id="another-tag"),
        pytest.param(
            image_row(),
            "nginx:1",
            {"docker_registry_image_name": "nginx", "docker_registry_image_tag": "1"},
            id="another-image",
        ),
        pytest.param(image_row(), "nginx:1.0.0", {"docker_registry_image_name": "nginx"}, id="another-name"),
        pytest.param(image_row("nginx", None), "nginx:latest", {}, id="no-tag-is-latest"),
        pytest.param(image_row("nginx:1.27", None), "nginx:1.27", {}, id="tag-in-the-name"),
        pytest.param(image_row("a/b@sha256", HEX), f"a/b@sha256:{HEX}", {}, id="digest-by-colon"),
        pytest.param(image_row("a/b", f"sha256-{HEX}"), f"a/b@sha256:{HEX}", {}, id="digest-as-tag"),
        pytest.param(image_row(f"a/b@sha256:{HEX}", None), f"a/b@sha256:{HEX}", {}, id="digest-in-the-name"),
        pytest.param(
            image_row("a/b@sha256", HEX),
            f"a/b@sha256:{OTHER}",
            {"docker_registry_image_tag": OTHER},
            id="another-digest",
        ),
        pytest.param(
            image_row("a/b@sha256", HEX),
            ":1",
            {"docker_registry_image_name": "a/b", "docker_registry_image_tag": "1"},
            id="from-digest-to-tag",
        ),
        pytest.param(
            image_row("a/b", "1"),
            f"a/b@sha256:{HEX}",
            {"docker_registry_image_name": "a/b@sha256", "docker_registry_image_tag": HEX},
            id="from-tag-to-digest",
        ),
        pytest.param(
            image_row("a/b", HEX),
            f"a/b@sha256:{HEX}",
            {"docker_registry_image_name": "a/b@sha256"},
            id="hex-alone-is-a-tag",
        ),
    ],
)
def test_only_image_fields_that_differ_are_sent(row: Row, requested: str, sent: dict[str, str]) -> None:
    assert images.changed(row, images.parsed(requested)) == sent


def test_the_image_of_a_recorded_application_is_read() -> None:
    row = body("create_img_get")
    assert (str(images.current(row)), images.changed(row, images.parsed("nginx:1.27"))) == ("nginx:1.27", {})


def test_the_summary_of_a_new_image() -> None:
    summary = application.patch(
        image_row(), NEWEST, image=images.parsed(f"ghcr.io/acme/shop@sha256:{HEX}")
    ).summary
    assert summary == (f"image: ghcr.io/acme/shop:1.0.0 → ghcr.io/acme/shop@sha256:{HEX}",)


def test_an_image_is_refused_for_an_application_built_from_source() -> None:
    with pytest.raises(RefusedError, match=r"built from source \(nixpacks\)"):
        application.patch(body("app_get_read"), NEWEST, image=images.parsed(":1"))
    with pytest.raises(RefusedError, match="has no image yet"):
        images.changed(image_row(None, None), images.parsed(":1"))


# --- settings: parsing


def test_settings_keep_their_types() -> None:
    text = '{"health_check_enabled": true, "limits_memory": "512M", "description": null}'
    assert application_settings.settings(text) == {
        "health_check_enabled": True,
        "limits_memory": "512M",
        "description": None,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{", "is not valid JSON: .* in line 1, column 2", id="not-json"),
        pytest.param(f'{{"a": "{MARKED}" "b"}}', "is not valid JSON", id="not-json-with-a-value"),
        pytest.param("[]", "must be a JSON object", id="a-list"),
        pytest.param("{}", "must be a JSON object", id="nothing"),
        pytest.param('"name"', "must be a JSON object", id="a-text"),
        pytest.param('{"a": 1, "a": 2}', "contains a field twice: a", id="twice"),
        pytest.param('{"a": NaN}', "NaN or Infinity", id="nan"),
        pytest.param("[" * 100000, "is nested too deeply", id="deep"),
        pytest.param(
            '{"instant_deploy": true}', "`instant_deploy` would start a second deployment", id="instant"
        ),
        pytest.param(
            '{"uuid": "x", "fqdn": "y"}',
            "`uuid` is not a field that can be changed.*`fqdn` is read-only",
            id="both",
        ),
    ],
)
def test_invalid_settings_are_reported(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        application_settings.settings(text)
    assert MARKED not in str(caught.value)


def test_fields_that_another_input_sets_are_found() -> None:
    fields = {"docker_registry_image_tag": "1", "git_commit_sha": SHA, "name": "x"}
    assert application_settings.overlaps(fields, ["commit"]) == [("git_commit_sha", "commit")]
    assert application_settings.overlaps(fields, ["image", "create"]) == [
        ("docker_registry_image_tag", "image"),
        ("name", "create"),
    ]
    assert application_settings.overlaps(fields, ["env"]) == []


# --- settings: what is sent


OWN = "http://elw37desxzxmjf0u43opmvde.localhost.sslip.io"


def test_only_fields_that_differ_are_sent_and_reported() -> None:
    same = {
        "description": "",
        "ports_exposes": "80",
        "health_check_interval": 5,
        "is_static": False,
        "domains": f" {OWN}",
    }
    requested = {**same, "health_check_enabled": True, "is_spa": True, "redirect": "www"}
    assert application.patch(body("create_img_get"), NEWEST, fields=requested) == Patch(
        {"health_check_enabled": True, "is_spa": True, "redirect": "www"},
        ("health_check_enabled: false → true", "is_spa: false → true", "redirect: both → www"),
    )


def test_domains_are_reported_under_their_name_for_writing() -> None:
    patch = application.patch(
        body("create_img_get"),
        NEWEST,
        fields={"domains": "https://x.example.com", "force_domain_override": True},
    )
    assert patch.body == {"domains": "https://x.example.com", "force_domain_override": True}
    assert patch.summary == (f"domains: {OWN} → https://x.example.com",)


def test_equal_settings_send_nothing() -> None:
    requested = {"domains": OWN, "force_domain_override": True, "limits_cpu_shares": 1024}
    assert application.patch(body("create_img_get"), NEWEST, fields=requested) == Patch()


def test_a_field_that_is_not_visible_is_sent() -> None:
    assert application.patch(body("v4.0.0-beta.380_app_get"), NEWEST, fields={"is_spa": True}) == Patch(
        {"is_spa": True}, ("is_spa: (unknown) → true",)
    )


@pytest.mark.parametrize(
    "name",
    [
        *(
            "http_basic_auth_password",
            "manual_webhook_secret_github",
            "pre_deployment_command",
            "docker_compose_custom_start_command",
        ),
        *(
            "health_check_command",
            "custom_labels",
            "docker_compose_raw",
            "dockerfile",
            "custom_nginx_configuration",
        ),
        *("custom_docker_run_options", "Password"),
    ],
)
@pytest.mark.parametrize("row", [{}, {"old": True}], ids=["unseen", "seen"])
def test_secrets_and_code_are_never_shown(name: str, row: Row) -> None:
    patch = application.patch({name: f"old{MARKED}"} if row else {}, NEWEST, fields={name: MARKED})
    assert patch.summary == (f"{name} (not shown)",)
    assert MARKED not in repr(patch)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(
            f"https://user:{MARKED}@git.example.com/a",
            "https://***@git.example.com/a",
            id="password-in-a-url",
        ),
        pytest.param(
            f"https://user:x/{MARKED}@git.example.com/a", "https://***@git.example.com/a", id="a-slash-in-it"
        ),
        pytest.param(
            f"bob:{MARKED}@git.example.com/a", "***@git.example.com/a", id="a-password-without-a-scheme"
        ),
        pytest.param(
            f"see bob:x/{MARKED}@git.example.com/a", "see ***@git.example.com/a", id="in-the-middle"
        ),
        pytest.param(
            "https://" + "u" * 89 + f":{MARKED}@git.example.com",
            "https://***@git.example.com",
            id="removed-before-it-is-shortened",
        ),
        pytest.param("git@github.com:acme/web.git", "git@github.com:acme/web.git", id="a-git-address"),
        pytest.param("localhost:5000/shop@sha256", "localhost:5000/shop@sha256", id="a-digest-is-not-a-host"),
        pytest.param("a\nb", "a b", id="lines"),
        pytest.param("x" * 200, "(200 characters)", id="long"),
        pytest.param(None, "(none)", id="nothing"),
    ],
)
def test_a_value_is_shown_in_one_short_line(value: Any, shown: str) -> None:
    assert application.patch({"git_repository": "old"}, NEWEST, fields={"git_repository": value}).summary == (
        f"git_repository: old → {shown}",
    )


def test_nested_values_are_reported_without_their_content() -> None:
    row = {"docker_compose_domains": '{"web":{"domain":"https://a.example.com"}}'}
    requested = {"docker_compose_domains": [{"name": "web", "domain": "https://b.example.com"}]}
    assert application.patch(row, NEWEST, fields=requested) == Patch(
        requested, ("docker_compose_domains (not shown)",)
    )


def test_the_oldest_version_would_lose_the_domains() -> None:
    row = body("v4.0.0-beta.380_app_get")
    assert application.patch(row, OLDEST, fields={"description": "x"}).body == {
        "description": "x",
        "domains": "http://web.example.com",
    }
    assert application.patch(row, OLDEST, fields={"domains": "http://b.example.com"}).body == {
        "domains": "http://b.example.com"
    }
    assert application.patch(row, Version("4.0.0-beta.381"), fields={"description": "x"}).body == {
        "description": "x"
    }
    assert application.patch(row, OLDEST, fields={"name": " web"}) == Patch()
    assert application.patch({**row, "fqdn": None}, OLDEST, fields={"description": "x"}).body == {
        "description": "x"
    }


def test_image_and_settings_are_sent_in_one_request() -> None:
    patch = application.patch(
        image_row(fqdn="http://a.example.com"), OLDEST, image=images.parsed(":2"), fields={"description": "x"}
    )
    assert patch == Patch(
        {"docker_registry_image_tag": "2", "description": "x", "domains": "http://a.example.com"},
        ("image: ghcr.io/acme/shop:1.0.0 → ghcr.io/acme/shop:2", "description: (unknown) → x"),
    )


# --- commit

STAYS = (
    "the application stays pinned to this commit, also for later deployments and webhooks, until "
    "`commit: HEAD` ends that"
)


def test_a_commit_is_pinned_with_a_warning_that_the_pin_stays() -> None:
    assert application.patch(body("app_get_read"), NEWEST, pin=SHA) == Patch(
        {"git_commit_sha": SHA}, (f"commit: HEAD → {SHA}",), (STAYS,)
    )
    assert application.patch({"git_commit_sha": SHA}, NEWEST, pin=SHA) == Patch(warnings=(STAYS,))
    assert application.patch({"git_commit_sha": SHA}, NEWEST, pin="HEAD") == Patch(
        {"git_commit_sha": "HEAD"}, (f"commit: {SHA} → HEAD",)
    )


@pytest.mark.parametrize("text", ["4.0.0-beta.464", "4.0.0", "4.1.2"])
def test_versions_that_ignore_a_pin_refuse_it(text: str) -> None:
    with pytest.raises(RefusedError, match=f"Coolify {text} ignores a pinned commit"):
        application.patch(body("app_get_read"), Version(text), pin=SHA)
    assert application.patch({"git_commit_sha": SHA}, Version(text), pin="HEAD").body == {
        "git_commit_sha": "HEAD"
    }


def test_old_versions_may_skip_the_build_of_a_pinned_commit() -> None:
    patch = application.patch({"git_commit_sha": None}, Version("4.0.0-beta.463"), pin=SHA)
    assert (patch.body, len(patch.warnings)) == ({"git_commit_sha": SHA}, 2)
    assert "this deployment is built without cache" in patch.warnings[1]


def test_an_image_has_no_commit() -> None:
    with pytest.raises(RefusedError, match="Use `image`"):
        application.patch(image_row(), NEWEST, pin=SHA)


@pytest.mark.parametrize("text", ["main", SHA[:7], f"{SHA}0", "", "$(rm)"])
def test_an_invalid_commit_is_reported(text: str) -> None:
    with pytest.raises(ValueError, match="must be a complete commit"):
        application.commit(text)


def test_a_commit_may_be_written_in_capitals() -> None:
    assert [application.commit(text) for text in (SHA.upper(), f" {SHA}\n", "head")] == [SHA, SHA, "HEAD"]


# --- rejections

CONFLICT = (
    "domains: https://web.example.com already belongs to application web ptofe13hijui9bkafqyhz7yy. "
    'To use it for both, set "force_domain_override": true in `settings`'
)


@pytest.mark.parametrize(
    ("name", "version", "reason"),
    [
        pytest.param("patch_domains_bad", NEWEST, ("Invalid URL: notaurl",), id="errors-are-a-list"),
        pytest.param(
            "patch_labels_b64",
            NEWEST,
            ("custom_labels: The custom_labels should be base64 encoded.",),
            id="errors-are-texts",
        ),
        pytest.param(
            "patch_unknown_and_invalid",
            NEWEST,
            (
                "name: The name field must be a string.",
                "nope: Coolify 4.3.10 has no such field, or does not allow changing it",
            ),
            id="errors-are-lists",
        ),
        pytest.param(
            "patch_image_name_tagged",
            NEWEST,
            ("docker_registry_image_name: The docker registry image name field format is invalid.",),
            id="image",
        ),
        pytest.param("env_bulk_partial", NEWEST, ("value: The value field must be a string.",), id="env"),
        pytest.param(
            "create_img_noenv",
            NEWEST,
            ("You need to provide at least one of environment_name or environment_uuid.",),
            id="none",
        ),
        pytest.param("create_img_badproject", NEWEST, ("Project not found.",), id="not-found"),
        pytest.param(
            "create_img_multidest",
            NEWEST,
            ("Server has multiple destinations and you do not set destination_uuid.",),
            id="400",
        ),
        pytest.param(
            "app_deployments_take0", NEWEST, ("take: The take field must be at least 1.",), id="laravel"
        ),
        pytest.param("patch_badjson", NEWEST, ("Invalid request.", "Invalid JSON."), id="error-and-message"),
        pytest.param(
            "patch_domains_conflict",
            NEWEST,
            (CONFLICT,),
            id="conflict",
        ),
    ],
)
def test_a_rejection_is_reported_field_by_field(name: str, version: Version, reason: tuple[str, ...]) -> None:
    assert rejections(body(name), version) == reason


def test_a_field_that_this_version_lacks_is_reported_with_the_version_that_has_it() -> None:
    data = {
        "message": "Validation failed.",
        "errors": {name: ["This field is not allowed."] for name in ("is_spa", "docker_compose_raw")},
    }
    assert rejections(data, Version("4.0.0-beta.420")) == (
        "is_spa: Coolify 4.0.0-beta.420 does not allow changing it: that requires 4.0.0-beta.463",
        "docker_compose_raw: Coolify 4.0.0-beta.420 has no such field, or does not allow changing it",
    )
    assert (
        rejections(data, NEWEST)[1]
        == "docker_compose_raw: Coolify 4.3.10 no longer allows changing it (since 4.0.0-beta.463)"
    )


def variables(*values: str) -> Row:
    return {"data": [{"key": "A", "value": value} for value in values]}


PEM = f"-----BEGIN-----\n{MARKED}\n-----END-----"


@pytest.mark.parametrize(
    ("sent", "reason", "expected"),
    [
        pytest.param(
            {"http_basic_auth_password": MARKED},
            f"{MARKED} is too short.",
            "*** is too short.",
            id="a-password",
        ),
        pytest.param(
            {"http_basic_auth_password": f" {MARKED} "},
            f"{MARKED} is too short.",
            "*** is too short.",
            id="as-it-is-trimmed",
        ),
        pytest.param(
            {"dockerfile": f"FROM a\nRUN {MARKED}"},
            f"bad: FROM a RUN {MARKED}",
            "bad: ***",
            id="lines-made-one",
        ),
        pytest.param({"name": "shop"}, "shop is taken", "shop is taken", id="not-secret"),
        pytest.param(
            {"http_basic_auth_password": "the"}, "the field", "the field", id="too-short-to-be-removed"
        ),
        pytest.param(variables(MARKED), f"no {MARKED} here", "no *** here", id="a-variable"),
        pytest.param(variables(PEM), f"bad: {PEM}", "bad: ***", id="a-variable-of-lines"),
        pytest.param(
            variables(MARKED, f"{MARKED}-longer"), f"no {MARKED}-longer", "no ***", id="the-longest-first"
        ),
        pytest.param(
            variables("field"),
            "The value field must be a string.",
            "The value field must be a string.",
            id="a-short-variable",
        ),
        pytest.param(
            variables(MARKED), f"{'x' * 295}{MARKED}", f"{'x' * 295}***", id="removed-before-it-is-shortened"
        ),
        pytest.param(
            {"domains": f"ftp://bob:{MARKED}@a.example.com"},
            f"Invalid URL: ftp://bob:{MARKED}@a",
            "Invalid URL: ftp://***@a",
            id="in-a-url",
        ),
        pytest.param(
            {"git_repository": f"bob:{MARKED}@a.b"},
            f"bob:{MARKED}@a.b is none",
            "***@a.b is none",
            id="in-an-address",
        ),
    ],
)
def test_a_rejection_never_contains_a_secret_that_was_sent(sent: Row, reason: str, expected: str) -> None:
    data = {"message": "Validation failed.", "errors": {"field": [reason]}}
    assert rejections(without_secrets(data, sent), NEWEST) == (f"field: {expected}",)
    assert rejections(without_secrets({"errors": [reason]}, sent), NEWEST) == (expected,)


@pytest.mark.parametrize(
    "data", [None, [], "text", {}, {"errors": {}}, {"errors": 5}, {"conflicts": [1]}], ids=repr
)
def test_a_response_without_a_reason_has_no_rejections(data: Any) -> None:
    assert rejections(data, NEWEST) == ()
