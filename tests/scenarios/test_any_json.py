"""No response of a server crashes the program.

Whole runs in which one field is arbitrary JSON, on both platforms.

Each run is an end-to-end case, and the simulator's responses are changed before they are sent. How the run
ends is not checked here, only that it ends with a status and not with exit code 70. Seeds are fixed;
`ANY_JSON=5000 pytest tests/scenarios/test_any_json.py` runs more.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployer.http import untrusted_json
from deployer.http.client import Response
from deployer.main import main
from deployer.model import Outcome, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers.cloudfoundry import routes
from deployer.providers.cloudfoundry.api import discovery, uaa
from deployer.providers.cloudfoundry.api import responses as cf_responses
from deployer.providers.cloudfoundry.api.guids import droplet_of
from deployer.providers.cloudfoundry.watching import (
    build_status,
    crash_events,
    deployment_status,
    instance_status,
    logs,
)
from deployer.providers.coolify import history, resources, rollback_rules
from deployer.providers.coolify.api import responses as api_responses
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes import application, envs
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.triggering import trigger, trigger_requests
from deployer.providers.coolify.watching import deployment, resource_status
from deployer.simulator.cloudfoundry import world as foundation
from deployer.simulator.coolify import server as simulated
from deployer.simulator.serving import listener
from deployer.simulator.serving.exchange import Response as SimulatedResponse
from tests.providers.cloudfoundry import support as cf_replies
from tests.providers.coolify import support as coolify_replies
from tests.scenarios import cloudfoundry_cases, test_cloudfoundry, test_coolify
from tests.scenarios.rehearsals import StillClock
from tests.simulator.cloudfoundry.scenarios import simulating as cf_simulating
from tests.simulator.coolify.scenarios import simulating

RUNS = int(os.environ.get("ANY_JSON", "40"))

DEPTH = 90
UNEXPECTED = (
    *(
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e400",
        "-1e400",
        "1e300",
        "NaN",
        "Infinity",
        "9" * 400,
        "9" * 5000,
        "-" + "9" * 20,
    ),
    *(
        '""',
        '" "',
        '"x"',
        '"0"',
        r'"\ud800"',
        r'"\udfff\ud800x"',
        r'"\u0000"',
        r'"\u2028\r\n::error::x"',
        '"9999999999999999999999"',
    ),
    *(
        '"HEAD"',
        '"queued"',
        '"finished"',
        '"running:healthy"',
        '"https://[::1"',
        '"/a/b?c#d"',
        '"../.."',
        '"' + "y" * 70_000 + '"',
    ),
    *(
        '"2026-13-99T99:99:99Z"',
        '"0001-01-01T00:00:00Z"',
        '"9999-12-31T23:59:59.999999Z"',
        '"[{]"',
        '"[1,{}]"',
        r'"{\"a\":1}"',
    ),
    *(
        "[]",
        "{}",
        "[null]",
        "[[]]",
        "[{}]",
        '{"":{}}',
        '[1,"x",null,{"a":[]}]',
        '{"a":1,"uuid":null,"guid":[],"status":{},"message":[]}',
    ),
    *(
        "[" * DEPTH + "]" * DEPTH,
        '{"a":' * DEPTH + "1" + "}" * DEPTH,
        "[" * 5000 + "]" * 5000,
        f"[{','.join(['{}'] * 3000)}]",
    ),
)
HEADERS = {
    "Retry-After": (
        "9" * 40,
        "-1",
        "nan",
        "Thu, 99 Foo 2026",
        "Wed, 21 Oct 2099 07:28:00 GMT",
        "0.5",
        "\u00b2",
    ),
    "X-RateLimit-Remaining": ("9" * 400, "-5", "x", "\u00b2", "0"),
    "X-Cf-Warnings": ("%ff%00,%", ",,,", "%E2%80%AE" * 50),
    "X-Vcap-Request-Id": ("\u00ff" * 10, "a::b", " "),
    "Location": (
        "http://[",
        "//",
        "\u00ff",
        "https://user:pass@evil.example/",
        "x:" * 99,
        "http://a:99999999/",
    ),
    "Content-Type": ("", "application/json; charset=none", "text/html", "\u00ff/json", "x" * 5000),
    "Set-Cookie": ("a=b; expires=Thu, 99; max-age=" + "9" * 999, "=;;;", "\u00ff=\u00ff; domain=.."),
    "Date": ("x", "Thu, 01 Jan 0000 99:99:99 GMT", "Fri, 31 Dec 9999 23:59:59 -9999"),
}
STATUSES = (
    200,
    201,
    202,
    204,
    206,
    299,
    300,
    304,
    308,
    400,
    401,
    403,
    404,
    408,
    409,
    418,
    422,
    429,
    451,
    499,
    500,
    501,
    503,
    520,
    599,
    999,
)
TEXTS = (
    "9" * 5000 + ".1",
    "v4." + "9" * 5000,
    "\u0664.3.10",
    "4.3.10-beta." + "9" * 5000,
    "\x00",
    "",
    "[" * 9000,
    "<html>" * 9000,
    '"4.3.10"',
)
MARK = "\u0001here\u0001"


class Corrupter:
    """Corrupts responses: an unexpected value replaces one JSON value, a header, or the status."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._share = self._random.choice((0.05, 0.3, 1.0))
        self._position = self._random.random()
        self._unexpected = self._random.choice(UNEXPECTED)
        self._same_place = self._random.random() < 0.5
        self._header = self._random.random() < 0.1
        self._status = self._random.random() < 0.1
        self.changed: list[str] = []

    def __call__(self, response: SimulatedResponse) -> SimulatedResponse:
        if self._random.random() > self._share:
            return response
        if self._header:
            name = self._random.choice(sorted(HEADERS))
            value = self._random.choice(HEADERS[name])
            self.changed.append(f"{name}: {value[:40]}")
            others = tuple((key, each) for key, each in response.headers if key.lower() != name.lower())
            response = replace(response, headers=(*others, (name, value.encode().decode("latin-1"))))
        if self._status:
            response = replace(response, status=self._random.choice(STATUSES))
            self.changed.append(f"HTTP {response.status}")
        body = b"".join(response.body)
        try:
            data = json.loads(body)
        except ValueError:
            text = (
                self._random.choice(TEXTS)
                if self._status or self._header
                else body.decode("utf-8", "replace")
            )
            return replace(response, body=(text.encode(),))
        text = self._corrupted(data)
        headers = tuple(pair for pair in response.headers if pair[0] != "Transfer-Encoding")
        return replace(response, headers=headers, body=(text.encode("utf-8", "surrogatepass"),))

    def _corrupted(self, data: Any) -> str:
        if not self._same_place:
            self._position, self._unexpected = self._random.random(), self._random.choice(UNEXPECTED)
        paths = list(_paths(data))
        path = paths[int(self._position * len(paths))]
        self.changed.append(f"{'.'.join(map(str, path))} = {self._unexpected[:60]}")
        return _replaced(data, path, self._unexpected)


def _paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value, also in JSON that is inside a string, as Coolify's logs are."""
    yield path
    if isinstance(data, str) and data[:1] == "[":
        try:
            yield from _paths(json.loads(data), (*path, "#"))
        except ValueError:
            return
    elif isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _paths(value, (*path, key))


def _replaced(data: Any, path: tuple[Any, ...], unexpected: str) -> str:
    """Serialize the data with a replacement at this path, which need not be valid JSON."""
    return json.dumps(_with_mark(data, path, unexpected)).replace(json.dumps(MARK), unexpected)


def _with_mark(data: Any, path: tuple[Any, ...], unexpected: str) -> Any:
    if not path:
        return MARK
    if path[0] == "#":
        return _replaced(json.loads(data), path[1:], unexpected)
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = _with_mark(copy[path[0]], path[1:], unexpected)
    return copy


def coolify(rng: random.Random) -> tuple[AbstractContextManager[Any], Callable[[Any], dict[str, str]]]:
    """A random end-to-end case for Coolify, on one of its versions."""
    case = rng.choice(
        [each for each in test_coolify.CASES if each.scenario not in {"huge", "hang", "hang-start"}]
    )
    version = rng.choice(case.versions)
    return simulating(case.scenario, version=version), lambda session: test_coolify.environ(
        session, {**EVERYTHING, **case.inputs}
    )


def cf(rng: random.Random) -> tuple[AbstractContextManager[Any], Callable[[Any], dict[str, str]]]:
    """A random end-to-end case for Cloud Foundry."""
    case = rng.choice(cloudfoundry_cases.CASES)
    return cf_simulating(case.scenario), lambda session: test_cloudfoundry.environ(
        session, {**EVERYTHING, **case.inputs}
    )


EVERYTHING = {"timeout": "3m", "verify_timeout": "2m", "log_file": "log.txt", "output_file": "out.env"}
IN_CI: tuple[dict[str, str], ...] = (
    {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "outputs", "GITHUB_STEP_SUMMARY": "summary"},
    {"GITLAB_CI": "true"},
    {},
)


@pytest.mark.parametrize("platform", [coolify, cf])
@pytest.mark.parametrize("seed", range(RUNS))
def test_run_ends_with_a_status_for_any_response(
    platform: Callable[[random.Random], tuple[AbstractContextManager[Any], Callable[[Any], dict[str, str]]]],
    seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    name = f"{platform.__name__} {seed}"
    rng = random.Random(name)
    clock, corrupter = StillClock(), Corrupter(name)
    for module in (simulated, foundation):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=clock.real))
    write = listener.Connection._write
    monkeypatch.setattr(
        listener.Connection, "_write", lambda connection, response: write(connection, corrupter(response))
    )
    monkeypatch.chdir(tmp_path)
    simulator, environ_of = platform(rng)
    with simulator as session:
        environ = {**environ_of(session), **rng.choice(IN_CI), "DEPLOYER_DEBUG": "1"}
        code = main([], environ, clock)  # type: ignore[arg-type]
    output = capfdbinary.readouterr().out.decode()
    assert code in {outcome.exit_code for outcome in Outcome}, (
        corrupter.changed[-3:],
        re.sub(r"(?s)^.*Traceback", "Traceback", output)[-3000:],
    )
    result = json.loads(Path("result.json").read_text("utf-8"))
    assert result["exit_code"] == code


# --- each parsing function by itself: every value of a recorded reply replaced by every unexpected value


GIT, V = Options(), Version("4.3.10")
REQUEST = trigger_requests.request_for(trigger_requests.APPLICATION, coolify_replies.WEB, GIT, V)


def _row_of(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _rows_of(data: Any) -> list[dict[str, Any]]:
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def _resources(data: Any) -> list[dict[str, Any]]:
    return _rows_of(_row_of(data).get("resources"))


def _deployment(row: Any) -> None:
    for may_turn in (False, True):
        seen = deployment.snapshot_of(
            row, "https://coolify.example.com", coolify_replies.WEB, may_turn=may_turn
        )
        resource_status.health_check(seen, coolify_replies.WEB, Options(verify_health="true"))
    deployment.is_other_server(row, coolify_replies.body("deployment_get_finished"))
    deployment.is_other_server(coolify_replies.body("deployment_get_finished"), row)


@pytest.mark.parametrize("text", [each for each in UNEXPECTED if each[:2] in {'"2', '"0', '"9'}])
@pytest.mark.parametrize("field", ["created_at", "finished_at", "updated_at"])
def test_unexpected_times_do_not_crash_is_other_server(field: str, text: str) -> None:
    main = coolify_replies.body("deployment_get_finished")
    other = {**main, "server_id": 99, "is_api": False, "is_webhook": False}
    for one, two in (({**main, field: json.loads(text)}, other), (main, {**other, field: json.loads(text)})):
        assert deployment.is_other_server(two, one) in {True, False}


def _resource(data: Any) -> None:
    row = _row_of(data)
    resources.target(trigger_requests.APPLICATION, coolify_replies.WEB, row, Options(pr=7))
    resources.description(row)
    trigger_requests.unsupported(trigger_requests.APPLICATION, row, GIT, V)
    resource_status.health(row, Options(verify_health="true"), passed=False)
    for condition in (resource_status.RUNNING, resource_status.STOPPED):
        resource_status.resource(row, condition, "exited:unhealthy", V, changed=True)
    rollback_rules.pin(row)


def _history(data: Any) -> None:
    records = _rows_of(_row_of(data).get("deployments"))
    history.adopt_oldest(records, coolify_replies.WEB, "https://coolify.example.com", marked=True)
    for row in records:
        (
            history.started_by(row, marked=True),
            history.matches_ours(row, GIT, V),
            rollback_rules.is_own(row),
        )
    (
        rollback_rules.finished(records),
        rollback_rules.rolled_back_commits(records),
        application.version_fields(_row_of(records[:1] and records[0])),
    )
    rollback_rules.deployment_and_previous(records, str(records[0].get("deployment_uuid")) if records else "")


def _response(data: Any) -> None:
    for status in (200, 400, 401, 403, 404, 409, 422, 429, 500):
        for module in (api_responses, cf_responses):
            reply = Response(status, data, is_json=True)
            (module.not_from_coolify if module is api_responses else module.not_from_cloudfoundry)(reply)
            with contextlib.suppress(RefusedError, UnavailableError):
                module.json_or_raise(reply)
        with contextlib.suppress(RefusedError, UnavailableError):
            uaa.token_or_raise(Response(status, data, is_json=True), "no")


def _instances(data: Any) -> None:
    web = cf_replies.body("app-processes-list-200")["resources"][0]
    each = instance_status.process(web, data)
    instance_status.snapshot_of((each,), "all", {}), instance_status.stopped((each,)), each.running
    deployment_status.with_new_instances(Snapshot(Phase.RUNNING), (each,))


def _cf_deployment(data: Any) -> None:
    (
        deployment_status.is_deployed(data),
        deployment_status.is_active(data),
        deployment_status.is_cancelled(data),
        droplet_of(_row_of(data)),
    )
    deployment_status.reverted(data)
    deployment_status.snapshot_of(data)


def _log(data: Any) -> None:
    for line in getattr(logs.read(data), "lines", ()):
        line.key, line.shown.encode()


MAX_PATHS = 40
"""Paths that are tried per reply: a log has hundreds of similar ones."""

READERS: dict[str, tuple[Any, Callable[[Any], object]]] = {
    **{
        name: (coolify_replies.body(name), _deployment)
        for name in (
            "deployment_get_finished",
            "deployment_get_failed_healthcheck",
            "deployment_cancelled",
            "deployment_get_queued",
        )
    },
    "app_get_sensitive": (coolify_replies.body("app_get_sensitive"), _resource),
    "app_deployments_read": (coolify_replies.body("app_deployments_read"), _history),
    "deploy_one": (
        coolify_replies.body("deploy_one"),
        lambda data: trigger.parse_accepted(data, REQUEST, GIT, write_only_token=False),
    ),
    "deploy_tag_blue": (coolify_replies.body("deploy_tag_blue"), trigger.parse_tag),
    "env_list_sensitive": (
        coolify_replies.body("env_list_sensitive"),
        lambda data: envs.plan({"A": SecretStr("x")}, _rows_of(data), trigger_requests.APPLICATION, V),
    ),
    "rollback_images": (
        coolify_replies.body("app_rollback_images_200"),
        lambda data: rollback_rules.other_images(_rows_of(_row_of(data).get("images"))),
    ),
    "app_patch_422_list": (coolify_replies.body("app_patch_422_list"), _response),
    "api_root": (cf_replies.body("app-start-422-log-rate-quota"), _response),
    "root": (cf_replies.body("root-get-200"), lambda data: discovery.read(data, "https://api.example.org")),
    "token": ({"access_token": "a.b.c", "refresh_token": "x", "expires_in": 599, "scope": "a b"}, _response),
    "stats": (cf_replies.body("process-stats-200-one-crashed-one-running"), _instances),
    "placement": (cf_replies.body("process-stats-200-down-placement-error"), _instances),
    "rolling": (cf_replies.body("deployment-get-200-deploying-with-error"), _cf_deployment),
    "build": (cf_replies.body("build-get-200-failed-docker"), build_status.snapshot_of),
    "staged": (
        cf_replies.body("build-get-200-staged-docker"),
        lambda data: (build_status.snapshot_of(data), build_status.failure_reason(data, ["x"])),
    ),
    "crashes": (
        cf_replies.body("audit-events-crash-200"),
        lambda data: [crash_events.reason([row], _guids(row)) for row in _resources(data)],
    ),
    "log": (cf_replies.body("log-cache-read-200"), _log),
    "routes": (cf_replies.body("app-routes-list-200"), lambda data: routes.address(_resources(data))),
}


def _guids(event: dict[str, Any]) -> frozenset[str]:
    return frozenset({str(_row_of(event.get("actor")).get("guid"))})


@pytest.mark.parametrize("name", READERS)
def test_unexpected_values_do_not_crash_the_parsers(name: str) -> None:
    data, read = READERS[name]
    paths = list(_paths(data))
    for path in paths[:: -(-len(paths) // MAX_PATHS)]:
        for unexpected in UNEXPECTED:
            try:
                corrupted = untrusted_json.loads(_replaced(data, path, unexpected))
            except ValueError:
                continue
            try:
                read(corrupted)
            except (RefusedError, UnavailableError):
                pass
            except Exception as error:
                raise AssertionError(".".join(map(str, path)), unexpected[:60]) from error
