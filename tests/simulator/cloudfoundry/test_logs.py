"""The simulated log-cache."""

from __future__ import annotations

import time

from tests.simulator.cloudfoundry.client import logged, visiting


def test_the_log_is_read_from_a_time_on_forwards_and_backwards() -> None:
    with visiting("success") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(20)
        every = logged(client)
        assert [source for source, _ in every] == ["API", "CELL", "CELL", "APP/PROC/WEB", "APP/PROC/WEB"]
        assert logged(client, descending="true", limit="2") == [every[4], every[3]]
        assert logged(client, limit="2") == every[:2]
        assert logged(client, start_time=str(int((time.time() + 3) * 1e9))) == every[3:]
        assert logged(client, end_time=str(int((time.time() - 3) * 1e9))) == []


def test_whoever_may_not_see_a_log_gets_a_bare_404() -> None:
    with visiting("success") as client:
        place = client.links["log_cache"]["href"]
        for path, token in ((client.stage.guids[0], "bearer guessed"), ("nobodys", f"bearer {client.token}")):
            reply = client.ask("GET", f"/api/v1/read/{path}", at=place, Authorization=token)
            assert (reply.status, reply.raw) == (404, b"")


def test_a_line_may_come_after_a_later_one() -> None:
    with visiting("late-logs") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(7.5)
        assert ("APP/PROC/WEB", "Listening on 0.0.0.0:8080") in logged(client)
        assert ("APP/PROC/WEB", "second in the list") not in logged(client)
        client.stage.skip(2)
        assert [text for source, text in logged(client) if source == "APP/PROC/WEB"] == [
            "second in the list",
            "Listening on 0.0.0.0:8080",
        ]
