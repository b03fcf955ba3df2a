"""What every answer of the simulated Cloud Foundry has: the order of checks, ids, limits, pages, links."""

from __future__ import annotations

import time

from tests.simulator.cloudfoundry.client import reply_of, visiting


def test_the_order_of_checks_is_the_servers_own() -> None:
    with visiting("no-droplet", logged_in=False) as client:
        assert reply_of(client, "POST", f"{client.app}/actions/start") == (401, 10002)
        assert reply_of(client, "POST", f"{client.app}/actions/start", Authorization="bearer guessed") == (
            401,
            1000,
        )
        client.login()
        assert reply_of(client, "POST", "/v3/apps/nobodys/actions/start") == (404, 10010)
        assert reply_of(client, "POST", f"{client.app}/actions/start") == (422, 10008)
        assert reply_of(client, "GET", "/v3/nothing") == (404, 10000)
        assert reply_of(client, "GET", "/v3/apps?name=web") == (400, 10005)


def test_an_answer_repeats_the_requests_own_id_and_counts() -> None:
    with visiting("success") as client:
        reply = client.ask("GET", "/v3/apps", X_Request_Id="mine")
        assert reply.headers["x-vcap-request-id"].startswith("mine::")
        assert int(reply.headers["x-ratelimit-remaining"]) % 2000 == 0
        assert int(reply.headers["x-ratelimit-reset"]) > time.time()


def test_too_many_requests_are_told_in_json_that_is_called_text() -> None:
    with visiting("limited") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.states()
        [process] = client.get(f"{client.app}/processes")["resources"]
        reply = client.ask("GET", f"/v3/processes/{process['guid']}/stats")
        assert (reply.status, reply.code, reply.headers["content-type"]) == (
            429,
            10013,
            "text/plain; charset=utf-8",
        )
        assert int(reply.headers["retry-after"]) == 30
        assert 0 < int(reply.headers["x-ratelimit-reset"]) - time.time() <= 31


def test_lists_are_turned_page_by_page() -> None:
    with visiting("paged") as client:
        first = client.get("/v3/apps", space_guids="2f35885d-0c9d-4423-83ad-fd05066f8576", per_page="50")
        assert (
            len(first["resources"]),
            first["pagination"]["total_pages"],
            first["pagination"]["previous"],
        ) == (2, 3, None)
        names, page = [row["name"] for row in first["resources"]], first
        while following := page["pagination"]["next"]:
            page = client.get(following["href"].removeprefix(client.stage.url))
            names += [row["name"] for row in page["resources"]]
        assert names == [f"web-{number}" for number in range(5)]


def test_a_comma_in_a_name_comes_encoded_twice_and_case_does_not_matter() -> None:
    with visiting("success") as client:
        assert len(client.get("/v3/apps?names=x%252Cy,WEB")["resources"]) == 1
        assert client.get("/v3/apps?names=web%252Cx")["resources"] == []


def test_the_discovery_leads_to_servers_of_their_own_and_may_lack_one() -> None:
    with visiting("success") as client:
        places = {client.stage.url, client.links["login"]["href"], client.links["log_cache"]["href"]}
        assert len(places) == 3
    with visiting("no-logs") as client:
        assert client.links["log_cache"] is None
    with visiting("korifi", logged_in=False) as client:
        body = client.get("/")
        assert (body["cf_on_k8s"], body["links"]["uaa"]) == (True, None)


def test_where_nothing_is_the_router_answers() -> None:
    with visiting("success") as client:
        reply = client.ask("GET", "/v3/apps", at=client.links["login"]["href"])
        assert (reply.status, reply.headers["x-cf-routererror"]) == (404, "unknown_route")
