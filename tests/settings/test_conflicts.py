"""Inputs that can't be combined (architecture 2.2)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from deployer.providers.coolify.inputs.fields import Coolify
from tests.settings.environments import BASE, TAG_HOOK, TOKEN, UUID_HOOK, VALID, WEB, mistakes, raw_inputs

# --- inputs that can't be combined


ONE_UUID = {"uuid": WEB}


WOULD_DEPLOY = "Coolify would deploy the application itself"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        pytest.param(
            {"uuid": WEB, "tag": "blue"}, ["uuid and tag can't be combined. Remove one"], id="uuid-and-tag"
        ),
        pytest.param(
            {"webhook": UUID_HOOK, "tag": "blue"},
            ["webhook and tag can't be combined. Remove one"],
            id="uuid-webhook-and-tag",
        ),
        pytest.param(
            {"tag": "blue", "pr": "7"},
            ["pr can't be combined with a tag. Set the application's uuid"],
            id="tag-and-pr",
        ),
        pytest.param(
            {"webhook": TAG_HOOK, "pr": "7"},
            ["pr can't be combined with a tag. Set the application's uuid"],
            id="tag-webhook-and-pr",
        ),
        pytest.param(
            {**ONE_UUID, "docker_tag": "x"},
            ["docker_tag requires `pr`: it is the image tag of a preview"],
            id="docker-tag-alone",
        ),
        pytest.param(
            {"tag": "blue", "docker_tag": "x"},
            ["docker_tag requires `pr`: it is the image tag of a preview"],
            id="docker-tag-and-tag",
        ),
        pytest.param(
            {"tag": "blue", "instant_deploy": "true"},
            ["instant_deploy can't be combined with a tag"],
            id="instant-and-tag",
        ),
        pytest.param(
            {"webhook": TAG_HOOK, "instant_deploy": "yes"},
            ["instant_deploy can't be combined with a tag"],
            id="instant-and-tag-hook",
        ),
        pytest.param(
            {**ONE_UUID, "pr": "7", "instant_deploy": "true"},
            [f"instant_deploy can't be combined with `pr` or `docker_tag`: {WOULD_DEPLOY}"],
            id="instant-and-pr",
        ),
        pytest.param(
            {**ONE_UUID, "pr": "7", "docker_tag": "x", "instant_deploy": "true"},
            [f"instant_deploy can't be combined with `pr` or `docker_tag`: {WOULD_DEPLOY}"],
            id="instant-and-docker-tag",
        ),
        pytest.param(
            {**ONE_UUID, "pr": "7", "command": "restart"},
            ["command: restart can't be combined with `pr`: Coolify would restart the application itself"],
            id="restart-and-pr",
        ),
        *(
            pytest.param(
                {"tag": "blue", "command": word},
                [f"command: {word} requires uuids: Coolify only deploys by tag (tag)"],
                id=f"{word}-and-tag",
            )
            for word in ("start", "restart", "stop", "cancel")
        ),
        pytest.param(
            {"webhook": TAG_HOOK, "command": "stop"},
            ["command: stop requires uuids: Coolify only deploys by tag (webhook)"],
            id="stop-and-tag-hook",
        ),
        *(
            pytest.param(
                {**ONE_UUID, "verify_health": "True", "verify_timeout": text},
                [
                    (
                        "verify_timeout must be at least 80s with `verify_health: true`, which watches for a "
                        "minute"
                    )
                ],
                id=f"verify-health-with-timeout-{text}",
            )
            for text in ("79", "79s", "1m", "1m19s")
        ),
        pytest.param(
            {**ONE_UUID, "wait": "false", "verify_health": "true"},
            ["verify_health can't be combined with `wait: false`: nothing is checked then"],
            id="verify-health-without-wait",
        ),
        pytest.param(
            {**ONE_UUID, "wait": "No", "verify_timeout": "5m"},
            ["verify_timeout can't be combined with `wait: false`: nothing is checked then"],
            id="verify-timeout-without-wait",
        ),
        *(
            pytest.param(
                {
                    **ONE_UUID,
                    "command": word,
                    "verify_url": "auto",
                    "verify_status": "200",
                    "verify_contains": "v2",
                },
                [
                    f"{name} can't be combined with `command: {word}`, which deploys nothing"
                    for name in ("verify_url", "verify_status", "verify_contains")
                ],
                id=f"{word}-and-verify-url",
            )
            for word in ("stop", "cancel")
        ),
        *(
            pytest.param(
                {**ONE_UUID, name: text},
                [f"{name} requires `verify_url`. Set it to `auto` for the application's own address"],
                id=f"{name}-without-verify-url",
            )
            for name, text in (("verify_status", "200"), ("verify_contains", "v2"))
        ),
        *(
            pytest.param(
                {**ONE_UUID, "wait": "false", "verify_url": "auto", name: text},
                [
                    f"{each} can't be combined with `wait: false`: nothing is checked then"
                    for each in ("verify_url", name)
                ],
                id=f"{name}-without-wait",
            )
            for name, text in (("verify_status", "200"), ("verify_contains", "v2"))
        ),
        pytest.param(
            {
                "uuid": WEB,
                "tag": "blue",
                "pr": "7",
                "instant_deploy": "true",
                "wait": "off",
                "verify_health": "auto",
            },
            [
                "uuid and tag can't be combined. Remove one",
                "pr can't be combined with a tag. Set the application's uuid",
                "instant_deploy can't be combined with a tag",
                f"instant_deploy can't be combined with `pr` or `docker_tag`: {WOULD_DEPLOY}",
                "verify_health can't be combined with `wait: false`: nothing is checked then",
            ],
            id="all-at-once",
        ),
    ],
)
def test_inputs_that_cannot_be_combined_are_mistakes(inputs: Mapping[str, str], expected: list[str]) -> None:
    login = {"COOLIFY_TOKEN": TOKEN} | ({} if "webhook" in inputs else {"INPUT_COOLIFY_URL": BASE})
    variables = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    assert sorted(mistakes({**login, **variables}, "INPUT_")) == sorted(expected)


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param({"uuid": WEB, "webhook": TAG_HOOK}, id="uuid-overrides-the-webhook-s-tag"),
        pytest.param({"uuid": WEB, "webhook": UUID_HOOK, "pr": "7"}, id="uuid-webhook-and-pr"),
        pytest.param(
            {"uuid": WEB, "webhook": TAG_HOOK, "pr": "7", "docker_tag": "x"},
            id="uuid-overrides-the-webhook-s-tag-with-pr",
        ),
        pytest.param({"tag": "green", "webhook": TAG_HOOK}, id="tag-overrides-the-webhook-s-tag"),
        pytest.param({"tag": "blue", "instant_deploy": "false"}, id="instant-deploy-false-and-tag"),
        pytest.param({"uuid": WEB, "pr": "7", "instant_deploy": "No"}, id="instant-deploy-false-and-pr"),
        *(
            pytest.param({"tag": "blue", "command": word}, id=f"{word}-by-tag")
            for word in ("deploy", "check")
        ),
        *(
            pytest.param({"uuid": WEB, "pr": "7", "command": word}, id=f"{word}-and-pr")
            for word in ("deploy", "stop", "cancel", "check")
        ),
        pytest.param({"tag": "blue", "force": "true", "dry_run": "true"}, id="force-and-dry-run-by-tag"),
        pytest.param(
            {"uuid": WEB, "wait": "false", "verify_health": "false"}, id="verify-health-false-without-wait"
        ),
        pytest.param({"uuid": WEB, "wait": "false", "dry_run": "true"}, id="dry-run-without-wait"),
        pytest.param(
            {"uuid": WEB, "wait": "true", "verify_health": "true", "verify_timeout": "90s"}, id="verified"
        ),
        pytest.param(
            {"uuid": WEB, "verify_health": "true", "verify_timeout": "80s"},
            id="verify-health-with-minimum-timeout",
        ),
        pytest.param({"uuid": WEB, "verify_health": "true"}, id="verify-health-with-default-timeout"),
        pytest.param(
            {"uuid": WEB, "verify_health": "auto", "verify_timeout": "10s"},
            id="verify-health-auto-with-short-timeout",
        ),
        pytest.param({"uuid": WEB, "verify_timeout": "10"}, id="short-timeout-by-default"),
        *(
            pytest.param(
                {"uuid": WEB, "verify_url": "auto", "verify_status": "200", "command": word},
                id=f"{word}-and-verify-url",
            )
            for word in ("deploy", "start", "restart", "check")
        ),
    ],
)
def test_inputs_that_can_be_combined_are_accepted(inputs: Mapping[str, str]) -> None:
    variables = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    assert mistakes({"COOLIFY_TOKEN": TOKEN, "INPUT_COOLIFY_URL": BASE, **variables}) == []


def test_a_conflict_is_reported_with_the_names_in_use() -> None:
    environ = {
        "COOLIFY_URL": BASE,
        "COOLIFY_TOKEN": TOKEN,
        "COOLIFY_APP_UUID": WEB,
        "DEPLOYER_TAG": "blue",
        "PLUGIN_PULL_REQUEST_ID": "7",
    }
    assert mistakes(environ) == [
        "COOLIFY_APP_UUID and DEPLOYER_TAG can't be combined. Remove one",
        "pull_request_id can't be combined with a tag. Set the application's uuid",
    ]


# --- checks, changes and rollback


SITE = {"DEPLOYER_VERIFY_URL": "auto"}


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        pytest.param(
            SITE | {"DEPLOYER_VERIFY_STATUS": "2xx"},
            ["DEPLOYER_VERIFY_STATUS: must be HTTP status codes: 200, 200-399, or a list (200,204)"],
            id="invalid-status",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_URL": "ftp://x"},
            ["DEPLOYER_VERIFY_URL: must be `auto`, or start with https:// or http://"],
            id="other-scheme",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_URL": "https://u:p@x.example"},
            ["DEPLOYER_VERIFY_URL: must not contain a user name or password"],
            id="login",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_CONTAINS": "v1"},
            [
                (
                    "DEPLOYER_VERIFY_CONTAINS requires `verify_url`. Set it to `auto` for the application's "
                    "own address"
                )
            ],
            id="no-verify-url",
        ),
        pytest.param(
            SITE | {"DEPLOYER_WAIT": "false"},
            ["DEPLOYER_VERIFY_URL can't be combined with `wait: false`: nothing is checked then"],
            id="no-wait",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": ":v2", "DEPLOYER_COMMIT": "a" * 40},
            ["DEPLOYER_APP_IMAGE and DEPLOYER_COMMIT can't be combined. Remove one"],
            id="image-and-commit",
        ),
        pytest.param(
            {"DEPLOYER_ENV": "A=1\nA=2\nwhat"},
            [
                (
                    "DEPLOYER_ENV: line 2 has the same key as line 1; line 3 is not KEY=value (a value of "
                    "several lines must be quoted)"
                )
            ],
            id="bad-env",
        ),
        pytest.param(
            {"DEPLOYER_ENV": "A=1", "DEPLOYER_COMMAND": "restart"},
            ["DEPLOYER_ENV can't be combined with `command: restart`, which deploys nothing"],
            id="env-with-restart",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_WAIT": "false"},
            ["DEPLOYER_ROLLBACK can't be combined with `wait: false`: nothing is checked then"],
            id="rollback-without-wait",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_VERIFY_HEALTH": "false"},
            ["DEPLOYER_ROLLBACK needs a check: set `verify_url`, or do not set `verify_health: false`"],
            id="rollback-without-a-check",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_VERIFY_HEALTH": "false", "DEPLOYER_VERIFY_URL": "auto"},
            [],
            id="rollback-with-verify-url",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "false", "DEPLOYER_WAIT": "false", "DEPLOYER_PR": "7"},
            [],
            id="rollback-false",
        ),
        *(
            pytest.param(
                {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_COMMAND": command},
                [
                    (
                        f"DEPLOYER_ROLLBACK can't be combined with `command: {command}`: it reverts a "
                        "deployment of this run"
                    )
                ],
                id=f"rollback-with-{command}",
            )
            for command in ("restart", "stop", "cancel", "rollback")
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_PR": "7"},
            ["DEPLOYER_ROLLBACK can't be combined with `pr`: Coolify keeps no earlier version of a preview"],
            id="rollback-with-pr",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_PR": "7"},
            [
                (
                    "DEPLOYER_COMMAND: rollback can't be combined with `pr`: Coolify keeps no earlier "
                    "version of a preview"
                )
            ],
            id="rollback-command-with-pr",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_INSTANT_DEPLOY": "true"},
            ["DEPLOYER_COMMAND: rollback can't be combined with `instant_deploy`. Remove one"],
            id="rollback-command-with-instant-deploy",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_ENV": "A=1", "DEPLOYER_SETTINGS": '{"is_spa": true}'},
            [
                (
                    "DEPLOYER_ENV can't be combined with `command: rollback`: only an image or a commit is "
                    "rolled back"
                ),
                (
                    "DEPLOYER_SETTINGS can't be combined with `command: rollback`: only an image or a commit "
                    "is rolled back"
                ),
            ],
            id="rollback-command-with-changes",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_APP_IMAGE": ":v1"},
            [],
            id="rollback-command-with-image",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_COMMIT": "a" * 40},
            [],
            id="rollback-command-with-commit",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_TAG": "blue", "DEPLOYER_UUID": ""},
            ["DEPLOYER_COMMAND: rollback requires uuids: Coolify only deploys by tag (DEPLOYER_TAG)"],
            id="rollback-command-by-tag",
        ),
        pytest.param(
            {"DEPLOYER_ENV_FILE": "missing.env"},
            ["DEPLOYER_ENV_FILE: could not be read: No such file or directory"],
            id="missing-file",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": ":v2", "DEPLOYER_SETTINGS": '{"docker_registry_image_tag": "v1"}'},
            ["DEPLOYER_SETTINGS must not contain `docker_registry_image_tag`, which DEPLOYER_APP_IMAGE sets"],
            id="set-twice",
        ),
        pytest.param(
            {"INPUT_TAG": "blue", "DEPLOYER_UUID": "", "INPUT_ENV": "A=1"},
            ["env can't be combined with a tag. Set the uuids"],
            id="tag",
        ),
    ],
)
def test_changes_and_checks_that_are_not_possible_are_mistakes(
    extra: Mapping[str, str], expected: list[str]
) -> None:
    assert mistakes({**VALID, **extra}) == expected


def test_the_values_of_variables_are_redacted_and_never_masked() -> None:
    raw = raw_inputs({**VALID, "DEPLOYER_ENV": "MODE=production"})
    assert list(Coolify.redacted(raw)) == ["production"]
    assert "production" not in Coolify.secrets(raw)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param(
            '{"http_basic_auth_password": "hunter2hunter2", "name": "shop"}',
            ["hunter2hunter2"],
            id="secret-field",
        ),
        pytest.param(
            '{"custom_labels": ["a=b", {"c": "d"}], "x_token": 7}', ["d", "a=b"], id="nested-secrets"
        ),
        pytest.param(
            '{"git_repository": "https://bob:hunter2@github.com/x/y"}',
            ["bob:hunter2", "hunter2"],
            id="password-in-a-url",
        ),
        pytest.param(
            '{"git_repository": "https://ghp_x@github.com/x/y"}', ["ghp_x", ""], id="token-in-a-url"
        ),
        pytest.param(
            '{"git_repository": "bob:hunt@er2@github.com/x/y"}',
            ["hunt@er2", ""],
            id="url-without-a-scheme",
        ),
        pytest.param(
            '{"git_repository": "git@github.com:x/y", "domains": "https://a.example.com/@x"}',
            [],
            id="no-login",
        ),
        pytest.param("no JSON", [], id="invalid-json"),
    ],
)
def test_secret_settings_and_logins_in_urls_are_redacted_like_variables(text: str, values: list[str]) -> None:
    assert list(Coolify.redacted(raw_inputs({**VALID, "DEPLOYER_SETTINGS": text}))) == values
