"""Two of our files that are one and the same: a mistake, under both names, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.main import GROUPS
from deployer.settings import find_clashes, look_up
from deployer.simulator import simulating
from tests.process.program import github, gitlab, login, running


def clashes(
    environ: Mapping[str, str], of_ci: Mapping[str, str] | None = None, default_output: str = ""
) -> list[tuple[str, str]]:
    """The names of each pair."""
    given = look_up(GROUPS, environ)
    find_clashes(given, environ, of_ci or {}, default_output)
    sentences = [mistake.partition(" name the same file. Change one of them") for mistake in given.mistakes]
    return [
        (first, second)
        for names, found, _ in sentences
        if found
        for first, _, second in [names.partition(" and ")]
    ]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").write_text("DEPLOYED=1\n")
    Path("hard").hardlink_to("there")
    Path("soft").symlink_to("there")
    Path("to-nothing").symlink_to("missing")
    Path("folder").mkdir()
    Path("way").symlink_to("folder")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("there", "there", id="one-name"),
        pytest.param("missing", "missing", id="one-name-of-nothing-yet"),
        pytest.param("there", "./folder/../there", id="another-way-there"),
        pytest.param("missing", "folder/../missing", id="another-way-to-nothing-yet"),
        pytest.param("there", "hard", id="a-hard-link"),
        pytest.param("soft", "there", id="a-symbolic-link"),
        pytest.param("hard", "soft", id="both"),
        pytest.param("to-nothing", "missing", id="a-symbolic-link-to-nothing-yet"),
        pytest.param("way/new", "folder/new", id="through-a-linked-folder"),
    ],
)
def test_one_file_under_two_names_is_a_mistake(one: str, other: str) -> None:
    for first, second in ((one, other), (other, str(Path(one).absolute()))):
        assert clashes({"DEPLOYER_RESULT_FILE": first, "DEPLOYER_LOG_FILE": second}) == [
            ("DEPLOYER_LOG_FILE", "DEPLOYER_RESULT_FILE")
        ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("there", "missing"), ("new", "folder/new"), ("/dev/null", "/dev/null"), ("folder", "folder")],
)
def test_two_files_are_two(one: str, other: str) -> None:
    """And what is not a regular file is never written: that is told when it is opened."""
    assert clashes({"DEPLOYER_RESULT_FILE": one, "DEPLOYER_LOG_FILE": other}) == []


OUTPUT, SUMMARY = {"GITHUB_OUTPUT": "there"}, {"GITHUB_STEP_SUMMARY": "there"}


@pytest.mark.parametrize(
    ("environ", "of_ci", "names"),
    [
        pytest.param(
            {"INPUT_RESULT_FILE": "hard"}, OUTPUT, ("result_file", "GITHUB_OUTPUT"), id="result-output"
        ),
        pytest.param({"INPUT_LOG_FILE": "there"}, OUTPUT, ("log_file", "GITHUB_OUTPUT"), id="log-output"),
        pytest.param(
            {"INPUT_OUTPUT_FILE": "there"}, OUTPUT, ("output_file", "GITHUB_OUTPUT"), id="output-output"
        ),
        pytest.param(
            {"INPUT_LOG_FILE": "there"}, SUMMARY, ("log_file", "GITHUB_STEP_SUMMARY"), id="log-summary"
        ),
        pytest.param(
            {"INPUT_OUTPUT_FILE": "a", "INPUT_RESULT_FILE": "a"},
            {},
            ("result_file", "output_file"),
            id="result-dotenv",
        ),
        pytest.param(
            {"INPUT_ENV_FILE": "there", "INPUT_LOG_FILE": "there"},
            {},
            ("log_file", "env_file"),
            id="log-env-file",
        ),
        pytest.param(
            {"INPUT_CA_CERT": "there", "INPUT_RESULT_FILE": "there"},
            {},
            ("result_file", "ca_cert"),
            id="result-ca",
        ),
        pytest.param(
            {"COOLIFY_TOKEN_FILE": "there", "INPUT_OUTPUT_FILE": "there"},
            {},
            ("output_file", "COOLIFY_TOKEN_FILE"),
            id="dotenv-token",
        ),
        pytest.param({}, OUTPUT | SUMMARY, ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"), id="the-system-s-own"),
    ],
)
def test_no_file_of_ours_is_another_one(
    environ: dict[str, str], of_ci: dict[str, str], names: tuple[str, str]
) -> None:
    assert clashes(environ, of_ci) == [names]


def test_the_default_output_file_counts_too() -> None:
    default = "deployer.env (the default of DEPLOYER_OUTPUT_FILE)"
    assert clashes({"DEPLOYER_LOG_FILE": "deployer.env"}, default_output="deployer.env") == [
        ("DEPLOYER_LOG_FILE", default)
    ]
    assert (
        clashes(
            {"DEPLOYER_LOG_FILE": "deployer.env", "DEPLOYER_OUTPUT_FILE": "a"}, default_output="deployer.env"
        )
        == []
    )


def test_a_summary_that_is_not_written_is_no_file_of_ours() -> None:
    assert clashes({"INPUT_LOG_FILE": "there", "INPUT_SUMMARY": "False"}, SUMMARY) == []


def test_two_that_are_only_read_may_be_one() -> None:
    assert (
        clashes(
            {"COOLIFY_TOKEN_FILE": "there", "COOLIFY_READ_TOKEN_FILE": "there", "INPUT_ENV_FILE": "there"}
        )
        == []
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program runs: empty."""
    work = tmp_path / "work"
    work.mkdir()
    return work


@pytest.mark.parametrize(
    "more", [{}, {"INPUT_WAIT": "perhaps"}, {"INPUT_ON_MISSING_SECRET": "skip", "COOLIFY_TOKEN": ""}]
)
def test_what_others_wrote_is_still_there_when_the_run_is_refused(more: dict[str, str], folder: Path) -> None:
    (folder / "output").write_text("before=1\n")
    environ = github(
        folder, INPUT_RESULT_FILE="output", INPUT_OUTPUT_FILE="./output", INPUT_LOG_FILE="output"
    )
    with simulating("success", speed=1.0) as session:
        with running(folder, {**login(session, folder), **environ, **more}) as program:
            ended = program.end()
        assert not session.journal
    skipped = "INPUT_ON_MISSING_SECRET" in more
    assert (ended.code, ended.outputs["status"], ended.outputs["before"]) == (
        (0, "skipped", "1") if skipped else (2, "refused", "1")
    )
    clashing = [error for error in ended.annotations("error") if "name the same file" in error]
    assert len(clashing) == (0 if skipped else 3)


def test_an_output_file_that_is_the_log_is_a_mistake_on_gitlab_too(folder: Path) -> None:
    with (
        simulating("success", speed=1.0) as session,
        running(
            folder, {**login(session, folder), **gitlab(folder, DEPLOYER_LOG_FILE="deployer.env")}
        ) as program,
    ):
        ended = program.end()
    assert (ended.code, ended.outputs["status"]) == (2, "refused")
    assert [path.name for path in folder.iterdir()] == ["deployer.env"]
