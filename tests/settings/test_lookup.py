"""How inputs are looked up: spellings, names, files, typos."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployer.settings import Found, RawInputs, declared
from tests.settings.environments import (
    BASE,
    GROUPS,
    MARK,
    OTHER_TOKEN,
    TOKEN,
    VALID,
    WEB,
    common,
    mistakes,
    raw_inputs,
    read,
)

# Input: its input aliases, its variable aliases (the table of architecture 2.2).
INPUTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "provider": ((), ()),
    "ci": ((), ()),
    "command": ((), ()),
    "coolify_url": ((), ("COOLIFY_BASE_URL", "COOLIFY_ENDPOINT")),
    "coolify_token": (("token",), ("COOLIFY_API_TOKEN", "COOLIFY_ACCESS_TOKEN")),
    "read_token": ((), ("COOLIFY_READ_TOKEN",)),
    "webhook": ((), ("COOLIFY_WEBHOOK", "COOLIFY_WEBHOOK_URL")),
    "uuid": (("app_uuid",), ("COOLIFY_UUID", "COOLIFY_APP_UUID", "COOLIFY_RESOURCE_ID")),
    "tag": ((), ()),
    "pr": (("pull_request_id",), ()),
    "force": ((), ()),
    "instant_deploy": ((), ()),
    "docker_tag": ((), ()),
    "pull_latest": ((), ()),
    "image": ((), ()),
    "commit": ((), ()),
    "env": ((), ()),
    "env_file": ((), ()),
    "settings": ((), ()),
    "create": ((), ()),
    "name": ((), ()),
    "project": ((), ()),
    "environment": ((), ()),
    "server": ((), ()),
    "destination": ((), ()),
    "domains": ((), ()),
    "ports": ((), ()),
    "wait": ((), ()),
    "timeout": ((), ()),
    "poll_interval": (("interval",), ()),
    "on_timeout": ((), ()),
    "on_interrupt": ((), ()),
    "logs": ((), ()),
    "hidden_logs": ((), ()),
    "log_file": ((), ()),
    "verify_health": ((), ()),
    "verify_url": ((), ()),
    "verify_status": ((), ()),
    "verify_contains": ((), ()),
    "verify_timeout": ((), ()),
    "rollback": ((), ()),
    "dry_run": ((), ()),
    "headers": ((), ()),
    "ca_cert": ((), ()),
    "insecure": ((), ()),
    "on_missing_secret": ((), ()),
    "output_file": ((), ()),
    "result_file": ((), ()),
    "summary": ((), ()),
    "rehearse": ((), ()),
}


FILE_INPUTS = ("coolify_token", "headers", "read_token")


def variables(name: str) -> list[str]:
    """Return every variable of an input, in order of precedence (architecture 2.1)."""
    inputs, aliases = INPUTS[name]
    listed: list[str] = []
    for each in (name, *inputs):
        capitals = each.upper()
        hyphens = [f"INPUT_{capitals.replace('_', '-')}"] if "_" in each else []
        prefixed = capitals if each.startswith("coolify_") else f"DEPLOYER_{capitals}"
        prefixed = "DEPLOYER_APP_IMAGE" if each == "image" else prefixed
        listed += [f"INPUT_{capitals}", *hyphens, f"PLUGIN_{capitals}", prefixed]
    return [*listed, *aliases]


def every_spelling() -> Iterator[Any]:
    for name in INPUTS:
        for rank, variable in enumerate(variables(name)):
            yield pytest.param(name, rank, id=f"{name}-{variable}")


# --- spellings


def test_the_table_has_every_input() -> None:
    assert {name: (spelling.inputs, spelling.variables) for name, _, spelling in declared(GROUPS)} == INPUTS
    assert tuple(sorted(name for name, _, spelling in declared(GROUPS) if spelling.file)) == FILE_INPUTS


@pytest.mark.parametrize(("name", "rank"), list(every_spelling()))
def test_the_spelling_with_the_highest_precedence_counts(name: str, rank: int) -> None:
    names = [*variables(name)][rank:]
    everything = raw_inputs({variable: f"value {number}" for number, variable in enumerate(names)})
    assert everything.found == {name: Found(names[0], "value 0")}
    assert everything.warnings == [
        f"{other} and {names[0]} have different values; using {names[0]}" for other in names[1:]
    ]
    assert raw_inputs({names[0]: "alone"}) == RawInputs(found={name: Found(names[0], "alone")})


def test_no_two_inputs_share_a_variable() -> None:
    every = [variable for name in INPUTS for variable in variables(name)]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("blank_value", ["", " ", "\n", "\t \r\n"])
def test_an_empty_value_is_ignored(blank_value: str) -> None:
    assert (
        raw_inputs({variable: blank_value for name in INPUTS for variable in variables(name)}) == RawInputs()
    )
    assert raw_inputs({"INPUT_TIMEOUT": blank_value, "DEPLOYER_TIMEOUT": "5m"}) == RawInputs(
        found={"timeout": Found("DEPLOYER_TIMEOUT", "5m")}
    )


def test_spaces_around_a_value_are_stripped_and_are_no_conflict() -> None:
    raw = raw_inputs({"INPUT_TIMEOUT": " 5m\n", "DEPLOYER_TIMEOUT": "5m"})
    assert raw == RawInputs(found={"timeout": Found("INPUT_TIMEOUT", "5m")})


def test_a_conflict_is_reported_with_names_and_without_values() -> None:
    environ = {"INPUT_COOLIFY_TOKEN": TOKEN, "COOLIFY_TOKEN": f"8|{MARK}1", "COOLIFY_API_TOKEN": TOKEN}
    assert raw_inputs(environ).warnings == [
        "COOLIFY_TOKEN and INPUT_COOLIFY_TOKEN have different values; using INPUT_COOLIFY_TOKEN"
    ]


def test_variables_in_lower_case_are_not_read() -> None:
    assert raw_inputs({"input_timeout": "5m", "deployer_timeout": "5m", "coolify_url": BASE}) == RawInputs()


def test_variables_without_a_prefix_are_not_read() -> None:
    assert (
        raw_inputs({"TIMEOUT": "5m", "UUID": WEB, "TOKEN": TOKEN, "WEBHOOK": "x", "URL": BASE}) == RawInputs()
    )


def test_inputs_that_are_not_set_have_their_defaults() -> None:
    _, inputs, raw = read(VALID)
    assert (raw.mistakes, raw.warnings) == ([], [])
    assert common().model_dump() == {
        "provider": None,
        "ci": "",
        "command": "deploy",
        "image": "",
        "wait": True,
        "timeout": 1800,
        "poll_interval": None,
        "on_timeout": "leave",
        "on_interrupt": "cancel",
        "logs": "live",
        "hidden_logs": False,
        "log_file": "",
        "verify_health": "auto",
        "verify_url": "",
        "verify_status": ((200, 399),),
        "verify_contains": "",
        "verify_timeout": 180,
        "rollback": False,
        "dry_run": False,
        "headers": {},
        "ca_cert": "",
        "insecure": False,
        "on_missing_secret": "fail",
        "output_file": "",
        "result_file": "",
        "summary": True,
        "rehearse": "",
    }
    assert inputs is not None
    assert inputs.model_dump() == {
        "coolify_url": BASE,
        "coolify_token": SecretStr(TOKEN),
        "read_token": SecretStr(""),
        "webhook": None,
        "uuid": (WEB,),
        "tag": (),
        "pr": 0,
        "force": None,
        "instant_deploy": False,
        "docker_tag": "",
        "pull_latest": True,
        "commit": "",
        "env": {},
        "env_file": {},
        "settings": {},
        "create": False,
        "name": "",
        "project": "",
        "environment": "",
        "server": "",
        "destination": "",
        "domains": (),
        "ports": (),
    }


# --- the name in use


@pytest.mark.parametrize(
    ("variable", "value", "name_in_use"),
    [
        ("INPUT_TIMEOUT", "soon", "timeout"),
        ("PLUGIN_TIMEOUT", "soon", "timeout"),
        ("DEPLOYER_TIMEOUT", "soon", "DEPLOYER_TIMEOUT"),
        ("INPUT_POLL_INTERVAL", "soon", "poll_interval"),
        ("INPUT_POLL-INTERVAL", "soon", "poll-interval"),
        ("PLUGIN_INTERVAL", "soon", "interval"),
        ("DEPLOYER_INTERVAL", "soon", "DEPLOYER_INTERVAL"),
        ("INPUT_COOLIFY_URL", "ftp://x", "coolify_url"),
        ("INPUT_COOLIFY-URL", "ftp://x", "coolify-url"),
        ("COOLIFY_URL", "ftp://x", "COOLIFY_URL"),
        ("COOLIFY_BASE_URL", "ftp://x", "COOLIFY_BASE_URL"),
        ("INPUT_TOKEN", "ghs_x", "token"),
        ("DEPLOYER_TOKEN", "ghs_x", "DEPLOYER_TOKEN"),
        ("COOLIFY_ACCESS_TOKEN", "ghs_x", "COOLIFY_ACCESS_TOKEN"),
        ("INPUT_APP_UUID", "a/b", "app_uuid"),
        ("COOLIFY_RESOURCE_ID", "a/b", "COOLIFY_RESOURCE_ID"),
        ("INPUT_COMMAND", "destroy", "command"),
        ("INPUT_PR", "main", "pr"),
        ("INPUT_PULL_REQUEST_ID", "main", "pull_request_id"),
        ("INPUT_PULL-REQUEST-ID", "main", "pull-request-id"),
        ("DEPLOYER_PULL_REQUEST_ID", "main", "DEPLOYER_PULL_REQUEST_ID"),
        ("INPUT_READ-TOKEN", "ghs_x", "read-token"),
        ("DEPLOYER_READ_TOKEN", "ghs_x", "DEPLOYER_READ_TOKEN"),
        ("COOLIFY_READ_TOKEN", "ghs_x", "COOLIFY_READ_TOKEN"),
        ("PLUGIN_VERIFY_HEALTH", "perhaps", "verify_health"),
        ("DEPLOYER_VERIFY_TIMEOUT", "soon", "DEPLOYER_VERIFY_TIMEOUT"),
        ("INPUT_DRY-RUN", "perhaps", "dry-run"),
        ("DEPLOYER_PROVIDER", "heroku", "DEPLOYER_PROVIDER"),
    ],
)
def test_a_mistake_is_reported_with_the_name_in_use(variable: str, value: str, name_in_use: str) -> None:
    name = next(name for name in INPUTS if variable in variables(name))
    rest = {key: text for key, text in VALID.items() if key not in variables(name)}
    expected = mistakes({**rest, variable: value})
    assert [each.partition(": ")[0] for each in expected] == [name_in_use]


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        pytest.param("", ["COOLIFY_URL", "COOLIFY_TOKEN", "DEPLOYER_UUID"], id="shell"),
        pytest.param("INPUT_", ["coolify_url", "coolify_token", "uuid"], id="github"),
        pytest.param("PLUGIN_", ["coolify_url", "coolify_token", "uuid"], id="drone"),
    ],
)
def test_a_missing_input_is_reported_with_the_name_of_the_ci_system(prefix: str, names: list[str]) -> None:
    assert [each.partition(" is missing: ")[0] for each in mistakes({}, prefix)] == names


def test_all_mistakes_are_reported_together() -> None:
    environ = {
        "INPUT_COMMAND": "destroy",
        "INPUT_WAIT": "5",
        "INPUT_TIMEOUT": "0",
        "INPUT_POLL-INTERVAL": "often",
        "INPUT_ON_TIMEOUT": "shrug",
        "INPUT_LOGS": "some",
        "DEPLOYER_SUMMARY": "perhaps",
        "PLUGIN_HEADERS": "Host: x",
        "DEPLOYER_CA_CERT": "/no/such/file.pem",
        "COOLIFY_URL": "ftp://x",
        "INPUT_COOLIFY_TOKEN": "glpat-x",
        "INPUT_FORCE": "very",
        "INPUT_READ_TOKEN": "github_pat_x",
        "INPUT_PR": "main",
        "INPUT_PULL_LATEST": "always",
        "DEPLOYER_VERIFY_HEALTH": "perhaps",
        "DEPLOYER_VERIFY_TIMEOUT": "0",
        "DEPLOYER_DRY_RUN": "maybe",
        "INPUT_COOLIFY_TOKEN_FILE": "/no/such/token",
    }
    expected = mistakes(environ, "INPUT_")
    assert "set either coolify_token_file or coolify_token, not both" in expected
    printed = [each for each in expected if not each.startswith("set either ")]
    assert sorted(each.partition(":")[0].partition(" is missing")[0] for each in printed) == sorted(
        [
            *(
                "command",
                "wait",
                "timeout",
                "poll-interval",
                "on_timeout",
                "logs",
                "DEPLOYER_SUMMARY",
                "headers",
                "DEPLOYER_CA_CERT",
            ),
            *(
                "COOLIFY_URL",
                "coolify_token",
                "force",
                "uuid",
                "read_token",
                "pr",
                "pull_latest",
            ),
            *("DEPLOYER_VERIFY_HEALTH", "DEPLOYER_VERIFY_TIMEOUT", "DEPLOYER_DRY_RUN"),
        ]
    )
    assert [
        each for each in expected if "\n" in each or "pydantic" in each.lower() or "Input should" in each
    ] == []


# --- secrets from files


@pytest.mark.parametrize("name", FILE_INPUTS)
def test_a_secret_may_be_read_from_a_file_in_every_spelling(name: str, secret: Path) -> None:
    for variable in variables(name):
        assert raw_inputs({f"{variable}_FILE": str(secret)}) == RawInputs(
            found={name: Found(f"{variable}_FILE", TOKEN)}
        )


@pytest.mark.parametrize("name", [name for name in INPUTS if name not in FILE_INPUTS])
def test_other_inputs_are_not_read_from_files(name: str, secret: Path) -> None:
    for variable in variables(name):
        assert raw_inputs({f"{variable}_FILE": str(secret)}).found.get(name) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("token", "token"),
        ("token\n", "token"),
        ("token\r\n", "token"),
        ("token\n\n", "token\n"),
        (" token", " token"),
        ("A: 1\nB: 2\n", "A: 1\nB: 2"),
        ("x" * 65536, "x" * 65536),
    ],
)
def test_only_the_last_line_break_of_a_file_is_stripped(content: str, text: str, secret: Path) -> None:
    secret.write_bytes(content.encode())
    assert raw_inputs({"DEPLOYER_HEADERS_FILE": str(secret)}).text("headers") == text


def test_a_file_behind_a_symbolic_link_is_read(secret: Path, tmp_path: Path) -> None:
    """Kubernetes and Docker mount secrets as links."""
    (tmp_path / "link").symlink_to(secret)
    assert raw_inputs({"COOLIFY_TOKEN_FILE": f" {tmp_path / 'link'}\n"}).text("coolify_token") == TOKEN


def directory(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def large(path: Path) -> None:
    path.write_text("x" * 65537)


def empty(path: Path) -> None:
    path.write_text("")


def blank(path: Path) -> None:
    path.write_text(" \n")


def binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe" + MARK.encode())


def missing(path: Path) -> None:
    """Create nothing."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(missing, "No such file or directory", id="missing"),
        pytest.param(directory, "is not a regular file", id="directory"),
        pytest.param(pipe, "is not a regular file", id="pipe"),
        pytest.param(large, "is larger than 64 KiB", id="too-large"),
        pytest.param(empty, "is empty", id="empty"),
        pytest.param(blank, "is empty", id="blank"),
        pytest.param(binary, "", id="binary"),
    ],
)
@pytest.mark.parametrize(
    "name",
    ["INPUT_COOLIFY_TOKEN_FILE", "COOLIFY_TOKEN_FILE", "INPUT_HEADERS_FILE", "COOLIFY_READ_TOKEN_FILE"],
)
def test_an_unreadable_file_is_one_mistake_with_its_name(
    make: Any, message: str, name: str, tmp_path: Path
) -> None:
    make(tmp_path / "odd")
    rest = {key: text for key, text in VALID.items() if "COOLIFY_TOKEN" not in name or key != "COOLIFY_TOKEN"}
    expected = mistakes({**rest, name: str(tmp_path / "odd")})
    name_in_use = name.removeprefix("INPUT_").lower() if name.startswith("INPUT_") else name
    assert len(expected) == 1
    assert expected[0].startswith(f"{name_in_use}: ")
    assert message in expected[0]
    assert MARK not in expected[0]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param(
            {"COOLIFY_TOKEN": TOKEN},
            "set either COOLIFY_TOKEN_FILE or COOLIFY_TOKEN, not both",
            id="same-spelling",
        ),
        pytest.param(
            {"INPUT_TOKEN": TOKEN},
            "set either COOLIFY_TOKEN_FILE or token, not both",
            id="other-spelling",
        ),
    ],
)
def test_a_secret_and_its_file_are_a_mistake(environ: Mapping[str, str], expected: str, secret: Path) -> None:
    assert mistakes(
        {"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(secret), **environ}
    ) == [expected]


def test_the_read_token_and_its_file_are_a_mistake(secret: Path) -> None:
    both = {"COOLIFY_READ_TOKEN": OTHER_TOKEN, "DEPLOYER_READ_TOKEN_FILE": str(secret)}
    assert mistakes({**VALID, **both}) == [
        "set either DEPLOYER_READ_TOKEN_FILE or COOLIFY_READ_TOKEN, not both"
    ]
    assert mistakes({**VALID, "DEPLOYER_READ_TOKEN_FILE": str(secret)}) == []


# --- misspelt variables


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("DEPLOYER_TIMEOT", "unknown input DEPLOYER_TIMEOT. Did you mean DEPLOYER_TIMEOUT?"),
        ("INPUT_TIMEOT", "unknown input timeot. Did you mean timeout?"),
        ("PLUGIN_TIME_OUT", "unknown input time_out. Did you mean timeout?"),
        ("INPUT_COOLIFY-UR", "unknown input coolify-ur. Did you mean coolify_url?"),
        ("COOLIFY_TOKN", "unknown input COOLIFY_TOKN. Did you mean COOLIFY_TOKEN?"),
        ("COOLIFY_APP_ID", "unknown input COOLIFY_APP_ID. Did you mean COOLIFY_APP_UUID?"),
        ("DEPLOYER_UUIDS", "unknown input DEPLOYER_UUIDS. Did you mean DEPLOYER_UUID?"),
        ("INPUT_HEADER", "unknown input header. Did you mean headers?"),
        (
            "DEPLOYER_HIDDEN_LOG",
            "unknown input DEPLOYER_HIDDEN_LOG. Did you mean DEPLOYER_HIDDEN_LOGS?",
        ),
        (
            "DEPLOYER_ON_INTERUPT",
            "unknown input DEPLOYER_ON_INTERUPT. Did you mean DEPLOYER_ON_INTERRUPT?",
        ),
        ("COOLIFY_READ_TOKN", "unknown input COOLIFY_READ_TOKN. Did you mean COOLIFY_READ_TOKEN?"),
        ("INPUT_READ_TOKE", "unknown input read_toke. Did you mean read_token?"),
        ("INPUT_PULL-REQUEST", "unknown input pull-request. Did you mean pull_request_id?"),
        (
            "DEPLOYER_DOCKERTAG",
            "unknown input DEPLOYER_DOCKERTAG. Did you mean DEPLOYER_DOCKER_TAG?",
        ),
        (
            "DEPLOYER_VERIFY_HEALT",
            "unknown input DEPLOYER_VERIFY_HEALT. Did you mean DEPLOYER_VERIFY_HEALTH?",
        ),
    ],
)
def test_a_misspelt_variable_is_a_warning_with_a_suggestion(variable: str, expected: str) -> None:
    assert raw_inputs({variable: f"{MARK}"}) == RawInputs(warnings=[expected])


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("DEPLOYER_DRYRUN", "unknown input DEPLOYER_DRYRUN. Did you mean DEPLOYER_DRY_RUN?"),
        ("INPUT_DRYRUN", "unknown input dryrun. Did you mean dry_run?"),
        ("PLUGIN_DRY_RUNS", "unknown input dry_runs. Did you mean dry_run?"),
        ("DEPLOYER_REHEARS", "unknown input DEPLOYER_REHEARS. Did you mean DEPLOYER_REHEARSE?"),
        ("INPUT_REHERSE", "unknown input reherse. Did you mean rehearse?"),
    ],
)
def test_a_misspelt_rehearse_or_dry_run_is_a_mistake(variable: str, expected: str) -> None:
    assert raw_inputs({variable: f"{MARK}"}) == RawInputs(mistakes=[expected])


@pytest.mark.parametrize(
    "variable",
    [
        *(
            "COOLIFY_FQDN",
            "COOLIFY_BRANCH",
            "COOLIFY_RESOURCE_UUID",
            "COOLIFY_CONTAINER_NAME",
        ),  # set by Coolify
        *("DEPLOYER_IMAGE", "DEPLOYER_DEBUG", "DEPLOYER_VERSION", "DEPLOYER_HOME"),
        *(
            "INPUT_WHO-TO-GREET",
            "INPUT_GITHUB_TOKEN",
            "INPUT_FETCH-DEPTH",
            "PLUGIN_REPO",
            "PLUGIN_USERNAME",
            "PLUGIN_SQUASH",
        ),
        *(
            "DEPLOYED_STATUS",
            "DEPLOYED_DEPLOYMENT_UUID",
            "DEPLOYED_URL",
            "DEPLOYED_TIMED_OUT",
            "DEPLOYED_COMMIT",
        ),
        *(
            "TIMEOT",
            "MY_DEPLOYER_TIMEOT",
            "CI",
            "GITHUB_TOKEN",
            "COOLIFYTOKEN",
            "COOLIFY_",
            "INPUT_",
            "DEPLOYER_",
        ),
    ],
)
def test_an_unrelated_variable_causes_no_warning(variable: str) -> None:
    assert raw_inputs({variable: "x"}) == RawInputs()


def test_a_misspelt_variable_without_a_value_causes_no_warning() -> None:
    assert raw_inputs({"INPUT_TIMEOT": "", "DEPLOYER_TIMEOT": " \n"}) == RawInputs()


# --- inside a container that Coolify runs


NOTICE = (
    "ignoring COOLIFY_URL: Coolify sets it in containers it runs. Set COOLIFY_BASE_URL or "
    "INPUT_COOLIFY_URL instead"
)


INSIDE = {
    "COOLIFY_URL": "https://runner.example.com",
    "COOLIFY_FQDN": "runner.example.com",
    "COOLIFY_BRANCH": "main",
}


@pytest.mark.parametrize("marker", [{"COOLIFY_RESOURCE_UUID": "abc"}, {"COOLIFY_CONTAINER_NAME": "abc-123"}])
@pytest.mark.parametrize(
    ("environ", "winner"),
    [
        pytest.param({}, None, id="no-other-url"),
        pytest.param({"COOLIFY_BASE_URL": BASE}, Found("COOLIFY_BASE_URL", BASE), id="base-url"),
        pytest.param({"INPUT_COOLIFY_URL": BASE}, Found("INPUT_COOLIFY_URL", BASE), id="input"),
        pytest.param({"PLUGIN_COOLIFY_URL": BASE}, Found("PLUGIN_COOLIFY_URL", BASE), id="plugin"),
    ],
)
def test_coolify_url_is_ignored_in_containers_that_coolify_runs(
    marker: Mapping[str, str], environ: Mapping[str, str], winner: Found | None
) -> None:
    raw = raw_inputs({**INSIDE, **marker, **environ})
    assert raw == RawInputs(found={"coolify_url": winner} if winner else {}, warnings=[NOTICE])


def test_coolify_url_is_used_elsewhere() -> None:
    raw = raw_inputs({**INSIDE, "COOLIFY_RESOURCE_UUID": "", "COOLIFY_CONTAINER_NAME": ""})
    assert raw == RawInputs(found={"coolify_url": Found("COOLIFY_URL", "https://runner.example.com")})


def test_a_runner_in_coolify_does_not_deploy_itself() -> None:
    expected = mistakes({**INSIDE, "COOLIFY_RESOURCE_UUID": "abc", "COOLIFY_TOKEN": TOKEN})
    assert [each.partition(" is missing")[0] for each in expected] == ["COOLIFY_URL", "DEPLOYER_UUID"]
