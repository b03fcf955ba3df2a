"""How an input finds its variable (architecture 2.1), what each kind of value may be, and what is said of everything that is wrong."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest
from pydantic import SecretStr

from deployer.main import main
from deployer.providers.coolify.inputs.fields import Coolify
from deployer.settings import Common, Found, RawInputs, declared, look_up, placeholders
from tests.scenarios.test_transcripts import StillClock

GROUPS = (Common, Coolify)
BASE = "https://coolify.example.com"
WEB = "ptofe13hijui9bkafqyhz7yy"
MARK = "mArKeDsecret"
TOKEN = f"7|{MARK}0000000000000000000000000000000000"
OTHER_TOKEN = f"8|{MARK}1111111111111111111111111111111111"
GOOD = {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB}

# Input: its input aliases, its variable aliases (the table of architecture 2.2, as far as it is built).
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
FROM_FILES = ("coolify_token", "headers", "read_token")


def variables(name: str) -> list[str]:
    """Every variable of an input, the strongest first, as architecture 2.1 lists them."""
    inputs, aliases = INPUTS[name]
    listed: list[str] = []
    for each in (name, *inputs):
        capitals = each.upper()
        hyphens = [f"INPUT_{capitals.replace('_', '-')}"] if "_" in each else []
        own = capitals if each.startswith("coolify_") else f"DEPLOYER_{capitals}"
        own = "DEPLOYER_APP_IMAGE" if each == "image" else own
        listed += [f"INPUT_{capitals}", *hyphens, f"PLUGIN_{capitals}", own]
    return [*listed, *aliases]


def every_spelling() -> Iterator[Any]:
    for name in INPUTS:
        for rank, variable in enumerate(variables(name)):
            yield pytest.param(name, rank, id=f"{name}-{variable}")


def found(environ: Mapping[str, str], prefix: str = "") -> RawInputs:
    return look_up(GROUPS, environ, prefix)


def read(environ: Mapping[str, str], prefix: str = "") -> tuple[Common | None, Coolify | None, RawInputs]:
    given = found(environ, prefix)
    return Common.read(given), Coolify.read(given), given


def common(**environ: str) -> Common:
    values, _, given = read({**GOOD, **environ})
    assert values is not None, given.mistakes
    return values


def mistakes(environ: Mapping[str, str], prefix: str = "") -> list[str]:
    return read(environ, prefix)[2].mistakes


# --- spellings


def test_the_table_of_these_tests_holds_every_input() -> None:
    assert {name: (spelling.inputs, spelling.variables) for name, _, spelling in declared(GROUPS)} == INPUTS
    assert tuple(sorted(name for name, _, spelling in declared(GROUPS) if spelling.file)) == FROM_FILES


@pytest.mark.parametrize(("name", "rank"), list(every_spelling()))
def test_of_all_spellings_of_an_input_the_strongest_that_is_given_counts(name: str, rank: int) -> None:
    given = [*variables(name)][rank:]
    everything = found({variable: f"value {number}" for number, variable in enumerate(given)})
    assert everything.found == {name: Found(given[0], "value 0")}
    assert everything.warnings == [f"{other} and {given[0]} differ: {given[0]} counts" for other in given[1:]]
    assert found({given[0]: "alone"}) == RawInputs(found={name: Found(given[0], "alone")})


def test_no_two_inputs_share_a_variable() -> None:
    every = [variable for name in INPUTS for variable in variables(name)]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("nothing", ["", " ", "\n", "\t \r\n"])
def test_empty_means_not_given(nothing: str) -> None:
    assert found({variable: nothing for name in INPUTS for variable in variables(name)}) == RawInputs()
    assert found({"INPUT_TIMEOUT": nothing, "DEPLOYER_TIMEOUT": "5m"}) == RawInputs(
        found={"timeout": Found("DEPLOYER_TIMEOUT", "5m")}
    )


def test_blanks_around_a_value_are_dropped_and_make_no_conflict() -> None:
    given = found({"INPUT_TIMEOUT": " 5m\n", "DEPLOYER_TIMEOUT": "5m"})
    assert given == RawInputs(found={"timeout": Found("INPUT_TIMEOUT", "5m")})


def test_a_conflict_is_told_by_names_and_never_by_values() -> None:
    environ = {"INPUT_COOLIFY_TOKEN": TOKEN, "COOLIFY_TOKEN": f"8|{MARK}1", "COOLIFY_API_TOKEN": TOKEN}
    assert found(environ).warnings == [
        "COOLIFY_TOKEN and INPUT_COOLIFY_TOKEN differ: INPUT_COOLIFY_TOKEN counts"
    ]


def test_small_letters_are_other_variables() -> None:
    assert found({"input_timeout": "5m", "deployer_timeout": "5m", "coolify_url": BASE}) == RawInputs()


def test_the_plain_name_of_an_input_with_our_prefix_is_not_read() -> None:
    assert found({"TIMEOUT": "5m", "UUID": WEB, "TOKEN": TOKEN, "WEBHOOK": "x", "URL": BASE}) == RawInputs()


def test_what_nobody_gave_has_its_default() -> None:
    _, inputs, given = read(GOOD)
    assert (given.mistakes, given.warnings) == ([], [])
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


# --- the name that the user typed


@pytest.mark.parametrize(
    ("variable", "value", "typed"),
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
def test_a_mistake_is_told_under_the_name_that_was_typed(variable: str, value: str, typed: str) -> None:
    name = next(name for name in INPUTS if variable in variables(name))
    rest = {key: text for key, text in GOOD.items() if key not in variables(name)}
    told = mistakes({**rest, variable: value})
    assert [each.partition(": ")[0] for each in told] == [typed]


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        pytest.param("", ["COOLIFY_URL", "COOLIFY_TOKEN", "DEPLOYER_UUID"], id="a-shell"),
        pytest.param("INPUT_", ["coolify_url", "coolify_token", "uuid"], id="github"),
        pytest.param("PLUGIN_", ["coolify_url", "coolify_token", "uuid"], id="drone"),
    ],
)
def test_what_is_missing_is_told_under_the_name_that_is_typed_there(prefix: str, names: list[str]) -> None:
    assert [each.partition(" is missing: ")[0] for each in mistakes({}, prefix)] == names


def test_all_mistakes_are_told_at_once() -> None:
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
    told = mistakes(environ, "INPUT_")
    assert sorted(each.partition(":")[0].partition(" is missing")[0] for each in told) == sorted(
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
                "coolify_token_file",
                "uuid",
                "read_token",
                "pr",
                "pull_latest",
            ),
            *("DEPLOYER_VERIFY_HEALTH", "DEPLOYER_VERIFY_TIMEOUT", "DEPLOYER_DRY_RUN"),
        ]
    )
    assert [
        each for each in told if "\n" in each or "pydantic" in each.lower() or "Input should" in each
    ] == []


# --- secrets from files


@pytest.fixture(name="secret")
def _secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(TOKEN)
    return path


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_secret_may_come_from_a_file_under_every_spelling(name: str, secret: Path) -> None:
    for variable in variables(name):
        assert found({f"{variable}_FILE": str(secret)}) == RawInputs(
            found={name: Found(f"{variable}_FILE", TOKEN)}
        )


@pytest.mark.parametrize("name", [name for name in INPUTS if name not in FROM_FILES])
def test_nothing_else_comes_from_a_file(name: str, secret: Path) -> None:
    for variable in variables(name):
        assert found({f"{variable}_FILE": str(secret)}).found.get(name) is None


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
def test_of_a_file_only_the_last_line_break_is_dropped(content: str, text: str, secret: Path) -> None:
    secret.write_bytes(content.encode())
    assert found({"DEPLOYER_HEADERS_FILE": str(secret)}).text("headers") == text


def test_a_file_in_a_hidden_link_is_read(secret: Path, tmp_path: Path) -> None:
    """Kubernetes and Docker put links there."""
    (tmp_path / "link").symlink_to(secret)
    assert found({"COOLIFY_TOKEN_FILE": f" {tmp_path / 'link'}\n"}).text("coolify_token") == TOKEN


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
    """Nothing there."""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(missing, "No such file or directory", id="missing"),
        pytest.param(directory, "is no regular file", id="a-directory"),
        pytest.param(pipe, "is no regular file", id="a-pipe"),
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
def test_a_file_that_cannot_be_read_is_one_mistake_under_its_name(
    make: Any, words: str, name: str, tmp_path: Path
) -> None:
    make(tmp_path / "odd")
    rest = {key: text for key, text in GOOD.items() if "COOLIFY_TOKEN" not in name or key != "COOLIFY_TOKEN"}
    told = mistakes({**rest, name: str(tmp_path / "odd")})
    typed = name.removeprefix("INPUT_").lower() if name.startswith("INPUT_") else name
    assert len(told) == 1
    assert told[0].startswith(f"{typed}: ")
    assert words in told[0]
    assert MARK not in told[0]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        pytest.param(
            {"COOLIFY_TOKEN": TOKEN},
            "COOLIFY_TOKEN_FILE: COOLIFY_TOKEN is given, too; give one of them",
            id="in-the-same-spelling",
        ),
        pytest.param(
            {"INPUT_TOKEN": TOKEN},
            "COOLIFY_TOKEN_FILE: token is given, too; give one of them",
            id="in-another-spelling",
        ),
    ],
)
def test_a_secret_and_its_file_are_a_mistake(environ: Mapping[str, str], told: str, secret: Path) -> None:
    assert mistakes(
        {"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(secret), **environ}
    ) == [told]


def test_the_second_token_and_its_file_are_a_mistake_and_the_first_one_is_none(secret: Path) -> None:
    both = {"COOLIFY_READ_TOKEN": OTHER_TOKEN, "DEPLOYER_READ_TOKEN_FILE": str(secret)}
    assert mistakes({**GOOD, **both}) == [
        "DEPLOYER_READ_TOKEN_FILE: COOLIFY_READ_TOKEN is given, too; give one of them"
    ]
    assert mistakes({**GOOD, "DEPLOYER_READ_TOKEN_FILE": str(secret)}) == []


# --- misspelt variables


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("DEPLOYER_TIMEOT", "DEPLOYER_TIMEOT is no input of Deployer: did you mean DEPLOYER_TIMEOUT?"),
        ("INPUT_TIMEOT", "timeot is no input of Deployer: did you mean timeout?"),
        ("PLUGIN_TIME_OUT", "time_out is no input of Deployer: did you mean timeout?"),
        ("INPUT_COOLIFY-UR", "coolify-ur is no input of Deployer: did you mean coolify_url?"),
        ("COOLIFY_TOKN", "COOLIFY_TOKN is no input of Deployer: did you mean COOLIFY_TOKEN?"),
        ("COOLIFY_APP_ID", "COOLIFY_APP_ID is no input of Deployer: did you mean COOLIFY_APP_UUID?"),
        ("DEPLOYER_UUIDS", "DEPLOYER_UUIDS is no input of Deployer: did you mean DEPLOYER_UUID?"),
        ("INPUT_HEADER", "header is no input of Deployer: did you mean headers?"),
        (
            "DEPLOYER_HIDDEN_LOG",
            "DEPLOYER_HIDDEN_LOG is no input of Deployer: did you mean DEPLOYER_HIDDEN_LOGS?",
        ),
        (
            "DEPLOYER_ON_INTERUPT",
            "DEPLOYER_ON_INTERUPT is no input of Deployer: did you mean DEPLOYER_ON_INTERRUPT?",
        ),
        ("COOLIFY_READ_TOKN", "COOLIFY_READ_TOKN is no input of Deployer: did you mean COOLIFY_READ_TOKEN?"),
        ("INPUT_READ_TOKE", "read_toke is no input of Deployer: did you mean read_token?"),
        ("INPUT_PULL-REQUEST", "pull-request is no input of Deployer: did you mean pull_request_id?"),
        (
            "DEPLOYER_DOCKERTAG",
            "DEPLOYER_DOCKERTAG is no input of Deployer: did you mean DEPLOYER_DOCKER_TAG?",
        ),
        (
            "DEPLOYER_VERIFY_HEALT",
            "DEPLOYER_VERIFY_HEALT is no input of Deployer: did you mean DEPLOYER_VERIFY_HEALTH?",
        ),
    ],
)
def test_a_misspelt_variable_is_a_warning_with_the_nearest_name(variable: str, told: str) -> None:
    assert found({variable: f"{MARK}"}) == RawInputs(warnings=[told])


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("DEPLOYER_DRYRUN", "DEPLOYER_DRYRUN is no input of Deployer: did you mean DEPLOYER_DRY_RUN?"),
        ("INPUT_DRYRUN", "dryrun is no input of Deployer: did you mean dry_run?"),
        ("PLUGIN_DRY_RUNS", "dry_runs is no input of Deployer: did you mean dry_run?"),
        ("DEPLOYER_REHEARS", "DEPLOYER_REHEARS is no input of Deployer: did you mean DEPLOYER_REHEARSE?"),
        ("INPUT_REHERSE", "reherse is no input of Deployer: did you mean rehearse?"),
    ],
)
def test_who_meant_a_rehearsal_or_a_dry_run_gets_no_deployment(variable: str, told: str) -> None:
    assert found({variable: f"{MARK}"}) == RawInputs(mistakes=[told])


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
def test_a_variable_of_somebody_else_is_no_warning(variable: str) -> None:
    assert found({variable: "x"}) == RawInputs()


def test_a_misspelt_variable_without_a_value_is_no_warning() -> None:
    assert found({"INPUT_TIMEOT": "", "DEPLOYER_TIMEOT": " \n"}) == RawInputs()


# --- inside a container that Coolify runs


NOTICE = "COOLIFY_URL is not believed: Coolify itself sets it in this container. Give the address as COOLIFY_BASE_URL or INPUT_COOLIFY_URL"
INSIDE = {
    "COOLIFY_URL": "https://runner.example.com",
    "COOLIFY_FQDN": "runner.example.com",
    "COOLIFY_BRANCH": "main",
}


@pytest.mark.parametrize("sign", [{"COOLIFY_RESOURCE_UUID": "abc"}, {"COOLIFY_CONTAINER_NAME": "abc-123"}])
@pytest.mark.parametrize(
    ("environ", "winner"),
    [
        pytest.param({}, None, id="nothing-else"),
        pytest.param({"COOLIFY_BASE_URL": BASE}, Found("COOLIFY_BASE_URL", BASE), id="base-url"),
        pytest.param({"INPUT_COOLIFY_URL": BASE}, Found("INPUT_COOLIFY_URL", BASE), id="input"),
        pytest.param({"PLUGIN_COOLIFY_URL": BASE}, Found("PLUGIN_COOLIFY_URL", BASE), id="plugin"),
    ],
)
def test_the_address_that_coolify_sets_in_its_containers_is_not_believed(
    sign: Mapping[str, str], environ: Mapping[str, str], winner: Found | None
) -> None:
    given = found({**INSIDE, **sign, **environ})
    assert given == RawInputs(found={"coolify_url": winner} if winner else {}, warnings=[NOTICE])


def test_elsewhere_it_is_believed() -> None:
    given = found({**INSIDE, "COOLIFY_RESOURCE_UUID": "", "COOLIFY_CONTAINER_NAME": ""})
    assert given == RawInputs(found={"coolify_url": Found("COOLIFY_URL", "https://runner.example.com")})


def test_a_runner_in_coolify_does_not_deploy_itself() -> None:
    told = mistakes({**INSIDE, "COOLIFY_RESOURCE_UUID": "abc", "COOLIFY_TOKEN": TOKEN})
    assert [each.partition(" is missing")[0] for each in told] == ["COOLIFY_URL", "DEPLOYER_UUID"]


# --- kinds of value


def refused(variable: str, value: str) -> str:
    """The one mistake of a value, without the name before it."""
    told = mistakes({**GOOD, variable: value})
    assert len(told) == 1, told
    name, _, words = told[0].partition(": ")
    assert name == variable
    return words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("1h", 3600),
        ("1h1m1s", 3661),
        ("2H", 7200),
        ("007", 7),
        ("1h30", 3630),
    ],
)
def test_a_duration_is_seconds_or_has_units(text: str, seconds: float) -> None:
    assert common(DEPLOYER_TIMEOUT=text).timeout == seconds
    assert common(DEPLOYER_POLL_INTERVAL=text).poll_interval == seconds
    assert common(DEPLOYER_VERIFY_TIMEOUT=text).verify_timeout == seconds


@pytest.mark.parametrize("text", ["soon", "-5", "1.5h", "5 m", "1d", "30m1h", "m", "1e3", "∞", "5m!"])
def test_what_is_no_duration_is_told_with_an_example(text: str) -> None:
    shown = "" if text in {"∞", "5m!"} else f", not {text!r}"
    assert refused("DEPLOYER_TIMEOUT", text) == f"must be a duration{shown}: seconds (90) or 90s, 15m, 1h30m"


@pytest.mark.parametrize("text", ["0", "0s", "0m", "0h0m0s", "00"])
@pytest.mark.parametrize(
    "variable", ["DEPLOYER_TIMEOUT", "DEPLOYER_POLL_INTERVAL", "DEPLOYER_VERIFY_TIMEOUT"]
)
def test_no_time_at_all_is_a_mistake(variable: str, text: str) -> None:
    assert refused(variable, text) == "must be more than nothing"


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_duration_beyond_all_bounds_is_a_mistake_and_no_crash(digits: int) -> None:
    assert refused("DEPLOYER_TIMEOUT", "9" * digits)


@pytest.mark.parametrize("field", ["wait", "summary", "insecure", "hidden_logs", "dry_run"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("yes", True),
        ("On", True),
        ("false", False),
        ("False", False),
        ("no", False),
        ("off", False),
    ],
)
def test_a_flag_is_true_or_false_in_the_words_of_yaml(field: str, text: str, *, value: bool) -> None:
    assert getattr(common(**{f"DEPLOYER_{field.upper()}": text}), field) is value


@pytest.mark.parametrize(
    "field", ["summary", "insecure", "hidden_logs", "dry_run", "force", "instant_deploy", "pull_latest"]
)
@pytest.mark.parametrize("text", ["perhaps", "2", "tru", "ja", "null"])
def test_what_is_no_flag_is_a_mistake(field: str, text: str) -> None:
    assert refused(f"DEPLOYER_{field.upper()}", text) == f"must be true or false, not {text!r}"


@pytest.mark.parametrize("text", ["1", "0"])
def test_one_and_nought_are_flags_but_not_for_wait(text: str) -> None:
    assert common(DEPLOYER_SUMMARY=text).summary is (text == "1")
    assert refused("DEPLOYER_WAIT", text) == "must be true or false; how long to wait is `timeout`"


@pytest.mark.parametrize("text", ["5", "90s", "15m", "1h", "1h30m", "300"])
def test_a_duration_as_wait_is_a_mistake_that_names_timeout(text: str) -> None:
    assert refused("DEPLOYER_WAIT", text) == "must be true or false; how long to wait is `timeout`"


@pytest.mark.parametrize(
    ("field", "good", "words"),
    [
        ("provider", ["coolify", "cloudfoundry"], "must be 'coolify' or 'cloudfoundry'"),
        (
            "command",
            ["deploy", "start", "restart", "stop", "cancel", "check"],
            "must be 'deploy', 'start', 'restart', 'stop', 'rollback', 'cancel' or 'check'",
        ),
        ("on_timeout", ["leave", "cancel"], "must be 'leave' or 'cancel'"),
        ("on_interrupt", ["cancel", "leave"], "must be 'cancel' or 'leave'"),
        ("logs", ["live", "failure", "none"], "must be 'live', 'failure' or 'none'"),
        ("verify_health", ["auto", "true", "false"], "must be 'auto', 'true' or 'false'"),
        ("on_missing_secret", ["fail", "skip"], "must be 'fail' or 'skip'"),
    ],
)
def test_a_choice_is_one_of_its_words(field: str, good: list[str], words: str) -> None:
    variable = f"DEPLOYER_{field.upper()}"
    assert [getattr(common(**{variable: word}), field) for word in good] == good
    assert refused(variable, "something else") == words


@pytest.mark.parametrize(("text", "word"), [("True", "true"), ("FALSE", "false"), ("Auto", "auto")])
def test_verify_health_is_read_in_the_words_of_yaml(text: str, word: str) -> None:
    assert common(DEPLOYER_VERIFY_HEALTH=text).verify_health == word


@pytest.mark.parametrize("text", ["''", "none", "null", "Heroku"])
def test_the_provider_has_no_empty_choice(text: str) -> None:
    """Its mistake names what there is, and nothing that is nothing."""
    assert refused("DEPLOYER_PROVIDER", text) == "must be 'coolify' or 'cloudfoundry'"


@pytest.mark.parametrize("field", ["log_file", "output_file", "result_file", "rehearse", "ci"])
def test_a_text_is_taken_as_it_stands(field: str) -> None:
    assert getattr(common(**{f"DEPLOYER_{field.upper()}": 'a "b" {c} $D'}), field) == 'a "b" {c} $D'


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        pytest.param("CF-Access-Client-Id: abc.access", {"CF-Access-Client-Id": "abc.access"}, id="one"),
        pytest.param("A: 1\nB: 2", {"A": "1", "B": "2"}, id="two"),
        pytest.param("\n\n  A: 1\r\n\r\n\tB:2\n", {"A": "1", "B": "2"}, id="with-blanks"),
        pytest.param("A: x: y, z", {"A": "x: y, z"}, id="a-colon-in-the-value"),
        pytest.param("A:", {"A": ""}, id="no-value"),
        pytest.param("A: 1\nA: 2", {"A": "2"}, id="twice"),
        pytest.param("Accept-Language: de", {"Accept-Language": "de"}, id="not-quite-ours"),
        pytest.param("Hostess: x", {"Hostess": "x"}, id="not-quite-ours-either"),
        pytest.param("X-Content-Type: x", {"X-Content-Type": "x"}, id="nor-this"),
    ],
)
def test_headers_are_lines_of_name_and_value(text: str, headers: Mapping[str, str]) -> None:
    assert {
        name: value.get_secret_value() for name, value in common(DEPLOYER_HEADERS=text).headers.items()
    } == headers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Authorization: Basic x", "line 1: Authorization is set by Deployer itself"),
        ("AUTHORIZATION: x", "line 1: AUTHORIZATION is set by Deployer itself"),
        ("A: 1\nAccept: text/html", "line 2: Accept is set by Deployer itself"),
        ("Content-Type: x", "line 1: Content-Type is set by Deployer itself"),
        ("content-length: 5", "line 1: content-length is set by Deployer itself"),
        ("Host: evil.example.com", "line 1: Host is set by Deployer itself"),
        ("A: 1\rHost: evil.example.com", "line 2: Host is set by Deployer itself"),
        (f"A {MARK}", "line 1 is no `Name: value`"),
        (MARK, "line 1 is no `Name: value`"),
        (f": {MARK}", "line 1 is no `Name: value`"),
        (f"A b: {MARK}", "line 1 is no `Name: value`"),
        (f"A: {MARK}é", "line 1 is no `Name: value`"),
        (f"A: {MARK}\x00", "line 1 is no `Name: value`"),
        (f"A: 1\n\n\n{MARK}", "line 4 is no `Name: value`"),
        (f"A: 1\x0b{MARK}", "line 2 is no `Name: value`"),
    ],
)
def test_a_header_that_is_ours_or_none_is_a_mistake_without_its_value(text: str, words: str) -> None:
    assert refused("DEPLOYER_HEADERS", text) == words


PEM = Path(certifi.where()).read_text("utf-8").partition("-----BEGIN")
ONE = "-----BEGIN" + PEM[2].partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="alone"),
        pytest.param("# Issuer: somebody\n", id="after-a-comment"),
        pytest.param("# NetLock Arany (Class Gold) Főtanúsítvány\n", id="after-a-comment-with-accents"),
    ],
)
def test_an_own_authority_is_a_path_or_its_text(before: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(before + ONE, "utf-8")
    assert ONE.strip() in common(DEPLOYER_CA_CERT=str(path)).ca_cert
    assert ONE.strip() in common(DEPLOYER_CA_CERT=before + ONE).ca_cert
    assert ONE.strip() in common(DEPLOYER_CA_CERT=(before + ONE).replace("\n", "\r\n")).ca_cert.replace(
        "\r\n", "\n"
    )


DER = ssl.PEM_cert_to_DER_cert(ONE)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(ONE.replace("\n", "\\n"), id="literal-line-feeds"),
        pytest.param(ONE.replace("\n", "\\r\\n"), id="literal-crlf"),
        pytest.param(ONE.replace("\n", " "), id="blanks"),
        pytest.param(ONE.replace("\n", ""), id="nothing-in-their-place"),
        pytest.param(f'"{ONE}"', id="in-quotes"),
        pytest.param(ONE.replace("\n", "\n    "), id="indented"),
        pytest.param(base64.b64encode(ONE.encode()).decode(), id="base64-of-pem"),
        pytest.param(base64.encodebytes(ONE.encode()).decode(), id="base64-of-pem-in-lines"),
        pytest.param(
            base64.b64encode(ONE.replace("\n", "\r\n").encode()).decode(), id="base64-of-pem-of-windows"
        ),
        pytest.param(base64.b64encode(DER).decode(), id="base64-of-der"),
        pytest.param(
            ONE + f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n", id="beside-a-key"
        ),
    ],
)
def test_an_own_authority_is_read_in_every_form_that_people_hold_it_in(text: str) -> None:
    assert common(DEPLOYER_CA_CERT=text).ca_cert == ONE


def test_of_several_authorities_each_is_kept() -> None:
    assert common(DEPLOYER_CA_CERT=(ONE + ONE).replace("\n", " ")).ca_cert == ONE + ONE


@pytest.mark.parametrize(
    "data",
    [ONE.encode(), DER, base64.b64encode(DER), ONE.encode("utf-16"), b"\xef\xbb\xbf" + ONE.encode()],
    ids=range(5),
)
def test_a_file_of_an_own_authority_is_read_in_every_form(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "ca").write_bytes(data)
    assert common(DEPLOYER_CA_CERT=str(tmp_path / "ca")).ca_cert == ONE


def test_a_pipe_in_the_place_of_an_own_authority_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca")
    assert refused("DEPLOYER_CA_CERT", str(tmp_path / "ca")) == "is no regular file"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param("", "", id="empty"),
        pytest.param("hello", "holds no certificate in PEM form", id="text"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "holds no certificate in PEM form",
            id="a-broken-one",
        ),
        pytest.param(
            f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n",
            "holds no certificate in PEM form",
            id="a-key",
        ),
    ],
)
def test_an_own_authority_that_is_none_is_a_mistake(content: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    told = refused("DEPLOYER_CA_CERT", str(path))
    assert words in told
    assert MARK not in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/", "is no regular file"),
        ("/dev/zero", "is no regular file"),
        ("x" * 5000, "cannot be read: File name too long"),
        (
            f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----",
            "holds no certificate in PEM form",
        ),
    ],
)
def test_text_that_is_no_authority_is_a_mistake(text: str, words: str) -> None:
    assert refused("DEPLOYER_CA_CERT", text) == words


# --- what to deploy


def coolify(**environ: str) -> Coolify:
    """Coolify's inputs, with the address and the token."""
    _, values, given = read({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, **environ})
    assert (given.mistakes, given.warnings) == ([], [])
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
        pytest.param("x" * 100, ("x" * 100,), id="the-longest"),
    ],
)
def test_a_tag_stands_for_what_carries_it(text: str, tags: tuple[str, ...]) -> None:
    values = coolify(DEPLOYER_TAG=text)
    assert (values.targets, values.uuid) == (tags, ())
    assert set(values.tagged) == set(tags)


@pytest.mark.parametrize(
    "text",
    ["a/b", "a:b", "nginx:1.27", "blue,gr een,re/d", "x" * 101, ",", ", \n", "blau;", "größe", f"7|{MARK}"],
)
def test_what_is_no_tag_of_coolify_s_is_one_mistake_that_does_not_repeat_it(text: str) -> None:
    told = mistakes({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "INPUT_TAG": text})
    assert [each.partition(":")[0] for each in told] == ["tag"]
    assert "An image's tag is not meant" in told[0]
    assert MARK not in told[0]


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("#7", 7), (" 7\n", 7), ("007", 7), ("9999999999", 9_999_999_999)],
    ids=repr,
)
@pytest.mark.parametrize(
    "variable", ["INPUT_PR", "PLUGIN_PR", "DEPLOYER_PR", "INPUT_PULL_REQUEST_ID", "DEPLOYER_PULL_REQUEST_ID"]
)
def test_a_pull_request_is_its_number(variable: str, text: str, number: int) -> None:
    assert coolify(DEPLOYER_UUID=WEB, **{variable: text}).pr == number


@pytest.mark.parametrize(
    "text",
    ["0", "00", "#0", "-1", "1.5", "7a", "main", "refs/pull/7/merge", "false", "##7", "1e3", "12345678901"],
)
def test_what_is_no_pull_request_is_a_mistake(text: str) -> None:
    assert refused("DEPLOYER_PR", text) == "must be the number of a pull request"


def test_two_names_of_a_pull_request_that_differ_are_told() -> None:
    given = found({"INPUT_PULL_REQUEST_ID": "8", "INPUT_PR": "7"})
    assert given == RawInputs(
        found={"pr": Found("INPUT_PR", "7")},
        warnings=["INPUT_PULL_REQUEST_ID and INPUT_PR differ: INPUT_PR counts"],
    )


@pytest.mark.parametrize("text", ["pr-7", "1.2.3", "_x", "sha256-0123", "A" * 128])
def test_a_docker_tag_is_the_tag_of_an_image(text: str) -> None:
    assert coolify(DEPLOYER_UUID=WEB, DEPLOYER_PR="7", DEPLOYER_DOCKER_TAG=text).docker_tag == text


@pytest.mark.parametrize("text", ["nginx:1.27", "-x", ".x", "a b", "a/b", "sha256:0123", "A" * 129, "é"])
def test_what_is_no_docker_tag_is_a_mistake(text: str) -> None:
    told = mistakes({**GOOD, "DEPLOYER_PR": "7", "DEPLOYER_DOCKER_TAG": text})
    assert told == ["DEPLOYER_DOCKER_TAG: is no image tag: letters, digits and _.- only, such as pr-7"]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("no", False), ("1", True)])
def test_pull_latest_is_a_flag(text: str, *, value: bool) -> None:
    assert coolify(DEPLOYER_UUID=WEB, DEPLOYER_PULL_LATEST=text).pull_latest is value


@pytest.mark.parametrize("text", [f"ghs_{MARK}", f"ghp_{MARK}", f"github_pat_{MARK}", f"glpat-{MARK}"])
@pytest.mark.parametrize("variable", ["COOLIFY_TOKEN", "COOLIFY_READ_TOKEN", "DEPLOYER_READ_TOKEN"])
def test_a_token_of_another_platform_is_a_mistake_wherever_it_is_given(variable: str, text: str) -> None:
    assert (
        refused(variable, text) == "this is a token of GitHub or GitLab, not one of Coolify; it was not sent"
    )


@pytest.mark.parametrize(
    "text", [f"{MARK} x", f"{MARK}\nx", f"é{MARK}", f"Bearer {MARK}", f"https://{MARK}.example.com"]
)
def test_the_second_token_is_held_to_the_form_of_the_first(text: str) -> None:
    told = [mistakes({**GOOD, variable: text}) for variable in ("COOLIFY_TOKEN", "COOLIFY_READ_TOKEN")]
    assert [each.partition(": ")[2] for each in told[0]] == [each.partition(": ")[2] for each in told[1]]
    assert len(told[1]) == 1
    assert MARK not in repr(told)


# --- what can't stand together (architecture 2.2)


UUID_HOOK, TAG_HOOK = (
    f"{BASE}/api/v1/deploy?uuid={WEB}&force=false",
    f"{BASE}/api/v1/deploy?tag=blue&force=false",
)
FOR_ONE = {"uuid": WEB}
NO_PLACE = "Coolify would deploy the application itself"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        pytest.param({"uuid": WEB, "tag": "blue"}, ["uuid and tag can't both be given"], id="uuid-and-tag"),
        pytest.param(
            {"webhook": UUID_HOOK, "tag": "blue"},
            ["webhook and tag can't both be given"],
            id="a-webhook-with-a-uuid-and-tag",
        ),
        pytest.param(
            {"tag": "blue", "pr": "7"}, ["pr needs one application's uuid, not a tag"], id="tag-and-pr"
        ),
        pytest.param(
            {"webhook": TAG_HOOK, "pr": "7"},
            ["pr needs one application's uuid, not a tag"],
            id="a-webhook-with-a-tag-and-pr",
        ),
        pytest.param(
            {**FOR_ONE, "docker_tag": "x"},
            ["docker_tag needs `pr`: it is the image tag of a preview"],
            id="docker-tag-alone",
        ),
        pytest.param(
            {"tag": "blue", "docker_tag": "x"},
            ["docker_tag needs `pr`: it is the image tag of a preview"],
            id="docker-tag-and-tag",
        ),
        pytest.param(
            {"tag": "blue", "instant_deploy": "true"},
            ["instant_deploy can't be done by tag"],
            id="instant-and-tag",
        ),
        pytest.param(
            {"webhook": TAG_HOOK, "instant_deploy": "yes"},
            ["instant_deploy can't be done by tag"],
            id="instant-and-tag-hook",
        ),
        pytest.param(
            {**FOR_ONE, "pr": "7", "instant_deploy": "true"},
            [f"instant_deploy can't be done with `pr` or `docker_tag`: {NO_PLACE}"],
            id="instant-and-pr",
        ),
        pytest.param(
            {**FOR_ONE, "pr": "7", "docker_tag": "x", "instant_deploy": "true"},
            [f"instant_deploy can't be done with `pr` or `docker_tag`: {NO_PLACE}"],
            id="instant-and-docker-tag",
        ),
        pytest.param(
            {**FOR_ONE, "pr": "7", "command": "restart"},
            ["command: restart can't be done with `pr`: Coolify would restart the application itself"],
            id="restart-and-pr",
        ),
        *(
            pytest.param(
                {"tag": "blue", "command": word},
                [f"command: {word} needs uuids: Coolify can only deploy by tag (tag)"],
                id=f"{word}-and-tag",
            )
            for word in ("start", "restart", "stop", "cancel")
        ),
        pytest.param(
            {"webhook": TAG_HOOK, "command": "stop"},
            ["command: stop needs uuids: Coolify can only deploy by tag (webhook)"],
            id="stop-and-tag-hook",
        ),
        *(
            pytest.param(
                {**FOR_ONE, "verify_health": "True", "verify_timeout": text},
                ["verify_timeout: `verify_health: true` needs at least 80s: it watches for a minute"],
                id=f"a-proof-in-{text}",
            )
            for text in ("79", "79s", "1m", "1m19s")
        ),
        pytest.param(
            {**FOR_ONE, "wait": "false", "verify_health": "true"},
            ["verify_health can't be done with `wait: false`: nothing is looked at then"],
            id="verify-health-without-waiting",
        ),
        pytest.param(
            {**FOR_ONE, "wait": "No", "verify_timeout": "5m"},
            ["verify_timeout can't be done with `wait: false`: nothing is looked at then"],
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
                    f"{name} can't be done with `command: {word}`: nothing is deployed that could answer"
                    for name in ("verify_url", "verify_status", "verify_contains")
                ],
                id=f"{word}-and-a-site",
            )
            for word in ("stop", "cancel")
        ),
        *(
            pytest.param(
                {**FOR_ONE, name: text},
                [f"{name} is nothing without `verify_url`: `auto` is the application's own address"],
                id=f"{name}-of-no-address",
            )
            for name, text in (("verify_status", "200"), ("verify_contains", "v2"))
        ),
        *(
            pytest.param(
                {**FOR_ONE, "wait": "false", "verify_url": "auto", name: text},
                [
                    f"{each} can't be done with `wait: false`: nothing is looked at then"
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
                "uuid and tag can't both be given",
                "pr needs one application's uuid, not a tag",
                "instant_deploy can't be done by tag",
                f"instant_deploy can't be done with `pr` or `docker_tag`: {NO_PLACE}",
                "verify_health can't be done with `wait: false`: nothing is looked at then",
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
        "COOLIFY_APP_UUID and DEPLOYER_TAG can't both be given",
        "pull_request_id needs one application's uuid, not a tag",
    ]


# --- webhook and explicit inputs


def test_a_webhook_is_enough_beside_the_token() -> None:
    _, inputs, given = read(
        {"COOLIFY_TOKEN": TOKEN, "COOLIFY_WEBHOOK": f"{BASE}/api/v1/deploy?uuid={WEB}&force=false"}
    )
    assert (given.mistakes, given.warnings) == ([], [])
    assert inputs is not None
    assert (inputs.base, inputs.targets) == (BASE, (WEB,))


def test_what_is_explicit_beats_the_webhook_without_a_word() -> None:
    webhook = "https://old.example.com/api/v1/deploy?uuid=old&force=true"
    _, inputs, given = read({**GOOD, "INPUT_WEBHOOK": webhook, "INPUT_FORCE": "false"})
    assert (given.mistakes, given.warnings) == ([], [])
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
        pytest.param(TAG_HOOK, {"DEPLOYER_TAG": "red"}, ("red",), ("red",), False, id="behind-a-tag"),
        pytest.param(TAG_HOOK, {"DEPLOYER_UUID": WEB}, (WEB,), (), False, id="behind-a-uuid"),
        pytest.param(UUID_HOOK, {}, (WEB,), (), False, id="with-a-uuid"),
    ],
)
def test_a_webhook_with_a_tag_deploys_by_tag(
    hook: str, environ: Mapping[str, str], targets: tuple[str, ...], tagged: tuple[str, ...], *, force: bool
) -> None:
    _, inputs, given = read({"COOLIFY_TOKEN": TOKEN, "COOLIFY_WEBHOOK_URL": hook, **environ})
    assert (given.mistakes, given.warnings) == ([], [])
    assert inputs is not None
    assert inputs.webhook is not None
    assert (inputs.base, inputs.targets, inputs.tagged, inputs.webhook.force) == (
        BASE,
        targets,
        tagged,
        force,
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param("", "must name a uuid or a tag", id="nothing"),
        pytest.param(f"uuid={WEB}&tag=blue", "must name a uuid or a tag", id="both"),
        pytest.param("tag=a/b", "is no tag of Coolify's", id="no-tag"),
        pytest.param("tag=", "must name a uuid or a tag", id="an-empty-tag"),
        pytest.param("tag=,", "is no tag of Coolify's", id="only-commas"),
        pytest.param(
            f"uuid={WEB}&pr=7", "holds 'pr', which belongs into an input of its own", id="a-pull-request"
        ),
        pytest.param(
            "tag=blue&force=true&docker_tag=x",
            "holds 'docker_tag', which belongs into an input of its own",
            id="a-docker-tag",
        ),
        pytest.param(f"uuid={WEB}&7%7C{MARK}=x", "holds more than it should", id="what-may-be-a-secret"),
    ],
)
def test_a_webhook_that_names_nothing_or_too_much_is_one_mistake(query: str, words: str) -> None:
    told = mistakes({"COOLIFY_TOKEN": TOKEN, "INPUT_WEBHOOK": f"{BASE}/api/v1/deploy?{query}"})
    assert len(told) == 1
    assert told[0].startswith("webhook: ")
    assert words in told[0]
    assert MARK not in told[0]


@pytest.mark.parametrize("tag", ["INPUT_TAG", "COOLIFY_WEBHOOK"])
def test_by_tag_no_uuid_is_missing(tag: str) -> None:
    environ = {"INPUT_TAG": "blue"} if tag == "INPUT_TAG" else {"COOLIFY_WEBHOOK": TAG_HOOK}
    assert mistakes({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, **environ}) == []


def simulated(tag: str) -> dict[str, str]:
    return {"coolify_url": "http://127.0.0.1:1", "coolify_token": "1|simulated", "uuid": "a,b", "tag": tag}


def test_a_rehearsal_needs_nothing_and_names_what_it_does_not_use() -> None:
    environ = {
        **GOOD,
        "COOLIFY_READ_TOKEN": OTHER_TOKEN,
        "COOLIFY_WEBHOOK": UUID_HOOK,
        "DEPLOYER_REHEARSE": "success",
    }
    given = found(environ)
    ignored = Coolify.use_simulator(given, simulated("blue"))
    inputs = Coolify.read(given)
    assert ignored == [
        "COOLIFY_URL",
        "COOLIFY_TOKEN",
        "COOLIFY_READ_TOKEN",
        "DEPLOYER_UUID",
        "COOLIFY_WEBHOOK",
    ]
    assert given.mistakes == []
    assert inputs is not None
    assert (inputs.base, inputs.targets, inputs.coolify_token.get_secret_value()) == (
        "http://127.0.0.1:1",
        ("a", "b"),
        "1|simulated",
    )
    assert inputs.read_token.get_secret_value() == ""


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        pytest.param(
            {"DEPLOYER_UUID": WEB, "INPUT_TAG": "blue"},
            ["DEPLOYER_UUID and tag can't both be given"],
            id="uuid-and-tag",
        ),
        pytest.param(
            {"INPUT_TAG": "blue", "INPUT_PR": "7"},
            ["pr needs one application's uuid, not a tag"],
            id="tag-and-pr",
        ),
        pytest.param(
            {"INPUT_DOCKER_TAG": "x"},
            ["docker_tag needs `pr`: it is the image tag of a preview"],
            id="what-is-not-replaced",
        ),
        pytest.param(
            {"COOLIFY_WEBHOOK": TAG_HOOK, "INPUT_COMMAND": "stop"},
            ["command: stop needs uuids: Coolify can only deploy by tag (COOLIFY_WEBHOOK)"],
            id="a-webhook",
        ),
    ],
)
@pytest.mark.parametrize("group", ["all", ""])
def test_what_cannot_stand_together_is_told_in_a_rehearsal_too(
    inputs: Mapping[str, str], told: list[str], group: str
) -> None:
    """Once, and of what the user wrote."""
    given = found({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_REHEARSE": "success", **inputs})
    Coolify.use_simulator(given, simulated(group))
    Coolify.read(given)
    assert given.mistakes == told


@pytest.mark.parametrize(("group", "targets", "tagged"), [("all", ("all",), ("all",)), ("", ("a", "b"), ())])
def test_who_deploys_by_tag_rehearses_by_tag_where_the_scenario_has_one(
    group: str, targets: tuple[str, ...], tagged: tuple[str, ...]
) -> None:
    given = found(
        {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "INPUT_TAG": "blue", "DEPLOYER_REHEARSE": "success"}
    )
    ignored = Coolify.use_simulator(given, simulated(group))
    inputs = Coolify.read(given)
    assert (ignored, given.mistakes) == (["COOLIFY_URL", "COOLIFY_TOKEN", "tag"], [])
    assert inputs is not None
    assert (inputs.targets, inputs.tagged) == (targets, tagged)


# --- no secret in anything that is said


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"COOLIFY_TOKEN": f"ghs_{MARK}"}, id="a-token-of-github"),
        pytest.param({"COOLIFY_TOKEN": f"glpat-{MARK}"}, id="a-token-of-gitlab"),
        pytest.param({"COOLIFY_TOKEN": f"7| {MARK}"}, id="a-token-with-a-blank"),
        pytest.param({"INPUT_TOKEN": f"7|{MARK}a", "COOLIFY_API_TOKEN": f"7|{MARK}b"}, id="two-tokens"),
        pytest.param({"COOLIFY_TOKEN": "", "COOLIFY_TOKN": TOKEN}, id="a-misspelt-token"),
        pytest.param({"COOLIFY_READ_TOKEN": f"ghs_{MARK}"}, id="a-read-token-of-github"),
        pytest.param({"COOLIFY_READ_TOKEN": f"8|{MARK} x"}, id="a-read-token-with-a-blank"),
        pytest.param(
            {"INPUT_READ_TOKEN": f"8|{MARK}a", "COOLIFY_READ_TOKEN": f"8|{MARK}b"}, id="two-read-tokens"
        ),
        pytest.param({"DEPLOYER_TAG": TOKEN, "DEPLOYER_UUID": ""}, id="the-token-as-tag"),
        pytest.param({"DEPLOYER_PR": TOKEN}, id="the-token-as-pull-request"),
        pytest.param({"DEPLOYER_DOCKER_TAG": TOKEN, "DEPLOYER_PR": "7"}, id="the-token-as-docker-tag"),
        pytest.param(
            {"COOLIFY_WEBHOOK": f"{BASE}/api/v1/deploy?tag={TOKEN}"}, id="the-token-as-the-webhook-s-tag"
        ),
        pytest.param({"DEPLOYER_HEADERS": f"Authorization: {MARK}"}, id="a-header-of-ours"),
        pytest.param({"DEPLOYER_HEADERS": MARK}, id="a-header-without-a-name"),
        pytest.param(
            {"DEPLOYER_HEADERS": f"A: {MARK}", "INPUT_HEADERS": f"B: {MARK}"}, id="two-sets-of-headers"
        ),
        pytest.param({"INPUT_HEADER": f"A: {MARK}"}, id="a-misspelt-header"),
        pytest.param(
            {"COOLIFY_URL": f"https://admin:{MARK}@coolify.example.com"}, id="a-password-in-the-address"
        ),
        pytest.param(
            {"COOLIFY_WEBHOOK": f"https://admin:{MARK}@coolify.example.com/api/v1/deploy?uuid=x"},
            id="a-password-in-the-webhook",
        ),
        pytest.param(
            {"DEPLOYER_CA_CERT": f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----"},
            id="a-key-as-authority",
        ),
        pytest.param({"COOLIFY_TOKEN": WEB, "DEPLOYER_UUID": TOKEN}, id="token-and-uuid-swapped"),
    ],
)
def test_no_secret_is_in_a_mistake_or_a_warning(environ: Mapping[str, str]) -> None:
    given = read({**GOOD, **environ, "DEPLOYER_TIMEOUT": "soon"})[2]
    assert given.mistakes
    assert MARK not in repr((given.mistakes, given.warnings))


def test_no_secret_is_in_what_the_settings_print_of_themselves() -> None:
    values, inputs, _ = read(
        {**GOOD, "COOLIFY_READ_TOKEN": OTHER_TOKEN, "DEPLOYER_HEADERS": f"A: {MARK}\nB: {MARK}"}
    )
    assert MARK not in repr((values, inputs)) + str(values) + str(inputs)


def test_every_secret_that_was_given_is_known_right_or_wrong(secret: Path) -> None:
    """They are masked before the first line is said, and that is before anything is judged."""
    given = found({"COOLIFY_TOKEN": "ghs_x y", "DEPLOYER_HEADERS": "A: one\nno header\nB: t:wo "})
    assert {"one", "t:wo", "ghs_x y"} <= {text for group in GROUPS for text in group.secrets(given)}
    assert TOKEN in Coolify.secrets(found({"COOLIFY_TOKEN_FILE": str(secret)}))
    assert TOKEN in Coolify.secrets(found({"DEPLOYER_READ_TOKEN_FILE": str(secret)}))


def run(environ: Mapping[str, str]) -> int:
    return main([], environ, StillClock())  # type: ignore[arg-type]  # by shape, as everywhere in the tests


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        pytest.param("X-Gateway: Bearer abcdefghijkl", "abcdefghijkl", id="bearer"),
        pytest.param("X-Gateway: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", id="basic"),
        pytest.param("X-Gateway: Token  abcdefgh", "abcdefgh", id="eight-characters"),
        pytest.param(
            "X-Gateway: AWS4-HMAC-SHA256 Credential=abc, Signature=def",
            "Credential=abc, Signature=def",
            id="of-several-parts",
        ),
    ],
)
def test_what_follows_the_scheme_in_a_header_is_a_secret_of_its_own(
    header: str,
    secret: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A gateway's page may repeat it without `Bearer`. Here the path of a file that can't be written repeats it."""
    monkeypatch.chdir(tmp_path)
    environ = {"GITHUB_ACTIONS": "true", "DEPLOYER_HEADERS": f"X-Other: {MARK}\n{header}"}
    run({**environ, "DEPLOYER_RESULT_FILE": f"nowhere/{secret}/result.json"})
    said = capfdbinary.readouterr().out.decode()
    assert f"::add-mask::{secret}\n" in said
    assert "nowhere/***/result.json can't be written" in said


@pytest.mark.parametrize("value", ["abcdefghijkl", "Bearer", "Bearer abcdefg", "a|b cdefghijkl"])
def test_a_header_without_a_scheme_or_with_a_short_rest_has_no_second_secret(
    value: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run({"GITHUB_ACTIONS": "true", "DEPLOYER_HEADERS": f"X-Gateway: {value}"})
    masked = [
        line for line in capfdbinary.readouterr().out.decode().splitlines() if line.startswith("::add-mask::")
    ]
    assert masked == ([f"::add-mask::{value}"] if len(value) >= 8 else [])


@pytest.mark.parametrize(
    ("environ", "masked"),
    [
        pytest.param({}, True, id="nowhere"),
        pytest.param({"DEPLOYER_ENV": f"CI_TOKEN={TOKEN}"}, True, id="in-env"),
        pytest.param({"DEPLOYER_SETTINGS": f'{{"health_check_path": "/?{TOKEN}"}}'}, True, id="in-settings"),
        pytest.param(
            {"DEPLOYER_VERIFY_URL": f"https://example.com/?{TOKEN}"}, True, id="in-a-site-s-address"
        ),
        pytest.param({"DEPLOYER_LOG_FILE": f"{TOKEN}.log"}, False, id="in-an-output"),
    ],
)
def test_only_what_becomes_an_output_keeps_a_secret_from_being_masked(
    environ: Mapping[str, str],
    masked: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A mask would blank the output; but a secret that stands anywhere else stays one, whoever writes it into the job's log."""
    monkeypatch.chdir(tmp_path)
    assert (
        run({**GOOD, **environ, "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output", "DEPLOYER_WAIT": "5"})
        == 2
    )
    said = capfdbinary.readouterr().out.decode()
    assert (f"::add-mask::{TOKEN}\n" in said) is masked
    assert TOKEN not in said.replace(f"::add-mask::{TOKEN}\n", "")


def test_both_tokens_are_masked_first_and_are_in_nothing_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Also what stands after the bar alone: that is enough to log in."""
    monkeypatch.chdir(tmp_path)
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output", "INPUT_TIMEOUTT": "5m"}
    secret = tmp_path / "token"
    secret.write_text(OTHER_TOKEN)
    code = run({**GOOD, **environ, "DEPLOYER_WAIT": "5", "COOLIFY_READ_TOKEN_FILE": str(secret)})
    lines = capfdbinary.readouterr().out.decode().splitlines()
    masked = [line.removeprefix("::add-mask::") for line in lines if line.startswith("::add-mask::")]
    assert code == 2
    assert set(masked) == {TOKEN, OTHER_TOKEN, TOKEN.partition("|")[2], OTHER_TOKEN.partition("|")[2]}
    assert len(lines) > len(masked)
    assert MARK not in "".join(lines[len(masked) :]) + (tmp_path / "output").read_text()


@pytest.mark.parametrize("variable", ["COOLIFY_READ_TOKEN", "INPUT_READ_TOKEN", "PLUGIN_READ_TOKEN"])
@pytest.mark.parametrize(
    "spelled", [OTHER_TOKEN, OTHER_TOKEN.partition("|")[2], OTHER_TOKEN.replace("|", "%7C")]
)
def test_the_second_token_is_taken_out_of_what_is_repeated(
    variable: str, spelled: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The path of a file that can't be written is repeated."""
    run({variable: OTHER_TOKEN, "DEPLOYER_RESULT_FILE": f"nowhere/{spelled}/result.json"})
    said = capfdbinary.readouterr().out.decode()
    assert "can't be written" in said
    assert "***" in said
    assert MARK not in said


# --- proofs, and what is changed before a deployment

SITE = {"DEPLOYER_VERIFY_URL": "auto"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param(
            SITE | {"DEPLOYER_VERIFY_STATUS": "2xx"},
            [
                "DEPLOYER_VERIFY_STATUS: must be HTTP status codes: 200, 200-399, or several with commas (200,204)"
            ],
            id="no-status",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_URL": "ftp://x"},
            ["DEPLOYER_VERIFY_URL: must be `auto`, or begin with https:// or http://"],
            id="another-scheme",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_URL": "https://u:p@x.example"},
            ["DEPLOYER_VERIFY_URL: must not hold a user or a password"],
            id="a-login",
        ),
        pytest.param(
            {"DEPLOYER_VERIFY_CONTAINS": "v1"},
            [
                "DEPLOYER_VERIFY_CONTAINS is nothing without `verify_url`: `auto` is the application's own address"
            ],
            id="no-address",
        ),
        pytest.param(
            SITE | {"DEPLOYER_WAIT": "false"},
            ["DEPLOYER_VERIFY_URL can't be done with `wait: false`: nothing is looked at then"],
            id="nobody-waits",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": ":v2", "DEPLOYER_COMMIT": "a" * 40},
            ["DEPLOYER_APP_IMAGE and DEPLOYER_COMMIT can't both be given"],
            id="image-and-commit",
        ),
        pytest.param(
            {"DEPLOYER_ENV": "A=1\nA=2\nwhat"},
            [
                "DEPLOYER_ENV: line 2 has the same key as line 1; line 3 is no KEY=value (a value of several lines must stand in quotes)"
            ],
            id="bad-env",
        ),
        pytest.param(
            {"DEPLOYER_ENV": "A=1", "DEPLOYER_COMMAND": "restart"},
            ["DEPLOYER_ENV is set before a deployment, and `command: restart` makes none"],
            id="no-deployment",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_WAIT": "false"},
            ["DEPLOYER_ROLLBACK can't be done with `wait: false`: nothing is looked at then"],
            id="rollback-of-what-nobody-waits-for",
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_VERIFY_HEALTH": "false"},
            [
                "DEPLOYER_ROLLBACK is nothing with `verify_health: false` and no `verify_url`: nobody looks whether it runs"
            ],
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
                    f"DEPLOYER_ROLLBACK can't be done with `command: {command}`: it is for what a deployment puts up"
                ],
                id=f"rollback-of-{command}",
            )
            for command in ("restart", "stop", "cancel", "rollback")
        ),
        pytest.param(
            {"DEPLOYER_ROLLBACK": "true", "DEPLOYER_PR": "7"},
            ["DEPLOYER_ROLLBACK can't be done with `pr`: Coolify keeps nothing of a preview"],
            id="rollback-of-a-preview",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_PR": "7"},
            ["DEPLOYER_COMMAND: rollback can't be done with `pr`: Coolify keeps nothing of a preview"],
            id="back-to-a-preview",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_INSTANT_DEPLOY": "true"},
            ["DEPLOYER_COMMAND: rollback can't be done with `instant_deploy`: Coolify can't do both at once"],
            id="back-at-once",
        ),
        pytest.param(
            {"DEPLOYER_COMMAND": "rollback", "DEPLOYER_ENV": "A=1", "DEPLOYER_SETTINGS": '{"is_spa": true}'},
            [
                "DEPLOYER_ENV can't be set with `command: rollback`: only an image or a commit is put back",
                "DEPLOYER_SETTINGS can't be set with `command: rollback`: only an image or a commit is put back",
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
            ["DEPLOYER_COMMAND: rollback needs uuids: Coolify can only deploy by tag (DEPLOYER_TAG)"],
            id="back-by-tag",
        ),
        pytest.param(
            {"DEPLOYER_ENV_FILE": "missing.env"},
            ["DEPLOYER_ENV_FILE: cannot be read: No such file or directory"],
            id="no-file",
        ),
        pytest.param(
            {"DEPLOYER_APP_IMAGE": ":v2", "DEPLOYER_SETTINGS": '{"docker_registry_image_tag": "v1"}'},
            ["DEPLOYER_SETTINGS must not hold `docker_registry_image_tag`: DEPLOYER_APP_IMAGE sets it"],
            id="set-twice",
        ),
        pytest.param(
            {"INPUT_TAG": "blue", "DEPLOYER_UUID": "", "INPUT_ENV": "A=1"},
            ["env can't be set by tag: give the uuids"],
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


# --- secrets that are none


UNFILLED = [
    "$COOLIFY_TOKEN",
    "$token_of_coolify",
    "${COOLIFY_TOKEN}",
    "${COOLIFY_TOKEN:-}",
    "$(COOLIFY_TOKEN)",
    "$(coolifyToken)",
    "$[variables.token]",
    "${{ secrets.COOLIFY_TOKEN }}",
    "{{ coolify_token }}",
    "#{COOLIFY_TOKEN}#",
    "%COOLIFY_TOKEN%",
    "$env:COOLIFY_TOKEN",
    "<your-token>",
    "null",
]
STARS = ["***", "********", "[MASKED]", "[masked]", "\u2022\u2022\u2022\u2022"]
QUOTED = [f'"{TOKEN}"', f"'{TOKEN}'", f"`{TOKEN}`", f"\u201c{TOKEN}\u201d"]


@pytest.mark.parametrize("variable", ["COOLIFY_TOKEN", "COOLIFY_READ_TOKEN"])
@pytest.mark.parametrize(
    ("texts", "words"),
    [
        pytest.param([*UNFILLED, "$token", "'$COOLIFY_TOKEN'"], placeholders.UNFILLED, id="unfilled"),
        pytest.param([*STARS, '"***"'], placeholders.MASKED, id="masked"),
        pytest.param(QUOTED, placeholders.QUOTED, id="quoted"),
    ],
)
def test_a_token_that_is_none_is_told_as_what_it_is(variable: str, texts: list[str], words: str) -> None:
    assert {refused(variable, text) for text in texts} == {words}


@pytest.mark.parametrize("text", [*UNFILLED, *STARS])
def test_a_header_whose_value_is_no_secret_is_a_mistake_with_its_line(text: str) -> None:
    told = (
        refused("DEPLOYER_HEADERS", f"X-A: one\nX-B: {text}")
        if text.isascii()
        else "line 2: the value is what a log shows"
    )
    assert told.startswith("line 2: the value is ")


@pytest.mark.parametrize(
    "text",
    [
        "$ecret1",
        "pa$$WORD",
        "$",
        "a${B}c",
        "100%",
        "%41%42",
        "a'b'",
        "'",
        "<>",
        "hunter*****",
        "x{{y",
        "$2y$10$abcdefghijklmnopqrstuv",
    ],
)
def test_a_password_may_look_odd(text: str) -> None:
    assert placeholders.no_secret(text) == ""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_secret_in_a_file_of_another_encoding_is_a_mistake(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(TOKEN.encode(encoding))
    told = mistakes(
        {"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(tmp_path / "token")}
    )
    assert told == ["COOLIFY_TOKEN_FILE: is written in UTF-16. Save it as UTF-8"]


def test_a_secret_in_latin_1_is_a_mistake_that_shows_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"7|secr\xe9t")
    told = mistakes(
        {"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(tmp_path / "token")}
    )
    assert told == ["COOLIFY_TOKEN_FILE: is not written in UTF-8"]


def test_the_mark_at_the_beginning_of_a_file_is_no_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")
    assert found({"COOLIFY_TOKEN_FILE": str(tmp_path / "token")}).text("coolify_token") == TOKEN


# --- values that end at a comment


def warned(**environ: str) -> list[str]:
    return [warning for warning in read({**GOOD, **environ})[2].warnings if "comment" in warning]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("TITLE=Ticket #5 is open", "1", id="a-number"),
        pytest.param('A=1\nJSON={"a": "b # c", "d": 1}', "2", id="json"),
        pytest.param("A=one # two\nB='x # y'\n\nexport C = d\t#e", "1, 4", id="several"),
        pytest.param("A=b # a comment", "1", id="what-may-be-a-comment"),
    ],
)
def test_a_variable_that_ends_at_a_comment_is_told_with_its_line(text: str, lines: str) -> None:
    told = f"DEPLOYER_ENV: line {lines}: what follows ` #` is a comment, and not set. To keep it, put the value in quotes"
    assert warned(DEPLOYER_ENV=text) == [told]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('JSON=\'{"a": "b # c"}\'', id="in-quotes"),
        pytest.param('A="b # c" # a comment', id="a-comment-behind-quotes"),
        pytest.param("# a comment\nA=b", id="a-line-of-its-own"),
        pytest.param("A=b#c", id="no-blank-before"),
        pytest.param("A=", id="empty"),
        pytest.param("A= # nothing\nB=1", id="an-empty-value-and-a-comment"),
        pytest.param("A='b\n # c\n'", id="several-lines-in-quotes"),
    ],
)
def test_a_variable_that_is_whole_is_not_told(text: str) -> None:
    assert warned(DEPLOYER_ENV=text) == []


def test_of_a_file_only_what_is_surely_lost_is_told(tmp_path: Path) -> None:
    (tmp_path / "env").write_text('A=1 # a comment\nB=Ticket #5\nC={"a": "b # c"}\n')
    assert [
        warning.partition(":")[2].partition(" what")[0]
        for warning in warned(DEPLOYER_ENV_FILE=str(tmp_path / "env"))
    ] == [" line 2, 3:"]


@pytest.mark.parametrize(
    ("variable", "text", "refused"),
    [
        pytest.param("PLUGIN_ENV", "LOG_LEVEL=info,FEATURE_X=on", True, id="a-list"),
        pytest.param("PLUGIN_ENV", '{"LOG_LEVEL":"info"}', True, id="a-map"),
        pytest.param("PLUGIN_HEADERS", "X-One: abcdefgh,X-Two: ijklmnop", True, id="headers"),
        pytest.param("PLUGIN_ENV", "HOSTS=a,b,c", False, id="commas-in-a-value"),
        pytest.param("PLUGIN_ENV", "A=1,B=2\nC=3", False, id="a-block"),
        pytest.param("INPUT_ENV", "A=1,B=2", False, id="no-plugin"),
    ],
)
def test_a_list_that_a_plugin_was_given_is_not_taken_for_one_value(
    variable: str, text: str, refused: bool
) -> None:
    """Woodpecker and Drone join a list with commas: the first value would swallow the others, without a word."""
    given = look_up([Common, Coolify], {variable: text})
    assert any("joined with commas" in mistake for mistake in given.mistakes) is refused
