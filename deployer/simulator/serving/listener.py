"""The simulators' HTTP server: reads requests, writes responses, and breaks connections on demand."""

import contextlib
import select
import socket
import struct
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Event, RLock, Thread
from time import monotonic, sleep
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from deployer.simulator.serving.exchange import Response, Then
from deployer.simulator.serving.journal import TLS, Request

HELLO = b"\x16\x03"  # the first bytes of a TLS handshake
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


class World(Protocol):
    """What a listener needs from the simulated server."""

    @property
    def lock(self) -> RLock:
        """Held while a request is handled."""

    @property
    def journal(self) -> list[Request]:
        """All requests, in order."""

    @property
    def faults(self) -> list[str]:
        """Bugs of the simulator itself."""

    def now(self) -> float:
        """Simulated seconds since the first request."""


class Listener(ThreadingHTTPServer):
    """Serves one scenario on loopback. Closing it ends every connection, including those that hang."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, world: World) -> None:
        self.world = world
        self.closing = Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Connection)

    @abstractmethod
    def respond(self, request: Request) -> tuple[Response | None, Then | None]:
        """The response, None for none, and what goes wrong with it, if anything.

        Called with the lock held.
        """

    def server_bind(self) -> None:
        """Skips the DNS lookup of HTTPServer for 127.0.0.1."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self._open.discard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is not an error. Nothing may reach stderr."""

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Accept connections while the block runs. Nothing is polled: `serve_forever` takes CPU time."""
        ending, end = socket.socketpair()
        thread = Thread(target=self._accept, args=(ending,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.close()
            thread.join()
            ending.close()
            self.hang_up()

    def _accept(self, ending: socket.socket) -> None:
        """Accept connections until the other end of `ending` is closed."""
        while ending not in select.select([self.socket, ending], [], [])[0]:
            self.handle_request()

    def hang_up(self) -> None:
        """End all connections, and wait up to two real seconds until their threads have closed them."""
        self.closing.set()
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        timeout = monotonic() + 2
        while self._open and monotonic() < timeout:
            sleep(0.005)


class Connection(BaseHTTPRequestHandler):
    """One keep-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    raw_requestline: bytes

    def parse_request(self) -> bool:
        if not self.raw_requestline.startswith(HELLO):
            return super().parse_request()
        with self.server.world.lock:
            self.server.world.journal.append(Request("", TLS, at=self.server.world.now()))
        self.close_connection = True
        return False

    def serve(self) -> None:
        """Handle one request.

        A bug of the simulator is kept in `faults`; the client only sees a closed connection.
        """
        try:
            self._serve()
        except OSError:
            self.close_connection = True
        except Exception as bug:  # noqa: BLE001
            self.server.world.faults.append(f"{self.command} {self.path}: {bug!r}")
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815

    def _serve(self) -> None:
        world, request = self.server.world, self._read()
        with world.lock:
            request.at = world.now()
            world.journal.append(request)
            response, then = self.server.respond(request)
        if response:
            self._write(response)
            return
        self.close_connection = True
        if then is Then.HANG:
            self.server.closing.wait()
        if then is Then.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.rfile.close()  # the socket is only closed, and so reset, once nothing refers to it
            self.connection.close()

    def _read(self) -> Request:
        target = self.requestline.split()[1]  # not `self.path`, which has lost a second leading slash
        url = urlsplit(f"http://simulator{target}")
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        if "transfer-encoding" in headers:  # unsupported: what follows is not read as a request
            self.close_connection = True
        return Request(self.command, url.path, parse_qs(url.query, keep_blank_values=True), headers, body)

    def _write(self, response: Response) -> None:
        chunked = any(key == "Transfer-Encoding" for key, _ in response.headers)
        body = response.body if chunked else (b"".join(response.body),)
        self.send_response_only(response.status)
        for key, value in response.headers:
            if key == "Transfer-Encoding" and self.command == "HEAD":
                continue
            self.send_header(key, "close" if key == "Connection" and self.close_connection else value)
        if not chunked:
            self.send_header("Content-Length", str(sum(map(len, body))))
        self.end_headers()
        if self.command == "HEAD":
            return
        for block in halved(body) if response.cut else body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked and block else block)
        if response.cut:
            self.close_connection = True
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")

    def send_error(self, *_args: Any, **_more: Any) -> None:
        """What can't be read as HTTP gets no response."""
        self.close_connection = True

    def log_message(self, *_args: Any) -> None:
        """Nothing is logged: the journal has every request."""


def halved(body: Iterable[bytes]) -> tuple[bytes]:
    whole = b"".join(body)
    return (whole[: len(whole) // 2],)
