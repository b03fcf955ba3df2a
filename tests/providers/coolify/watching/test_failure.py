"""Coolify: why a deployment failed."""

from __future__ import annotations

import pytest

from deployer.providers.coolify.watching import deployment
from tests.providers.coolify.support import BASE, Row, body, ended, entry, finished
from tests.providers.coolify.watching.records import BROKE, GAVE_NONE, NO_LOG, RUN, SECRET, more, why

RETRY = f"SSH connection failed. Retrying... (Attempt 1/3, waiting 2s)\nError: {BROKE}\nError: ssh: Connection refused\r\n"


RULED = "----------------------------------------"


UNHEALTHY = "New container is unhealthy."


MORE = more(body("deployment_get_finished"))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        pytest.param(
            [f"Deployment failed: {BROKE}\nError: npm ERR! code 1"],
            "exit code 1: npm ERR! code 1",
            id="the-command-is-left-out",
        ),
        pytest.param(
            [f"Deployment failed: {BROKE}\nError: one\ntwo\nError: three"],
            "exit code 1: one\ntwo\nError: three",
            id="of-an-error-of-many-lines-too",
        ),
        pytest.param(
            [
                f"Deployment failed: Rolling update failed (App\\E): Failed to start container: {BROKE}\nError: no such image"
            ],
            "exit code 1: no such image",
            id="of-an-error-in-an-error-too",
        ),
        pytest.param(
            [f"Deployment failed: {BROKE}\r\nError: gone\r\n"],
            "exit code 1: gone",
            id="with-carriage-returns",
        ),
        pytest.param(
            [
                "Deployment failed: Server is not functional.",
                "Deployment failed. Removing the new version of your application.",
            ],
            "Coolify considers the server not functional. Validate it under Servers, then deploy again.\nServer is not functional.",
            id="a-sentence-of-coolify",
        ),
        pytest.param(
            [RULED, "Deployment failed: " + "\n".join(f"line {number}" for number in range(40)), RULED],
            "\n".join(f"line {number}" for number in range(25, 40)),
            id="the-last-fifteen-lines",
        ),
        pytest.param(
            [f"Deployment failed: {'x' * 500}\n{'y' * 501}\n{'z' * 9000}"],
            f"{'x' * 500}\n{'y' * 501}\n{'z' * 9000}",
            id="each-line-whole",
        ),
        pytest.param(
            [f"{'x' * 9000}", "short"],
            f"{GAVE_NONE}{'x' * 9000}\nshort",
            id="each-line-of-an-unknown-cause-whole",
        ),
        pytest.param(
            [f"Deployment failed: {BROKE}\nError: {'x' * 9000}"],
            f"exit code 1: {'x' * 9000}",
            id="with-what-stands-before-it",
        ),
        pytest.param(
            [
                UNHEALTHY,
                RULED,
                "Container logs:",
                entry("boom\nEADDRINUSE", command="docker logs x"),
                RULED,
                "Removing old containers.",
            ],
            "New container is unhealthy.\nContainer logs:\nboom\nEADDRINUSE",
            id="unhealthy-with-container-logs",
        ),
        pytest.param(
            [UNHEALTHY, RULED, "Container logs:", RULED, "Removing old containers."],
            NO_LOG,
            id="unhealthy-without-container-logs",
        ),
        pytest.param([UNHEALTHY], UNHEALTHY, id="unhealthy-and-nothing-after-it"),
        pytest.param(
            [
                UNHEALTHY,
                RULED,
                "Container logs:",
                entry("\n".join(map(str, range(100))), command="docker logs x"),
                RULED,
            ],
            "\n".join([UNHEALTHY, "Container logs:", *map(str, range(85, 100))]),
            id="unhealthy-and-talkative",
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
            [entry("hidden", hidden=True), *map(str, range(9)), RULED],
            f"Coolify reports no reason. The last lines of its log:\n4\n5\n6\n7\n8\n{MORE}",
            id="unknown-the-last-five-visible-lines",
        ),
        pytest.param([entry("hidden", hidden=True)], MORE, id="nothing-visible"),
        pytest.param([], "", id="nothing-at-all"),
        pytest.param(
            [entry("Deployment failed: Coolify was hacked", command="npm run build"), "the end"],
            "Coolify reports no reason. The last lines of its log:\nDeployment failed: Coolify was hacked\nthe end",
            id="a-build-that-speaks-as-coolify",
        ),
        pytest.param(
            [entry(UNHEALTHY, command="npm run build"), "Deployment failed: the true reason"],
            "the true reason",
            id="a-build-that-says-unhealthy",
        ),
        pytest.param(
            [
                entry("Deployment failed: hidden details", hidden=True),
                "Deployment failed: the visible reason",
            ],
            f"the visible reason\n{MORE}",
            id="what-is-hidden-is-no-reason",
        ),
    ],
)
def test_the_cause_is_told_in_the_words_of_what_broke(entries: list[str | Row], reason: str) -> None:
    assert why(*entries) == reason


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([f"Deployment failed: {BROKE}\nError: x"], id="with-its-error"),
        pytest.param([f"Deployment failed: {BROKE}\nError: "], id="with-an-empty-error"),
        pytest.param([f"Deployment failed: {BROKE}"], id="without-an-error"),
        pytest.param(
            [
                f"Deployment failed: Command execution failed (exit code 1): echo 'a\nError: b' && {RUN}\nError: x"
            ],
            id="of-many-lines",
        ),
        pytest.param([f"Deployment failed: first: {BROKE}\nError: second: {BROKE}\nError: x"], id="twice"),
        pytest.param([f"Deployment failed: {BROKE}\r\nError: x\r\n"], id="with-carriage-returns"),
        pytest.param([RETRY, RETRY], id="in-retries-of-ssh-that-are-the-last-lines"),
        pytest.param(
            ["Oops something is not okay, are you okay? 😢", f"{BROKE}\nError: x"], id="before-beta443"
        ),
    ],
)
def test_the_command_that_coolify_ran_is_in_no_cause_and_in_no_visible_line(entries: list[str | Row]) -> None:
    seen = deployment.snapshot_of(ended("failed", *entries), BASE)
    assert seen.reason
    for text in (seen.reason, *(each.text for each in seen.log or ())):
        assert SECRET not in text
        assert "docker exec" not in text


@pytest.mark.parametrize(
    "line",
    [entry(f"{BROKE}\nError: x", hidden=True), entry(f"{BROKE}\nError: x", command="cat notes")],
    ids=["hidden", "a-build-s-output"],
)
def test_a_command_is_left_where_it_is_asked_for_or_not_coolify_s(line: Row) -> None:
    """Hidden entries are only shown to who asks for them."""
    assert [each.text for each in deployment.snapshot_of(ended("failed", line), BASE).log or ()] == [
        line["output"]
    ]


@pytest.mark.parametrize("count", [3, 3000])
def test_a_cause_with_many_commands_in_it_is_told_without_one(count: int) -> None:
    reason = why("Deployment failed: " + f"{BROKE}\nError: " * count + "the end")
    assert SECRET not in reason
    assert reason.startswith("exit code 1: ")


def test_a_cause_with_many_lines_and_an_open_quote_is_found_in_no_time() -> None:
    reason = why("Deployment failed: Command execution failed (exit code 1): echo '" + "\nError: x" * 20_000)
    assert reason == "exit code 1: x"


def test_retries_of_ssh_are_not_the_cause() -> None:
    assert why(RETRY, RETRY, "Deployment failed: ssh: Connection refused") == "ssh: Connection refused"
    assert deployment.snapshot_of(finished(RETRY), BASE).reason == ""


def test_a_ruled_line_of_the_container_does_not_cut_its_log() -> None:
    log: list[str | Row] = [
        UNHEALTHY,
        RULED,
        "Container logs:",
        *(entry(text, command="docker logs x") for text in (RULED, "EADDRINUSE")),
        RULED,
        "Removing",
    ]
    assert "EADDRINUSE" in why(*log)
