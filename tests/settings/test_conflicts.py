"""Inputs that can't be combined (architecture 2.2)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from deployer.providers.coolify.inputs.fields import Coolify
from tests.settings.environments import BASE, GOOD, TAG_HOOK, TOKEN, UUID_HOOK, WEB, found, mistakes

# --- what can't stand together (architecture 2.2)


FOR_ONE = {"uuid": WEB}


NO_PLACE = "Coolify would deploy the application itself"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        pytest.param(
            {"uuid": WEB, "tag": "blue"}, ["uuid and tag can't be combined. Remove one"], id="uuid-and-tag"
        ),
        pytest.param(
            {"webhook": UUID_HOOK, "tag": "blue"},
            ["webhook and tag can't be combined. Remove one"],
            id="a-webhook-with-a-uuid-and-tag",
        ),
        pytest.param(
            {"tag": "blue", "pr": "7"},
            ["pr can't be combined with a tag. Set the application's uuid"],
            id="tag-and-pr",
        ),
        pytest.param(
            {"webhook": TAG_HOOK, "pr": "7"},
            ["pr can't be combined with a tag. Set the application's uuid"],
            id="a-webhook-with-a-tag-and-pr",
        ),
        pytest.param(
            {**FOR_ONE, "docker_tag": "x"},
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
            {**FOR_ONE, "pr": "7", "instant_deploy": "true"},
            [f"instant_deploy can't be combined with `pr` or `docker_tag`: {NO_PLACE}"],
            id="instant-and-pr",
        ),
        pytest.param(
            {**FOR_ONE, "pr": "7", "docker_tag": "x", "instant_deploy": "true"},
            [f"instant_deploy can't be combined with `pr` or `docker_tag`: {NO_PLACE}"],
            id="instant-and-docker-tag",
        ),
        pytest.param(
            {**FOR_ONE, "pr": "7", "command": "restart"},
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
                {**FOR_ONE, "verify_health": "True", "verify_timeout": text},
                [
                    "verify_timeout must be at least 80s with `verify_health: true`, which watches for a minute"
                ],
                id=f"a-proof-in-{text}",
            )
            for text in ("79", "79s", "1m", "1m19s")
        ),
        pytest.param(
            {**FOR_ONE, "wait": "false", "verify_health": "true"},
            ["verify_health can't be combined with `wait: false`: nothing is checked then"],
            id="verify-health-without-waiting",
        ),
        pytest.param(
            {**FOR_ONE, "wait": "No", "verify_timeout": "5m"},
            ["verify_timeout can't be combined with `wait: false`: nothing is checked then"],
            id="verify-timeout-without-waiting",
        ),
        *(
            pytest.param(
                {
                    **FOR_ONE,
                    "command": word,
                    "verify_url": "auto",
                    "verify_status": "200",
                    "verify_contains": "v2",
                },
                [
                    f"{name} can't be combined with `command: {word}`, which deploys nothing"
                    for name in ("verify_url", "verify_status", "verify_contains")
                ],
                id=f"{word}-and-a-site",
            )
            for word in ("stop", "cancel")
        ),
        *(
            pytest.param(
                {**FOR_ONE, name: text},
                [f"{name} requires `verify_url`. Set it to `auto` for the application's own address"],
                id=f"{name}-of-no-address",
            )
            for name, text in (("verify_status", "200"), ("verify_contains", "v2"))
        ),
        *(
            pytest.param(
                {**FOR_ONE, "wait": "false", "verify_url": "auto", name: text},
                [
                    f"{each} can't be combined with `wait: false`: nothing is checked then"
                    for each in ("verify_url", name)
                ],
                id=f"{name}-without-waiting",
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
                f"instant_deploy can't be combined with `pr` or `docker_tag`: {NO_PLACE}",
                "verify_health can't be combined with `wait: false`: nothing is checked then",
            ],
            id="all-at-once",
        ),
    ],
)
def test_what_cannot_stand_together_is_told_before_anything_is_sent(
    inputs: Mapping[str, str], told: list[str]
) -> None:
    login = {"COOLIFY_TOKEN": TOKEN} | ({} if "webhook" in inputs else {"INPUT_COOLIFY_URL": BASE})
    given = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    assert sorted(mistakes({**login, **given}, "INPUT_")) == sorted(told)


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param({"uuid": WEB, "webhook": TAG_HOOK}, id="a-uuid-beats-the-webhook-s-tag"),
        pytest.param({"uuid": WEB, "webhook": UUID_HOOK, "pr": "7"}, id="uuid-webhook-and-pr"),
        pytest.param(
            {"uuid": WEB, "webhook": TAG_HOOK, "pr": "7", "docker_tag": "x"}, id="nothing-is-by-tag-any-more"
        ),
        pytest.param({"tag": "green", "webhook": TAG_HOOK}, id="a-tag-beats-the-webhook-s-tag"),
        pytest.param({"tag": "blue", "instant_deploy": "false"}, id="instant-deploy-false-is-nothing"),
        pytest.param({"uuid": WEB, "pr": "7", "instant_deploy": "No"}, id="nor-is-it-with-pr"),
        *(
            pytest.param({"tag": "blue", "command": word}, id=f"{word}-by-tag")
            for word in ("deploy", "check")
        ),
        *(
            pytest.param({"uuid": WEB, "pr": "7", "command": word}, id=f"{word}-a-preview")
            for word in ("deploy", "stop", "cancel", "check")
        ),
        pytest.param({"tag": "blue", "force": "true", "dry_run": "true"}, id="force-and-dry-run-by-tag"),
        pytest.param(
            {"uuid": WEB, "wait": "false", "verify_health": "false"}, id="what-is-not-verified-needs-no-wait"
        ),
        pytest.param({"uuid": WEB, "wait": "false", "dry_run": "true"}, id="a-dry-run-needs-no-wait"),
        pytest.param(
            {"uuid": WEB, "wait": "true", "verify_health": "true", "verify_timeout": "90s"}, id="verified"
        ),
        pytest.param(
            {"uuid": WEB, "verify_health": "true", "verify_timeout": "80s"}, id="just-long-enough-for-a-proof"
        ),
        pytest.param({"uuid": WEB, "verify_health": "true"}, id="long-enough-by-itself"),
        pytest.param(
            {"uuid": WEB, "verify_health": "auto", "verify_timeout": "10s"},
            id="a-short-look-is-no-proof-of-a-minute",
        ),
        pytest.param({"uuid": WEB, "verify_timeout": "10"}, id="a-short-look-by-itself"),
        *(
            pytest.param(
                {"uuid": WEB, "verify_url": "auto", "verify_status": "200", "command": word},
                id=f"{word}-and-a-site",
            )
            for word in ("deploy", "start", "restart", "check")
        ),
    ],
)
def test_what_can_stand_together_is_no_mistake(inputs: Mapping[str, str]) -> None:
    given = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    assert mistakes({"COOLIFY_TOKEN": TOKEN, "INPUT_COOLIFY_URL": BASE, **given}) == []


def test_a_contradiction_is_told_under_the_names_that_were_typed() -> None:
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


# --- proofs, and what is changed before a deployment


SITE = {"DEPLOYER_VERIFY_URL": "auto"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param(
            SITE | {"DEPLOYER_VERIFY_STATUS": "2xx"},
            ["DEPLOYER_VERIFY_STATUS: must be HTTP status codes: 200, 200-399, or a list (200,204)"],
            id="no-status",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_URL": "ftp://x"},
            ["DEPLOYER_VERIFY_URL: must be `auto`, or start with https:// or http://"],
            id="another-scheme",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_URL": "https://u:p@x.example"},
            ["DEPLOYER_VERIFY_URL: must not contain a user name or password"],
            id="a-login",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_CONTAINS": "v1"},
            [
                "DEPLOYER_VERIFY_CONTAINS requires `verify_url`. Set it to `auto` for the application's own address"
            ],
            id="no-address",
        ),
        pytest.param(
            SITE | {"DEPLOYER_WAIT": "false"},
            ["DEPLOYER_VERIFY_URL can't be combined with `wait: false`: nothing is checked then"],
            id="nobody-waits",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": ":v2", "DEPLOYER_COMMIT": "a" * 40},
            ["DEPLOYER_APP_IMAGE and DEPLOYER_COMMIT can't be combined. Remove one"],
            id="image-and-commit",
        ),
        pytest.param(
            {"DEPLOYER_ENV": "A=1\nA=2\nwhat"},
            [
                "DEPLOYER_ENV: line 2 has the same key as line 1; line 3 is not KEY=value (a value of several lines must be quoted)"
            ],
            id="bad-env",
        ),
        pytest.param(
            {"DEPLOYER_ENV": "A=1", "DEPLOYER_COMMAND": "restart"},
            ["DEPLOYER_ENV can't be combined with `command: restart`, which deploys nothing"],
            id="no-deployment",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_WAIT": "false"},
            ["DEPLOYER_ROLLBACK can't be combined with `wait: false`: nothing is checked then"],
            id="rollback-of-what-nobody-waits-for",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_VERIFY_HEALTH": "false"},
            ["DEPLOYER_ROLLBACK needs a check: set `verify_url`, or do not set `verify_health: false`"],
            id="rollback-of-what-nobody-looks-at",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_VERIFY_HEALTH": "false", "DEPLOYER_VERIFY_URL": "auto"},
            [],
            id="its-site",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "false", "DEPLOYER_WAIT": "false", "DEPLOYER_PR": "7"}, [], id="no-rollback"
        ),
        *(
            pytest.param(
                {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_COMMAND": command},
                [
                    f"DEPLOYER_ROLLBACK can't be combined with `command: {command}`: it reverts a deployment of this run"
                ],
                id=f"rollback-of-{command}",
            )
            for command in ("restart", "stop", "cancel", "rollback")
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_PR": "7"},
            ["DEPLOYER_ROLLBACK can't be combined with `pr`: Coolify keeps no earlier version of a preview"],
            id="rollback-of-a-preview",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_PR": "7"},
            [
                "DEPLOYER_COMMAND: rollback can't be combined with `pr`: Coolify keeps no earlier version of a preview"
            ],
            id="back-to-a-preview",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_INSTANT_DEPLOY": "true"},
            ["DEPLOYER_COMMAND: rollback can't be combined with `instant_deploy`. Remove one"],
            id="back-at-once",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_ENV": "A=1", "DEPLOYER_SETTINGS": '{"is_spa": true}'},
            [
                "DEPLOYER_ENV can't be combined with `command: rollback`: only an image or a commit is rolled back",
                "DEPLOYER_SETTINGS can't be combined with `command: rollback`: only an image or a commit is rolled back",
            ],
            id="back-with-changes",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_APP_IMAGE": ":v1"}, [], id="back-to-an-image"
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_COMMIT": "a" * 40}, [], id="back-to-a-commit"
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_TAG": "blue", "DEPLOYER_UUID": ""},
            ["DEPLOYER_COMMAND: rollback requires uuids: Coolify only deploys by tag (DEPLOYER_TAG)"],
            id="back-by-tag",
        ),
        pytest.param(
            {"DEPLOYER_ENV_FILE": "missing.env"},
            ["DEPLOYER_ENV_FILE: could not be read: No such file or directory"],
            id="no-file",
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
def test_what_can_t_be_changed_or_proven_is_a_mistake(more: Mapping[str, str], told: list[str]) -> None:
    assert mistakes({**GOOD, **more}) == told


def test_the_values_of_variables_are_redacted_and_never_masked() -> None:
    given = found({**GOOD, "DEPLOYER_ENV": "MODE=production"})
    assert list(Coolify.redacted(given)) == ["production"]
    assert "production" not in Coolify.secrets(given)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param(
            '{"http_basic_auth_password": "hunter2hunter2", "name": "shop"}',
            ["hunter2hunter2"],
            id="a-secret-field",
        ),
        pytest.param(
            '{"custom_labels": ["a=b", {"c": "d"}], "x_token": 7}', ["d", "a=b"], id="whatever-is-in-it"
        ),
        pytest.param(
            '{"git_repository": "https://bob:hunter2@github.com/x/y"}',
            ["bob:hunter2", "hunter2"],
            id="a-password-in-an-address",
        ),
        pytest.param(
            '{"git_repository": "https://ghp_x@github.com/x/y"}', ["ghp_x", ""], id="a-token-in-an-address"
        ),
        pytest.param(
            '{"git_repository": "bob:hunt@er2@github.com/x/y"}',
            ["hunt@er2", ""],
            id="an-address-without-a-scheme",
        ),
        pytest.param(
            '{"git_repository": "git@github.com:x/y", "domains": "https://a.example.com/@x"}',
            [],
            id="no-login",
        ),
        pytest.param("no JSON", [], id="a-mistake-is-told-elsewhere"),
    ],
)
def test_secret_settings_and_logins_in_addresses_are_redacted_like_variables(
    text: str, values: list[str]
) -> None:
    assert list(Coolify.redacted(found({**GOOD, "DEPLOYER_SETTINGS": text}))) == values
