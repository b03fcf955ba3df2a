"""Why a deployment failed."""

from __future__ import annotations

import pytest

from deployer.providers.coolify.watching import deployment
from tests.providers.coolify.support import BASE, Row, body, ended, entry, finished
from tests.providers.coolify.watching.records import (
    COMMAND,
    COMMAND_FAILED,
    NO_REASON,
    SECRET,
    UNHEALTHY_WITHOUT_LOG,
    failure_reason,
    hidden_lines_hint,
)

RETRY = (
    f"SSH connection failed. Retrying... (Attempt 1/3, waiting 2s)\nError: {COMMAND_FAILED}\nError: "
    "ssh: Connection refused\r\n"
)


RULER = "----------------------------------------"


UNHEALTHY = "New container is unhealthy."


MORE = hidden_lines_hint(body("deployment_get_finished"))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        pytest.param(
            [f"Deployment failed: {COMMAND_FAILED}\nError: npm ERR! code 1"],
            "exit code 1: npm ERR! code 1",
            id="command-left-out",
        ),
        pytest.param(
            [f"Deployment failed: {COMMAND_FAILED}\nError: one\ntwo\nError: three"],
            "exit code 1: one\ntwo\nError: three",
            id="error-of-many-lines",
        ),
        pytest.param(
            [
                (
                    "Deployment failed: Rolling update failed (App\\E): Failed to start container: "
                    f"{COMMAND_FAILED}\nError: no such image"
                )
            ],
            "exit code 1: no such image",
            id="nested-error",
        ),
        pytest.param(
            [f"Deployment failed: {COMMAND_FAILED}\r\nError: gone\r\n"],
            "exit code 1: gone",
            id="with-carriage-returns",
        ),
        pytest.param(
            [
                "Deployment failed: Server is not functional.",
                "Deployment failed. Removing the new version of your application.",
            ],
            "Coolify considers the server not functional. Validate it under Servers, then deploy "
            "again.\nServer is not functional.",
            id="coolify-sentence",
        ),
        pytest.param(
            [RULER, "Deployment failed: " + "\n".join(f"line {number}" for number in range(40)), RULER],
            "\n".join(f"line {number}" for number in range(25, 40)),
            id="last-fifteen-lines",
        ),
        pytest.param(
            [f"Deployment failed: {'x' * 500}\n{'y' * 501}\n{'z' * 9000}"],
            f"{'x' * 500}\n{'y' * 501}\n{'z' * 9000}",
            id="long-lines",
        ),
        pytest.param(
            [f"{'x' * 9000}", "short"],
            f"{NO_REASON}{'x' * 9000}\nshort",
            id="long-lines-of-an-unknown-failure",
        ),
        pytest.param(
            [f"Deployment failed: {COMMAND_FAILED}\nError: {'x' * 9000}"],
            f"exit code 1: {'x' * 9000}",
            id="with-preceding-lines",
        ),
        pytest.param(
            [
                UNHEALTHY,
                RULER,
                "Container logs:",
                entry("boom\nEADDRINUSE", command="docker logs x"),
                RULER,
                "Removing old containers.",
            ],
            "New container is unhealthy.\nContainer logs:\nboom\nEADDRINUSE",
            id="unhealthy-with-container-logs",
        ),
        pytest.param(
            [UNHEALTHY, RULER, "Container logs:", RULER, "Removing old containers."],
            UNHEALTHY_WITHOUT_LOG,
            id="unhealthy-without-container-logs",
        ),
        pytest.param([UNHEALTHY], UNHEALTHY, id="unhealthy-without-more-lines"),
        pytest.param(
            [
                UNHEALTHY,
                RULER,
                "Container logs:",
                entry("\n".join(map(str, range(100))), command="docker logs x"),
                RULER,
            ],
            "\n".join([UNHEALTHY, "Container logs:", *map(str, range(85, 100))]),
            id="unhealthy-with-a-long-log",
        ),
        pytest.param(
            [
                UNHEALTHY,
                "Container logs:",
                entry("a", command="docker logs x"),
                "Deployment failed: something else",
            ],
            f"{UNHEALTHY}\nContainer logs:\na\nDeployment failed: something else",
            id="unhealthy-comes-first",
        ),
        pytest.param(
            [entry("hidden", hidden=True), *map(str, range(9)), RULER],
            f"Coolify reports no reason. The last lines of its log:\n4\n5\n6\n7\n8\n{MORE}",
            id="unknown-last-five-visible-lines",
        ),
        pytest.param([entry("hidden", hidden=True)], MORE, id="nothing-visible"),
        pytest.param([], "", id="no-lines"),
        pytest.param(
            [entry("Deployment failed: Coolify was hacked", command="npm run build"), "the end"],
            "Coolify reports no reason. The last lines of its log:\nDeployment failed: Coolify was "
            "hacked\nthe end",
            id="build-prints-lines-of-coolify",
        ),
        pytest.param(
            [entry(UNHEALTHY, command="npm run build"), "Deployment failed: the true reason"],
            "the true reason",
            id="build-prints-unhealthy",
        ),
        pytest.param(
            [
                entry("Deployment failed: hidden details", hidden=True),
                "Deployment failed: the visible reason",
            ],
            f"the visible reason\n{MORE}",
            id="hidden-lines-are-not-shown",
        ),
    ],
)
def test_reason_is_in_the_words_of_the_failing_step(entries: list[str | Row], reason: str) -> None:
    assert failure_reason(*entries) == reason


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([f"Deployment failed: {COMMAND_FAILED}\nError: x"], id="with-its-error"),
        pytest.param([f"Deployment failed: {COMMAND_FAILED}\nError: "], id="with-empty-error"),
        pytest.param([f"Deployment failed: {COMMAND_FAILED}"], id="without-error"),
        pytest.param(
            [
                (
                    "Deployment failed: Command execution failed (exit code 1): echo 'a\nError: b' && "
                    f"{COMMAND}\nError: x"
                )
            ],
            id="many-lines",
        ),
        pytest.param(
            [f"Deployment failed: first: {COMMAND_FAILED}\nError: second: {COMMAND_FAILED}\nError: x"],
            id="twice",
        ),
        pytest.param([f"Deployment failed: {COMMAND_FAILED}\r\nError: x\r\n"], id="with-carriage-returns"),
        pytest.param([RETRY, RETRY], id="in-ssh-retries-at-the-end"),
        pytest.param(
            ["Oops something is not okay, are you okay? 😢", f"{COMMAND_FAILED}\nError: x"],
            id="before-beta443",
        ),
    ],
)
def test_command_of_coolify_is_in_neither_reason_nor_visible_lines(entries: list[str | Row]) -> None:
    seen = deployment.snapshot_of(ended("failed", *entries), BASE)
    assert seen.reason
    for text in (seen.reason, *(each.text for each in seen.log or ())):
        assert SECRET not in text
        assert "docker exec" not in text


@pytest.mark.parametrize(
    "line",
    [
        entry(f"{COMMAND_FAILED}\nError: x", hidden=True),
        entry(f"{COMMAND_FAILED}\nError: x", command="cat notes"),
    ],
    ids=["hidden", "a-build-s-output"],
)
def test_command_is_kept_in_hidden_lines_and_build_output(line: Row) -> None:
    """Hidden entries are only shown on request."""
    assert [each.text for each in deployment.snapshot_of(ended("failed", line), BASE).log or ()] == [
        line["output"]
    ]


@pytest.mark.parametrize("count", [3, 3000])
def test_reason_with_many_commands_contains_none(count: int) -> None:
    reason = failure_reason("Deployment failed: " + f"{COMMAND_FAILED}\nError: " * count + "the end")
    assert SECRET not in reason
    assert reason.startswith("exit code 1: ")


def test_reason_with_many_lines_and_an_open_quote_is_found_fast() -> None:
    reason = failure_reason(
        "Deployment failed: Command execution failed (exit code 1): echo '" + "\nError: x" * 20_000
    )
    assert reason == "exit code 1: x"


def test_ssh_retries_are_not_the_reason() -> None:
    assert (
        failure_reason(RETRY, RETRY, "Deployment failed: ssh: Connection refused")
        == "ssh: Connection refused"
    )
    assert deployment.snapshot_of(finished(RETRY), BASE).reason == ""


def test_ruler_in_a_container_log_does_not_truncate_it() -> None:
    log: list[str | Row] = [
        UNHEALTHY,
        RULER,
        "Container logs:",
        *(entry(text, command="docker logs x") for text in (RULER, "EADDRINUSE")),
        RULER,
        "Removing",
    ]
    assert "EADDRINUSE" in failure_reason(*log)
