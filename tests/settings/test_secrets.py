"""No secret is shown in anything that is said about the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.main import main
from deployer.providers.coolify.inputs.fields import Coolify
from deployer.settings import placeholders
from tests.scenarios.rehearsals import StillClock
from tests.settings.environments import (
    BASE,
    GOOD,
    GROUPS,
    MARK,
    OTHER_TOKEN,
    TOKEN,
    WEB,
    found,
    mistakes,
    read,
    refused,
)

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
    """A gateway's page may repeat it without `Bearer`could not write . Here the path of a file that repeats it."""
    monkeypatch.chdir(tmp_path)
    environ = {"GITHUB_ACTIONS": "true", "DEPLOYER_HEADERS": f"X-Other: {MARK}\n{header}"}
    run({**environ, "DEPLOYER_RESULT_FILE": f"nowhere/{secret}/result.json"})
    said = capfdbinary.readouterr().out.decode()
    assert f"::add-mask::{secret}\n" in said
    assert "could not write nowhere/***/result.json" in said


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
    """Could not write The path of a file that is repeated."""
    run({variable: OTHER_TOKEN, "DEPLOYER_RESULT_FILE": f"nowhere/{spelled}/result.json"})
    said = capfdbinary.readouterr().out.decode()
    assert "could not write" in said
    assert "***" in said
    assert MARK not in said


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
    assert told == ["COOLIFY_TOKEN_FILE: is encoded in UTF-16. Save it as UTF-8"]


def test_a_secret_in_latin_1_is_a_mistake_that_shows_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"7|secr\xe9t")
    told = mistakes(
        {"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(tmp_path / "token")}
    )
    assert told == ["COOLIFY_TOKEN_FILE: is not encoded in UTF-8"]


def test_the_mark_at_the_beginning_of_a_file_is_no_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")
    assert found({"COOLIFY_TOKEN_FILE": str(tmp_path / "token")}).text("coolify_token") == TOKEN
