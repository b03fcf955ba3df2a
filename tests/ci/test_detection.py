"""Which CI system a job runs in, and what the system knows of the job."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.ci import NAMES, SYSTEMS, detect
from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.plain import Plain
from tests.ci.decoders import Job


@pytest.mark.parametrize(
    ("environ", "name", "system"),
    [
        pytest.param({}, "", Plain, id="no-variables"),
        pytest.param({"CI": "true"}, "", Plain, id="ci-variable-alone"),
        pytest.param({"GITHUB_ACTIONS": "true", "CI": "true"}, "", GitHub, id="github"),
        pytest.param({"GITHUB_ACTIONS": "false"}, "", Plain, id="value-false"),
        pytest.param(
            {"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, "", Plain, id="gitea-is-not-github"
        ),
        pytest.param(
            {"GITHUB_ACTIONS": "true", "FORGEJO_ACTIONS": "true"}, "", Plain, id="forgejo-is-not-github"
        ),
        pytest.param({"GITLAB_CI": "true", "CI": "true"}, "", GitLab, id="gitlab"),
        pytest.param({}, "github", GitHub, id="name-given"),
        pytest.param({"GITHUB_ACTIONS": "true"}, "plain", Plain, id="name-overrides-detection"),
        pytest.param({"GITHUB_ACTIONS": "true"}, " GitLab ", GitLab, id="name-in-other-case"),
        pytest.param({"GITLAB_CI": "true"}, "gtilab", GitLab, id="unknown-name-falls-back"),
    ],
)
def test_the_system_is_detected(environ: dict[str, str], name: str, system: type[CI]) -> None:
    assert detect(environ, name) is system


def test_names_are_unique_and_plain_is_the_last() -> None:
    assert NAMES == ("github", "gitlab", "plain")


def test_the_constants_of_each_system() -> None:
    assert {
        system.name: (system.input_prefix, system.output_file, system.log_limit) for system in SYSTEMS
    } == {
        "github": ("INPUT_", "", None),
        "gitlab": ("", "deployer.env", 4194304),
        "plain": ("", "", None),
    }


SHA, HEAD = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("system", "environ", "commit"),
    [
        pytest.param(GitHub, {"GITHUB_SHA": SHA, "GITHUB_EVENT_NAME": "push"}, SHA, id="github-push"),
        pytest.param(GitHub, {}, "", id="github-unknown"),
        pytest.param(
            GitHub,
            {"GITHUB_SHA": SHA, "GITHUB_EVENT_NAME": "pull_request"},
            "",
            id="github-merge-commit-is-ignored",
        ),
        pytest.param(GitLab, {"CI_COMMIT_SHA": SHA}, SHA, id="gitlab"),
        pytest.param(
            GitLab,
            {"CI_COMMIT_SHA": SHA, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": ""},
            SHA,
            id="gitlab-empty-is-not-merged",
        ),
        pytest.param(
            GitLab,
            {"CI_COMMIT_SHA": SHA, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD},
            HEAD,
            id="gitlab-merged-results",
        ),
        pytest.param(Plain, {"GITHUB_SHA": SHA, "CI_COMMIT_SHA": SHA}, "", id="plain-knows-none"),
    ],
)
def test_the_commit_of_the_run(
    system: type[CI], environ: dict[str, str], commit: str, start_job: Callable[..., Job]
) -> None:
    assert start_job(system, **environ).ci.commit == commit


@pytest.mark.parametrize(
    ("event", "commit"),
    [
        pytest.param(json.dumps({"pull_request": {"head": {"sha": HEAD}}}), HEAD, id="head-commit"),
        pytest.param('{"pull_request": {"head": {"sha": 7}}}', "", id="not-a-string"),
        pytest.param('{"pull_request": {"head": {"sha": "::error::x"}}}', "", id="not-a-sha"),
        pytest.param('{"pull_request": null}', "", id="null"),
        pytest.param("[]", "", id="list"),
        pytest.param("{", "", id="truncated"),
        pytest.param("[" * 100_000, "", id="too-deep"),
        pytest.param("\udcff", "", id="not-utf-8"),
    ],
)
def test_the_commit_of_a_pull_request_is_its_head(
    event: str, commit: str, start_job: Callable[..., Job], tmp_path: Path
) -> None:
    path = tmp_path / "event.json"
    path.write_text(event, "utf-8", errors="surrogateescape")
    environ = {"GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_EVENT_PATH": str(path), "GITHUB_SHA": SHA}
    assert start_job(GitHub, **environ).ci.commit == commit


@pytest.mark.parametrize(
    ("environ", "systems"),
    [
        pytest.param({}, "", id="no-variables"),
        pytest.param({"RUNNER_DEBUG": "1"}, "github gitlab plain", id="github-debug"),
        pytest.param({"DEPLOYER_DEBUG": "1"}, "github gitlab plain", id="deployer-debug"),
        pytest.param({"CI_DEBUG_TRACE": "true"}, "gitlab", id="gitlab-debug"),
        pytest.param({"RUNNER_DEBUG": "0", "CI_DEBUG_TRACE": "false"}, "", id="value-false"),
    ],
)
def test_debug_mode(environ: dict[str, str], systems: str, start_job: Callable[..., Job]) -> None:
    assert " ".join(system.name for system in SYSTEMS if start_job(system, **environ).ci.debug) == systems
