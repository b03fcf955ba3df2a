"""The two hooks into urllib3 and http.client: that they are still called, and that they bound every read."""

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
from tests.http.servers import CERTIFICATE, KEY, Server, raw, response, with_interim_responses


@pytest.fixture(name="tls", scope="module")
def _tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    folder = tmp_path_factory.mktemp("tls")
    (folder / "both.pem").write_text(KEY + CERTIFICATE)
    (folder / "ca.pem").write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context, str(folder / "ca.pem")


class CountingAdapter(BoundedAdapter):
    """Its time is over after so many readings of the clock."""

    def __init__(self, readings: float) -> None:
        self.count = 0
        self.readings = readings
        super().__init__(self.time_left)

    def time_left(self) -> float:
        self.count += 1
        return 5.0 if self.count <= self.readings else 0.0


def session(adapter: BoundedAdapter, proxy: str = "", verify: str = "") -> requests.Session:
    created = requests.Session()
    created.trust_env = False
    created.mount("http://", adapter)
    created.mount("https://", adapter)
    created.proxies = {"http": proxy, "https": proxy} if proxy else {}
    created.verify = verify or True
    return created


def test_the_hooks_are_used_by_every_pool_and_every_response(
    serve: Callable[..., Server],
) -> None:
    """If this fails, a slow response can block a run forever, although no other test may notice."""
    server = serve(response())
    adapter = CountingAdapter(99)
    with session(adapter) as one:
        one.get(server.url, stream=True).close()
        pools: Any = adapter.poolmanager.pools
        (first,) = (pools[key].ConnectionCls for key in pools.keys())  # noqa: SIM118 -- it has no other way
        one.get(server.url, stream=True).close()
        (again,) = (pools[key].ConnectionCls for key in pools.keys())  # noqa: SIM118
    assert adapter.count > 0
    assert first.response_class.func is BoundedResponse
    assert again is first  # not wrapped again for each request
    assert issubclass(first, HTTPConnection)


def tunnel(connection: socket.socket, to: int) -> None:
    """Act as a proxy that sends an interim response to `CONNECT` before its own, and forwards bytes."""
    connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Connected\r\n\r\n")
    with socket.create_connection(("127.0.0.1", to), timeout=5) as upstream:
        backward = threading.Thread(target=_pump, args=(upstream, connection))
        backward.start()
        _pump(connection, upstream)
        backward.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.mark.parametrize("route", ["plain", "tls", "proxy", "tunnel"])
@pytest.mark.parametrize("readings", [99, 0])
def test_every_route_to_a_server_is_bounded(
    serve: Callable[..., Server], tls: tuple[ssl.SSLContext, str], route: str, readings: int
) -> None:
    context, ca = tls
    server = serve(with_interim_responses(response(b"[1]")), context if route in {"tls", "tunnel"} else None)
    proxy = serve(
        with_interim_responses(response(b"[1]"))
        if route == "proxy"
        else lambda connection: tunnel(connection, server.port)
    )
    adapter = CountingAdapter(readings)
    with session(adapter, proxy.url if route in {"proxy", "tunnel"} else "", ca) as one:
        if readings:
            assert one.get(server.url).json() == [1]
        else:
            with pytest.raises(requests.ReadTimeout):
                one.get(server.url)
    assert adapter.count > 0


def test_the_response_of_a_proxy_to_connect_is_bounded(serve: Callable[..., Server]) -> None:
    """One reading for the whole head, one for the rest that never comes."""
    proxy = serve(raw(b"HTTP/1.1 200 Connected\r\nX-A: b\r\n"))
    adapter = CountingAdapter(1)
    with session(adapter, proxy.url) as one, pytest.raises(requests.ReadTimeout):
        one.get("https://127.0.0.1:9/")
    assert adapter.count == 2


def test_data_after_the_end_of_the_time_is_not_read() -> None:
    near_end, far_end = socket.socketpair()
    with near_end, far_end:
        far_end.sendall(b"x")
        with BoundedReader(near_end, lambda: 0.0) as reader, pytest.raises(TimeoutError):
            reader.read(1)
        with BoundedReader(near_end, lambda: 1.0) as reader:
            assert reader.read(1) == b"x"


@pytest.mark.parametrize(
    ("socket_timeout", "time_left", "timeout"), [(None, 2.0, 2.0), (3.0, 2.0, 2.0), (1.0, 2.0, 1.0)]
)
def test_each_read_has_the_socket_s_timeout_but_not_beyond_the_end(
    socket_timeout: float | None, time_left: float, timeout: float
) -> None:
    near_end, far_end = socket.socketpair()
    with near_end, far_end:
        near_end.settimeout(socket_timeout)
        far_end.sendall(b"xy")
        with BoundedReader(near_end, lambda: time_left) as reader:
            reader.read(1)
            assert near_end.gettimeout() == timeout
            reader.read(1)
            assert near_end.gettimeout() == timeout
