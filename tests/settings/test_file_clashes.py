"""Two file inputs with the same file are a mistake, reported before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.main import GROUPS
from deployer.settings import find_clashes, look_up
from deployer.simulator import simulating
from tests.process.program import github, gitlab, login, running


def clashes(
    environ: Mapping[str, str], ci_files: Mapping[str, str] | None = None, default_output: str = ""
) -> list[tuple[str, str]]:
    """Return the names of each pair of inputs with the same file."""
    raw = look_up(GROUPS, environ)
    find_clashes(raw, environ, ci_files or {}, default_output)
    sentences = [mistake.partition(" name the same file. Change one of them") for mistake in raw.mistakes]
    return [
        (first, second)
        for names, raw_inputs, _ in sentences
        if raw_inputs
        for first, _, second in [names.partition(" and ")]
    ]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("existing").write_text("DEPLOYED=1\n")
    Path("hard").hardlink_to("existing")
    Path("soft").symlink_to("existing")
    Path("to-nothing").symlink_to("missing")
    Path("folder").mkdir()
    Path("linked-folder").symlink_to("folder")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("existing", "existing", id="same-name"),
        pytest.param("missing", "missing", id="same-name-of-a-missing-file"),
        pytest.param("existing", "./folder/../existing", id="other-path"),
        pytest.param("missing", "folder/../missing", id="other-path-of-a-missing-file"),
        pytest.param("existing", "hard", id="hard-link"),
        pytest.param("soft", "existing", id="symbolic-link"),
        pytest.param("hard", "soft", id="hard-and-symbolic-link"),
        pytest.param("to-nothing", "missing", id="symbolic-link-to-a-missing-file"),
        pytest.param("linked-folder/new", "folder/new", id="linked-folder"),
    ],
)
def test_the_same_file_by_two_names_is_a_mistake(one: str, other: str) -> None:
    for first, second in ((one, other), (other, str(Path(one).absolute()))):
        assert clashes({"DEPLOYER_RESULT_FILE": first, "DEPLOYER_LOG_FILE": second}) == [
            ("DEPLOYER_LOG_FILE", "DEPLOYER_RESULT_FILE")
        ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("existing", "missing"), ("new", "folder/new"), ("/dev/null", "/dev/null"), ("folder", "folder")],
)
def test_different_files_are_accepted(one: str, other: str) -> None:
    """Files that are not regular are never written; that is reported when they are opened."""
    assert clashes({"DEPLOYER_RESULT_FILE": one, "DEPLOYER_LOG_FILE": other}) == []


OUTPUT, SUMMARY = {"GITHUB_OUTPUT": "existing"}, {"GITHUB_STEP_SUMMARY": "existing"}


@pytest.mark.parametrize(
    ("environ", "ci_files", "names"),
    [
        pytest.param(
            {"INPUT_RESULT_FILE": "hard"}, OUTPUT, ("result_file", "GITHUB_OUTPUT"), id="result-output"
        ),
        pytest.param({"INPUT_LOG_FILE": "existing"}, OUTPUT, ("log_file", "GITHUB_OUTPUT"), id="log-output"),
        pytest.param(
            {"INPUT_OUTPUT_FILE": "existing"}, OUTPUT, ("output_file", "GITHUB_OUTPUT"), id="output-output"
        ),
        pytest.param(
            {"INPUT_LOG_FILE": "existing"}, SUMMARY, ("log_file", "GITHUB_STEP_SUMMARY"), id="log-summary"
        ),
        pytest.param(
            {"INPUT_OUTPUT_FILE": "a", "INPUT_RESULT_FILE": "a"},
            {},
            ("result_file", "output_file"),
            id="result-dotenv",
        ),
        pytest.param(
            {"INPUT_ENV_FILE": "existing", "INPUT_LOG_FILE": "existing"},
            {},
            ("log_file", "env_file"),
            id="log-env-file",
        ),
        pytest.param(
            {"INPUT_CA_CERT": "existing", "INPUT_RESULT_FILE": "existing"},
            {},
            ("result_file", "ca_cert"),
            id="result-ca",
        ),
        pytest.param(
            {"COOLIFY_TOKEN_FILE": "existing", "INPUT_OUTPUT_FILE": "existing"},
            {},
            ("output_file", "COOLIFY_TOKEN_FILE"),
            id="dotenv-token",
        ),
        pytest.param({}, OUTPUT | SUMMARY, ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"), id="both-ci-files"),
    ],
)
def test_the_same_file_for_two_purposes_is_a_mistake(
    environ: dict[str, str], ci_files: dict[str, str], names: tuple[str, str]
) -> None:
    assert clashes(environ, ci_files) == [names]


def test_the_default_output_file_is_checked() -> None:
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


def test_a_disabled_summary_is_not_checked() -> None:
    assert clashes({"INPUT_LOG_FILE": "existing", "INPUT_SUMMARY": "False"}, SUMMARY) == []


def test_input_files_may_be_the_same() -> None:
    assert (
        clashes(
            {
                "COOLIFY_TOKEN_FILE": "existing",
                "COOLIFY_READ_TOKEN_FILE": "existing",
                "INPUT_ENV_FILE": "existing",
            }
        )
        == []
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The empty folder in which the program runs."""
    work = tmp_path / "work"
    work.mkdir()
    return work


@pytest.mark.parametrize(
    "extra", [{}, {"INPUT_WAIT": "perhaps"}, {"INPUT_ON_MISSING_SECRET": "skip", "COOLIFY_TOKEN": ""}]
)
def test_existing_content_is_kept_when_the_run_is_refused(extra: dict[str, str], folder: Path) -> None:
    (folder / "output").write_text("before=1\n")
    environ = github(
        folder, INPUT_RESULT_FILE="output", INPUT_OUTPUT_FILE="./output", INPUT_LOG_FILE="output"
    )
    with simulating("success", speed=1.0) as session:
        with running(folder, {**login(session, folder), **environ, **extra}) as program:
            ended = program.end()
        assert not session.journal
    skipped = "INPUT_ON_MISSING_SECRET" in extra
    assert (ended.code, ended.outputs["status"], ended.outputs["before"]) == (
        (0, "skipped", "1") if skipped else (2, "refused", "1")
    )
    clashing = [error for error in ended.told("error") if "name the same file" in error]
    assert len(clashing) == (0 if skipped else 3)


def test_the_same_output_and_log_file_is_a_mistake_on_gitlab(folder: Path) -> None:
    with (
        simulating("success", speed=1.0) as session,
        running(
            folder, {**login(session, folder), **gitlab(folder, DEPLOYER_LOG_FILE="deployer.env")}
        ) as program,
    ):
        ended = program.end()
    assert (ended.code, ended.outputs["status"]) == (2, "refused")
    assert [path.name for path in folder.iterdir()] == ["deployer.env"]
