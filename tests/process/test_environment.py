"""The program as a process: users, locales, proxies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.process.program import (
    FAST,
    PROXY,
    UnrelatedHost,
    github,
    gitlab,
    output_files,
    plain,
    run_against,
    running,
)
from tests.process.scenarios import AS_OTHER_USER, SYSTEMS, every_system
from tests.skips import needs_root

as_root = needs_root("only root can become another user")


@as_root
@every_system
def test_any_user_can_run_it(system: str, folder: Path, unrelated_host: UnrelatedHost) -> None:
    # Relative names: other users can't read pytest's own folders.
    environ = {
        **SYSTEMS[system](folder),
        **output_files(),
        "GITHUB_OUTPUT": "output",
        "GITHUB_STEP_SUMMARY": "summary",
    }
    with run_against("success", folder, unrelated_host, environ, speed=FAST, before=AS_OTHER_USER) as run:
        result = run.end()
    assert (result.code, result.outputs["status"], result.annotations("warning")) == (0, "finished", [])
    assert {path.stat().st_uid for path in folder.iterdir()} == {12345}


@as_root
def test_files_written_by_root_belong_to_the_owner_of_the_folder(
    folder: Path, unrelated_host: UnrelatedHost
) -> None:
    os.chown(folder, 12345, 12345)
    with run_against(
        "success", folder, unrelated_host, {**gitlab(folder), **output_files()}, speed=FAST
    ) as run:
        assert run.end().code == 0
    assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()} == {(12345, 12345)}
    assert {path.name for path in folder.iterdir()} == {"build.log", "result.json", "deployer.env"}


@pytest.mark.parametrize(
    "environ",
    [
        {"LANG": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "tr_TR.ISO-8859-9", "PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "utf-16"},
    ],
    ids=str,
)
def test_output_is_utf_8_in_every_locale(
    environ: dict[str, str], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with run_against(
        "success", folder, unrelated_host, {**plain(folder), **output_files(), **environ}, speed=FAST
    ) as run:
        result = run.end()
    assert result.code == 0
    assert "⚠️ NIXPACKS_NODE_VERSION not set." in result.text
    assert "⚠️ NIXPACKS_NODE_VERSION not set." in result.read("build.log")


@pytest.mark.parametrize("environ", [{"LANG": "C"}], ids=str)
def test_file_name_is_not_changed_by_the_locale(
    environ: dict[str, str], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with run_against(
        "success",
        folder,
        unrelated_host,
        {**github(folder, INPUT_LOG_FILE="größe.log"), **environ},
        speed=FAST,
    ) as run:
        result = run.end()
    assert (result.outputs["log_file"], (folder / "größe.log").exists()) == ("größe.log", True)


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY"])
def test_invalid_proxy_variable_is_not_an_internal_error(
    name: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    """It may be an error or unused, but never exit code 70."""
    with run_against(
        "bad-token",
        folder,
        unrelated_host,
        github(folder, **{name: f"http://deployer:{PROXY}@[bad"}),
        speed=FAST,
    ) as run:
        assert run.end().code in {2, 6}


def test_rehearsal_ignores_proxies(folder: Path, unrelated_host: UnrelatedHost) -> None:
    proxy = f"http://deployer:{PROXY}@127.0.0.1:{unrelated_host.port}"
    environ = {
        **plain(folder),
        "DEPLOYER_REHEARSE": "bad-token",
        "HTTP_PROXY": proxy,
        "http_proxy": proxy,
        "ALL_PROXY": proxy,
    }
    with running(folder, environ, fresh=True) as program:
        assert program.end().code == 2
    assert unrelated_host.received == []
