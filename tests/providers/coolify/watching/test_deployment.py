"""What a deployment record shows (coolify-api 6 and 7)."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any

import pytest

from deployer.model import (
    Entry,
    Handle,
    LogLines,
    LogUnavailable,
    Outcome,
    Phase,
    PhaseChanged,
    Snapshot,
    Stage,
    TargetWarning,
    UnavailableError,
)
from deployer.providers.coolify.watching import deployment, known_failures
from deployer.watch import NextStage, Verdict, Watch, next_step, observe
from tests.providers.coolify.support import (
    APP,
    BASE,
    WEB,
    Row,
    body,
    ended,
    entries,
    entry,
    finished,
    polls,
    without,
)
from tests.providers.coolify.watching.records import (
    COMMAND_FAILED,
    EXECUTING,
    NO_REASON,
    UNHEALTHY_WITHOUT_LOG,
    failure_reason,
    hidden_lines_hint,
)

FIXTURE_SHA = "1a2b3c4d5e6f708192a3b4c5d6e7f80910111213"


# --- whole deployments


NIXPACKS = "Generating nixpacks configuration with: "


FAILED_COMMAND = re.compile(r"Command execution failed \(exit code (\d+)\): .*?\nError: ", re.DOTALL)


def without_secrets(line: str) -> str:
    """Coolify's own line without the application's variables and the failed command.

    Not written with the program's code: no recorded value contains a space, and no recorded command has a
    line that begins with `Error:`.
    """
    if FAILED_COMMAND.search(line):
        return FAILED_COMMAND.sub(r"exit code \1: ", line).rstrip()
    if not line.startswith(NIXPACKS):
        return line
    words = line.split(" ")
    redacted = (f"{word.partition('=')[0]}=***{chr(39) * word.endswith(chr(39))}" for word in words)
    return " ".join(
        each if previous == "--env" else word
        for previous, word, each in zip(["", *words], words, redacted, strict=False)
    )


def visible(name: str) -> list[str]:
    """Each visible line, in the order of first appearance."""
    return [without_secrets(entry["output"]) for entry in entries(name) if entry["hidden"] is False]


@dataclass(frozen=True)
class Watched:
    """What watching a recorded deployment has shown."""

    verdict: Verdict
    phases: tuple[Phase, ...]
    lines: list[str]
    warnings: tuple[str, ...] = ()
    additional_servers: tuple[Handle, ...] = ()


def watch_all(records: list[Row], *, post_command: bool = False, may_turn: bool = False) -> Watched:
    """Observe the records, one per second, and the last one again until there is a verdict."""
    watch = Watch(Handle(WEB, "deployment"), began=0, deadline=1800)
    events: list[Any] = []
    step = None
    for second, row in enumerate([*records, *[records[-1]] * 30]):
        seen, new = observe(
            watch,
            deployment.snapshot_of(row, BASE, WEB, post_command=post_command, may_turn=may_turn),
            second,
        )
        events += new
        if seen.result and step is None:
            step = next_step(Stage.DEPLOYMENT, (seen,), repeated=False)
        watch = replace(seen, result=None)
    verdict = step.so_far if isinstance(step, NextStage) else step
    assert isinstance(verdict, Verdict)
    return Watched(
        verdict,
        tuple(event.phase for event in events if isinstance(event, PhaseChanged)),
        [
            entry.text
            for event in events
            if isinstance(event, LogLines)
            for entry in event.entries
            if not entry.hidden
        ],
        tuple(event.text for event in events if isinstance(event, TargetWarning)),
        step.handles if isinstance(step, NextStage) else (),
    )


SUCCEEDED = (Phase.RUNNING, Phase.SUCCEEDED)


FAILED = (Phase.RUNNING, Phase.FAILED)


SKIPPED_POST = "its post-deployment command was skipped: no running container was found"


BUILD_FAILURE = """\
exit code 1: #1 step 1
#2 step 2
#3 step 3
ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 1"""


NO_SCRIPT = "The script is missing from package.json. Add it, or change the command in Coolify."


OLD_POST_FAILURE = """\
The pre- or post-deployment command found no container. Check the container's name in Coolify.
Post-deployment command: Could not find a valid container. Is the container name correct?"""


BUILD_FAILURE += f"\n{hidden_lines_hint(polls('sequence_nixpacks_buildfail')[-1])}"


@pytest.mark.parametrize(
    ("name", "phases", "outcome", "reason"),
    [
        pytest.param("sequence_dockerimage_ok", SUCCEEDED, Outcome.FINISHED, "", id="image"),
        pytest.param(
            "sequence_dockerimage_second_skipped", SUCCEEDED, Outcome.FINISHED, "", id="after-a-skipped-one"
        ),
        pytest.param("sequence_nixpacks_ok", SUCCEEDED, Outcome.FINISHED, "", id="build"),
        pytest.param("sequence_pinned_commit", SUCCEEDED, Outcome.FINISHED, "", id="pinned-commit"),
        pytest.param("sequence_restart_dockerimage", SUCCEEDED, Outcome.FINISHED, "", id="restart-of-image"),
        pytest.param("sequence_restart_only", SUCCEEDED, Outcome.FINISHED, "", id="restart-that-builds"),
        pytest.param("sequence_healthcheck_healthy", SUCCEEDED, Outcome.FINISHED, "", id="healthy"),
        pytest.param("sequence_ssh_flaky", SUCCEEDED, Outcome.FINISHED, "", id="ssh-comes-back"),
        pytest.param(
            "sequence_post_command_fails",
            (Phase.RUNNING, Phase.SUCCEEDED, Phase.UNVERIFIED),
            Outcome.UNVERIFIED,
            SKIPPED_POST,
            id="post-skipped",
        ),
        pytest.param(
            "sequence_healthcheck_unhealthy", FAILED, Outcome.FAILED, UNHEALTHY_WITHOUT_LOG, id="unhealthy"
        ),
        pytest.param("sequence_nixpacks_buildfail", FAILED, Outcome.FAILED, BUILD_FAILURE, id="build-fails"),
        pytest.param(
            "sequence_dockerimage_upfail",
            FAILED,
            Outcome.FAILED,
            "The registry does not have this image or tag. Check its name, and that it was pushed before "
            "the deployment.\n"
            "exit code 18: Error response from daemon: manifest unknown",
            id="image-not-found",
        ),
        pytest.param(
            "sequence_ssh_down",
            FAILED,
            Outcome.FAILED,
            "Coolify could not reach the server over SSH. Validate the server in Coolify, check its "
            "firewall and key, then deploy again.\n"
            "ssh: connect to host host.docker.internal port 22: Connection refused",
            id="ssh-is-down",
        ),
        pytest.param(
            "sequence_cancel_while_running",
            (Phase.RUNNING, Phase.CANCELLED),
            Outcome.CANCELLED,
            deployment.CANCELLED,
            id="cancelled-while-running",
        ),
        pytest.param(
            "v4.0.0-beta.434_sequence_dockerimage_ok",
            (Phase.QUEUED, *SUCCEEDED),
            Outcome.FINISHED,
            "",
            id="beta434-image",
        ),
        pytest.param(
            "v4.0.0-beta.434_sequence_post_command_fails",
            (Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED),
            Outcome.FAILED,
            OLD_POST_FAILURE,
            id="beta434-turns-to-failed",
        ),
        pytest.param(
            "sequence_deploy_success", (Phase.QUEUED, *SUCCEEDED), Outcome.FINISHED, "", id="queued-first"
        ),
        pytest.param(
            "sequence_deploy_failed_reason_late",
            FAILED,
            Outcome.FAILED,
            f"{NO_SCRIPT}\nexit code 1: npm ERR! missing script: build",
            id="late-reason",
        ),
    ],
)
def test_recorded_deployment_ends_as_recorded_with_each_visible_line_once(
    name: str, phases: tuple[Phase, ...], outcome: Outcome, reason: str
) -> None:
    assert watch_all(polls(name), may_turn=name.startswith("v4.0.0-beta.434")) == Watched(
        Verdict(outcome, reason), phases, visible(name)
    )


def test_main_server_names_the_deployment_of_the_second() -> None:
    name = "sequence_multiserver_main"
    row = body("app_deployments_multiserver")["deployments"][0]
    second = Handle(WEB, row["deployment_uuid"], server=row["server_name"], link=BASE + row["deployment_url"])
    run = watch_all(polls(name))
    assert run == Watched(
        Verdict(Outcome.FINISHED, ""), SUCCEEDED, visible(name), additional_servers=(second,)
    )
    assert [(other.server, other.link) for other in run.additional_servers] == [(second.server, second.link)]


@pytest.mark.parametrize("may_turn", [False, True])
def test_finished_that_turns_to_failed_is_a_failure(*, may_turn: bool) -> None:
    run = watch_all(polls("sequence_finished_flips_to_failed_old"), may_turn=may_turn)
    assert (run.verdict.outcome, run.phases[-1]) == (Outcome.FAILED, Phase.FAILED)
    assert "Post-deployment command failed." in run.verdict.reason
    assert run.lines == visible("sequence_finished_flips_to_failed_old")


@pytest.mark.parametrize(
    ("status", "changes", "may_turn", "stable_for"),
    [
        pytest.param("finished", {}, False, 0, id="finished-since-beta454"),
        pytest.param("finished", {}, True, 10, id="finished-before-beta454"),
        pytest.param("finished", {"finished_at": None}, True, 10, id="finished-before-beta454-without-end"),
        pytest.param("failed", {}, True, 0, id="failed"),
        pytest.param("cancelled-by-user", {}, True, 0, id="cancelled"),
        pytest.param("in_progress", {}, True, 0, id="running"),
    ],
)
def test_before_beta454_finished_must_be_stable_for_10_seconds(
    status: str, changes: Row, stable_for: float, *, may_turn: bool
) -> None:
    assert deployment.snapshot_of(ended(status, **changes), BASE, may_turn=may_turn).stable_for == stable_for


def test_before_beta454_post_deployment_command_is_waited_for() -> None:
    running = {
        **finished("Executing post-deployment command (see debug log for output)."),
        "finished_at": None,
    }
    assert deployment.snapshot_of(running, BASE, may_turn=True).stable_for == math.inf


def test_no_line_is_lost_or_repeated_if_the_server_replaces_its_log() -> None:
    """After a cancel the web process's copy wins (coolify-api 17.1 row 7).

    Entries vanish and reappear elsewhere.
    """
    records = polls("sequence_cancel_while_running")
    full = json.loads(records[-1]["logs"])
    parts: list[Any] = [full[:6], full[:2], [], full[4:], full[::-1], full]
    reordered = [{**records[-1], "logs": json.dumps(part)} for part in parts]
    assert sorted(watch_all([*records[:-1], *reordered]).lines) == sorted(
        visible("sequence_cancel_while_running")
    )


# --- one poll


FIXTURE_LINK = (
    f"{BASE}/project/p0ck4sw8og8wkc0s4g4wk8cs/environment/e8kwg0c4s0ok4gw8sk0cw4go/application/"
    f"{APP}/deployment/vgs4k8c0ws0cwg4o8kc0s4gk"
)


RUNNING = Snapshot(Phase.RUNNING, "in_progress", link=FIXTURE_LINK, commit=FIXTURE_SHA, server="localhost")


UNHEALTHY_WORDS = "New container is unhealthy.\nContainer logs:\nError: listen EADDRINUSE"


OLD_LINK = (
    f"{BASE}/project/p0ck4sw8og8wkc0s4g4wk8cs/production/application/{APP}/deployment/"
    "vgs4k8c0ws0cwg4o8kc0s4gk"
)


@pytest.mark.parametrize(
    ("name", "seen", "entries"),
    [
        pytest.param(
            "deployment_get_queued",
            replace(RUNNING, phase=Phase.QUEUED, raw_status="queued", commit=""),
            0,
            id="queued",
        ),
        pytest.param("deployment_get_in_progress_beta380", replace(RUNNING, link=OLD_LINK), 6, id="beta380"),
        pytest.param(
            "deployment_get_in_progress_read_only", replace(RUNNING, log=None), None, id="read-only"
        ),
        pytest.param("deployment_get_in_progress_sensitive", RUNNING, 6, id="sensitive"),
        pytest.param(
            "deployment_get_finished",
            replace(RUNNING, phase=Phase.SUCCEEDED, raw_status="finished"),
            11,
            id="finished",
        ),
        pytest.param(
            "deployment_get_finished_no_finished_at",
            replace(RUNNING, phase=Phase.SUCCEEDED, raw_status="finished", stable_for=10),
            10,
            id="finished-but-not-final",
        ),
        pytest.param(
            "deployment_get_failed_exception",
            replace(
                RUNNING,
                phase=Phase.FAILED,
                raw_status="failed",
                reason=f"{NO_SCRIPT}\nexit code 1: npm ERR! missing script: build",
            ),
            13,
            id="failed",
        ),
        pytest.param(
            "deployment_get_failed_status_before_reason",
            replace(
                RUNNING,
                phase=Phase.FAILED,
                raw_status="failed",
                stable_for=10,
                reason=deployment.RESTARTED,
            ),
            6,
            id="failed-before-its-reason",
        ),
        pytest.param(
            "deployment_get_failed_healthcheck",
            replace(RUNNING, phase=Phase.FAILED, raw_status="failed", reason=UNHEALTHY_WORDS),
            15,
            id="unhealthy-with-container-logs",
        ),
        pytest.param(
            "deployment_get_cancelled",
            replace(
                RUNNING, phase=Phase.CANCELLED, raw_status="cancelled-by-user", reason=deployment.CANCELLED
            ),
            7,
            id="cancelled",
        ),
    ],
)
def test_snapshot_of_a_recorded_reply(name: str, seen: Snapshot, entries: int | None) -> None:
    snapshot = deployment.snapshot_of(body(name), BASE)
    assert (replace(snapshot, log=seen.log), None if snapshot.log is None else len(snapshot.log)) == (
        seen,
        entries,
    )


@pytest.mark.parametrize(
    ("name", "outcome", "seconds"),
    [
        pytest.param(
            "deployment_cancelled",
            Outcome.CANCELLED,
            10,
            id="cancelled-while-queued-never-finished-at",
        ),
        pytest.param(
            "deployment_cancelled_inprogress", Outcome.CANCELLED, 10, id="cancelled-before-a-worker"
        ),
        pytest.param("deployment_cancelled_ssh", Outcome.CANCELLED, 10, id="cancelled-while-ssh-worked"),
        pytest.param("deployment_state_cancelled-by-user", Outcome.CANCELLED, 0, id="cancelled-row"),
        pytest.param("deployment_state_failed", Outcome.FAILED, 0, id="failed-row"),
        pytest.param("deployment_state_finished", Outcome.FINISHED, 0, id="finished-row"),
        pytest.param(
            "deployment_after_coolify_restart", Outcome.FAILED, 10, id="failed-by-restart-of-coolify"
        ),
    ],
)
def test_end_without_finished_at_is_final_after_10_seconds(name: str, outcome: Outcome, seconds: int) -> None:
    watch = Watch(Handle(WEB, "x"), began=0, deadline=1800)
    for second in range(20):
        watch, _ = observe(watch, deployment.snapshot_of(body(name), BASE), second)
        if watch.result:
            break
    verdict = next_step(Stage.DEPLOYMENT, (watch,), repeated=False)
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, second) == (outcome, seconds)


def test_deployment_that_failed_by_a_restart_of_coolify_says_so() -> None:
    """It failed without `finished_at` and without a log line of its own (coolify-api 7.6 and 13)."""
    assert (
        deployment.snapshot_of(body("deployment_after_coolify_restart"), BASE).reason == deployment.RESTARTED
    )
    assert "restarted or updated" in deployment.RESTARTED
    assert "Deploy again" in deployment.RESTARTED


NO_REASON_READ = "the reason is in the build log, which the token may not read (read:sensitive)"


POSSIBLY_RESTARTED = (
    f"{NO_REASON_READ}; possibly Coolify was restarted or updated, which fails all running deployments"
)


@pytest.mark.parametrize(
    ("texts", "changes", "reason"),
    [
        pytest.param(
            ["Importing the code."], {"finished_at": None}, "RESTARTED", id="neither-end-nor-reason"
        ),
        pytest.param([], {"finished_at": None}, "RESTARTED", id="neither-end-nor-log"),
        pytest.param(["Importing the code."], {}, f"{NO_REASON}Importing the code.", id="end-without-reason"),
        pytest.param(
            ["Deployment failed: no space left"],
            {"finished_at": None},
            "no space left",
            id="reason-without-end",
        ),
        pytest.param(
            ["Oops something is not okay, are you okay? 😢", "gone"],
            {"finished_at": None},
            "gone",
            id="old-reason-without-end",
        ),
        pytest.param(
            ["New container is unhealthy."],
            {"finished_at": None},
            "New container is unhealthy.",
            id="unhealthy-without-end",
        ),
        pytest.param(
            ["New container is not healthy, rolling back to the old container."],
            {"finished_at": None},
            "New container is not healthy, rolling back to the old container.",
            id="rolled-back-without-end",
        ),
        pytest.param(
            [entry("Deployment failed: x", command="npm run build")],
            {"finished_at": None},
            "RESTARTED",
            id="build-prints-lines-of-coolify",
        ),
    ],
)
def test_failure_without_end_and_reason_is_a_restart(
    texts: list[str | Row], changes: Row, reason: str
) -> None:
    assert deployment.snapshot_of(ended("failed", *texts, **changes), BASE).reason == (
        deployment.RESTARTED if reason == "RESTARTED" else reason
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(ended("failed"), NO_REASON_READ, id="with-end"),
        pytest.param(ended("failed", finished_at=None), POSSIBLY_RESTARTED, id="without-end"),
        pytest.param(
            {**body("v4.0.0-beta.380_deployment_read"), "status": "failed"},
            NO_REASON_READ,
            id="beta380-without-end",
        ),
    ],
)
def test_failure_without_a_readable_log_says_so(row: Row, reason: str) -> None:
    """An unread reason is not reported, and a restart is only possible, not certain."""
    seen = deployment.snapshot_of(without(row, "logs"), BASE)
    assert (seen.phase, seen.log, seen.reason) == (Phase.FAILED, None, reason)


@pytest.mark.parametrize("finished_at", [None, "2026-11-21T05:39:27.000000Z"])
def test_cancelled_deployment_says_where_it_was_cancelled(finished_at: str | None) -> None:
    assert (
        deployment.snapshot_of(
            ended("cancelled-by-user", "Deployment failed: x", finished_at=finished_at), BASE
        ).reason
        == deployment.CANCELLED
    )
    assert (
        deployment.CANCELLED == "it was cancelled in Coolify or through its API. To deploy, run the job again"
    )


def test_beta380_without_finished_at_is_final_after_10_seconds() -> None:
    row = {**body("v4.0.0-beta.380_deployment_read"), "status": "finished"}
    assert "finished_at" not in row
    assert deployment.snapshot_of(row, BASE, post_command=True).stable_for == 10
    assert (
        deployment.snapshot_of(body("v4.0.0-beta.380_deployment_read"), BASE).phase,
        deployment.snapshot_of(row, BASE).log,
    ) == (
        Phase.QUEUED,
        None,
    )


BUILT, CLEANUP = "Building docker image completed.", "Gracefully shutting down build container: abc"


DISK = "mv: /data/x: no space left on device"


HAS_COMMAND = {
    "application": {
        **body("deployment_get_finished")["application"],
        "post_deployment_command": "php artisan migrate",
    }
}


RESULT_UNKNOWN = (
    "the result of its post-deployment command is unknown: the token may not read logs (read:sensitive)"
)


@pytest.mark.parametrize(
    ("row", "known", "seen"),
    [
        pytest.param(finished(EXECUTING), False, (Phase.SUCCEEDED, 0, ""), id="succeeded"),
        pytest.param(
            finished(EXECUTING, finished_at=None),
            False,
            (Phase.SUCCEEDED, math.inf, deployment.POST_COMMAND_UNFINISHED),
            id="running-by-its-line",
        ),
        pytest.param(
            finished(finished_at=None, **HAS_COMMAND),
            False,
            (Phase.SUCCEEDED, math.inf, deployment.POST_COMMAND_UNFINISHED),
            id="running-by-its-field",
        ),
        pytest.param(
            finished(finished_at=None),
            True,
            (Phase.SUCCEEDED, math.inf, deployment.POST_COMMAND_UNFINISHED),
            id="running-by-the-application",
        ),
        pytest.param(
            finished(entry(EXECUTING, hidden=True), finished_at=None),
            False,
            (Phase.SUCCEEDED, math.inf, deployment.POST_COMMAND_UNFINISHED),
            id="hidden-line",
        ),
        pytest.param(
            finished(EXECUTING, "Post-deployment command failed."),
            False,
            (Phase.UNVERIFIED, 0, "its post-deployment command failed"),
            id="failed",
        ),
        pytest.param(
            finished(
                BUILT,
                EXECUTING,
                "Post-deployment command failed.",
                "SQLSTATE[HY000] [2002] Connection refused\n in db.php",
                CLEANUP,
            ),
            False,
            (
                Phase.UNVERIFIED,
                0,
                (
                    "its post-deployment command failed. Its output:\nSQLSTATE[HY000] [2002] Connection "
                    "refused\n in db.php"
                ),
            ),
            id="failed-with-output",
        ),
        pytest.param(
            finished(
                EXECUTING,
                "migrating",
                entry("sEcReT", hidden=True),
                "Post-deployment command failed.",
                DISK,
                CLEANUP,
            ),
            False,
            (
                Phase.UNVERIFIED,
                0,
                (
                    "its post-deployment command failed. Its "
                    f"output:\n{known_failures.match(DISK, shown=True)}\nmigrating\n{DISK}"
                ),
            ),
            id="known-failure",
        ),
        pytest.param(
            finished(BUILT, "Post-deployment command failed.", CLEANUP),
            False,
            (Phase.UNVERIFIED, 0, "its post-deployment command failed"),
            id="failed-without-output",
        ),
        pytest.param(
            finished(EXECUTING, "Post-deployment command failed.", finished_at=None),
            False,
            (Phase.UNVERIFIED, 10, "its post-deployment command failed"),
            id="failed-but-not-final",
        ),
        pytest.param(
            finished(EXECUTING, "Post-deployment command: No running containers found. Skipping."),
            False,
            (Phase.UNVERIFIED, 0, SKIPPED_POST),
            id="skipped",
        ),
        pytest.param(
            finished(
                EXECUTING, entry("Post-deployment command failed.", command="docker exec web cat notes")
            ),
            False,
            (Phase.SUCCEEDED, 0, ""),
            id="printed-by-the-command",
        ),
        pytest.param(
            finished(entry(EXECUTING, command="docker build ."), finished_at=None),
            False,
            (Phase.SUCCEEDED, 10, ""),
            id="printed-by-a-build",
        ),
    ],
)
def test_post_deployment_command_is_waited_for_and_evaluated(
    row: Row, *, known: bool, seen: tuple[Phase, float, str]
) -> None:
    snapshot = deployment.snapshot_of(row, BASE, post_command=known)
    assert (snapshot.phase, snapshot.stable_for, snapshot.reason, snapshot.warnings) == (*seen, ())


@pytest.mark.parametrize(
    ("known", "fields", "warning"),
    [
        pytest.param(True, {}, RESULT_UNKNOWN, id="by-the-application"),
        pytest.param(False, HAS_COMMAND, RESULT_UNKNOWN, id="by-its-field"),
        pytest.param(False, {}, "", id="none"),
    ],
)
def test_post_deployment_command_without_a_readable_log_is_a_warning(
    *, known: bool, fields: Row, warning: str
) -> None:
    run = watch_all([without(finished(**fields), "logs")], post_command=known)
    assert (run.verdict, run.warnings) == (Verdict(Outcome.FINISHED, ""), (warning,) if warning else ())


def test_endless_post_deployment_command_is_not_success() -> None:
    watch = Watch(Handle(WEB, "x"), began=0, deadline=60)
    row = finished(EXECUTING, finished_at=None)
    for second in range(0, 70, 10):
        watch, _ = observe(watch, deployment.snapshot_of(row, BASE), second)
    assert next_step(Stage.DEPLOYMENT, (watch,), repeated=False) == Verdict(
        Outcome.TIMED_OUT, deployment.POST_COMMAND_UNFINISHED
    )


@pytest.mark.parametrize("status", ["exploded", "success", "error", "cancelled", "", "FINISHED", "x" * 500])
def test_unknown_status_is_neither_success_nor_failure_and_reported_once(status: str) -> None:
    watch = Watch(Handle(WEB, "x"), began=0, deadline=1800)
    events: list[Any] = []
    for second in range(30):
        watch, new = observe(watch, deployment.snapshot_of({**finished(), "status": status}, BASE), second)
        events += new
    expected = [event.text for event in events if isinstance(event, TargetWarning)]
    assert (watch.phase, watch.result, len(expected)) == (Phase.UNKNOWN, None, 1)
    assert repr(status) in expected[0]


def key(*parts: str) -> bytes:
    """The key of an entry: 16 bytes for any length of its text."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()


@pytest.mark.parametrize(
    ("logs", "log", "warning"),
    [
        pytest.param(None, (), "", id="null"),
        pytest.param("", (), "", id="empty"),
        pytest.param("[]", (), "", id="no-entries"),
        pytest.param("[{", (), deployment.UNREADABLE_LOG, id="broken"),
        pytest.param("{}", (), deployment.UNREADABLE_LOG, id="object"),
        pytest.param("[" * 100_000, (), deployment.UNREADABLE_LOG, id="too-deep"),
        pytest.param(5, (), deployment.UNREADABLE_LOG, id="number"),
        pytest.param([entry("not encoded twice")], (), deployment.UNREADABLE_LOG, id="list"),
        pytest.param('[null, 1, "x", []]', (), "", id="invalid-entries"),
        pytest.param('[{"output": 5}, {"output": null}, {}]', (), "", id="invalid-output"),
        pytest.param(
            '[{"output": "x", "hidden": 0}]',
            (Entry(key("None", "None", "x", "None"), "x", hidden=True),),
            "",
            id="hidden-if-unclear",
        ),
    ],
)
def test_invalid_log_never_crashes(logs: Any, log: tuple[Entry, ...], warning: str) -> None:
    seen = deployment.snapshot_of({**body("deployment_get_finished"), "logs": logs}, BASE)
    assert (seen.phase, seen.log, seen.warnings) == (Phase.SUCCEEDED, log, (warning,) if warning else ())


def keys(*records: Row) -> list[Any]:
    return [each.key for each in deployment.snapshot_of(finished(logs=json.dumps(records)), BASE).log or ()]


def test_entries_have_distinct_keys_of_16_bytes() -> None:
    """Keys of a log of megabytes stay small."""
    one = entry("x" * 1_000_000)
    additional_servers = [
        {**one, "output": "y"},
        {**one, "timestamp": "z"},
        {**one, "type": "stderr"},
        {**one, "command": "ls"},
    ]
    assert {(type(each), len(each)) for each in keys(one, *additional_servers)} == {(bytes, 16)}
    assert len(set(keys(one, *additional_servers))) == 5
    assert keys(one) == keys({**one, "batch": 7, "hidden": True, "order": 3})


PLAN = "Generating nixpacks configuration with: nixpacks plan -f json"


QUOTE = r"'\''"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"{PLAN} --env 'A=secret' /artifacts/x", f"{PLAN} --env 'A=***' /artifacts/x", id="one"),
        pytest.param(
            f"{PLAN} --env 'A=s' --env 'B_2=t' /x", f"{PLAN} --env 'A=***' --env 'B_2=***' /x", id="two"
        ),
        pytest.param(f"{PLAN} --env 'A=' /x", f"{PLAN} --env 'A=***' /x", id="empty-one"),
        pytest.param(f"{PLAN} --env 'A=two words = \"x\"' /x", f"{PLAN} --env 'A=***' /x", id="many-words"),
        pytest.param(f"{PLAN} --env 'A=one\ntwo\n' /x", f"{PLAN} --env 'A=***' /x", id="many-lines"),
        pytest.param(f"{PLAN} --env 'A=it{QUOTE}s secret' /x", f"{PLAN} --env 'A=***' /x", id="with-quote"),
        pytest.param(
            f"{PLAN} --env 'A={QUOTE}{QUOTE}secret{QUOTE}' /x",
            f"{PLAN} --env 'A=***' /x",
            id="quotes-at-both-ends",
        ),
        pytest.param(
            f"{PLAN} --env 'A=s{QUOTE} --env {QUOTE}B=t' /x",
            f"{PLAN} --env 'A=***' /x",
            id="looks-like-two",
        ),
        pytest.param(
            f"{PLAN} --env A=secret --env B=t /artifacts/x",
            f"{PLAN} --env A=*** --env B=*** /artifacts/x",
            id="as-beta434",
        ),
        pytest.param(
            f"{PLAN} --env A=two words --env B= /artifacts/x",
            f"{PLAN} --env A=*** --env B=*** /artifacts/x",
            id="unquoted-words",
        ),
        pytest.param(
            f"{PLAN} --env A=one\ntwo /artifacts/x", f"{PLAN} --env A=*** /artifacts/x", id="unquoted-lines"
        ),
        pytest.param(PLAN, PLAN, id="none"),
        pytest.param("docker run --env 'A=public'", "docker run --env 'A=public'", id="another-line"),
    ],
)
def test_values_of_variables_in_coolify_s_own_line_are_redacted(text: str, shown: str) -> None:
    assert [each.text for each in deployment.snapshot_of(finished(text), BASE).log or ()] == [shown]
    assert deployment.snapshot_of(ended("failed", text), BASE).reason == f"{NO_REASON}{shown}"


def test_same_line_printed_by_a_build_is_not_redacted() -> None:
    text = f"{PLAN} --env 'A=x' /x"
    assert [
        each.text
        for each in deployment.snapshot_of(finished(entry(text, command="cat notes")), BASE).log or ()
    ] == [text]


LONE_SURROGATE = "\ud800"


def test_lone_surrogates_do_not_crash() -> None:
    """JSON can contain them, but neither UTF-8 nor a URL can."""
    row = finished(
        f"Deployment failed: {LONE_SURROGATE}",
        f"{PLAN} --env 'A={LONE_SURROGATE}'",
        deployment_url=f"/project/{LONE_SURROGATE}x",
        server_name=LONE_SURROGATE,
        commit=LONE_SURROGATE,
    )
    for status in ("finished", "failed", "cancelled-by-user", LONE_SURROGATE):
        seen = deployment.snapshot_of({**row, "status": status}, BASE)
        assert (seen.link, seen.commit, len(seen.log or ())) == (f"{BASE}/project/%3Fx", "", 2)
    assert (
        failure_reason(f"Deployment failed: {LONE_SURROGATE} {COMMAND_FAILED}\nError: {LONE_SURROGATE}")
        == "exit code 1: \ufffd"
    )


def test_missing_log_is_not_an_empty_log() -> None:
    watch, events = observe(
        Watch(Handle(WEB, "x"), 0, 99), deployment.snapshot_of(body("deployment_logs_read_only"), BASE), 0
    )
    assert LogUnavailable(WEB) in events
    assert (
        LogUnavailable(WEB)
        not in observe(
            Watch(Handle(WEB, "x"), 0, 99), deployment.snapshot_of(body("deployment_logs_null"), BASE), 0
        )[1]
    )
    assert watch.result is None


@pytest.mark.parametrize(
    "response",
    [None, [], "text", 5, {}, {"status": None}, {"status": 5}, {"status": []}, [{"status": "finished"}]],
)
def test_response_of_another_format_is_unavailable(response: Any) -> None:
    with pytest.raises(UnavailableError) as caught:
        deployment.snapshot_of(response, BASE)
    assert (caught.value.from_server, caught.value.may_have_arrived, caught.value.permanent) == (
        True,
        True,
        False,
    )


def test_fields_of_the_wrong_type_are_ignored() -> None:
    invalid = {
        "commit": 5,
        "server_name": [],
        "deployment_url": {},
        "application": [],
        "logs": None,
        "finished_at": 1,
    }
    assert deployment.snapshot_of({"status": "finished", **invalid}, BASE) == Snapshot(
        Phase.SUCCEEDED, "finished"
    )


@pytest.mark.parametrize(
    ("path", "link"),
    [
        pytest.param(
            "/project/a/production env/x",
            f"{BASE}/project/a/production%20env/x",
            id="space-in-a-name-beta380",
        ),
        pytest.param("https://evil.example.com/x", "", id="another-host"),
        pytest.param("/a\n::error::x", f"{BASE}/a%0A%3A%3Aerror%3A%3Ax", id="line-break"),
        pytest.param("", "", id="none"),
    ],
)
def test_link_leads_only_to_our_server(path: str, link: str) -> None:
    assert deployment.snapshot_of({**finished(), "deployment_url": path}, BASE).link == link
