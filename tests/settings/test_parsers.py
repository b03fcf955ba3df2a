"""The types of inputs, and what is said of invalid values."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi
import pytest

from deployer.providers.coolify.inputs.fields import Coolify
from deployer.settings import Common, look_up
from tests.settings.environments import GOOD, MARK, common, read, refused

# --- kinds of value


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
    assert refused(variable, text) == "must be greater than zero"


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
    assert refused("DEPLOYER_WAIT", text) == "must be true or false. To limit the time, set `timeout`"


@pytest.mark.parametrize("text", ["5", "90s", "15m", "1h", "1h30m", "300"])
def test_a_duration_as_wait_is_a_mistake_that_names_timeout(text: str) -> None:
    assert refused("DEPLOYER_WAIT", text) == "must be true or false. To limit the time, set `timeout`"


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
        (f"A {MARK}", "line 1 is not a `Name: value` pair"),
        (MARK, "line 1 is not a `Name: value` pair"),
        (f": {MARK}", "line 1 is not a `Name: value` pair"),
        (f"A b: {MARK}", "line 1 is not a `Name: value` pair"),
        (f"A: {MARK}é", "line 1 is not a `Name: value` pair"),
        (f"A: {MARK}\x00", "line 1 is not a `Name: value` pair"),
        (f"A: 1\n\n\n{MARK}", "line 4 is not a `Name: value` pair"),
        (f"A: 1\x0b{MARK}", "line 2 is not a `Name: value` pair"),
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
    assert refused("DEPLOYER_CA_CERT", str(tmp_path / "ca")) == "is not a regular file"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "could not be read: No such file or directory", id="missing"),
        pytest.param("", "", id="empty"),
        pytest.param("hello", "does not contain a certificate in PEM format", id="text"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "does not contain a certificate in PEM format",
            id="a-broken-one",
        ),
        pytest.param(
            f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n",
            "does not contain a certificate in PEM format",
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
        ("/", "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
        ("x" * 5000, "could not be read: File name too long"),
        (
            f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----",
            "does not contain a certificate in PEM format",
        ),
    ],
)
def test_text_that_is_no_authority_is_a_mistake(text: str, words: str) -> None:
    assert refused("DEPLOYER_CA_CERT", text) == words


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
    told = f"DEPLOYER_ENV: line {lines}: everything after ` #` is a comment. To make it part of the value, quote the value"
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
        warning.partition(":")[2].partition(" everything")[0]
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
