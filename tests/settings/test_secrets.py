"""Nothing that is printed about the inputs contains a secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.main import main
from deployer.providers.coolify.inputs.fields import Coolify
from deployer.settings import placeholders
from tests.scenarios.test_transcripts import StillClock
from tests.settings.environments import (
    BASE,
    GROUPS,
    MARK,
    OTHER_TOKEN,
    TOKEN,
    VALID,
    WEB,
    mistake_of,
    mistakes,
    raw_inputs,
    read,
)

# --- messages


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"COOLIFY_TOKEN": f"ghs_{MARK}"}, id="github-token"),
        pytest.param({"COOLIFY_TOKEN": f"glpat-{MARK}"}, id="gitlab-token"),
        pytest.param({"COOLIFY_TOKEN": f"7| {MARK}"}, id="token-with-a-space"),
        pytest.param({"INPUT_TOKEN": f"7|{MARK}a", "COOLIFY_API_TOKEN": f"7|{MARK}b"}, id="two-tokens"),
        pytest.param({"COOLIFY_TOKEN": "", "COOLIFY_TOKN": TOKEN}, id="misspelt-token"),
        pytest.param({"COOLIFY_READ_TOKEN": f"ghs_{MARK}"}, id="github-read-token"),
        pytest.param({"COOLIFY_READ_TOKEN": f"8|{MARK} x"}, id="read-token-with-a-space"),
        pytest.param(
            {"INPUT_READ_TOKEN": f"8|{MARK}a", "COOLIFY_READ_TOKEN": f"8|{MARK}b"}, id="two-read-tokens"
        ),
        pytest.param({"DEPLOYER_TAG": TOKEN, "DEPLOYER_UUID": ""}, id="token-as-tag"),
        pytest.param({"DEPLOYER_PR": TOKEN}, id="token-as-pull-request"),
        pytest.param({"DEPLOYER_DOCKER_TAG": TOKEN, "DEPLOYER_PR": "7"}, id="token-as-docker-tag"),
        pytest.param({"COOLIFY_WEBHOOK": f"{BASE}/api/v1/deploy?tag={TOKEN}"}, id="token-as-webhook-tag"),
        pytest.param({"DEPLOYER_HEADERS": f"Authorization: {MARK}"}, id="reserved-header"),
        pytest.param({"DEPLOYER_HEADERS": MARK}, id="header-without-a-name"),
        pytest.param(
            {"DEPLOYER_HEADERS": f"A: {MARK}", "INPUT_HEADERS": f"B: {MARK}"}, id="two-sets-of-headers"
        ),
        pytest.param({"INPUT_HEADER": f"A: {MARK}"}, id="misspelt-header"),
        pytest.param({"COOLIFY_URL": f"https://admin:{MARK}@coolify.example.com"}, id="password-in-the-url"),
        pytest.param(
            {"COOLIFY_WEBHOOK": f"https://admin:{MARK}@coolify.example.com/api/v1/deploy?uuid=x"},
            id="password-in-the-webhook",
        ),
        pytest.param(
            {"DEPLOYER_CA_CERT": f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----"},
            id="key-as-ca-cert",
        ),
        pytest.param({"COOLIFY_TOKEN": WEB, "DEPLOYER_UUID": TOKEN}, id="token-and-uuid-swapped"),
    ],
)
def test_mistakes_and_warnings_contain_no_secret(environ: Mapping[str, str]) -> None:
    raw = read({**VALID, **environ, "DEPLOYER_TIMEOUT": "soon"})[2]
    assert raw.mistakes
    assert MARK not in repr((raw.mistakes, raw.warnings))


def test_the_repr_of_the_settings_contains_no_secret() -> None:
    values, inputs, _ = read(
        {**VALID, "COOLIFY_READ_TOKEN": OTHER_TOKEN, "DEPLOYER_HEADERS": f"A: {MARK}\nB: {MARK}"}
    )
    assert MARK not in repr((values, inputs)) + str(values) + str(inputs)


def test_every_secret_is_known_even_if_it_is_invalid(secret: Path) -> None:
    """Secrets are masked before the first line is printed, and before anything is validated."""
    raw = raw_inputs({"COOLIFY_TOKEN": "ghs_x y", "DEPLOYER_HEADERS": "A: one\nno header\nB: t:wo "})
    assert {"one", "t:wo", "ghs_x y"} <= {text for group in GROUPS for text in group.secrets(raw)}
    assert TOKEN in Coolify.secrets(raw_inputs({"COOLIFY_TOKEN_FILE": str(secret)}))
    assert TOKEN in Coolify.secrets(raw_inputs({"DEPLOYER_READ_TOKEN_FILE": str(secret)}))


def run(environ: Mapping[str, str]) -> int:
    return main([], environ, StillClock())  # type: ignore[arg-type]  # by shape


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        pytest.param("X-Gateway: Bearer abcdefghijkl", "abcdefghijkl", id="bearer"),
        pytest.param("X-Gateway: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", id="basic"),
        pytest.param("X-Gateway: Token  abcdefgh", "abcdefgh", id="eight-characters"),
        pytest.param(
            "X-Gateway: AWS4-HMAC-SHA256 Credential=abc, Signature=def",
            "Credential=abc, Signature=def",
            id="several-parts",
        ),
    ],
)
def test_the_value_after_an_authentication_scheme_is_a_secret_itself(
    header: str,
    secret: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A gateway's page may repeat it without `Bearer`; here, the path of a file does."""
    monkeypatch.chdir(tmp_path)
    environ = {"GITHUB_ACTIONS": "true", "DEPLOYER_HEADERS": f"X-Other: {MARK}\n{header}"}
    run({**environ, "DEPLOYER_RESULT_FILE": f"nowhere/{secret}/result.json"})
    printed = capfdbinary.readouterr().out.decode()
    assert f"::add-mask::{secret}\n" in printed
    assert "could not write nowhere/***/result.json" in printed


@pytest.mark.parametrize("value", ["abcdefghijkl", "Bearer", "Bearer abcdefg", "a|b cdefghijkl"])
def test_a_header_without_a_scheme_or_with_a_short_value_is_one_secret(
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
        pytest.param({}, True, id="nowhere-else"),
        pytest.param({"DEPLOYER_ENV": f"CI_TOKEN={TOKEN}"}, True, id="in-env"),
        pytest.param({"DEPLOYER_SETTINGS": f'{{"health_check_path": "/?{TOKEN}"}}'}, True, id="in-settings"),
        pytest.param({"DEPLOYER_VERIFY_URL": f"https://example.com/?{TOKEN}"}, True, id="in-verify-url"),
        pytest.param({"DEPLOYER_LOG_FILE": f"{TOKEN}.log"}, False, id="in-an-output"),
    ],
)
def test_only_a_secret_in_an_output_is_not_masked(
    environ: Mapping[str, str],
    masked: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A mask would blank the output; a secret in any other input stays a secret."""
    monkeypatch.chdir(tmp_path)
    assert (
        run({**VALID, **environ, "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output", "DEPLOYER_WAIT": "5"})
        == 2
    )
    printed = capfdbinary.readouterr().out.decode()
    assert (f"::add-mask::{TOKEN}\n" in printed) is masked
    assert TOKEN not in printed.replace(f"::add-mask::{TOKEN}\n", "")


def test_both_tokens_are_masked_first_and_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Also the part after the bar, which is enough to log in."""
    monkeypatch.chdir(tmp_path)
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output", "INPUT_TIMEOUTT": "5m"}
    secret = tmp_path / "token"
    secret.write_text(OTHER_TOKEN)
    code = run({**VALID, **environ, "DEPLOYER_WAIT": "5", "COOLIFY_READ_TOKEN_FILE": str(secret)})
    lines = capfdbinary.readouterr().out.decode().splitlines()
    masked = [line.removeprefix("::add-mask::") for line in lines if line.startswith("::add-mask::")]
    assert code == 2
    assert set(masked) == {TOKEN, OTHER_TOKEN, TOKEN.partition("|")[2], OTHER_TOKEN.partition("|")[2]}
    assert len(lines) > len(masked)
    assert MARK not in "".join(lines[len(masked) :]) + (tmp_path / "output").read_text()


@pytest.mark.parametrize("variable", ["COOLIFY_READ_TOKEN", "INPUT_READ_TOKEN", "PLUGIN_READ_TOKEN"])
@pytest.mark.parametrize(
    "encoded", [OTHER_TOKEN, OTHER_TOKEN.partition("|")[2], OTHER_TOKEN.replace("|", "%7C")]
)
def test_the_read_token_is_redacted_in_messages(
    variable: str, encoded: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The message repeats the path of a file that could not be written."""
    run({variable: OTHER_TOKEN, "DEPLOYER_RESULT_FILE": f"nowhere/{encoded}/result.json"})
    printed = capfdbinary.readouterr().out.decode()
    assert "could not write" in printed
    assert "***" in printed
    assert MARK not in printed


# --- placeholders


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


MASKED = ["***", "********", "[MASKED]", "[masked]", "\u2022\u2022\u2022\u2022"]


QUOTED = [f'"{TOKEN}"', f"'{TOKEN}'", f"`{TOKEN}`", f"\u201c{TOKEN}\u201d"]


@pytest.mark.parametrize("variable", ["COOLIFY_TOKEN", "COOLIFY_READ_TOKEN"])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        pytest.param([*UNFILLED, "$token", "'$COOLIFY_TOKEN'"], placeholders.UNFILLED, id="unfilled"),
        pytest.param([*MASKED, '"***"'], placeholders.MASKED, id="masked"),
        pytest.param(QUOTED, placeholders.QUOTED, id="quoted"),
    ],
)
def test_a_placeholder_as_a_token_is_reported_as_such(variable: str, texts: list[str], message: str) -> None:
    assert {mistake_of(variable, text) for text in texts} == {message}


@pytest.mark.parametrize("text", [*UNFILLED, *MASKED])
def test_a_placeholder_as_a_header_value_is_a_mistake_with_its_line(text: str) -> None:
    expected = (
        mistake_of("DEPLOYER_HEADERS", f"X-A: one\nX-B: {text}")
        if text.isascii()
        else "line 2: the value is what a log shows"
    )
    assert expected.startswith("line 2: the value is ")


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
def test_an_unusual_password_is_accepted(text: str) -> None:
    assert placeholders.no_secret(text) == ""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_secret_file_in_another_encoding_is_a_mistake(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(TOKEN.encode(encoding))
    expected = mistakes(
        {"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(tmp_path / "token")}
    )
    assert expected == ["COOLIFY_TOKEN_FILE: is encoded in UTF-16. Save it as UTF-8"]


def test_a_secret_file_in_latin_1_is_a_mistake_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"7|secr\xe9t")
    expected = mistakes(
        {"COOLIFY_URL": BASE, "DEPLOYER_UUID": WEB, "COOLIFY_TOKEN_FILE": str(tmp_path / "token")}
    )
    assert expected == ["COOLIFY_TOKEN_FILE: is not encoded in UTF-8"]


def test_a_byte_order_mark_is_not_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")
    assert raw_inputs({"COOLIFY_TOKEN_FILE": str(tmp_path / "token")}).text("coolify_token") == TOKEN
