"""The two hooks into other people's code: a canary that dies where one of them is no longer called, and what they are for."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest
import requests

from deployer.http.hooks import BoundedAdapter, BoundedReader, BoundedResponse
from tests.http.servers import CERTIFICATE, KEY, Server, answer, early, raw


@pytest.fixture(name="tls", scope="module")
def _tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    folder = tmp_path_factory.mktemp("tls")
    (folder / "both.pem").write_text(KEY + CERTIFICATE)
    (folder / "ca.pem").write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context, str(folder / "ca.pem")


class Counted(BoundedAdapter):
    """Its time is over after so many readings."""

    def __init__(self, readings: float) -> None:
        self.asked = 0
        self.readings = readings
        super().__init__(self.left)

    def left(self) -> float:
        self.asked += 1
        return 5.0 if self.asked <= self.readings else 0.0


def session(adapter: BoundedAdapter, proxy: str = "", verify: str = "") -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    made.proxies = {"http": proxy, "https": proxy} if proxy else {}
    made.verify = verify or True
    return made


def test_the_first_hook_hands_out_every_pool_and_the_second_reads_every_response(
    serve: Callable[..., Server],
) -> None:
    """If this fails, an answer can hold a run for ever again, although nothing else may have noticed."""
    server = serve(answer())
    adapter = Counted(99)
    with session(adapter) as one:
        one.get(server.url, stream=True).close()
        pools: Any = adapter.poolmanager.pools
        (first,) = (pools[key].ConnectionCls for key in pools.keys())  # noqa: SIM118 -- it has no other way
        one.get(server.url, stream=True).close()
        (again,) = (pools[key].ConnectionCls for key in pools.keys())  # noqa: SIM118
    assert adapter.asked > 0
    assert first.response_class.func is BoundedResponse
    assert again is first  # not one class within another for each request
    assert issubclass(first, HTTPConnection)


def tunnel(connection: socket.socket, to: int) -> None:
    """A proxy that answers `CONNECT` with an interim response before its own, and hands bytes on."""
    connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Connected\r\n\r\n")
    with socket.create_connection(("127.0.0.1", to), timeout=5) as onward:
        back = threading.Thread(target=_pump, args=(onward, connection))
        back.start()
        _pump(connection, onward)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.mark.parametrize("way", ["plain", "tls", "proxy", "tunnel"])
@pytest.mark.parametrize("readings", [99, 0])
def test_every_way_to_a_server_is_bounded(
    serve: Callable[..., Server], tls: tuple[ssl.SSLContext, str], way: str, readings: int
) -> None:
    context, ca = tls
    server = serve(early(answer(b"[1]")), context if way in {"tls", "tunnel"} else None)
    proxy = serve(
        early(answer(b"[1]")) if way == "proxy" else lambda connection: tunnel(connection, server.port)
    )
    adapter = Counted(readings)
    with session(adapter, proxy.url if way in {"proxy", "tunnel"} else "", ca) as one:
        if readings:
            assert one.get(server.url).json() == [1]
        else:
            with pytest.raises(requests.ReadTimeout):
                one.get(server.url)
    assert adapter.asked > 0


def test_the_answer_of_a_proxy_to_connect_is_bounded(serve: Callable[..., Server]) -> None:
    """One reading for its whole head, one for the rest that never comes."""
    proxy = serve(raw(b"HTTP/1.1 200 Connected\r\nX-A: b\r\n"))
    adapter = Counted(1)
    with session(adapter, proxy.url) as one, pytest.raises(requests.ReadTimeout):
        one.get("https://127.0.0.1:9/")
    assert adapter.asked == 2


def test_what_comes_too_late_is_not_read_though_it_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        with BoundedReader(ours, lambda: 0.0) as reader, pytest.raises(TimeoutError):
            reader.read(1)
        with BoundedReader(ours, lambda: 1.0) as reader:
            assert reader.read(1) == b"x"


@pytest.mark.parametrize(("own", "left", "waits"), [(None, 2.0, 2.0), (3.0, 2.0, 2.0), (1.0, 2.0, 1.0)])
def test_each_byte_is_waited_for_as_the_socket_says_and_never_beyond_the_end(
    own: float | None, left: float, waits: float
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(own)
        theirs.sendall(b"xy")
        with BoundedReader(ours, lambda: left) as reader:
            reader.read(1)
            assert ours.gettimeout() == waits
            reader.read(1)
            assert ours.gettimeout() == waits
