"""A file that was named to us: regular, bounded, and never one that keeps the reader waiting."""

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
from deployer.settings import look_up as found
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
    ("make", "words"),
    [
        pytest.param(fifo, "is not a regular file", id="a-fifo"),
        pytest.param(Path.mkdir, "is not a regular file", id="a-folder"),
        pytest.param(link_to_a_device, "is not a regular file", id="a-device"),
        pytest.param(endless, "is not a regular file", id="an-endless-device"),
        pytest.param(large, "is larger than 1 KiB", id="too-large"),
        pytest.param(sparse, "is larger than 1 KiB", id="a-terabyte-of-nothing"),
    ],
)
def test_anything_else_is_not(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    make(tmp_path / "file")
    with pytest.raises(ValueError, match=words):
        regular_file.read(tmp_path / "file", 1024)


def test_a_fifo_that_has_a_writer_is_not_read_either(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with ExitStack() as stack:
        for flags in (os.O_RDONLY | os.O_NONBLOCK, os.O_WRONLY | os.O_NONBLOCK):
            stack.callback(os.close, os.open(path, flags))
        with pytest.raises(ValueError, match="is not a regular file"):
            regular_file.read(path, 1024)


@pytest.mark.parametrize(
    "make", [unix_socket, lambda path: path.symlink_to(path)], ids=["a-socket", "a-link-to-itself"]
)
def test_what_the_system_cannot_open_is_an_error_of_the_system(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        regular_file.read(tmp_path / "file", 1024)


def test_what_claims_to_be_empty_is_read_to_its_end_and_no_further() -> None:
    """The files of /proc have no size."""
    assert b"Name:" in regular_file.read(Path("/proc/self/status"), 65536)
    with pytest.raises(ValueError, match="is larger than 0 KiB"):
        regular_file.read(Path("/proc/self/status"), 10)


INPUTS = ("DEPLOYER_CA_CERT", "COOLIFY_TOKEN_FILE", "DEPLOYER_HEADERS_FILE", "COOLIFY_READ_TOKEN_FILE")
"""Every input that names a file to read, but for `env_file` below."""


@pytest.mark.parametrize(
    "make", [fifo, link_to_a_device, endless, Path.mkdir], ids=["fifo", "zero", "random", "folder"]
)
@pytest.mark.parametrize("variable", INPUTS)
def test_no_input_waits_for_its_file(tmp_path: Path, variable: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / "file")
    given = found((Common, Coolify), {variable: str(tmp_path / "file")})
    Common.read(given)
    assert [each for each in given.mistakes if each.endswith("is not a regular file")] != []


@pytest.mark.parametrize(
    "make", [fifo, link_to_a_device, endless, Path.mkdir], ids=["fifo", "zero", "random", "folder"]
)
def test_no_file_of_variables_is_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "file")
    with pytest.raises(ValueError, match="is not a regular file"):
        parsers.env_file(str(tmp_path / "file"))


def test_a_file_of_certificates_is_read_to_a_mebibyte(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"x" * (CERTIFICATES_LIMIT + 1))
    given = found((Common,), {"DEPLOYER_CA_CERT": str(tmp_path / "ca.pem")})
    Common.read(given)
    assert given.mistakes == ["DEPLOYER_CA_CERT: is larger than 1024 KiB"]
