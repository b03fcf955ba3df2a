"""What all responses of the simulated Cloud Foundry share: the order of checks, ids, limits, pages, links."""

from __future__ import annotations

import time

from tests.simulator.cloudfoundry.client import connected_client, status_and_code


def test_order_of_checks() -> None:
    with connected_client("no-droplet", logged_in=False) as client:
        assert status_and_code(client, "POST", f"{client.app}/actions/start") == (401, 10002)
        assert status_and_code(
            client, "POST", f"{client.app}/actions/start", Authorization="bearer guessed"
        ) == (
            401,
            1000,
        )
        client.login()
        assert status_and_code(client, "POST", "/v3/apps/nobodys/actions/start") == (404, 10010)
        assert status_and_code(client, "POST", f"{client.app}/actions/start") == (422, 10008)
        assert status_and_code(client, "GET", "/v3/nothing") == (404, 10000)
        assert status_and_code(client, "GET", "/v3/apps?name=web") == (400, 10005)


def test_response_contains_the_request_id_and_the_rate_limit() -> None:
    with connected_client("success") as client:
        reply = client.send("GET", "/v3/apps", X_Request_Id="mine")
        assert reply.headers["x-vcap-request-id"].startswith("mine::")
        assert int(reply.headers["x-ratelimit-remaining"]) % 2000 == 0
        assert int(reply.headers["x-ratelimit-reset"]) > time.time()


def test_rate_limit_error_is_json_with_a_text_content_type() -> None:
    with connected_client("limited") as client:
        client.send("POST", f"{client.app}/actions/start")
        client.states()
        [process] = client.get(f"{client.app}/processes")["resources"]
        reply = client.send("GET", f"/v3/processes/{process['guid']}/stats")
        assert (reply.status, reply.code, reply.headers["content-type"]) == (
            429,
            10013,
            "text/plain; charset=utf-8",
        )
        assert int(reply.headers["retry-after"]) == 30
        assert 0 < int(reply.headers["x-ratelimit-reset"]) - time.time() <= 31


def test_lists_have_pages() -> None:
    with connected_client("paged") as client:
        first = client.get("/v3/apps", space_guids="2f35885d-0c9d-4423-83ad-fd05066f8576", per_page="50")
        assert (
            len(first["resources"]),
            first["pagination"]["total_pages"],
            first["pagination"]["previous"],
        ) == (2, 3, None)
        names, page = [row["name"] for row in first["resources"]], first
        while next_page := page["pagination"]["next"]:
            page = client.get(next_page["href"].removeprefix(client.session.url))
            names += [row["name"] for row in page["resources"]]
        assert names == [f"web-{number}" for number in range(5)]


def test_comma_in_a_name_is_encoded_twice_and_case_is_ignored() -> None:
    with connected_client("success") as client:
        assert len(client.get("/v3/apps?names=x%252Cy,WEB")["resources"]) == 1
        assert client.get("/v3/apps?names=web%252Cx")["resources"] == []


def test_root_links_to_separate_servers_and_may_lack_one() -> None:
    with connected_client("success") as client:
        servers = {client.session.url, client.links["login"]["href"], client.links["log_cache"]["href"]}
        assert len(servers) == 3
    with connected_client("no-logs") as client:
        assert client.links["log_cache"] is None
    with connected_client("korifi", logged_in=False) as client:
        body = client.get("/")
        assert (body["cf_on_k8s"], body["links"]["uaa"]) == (True, None)


def test_unknown_path_gets_a_response_of_the_router() -> None:
    with connected_client("success") as client:
        reply = client.send("GET", "/v3/apps", at=client.links["login"]["href"])
        assert (reply.status, reply.headers["x-cf-routererror"]) == (404, "unknown_route")
