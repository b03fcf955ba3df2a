"""Which targets are deployed: uuids, tags, webhooks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from deployer.providers.coolify.inputs.fields import Coolify
from deployer.settings import Found, RawInputs
from tests.settings.environments import (
    BASE,
    MARK,
    OTHER_TOKEN,
    TAG_HOOK,
    TOKEN,
    UUID_HOOK,
    VALID,
    WEB,
    mistake_of,
    mistakes,
    raw_inputs,
    read,
)

# --- tags, pull requests and tokens


def coolify(**environ: str) -> Coolify:
    """Return Coolify's inputs, with URL and token set."""
    _, values, raw = read({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, **environ})
    assert (raw.mistakes, raw.warnings) == ([], [])
    assert values is not None
    return values


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        pytest.param("blue", ("blue",), id="one"),
        pytest.param("blue, green\nred", ("blue", "green", "red"), id="many"),
        pytest.param(
            "Blue,BLUE,blue", ("blue",), id="lower-case-and-once"
        ),  # coolify-api 5.1: names are stored lower-case
        pytest.param("my-app_1.2", ("my-app_1.2",), id="all-characters"),
        pytest.param("x" * 100, ("x" * 100,), id="longest"),
    ],
)
def test_tags_are_targets(text: str, tags: tuple[str, ...]) -> None:
    values = coolify(DEPLOYER_TAG=text)
    assert (values.targets, values.uuid) == (tags, ())
    assert set(values.tagged) == set(tags)


@pytest.mark.parametrize(
    "text",
    ["a/b", "a:b", "nginx:1.27", "blue,gr een,re/d", "x" * 101, ",", ", \n", "blau;", "größe", f"7|{MARK}"],
)
def test_an_invalid_tag_is_one_mistake_that_does_not_repeat_it(text: str) -> None:
    expected = mistakes({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "INPUT_TAG": text})
    assert [each.partition(":")[0] for each in expected] == ["tag"]
    assert "For an image tag, set `image`" in expected[0]
    assert MARK not in expected[0]


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("#7", 7), (" 7\n", 7), ("007", 7), ("9999999999", 9_999_999_999)],
    ids=repr,
)
@pytest.mark.parametrize(
    "variable", ["INPUT_PR", "PLUGIN_PR", "DEPLOYER_PR", "INPUT_PULL_REQUEST_ID", "DEPLOYER_PULL_REQUEST_ID"]
)
def test_pr_is_a_number(variable: str, text: str, number: int) -> None:
    assert coolify(DEPLOYER_UUID=WEB, **{variable: text}).pr == number


@pytest.mark.parametrize(
    "text",
    ["0", "00", "#0", "-1", "1.5", "7a", "main", "refs/pull/7/merge", "false", "##7", "1e3", "12345678901"],
)
def test_an_invalid_pr_is_a_mistake(text: str) -> None:
    assert mistake_of("DEPLOYER_PR", text) == "must be the number of a pull request"


def test_two_names_of_pr_with_different_values_are_a_warning() -> None:
    raw = raw_inputs({"INPUT_PULL_REQUEST_ID": "8", "INPUT_PR": "7"})
    assert raw == RawInputs(
        found={"pr": Found("INPUT_PR", "7")},
        warnings=["INPUT_PULL_REQUEST_ID and INPUT_PR have different values; using INPUT_PR"],
    )


@pytest.mark.parametrize("text", ["pr-7", "1.2.3", "_x", "sha256-0123", "A" * 128])
def test_docker_tag_is_an_image_tag(text: str) -> None:
    assert coolify(DEPLOYER_UUID=WEB, DEPLOYER_PR="7", DEPLOYER_DOCKER_TAG=text).docker_tag == text


@pytest.mark.parametrize("text", ["nginx:1.27", "-x", ".x", "a b", "a/b", "sha256:0123", "A" * 129, "é"])
def test_an_invalid_docker_tag_is_a_mistake(text: str) -> None:
    expected = mistakes({**VALID, "DEPLOYER_PR": "7", "DEPLOYER_DOCKER_TAG": text})
    assert expected == [
        (
            "DEPLOYER_DOCKER_TAG: is not a valid image tag: only letters, digits and _.- are allowed, such "
            "as pr-7"
        )
    ]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("no", False), ("1", True)])
def test_pull_latest_is_a_flag(text: str, *, value: bool) -> None:
    assert coolify(DEPLOYER_UUID=WEB, DEPLOYER_PULL_LATEST=text).pull_latest is value


@pytest.mark.parametrize("text", [f"ghs_{MARK}", f"ghp_{MARK}", f"github_pat_{MARK}", f"glpat-{MARK}"])
@pytest.mark.parametrize("variable", ["COOLIFY_TOKEN", "COOLIFY_READ_TOKEN", "DEPLOYER_READ_TOKEN"])
def test_a_token_of_another_platform_is_a_mistake(variable: str, text: str) -> None:
    assert (
        mistake_of(variable, text) == "this is a token of GitHub or GitLab, not of Coolify; it was not sent"
    )


@pytest.mark.parametrize(
    "text", [f"{MARK} x", f"{MARK}\nx", f"é{MARK}", f"Bearer {MARK}", f"https://{MARK}.example.com"]
)
def test_the_read_token_has_the_same_rules_as_the_token(text: str) -> None:
    expected = [mistakes({**VALID, variable: text}) for variable in ("COOLIFY_TOKEN", "COOLIFY_READ_TOKEN")]
    assert [each.partition(": ")[2] for each in expected[0]] == [
        each.partition(": ")[2] for each in expected[1]
    ]
    assert len(expected[1]) == 1
    assert MARK not in repr(expected)


# --- webhooks


def test_a_webhook_and_a_token_are_enough() -> None:
    _, inputs, raw = read(
        {"COOLIFY_TOKEN": TOKEN, "COOLIFY_WEBHOOK": f"{BASE}/api/v1/deploy?uuid={WEB}&force=false"}
    )
    assert (raw.mistakes, raw.warnings) == ([], [])
    assert inputs is not None
    assert (inputs.base, inputs.targets) == (BASE, (WEB,))


def test_explicit_inputs_silently_override_the_webhook() -> None:
    webhook = "https://old.example.com/api/v1/deploy?uuid=old&force=true"
    _, inputs, raw = read({**VALID, "INPUT_WEBHOOK": webhook, "INPUT_FORCE": "false"})
    assert (raw.mistakes, raw.warnings) == ([], [])
    assert inputs is not None
    assert (inputs.base, inputs.targets, inputs.force) == (BASE, (WEB,), False)


@pytest.mark.parametrize(
    ("hook", "environ", "targets", "tagged", "force"),
    [
        pytest.param(TAG_HOOK, {}, ("blue",), ("blue",), False, id="alone"),
        pytest.param(
            f"{BASE}/api/v1/deploy?tag=Blue,green&force=true",
            {},
            ("blue", "green"),
            ("blue", "green"),
            True,
            id="two-and-force",
        ),
        pytest.param(
            f"{BASE}/api/v1/deploy?force=TRUE&tag=a%2Cb", {}, ("a", "b"), ("a", "b"), True, id="encoded"
        ),
        pytest.param(TAG_HOOK, {"DEPLOYER_TAG": "red"}, ("red",), ("red",), False, id="overridden-by-tag"),
        pytest.param(TAG_HOOK, {"DEPLOYER_UUID": WEB}, (WEB,), (), False, id="overridden-by-uuid"),
        pytest.param(UUID_HOOK, {}, (WEB,), (), False, id="with-a-uuid"),
    ],
)
def test_a_webhook_with_a_tag_deploys_by_tag(
    hook: str, environ: Mapping[str, str], targets: tuple[str, ...], tagged: tuple[str, ...], *, force: bool
) -> None:
    _, inputs, raw = read({"COOLIFY_TOKEN": TOKEN, "COOLIFY_WEBHOOK_URL": hook, **environ})
    assert (raw.mistakes, raw.warnings) == ([], [])
    assert inputs is not None
    assert inputs.webhook is not None
    assert (inputs.base, inputs.targets, inputs.tagged, inputs.webhook.force) == (
        BASE,
        targets,
        tagged,
        force,
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("", "must contain a uuid or a tag", id="empty"),
        pytest.param(f"uuid={WEB}&tag=blue", "must contain a uuid or a tag", id="both"),
        pytest.param("tag=a/b", "is not a valid Coolify tag", id="invalid-tag"),
        pytest.param("tag=", "must contain a uuid or a tag", id="empty-tag"),
        pytest.param("tag=,", "is not a valid Coolify tag", id="only-commas"),
        pytest.param(
            f"uuid={WEB}&pr=7", "contains 'pr', which must be set as an input of its own", id="pull-request"
        ),
        pytest.param(
            "tag=blue&force=true&docker_tag=x",
            "contains 'docker_tag', which must be set as an input of its own",
            id="docker-tag",
        ),
        pytest.param(f"uuid={WEB}&7%7C{MARK}=x", "contains an unexpected parameter", id="possible-secret"),
    ],
)
def test_an_invalid_webhook_is_one_mistake(query: str, message: str) -> None:
    expected = mistakes({"COOLIFY_TOKEN": TOKEN, "INPUT_WEBHOOK": f"{BASE}/api/v1/deploy?{query}"})
    assert len(expected) == 1
    assert expected[0].startswith("webhook: ")
    assert message in expected[0]
    assert MARK not in expected[0]


@pytest.mark.parametrize("tag", ["INPUT_TAG", "COOLIFY_WEBHOOK"])
def test_a_uuid_is_not_required_with_a_tag(tag: str) -> None:
    environ = {"INPUT_TAG": "blue"} if tag == "INPUT_TAG" else {"COOLIFY_WEBHOOK": TAG_HOOK}
    assert mistakes({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, **environ}) == []


def simulated(tag: str) -> dict[str, str]:
    return {"coolify_url": "http://127.0.0.1:1", "coolify_token": "1|simulated", "uuid": "a,b", "tag": tag}


def test_a_rehearsal_needs_no_inputs_and_lists_those_it_ignores() -> None:
    environ = {
        **VALID,
        "COOLIFY_READ_TOKEN": OTHER_TOKEN,
        "COOLIFY_WEBHOOK": UUID_HOOK,
        "DEPLOYER_REHEARSE": "success",
    }
    raw = raw_inputs(environ)
    ignored = Coolify.use_simulator(raw, simulated("blue"))
    inputs = Coolify.read(raw)
    assert ignored == [
        "COOLIFY_URL",
        "COOLIFY_TOKEN",
        "COOLIFY_READ_TOKEN",
        "DEPLOYER_UUID",
        "COOLIFY_WEBHOOK",
    ]
    assert raw.mistakes == []
    assert inputs is not None
    assert (inputs.base, inputs.targets, inputs.coolify_token.get_secret_value()) == (
        "http://127.0.0.1:1",
        ("a", "b"),
        "1|simulated",
    )
    assert inputs.read_token.get_secret_value() == ""


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        pytest.param(
            {"DEPLOYER_UUID": WEB, "INPUT_TAG": "blue"},
            ["DEPLOYER_UUID and tag can't be combined. Remove one"],
            id="uuid-and-tag",
        ),
        pytest.param(
            {"INPUT_TAG": "blue", "INPUT_PR": "7"},
            ["pr can't be combined with a tag. Set the application's uuid"],
            id="tag-and-pr",
        ),
        pytest.param(
            {"INPUT_DOCKER_TAG": "x"},
            ["docker_tag requires `pr`: it is the image tag of a preview"],
            id="docker-tag-alone",
        ),
        pytest.param(
            {"COOLIFY_WEBHOOK": TAG_HOOK, "INPUT_COMMAND": "stop"},
            ["command: stop requires uuids: Coolify only deploys by tag (COOLIFY_WEBHOOK)"],
            id="webhook-and-stop",
        ),
    ],
)
@pytest.mark.parametrize("group", ["all", ""])
def test_inputs_that_cannot_be_combined_are_mistakes_in_a_rehearsal(
    inputs: Mapping[str, str], expected: list[str], group: str
) -> None:
    """Once, with the user's own inputs."""
    raw = raw_inputs({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_REHEARSE": "success", **inputs})
    Coolify.use_simulator(raw, simulated(group))
    Coolify.read(raw)
    assert raw.mistakes == expected


@pytest.mark.parametrize(("group", "targets", "tagged"), [("all", ("all",), ("all",)), ("", ("a", "b"), ())])
def test_a_deployment_by_tag_is_rehearsed_by_tag_if_the_scenario_has_one(
    group: str, targets: tuple[str, ...], tagged: tuple[str, ...]
) -> None:
    raw = raw_inputs(
        {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "INPUT_TAG": "blue", "DEPLOYER_REHEARSE": "success"}
    )
    ignored = Coolify.use_simulator(raw, simulated(group))
    inputs = Coolify.read(raw)
    assert (ignored, raw.mistakes) == (["COOLIFY_URL", "COOLIFY_TOKEN", "tag"], [])
    assert inputs is not None
    assert (inputs.targets, inputs.tagged) == (targets, tagged)
