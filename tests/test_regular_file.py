"""Files that an input names are read only if they are regular and small, and never block."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployer import regular_file
from deployer.providers.coolify.inputs import parsers
from deployer.providers.coolify.inputs.fields import Coolify
from deployer.settings import Common
from deployer.settings import look_up as raw_inputs
from deployer.settings.certificates import MAX_BYTES as CERTIFICATES_LIMIT


@pytest.mark.parametrize("size", [0, 1, 1023, 1024])
def test_the_whole_content_is_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert regular_file.read(path, 1024) == b"x" * size


def test_a_link_to_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert regular_file.read(tmp_path / "link", 1) == b"x"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def endless(path: Path) -> None:
    path.symlink_to("/dev/urandom")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def large(path: Path) -> None:
    path.write_bytes(b"x" * 1025)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(fifo, "is not a regular file", id="fifo"),
        pytest.param(Path.mkdir, "is not a regular file", id="folder"),
        pytest.param(link_to_a_device, "is not a regular file", id="device"),
        pytest.param(endless, "is not a regular file", id="endless-device"),
        pytest.param(large, "is larger than 1 KiB", id="too-large"),
        pytest.param(sparse, "is larger than 1 KiB", id="sparse"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    make(tmp_path / "file")
    with pytest.raises(ValueError, match=message):
        regular_file.read(tmp_path / "file", 1024)


def test_a_fifo_with_a_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with ExitStack() as stack:
        for flags in (os.O_RDONLY | os.O_NONBLOCK, os.O_WRONLY | os.O_NONBLOCK):
            stack.callback(os.close, os.open(path, flags))
        with pytest.raises(ValueError, match="is not a regular file"):
            regular_file.read(path, 1024)


@pytest.mark.parametrize(
    "make", [unix_socket, lambda path: path.symlink_to(path)], ids=["socket", "link-to-itself"]
)
def test_a_file_that_cannot_be_opened_raises_oserror(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        regular_file.read(tmp_path / "file", 1024)


def test_a_file_of_unknown_size_is_read_up_to_the_limit() -> None:
    """The files of /proc have no size."""
    assert b"Name:" in regular_file.read(Path("/proc/self/status"), 65536)
    with pytest.raises(ValueError, match="is larger than 0 KiB"):
        regular_file.read(Path("/proc/self/status"), 10)


INPUTS = ("DEPLOYER_CA_CERT", "COOLIFY_TOKEN_FILE", "DEPLOYER_HEADERS_FILE", "COOLIFY_READ_TOKEN_FILE")
"""Every input that names a file to read, except `env_file` (below)."""


@pytest.mark.parametrize(
    "make", [fifo, link_to_a_device, endless, Path.mkdir], ids=["fifo", "zero", "random", "folder"]
)
@pytest.mark.parametrize("variable", INPUTS)
def test_no_input_blocks_on_its_file(tmp_path: Path, variable: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / "file")
    raw = raw_inputs((Common, Coolify), {variable: str(tmp_path / "file")})
    Common.read(raw)
    assert [each for each in raw.mistakes if each.endswith("is not a regular file")] != []


@pytest.mark.parametrize(
    "make", [fifo, link_to_a_device, endless, Path.mkdir], ids=["fifo", "zero", "random", "folder"]
)
def test_env_file_does_not_block(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "file")
    with pytest.raises(ValueError, match="is not a regular file"):
        parsers.env_file(str(tmp_path / "file"))


def test_ca_cert_is_limited_to_a_mebibyte(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"x" * (CERTIFICATES_LIMIT + 1))
    raw = raw_inputs((Common,), {"DEPLOYER_CA_CERT": str(tmp_path / "ca.pem")})
    Common.read(raw)
    assert raw.mistakes == ["DEPLOYER_CA_CERT: is larger than 1024 KiB"]
