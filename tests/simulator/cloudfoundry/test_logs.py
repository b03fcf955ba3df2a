"""The simulated log-cache."""

from __future__ import annotations

import time

from tests.simulator.cloudfoundry.client import connected_client, log_lines


def test_log_can_be_read_by_time_in_both_directions() -> None:
    with connected_client("success") as client:
        client.send("POST", f"{client.app}/actions/start")
        client.session.skip(20)
        all_lines = log_lines(client)
        assert [source for source, _ in all_lines] == ["API", "CELL", "CELL", "APP/PROC/WEB", "APP/PROC/WEB"]
        assert log_lines(client, descending="true", limit="2") == [all_lines[4], all_lines[3]]
        assert log_lines(client, limit="2") == all_lines[:2]
        assert log_lines(client, start_time=str(int((time.time() + 3) * 1e9))) == all_lines[3:]
        assert log_lines(client, end_time=str(int((time.time() - 3) * 1e9))) == []


def test_log_without_permission_is_an_empty_404() -> None:
    with connected_client("success") as client:
        address = client.links["log_cache"]["href"]
        for path, token in (
            (client.session.guids[0], "bearer guessed"),
            ("nobodys", f"bearer {client.token}"),
        ):
            reply = client.send("GET", f"/api/v1/read/{path}", at=address, Authorization=token)
            assert (reply.status, reply.raw) == (404, b"")


def test_line_may_arrive_late() -> None:
    with connected_client("late-logs") as client:
        client.send("POST", f"{client.app}/actions/start")
        client.session.skip(7.5)
        assert ("APP/PROC/WEB", "Listening on 0.0.0.0:8080") in log_lines(client)
        assert ("APP/PROC/WEB", "second in the list") not in log_lines(client)
        client.session.skip(2)
        assert [text for source, text in log_lines(client) if source == "APP/PROC/WEB"] == [
            "second in the list",
            "Listening on 0.0.0.0:8080",
        ]
