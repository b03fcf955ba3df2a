"""Every scenario has a name and a sentence, plays what it says, and ends."""

import http.client
import json
import time
from itertools import pairwise

import pytest

from deployer import simulator
from deployer.simulator.coolify.state.conditions import act, condition
from deployer.simulator.coolify.state.deployments import DeployOptions
from tests.simulator.coolify.client import FAST, TERMINAL, V1, follow, logs, visiting
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

ENDS = [
    # scenario, status at the end, whether `finished_at` is there then
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
def test_a_scenario_plays_to_its_end(scenario: str, status: str, *, ended: bool) -> None:
    slow = scenario == "slow"
    speed = 2000 if slow else FAST
    with visiting(scenario, speed) as (session, client):
        seen = follow(client, client.started(), speed, step=30 if slow else 2)
        assert (seen[-1]["status"], bool(seen[-1].get("finished_at"))) == (status, ended)
        assert violations(session) == []


def test_every_scenario_says_what_the_run_will_see() -> None:
    people = [
        "success", "build-failure", "unhealthy", "cancelled", "cancelled-queued", "slow", "queue-full", "already-queued", "bad-token",
        "deploy-only-token", "outage", "image", "service", "database", "preview", "two-servers", "crash-after-deploy", "tag",
        "image-update", "bad-release",
    ]  # fmt: skip
    assert list(simulator.SCENARIOS) == people == list(SCENARIOS)[: len(people)]
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.summary.endswith(".")


def test_logs_grow_entry_by_entry_and_timestamps_never_change() -> None:
    with visiting("success", 300) as (_, client):
        seen = [logs(row) for row in follow(client, client.started(), 300)]
    assert seen[0] == []
    for earlier, later in pairwise(seen):
        assert later[: len(earlier)] == earlier
    whole = seen[-1]
    assert [entry.get("order") for entry in whole] == [None, *range(2, len(whole) + 1)]
    assert len({(entry["timestamp"], entry["output"]) for entry in whole}) == len(whole)


def test_a_commit_is_head_until_git_was_read() -> None:
    with visiting("success", 300) as (_, client):
        commits = [row["commit"] for row in follow(client, client.started(), 300)]
    assert (commits[0], commits[-1]) == ("HEAD", "1111111111222222222233333333334444444444")


def test_a_failure_is_seen_before_its_reason() -> None:
    with visiting("late-reason", 25) as (_, client):
        seen = follow(client, client.started(), 25, step=0.5)
    bare = [row for row in seen if row["status"] == "failed" and not row["finished_at"]]
    assert bare
    assert not any("Deployment failed:" in entry["output"] for entry in logs(bare[0]))
    assert any("Deployment failed:" in entry["output"] for entry in logs(seen[-1]))


def test_the_post_deployment_command_runs_between_finished_and_finished_at() -> None:
    with visiting("post-command-slow", 500) as (_, client):
        uuid = client.started()
        until = time.monotonic() + 160 / 500
        seen = []
        while time.monotonic() < until:
            seen.append(client.look(uuid).body)
            time.sleep(0.004)
    assert any(row["status"] == "finished" and not row["finished_at"] for row in seen)
    assert (seen[-1]["status"], bool(seen[-1]["finished_at"])) == ("finished", True)
    assert seen[-1]["application"]["post_deployment_command"]


def test_a_running_deployment_that_is_cancelled_loses_an_entry_and_ends_with_the_odd_one() -> None:
    with visiting("success", 10) as (session, client):
        uuid = client.started()
        time.sleep(0.9)
        reply = client.ask("POST", f"{V1}/deployments/{uuid}/cancel")
        assert reply.body["status"] == "cancelled-by-user"
        first = client.look(uuid).body
        assert (first["status"], first["finished_at"]) == ("cancelled-by-user", None)
        assert logs(first)[-1]["output"] == "Deployment cancelled by user via API."
        last = follow(client, uuid, 10, step=0.2)[-1]
        assert last["finished_at"]
        said = [entry["output"] for entry in logs(last)]
        assert said[-1] == "Deployment container not yet started. Will be cancelled when job checks status."
        assert "Deployment cancelled by user via API." not in said
        again = client.ask("POST", f"{V1}/deployments/{uuid}/cancel")
        assert (again.status, again.body["message"]) == (
            400,
            "Deployment cannot be cancelled. Current status: cancelled-by-user",
        )
        assert violations(session) == []


def test_a_queued_deployment_that_is_cancelled_has_one_entry_and_no_end() -> None:
    with visiting("cancelled-queued", 100) as (_, client):
        seen = follow(client, client.started(), 100)
    assert {row["status"] for row in seen} == {"queued", "cancelled-by-user"}
    assert [entry["output"] for entry in logs(seen[-1])] == ["Deployment cancelled by user via API."]


def test_a_second_deployment_waits_for_the_first() -> None:
    with visiting("success") as (session, client):
        client.started()
        second = client.ask("POST", f"{V1}/deploy?uuid={session.uuids[0]}&force=true").body["deployments"][0][
            "deployment_uuid"
        ]
        assert client.look(second).body["status"] == "queued"
        assert client.ask("GET", f"{V1}/deployments").body.keys() == {"0", "1"}
        seen = follow(client, second, FAST)
        assert [row["status"] for row in seen][-1] == "finished"
        assert isinstance(client.ask("GET", f"{V1}/deployments").body, list)


def test_a_full_queue_empties_after_two_minutes() -> None:
    with visiting("queue-full", 250) as (session, client):
        assert client.deploy().status == 429
        assert len(client.ask("GET", f"{V1}/deployments").body) == 26
        phantom = client.ask("POST", f"{V1}/applications/{session.uuids[0]}/start?instant_deploy=true").body[
            "deployment_uuid"
        ]
        assert client.look(phantom).status == 404
        time.sleep(131 / 250)
        assert follow(client, client.started(), 250)[-1]["status"] == "finished"
        assert violations(session) == []


def test_behind_already_queued_somebody_elses_deployment_runs() -> None:
    with visiting("already-queued") as (session, client):
        item = client.deploy().body["deployments"][0]
        assert item["message"] == "Deployment already queued for this commit."
        assert client.look(item["deployment_uuid"]).status == 404
        row = client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}?take=5").body[
            "deployments"
        ][0]
        assert (row["status"], row["is_api"]) == ("in_progress", False)
        assert follow(client, row["deployment_uuid"], FAST)[-1]["status"] == "finished"


def test_a_cancelled_foreign_deployment_makes_room_for_ours() -> None:
    with visiting("adopted-cancelled") as (session, client):
        client.deploy()
        foreign = session.deployments()[0]["deployment_uuid"]
        assert follow(client, foreign, FAST)[-1]["status"] == "cancelled-by-user"
        assert follow(client, client.started(), FAST)[-1]["status"] == "finished"
        assert violations(session) == []


def test_a_phantom_with_nothing_behind_it_makes_room_for_ours() -> None:
    with visiting("adopted-gone") as (session, client):
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        assert client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body == {
            "count": 0,
            "deployments": [],
        }
        assert follow(client, client.started(), FAST)[-1]["status"] == "finished"
        assert violations(session) == []


def test_two_applications_end_differently() -> None:
    with visiting("two") as (session, client):
        ends = [follow(client, client.started(number), FAST)[-1] for number in (0, 1)]
        assert [row["status"] for row in ends] == ["failed", "finished"]
        assert violations(session) == []


@pytest.mark.parametrize(
    ("scenario", "rows"), [("lost-answer", 1), ("truncated", 1), ("lost-request", 0), ("hang-start", 1)]
)
def test_a_trigger_without_an_answer_may_have_queued(scenario: str, rows: int) -> None:
    with visiting(scenario, timeout=0.2) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            client.deploy()
        listed = client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}?take=1").body
        assert (listed["count"], len(session.deployments())) == (rows, rows)


@pytest.mark.parametrize(("scenario", "status"), [("vanished", 404), ("revoked", 401)])
def test_a_deployment_can_be_lost_from_sight_after_ten_seconds(scenario: str, status: int) -> None:
    with visiting(scenario, 25) as (_, client):
        uuid = client.started()
        assert client.look(uuid).status == 200
        time.sleep(0.41)
        assert client.look(uuid).status == status


def test_a_right_can_be_missing_for_one_endpoint_only() -> None:
    with visiting("forbidden") as (_, client):
        uuid = client.started()
        assert client.look(uuid).body == {"message": "Missing required permissions: read"}
        assert client.ask("GET", f"{V1}/version").status == 200


def test_logs_are_absent_for_those_who_may_not_read_them() -> None:
    with visiting("no-logs") as (session, client):
        uuid = client.started()
        assert "logs" not in client.look(uuid).body
        assert (
            "logs"
            not in client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body["deployments"][
                0
            ]
        )
        assert "custom_labels" not in client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert "logs" in session.deployments()[0]


def test_an_outage_has_three_looks_and_an_end() -> None:
    looks: set[object] = set()
    with visiting("outage", 80) as (_, client):
        uuid = client.started()
        until = time.monotonic() + 85 / 80
        while time.monotonic() < until:
            try:
                reply = client.look(uuid)
                looks.add((reply.status, reply["content-type"]))
            except (OSError, http.client.HTTPException):
                looks.add("no response")
            time.sleep(0.02)
        assert client.look(uuid).body["status"] == "finished"
    assert looks == {
        (200, "application/json"),
        (503, "application/json"),
        "no response",
        (404, "text/plain; charset=utf-8"),
    }


def test_a_huge_answer_is_longer_than_64_mib() -> None:
    with visiting("huge") as (_, client):
        uuid = client.started()
        sizes = [len(client.look(uuid).raw) for _ in range(3)]
    assert [size > 64 << 20 for size in sizes] == [False, True, False]


def test_malformed_looks_are_malformed() -> None:
    with visiting("malformed") as (_, client):
        uuid = client.started()
        kinds = [client.look(uuid).body for _ in range(6)]
    assert [type(kind).__name__ for kind in kinds] == ["dict", "str", "list", "dict", "dict", "dict"]
    assert (kinds[3]["logs"], kinds[4]["status"]) == ("[{not json", 7)


def test_throttling_comes_once_for_the_trigger_and_once_for_a_look() -> None:
    with visiting("throttled") as (session, client):
        first = client.deploy()
        assert (first.status, first["retry-after"], first["x-ratelimit-remaining"]) == (429, "6", "0")
        uuid = client.started()
        assert [client.look(uuid).status for _ in range(4)] == [200, 200, 429, 200]
        assert violations(session) == []


def test_a_rewritten_log_shrinks_and_holds_every_entry_in_the_end() -> None:
    with visiting("rewritten", 40) as (_, client):
        seen = [logs(row) for row in follow(client, client.started(), 40, step=0.5)]
    sizes = [len(entries) for entries in seen]
    assert any(later < earlier for earlier, later in pairwise(sizes))
    fingerprints = [json.dumps(entry) for entry in seen[-1]]
    assert len(set(fingerprints)) == len(fingerprints)
    assert {json.dumps(entry) for entries in seen for entry in entries} == set(fingerprints)


def test_hostile_text_arrives_as_it_is() -> None:
    with visiting("hostile") as (session, client):
        uuid = client.started()
        row = follow(client, uuid, FAST)[-1]
        text = "\n".join(entry["output"] for entry in logs(row))
    parts = (
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
    assert [part for part in parts if part not in text] == []
    assert session.token in text
    assert "\ud800" in row["application_name"]


def test_the_old_version_has_no_end_and_no_application_in_a_row() -> None:
    with visiting("old", 100) as (_, client):
        seen = follow(client, client.started(), 100)
    assert {row["status"] for row in seen} == {"queued", "in_progress", "finished"}
    assert not seen[-1].keys() & {"finished_at", "application"}
    assert "production" in seen[-1]["deployment_url"]


def test_a_status_that_nobody_knows_passes() -> None:
    with visiting("unknown-status", 100) as (_, client):
        statuses = [row["status"] for row in follow(client, client.started(), 100)]
    assert list(dict.fromkeys(statuses)) == ["in_progress", "paused", "finished"]


def test_every_rehearsal_can_be_one_by_tag_unless_there_is_only_a_database() -> None:
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
        settled = [
            condition(server, uuid)
            for uuid in session.uuids
            if session.scenario.targets or session.scenario.resources
        ]
        session.skip(3600)
        assert settled == [
            condition(server, uuid)
            for uuid in session.uuids
            if session.scenario.targets or session.scenario.resources
        ]


def test_an_unknown_scenario_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean 'success'"), simulating("sucess"):
        pass
