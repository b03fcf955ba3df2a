"""Coolify: `create`: all requests of a job in order, its log, and lost or rejected requests.

The whole program runs against the simulator, on a clock that only moves when the program sleeps.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from deployer.main import main
from deployer.model import Changes, GroupExpanded, Outcome, Plan, Target, TargetWarning, UnavailableError
from deployer.run import run
from deployer.run.interrupt import CHANGE_IN_FLIGHT
from deployer.simulator.coolify import server as simulated
from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.state.places import Host, Project
from deployer.simulator.serving.exchange import Fault, Then
from tests.fakes import FakeClock, Scripted
from tests.scenarios.test_transcripts import StillClock
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

NEW, MIDDLE, OLD = "4.3.10", "4.1.2", "4.0.0-beta.380"
PROJECT, SERVER = "vmql0ricefxufxuz08ykbxny", "z5g6z0bsdcs2syh3riaw1ixx"
"""The first ones, as recorded."""

UUID = "njaw0od7xw5oe8jz2g1ehu1x"
"""The uuid of the simulator's first application."""

INPUTS = {
    "create": "true",
    "name": "shop",
    "image": "ghcr.io/acme/shop:2.1.0",
    "project": "Shop",
    "environment": "production",
}
SENT = {
    "project_uuid": PROJECT,
    "environment_name": "production",
    "server_uuid": SERVER,
    "name": "shop",
    "docker_registry_image_name": "ghcr.io/acme/shop",
    "docker_registry_image_tag": "2.1.0",
}
LOOKUP = ["GET /version", "GET /projects", f"GET /projects/{PROJECT}", "GET /applications"]
PLACED = ["GET /servers", f"GET /servers/{SERVER}/destinations"]
PROBED = ["PATCH /applications/new {}", "POST /deploy"]
PROBED_THERE = [f"PATCH /applications/{UUID} {{}}", "POST /deploy"]
CHECKED = [f"GET /applications/{UUID}", f"GET /deployments/applications/{UUID}?take=1"]
DEPLOYED = [f"POST /deploy?uuid={UUID}&force=true"]
CREATED = (
    "shop: created in project Shop, environment production, on server localhost, from ghcr.io/acme/shop:2.1.0"
)


def create_request(**more: Any) -> str:
    return f"POST /applications/dockerimage {json.dumps({**SENT, **more})}"


@dataclass(frozen=True)
class JobResult:
    """What a job has done."""

    code: int
    lines: list[str]
    requests: list[str]
    """All requests up to the first poll of the deployment."""
    violations: list[str]
    result: dict[str, Any]
    outputs: str


RunJob = Callable[..., JobResult]


@pytest.fixture(name="run_job")
def _run_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> RunJob:
    """Runs the program in an empty folder."""
    clock = StillClock()
    monkeypatch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
    monkeypatch.chdir(tmp_path)

    def run_job(
        scenario: str | Scenario = "create", version: str = NEW, *faults: Fault, **inputs: str
    ) -> JobResult:
        chosen = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
        with simulating(replace(chosen, faults=faults), version=version) as session:
            files = {
                "COOLIFY_URL": session.url,
                "COOLIFY_TOKEN": session.token,
                "DEPLOYER_OUTPUT_FILE": "out.env",
            }
            named = {
                f"INPUT_{name.upper()}": value
                for name, value in {"result_file": "result.json", **INPUTS, **inputs}.items()
            }
            code = main([], {**files, **named}, clock)  # type: ignore[arg-type]  # by shape, as everywhere in the tests
            requests = [
                f"{each} {each.body.decode()}".replace(" /api/v1/", " /", 1).strip()
                for each in session.journal
            ]
            violated = violations(session, changes_nothing="dry_run" in inputs)
        first_poll = next(
            (
                index
                for index, each in enumerate(requests)
                if each.startswith("GET /deployments/") and "take" not in each
            ),
            None,
        )
        lines = capfdbinary.readouterr().out.decode().splitlines()
        outputs = Path("out.env").read_text("utf-8")
        return JobResult(
            code,
            lines,
            requests[:first_poll],
            violated,
            json.loads(Path("result.json").read_text("utf-8")),
            outputs,
        )

    return run_job


# --- a missing application


def test_a_missing_application_is_created_then_deployed_like_any_other(run_job: RunJob) -> None:
    job = run_job()
    assert job.requests == [*LOOKUP, *PLACED, *PROBED, create_request(), *CHECKED, *DEPLOYED]
    assert job.lines[1:5] == [
        "shop: application (does not exist yet)",
        CREATED,
        f"shop: application {UUID}, http://{UUID}.localhost.sslip.io",
        "shop: triggering a deployment",
    ]
    assert (job.code, job.violations) == (0, [])
    assert [(each["uuid"], each["name"], each["status"]) for each in job.result["targets"]] == [
        (UUID, "shop", "finished")
    ]
    assert f'DEPLOYED_RESOURCE_UUID="{UUID}"' in job.outputs


def test_all_inputs_are_sent_and_the_rest_is_set_before_the_first_deployment(
    run_job: RunJob,
) -> None:
    inputs = {
        "ports": "80 443",
        "domains": "https://a.example.com, https://b.example.com",
        "server": "LOCALHOST",
        "destination": "coolify",
    }
    changes = {"env": "SECRET=hunter2000", "settings": '{"is_spa": true}'}
    job = run_job(**inputs, **changes)
    more = {
        "destination_uuid": "ajlly5dwoi3rzoewpmqtst45",
        "ports_exposes": "80,443",
        "domains": "https://a.example.com,https://b.example.com",
    }
    body = {**SENT, **more}
    ordered = {
        name: body[name]
        for name in ("project_uuid", "environment_name", "server_uuid", "destination_uuid", *body)
    }
    assert job.requests[:9] == [
        *LOOKUP,
        *PLACED,
        *PROBED,
        f"POST /applications/dockerimage {json.dumps(ordered)}",
    ]
    assert job.requests[9:13] == [
        *CHECKED,
        f"GET /applications/{UUID}/envs",
        f'PATCH /applications/{UUID} {{"is_spa": true}}',
    ]
    assert job.requests[13].startswith(f"PATCH /applications/{UUID}/envs/bulk ")
    assert job.requests[14:] == DEPLOYED
    assert (job.code, job.violations) == (0, [])
    assert "hunter2000" not in "\n".join(job.lines)


@pytest.mark.parametrize(
    ("version", "placed", "more"),
    [
        pytest.param(MIDDLE, PLACED[:1], {}, id="middle"),
        pytest.param(OLD, PLACED[:1], {"ports_exposes": "80"}, id="old"),
    ],
)
def test_older_versions_list_no_destinations(
    run_job: RunJob, version: str, placed: list[str], more: Mapping[str, str]
) -> None:
    job = run_job("create", version, **({"ports": "80"} if more else {}))
    assert job.requests[: len(LOOKUP) + 4] == [*LOOKUP, *placed, *PROBED, create_request(**more)]
    assert (job.code, job.violations) == (0, [])


def test_domains_of_another_application_are_used_if_forced(run_job: RunJob) -> None:
    inputs = {"name": "second", "domains": "http://shop.example.com"}
    job = run_job("create-existing", **inputs)
    assert job.code == 2
    assert any(
        "domains: http://shop.example.com already belongs to application shop" in line for line in job.lines
    )
    assert [each for each in job.requests if each.startswith("POST /deploy?")] == []
    job = run_job("create-existing", **inputs, settings='{"force_domain_override": true}')
    assert (job.code, job.violations) == (0, [])
    assert '"force_domain_override": true' in next(each for each in job.requests if "dockerimage" in each)
    assert [each for each in job.requests if each.startswith("PATCH") and not each.endswith("{}")] == []


# --- an existing application


def test_an_existing_application_is_deployed_with_the_new_image(run_job: RunJob) -> None:
    job = run_job("create-existing", domains="https://x.example.com", ports="80,81", server="other")
    change = f'PATCH /applications/{UUID} {{"docker_registry_image_tag": "2.1.0"}}'
    assert job.requests == [*LOOKUP, *CHECKED, *PROBED_THERE, change, *DEPLOYED]
    ignored = "only applies to a new application: this one exists and keeps"
    assert job.lines[1:6] == [
        f"shop: application {UUID}, http://shop.example.com",
        "shop: changed image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.1.0",
        f'WARNING: shop: `domains` {ignored} "http://shop.example.com"',
        f'WARNING: shop: `ports` {ignored} "80"',
        f'WARNING: shop: `server` {ignored} "localhost"',
    ]
    assert (job.code, job.violations) == (0, [])
    assert job.result["targets"][0]["uuid"] == UUID


@pytest.mark.parametrize("version", [NEW, MIDDLE, OLD])
def test_an_existing_application_that_is_up_to_date_is_only_deployed(run_job: RunJob, version: str) -> None:
    job = run_job(
        "create-existing",
        version,
        image="ghcr.io/acme/shop:2.0.1",
        domains="http://shop.example.com",
        ports="80",
    )
    assert [each for each in job.requests if not each.startswith("GET")] == DEPLOYED
    assert (job.code, job.violations) == (0, [])
    assert [line for line in job.lines if line.startswith("WARNING")] == []


# --- nothing is changed


def test_a_dry_run_reports_what_would_be_created(run_job: RunJob) -> None:
    job = run_job(dry_run="true", env="A=1", domains="https://a.example.com")
    assert job.requests == [*LOOKUP, *PLACED, *reversed(PROBED)]
    assert job.lines[-4:-1] == [
        (
            f"{CREATED.replace('created', 'would create it')}, at https://a.example.com (POST "
            "/applications/dockerimage)"
        ),
        (
            "shop: would set variables: 1 added (A), 0 changed, 0 unchanged; Coolify also creates a copy of "
            "each new one for previews"
        ),
        (
            "shop: would queue a deployment: Docker image ghcr.io/acme/shop:2.1.0 (POST "
            "/deploy?uuid=new&force=true)"
        ),
    ]
    assert (job.code, job.violations, job.result["targets"][0]["uuid"]) == (0, [], "")
    assert "RESOURCE_UUID" not in job.outputs


def test_a_dry_run_reports_what_would_be_changed_of_an_existing_application(run_job: RunJob) -> None:
    job = run_job("create-existing", dry_run="true")
    assert job.requests == [*LOOKUP, *CHECKED, *reversed(PROBED_THERE)]
    assert "shop: would set image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.1.0" in job.lines
    assert (job.code, job.violations, job.result["targets"][0]["uuid"]) == (0, [], UUID)


TWO_HOSTS = replace(SCENARIOS["create"], hosts=(Host(), Host("second")))
TWO_NETS = replace(SCENARIOS["create"], hosts=(Host(destinations=("coolify", "inner")),))
READER = replace(SCENARIOS["create"], abilities=frozenset({"read", "read:sensitive", "deploy"}))
WRITER = replace(SCENARIOS["create"], abilities=frozenset({"read", "read:sensitive", "write"}))
TWINS = replace(SCENARIOS["create"], projects=(Project("Shop"), Project("Shop")))


@pytest.mark.parametrize(
    ("scenario", "version", "inputs", "expected"),
    [
        pytest.param(
            "create",
            NEW,
            {"project": "nope"},
            ('project "nope" not found. Available: "Shop" (', 2),
            id="project",
        ),
        pytest.param(
            "create", NEW, {"project": ""}, ('`project` is missing. Available: "Shop" (', 2), id="no-project"
        ),
        pytest.param(
            TWINS, NEW, {}, ('2 are named "Shop". Set the uuid of one: "Shop" (', 2), id="two-projects"
        ),
        pytest.param(
            "create",
            NEW,
            {"environment": "qa"},
            ('environment "qa" not found. Available: "production" (', 3),
            id="environment",
        ),
        pytest.param(
            "create",
            OLD,
            {"environment": "qa"},
            ('environment "qa" not found. Available: "production", "staging"', 3),
            id="old-environment",
        ),
        pytest.param(
            "create",
            NEW,
            {"server": "builder"},
            ('server "builder" not found. Available: "localhost" (', 5),
            id="server",
        ),
        pytest.param(
            TWO_HOSTS, NEW, {}, ('`server` is missing. Available: "localhost" (', 5), id="two-servers"
        ),
        pytest.param(
            "create",
            NEW,
            {"destination": "x"},
            ('destination "x" not found. Available: "coolify" (', 6),
            id="destination",
        ),
        pytest.param(
            TWO_NETS, NEW, {}, ('`destination` is missing. Available: "coolify" (', 6), id="two-destinations"
        ),
        pytest.param("create", OLD, {}, ("`ports` is missing", 5), id="no-ports"),
        pytest.param(
            "create", OLD, {"ports": "80", "verify_url": "auto"}, ("Set `domains`", 5), id="no-domain"
        ),
        pytest.param(
            "create",
            OLD,
            {"ports": "80", "settings": '{"domains": "x"}'},
            ("must not contain `domains`, which create sets", 0),
            id="settings",
        ),
        pytest.param(READER, NEW, {}, ("the token lacks write, so nothing was changed", 8), id="no-write"),
        pytest.param(WRITER, NEW, {}, ("the token lacks deploy, so nothing was changed", 8), id="no-deploy"),
    ],
)
def test_nothing_is_created_if_something_is_missing(
    run_job: RunJob,
    scenario: str | Scenario,
    version: str,
    inputs: Mapping[str, str],
    expected: tuple[str, int],
) -> None:
    """`expected`: a part of the message, and how many requests were sent."""
    job = run_job(scenario, version, **inputs)
    assert expected[0] in "\n".join(job.lines)
    assert (job.code, job.violations, job.result["status"]) == (2, [], "refused")
    assert len(job.requests) == expected[1], job.requests
    assert "RESOURCE_UUID" not in job.outputs


def test_a_rejection_after_the_creation_mentions_the_creation(run_job: RunJob) -> None:
    job = run_job(settings='{"nope": 1}')
    assert job.code == 2
    assert f"Changed before that: application {UUID}: created in project Shop" in "\n".join(job.lines)
    assert f'DEPLOYED_RESOURCE_UUID="{UUID}"' in job.outputs


def test_an_old_version_itself_rejects_a_missing_destination(run_job: RunJob) -> None:
    job = run_job(TWO_NETS, MIDDLE)
    assert (
        "Coolify rejected the new application: Server has multiple destinations and you do not set "
        "destination_uuid" in "\n".join(job.lines)
    )
    assert (job.code, job.violations) == (2, [])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param(
            "create_img_noproject",
            "Coolify rejected the new application: project_uuid: This field is required",
            id="422",
        ),
        pytest.param(
            "create_img_noenv",
            "at least one of environment_name or environment_uuid",
            id="422-without-errors",
        ),
        pytest.param(
            "create_img_badproject", "Coolify rejected the new application: Project not found", id="404"
        ),
        pytest.param(
            "create_img_builder", "Coolify rejected the new application: server_uuid: ", id="a-build-server"
        ),
    ],
)
def test_a_rejection_of_the_new_application_is_reported_with_its_field(
    run_job: RunJob, name: str, sentence: str
) -> None:
    job = run_job("create", NEW, Fault(("create",), Then.REPLY, reply=name))
    assert sentence in "\n".join(job.lines)
    assert job.requests == [*LOOKUP, *PLACED, *PROBED, create_request()]
    assert (job.code, job.result["status"]) == (2, "refused")


# --- a lost response


@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET, Then.CUT])
@pytest.mark.parametrize("version", [NEW, OLD])
def test_after_a_lost_response_the_application_is_found_and_never_created_twice(
    run_job: RunJob, version: str, then: Then
) -> None:
    job = run_job("create", version, Fault(("create",), then, acts=True), ports="80")
    placed = PLACED if version == NEW else PLACED[:1]
    assert job.requests[: len(LOOKUP) + len(placed) + 4] == [
        *LOOKUP,
        *placed,
        *PROBED,
        create_request(ports_exposes="80"),
        "GET /applications",
    ]
    assert f"{CREATED} (found after the response was lost)" in job.lines
    assert (job.code, job.violations) == (0, [])
    assert job.result["targets"][0]["uuid"] == UUID


def test_a_lost_request_is_not_sent_again_if_the_application_is_not_found(run_job: RunJob) -> None:
    """It may still be carried out; the next run uses the application if it exists by then."""
    job = run_job("create", NEW, Fault(("create",), Then.CLOSE))
    assert job.requests == [*LOOKUP, *PLACED, *PROBED, create_request(), *["GET /applications"] * 3]
    assert "Not retrying, to avoid a duplicate. Run the job again" in "\n".join(job.lines)
    assert (job.code, job.violations) == (2, [])


def test_after_a_server_error_the_request_is_sent_up_to_three_times(run_job: RunJob) -> None:
    job = run_job(
        "create", NEW, Fault(("create",), Then.REPLY, reply="deploy_service_server_unreachable_500")
    )
    assert job.requests == [*LOOKUP, *PLACED, *PROBED, *[create_request(), "GET /applications"] * 3]
    assert "the server failed 3 times and created nothing: HTTP 500: Server Error" in "\n".join(job.lines)
    job = run_job(
        "create", NEW, Fault(("create",), Then.REPLY, reply="deploy_service_server_unreachable_500", nth=(1,))
    )
    assert job.requests == [
        *LOOKUP,
        *PLACED,
        *PROBED,
        create_request(),
        "GET /applications",
        create_request(),
        *CHECKED,
        *DEPLOYED,
    ]
    assert (job.code, job.violations) == (0, [])


def test_a_request_that_never_arrived_is_sent_again(run_job: RunJob) -> None:
    job = run_job("create", NEW, Fault(("create",), Then.REPLY, reply="ratelimit_429", nth=(1,)))
    assert job.requests == [
        *LOOKUP,
        *PLACED,
        *PROBED,
        create_request(),
        create_request(),
        *CHECKED,
        *DEPLOYED,
    ]
    assert (job.code, job.violations) == (0, [])


# --- the loop


def run_scripted(
    plan: Plan, script: Mapping[str, list[Any]], clock: FakeClock
) -> tuple[list[Any], list[str], Outcome]:
    events: list[Any] = []
    provider = Scripted(script, clock)
    outcome = run(plan, provider, events.append, clock)  # by shape
    return events, [call for _, call in provider.calls], outcome


def test_after_the_creation_events_use_the_uuid() -> None:
    script: dict[str, list[Any]] = {
        "resolve shop": [Target("shop", missing=True)],
        "change shop": [Changes(("created",), created="u1")],
    }
    events, calls, outcome = run_scripted(
        Plan(("shop",), has_changes=True, own_site=True),
        {**script, "resolve u1": [Target("u1", url="http://a")]},
        FakeClock(),
    )
    assert calls[:7] == [
        "connect",
        "resolve shop",
        "change shop",
        "resolve u1",
        "change u1",
        "trigger u1",
        "poll u1-1",
    ]
    assert GroupExpanded("shop", (Target("u1"),), gone=True) in events
    assert (outcome, events[-1].target) == (Outcome.FINISHED, "u1")


def test_a_job_that_is_cancelled_during_the_creation_says_that_it_may_have_been_created() -> None:
    script: dict[str, list[Any]] = {
        "change shop": [UnavailableError("no response", may_have_arrived=True), UnavailableError("HTTP 502")]
    }
    clock = FakeClock()
    clock.expect(7, "SIGTERM")
    events, _, outcome = run_scripted(Plan(("shop",), has_changes=True), script, clock)
    assert TargetWarning("shop", CHANGE_IN_FLIGHT) in events
    assert outcome is Outcome.INTERRUPTED
