"""The types of inputs, and the messages for invalid values."""

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
from tests.settings.environments import MARK, VALID, common, mistake_of, read

# --- types


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
def test_an_invalid_duration_is_reported_with_an_example(text: str) -> None:
    shown = "" if text in {"∞", "5m!"} else f", not {text!r}"
    assert (
        mistake_of("DEPLOYER_TIMEOUT", text) == f"must be a duration{shown}: seconds (90) or 90s, 15m, 1h30m"
    )


@pytest.mark.parametrize("text", ["0", "0s", "0m", "0h0m0s", "00"])
@pytest.mark.parametrize(
    "variable", ["DEPLOYER_TIMEOUT", "DEPLOYER_POLL_INTERVAL", "DEPLOYER_VERIFY_TIMEOUT"]
)
def test_a_duration_of_zero_is_a_mistake(variable: str, text: str) -> None:
    assert mistake_of(variable, text) == "must be greater than zero"


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_huge_duration_is_a_mistake(digits: int) -> None:
    assert mistake_of("DEPLOYER_TIMEOUT", "9" * digits)


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
def test_a_flag_is_a_yaml_boolean(field: str, text: str, *, value: bool) -> None:
    assert getattr(common(**{f"DEPLOYER_{field.upper()}": text}), field) is value


@pytest.mark.parametrize(
    "field", ["summary", "insecure", "hidden_logs", "dry_run", "force", "instant_deploy", "pull_latest"]
)
@pytest.mark.parametrize("text", ["perhaps", "2", "tru", "ja", "null"])
def test_an_invalid_flag_is_a_mistake(field: str, text: str) -> None:
    assert mistake_of(f"DEPLOYER_{field.upper()}", text) == f"must be true or false, not {text!r}"


@pytest.mark.parametrize("text", ["1", "0"])
def test_one_and_zero_are_flags_but_not_for_wait(text: str) -> None:
    assert common(DEPLOYER_SUMMARY=text).summary is (text == "1")
    assert mistake_of("DEPLOYER_WAIT", text) == "must be true or false. To limit the time, set `timeout`"


@pytest.mark.parametrize("text", ["5", "90s", "15m", "1h", "1h30m", "300"])
def test_a_duration_as_wait_is_a_mistake_that_names_timeout(text: str) -> None:
    assert mistake_of("DEPLOYER_WAIT", text) == "must be true or false. To limit the time, set `timeout`"


@pytest.mark.parametrize(
    ("field", "good", "message"),
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
def test_a_choice_is_one_of_its_values(field: str, good: list[str], message: str) -> None:
    variable = f"DEPLOYER_{field.upper()}"
    assert [getattr(common(**{variable: word}), field) for word in good] == good
    assert mistake_of(variable, "something else") == message


@pytest.mark.parametrize(("text", "word"), [("True", "true"), ("FALSE", "false"), ("Auto", "auto")])
def test_verify_health_accepts_yaml_booleans(text: str, word: str) -> None:
    assert common(DEPLOYER_VERIFY_HEALTH=text).verify_health == word


@pytest.mark.parametrize("text", ["''", "none", "null", "Heroku"])
def test_the_provider_has_no_empty_choice(text: str) -> None:
    """The message names the providers only."""
    assert mistake_of("DEPLOYER_PROVIDER", text) == "must be 'coolify' or 'cloudfoundry'"


@pytest.mark.parametrize("field", ["log_file", "output_file", "result_file", "rehearse", "ci"])
def test_a_text_is_not_changed(field: str) -> None:
    assert getattr(common(**{f"DEPLOYER_{field.upper()}": 'a "b" {c} $D'}), field) == 'a "b" {c} $D'


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        pytest.param("CF-Access-Client-Id: abc.access", {"CF-Access-Client-Id": "abc.access"}, id="one"),
        pytest.param("A: 1\nB: 2", {"A": "1", "B": "2"}, id="two"),
        pytest.param("\n\n  A: 1\r\n\r\n\tB:2\n", {"A": "1", "B": "2"}, id="with-spaces"),
        pytest.param("A: x: y, z", {"A": "x: y, z"}, id="colon-in-the-value"),
        pytest.param("A:", {"A": ""}, id="no-value"),
        pytest.param("A: 1\nA: 2", {"A": "2"}, id="twice"),
        pytest.param("Accept-Language: de", {"Accept-Language": "de"}, id="similar-to-accept"),
        pytest.param("Hostess: x", {"Hostess": "x"}, id="similar-to-host"),
        pytest.param("X-Content-Type: x", {"X-Content-Type": "x"}, id="similar-to-content-type"),
    ],
)
def test_headers_are_lines_of_name_and_value(text: str, headers: Mapping[str, str]) -> None:
    assert {
        name: value.get_secret_value() for name, value in common(DEPLOYER_HEADERS=text).headers.items()
    } == headers


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_a_reserved_or_invalid_header_is_a_mistake_without_its_value(text: str, message: str) -> None:
    assert mistake_of("DEPLOYER_HEADERS", text) == message


CERTIFI_PARTS = Path(certifi.where()).read_text("utf-8").partition("-----BEGIN")


CERTIFICATE = (
    "-----BEGIN" + CERTIFI_PARTS[2].partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="alone"),
        pytest.param("# Issuer: somebody\n", id="after-a-comment"),
        pytest.param("# NetLock Arany (Class Gold) Főtanúsítvány\n", id="after-a-comment-with-accents"),
    ],
)
def test_ca_cert_is_a_path_or_a_certificate(before: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(before + CERTIFICATE, "utf-8")
    assert CERTIFICATE.strip() in common(DEPLOYER_CA_CERT=str(path)).ca_cert
    assert CERTIFICATE.strip() in common(DEPLOYER_CA_CERT=before + CERTIFICATE).ca_cert
    assert CERTIFICATE.strip() in common(
        DEPLOYER_CA_CERT=(before + CERTIFICATE).replace("\n", "\r\n")
    ).ca_cert.replace("\r\n", "\n")


DER = ssl.PEM_cert_to_DER_cert(CERTIFICATE)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CERTIFICATE.replace("\n", "\\n"), id="literal-line-feeds"),
        pytest.param(CERTIFICATE.replace("\n", "\\r\\n"), id="literal-crlf"),
        pytest.param(CERTIFICATE.replace("\n", " "), id="spaces"),
        pytest.param(CERTIFICATE.replace("\n", ""), id="no-line-feeds"),
        pytest.param(f'"{CERTIFICATE}"', id="quoted"),
        pytest.param(CERTIFICATE.replace("\n", "\n    "), id="indented"),
        pytest.param(base64.b64encode(CERTIFICATE.encode()).decode(), id="base64-of-pem"),
        pytest.param(base64.encodebytes(CERTIFICATE.encode()).decode(), id="base64-of-pem-in-lines"),
        pytest.param(
            base64.b64encode(CERTIFICATE.replace("\n", "\r\n").encode()).decode(),
            id="base64-of-pem-with-crlf",
        ),
        pytest.param(base64.b64encode(DER).decode(), id="base64-of-der"),
        pytest.param(
            CERTIFICATE + f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n",
            id="next-to-a-key",
        ),
    ],
)
def test_ca_cert_accepts_many_forms_of_text(text: str) -> None:
    assert common(DEPLOYER_CA_CERT=text).ca_cert == CERTIFICATE


def test_ca_cert_keeps_each_of_several_certificates() -> None:
    assert (
        common(DEPLOYER_CA_CERT=(CERTIFICATE + CERTIFICATE).replace("\n", " ")).ca_cert
        == CERTIFICATE + CERTIFICATE
    )


@pytest.mark.parametrize(
    "data",
    [
        CERTIFICATE.encode(),
        DER,
        base64.b64encode(DER),
        CERTIFICATE.encode("utf-16"),
        b"\xef\xbb\xbf" + CERTIFICATE.encode(),
    ],
    ids=range(5),
)
def test_ca_cert_accepts_many_forms_of_files(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "ca").write_bytes(data)
    assert common(DEPLOYER_CA_CERT=str(tmp_path / "ca")).ca_cert == CERTIFICATE


def test_a_pipe_as_ca_cert_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca")
    assert mistake_of("DEPLOYER_CA_CERT", str(tmp_path / "ca")) == "is not a regular file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "could not be read: No such file or directory", id="missing"),
        pytest.param("", "", id="empty"),
        pytest.param("hello", "does not contain a certificate in PEM format", id="text"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "does not contain a certificate in PEM format",
            id="broken",
        ),
        pytest.param(
            f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n",
            "does not contain a certificate in PEM format",
            id="key",
        ),
    ],
)
def test_an_invalid_ca_cert_file_is_a_mistake(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    expected = mistake_of("DEPLOYER_CA_CERT", str(path))
    assert message in expected
    assert MARK not in expected


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_an_invalid_ca_cert_is_a_mistake(text: str, message: str) -> None:
    assert mistake_of("DEPLOYER_CA_CERT", text) == message


# --- values that are cut at a comment


def comment_warnings(**environ: str) -> list[str]:
    return [warning for warning in read({**VALID, **environ})[2].warnings if "comment" in warning]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("TITLE=Ticket #5 is open", "1", id="hash-and-number"),
        pytest.param('A=1\nJSON={"a": "b # c", "d": 1}', "2", id="json"),
        pytest.param("A=one # two\nB='x # y'\n\nexport C = d\t#e", "1, 4", id="several"),
        pytest.param("A=b # a comment", "1", id="possible-comment"),
    ],
)
def test_a_variable_cut_at_a_comment_is_a_warning_with_its_line(text: str, lines: str) -> None:
    expected = (
        f"DEPLOYER_ENV: line {lines}: everything after ` #` is a comment. To make it part of the "
        "value, quote the value"
    )
    assert comment_warnings(DEPLOYER_ENV=text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('JSON=\'{"a": "b # c"}\'', id="quoted"),
        pytest.param('A="b # c" # a comment', id="comment-after-quotes"),
        pytest.param("# a comment\nA=b", id="comment-line"),
        pytest.param("A=b#c", id="no-space-before-the-hash"),
        pytest.param("A=", id="empty"),
        pytest.param("A= # nothing\nB=1", id="empty-value-and-comment"),
        pytest.param("A='b\n # c\n'", id="several-lines-quoted"),
    ],
)
def test_a_complete_variable_causes_no_warning(text: str) -> None:
    assert comment_warnings(DEPLOYER_ENV=text) == []


def test_in_a_file_only_certain_losses_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "env").write_text('A=1 # a comment\nB=Ticket #5\nC={"a": "b # c"}\n')
    assert [
        warning.partition(":")[2].partition(" everything")[0]
        for warning in comment_warnings(DEPLOYER_ENV_FILE=str(tmp_path / "env"))
    ] == [" line 2, 3:"]


@pytest.mark.parametrize(
    ("variable", "text", "mistake_of"),
    [
        pytest.param("PLUGIN_ENV", "LOG_LEVEL=info,FEATURE_X=on", True, id="list"),
        pytest.param("PLUGIN_ENV", '{"LOG_LEVEL":"info"}', True, id="map"),
        pytest.param("PLUGIN_HEADERS", "X-One: abcdefgh,X-Two: ijklmnop", True, id="headers"),
        pytest.param("PLUGIN_ENV", "HOSTS=a,b,c", False, id="commas-in-a-value"),
        pytest.param("PLUGIN_ENV", "A=1,B=2\nC=3", False, id="several-lines"),
        pytest.param("INPUT_ENV", "A=1,B=2", False, id="not-a-plugin"),
    ],
)
def test_a_list_in_a_plugin_s_setting_is_a_mistake(variable: str, text: str, mistake_of: bool) -> None:
    """Woodpecker and Drone join a list with commas: the first value would silently include the others."""
    raw = look_up([Common, Coolify], {variable: text})
    assert any("joined with commas" in mistake for mistake in raw.mistakes) is mistake_of
