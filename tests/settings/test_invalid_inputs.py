"""Invalid inputs are reported together, with the names in use, and nothing is sent.

Each row runs the whole program in this process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.main import main
from deployer.simulator import simulating
from tests.process.program import HEADER, OTHER_TOKEN, leaks, login, parts_of
from tests.scenarios.test_transcripts import StillClock


@dataclass(frozen=True)
class Mistake:
    environ: Mapping[str, str]
    messages: tuple[str, ...]
    without: tuple[str, ...] = ()


MISTAKES = {
    "invalid-duration": Mistake({"DEPLOYER_TIMEOUT": "abc"}, ("DEPLOYER_TIMEOUT",)),
    "seconds-as-wait": Mistake({"DEPLOYER_WAIT": "300"}, ("timeout",)),
    "four-at-once": Mistake(
        {
            "DEPLOYER_TIMEOUT": "soon",
            "DEPLOYER_LOGS": "loud",
            "DEPLOYER_FORCE": "perhaps",
            "COOLIFY_UUID": "a/b",
        },
        ("DEPLOYER_TIMEOUT", "DEPLOYER_LOGS", "DEPLOYER_FORCE", "COOLIFY_UUID"),
    ),
    "name-in-use": Mistake({"INPUT_ON-TIMEOUT": "explode"}, ("on-timeout",)),
    "token-of-github": Mistake(
        {"COOLIFY_TOKEN": "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"}, ("COOLIFY_TOKEN",)
    ),
    "token-with-a-space": Mistake(
        {"COOLIFY_TOKEN": "1|two words of a token that is none"}, ("COOLIFY_TOKEN",)
    ),
    "password-in-the-url": Mistake(
        {"COOLIFY_URL": "https://me:s3cretPassw0rd@coolify.example.com"}, ("COOLIFY_URL",)
    ),
    "url-with-half-a-bracket": Mistake({"COOLIFY_URL": "https://[::1"}, ("COOLIFY_URL",)),
    "token-missing": Mistake({}, ("COOLIFY_TOKEN",), without=("COOLIFY_TOKEN",)),
    "token-as-the-url": Mistake({"COOLIFY_URL": OTHER_TOKEN}, ("COOLIFY_URL",)),
    "url-as-the-token": Mistake(
        {"COOLIFY_TOKEN": "https://coolify.example.com/s3cretPassw0rd"}, ("COOLIFY_TOKEN",)
    ),
    "header-as-the-token": Mistake({"COOLIFY_TOKEN": f"Bearer {OTHER_TOKEN}"}, ("COOLIFY_TOKEN",)),
    "url-and-uuid-missing": Mistake({}, ("COOLIFY_URL", "UUID"), without=("COOLIFY_URL", "COOLIFY_UUID")),
    "token-file-missing": Mistake(
        {"COOLIFY_TOKEN_FILE": "no/such/file"}, ("COOLIFY_TOKEN_FILE",), without=("COOLIFY_TOKEN",)
    ),
    "invalid-header": Mistake({"DEPLOYER_HEADERS": HEADER.replace(":", "")}, ("DEPLOYER_HEADERS",)),
    "invalid-ci": Mistake({"DEPLOYER_CI": "hudson"}, ("DEPLOYER_CI",)),
    "missing-certificate": Mistake({"DEPLOYER_CA_CERT": "no/such/ca.pem"}, ("DEPLOYER_CA_CERT",)),
    "unknown-scenario": Mistake(
        {"DEPLOYER_REHEARSE": "sucess"}, ("unknown scenario 'sucess'. Available: success, build-failure",)
    ),
    "unknown-scenario-and-invalid-duration": Mistake(
        {"DEPLOYER_REHEARSE": "sucess", "DEPLOYER_TIMEOUT": "abc"}, ("DEPLOYER_REHEARSE", "DEPLOYER_TIMEOUT")
    ),
    "misspelt-dry-run": Mistake(
        {"DEPLOYER_DRYRUN": "true"}, ("unknown input DEPLOYER_DRYRUN. Did you mean DEPLOYER_DRY_RUN?",)
    ),
    "verify-timeout-too-short": Mistake(
        {"DEPLOYER_VERIFY_HEALTH": "true", "DEPLOYER_VERIFY_TIMEOUT": "1m"},
        ("DEPLOYER_VERIFY_TIMEOUT must be at least 80s with `verify_health: true`",),
    ),
    "webhook-with-extra-parameters": Mistake(
        {"COOLIFY_WEBHOOK": "https://coolify.example.com/api/v1/deploy?uuid=abc&pr=7"},
        ("COOLIFY_WEBHOOK: contains 'pr'",),
    ),
    "conflict-in-a-rehearsal": Mistake(
        {"DEPLOYER_REHEARSE": "success", "DEPLOYER_DOCKER_TAG": "pr-7"},
        ("DEPLOYER_DOCKER_TAG requires `pr`",),
    ),
}


SECRETS = {"s3cretPassw0rd", HEADER.replace(":", ""), *parts_of(OTHER_TOKEN)}


@pytest.mark.parametrize("name", MISTAKES)
def test_an_invalid_input_is_reported_and_nothing_is_sent(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    mistake = MISTAKES[name]
    monkeypatch.chdir(tmp_path)
    with simulating("success") as session:
        environ = {**login(session, tmp_path), "DEPLOYER_OUTPUT_FILE": "out.env", **mistake.environ}
        remaining = {key: value for key, value in environ.items() if key not in mistake.without}
        code = main([], remaining, StillClock())  # type: ignore[arg-type]  # by shape
        assert session.journal == []
    printed = capfdbinary.readouterr().out
    errors = [line for line in printed.decode().splitlines() if line.startswith("ERROR: ")]
    outputs = Path("out.env").read_bytes()
    assert (code, len(errors)) == (2, len(mistake.messages)), printed
    assert b"DEPLOYED_STATUS=refused" in outputs.replace(b'"', b"")
    assert [fragment for fragment in mistake.messages if not any(fragment in error for error in errors)] == []
    assert leaks(printed + outputs, SECRETS) == []
