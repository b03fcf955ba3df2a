"""Every scenario has a name and a summary, does what it says, and ends."""

import http.client
import json
import time
from itertools import pairwise

import pytest

from deployer import simulator
from deployer.simulator.coolify.state.conditions import act, condition
from deployer.simulator.coolify.state.deployments import DeployOptions
from tests.simulator.coolify.client import FAST, TERMINAL, V1, connected_client, follow, logs
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

ENDS = [
    # scenario, final status, whether `finished_at` is set then
    pytest.param("success", "finished", True, id="success"),
    pytest.param("build-failure", "failed", True, id="build-failure"),
    pytest.param("unhealthy", "failed", True, id="unhealthy"),
    pytest.param("cancelled", "cancelled-by-user", True, id="cancelled"),
    pytest.param("cancelled-queued", "cancelled-by-user", False, id="cancelled-queued"),
    pytest.param("slow", "finished", True, id="slow"),
    pytest.param("outage", "finished", True, id="outage"),
    pytest.param("image", "finished", True, id="image"),
    pytest.param("post-command-failed", "finished", True, id="post-command-failed"),
    pytest.param("post-command-skipped", "finished", True, id="post-command-skipped"),
    pytest.param("post-command-endless", "finished", False, id="post-command-endless"),
    pytest.param("no-logs", "finished", True, id="no-logs"),
    pytest.param("rewritten", "finished", True, id="rewritten"),
    pytest.param("hostile", "failed", True, id="hostile"),
    pytest.param("unknown-status", "finished", True, id="unknown-status"),
    pytest.param("huge", "finished", True, id="huge"),
    pytest.param("malformed", "finished", True, id="malformed"),
    pytest.param("old", "finished", False, id="old"),
    pytest.param("restarted", "failed", False, id="restarted"),
    pytest.param("late-reason", "failed", True, id="late-reason"),
    pytest.param("cancel-500", "finished", True, id="cancel-500"),
]


@pytest.mark.parametrize(("scenario", "status", "ended"), ENDS)
def test_scenario_ends_as_expected(scenario: str, status: str, *, ended: bool) -> None:
    is_slow = scenario == "slow"
    speed = 2000 if is_slow else FAST
    with connected_client(scenario, speed) as (session, client):
        records = follow(client, client.start_deployment(), speed, step=30 if is_slow else 2)
        assert (records[-1]["status"], bool(records[-1].get("finished_at"))) == (status, ended)
        assert violations(session) == []


def test_scenarios_have_a_name_and_a_summary() -> None:
    public = [
        "success", "build-failure", "unhealthy", "cancelled", "cancelled-queued", "slow", "queue-full",
        "already-queued", "bad-token", "deploy-only-token", "outage", "image", "service", "database",
        "preview", "two-servers", "crash-after-deploy", "tag", "image-update", "bad-release",
    ]  # fmt: skip
    assert list(simulator.SCENARIOS) == public == list(SCENARIOS)[: len(public)]
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.summary.endswith(".")


def test_logs_grow_entry_by_entry_and_timestamps_never_change() -> None:
    with connected_client("success", 300) as (_, client):
        records = [logs(row) for row in follow(client, client.start_deployment(), 300)]
    assert records[0] == []
    for earlier, later in pairwise(records):
        assert later[: len(earlier)] == earlier
    complete = records[-1]
    assert [entry.get("order") for entry in complete] == [None, *range(2, len(complete) + 1)]
    assert len({(entry["timestamp"], entry["output"]) for entry in complete}) == len(complete)


def test_commit_is_head_until_git_was_read() -> None:
    with connected_client("success", 300) as (_, client):
        commits = [row["commit"] for row in follow(client, client.start_deployment(), 300)]
    assert (commits[0], commits[-1]) == ("HEAD", "1111111111222222222233333333334444444444")


def test_failure_is_visible_before_its_reason() -> None:
    with connected_client("late-reason", 25) as (_, client):
        records = follow(client, client.start_deployment(), 25, step=0.5)
    without_reason = [row for row in records if row["status"] == "failed" and not row["finished_at"]]
    assert without_reason
    assert not any("Deployment failed:" in entry["output"] for entry in logs(without_reason[0]))
    assert any("Deployment failed:" in entry["output"] for entry in logs(records[-1]))


def test_post_deployment_command_runs_between_finished_and_finished_at() -> None:
    with connected_client("post-command-slow", 500) as (_, client):
        uuid = client.start_deployment()
        deadline = time.monotonic() + 160 / 500
        records = []
        while time.monotonic() < deadline:
            records.append(client.poll(uuid).body)
            time.sleep(0.004)
    assert any(row["status"] == "finished" and not row["finished_at"] for row in records)
    assert (records[-1]["status"], bool(records[-1]["finished_at"])) == ("finished", True)
    assert records[-1]["application"]["post_deployment_command"]


def test_cancelled_running_deployment_loses_an_entry_and_ends_with_another() -> None:
    with connected_client("success", 10) as (session, client):
        uuid = client.start_deployment()
        time.sleep(0.9)
        reply = client.send("POST", f"{V1}/deployments/{uuid}/cancel")
        assert reply.body["status"] == "cancelled-by-user"
        first = client.poll(uuid).body
        assert (first["status"], first["finished_at"]) == ("cancelled-by-user", None)
        assert logs(first)[-1]["output"] == "Deployment cancelled by user via API."
        last = follow(client, uuid, 10, step=0.2)[-1]
        assert last["finished_at"]
        outputs = [entry["output"] for entry in logs(last)]
        assert (
            outputs[-1] == "Deployment container not yet started. Will be cancelled when job checks status."
        )
        assert "Deployment cancelled by user via API." not in outputs
        second_cancel = client.send("POST", f"{V1}/deployments/{uuid}/cancel")
        assert (second_cancel.status, second_cancel.body["message"]) == (
            400,
            "Deployment cannot be cancelled. Current status: cancelled-by-user",
        )
        assert violations(session) == []


def test_cancelled_queued_deployment_has_one_entry_and_no_end() -> None:
    with connected_client("cancelled-queued", 100) as (_, client):
        records = follow(client, client.start_deployment(), 100)
    assert {row["status"] for row in records} == {"queued", "cancelled-by-user"}
    assert [entry["output"] for entry in logs(records[-1])] == ["Deployment cancelled by user via API."]


def test_second_deployment_waits_for_the_first() -> None:
    with connected_client("success") as (session, client):
        client.start_deployment()
        second = client.send("POST", f"{V1}/deploy?uuid={session.uuids[0]}&force=true").body["deployments"][
            0
        ]["deployment_uuid"]
        assert client.poll(second).body["status"] == "queued"
        assert client.send("GET", f"{V1}/deployments").body.keys() == {"0", "1"}
        records = follow(client, second, FAST)
        assert [row["status"] for row in records][-1] == "finished"
        assert isinstance(client.send("GET", f"{V1}/deployments").body, list)


def test_full_queue_empties_after_two_minutes() -> None:
    with connected_client("queue-full", 250) as (session, client):
        assert client.deploy().status == 429
        assert len(client.send("GET", f"{V1}/deployments").body) == 26
        phantom = client.send("POST", f"{V1}/applications/{session.uuids[0]}/start?instant_deploy=true").body[
            "deployment_uuid"
        ]
        assert client.poll(phantom).status == 404
        time.sleep(131 / 250)
        assert follow(client, client.start_deployment(), 250)[-1]["status"] == "finished"
        assert violations(session) == []


def test_already_queued_means_a_running_deployment_of_somebody_else() -> None:
    with connected_client("already-queued") as (session, client):
        item = client.deploy().body["deployments"][0]
        assert item["message"] == "Deployment already queued for this commit."
        assert client.poll(item["deployment_uuid"]).status == 404
        row = client.send("GET", f"{V1}/deployments/applications/{session.uuids[0]}?take=5").body[
            "deployments"
        ][0]
        assert (row["status"], row["is_api"]) == ("in_progress", False)
        assert follow(client, row["deployment_uuid"], FAST)[-1]["status"] == "finished"


def test_our_deployment_is_queued_after_a_cancelled_one_of_others() -> None:
    with connected_client("adopted-cancelled") as (session, client):
        client.deploy()
        other = session.deployments()[0]["deployment_uuid"]
        assert follow(client, other, FAST)[-1]["status"] == "cancelled-by-user"
        assert follow(client, client.start_deployment(), FAST)[-1]["status"] == "finished"
        assert violations(session) == []


def test_our_deployment_is_queued_after_a_phantom() -> None:
    with connected_client("adopted-gone") as (session, client):
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        assert client.send("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body == {
            "count": 0,
            "deployments": [],
        }
        assert follow(client, client.start_deployment(), FAST)[-1]["status"] == "finished"
        assert violations(session) == []


def test_two_applications_end_differently() -> None:
    with connected_client("two") as (session, client):
        final_records = [follow(client, client.start_deployment(number), FAST)[-1] for number in (0, 1)]
        assert [row["status"] for row in final_records] == ["failed", "finished"]
        assert violations(session) == []


@pytest.mark.parametrize(
    ("scenario", "rows"), [("lost-answer", 1), ("truncated", 1), ("lost-request", 0), ("hang-start", 1)]
)
def test_trigger_without_a_response_may_have_queued(scenario: str, rows: int) -> None:
    with connected_client(scenario, timeout=0.2) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            client.deploy()
        deployments = client.send("GET", f"{V1}/deployments/applications/{session.uuids[0]}?take=1").body
        assert (deployments["count"], len(session.deployments())) == (rows, rows)


@pytest.mark.parametrize(("scenario", "status"), [("vanished", 404), ("revoked", 401)])
def test_deployment_can_become_unreadable_after_10_seconds(scenario: str, status: int) -> None:
    with connected_client(scenario, 25) as (_, client):
        uuid = client.start_deployment()
        assert client.poll(uuid).status == 200
        time.sleep(0.41)
        assert client.poll(uuid).status == status


def test_ability_can_be_missing_for_one_endpoint_only() -> None:
    with connected_client("forbidden") as (_, client):
        uuid = client.start_deployment()
        assert client.poll(uuid).body == {"message": "Missing required permissions: read"}
        assert client.send("GET", f"{V1}/version").status == 200


def test_logs_are_absent_without_read_sensitive() -> None:
    with connected_client("no-logs") as (session, client):
        uuid = client.start_deployment()
        assert "logs" not in client.poll(uuid).body
        assert (
            "logs"
            not in client.send("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body[
                "deployments"
            ][0]
        )
        assert "custom_labels" not in client.send("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert "logs" in session.deployments()[0]


def test_outage_has_three_failures_and_an_end() -> None:
    statuses_seen: set[object] = set()
    with connected_client("outage", 80) as (_, client):
        uuid = client.start_deployment()
        deadline = time.monotonic() + 85 / 80
        while time.monotonic() < deadline:
            try:
                reply = client.poll(uuid)
                statuses_seen.add((reply.status, reply["content-type"]))
            except (OSError, http.client.HTTPException):
                statuses_seen.add("no response")
            time.sleep(0.02)
        assert client.poll(uuid).body["status"] == "finished"
    assert statuses_seen == {
        (200, "application/json"),
        (503, "application/json"),
        "no response",
        (404, "text/plain; charset=utf-8"),
    }


def test_huge_response_is_larger_than_64_mib() -> None:
    with connected_client("huge") as (_, client):
        uuid = client.start_deployment()
        sizes = [len(client.poll(uuid).raw) for _ in range(3)]
    assert [size > 64 << 20 for size in sizes] == [False, True, False]


def test_malformed_polls_are_malformed() -> None:
    with connected_client("malformed") as (_, client):
        uuid = client.start_deployment()
        kinds = [client.poll(uuid).body for _ in range(6)]
    assert [type(kind).__name__ for kind in kinds] == ["dict", "str", "list", "dict", "dict", "dict"]
    assert (kinds[3]["logs"], kinds[4]["status"]) == ("[{not json", 7)


def test_rate_limit_is_reached_once_by_the_trigger_and_once_by_a_poll() -> None:
    with connected_client("throttled") as (session, client):
        first = client.deploy()
        assert (first.status, first["retry-after"], first["x-ratelimit-remaining"]) == (429, "6", "0")
        uuid = client.start_deployment()
        assert [client.poll(uuid).status for _ in range(4)] == [200, 200, 429, 200]
        assert violations(session) == []


def test_rewritten_log_shrinks_and_is_complete_at_the_end() -> None:
    with connected_client("rewritten", 40) as (_, client):
        records = [logs(row) for row in follow(client, client.start_deployment(), 40, step=0.5)]
    sizes = [len(entries) for entries in records]
    assert any(later < earlier for earlier, later in pairwise(sizes))
    fingerprints = [json.dumps(entry) for entry in records[-1]]
    assert len(set(fingerprints)) == len(fingerprints)
    assert {json.dumps(entry) for entries in records for entry in entries} == set(fingerprints)


def test_hostile_text_is_sent_unchanged() -> None:
    with connected_client("hostile") as (session, client):
        uuid = client.start_deployment()
        row = follow(client, uuid, FAST)[-1]
        text = "\n".join(entry["output"] for entry in logs(row))
    text_parts = (
        "::error::",
        "::add-mask::a",
        "##[error]",
        "##vso[",
        "\x1b[0Ksection_end:1:x\r\x1b[0K",
        "\x1b]8;;",
        "\u202e",
        "\x00",
        "\ud800",
    )
    assert [text_part for text_part in text_parts if text_part not in text] == []
    assert session.token in text
    assert "\ud800" in row["application_name"]


def test_old_version_has_neither_finished_at_nor_application_in_a_record() -> None:
    with connected_client("old", 100) as (_, client):
        records = follow(client, client.start_deployment(), 100)
    assert {row["status"] for row in records} == {"queued", "in_progress", "finished"}
    assert not records[-1].keys() & {"finished_at", "application"}
    assert "production" in records[-1]["deployment_url"]


def test_unknown_status_is_temporary() -> None:
    with connected_client("unknown-status", 100) as (_, client):
        statuses = [row["status"] for row in follow(client, client.start_deployment(), 100)]
    assert list(dict.fromkeys(statuses)) == ["in_progress", "paused", "finished"]


def test_public_scenarios_can_be_deployed_by_tag_except_a_database() -> None:
    for name in simulator.SCENARIOS:
        with simulating(name) as session:
            assert (session.tag == "blue") is (name != "database"), name


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_ends(name: str) -> None:
    with simulating(name, speed=1) as session:
        server = session.server
        server.now()
        server.trigger()
        for uuid in list(server.apps)[: session.scenario.targets]:
            server.enqueue(uuid, DeployOptions())
        for uuid in server.resources:
            act(server, uuid, "deploy")
        for _ in range(40):
            session.skip(60)
            server.now()
        assert {row["status"] for row in session.deployments()} <= TERMINAL
        final = [
            condition(server, uuid)
            for uuid in session.uuids
            if session.scenario.targets or session.scenario.resources
        ]
        session.skip(3600)
        assert final == [
            condition(server, uuid)
            for uuid in session.uuids
            if session.scenario.targets or session.scenario.resources
        ]


def test_unknown_scenario_has_a_suggestion() -> None:
    with pytest.raises(ValueError, match="Did you mean 'success'"), simulating("sucess"):
        pass
