"""Connections of the simulated Coolify, its journal, and `python -m deployer.simulator`."""

import http.client
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.simulator.coolify.client import NAME, REPLIES, V1, Client, visiting


def test_one_connection_serves_many_requests() -> None:
    with visiting("success") as (_, client):
        client.ask("GET", f"{V1}/version")
        link = client.link
        assert link is not None
        held = link.sock
        for path in ("/nope", "/health", "/deployments"):
            client.ask("GET", V1 + path)
        assert link.sock is held


def test_a_request_to_close_is_obeyed() -> None:
    with visiting("success") as (_, client):
        assert client.ask("GET", f"{V1}/version", Connection="close")["connection"] == "close"


def test_clients_that_hang_up_leave_no_trace_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with visiting("huge") as (session, client):
        uuid = client.started()
        client.look(uuid)
        host, _, port = session.url.partition("//")[2].partition(":")
        head = f"Host: x\r\nAccept: application/json\r\nAuthorization: Bearer {session.token}\r\nUser-Agent: {NAME}\r\n\r\n"
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
        assert client.ask("GET", f"{V1}/version").status == 200
    assert capfd.readouterr() == ("", "")


def test_a_request_that_hangs_ends_with_the_stage() -> None:
    ended: list[str] = []
    with visiting("hang") as (session, client):
        uuid = client.started()
        client.look(uuid)
        client.look(uuid)

        def third() -> None:
            try:
                client.look(uuid)
            except (OSError, http.client.HTTPException) as end:
                ended.append(type(end).__name__)

        thread = threading.Thread(target=third)
        thread.start()
        while len(session.journal) < 4:
            time.sleep(0.01)
        other = Client(session)
        assert other.look(uuid).status == 200
        other.close()
        closing = time.monotonic()
    thread.join(5)
    assert ended
    assert time.monotonic() - closing < 1


def test_the_journal_holds_every_request_in_order() -> None:
    with visiting("success", 100) as (session, client):
        client.deploy()
        time.sleep(0.05)
        client.ask("GET", f"{V1}/nope?a=1&a=", body=b"x", X_Other="1")
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


def test_the_program_serves_until_it_is_interrupted() -> None:
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
            rest, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, rest, errors) == (0, "", "")
    assert lines[0].startswith("build-failure: ")
    assert lines[1].startswith("COOLIFY_URL=http://127.0.0.1:")
    assert lines[4].startswith("curl -X POST ")


@pytest.mark.parametrize(("version", "status"), [("4.1.2", 500), ("4.2.0", 405)])
def test_a_trouble_of_an_action_catches_a_get_where_that_acts(version: str, status: int) -> None:
    with visiting("server-error", version=version) as (session, client):
        assert client.ask("GET", f"{V1}/deploy?uuid={session.uuids[0]}").status == status
        assert client.ask("POST", f"{V1}/deploy?uuid={session.uuids[0]}").status == 500
        assert session.deployments() == []
