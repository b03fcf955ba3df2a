"""The program as a process: what surrounds it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.process.program import PROXY, QUICK, Stranger, files, github, gitlab, plain, play, running
from tests.process.scenarios import SOMEBODY, SYSTEMS, every_system
from tests.skips import needs_root

as_root = needs_root("nobody else can become somebody else")


@as_root
@every_system
def test_any_user_may_run_it(system: str, folder: Path, stranger: Stranger) -> None:
    # Relative names: pytest's own folders are closed to others.
    environ = {
        **SYSTEMS[system](folder),
        **files(),
        "GITHUB_OUTPUT": "output",
        "GITHUB_STEP_SUMMARY": "summary",
    }
    with play("success", folder, stranger, environ, speed=QUICK, before=SOMEBODY) as played:
        ended = played.end()
    assert (ended.code, ended.outputs["status"], ended.told("warning")) == (0, "finished", [])
    assert {path.stat().st_uid for path in folder.iterdir()} == {12345}


@as_root
def test_what_root_writes_belongs_to_the_folder_s_owner(folder: Path, stranger: Stranger) -> None:
    os.chown(folder, 12345, 12345)
    with play("success", folder, stranger, {**gitlab(folder), **files()}, speed=QUICK) as played:
        assert played.end().code == 0
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
def test_the_output_is_utf_8_wherever_it_runs(
    environ: dict[str, str], folder: Path, stranger: Stranger
) -> None:
    with play("success", folder, stranger, {**plain(folder), **files(), **environ}, speed=QUICK) as played:
        ended = played.end()
    assert ended.code == 0
    assert "⚠️ NIXPACKS_NODE_VERSION not set." in ended.text
    assert "⚠️ NIXPACKS_NODE_VERSION not set." in ended.read("build.log")


@pytest.mark.parametrize("environ", [{"LANG": "C"}], ids=str)
def test_a_file_is_named_as_the_user_wrote_it(
    environ: dict[str, str], folder: Path, stranger: Stranger
) -> None:
    with play(
        "success", folder, stranger, {**github(folder, INPUT_LOG_FILE="größe.log"), **environ}, speed=QUICK
    ) as played:
        ended = played.end()
    assert (ended.outputs["log_file"], (folder / "größe.log").exists()) == ("größe.log", True)


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY"])
def test_a_proxy_variable_that_is_no_address_is_no_bug_of_ours(
    name: str, folder: Path, stranger: Stranger
) -> None:
    """Whether it is a mistake or only unused is open; what is not open is 70."""
    with play(
        "bad-token", folder, stranger, github(folder, **{name: f"http://deployer:{PROXY}@[bad"}), speed=QUICK
    ) as played:
        assert played.end().code in {2, 6}


def test_a_rehearsal_goes_past_every_proxy(folder: Path, stranger: Stranger) -> None:
    proxy = f"http://deployer:{PROXY}@127.0.0.1:{stranger.port}"
    environ = {
        **plain(folder),
        "DEPLOYER_REHEARSE": "bad-token",
        "HTTP_PROXY": proxy,
        "http_proxy": proxy,
        "ALL_PROXY": proxy,
    }
    with running(folder, environ) as program:
        assert program.end().code == 2
    assert stranger.heard == []
