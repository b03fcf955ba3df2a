"""How an input finds its variable (design.md 2.1), what each kind of value may be, and what is said of everything that is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest
from pydantic import SecretStr

from deployer.providers.coolify.inputs import Coolify
from deployer.settings import Common, Found, Given, declared, look_up

GROUPS = (Common, Coolify)
BASE = "https://coolify.example.com"
WEB = "ptofe13hijui9bkafqyhz7yy"
MARK = "mArKeDsecret"
TOKEN = f"7|{MARK}0000000000000000000000000000000000"
GOOD = {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB}

# Input: its input aliases, its variable aliases (the table of design.md 2.2, as far as it is built).
INPUTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "provider": ((), ()),
    "ci": ((), ()),
    "command": ((), ()),
    "coolify_url": ((), ("COOLIFY_BASE_URL", "COOLIFY_ENDPOINT")),
    "coolify_token": (("token",), ("COOLIFY_API_TOKEN", "COOLIFY_ACCESS_TOKEN")),
    "webhook": ((), ("COOLIFY_WEBHOOK", "COOLIFY_WEBHOOK_URL")),
    "uuid": (("app_uuid",), ("COOLIFY_UUID", "COOLIFY_APP_UUID", "COOLIFY_RESOURCE_ID")),
    "force": ((), ()),
    "instant_deploy": ((), ()),
    "wait": ((), ()),
    "timeout": ((), ()),
    "poll_interval": (("interval",), ()),
    "on_timeout": ((), ()),
    "on_interrupt": ((), ()),
    "logs": ((), ()),
    "hidden_logs": ((), ()),
    "log_file": ((), ()),
    "headers": ((), ()),
    "ca_cert": ((), ()),
    "insecure": ((), ()),
    "on_missing_secret": ((), ()),
    "output_file": ((), ()),
    "result_file": ((), ()),
    "summary": ((), ()),
    "rehearse": ((), ()),
}
FROM_FILES = ("coolify_token", "headers")


def variables(name: str) -> list[str]:
    """Every variable of an input, the strongest first, as design.md 2.1 lists them."""
    inputs, aliases = INPUTS[name]
    listed: list[str] = []
    for each in (name, *inputs):
        capitals = each.upper()
        hyphens = [f"INPUT_{capitals.replace('_', '-')}"] if "_" in each else []
        own = capitals if each.startswith("coolify_") else f"DEPLOYER_{capitals}"
        listed += [f"INPUT_{capitals}", *hyphens, f"PLUGIN_{capitals}", own]
    return [*listed, *aliases]


def every_spelling() -> Iterator[Any]:
    for name in INPUTS:
        for rank, variable in enumerate(variables(name)):
            yield pytest.param(name, rank, id=f"{name}-{variable}")


def found(environ: Mapping[str, str], prefix: str = "") -> Given:
    return look_up(GROUPS, environ, prefix)


def read(environ: Mapping[str, str], prefix: str = "") -> tuple[Common | None, Coolify | None, Given]:
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
    assert found({given[0]: "alone"}) == Given(found={name: Found(given[0], "alone")})


def test_no_two_inputs_share_a_variable() -> None:
    every = [variable for name in INPUTS for variable in variables(name)]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("nothing", ["", " ", "\n", "\t \r\n"])
def test_empty_means_not_given(nothing: str) -> None:
    assert found({variable: nothing for name in INPUTS for variable in variables(name)}) == Given()
    assert found({"INPUT_TIMEOUT": nothing, "DEPLOYER_TIMEOUT": "5m"}) == Given(found={"timeout": Found("DEPLOYER_TIMEOUT", "5m")})


def test_blanks_around_a_value_are_dropped_and_make_no_conflict() -> None:
    given = found({"INPUT_TIMEOUT": " 5m\n", "DEPLOYER_TIMEOUT": "5m"})
    assert given == Given(found={"timeout": Found("INPUT_TIMEOUT", "5m")})


def test_a_conflict_is_told_by_names_and_never_by_values() -> None:
    environ = {"INPUT_COOLIFY_TOKEN": TOKEN, "COOLIFY_TOKEN": f"8|{MARK}1", "COOLIFY_API_TOKEN": TOKEN}
    assert found(environ).warnings == ["COOLIFY_TOKEN and INPUT_COOLIFY_TOKEN differ: INPUT_COOLIFY_TOKEN counts"]


def test_small_letters_are_other_variables() -> None:
    assert found({"input_timeout": "5m", "deployer_timeout": "5m", "coolify_url": BASE}) == Given()


def test_the_plain_name_of_an_input_with_our_prefix_is_not_read() -> None:
    assert found({"TIMEOUT": "5m", "UUID": WEB, "TOKEN": TOKEN, "WEBHOOK": "x", "URL": BASE}) == Given()


def test_what_nobody_gave_has_its_default() -> None:
    _, inputs, given = read(GOOD)
    assert (given.mistakes, given.warnings) == ([], [])
    assert common().model_dump() == {
        "provider": None,
        "ci": "",
        "command": "deploy",
        "wait": True,
        "timeout": 1800,
        "poll_interval": None,
        "on_timeout": "leave",
        "on_interrupt": "cancel",
        "logs": "live",
        "hidden_logs": False,
        "log_file": "",
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
        "webhook": None,
        "uuid": (WEB,),
        "force": None,
        "instant_deploy": False,
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
        "INPUT_COOLIFY_TOKEN_FILE": "/no/such/token",
    }
    told = mistakes(environ, "INPUT_")
    assert sorted(each.partition(":")[0].partition(" is missing")[0] for each in told) == sorted(
        [
            *("command", "wait", "timeout", "poll-interval", "on_timeout", "logs", "DEPLOYER_SUMMARY", "headers", "DEPLOYER_CA_CERT"),
            *("COOLIFY_URL", "coolify_token", "force", "coolify_token_file", "uuid"),
        ]
    )
    assert [each for each in told if "\n" in each or "pydantic" in each.lower() or "Input should" in each] == []


# --- secrets from files


@pytest.fixture(name="secret")
def _secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(TOKEN)
    return path


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_secret_may_come_from_a_file_under_every_spelling(name: str, secret: Path) -> None:
    for variable in variables(name):
        assert found({f"{variable}_FILE": str(secret)}) == Given(found={name: Found(f"{variable}_FILE", TOKEN)})


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
@pytest.mark.parametrize("name", ["INPUT_COOLIFY_TOKEN_FILE", "COOLIFY_TOKEN_FILE", "INPUT_HEADERS_FILE"])
def test_a_file_that_cannot_be_read_is_one_mistake_under_its_name(make: Any, words: str, name: str, tmp_path: Path) -> None:
    make(tmp_path / "odd")
    rest = {key: text for key, text in GOOD.items() if "HEADERS" in name or key != "COOLIFY_TOKEN"}
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
            {"COOLIFY_TOKEN": TOKEN}, "COOLIFY_TOKEN_FILE: COOLIFY_TOKEN is given, too; give one of them", id="in-the-same-spelling"
        ),
        pytest.param({"INPUT_TOKEN": TOKEN}, "COOLIFY_TOKEN_FILE: token is given, too; give one of them", id="in-another-spelling"),
    ],
)
def test_a_secret_and_its_file_are_a_mistake(environ: Mapping[str, str], told: str, secret: Path) -> None:
    assert mistakes({"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(secret), **environ}) == [told]


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
        ("DEPLOYER_HIDDEN_LOG", "DEPLOYER_HIDDEN_LOG is no input of Deployer: did you mean DEPLOYER_HIDDEN_LOGS?"),
        ("DEPLOYER_ON_INTERUPT", "DEPLOYER_ON_INTERUPT is no input of Deployer: did you mean DEPLOYER_ON_INTERRUPT?"),
    ],
)
def test_a_misspelt_variable_is_a_warning_with_the_nearest_name(variable: str, told: str) -> None:
    assert found({variable: f"{MARK}"}) == Given(warnings=[told])


@pytest.mark.parametrize(
    "variable",
    [
        *("COOLIFY_FQDN", "COOLIFY_BRANCH", "COOLIFY_RESOURCE_UUID", "COOLIFY_CONTAINER_NAME"),  # set by Coolify
        *("DEPLOYER_IMAGE", "DEPLOYER_DEBUG", "DEPLOYER_VERSION", "DEPLOYER_HOME"),
        *("INPUT_WHO-TO-GREET", "INPUT_GITHUB_TOKEN", "INPUT_FETCH-DEPTH", "PLUGIN_REPO", "PLUGIN_USERNAME", "PLUGIN_DRY_RUN"),
        *("DEPLOYED_STATUS", "DEPLOYED_DEPLOYMENT_UUID", "DEPLOYED_URL", "DEPLOYED_TIMED_OUT", "DEPLOYED_COMMIT"),
        *("TIMEOT", "MY_DEPLOYER_TIMEOT", "CI", "GITHUB_TOKEN", "COOLIFYTOKEN", "COOLIFY_", "INPUT_", "DEPLOYER_"),
    ],
)
def test_a_variable_of_somebody_else_is_no_warning(variable: str) -> None:
    assert found({variable: "x"}) == Given()


def test_a_misspelt_variable_without_a_value_is_no_warning() -> None:
    assert found({"INPUT_TIMEOT": "", "DEPLOYER_TIMEOT": " \n"}) == Given()


# --- inside a container that Coolify runs


NOTICE = "COOLIFY_URL is not believed: Coolify itself sets it in this container. Give the address as COOLIFY_BASE_URL or INPUT_COOLIFY_URL"
INSIDE = {"COOLIFY_URL": "https://runner.example.com", "COOLIFY_FQDN": "runner.example.com", "COOLIFY_BRANCH": "main"}


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
    assert given == Given(found={"coolify_url": winner} if winner else {}, warnings=[NOTICE])


def test_elsewhere_it_is_believed() -> None:
    given = found({**INSIDE, "COOLIFY_RESOURCE_UUID": "", "COOLIFY_CONTAINER_NAME": ""})
    assert given == Given(found={"coolify_url": Found("COOLIFY_URL", "https://runner.example.com")})


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
    [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("1h", 3600), ("1h1m1s", 3661), ("2H", 7200), ("007", 7), ("1h30", 3630)],
)
def test_a_duration_is_seconds_or_has_units(text: str, seconds: float) -> None:
    assert common(DEPLOYER_TIMEOUT=text).timeout == seconds
    assert common(DEPLOYER_POLL_INTERVAL=text).poll_interval == seconds


@pytest.mark.parametrize("text", ["soon", "-5", "1.5h", "5 m", "1d", "30m1h", "m", "1e3", "∞", "5m!"])
def test_what_is_no_duration_is_told_with_an_example(text: str) -> None:
    shown = "" if text in {"∞", "5m!"} else f", not {text!r}"
    assert refused("DEPLOYER_TIMEOUT", text) == f"must be a duration{shown}: seconds (90) or 90s, 15m, 1h30m"


@pytest.mark.parametrize("text", ["0", "0s", "0m", "0h0m0s", "00"])
@pytest.mark.parametrize("variable", ["DEPLOYER_TIMEOUT", "DEPLOYER_POLL_INTERVAL"])
def test_no_time_at_all_is_a_mistake(variable: str, text: str) -> None:
    assert refused(variable, text) == "must be more than nothing"


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_duration_beyond_all_bounds_is_a_mistake_and_no_crash(digits: int) -> None:
    assert refused("DEPLOYER_TIMEOUT", "9" * digits)


@pytest.mark.parametrize("field", ["wait", "summary", "insecure", "hidden_logs"])
@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("TRUE", True), ("yes", True), ("On", True), ("false", False), ("False", False), ("no", False), ("off", False)],
)
def test_a_flag_is_true_or_false_in_the_words_of_yaml(field: str, text: str, *, value: bool) -> None:
    assert getattr(common(**{f"DEPLOYER_{field.upper()}": text}), field) is value


@pytest.mark.parametrize("field", ["summary", "insecure", "hidden_logs", "force", "instant_deploy"])
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
        ("provider", ["coolify"], "must be 'coolify'"),
        ("command", ["deploy"], "must be 'deploy'"),
        ("on_timeout", ["leave", "cancel"], "must be 'leave' or 'cancel'"),
        ("on_interrupt", ["cancel", "leave"], "must be 'cancel' or 'leave'"),
        ("logs", ["live", "failure", "none"], "must be 'live', 'failure' or 'none'"),
        ("on_missing_secret", ["fail", "skip"], "must be 'fail' or 'skip'"),
    ],
)
def test_a_choice_is_one_of_its_words(field: str, good: list[str], words: str) -> None:
    variable = f"DEPLOYER_{field.upper()}"
    assert [getattr(common(**{variable: word}), field) for word in good] == good
    assert refused(variable, "something else") == words


@pytest.mark.parametrize("text", ["''", "none", "null", "Heroku"])
def test_the_provider_has_no_empty_choice(text: str) -> None:
    """Its mistake names what there is, and nothing that is nothing."""
    assert refused("DEPLOYER_PROVIDER", text) == "must be 'coolify'"


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
    assert {name: value.get_secret_value() for name, value in common(DEPLOYER_HEADERS=text).headers.items()} == headers


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
    assert ONE.strip() in common(DEPLOYER_CA_CERT=(before + ONE).replace("\n", "\r\n")).ca_cert.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param("", "", id="empty"),
        pytest.param("hello", "holds no certificate in PEM form", id="text"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate in PEM form", id="a-broken-one"
        ),
        pytest.param(f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n", "holds no certificate in PEM form", id="a-key"),
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
        ("/", "cannot be read: Is a directory"),
        ("x" * 5000, "cannot be read: File name too long"),
        (f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----", "holds no certificate in PEM form"),
    ],
)
def test_text_that_is_no_authority_is_a_mistake(text: str, words: str) -> None:
    assert refused("DEPLOYER_CA_CERT", text) == words


# --- webhook and explicit inputs


def test_a_webhook_is_enough_beside_the_token() -> None:
    _, inputs, given = read({"COOLIFY_TOKEN": TOKEN, "COOLIFY_WEBHOOK": f"{BASE}/api/v1/deploy?uuid={WEB}&force=false"})
    assert (given.mistakes, given.warnings) == ([], [])
    assert inputs is not None
    assert (inputs.base, inputs.targets) == (BASE, (WEB,))


def test_what_is_explicit_beats_the_webhook_without_a_word() -> None:
    webhook = "https://old.example.com/api/v1/deploy?uuid=old&force=true"
    _, inputs, given = read({**GOOD, "INPUT_WEBHOOK": webhook, "INPUT_FORCE": "false"})
    assert (given.mistakes, given.warnings) == ([], [])
    assert inputs is not None
    assert (inputs.base, inputs.targets, inputs.force) == (BASE, (WEB,), False)


def test_a_rehearsal_needs_nothing_and_names_what_it_does_not_use() -> None:
    given = found({**GOOD, "COOLIFY_WEBHOOK": f"{BASE}/api/v1/deploy?uuid={WEB}", "DEPLOYER_REHEARSE": "success"})
    ignored = Coolify.stage(given, "http://127.0.0.1:1", "1|simulated", ("a", "b"))
    inputs = Coolify.read(given)
    assert (ignored, given.mistakes) == (["COOLIFY_URL", "COOLIFY_TOKEN", "DEPLOYER_UUID", "COOLIFY_WEBHOOK"], [])
    assert inputs is not None
    assert (inputs.base, inputs.targets, inputs.coolify_token.get_secret_value()) == ("http://127.0.0.1:1", ("a", "b"), "1|simulated")


# --- no secret in anything that is said


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"COOLIFY_TOKEN": f"ghs_{MARK}"}, id="a-token-of-github"),
        pytest.param({"COOLIFY_TOKEN": f"glpat-{MARK}"}, id="a-token-of-gitlab"),
        pytest.param({"COOLIFY_TOKEN": f"7| {MARK}"}, id="a-token-with-a-blank"),
        pytest.param({"INPUT_TOKEN": f"7|{MARK}a", "COOLIFY_API_TOKEN": f"7|{MARK}b"}, id="two-tokens"),
        pytest.param({"COOLIFY_TOKEN": "", "COOLIFY_TOKN": TOKEN}, id="a-misspelt-token"),
        pytest.param({"DEPLOYER_HEADERS": f"Authorization: {MARK}"}, id="a-header-of-ours"),
        pytest.param({"DEPLOYER_HEADERS": MARK}, id="a-header-without-a-name"),
        pytest.param({"DEPLOYER_HEADERS": f"A: {MARK}", "INPUT_HEADERS": f"B: {MARK}"}, id="two-sets-of-headers"),
        pytest.param({"INPUT_HEADER": f"A: {MARK}"}, id="a-misspelt-header"),
        pytest.param({"COOLIFY_URL": f"https://admin:{MARK}@coolify.example.com"}, id="a-password-in-the-address"),
        pytest.param({"COOLIFY_WEBHOOK": f"https://admin:{MARK}@coolify.example.com/api/v1/deploy?uuid=x"}, id="a-password-in-the-webhook"),
        pytest.param({"DEPLOYER_CA_CERT": f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----"}, id="a-key-as-authority"),
        pytest.param({"COOLIFY_TOKEN": WEB, "DEPLOYER_UUID": TOKEN}, id="token-and-uuid-swapped"),
    ],
)
def test_no_secret_is_in_a_mistake_or_a_warning(environ: Mapping[str, str]) -> None:
    given = read({**GOOD, **environ, "DEPLOYER_TIMEOUT": "soon"})[2]
    assert given.mistakes
    assert MARK not in repr((given.mistakes, given.warnings))


def test_no_secret_is_in_what_the_settings_print_of_themselves() -> None:
    values, inputs, _ = read({**GOOD, "DEPLOYER_HEADERS": f"A: {MARK}\nB: {MARK}"})
    assert MARK not in repr((values, inputs)) + str(values) + str(inputs)


def test_every_secret_that_was_given_is_known_right_or_wrong(secret: Path) -> None:
    """They are masked before the first line is said, and that is before anything is judged."""
    given = found({"COOLIFY_TOKEN": "ghs_x y", "DEPLOYER_HEADERS": "A: one\nno header\nB: t:wo "})
    assert {"one", "t:wo", "ghs_x y"} <= {text for group in GROUPS for text in group.secrets(given)}
    assert TOKEN in Coolify.secrets(found({"COOLIFY_TOKEN_FILE": str(secret)}))
