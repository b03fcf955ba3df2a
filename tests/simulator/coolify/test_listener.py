"""Connections of the simulated Coolify, its journal, and `python -m deployer.simulator`."""

import http.client
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.simulator.coolify.client import NAME, REPLIES, V1, Client, connected_client


def test_one_connection_serves_many_requests() -> None:
    with connected_client("success") as (_, client):
        client.send("GET", f"{V1}/version")
        connection = client.connection
        assert connection is not None
        kept = connection.sock
        for path in ("/nope", "/health", "/deployments"):
            client.send("GET", V1 + path)
        assert connection.sock is kept


def test_connection_close_is_respected() -> None:
    with connected_client("success") as (_, client):
        assert client.send("GET", f"{V1}/version", Connection="close")["connection"] == "close"


def test_disconnecting_clients_write_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with connected_client("huge") as (session, client):
        uuid = client.start_deployment()
        client.poll(uuid)
        host, _, port = session.url.partition("//")[2].partition(":")
        head = (
            "Host: x\r\nAccept: application/json\r\nAuthorization: Bearer "
            f"{session.token}\r\nUser-Agent: {NAME}\r\n\r\n"
        )
        for sent in (
            f"GET {V1}/deployments/{uuid} HTTP/1.1\r\n{head}",
            "GET / HTTP/1.1\r\nHost",
            "nonsense\r\n\r\n",
            "",
        ):
            with socket.create_connection((host, int(port)), 5) as raw:
                raw.sendall(sent.encode())
                if sent.startswith(f"GET {V1}"):
                    raw.recv(10)
        assert client.send("GET", f"{V1}/version").status == 200
    assert capfd.readouterr() == ("", "")


def test_hanging_request_ends_with_the_session() -> None:
    ended: list[str] = []
    with connected_client("hang") as (session, client):
        uuid = client.start_deployment()
        client.poll(uuid)
        client.poll(uuid)

        def third_client() -> None:
            try:
                client.poll(uuid)
            except (OSError, http.client.HTTPException) as end:
                ended.append(type(end).__name__)

        thread = threading.Thread(target=third_client)
        thread.start()
        while len(session.journal) < 4:
            time.sleep(0.01)
        other = Client(session)
        assert other.poll(uuid).status == 200
        other.close()
        closing = time.monotonic()
    thread.join(5)
    assert ended
    assert time.monotonic() - closing < 1


def test_journal_contains_every_request_in_order() -> None:
    with connected_client("success", 100) as (session, client):
        client.deploy()
        time.sleep(0.05)
        client.send("GET", f"{V1}/nope?a=1&a=", body=b"x", X_Other="1")
        first, second = session.journal
    assert (first.method, first.path, first.query, first.status) == (
        "POST",
        f"{V1}/deploy",
        {"uuid": [session.uuids[0]]},
        200,
    )
    assert (second.query, second.body, second.headers["x-other"], second.status) == (
        {"a": ["1", ""]},
        b"x",
        "1",
        404,
    )
    assert second.at - first.at > 4


def test_program_serves_until_it_is_interrupted() -> None:
    command = [
        sys.executable,
        "-m",
        "deployer.simulator",
        "--port",
        "0",
        "--scenario",
        "build-failure",
        "--speed",
        "9",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPLIES.parents[3]
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        process.terminate()
        try:
            remaining, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, remaining, errors) == (0, "", "")
    assert lines[0].startswith("build-failure: ")
    assert lines[1].startswith("COOLIFY_URL=http://127.0.0.1:")
    assert lines[4].startswith("curl -X POST ")


@pytest.mark.parametrize(("version", "status"), [("4.1.2", 500), ("4.2.0", 405)])
def test_fault_of_an_action_also_applies_to_get(version: str, status: int) -> None:
    with connected_client("server-error", version=version) as (session, client):
        assert client.send("GET", f"{V1}/deploy?uuid={session.uuids[0]}").status == status
        assert client.send("POST", f"{V1}/deploy?uuid={session.uuids[0]}").status == 500
        assert session.deployments() == []
