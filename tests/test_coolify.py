"""Coolify: replies of real servers become snapshots, verdicts and sentences; calls go over the wire as the contract says (`responses`)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import responses

from deployer.http import Http, Reply, TooLargeError
from deployer.model import (
    Barred,
    Entry,
    Handle,
    Later,
    Leg,
    Logged,
    Moved,
    Outcome,
    Phase,
    Refused,
    RefusedError,
    Snapshot,
    Started,
    Target,
    Trust,
    UnavailableError,
    Unlogged,
    Warned,
)
from deployer.providers.coolify import answers, calls, rows, trigger
from deployer.providers.coolify.calls import CoolifyServer, Known
from deployer.providers.coolify.inputs import Coolify
from deployer.providers.coolify.trigger import Wish
from deployer.settings import Common, Given, look_up
from deployer.watch import Final, Watch, after, observe

REPLIES = Path(__file__).parent / "replies"
BASE = "https://coolify.example.com"
API = f"{BASE}/api/v1"
TOKEN = "7|mArKeDcoolifytoken0000000000000000000000000000000"
AGENT = "deployer/0 (+https://example.com)"
WEB = "ptofe13hijui9bkafqyhz7yy"
OLD_WEB = "ewxy1xttarx64a41x0ae4vzd"
APP = "k4s8wk0c0ggw4kc8c4s0ko8o"
SHA, FIXTURE_SHA = "1111111111222222222233333333334444444444", "1a2b3c4d5e6f708192a3b4c5d6e7f80910111213"
SECRET = "npm_mArKeDsecret"
Row = dict[str, Any]


def recorded(name: str) -> Any:
    return json.loads((REPLIES / f"{name}.json").read_text("utf-8"))


def body(name: str) -> Any:
    return recorded(name)["body"]


def reply(name: str, **changes: Any) -> Reply:
    """A recorded answer as http.py hands it on."""
    record = {**recorded(name), **changes}
    headers = {key.lower(): value for key, value in record["headers"].items()}
    is_json = not isinstance(record["body"], str)
    return Reply(record["status"], record["body"], is_json=is_json, headers=headers, url=f"{BASE}{record['request']['path']}")


# --- replies → snapshots: whole stories


def polls(name: str) -> list[Row]:
    """The rows of a recorded sequence, in the order in which they were polled."""
    record = recorded(name)
    row, listed = dict(record["row"]), []
    for poll in record["polls"]:
        row = {**row, **poll["changes"]}
        log = poll["log"]
        logs = json.dumps([record["entries"][index] for index in log]) if isinstance(log, list) else log
        listed.append(row if log == "ABSENT" else {**row, "logs": logs})
    return listed


NIXPACKS = "Generating nixpacks configuration with: "


def without_values(line: str) -> str:
    """Coolify's own line with the variables of the application, by other code than the program's: no recorded value has a blank."""
    if not line.startswith(NIXPACKS):
        return line
    words = line.split(" ")
    hidden = (f"{word.partition('=')[0]}=***{chr(39) * word.endswith(chr(39))}" for word in words)
    return " ".join(each if before == "--env" else word for before, word, each in zip(["", *words], words, hidden, strict=False))


def visible(name: str) -> list[str]:
    """Each line that people may see, in the order in which it first appeared."""
    return [without_values(entry["output"]) for entry in recorded(name)["entries"] if entry["hidden"] is False]


@dataclass(frozen=True)
class Story:
    """What a watcher was told."""

    verdict: Final
    phases: tuple[Phase, ...]
    lines: list[str]
    warnings: tuple[str, ...] = ()


def watched(listed: list[Row], *, post_command: bool = False) -> Story:
    """The rows one by one, a second apart, and the last one again until the verdict is final; then what is left of the rows."""
    watch = Watch(Handle(WEB, "deployment"), began=0, deadline=1800)
    events: list[Any] = []
    verdict = None
    for second, row in enumerate([*listed, *[listed[-1]] * 30]):
        seen, new = observe(watch, rows.snapshot(row, BASE, post_command=post_command), second)
        events += new
        if seen.ending and verdict is None:
            verdict = after(Leg.DEPLOYMENT, (seen,), repeated=False)
        watch = replace(seen, ending=None)
    assert isinstance(verdict, Final)
    return Story(
        verdict,
        tuple(event.phase for event in events if isinstance(event, Moved)),
        [entry.text for event in events if isinstance(event, Logged) for entry in event.entries if not entry.hidden],
        tuple(event.text for event in events if isinstance(event, Warned)),
    )


WENT_WELL = (Phase.RUNNING, Phase.SUCCEEDED)
WENT_WRONG = (Phase.RUNNING, Phase.FAILED)
SKIPPED_POST = "its post-deployment command was skipped: no running container was found"
BUILD_FAILURE = """\
exit code 1: #1 step 1
#2 step 2
#3 step 3
ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 1"""
OLD_POST_FAILURE = """\
Coolify gave no reason. The last lines of its log:
Rolling update completed.
Executing post-deployment command (see debug log for output).
Oops something is not okay, are you okay? 😢
Post-deployment command: Could not find a valid container. Is the container name correct?
Deployment failed. Removing the new version of your application."""
NO_LOG = "New container is unhealthy. It wrote no log."


@pytest.mark.parametrize(
    ("name", "phases", "outcome", "reason"),
    [
        pytest.param("sequence_dockerimage_ok", WENT_WELL, Outcome.FINISHED, "", id="an-image"),
        pytest.param("sequence_dockerimage_second_skipped", WENT_WELL, Outcome.FINISHED, "", id="behind-a-skipped-one"),
        pytest.param("sequence_nixpacks_ok", WENT_WELL, Outcome.FINISHED, "", id="a-build"),
        pytest.param("sequence_pinned_commit", WENT_WELL, Outcome.FINISHED, "", id="a-pinned-commit"),
        pytest.param("sequence_multiserver_main", WENT_WELL, Outcome.FINISHED, "", id="the-first-of-two-servers"),
        pytest.param("sequence_restart_dockerimage", WENT_WELL, Outcome.FINISHED, "", id="a-restart-of-an-image"),
        pytest.param("sequence_restart_only", WENT_WELL, Outcome.FINISHED, "", id="a-restart-that-builds"),
        pytest.param("sequence_healthcheck_healthy", WENT_WELL, Outcome.FINISHED, "", id="healthy"),
        pytest.param("sequence_ssh_flaky", WENT_WELL, Outcome.FINISHED, "", id="ssh-comes-back"),
        pytest.param(
            "sequence_post_command_fails",
            (Phase.RUNNING, Phase.SUCCEEDED, Phase.UNPROVEN),
            Outcome.UNVERIFIED,
            SKIPPED_POST,
            id="post-skipped",
        ),
        pytest.param("sequence_healthcheck_unhealthy", WENT_WRONG, Outcome.FAILED, NO_LOG, id="unhealthy"),
        pytest.param("sequence_nixpacks_buildfail", WENT_WRONG, Outcome.FAILED, BUILD_FAILURE, id="the-build-fails"),
        pytest.param(
            "sequence_dockerimage_upfail",
            WENT_WRONG,
            Outcome.FAILED,
            "exit code 18: Error response from daemon: manifest unknown",
            id="the-image-is-unknown",
        ),
        pytest.param(
            "sequence_ssh_down",
            WENT_WRONG,
            Outcome.FAILED,
            "ssh: connect to host host.docker.internal port 22: Connection refused",
            id="ssh-is-down",
        ),
        pytest.param(
            "sequence_cancel_while_running",
            (Phase.RUNNING, Phase.CANCELLED),
            Outcome.CANCELLED,
            rows.CANCELLED,
            id="cancelled-while-running",
        ),
        pytest.param("v4.0.0-beta.434_sequence_dockerimage_ok", (Phase.QUEUED, *WENT_WELL), Outcome.FINISHED, "", id="beta434-an-image"),
        pytest.param(
            "v4.0.0-beta.434_sequence_post_command_fails",
            (Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED),
            Outcome.FAILED,
            OLD_POST_FAILURE,
            id="beta434-flips-to-failed",
        ),
        pytest.param("sequence_deploy_success", (Phase.QUEUED, *WENT_WELL), Outcome.FINISHED, "", id="queued-first"),
        pytest.param(
            "sequence_deploy_failed_reason_late",
            WENT_WRONG,
            Outcome.FAILED,
            "exit code 1: npm ERR! missing script: build",
            id="a-late-reason",
        ),
    ],
)
def test_a_recorded_deployment_ends_as_it_did_with_every_visible_line_once(
    name: str, phases: tuple[Phase, ...], outcome: Outcome, reason: str
) -> None:
    assert watched(polls(name)) == Story(Final(outcome, reason), phases, visible(name))


def test_finished_that_turns_into_failed_is_a_failure() -> None:
    story = watched(polls("sequence_finished_flips_to_failed_old"))
    assert (story.verdict.outcome, story.phases[-1]) == (Outcome.FAILED, Phase.FAILED)
    assert "Post-deployment command failed." in story.verdict.reason
    assert story.lines == visible("sequence_finished_flips_to_failed_old")


def test_no_line_is_lost_or_doubled_when_the_server_replaces_its_list() -> None:
    """After a cancel the web process' copy wins (contract 17.1 row 7): entries vanish, and come back elsewhere."""
    listed = polls("sequence_cancel_while_running")
    full = json.loads(listed[-1]["logs"])
    parts: list[Any] = [full[:6], full[:2], [], full[4:], full[::-1], full]
    torn = [{**listed[-1], "logs": json.dumps(part)} for part in parts]
    assert sorted(watched([*listed[:-1], *torn]).lines) == sorted(visible("sequence_cancel_while_running"))


# --- replies → snapshots: one look

FIXTURE_LINK = (
    f"{BASE}/project/p0ck4sw8og8wkc0s4g4wk8cs/environment/e8kwg0c4s0ok4gw8sk0cw4go/application/{APP}/deployment/vgs4k8c0ws0cwg4o8kc0s4gk"
)
SEEN = Snapshot(Phase.RUNNING, "in_progress", link=FIXTURE_LINK, commit=FIXTURE_SHA, server="localhost")
UNHEALTHY_WORDS = "New container is unhealthy.\nContainer logs:\nError: listen EADDRINUSE"
OLD_LINK = f"{BASE}/project/p0ck4sw8og8wkc0s4g4wk8cs/production/application/{APP}/deployment/vgs4k8c0ws0cwg4o8kc0s4gk"


@pytest.mark.parametrize(
    ("name", "seen", "entries"),
    [
        pytest.param("deployment_get_queued", replace(SEEN, phase=Phase.QUEUED, detail="queued", commit=""), 0, id="queued"),
        pytest.param("deployment_get_in_progress_beta380", replace(SEEN, link=OLD_LINK), 6, id="beta380"),
        pytest.param("deployment_get_in_progress_read_only", replace(SEEN, log=None), None, id="read-only"),
        pytest.param("deployment_get_in_progress_sensitive", SEEN, 6, id="sensitive"),
        pytest.param("deployment_get_finished", replace(SEEN, phase=Phase.SUCCEEDED, detail="finished"), 11, id="finished"),
        pytest.param(
            "deployment_get_finished_no_finished_at",
            replace(SEEN, phase=Phase.SUCCEEDED, detail="finished", hold=10),
            10,
            id="finished-but-not-settled",
        ),
        pytest.param(
            "deployment_get_failed_exception",
            replace(SEEN, phase=Phase.FAILED, detail="failed", reason="exit code 1: npm ERR! missing script: build"),
            13,
            id="failed",
        ),
        pytest.param(
            "deployment_get_failed_status_before_reason",
            replace(
                SEEN,
                phase=Phase.FAILED,
                detail="failed",
                hold=10,
                reason=rows.RESTARTED,
            ),
            6,
            id="failed-before-its-reason",
        ),
        pytest.param(
            "deployment_get_failed_healthcheck",
            replace(SEEN, phase=Phase.FAILED, detail="failed", reason=UNHEALTHY_WORDS),
            15,
            id="unhealthy-with-container-logs",
        ),
        pytest.param(
            "deployment_get_cancelled",
            replace(SEEN, phase=Phase.CANCELLED, detail="cancelled-by-user", reason=rows.CANCELLED),
            7,
            id="cancelled",
        ),
    ],
)
def test_one_reply_becomes_one_snapshot(name: str, seen: Snapshot, entries: int | None) -> None:
    snapshot = rows.snapshot(body(name), BASE)
    assert (replace(snapshot, log=seen.log), None if snapshot.log is None else len(snapshot.log)) == (seen, entries)


@pytest.mark.parametrize(
    ("name", "outcome", "seconds"),
    [
        pytest.param("deployment_cancelled", Outcome.CANCELLED, 10, id="cancelled-while-queued-finished-at-null-for-ever"),
        pytest.param("deployment_cancelled_inprogress", Outcome.CANCELLED, 10, id="cancelled-before-a-worker-took-it"),
        pytest.param("deployment_cancelled_ssh", Outcome.CANCELLED, 10, id="cancelled-while-ssh-worked"),
        pytest.param("deployment_state_cancelled-by-user", Outcome.CANCELLED, 0, id="cancelled-row"),
        pytest.param("deployment_state_failed", Outcome.FAILED, 0, id="failed-row"),
        pytest.param("deployment_state_finished", Outcome.FINISHED, 0, id="finished-row"),
        pytest.param("deployment_after_coolify_restart", Outcome.FAILED, 10, id="failed-by-a-restart-of-coolify"),
    ],
)
def test_an_end_without_finished_at_is_believed_after_ten_seconds(name: str, outcome: Outcome, seconds: int) -> None:
    watch = Watch(Handle(WEB, "x"), began=0, deadline=1800)
    for second in range(20):
        watch, _ = observe(watch, rows.snapshot(body(name), BASE), second)
        if watch.ending:
            break
    verdict = after(Leg.DEPLOYMENT, (watch,), repeated=False)
    assert isinstance(verdict, Final)
    assert (verdict.outcome, second) == (outcome, seconds)


def test_a_deployment_that_a_restart_of_coolify_failed_says_so() -> None:
    """Red says why: failed, no `finished_at`, no line of its own (contract 7.6 and 13)."""
    assert rows.snapshot(body("deployment_after_coolify_restart"), BASE).reason == rows.RESTARTED
    assert "restarted or updated" in rows.RESTARTED
    assert "Deploy again" in rows.RESTARTED


NO_REASON_READ = "the token may not read its log, which says why (read:sensitive)"
GAVE_NONE = "Coolify gave no reason. The last lines of its log:\n"


@pytest.mark.parametrize(
    ("texts", "changes", "reason"),
    [
        pytest.param(["Importing the code."], {"finished_at": None}, "RESTARTED", id="no-end-and-no-reason"),
        pytest.param([], {"finished_at": None}, "RESTARTED", id="no-end-and-no-log"),
        pytest.param(["Importing the code."], {}, f"{GAVE_NONE}Importing the code.", id="an-end-and-no-reason"),
        pytest.param(["Deployment failed: no space left"], {"finished_at": None}, "no space left", id="a-reason-and-no-end"),
        pytest.param(
            ["Oops something is not okay, are you okay? 😢", "gone"],
            {"finished_at": None},
            f"{GAVE_NONE}Oops something is not okay, are you okay? 😢\ngone",
            id="an-old-reason-and-no-end",
        ),
        pytest.param(["New container is unhealthy."], {"finished_at": None}, "New container is unhealthy.", id="unhealthy-and-no-end"),
    ],
)
def test_a_failure_without_an_end_and_without_a_reason_was_a_restart(texts: list[str | Row], changes: Row, reason: str) -> None:
    assert rows.snapshot(ended("failed", *texts, **changes), BASE).reason == (rows.RESTARTED if reason == "RESTARTED" else reason)


@pytest.mark.parametrize("finished_at", [None, "2026-11-21T05:39:27.000000Z"])
def test_a_failure_whose_log_may_not_be_read_says_so(finished_at: str | None) -> None:
    """Neither a reason that nobody saw nor a restart that nobody knows of."""
    row = {key: value for key, value in ended("failed", "Deployment failed: x", finished_at=finished_at).items() if key != "logs"}
    assert (rows.snapshot(row, BASE).log, rows.snapshot(row, BASE).reason) == (None, NO_REASON_READ)


@pytest.mark.parametrize("finished_at", [None, "2026-11-21T05:39:27.000000Z"])
def test_a_cancelled_deployment_says_where_it_was_cancelled(finished_at: str | None) -> None:
    assert rows.snapshot(ended("cancelled-by-user", "Deployment failed: x", finished_at=finished_at), BASE).reason == rows.CANCELLED
    assert rows.CANCELLED == "it was cancelled in Coolify or through its API. Run the job again to deploy"


def test_beta_380_without_finished_at_waits_ten_seconds() -> None:
    row = {**body("v4.0.0-beta.380_deployment_read"), "status": "finished"}
    assert "finished_at" not in row
    assert rows.snapshot(row, BASE, post_command=True).hold == 10
    assert (rows.snapshot(body("v4.0.0-beta.380_deployment_read"), BASE).phase, rows.snapshot(row, BASE).log) == (Phase.QUEUED, None)


def entry(text: str, number: int = 0, **changes: Any) -> Row:
    stamp = f"2026-08-20T10:11:12.{number:06d}Z"
    return {"command": None, "output": text, "type": "stdout", "timestamp": stamp, "hidden": False, "batch": 1, **changes}


def ended(status: str, *texts: str | Row, **changes: Any) -> Row:
    """A deployment that has ended, with these entries."""
    listed = [entry(text, number) if isinstance(text, str) else {**text, "batch": number} for number, text in enumerate(texts)]
    return {**body("deployment_get_finished"), "status": status, "logs": json.dumps(listed), **changes}


def finished(*texts: str | Row, **changes: Any) -> Row:
    return ended("finished", *texts, **changes)


def why(*texts: str | Row) -> str:
    return rows.snapshot(ended("failed", *texts), BASE).reason


EXECUTING = "Executing post-deployment command (see debug log for output)."
HAS_COMMAND = {"application": {**body("deployment_get_finished")["application"], "post_deployment_command": "php artisan migrate"}}
UNSEEN = "the result of its post-deployment command could not be seen: the token may not read logs (read:sensitive)"


@pytest.mark.parametrize(
    ("row", "known", "seen"),
    [
        pytest.param(finished(EXECUTING), False, (Phase.SUCCEEDED, 0, "", ""), id="succeeded"),
        pytest.param(
            finished(EXECUTING, finished_at=None), False, (Phase.SUCCEEDED, math.inf, rows.UNSEEN_POST, ""), id="running-by-its-line"
        ),
        pytest.param(
            finished(finished_at=None, **HAS_COMMAND), False, (Phase.SUCCEEDED, math.inf, rows.UNSEEN_POST, ""), id="running-by-its-field"
        ),
        pytest.param(
            finished(finished_at=None), True, (Phase.SUCCEEDED, math.inf, rows.UNSEEN_POST, ""), id="running-as-the-application-says"
        ),
        pytest.param(
            finished(entry(EXECUTING, hidden=True), finished_at=None),
            False,
            (Phase.SUCCEEDED, math.inf, rows.UNSEEN_POST, ""),
            id="a-hidden-line",
        ),
        pytest.param(
            finished(EXECUTING, "Post-deployment command failed."),
            False,
            (Phase.UNPROVEN, 0, "its post-deployment command failed", ""),
            id="failed",
        ),
        pytest.param(
            finished(EXECUTING, "Post-deployment command failed.", finished_at=None),
            False,
            (Phase.UNPROVEN, 10, "its post-deployment command failed", ""),
            id="failed-and-not-settled",
        ),
        pytest.param(
            finished(EXECUTING, "Post-deployment command: No running containers found. Skipping."),
            False,
            (Phase.UNPROVEN, 0, SKIPPED_POST, ""),
            id="skipped",
        ),
        pytest.param(
            finished(EXECUTING, entry("Post-deployment command failed.", command="docker exec web cat notes")),
            False,
            (Phase.SUCCEEDED, 0, "", ""),
            id="a-command-that-prints-the-words",
        ),
        pytest.param(
            finished(entry(EXECUTING, command="docker build ."), finished_at=None),
            False,
            (Phase.SUCCEEDED, 10, "", ""),
            id="a-build-that-prints-the-words",
        ),
    ],
)
def test_a_post_deployment_command_is_waited_for_and_judged(row: Row, *, known: bool, seen: tuple[Phase, float, str, str]) -> None:
    snapshot = rows.snapshot(row, BASE, post_command=known)
    assert (snapshot.phase, snapshot.hold, snapshot.reason, snapshot.warning) == seen


@pytest.mark.parametrize(
    ("known", "fields", "warning"),
    [
        pytest.param(True, {}, UNSEEN, id="as-the-application-says"),
        pytest.param(False, HAS_COMMAND, UNSEEN, id="by-its-field"),
        pytest.param(False, {}, "", id="none"),
    ],
)
def test_a_post_deployment_command_whose_log_cannot_be_read_is_a_warning(*, known: bool, fields: Row, warning: str) -> None:
    row = {key: value for key, value in finished(**fields).items() if key != "logs"}
    story = watched([row], post_command=known)
    assert (story.verdict, story.warnings) == (Final(Outcome.FINISHED, ""), (warning,) if warning else ())


def test_a_post_deployment_command_that_never_ends_is_not_success() -> None:
    watch = Watch(Handle(WEB, "x"), began=0, deadline=60)
    row = finished(EXECUTING, finished_at=None)
    for second in range(0, 70, 10):
        watch, _ = observe(watch, rows.snapshot(row, BASE), second)
    assert after(Leg.DEPLOYMENT, (watch,), repeated=False) == Final(Outcome.TIMED_OUT, rows.UNSEEN_POST)


@pytest.mark.parametrize("status", ["exploded", "success", "error", "cancelled", "", "FINISHED", "x" * 500])
def test_an_unknown_status_is_neither_success_nor_failure_and_named_once(status: str) -> None:
    watch = Watch(Handle(WEB, "x"), began=0, deadline=1800)
    events: list[Any] = []
    for second in range(30):
        watch, new = observe(watch, rows.snapshot({**finished(), "status": status}, BASE), second)
        events += new
    told = [event.text for event in events if isinstance(event, Warned)]
    assert (watch.phase, watch.ending, len(told)) == (Phase.UNKNOWN, None, 1)
    assert repr(status[:60]) in told[0]
    assert len(told[0]) < 250


def key(*parts: str) -> bytes:
    """The fingerprint of an entry: 16 bytes, however long its text is."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()


@pytest.mark.parametrize(
    ("logs", "log", "warning"),
    [
        pytest.param(None, (), "", id="null"),
        pytest.param("", (), "", id="empty"),
        pytest.param("[]", (), "", id="no-entries"),
        pytest.param("[{", (), rows.UNREADABLE_LOG, id="broken"),
        pytest.param("{}", (), rows.UNREADABLE_LOG, id="an-object"),
        pytest.param("[" * 100_000, (), rows.UNREADABLE_LOG, id="too-deep"),
        pytest.param(5, (), rows.UNREADABLE_LOG, id="a-number"),
        pytest.param([entry("not encoded twice")], (), rows.UNREADABLE_LOG, id="a-list"),
        pytest.param('[null, 1, "x", []]', (), "", id="entries-that-are-none"),
        pytest.param('[{"output": 5}]', (Entry(key("None", "None", "5", "None"), "", hidden=True),), "", id="an-output-that-is-none"),
        pytest.param(
            '[{"output": "x", "hidden": 0}]', (Entry(key("None", "None", "x", "None"), "x", hidden=True),), "", id="hidden-in-doubt"
        ),
    ],
)
def test_a_log_of_any_kind_is_read_or_given_up_but_never_a_crash(logs: Any, log: tuple[Entry, ...], warning: str) -> None:
    seen = rows.snapshot({**body("deployment_get_finished"), "logs": logs}, BASE)
    assert (seen.phase, seen.log, seen.warning) == (Phase.SUCCEEDED, log, warning)


def keys(*listed: Row) -> list[Any]:
    return [each.key for each in rows.snapshot(finished(logs=json.dumps(listed)), BASE).log or ()]


def test_an_entry_is_known_by_16_bytes_and_by_all_that_tells_it_from_another() -> None:
    """A log of megabytes is not kept for its keys."""
    one = entry("x" * 1_000_000)
    others = [{**one, "output": "y"}, {**one, "timestamp": "z"}, {**one, "type": "stderr"}, {**one, "command": "ls"}]
    assert {(type(each), len(each)) for each in keys(one, *others)} == {(bytes, 16)}
    assert len(set(keys(one, *others))) == 5
    assert keys(one) == keys({**one, "batch": 7, "hidden": True, "order": 3})


PLAN = "Generating nixpacks configuration with: nixpacks plan -f json"
QUOTE = r"'\''"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"{PLAN} --env 'A=secret' /artifacts/x", f"{PLAN} --env 'A=***' /artifacts/x", id="one"),
        pytest.param(f"{PLAN} --env 'A=s' --env 'B_2=t' /x", f"{PLAN} --env 'A=***' --env 'B_2=***' /x", id="two"),
        pytest.param(f"{PLAN} --env 'A=' /x", f"{PLAN} --env 'A=***' /x", id="an-empty-one"),
        pytest.param(f"{PLAN} --env 'A=two words = \"x\"' /x", f"{PLAN} --env 'A=***' /x", id="of-many-words"),
        pytest.param(f"{PLAN} --env 'A=one\ntwo\n' /x", f"{PLAN} --env 'A=***' /x", id="of-many-lines"),
        pytest.param(f"{PLAN} --env 'A=it{QUOTE}s secret' /x", f"{PLAN} --env 'A=***' /x", id="with-a-quote"),
        pytest.param(f"{PLAN} --env 'A={QUOTE}{QUOTE}secret{QUOTE}' /x", f"{PLAN} --env 'A=***' /x", id="with-quotes-at-its-ends"),
        pytest.param(f"{PLAN} --env 'A=s{QUOTE} --env {QUOTE}B=t' /x", f"{PLAN} --env 'A=***' /x", id="that-pretends-to-be-two"),
        pytest.param(f"{PLAN} --env A=secret --env B=t /artifacts/x", f"{PLAN} --env A=*** --env B=*** /artifacts/x", id="as-beta434"),
        pytest.param(
            f"{PLAN} --env A=two words --env B= /artifacts/x", f"{PLAN} --env A=*** --env B=*** /artifacts/x", id="unquoted-words"
        ),
        pytest.param(f"{PLAN} --env A=one\ntwo /artifacts/x", f"{PLAN} --env A=*** /artifacts/x", id="unquoted-lines"),
        pytest.param(PLAN, PLAN, id="none"),
        pytest.param("docker run --env 'A=public'", "docker run --env 'A=public'", id="another-line"),
    ],
)
def test_the_values_of_variables_in_coolify_s_own_line_are_not_shown(text: str, shown: str) -> None:
    assert [each.text for each in rows.snapshot(finished(text), BASE).log or ()] == [shown]
    assert rows.snapshot(ended("failed", text), BASE).reason == f"{GAVE_NONE}{shown}"


def test_a_build_that_prints_such_a_line_is_shown_as_it_is() -> None:
    text = f"{PLAN} --env 'A=x' /x"
    assert [each.text for each in rows.snapshot(finished(entry(text, command="cat notes")), BASE).log or ()] == [text]


LONE = "\ud800"


def test_lone_surrogates_of_the_server_are_no_crash() -> None:
    """JSON can hold them, and neither UTF-8 nor a URL can."""
    row = finished(
        f"Deployment failed: {LONE}",
        f"{PLAN} --env 'A={LONE}'",
        deployment_url=f"/project/{LONE}x",
        server_name=LONE,
        commit=LONE,
    )
    for status in ("finished", "failed", "cancelled-by-user", LONE):
        seen = rows.snapshot({**row, "status": status}, BASE)
        assert (seen.link, seen.commit, len(seen.log or ())) == (f"{BASE}/project/%3Fx", "", 2)
    assert why(f"Deployment failed: {LONE} {BROKE}\nError: {LONE}") == f"exit code 1: {LONE}"


def test_a_log_that_is_absent_is_not_an_empty_one() -> None:
    watch, events = observe(Watch(Handle(WEB, "x"), 0, 99), rows.snapshot(body("deployment_logs_read_only"), BASE), 0)
    assert Unlogged(WEB) in events
    assert Unlogged(WEB) not in observe(Watch(Handle(WEB, "x"), 0, 99), rows.snapshot(body("deployment_logs_null"), BASE), 0)[1]
    assert watch.ending is None


@pytest.mark.parametrize("answer", [None, [], "text", 5, {}, {"status": None}, {"status": 5}, {"status": []}, [{"status": "finished"}]])
def test_an_answer_of_another_shape_is_no_news(answer: Any) -> None:
    with pytest.raises(UnavailableError) as caught:
        rows.snapshot(answer, BASE)
    assert (caught.value.itself, caught.value.arrived, caught.value.final) == (True, True, False)


def test_fields_of_the_wrong_type_are_left_out() -> None:
    odd = {"commit": 5, "server_name": [], "deployment_url": {}, "application": [], "logs": None, "finished_at": 1}
    assert rows.snapshot({"status": "finished", **odd}, BASE) == Snapshot(Phase.SUCCEEDED, "finished")


@pytest.mark.parametrize(
    ("path", "link"),
    [
        pytest.param("/project/a/production env/x", f"{BASE}/project/a/production%20env/x", id="a-blank-in-a-name-of-beta380"),
        pytest.param("https://evil.example.com/x", "", id="another-host"),
        pytest.param("/a\n::error::x", f"{BASE}/a%0A%3A%3Aerror%3A%3Ax", id="a-line-break"),
        pytest.param("", "", id="none"),
    ],
)
def test_the_link_leads_to_our_server_and_nowhere_else(path: str, link: str) -> None:
    assert rows.snapshot({**finished(), "deployment_url": path}, BASE).link == link


# --- causes

RUN = f"docker exec abc bash -c 'NPM_TOKEN={SECRET} npm ci'"
BROKE = f"Command execution failed (exit code 1): {RUN}"
RETRY = f"SSH connection failed. Retrying... (Attempt 1/3, waiting 2s)\nError: {BROKE}\nError: ssh: Connection refused\r\n"
RULED = "----------------------------------------"
UNHEALTHY = "New container is unhealthy."


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        pytest.param(
            [f"Deployment failed: {BROKE}\nError: npm ERR! code 1"],
            "exit code 1: npm ERR! code 1",
            id="the-command-is-left-out",
        ),
        pytest.param(
            [f"Deployment failed: {BROKE}\nError: one\ntwo\nError: three"],
            "exit code 1: one\ntwo\nError: three",
            id="of-an-error-of-many-lines-too",
        ),
        pytest.param(
            [f"Deployment failed: Rolling update failed (App\\E): Failed to start container: {BROKE}\nError: no such image"],
            "exit code 1: no such image",
            id="of-an-error-in-an-error-too",
        ),
        pytest.param([f"Deployment failed: {BROKE}\r\nError: gone\r\n"], "exit code 1: gone", id="with-carriage-returns"),
        pytest.param(
            ["Deployment failed: Server is not functional.", "Deployment failed. Removing the new version of your application."],
            "Server is not functional.",
            id="a-sentence-of-coolify",
        ),
        pytest.param(
            [RULED, "Deployment failed: " + "\n".join(f"line {number}" for number in range(40)), RULED],
            "\n".join(f"line {number}" for number in range(25, 40)),
            id="the-last-fifteen-lines",
        ),
        pytest.param(
            [f"Deployment failed: {'x' * 500}\n{'y' * 501}\n{'z' * 9000}"],
            f"{'x' * 500}\n{'y' * 500}\n{'z' * 500}",
            id="each-line-up-to-500-characters",
        ),
        pytest.param([f"{'x' * 9000}", "short"], f"{GAVE_NONE}{'x' * 500}\nshort", id="each-line-of-an-unknown-cause-up-to-500-characters"),
        pytest.param([f"Deployment failed: {BROKE}\nError: {'x' * 9000}"], f"exit code 1: {'x' * 487}", id="with-what-stands-before-it"),
        pytest.param(
            [UNHEALTHY, RULED, "Container logs:", entry("boom\nEADDRINUSE", command="docker logs x"), RULED, "Removing old containers."],
            "New container is unhealthy.\nContainer logs:\nboom\nEADDRINUSE",
            id="unhealthy-with-container-logs",
        ),
        pytest.param(
            [UNHEALTHY, RULED, "Container logs:", RULED, "Removing old containers."], NO_LOG, id="unhealthy-without-container-logs"
        ),
        pytest.param([UNHEALTHY], UNHEALTHY, id="unhealthy-and-nothing-after-it"),
        pytest.param(
            [UNHEALTHY, RULED, "Container logs:", entry("\n".join(map(str, range(100))), command="docker logs x"), RULED],
            "\n".join([UNHEALTHY, "Container logs:", *map(str, range(85, 100))]),
            id="unhealthy-and-talkative",
        ),
        pytest.param(
            [UNHEALTHY, "Container logs:", entry("a", command="docker logs x"), "Deployment failed: something else"],
            f"{UNHEALTHY}\nContainer logs:\na\nDeployment failed: something else",
            id="unhealthy-comes-first",
        ),
        pytest.param(
            [entry("hidden", hidden=True), *map(str, range(9)), RULED],
            "Coolify gave no reason. The last lines of its log:\n4\n5\n6\n7\n8",
            id="unknown-the-last-five-visible-lines",
        ),
        pytest.param([entry("hidden", hidden=True)], "", id="nothing-visible"),
        pytest.param([], "", id="nothing-at-all"),
        pytest.param(
            [entry("Deployment failed: Coolify was hacked", command="npm run build"), "the end"],
            "Coolify gave no reason. The last lines of its log:\nDeployment failed: Coolify was hacked\nthe end",
            id="a-build-that-speaks-as-coolify",
        ),
        pytest.param(
            [entry(UNHEALTHY, command="npm run build"), "Deployment failed: the true reason"],
            "the true reason",
            id="a-build-that-says-unhealthy",
        ),
        pytest.param(
            [entry("Deployment failed: hidden details", hidden=True), "Deployment failed: the visible reason"],
            "the visible reason",
            id="what-is-hidden-is-no-reason",
        ),
    ],
)
def test_the_cause_is_told_in_the_words_of_what_broke(entries: list[str | Row], reason: str) -> None:
    assert why(*entries) == reason


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([f"Deployment failed: {BROKE}\nError: x"], id="with-its-error"),
        pytest.param([f"Deployment failed: {BROKE}\nError: "], id="with-an-empty-error"),
        pytest.param([f"Deployment failed: {BROKE}"], id="without-an-error"),
        pytest.param(
            [f"Deployment failed: Command execution failed (exit code 1): echo 'a\nError: b' && {RUN}\nError: x"], id="of-many-lines"
        ),
        pytest.param([f"Deployment failed: first: {BROKE}\nError: second: {BROKE}\nError: x"], id="twice"),
        pytest.param([f"Deployment failed: {BROKE}\r\nError: x\r\n"], id="with-carriage-returns"),
        pytest.param([RETRY, RETRY], id="in-retries-of-ssh-that-are-the-last-lines"),
        pytest.param(["Oops something is not okay, are you okay? 😢", f"{BROKE}\nError: x"], id="before-beta443"),
    ],
)
def test_the_command_that_coolify_ran_is_in_no_cause(entries: list[str | Row]) -> None:
    reason = why(*entries)
    assert SECRET not in reason
    assert "docker exec" not in reason
    assert reason


@pytest.mark.parametrize("count", [3, 3000])
def test_a_cause_with_many_commands_in_it_is_told_without_one(count: int) -> None:
    reason = why("Deployment failed: " + f"{BROKE}\nError: " * count + "the end")
    assert SECRET not in reason
    assert reason.startswith("exit code 1: ")


def test_a_cause_with_many_lines_and_an_open_quote_is_found_in_no_time() -> None:
    reason = why("Deployment failed: Command execution failed (exit code 1): echo '" + "\nError: x" * 20_000)
    assert reason == "exit code 1: x"


def test_retries_of_ssh_are_not_the_cause() -> None:
    assert why(RETRY, RETRY, "Deployment failed: ssh: Connection refused") == "ssh: Connection refused"
    assert rows.snapshot(finished(RETRY), BASE).reason == ""


def test_a_ruled_line_of_the_container_does_not_cut_its_log() -> None:
    log: list[str | Row] = [
        UNHEALTHY,
        RULED,
        "Container logs:",
        *(entry(text, command="docker logs x") for text in (RULED, "EADDRINUSE")),
        RULED,
        "Removing",
    ]
    assert "EADDRINUSE" in why(*log)


# --- answers: what each error body means (contract 3.3 and 3.5)


def flags(**on: Any) -> Row:
    return {"arrived": False, "itself": False, "failure": "", "wait": 0, "final": False, **on}


def refused(reply: Reply) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        answers.good(reply)
    return caught.value


def unavailable(reply: Reply) -> Row:
    with pytest.raises(UnavailableError) as caught:
        answers.good(reply)
    return asdict(caught.value)


@pytest.mark.parametrize(
    ("name", "everywhere", "words"),
    [
        pytest.param("unauth_bad", True, ("Unauthenticated", "revoked or expired", "tick deploy first"), id="401-unauthenticated"),
        pytest.param("transport_401_unauthenticated", True, ("Unauthenticated", "Make a new one"), id="401-unauthenticated-derived"),
        pytest.param("left_team_401", True, ("left the team", "Make a new one"), id="401-left-the-team"),
        pytest.param("transport_401_invalid_token_team", True, ("left the team", "Make a new one"), id="401-left-the-team-derived"),
        pytest.param(
            "transport_api_disabled", True, ("switched off", "Settings, Advanced, API Access"), id="403-api-off-with-success-true"
        ),
        pytest.param("ip_denied", True, ("allowed addresses", "Allowed IPs"), id="403-address"),
        pytest.param("transport_403_ip_not_allowed", True, ("allowed addresses", "Allowed IPs"), id="403-address-derived"),
        pytest.param("deploy_probe_read", True, ("permissions: deploy", "tick deploy first"), id="403-deploy"),
        pytest.param(
            "v4.0.0-beta.380_deploy_probe_read", True, ("permissions: write, deploy", "tick deploy first"), id="403-write-or-deploy"
        ),
        pytest.param("deployment_get_deployonly_403", True, ("permissions: read", "then read"), id="403-read"),
        pytest.param("transport_403_missing_permission_read", True, ("permissions: read", "then read"), id="403-read-derived"),
        pytest.param("transport_403_member_token_abilities", True, ("member of the team", "admin or the owner"), id="403-member"),
        pytest.param("member_deploy_version", True, ("member of the team", "admin or the owner"), id="403-role"),
        pytest.param("transport_403_missing_team_role", True, ("member of the team", "admin or the owner"), id="403-role-derived"),
        pytest.param("transport_403_policy_denied", True, ("not authorized", "admin or the owner"), id="403-policy"),
        pytest.param(
            "deployment_cancel_403", False, ("You do not have permission to cancel this deployment.", "403"), id="403-of-one-deployment"
        ),
        pytest.param("v4.0.0-beta.380_app_start", True, ("permissions: write", ", and write"), id="403-write"),
        pytest.param("app_get_unknown", False, ("Application not found.", "404"), id="404-application"),
        pytest.param("app_deployments_unknown", False, ("Application not found", "404"), id="404-without-a-dot"),
        pytest.param("deployment_unknown", False, ("Deployment not found.", "404"), id="404-deployment"),
        pytest.param("deploy_unknown", False, ("No resources found.", "404"), id="404-resources"),
        pytest.param("catchall_404", False, ("Not found.", "404"), id="404-endpoint"),
        pytest.param("transport_404_unknown_endpoint", False, ("Not found.", "404"), id="404-endpoint-derived"),
        pytest.param("v4.0.0-beta.420_deploy_pr", False, ("No query results for model", "404"), id="404-model"),
        pytest.param("deploy_get_405", False, ("changed to a POST request", "405"), id="405"),
        pytest.param("transport_405_post_required", False, ("changed to a POST request", "405"), id="405-derived"),
        pytest.param("app_patch_409_domain_conflict", False, ("Domain conflicts detected", "409"), id="409"),
        pytest.param("app_patch_422_list", False, ("Validation failed", "422"), id="422-of-coolify"),
        pytest.param("app_deployments_take0", False, ("take field must be at least 1", "422"), id="422-of-laravel"),
        pytest.param("deploy_probe_deploy", False, ("You must provide uuid or tag.", "400"), id="400"),
        pytest.param("transport_400_invalid_token_team", False, ("Invalid token.", "400"), id="400-a-token-without-a-team"),
        pytest.param("deploy_both", False, ("uuid or tag, not both", "400"), id="400-both"),
    ],
)
def test_a_refusal_names_its_cause_and_its_remedy(name: str, *, everywhere: bool, words: tuple[str, ...]) -> None:
    error = refused(reply(name))
    assert error.everywhere is everywhere
    assert [word for word in words if word not in str(error)] == []


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        pytest.param(reply("ratelimit_429"), flags(itself=True, wait=6), ("asked too often", "Too Many Attempts."), id="429"),
        pytest.param(reply("transport_429_rate_limit"), flags(itself=True, wait=37), ("asked too often",), id="429-derived"),
        pytest.param(
            reply("deploy_body_list_500"),
            flags(arrived=True, itself=True, failure="HTTP 500: Server Error"),
            ("Coolify does not answer properly (HTTP 500: Server Error)",),
            id="500",
        ),
        pytest.param(
            reply("maintenance_503"),
            flags(arrived=True, itself=True, failure="HTTP 503: Service Unavailable", wait=60),
            ("Coolify does not answer properly (HTTP 503: Service Unavailable)",),
            id="503-maintenance",
        ),
        pytest.param(
            reply("transport_503_maintenance"),
            flags(arrived=True, itself=True, failure="HTTP 503: Service Unavailable"),
            ("Coolify does not answer properly (HTTP 503: Service Unavailable)",),
            id="503-derived",
        ),
        pytest.param(
            reply("deploy_body_list_500", body={"message": "a\n::error::b " + "x" * 900}),
            flags(arrived=True, itself=True, failure=f"HTTP 500: a ::error::b {'x' * 487}"),
            (),
            id="500-with-a-long-text-of-many-lines",
        ),
        pytest.param(
            reply("deploy_body_list_500_star"), flags(arrived=True), ("HTTP 500", "instead of JSON", "proxy or Cloudflare"), id="500-html"
        ),
        pytest.param(reply("maintenance_503_star"), flags(arrived=True, wait=60), ("HTTP 503", "instead of JSON"), id="503-html"),
        pytest.param(reply("ratelimit_429_star"), flags(wait=6), ("HTTP 429", "instead of JSON"), id="429-html"),
        pytest.param(
            reply("transport_proxy_traefik_404"),
            flags(),
            ("404 page not found", "being started or updated", "`coolify_url` is wrong"),
            id="404-traefik",
        ),
        pytest.param(
            reply("transport_proxy_cloudflare_access_302"),
            flags(final=True),
            ("Cloudflare Access", "CF-Access-Client-Id and CF-Access-Client-Secret as `headers`"),
            id="302-cloudflare-access",
        ),
        pytest.param(reply("api_root"), flags(final=True), ("login page", "`coolify_url`", "plain address"), id="302-login"),
        pytest.param(reply("accept_422_star"), flags(final=True), ("redirects", "`coolify_url`", "http://127.0.0.1"), id="302-elsewhere"),
        pytest.param(
            reply("api_root", headers={"location": "https://user:hunter22@new.example.com:8443/api/v1/version?token=x"}),
            flags(final=True),
            ("set `coolify_url` to https://new.example.com:8443",),
            id="301-without-what-is-secret",
        ),
        pytest.param(
            reply("api_root", headers={"location": "/elsewhere"}),
            flags(final=True),
            (f"set `coolify_url` to {BASE}",),
            id="302-relative",
        ),
        *(
            pytest.param(
                reply("api_root", headers=headers),
                flags(final=True),
                ("HTTP 302, a redirect to nowhere: is `coolify_url` right?",),
                id=name,
            )
            for name, headers in {
                "302-without-location": {},
                "302-to-half-an-address": {"location": "https://[::1"},
                "302-to-no-address": {"location": "//[x]/"},
            }.items()
        ),
        pytest.param(
            reply("api_root", status=403, headers={"cf-mitigated": "challenge"}),
            flags(),
            ("challenges this machine", "allow it"),
            id="cf-challenge",
        ),
        pytest.param(
            reply("api_root", status=403, body="error code: 1010"), flags(), ("error 1010", "browser integrity check"), id="cf-1010"
        ),
        pytest.param(
            reply("api_root", status=502, body="<html><title>502 Bad\n Gateway</title></html>"),
            flags(arrived=True),
            ('HTTP 502: a page ("502 Bad Gateway") instead of JSON',),
            id="502-of-a-proxy",
        ),
        pytest.param(
            reply("api_root", status=200), flags(arrived=True), ("HTTP 200", "instead of JSON", "wrong `coolify_url`"), id="200-html"
        ),
        pytest.param(reply("version"), flags(arrived=True), ("HTTP 200",), id="200-text"),
        *(
            pytest.param(
                reply("unauth_bad", status=status, body=body),
                flags(arrived=arrived),
                (f"HTTP {status}{said}. That is not Coolify's: a gateway in front of it, or a wrong `coolify_url`",),
                id=f"{status}-{name}",
            )
            for status, name, body, said, arrived in (
                (401, "without-a-message", {"error": "denied"}, " with JSON", False),
                (401, "with-a-list", [], " with JSON", False),
                (401, "in-other-words", {"message": "No API key found in request"}, ": No API key found in request", False),
                (401, "in-nearly-its-words", {"message": "Unauthenticated. Log in"}, ": Unauthenticated. Log in", False),
                (403, "in-other-words", {"message": "Forbidden\nby policy"}, ": Forbidden by policy", False),
                (403, "without-a-message", {"message": None}, " with JSON", False),
                (404, "in-other-words", {"message": "no Route matched with those values"}, ": no Route matched with those values", False),
                (404, "without-a-message", {"docs": "https://coolify.io/docs"}, " with JSON", False),
                (404, "of-long-words", {"message": "x" * 61 + "not found"}, f": {'x' * 61}not found", False),
                (400, "without-a-message", {}, " with JSON", True),
                (422, "with-a-list", [1], " with JSON", True),
                (500, "without-a-message", {"error": "x"}, " with JSON", True),
            )
        ),
        pytest.param(
            reply("ratelimit_429", body={"error": "slow down"}),
            flags(arrived=True, wait=6),
            ("HTTP 429 with JSON. That is not Coolify's",),
            id="429-of-a-gateway",
        ),
    ],
)
def test_no_answer_of_coolify_is_told_as_what_it_is(answer: Reply, expected: Row, words: tuple[str, ...]) -> None:
    seen = unavailable(answer)
    reason = seen.pop("reason")
    assert seen == expected
    assert [word for word in words if word not in reason] == []
    assert "hunter22" not in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param("Not found.", {}, id="not-found"),
        pytest.param("Project not found", {}, id="without-a-dot"),
        pytest.param("No resources found with this tag.", {}, id="no-resources"),
        pytest.param("No query results for model [App\\Models\\Application].", {}, id="a-model"),
        pytest.param("whatever it says one day", {"docs": "https://coolify.io/docs"}, id="by-its-docs"),
    ],
)
def test_a_404_in_coolify_s_own_words_is_a_refusal(text: str, fields: Row) -> None:
    error = refused(reply("unauth_bad", status=404, body={"message": text, **fields}))
    assert (error.reason, error.everywhere) == (f"Coolify says: {text} (HTTP 404)", False)


@pytest.mark.parametrize(
    ("listed", "too"), [("deploy", False), ("read", False), ("read:sensitive", False), ("write", True), ("write, deploy", True)]
)
def test_the_remedy_names_write_where_it_is_missing(listed: str, *, too: bool) -> None:
    error = refused(reply("unauth_bad", status=403, body={"message": f"Missing required permissions: {listed}"}))
    assert error.reason.endswith(f"Make a new one: {answers.BOXES}{', and write' if too else ''}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60", 60), ("0", 0), ("", 0), ("-5", 0), ("soon", 0), ("1e9", 0), ("9999999999", 0), ("6 ", 0)],
)
def test_retry_after_is_whole_seconds_or_nothing(text: str, seconds: float) -> None:
    assert answers.seconds(Reply(429, {}, is_json=True, headers={"retry-after": text})) == seconds


@pytest.mark.parametrize("status", [300, 304, 307, 308])
def test_every_redirect_is_final(status: int) -> None:
    assert unavailable(reply("api_root", status=status))["final"] is True


# --- the wire


@pytest.fixture(name="wire")
def _wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as wire:
        yield wire


def serve(wire: responses.RequestsMock, method: str, path: str, name: str, **changes: Any) -> None:
    """Answer with a recorded reply, or with one of its fields changed."""
    record = {**recorded(name), **changes}
    text = record["body"] if isinstance(record["body"], str) else json.dumps(record["body"])
    headers = {key: value for key, value in record["headers"].items() if key.lower() != "content-type"}
    kind = next((value for key, value in record["headers"].items() if key.lower() == "content-type"), "text/plain")
    wire.add(method, API + path, body=text, status=record["status"], headers=headers, content_type=kind)


def asked(wire: responses.RequestsMock) -> list[str]:
    """Every request that was sent: method, path below the API's address, and query."""
    return [f"{call.request.method} {str(call.request.url).removeprefix(API)}" for call in wire.calls]


def server(*, force: bool = False, instant: bool = False, wait: bool = True, **fields: Any) -> CoolifyServer:
    http = Http(API, token=TOKEN, agent=AGENT, now=lambda: 0.0)
    return CoolifyServer(http, BASE, Wish(force=force, instant=instant, wait=wait), **fields)


def connected(environ: Mapping[str, str], **common: Any) -> Any:
    """The provider behind these variables, as `main` makes it."""
    given = look_up((Common, Coolify), {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB, **environ})
    everyone, inputs = Common.read(given), Coolify.read(given)
    assert everyone is not None
    assert inputs is not None
    return inputs.connect(everyone, agent=AGENT, now=lambda: 0.0, direct=True)


def test_a_request_carries_what_the_contract_asks_for_and_no_body(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deploy", "deploy_one")
    connected({"DEPLOYER_HEADERS": "CF-Access-Client-Id: abc.access"}).start(WEB)
    sent = wire.calls[0].request
    assert sent.body is None
    assert {name: sent.headers.get(name) for name in ("Accept", "Authorization", "User-Agent", "CF-Access-Client-Id", "Content-Type")} == {
        "Accept": "application/json",
        "Authorization": f"Bearer {TOKEN}",
        "User-Agent": AGENT,
        "CF-Access-Client-Id": "abc.access",
        "Content-Type": None,
    }


@pytest.mark.parametrize(
    ("force", "instant", "line"),
    [
        pytest.param(False, False, f"POST /deploy?uuid={WEB}", id="no-force-parameter-at-all"),
        pytest.param(True, False, f"POST /deploy?uuid={WEB}&force=true", id="force"),
        pytest.param(False, True, f"POST /applications/{WEB}/start?instant_deploy=true", id="instant"),
        pytest.param(True, True, f"POST /applications/{WEB}/start?force=true&instant_deploy=true", id="instant-and-force"),
    ],
)
def test_a_trigger_has_its_parameters_in_the_query(wire: responses.RequestsMock, *, force: bool, instant: bool, line: str) -> None:
    serve(wire, "POST", f"/applications/{WEB}/start" if instant else "/deploy", "app_start" if instant else "deploy_one")
    server(force=force, instant=instant).start(WEB)
    assert asked(wire) == [line]


QUEUE_IS_FULL = "Coolify says: Deployment queue is full. Please wait for existing deployments to complete."
STACK, DATABASE, IMG = "3qh3mp6jonhvf2ksqqiuyega", "lyu0rj1vqtnuayeqp2xrswht", "p9gucyyywa3utcugsmjlr1bg"
WORKER = "uxsxz29r05tyykmxfo6j5yyg"
UNAUTHORIZED = {"deployments": [{"message": "Unauthorized to deploy this application.", "resource_uuid": WEB}]}
NAMED = {"deployments": [{"message": "Application already queued deployment queued.", "resource_uuid": WEB, "deployment_uuid": "abc"}]}


@pytest.mark.parametrize(
    ("target", "name", "changes", "answer"),
    [
        pytest.param(WEB, "deploy_one", {}, Started((Handle(WEB, "5msmrq1qozglmuj8ixfn8kpf"),)), id="queued"),
        pytest.param(
            OLD_WEB, "v4.0.0-beta.380_deploy_one", {}, Started((Handle(OLD_WEB, "o110v3pnbqabbkb2j8ewhc4p"),)), id="queued-beta380"
        ),
        pytest.param(WEB, "deploy_skipped", {}, Started((Handle(WEB, "", Trust.PHANTOM),), trigger.ALREADY_QUEUED), id="already-queued"),
        pytest.param(IMG, "deploy_many", {}, Started((Handle(IMG, "ka6hsgolnhecmaw6jewt2yf3"),)), id="the-one-asked-for-of-many"),
        pytest.param(
            WORKER, "deploy_many", {}, Started((Handle(WORKER, "", Trust.PHANTOM),), trigger.ALREADY_QUEUED), id="the-other-of-many"
        ),
        pytest.param(WEB, "deploy_duplicate_uuid", {}, Started((Handle(WEB, "yyu7s8hwk8pzvhrckljljnc8"),)), id="the-first-of-two"),
        pytest.param(WEB, "deploy_queue_full_429", {}, Refused(QUEUE_IS_FULL), id="the-queue-is-full"),
        pytest.param(WEB, "ratelimit_429_deploy", {}, Later(6, "Coolify is asked too often (Too Many Attempts.)"), id="asked-too-often"),
        pytest.param(
            WEB,
            "ratelimit_429_deploy",
            {"headers": {"Content-Type": "application/json"}},
            Later(60, "Coolify is asked too often (Too Many Attempts.)"),
            id="asked-too-often-without-retry-after",
        ),
        pytest.param(
            STACK,
            "deploy_service",
            {},
            Started(
                (),
                "Coolify says: Service stack started. It could take a while, be patient. "
                "Nothing newer was pulled, and there is no deployment to follow",
            ),
            id="a-service",
        ),
        pytest.param(
            DATABASE,
            "deploy_mixed",
            {},
            Started((), "Coolify says: Database pg started. Nothing newer was pulled, and there is no deployment to follow"),
            id="a-database",
        ),
        pytest.param(
            WEB, "deploy_one", {"body": UNAUTHORIZED}, Refused("Coolify says: Unauthorized to deploy this application."), id="unauthorized"
        ),
        pytest.param(
            WEB, "deploy_pr_unknown", {}, Refused("Coolify says: Pull request 7 not found for this resource."), id="no-pull-request"
        ),
        pytest.param(APP, "deploy_one", {}, Refused(f"Coolify knows no resource {APP}"), id="absent-from-the-list"),
        pytest.param(WEB, "deploy_one", {"body": NAMED}, Started((Handle(WEB, "abc"),)), id="an-application-that-is-called-already-queued"),
        pytest.param(
            WEB,
            "deploy_one",
            {"body": {"deployments": [None, 5, {"resource_uuid": WEB}]}},
            Refused("Coolify named no deployment"),
            id="no-words",
        ),
    ],
)
def test_each_answer_of_deploy_is_read_for_its_own_target(
    wire: responses.RequestsMock, target: str, name: str, changes: Row, answer: Started | Later | Refused
) -> None:
    serve(wire, "POST", "/deploy", name, **changes)
    assert server().start(target) == answer
    assert asked(wire) == [f"POST /deploy?uuid={target}"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param("app_start_instant", Started((Handle(WEB, "edkh4ab9wdcng2uqpnvjxn7m", Trust.DOUBTFUL),)), id="queued"),
        pytest.param("start_queue_full", Started((Handle(WEB, "ochclfhbeum8xh9vvoxlhlrf", Trust.DOUBTFUL),)), id="perhaps-a-phantom"),
        pytest.param("start_skipped", Started((Handle(WEB, "", Trust.PHANTOM),), trigger.ALREADY_QUEUED), id="already-queued"),
    ],
)
def test_each_answer_of_start_is_read(wire: responses.RequestsMock, name: str, answer: Started) -> None:
    serve(wire, "POST", f"/applications/{WEB}/start", name)
    assert server(instant=True).start(WEB) == answer


@pytest.mark.parametrize(
    ("name", "trust", "blind", "note"),
    [
        pytest.param("app_start_instant", Trust.DOUBTFUL, False, "", id="a-token-that-reads"),
        pytest.param("app_start_instant", Trust.SURE, True, trigger.UNCHECKED, id="a-blind-token"),
        pytest.param("start_queue_full", Trust.SURE, True, trigger.UNCHECKED, id="a-blind-token-and-perhaps-a-phantom"),
        pytest.param("start_skipped", Trust.PHANTOM, True, trigger.ALREADY_QUEUED, id="a-blind-token-and-already-queued"),
    ],
)
def test_what_nobody_can_look_at_is_believed_with_a_note(
    wire: responses.RequestsMock, name: str, trust: Trust, *, blind: bool, note: str
) -> None:
    serve(wire, "POST", f"/applications/{WEB}/start", name)
    started = server(instant=True, wait=False, blind=blind).start(WEB)
    assert isinstance(started, Started)
    assert ([handle.trust for handle in started.handles], started.note) == ([trust], note)
    assert "nobody can tell" in trigger.UNCHECKED


def test_a_blind_token_needs_no_note_for_deploy(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deploy", "deploy_one")
    assert server(wait=False, blind=True).start(WEB) == Started((Handle(WEB, "5msmrq1qozglmuj8ixfn8kpf"),))


@pytest.mark.parametrize("instant", [False, True])
@pytest.mark.parametrize("uuid", [5, 0, False, [], ["abc"], {"uuid": "abc"}, 1.5], ids=str)
def test_a_deployment_that_is_named_in_another_way_is_searched_for(wire: responses.RequestsMock, uuid: Any, *, instant: bool) -> None:
    """It was started, in all likelihood: "named no deployment" would be the wrong verdict, and a second trigger the wrong act."""
    answer = {"message": "Deployment request queued.", "resource_uuid": WEB, "deployment_uuid": uuid}
    path = f"/applications/{WEB}/start" if instant else "/deploy"
    serve(wire, "POST", path, "deploy_one", body=answer if instant else {"deployments": [answer]})
    with pytest.raises(UnavailableError) as caught:
        server(instant=instant).start(WEB)
    assert asdict(caught.value) == {
        "reason": "Coolify's answer to the trigger names a deployment in no way that we know",
        **flags(arrived=True),
    }


@pytest.mark.parametrize("instant", [False, True])
@pytest.mark.parametrize(
    "text", [None, [], "text", 5, {}, {"deployments": None}, {"deployments": {}}, {"deployments": "x"}, {"details": []}]
)
def test_an_answer_to_a_trigger_of_another_shape_starts_a_search_and_no_second_trigger(
    wire: responses.RequestsMock, text: Any, *, instant: bool
) -> None:
    """What it started, if anything, nobody knows: `arrived` makes the loop look on the server (rule 7)."""
    serve(wire, "POST", f"/applications/{WEB}/start" if instant else "/deploy", "deploy_one", body=text)
    with pytest.raises(UnavailableError) as caught:
        server(instant=instant).start(WEB)
    assert caught.value.arrived is True


@pytest.mark.parametrize(
    ("name", "everywhere", "words"),
    [
        pytest.param("deploy_probe_read", True, ("lacks a right", "tick deploy first"), id="no-deploy"),
        pytest.param("v4.0.0-beta.380_deploy_probe_read", True, ("lacks a right", "tick deploy first"), id="no-deploy-beta380"),
        pytest.param("unauth_bad", True, ("Unauthenticated",), id="revoked-meanwhile"),
        pytest.param("deploy_unknown", False, ("No resources found.",), id="unknown"),
    ],
)
def test_a_refused_trigger_says_why(wire: responses.RequestsMock, name: str, *, everywhere: bool, words: tuple[str, ...]) -> None:
    serve(wire, "POST", "/deploy", name)
    with pytest.raises(RefusedError) as caught:
        server().start(WEB)
    assert caught.value.everywhere is everywhere
    assert [word for word in words if word not in str(caught.value)] == []


def test_start_on_an_old_version_asks_for_the_box_that_is_missing(wire: responses.RequestsMock) -> None:
    """Before beta.464 start needs `write` (contract section 4): to tick `deploy` again would not help."""
    serve(wire, "POST", f"/applications/{WEB}/start", "v4.0.0-beta.380_app_start")
    with pytest.raises(RefusedError) as caught:
        server(instant=True).start(WEB)
    assert "write" in str(caught.value).partition("Make a new one")[2]


@pytest.mark.parametrize(
    ("name", "arrived", "changes"),
    [
        pytest.param("deploy_service_server_unreachable_500", True, {}, id="500-may-have-started-it"),
        pytest.param("maintenance_503", True, {}, id="503-json"),
        pytest.param("deploy_body_list_500_star", True, {}, id="500-html"),
        pytest.param("transport_proxy_traefik_404", False, {}, id="the-proxy-has-nobody-behind-it"),
        pytest.param("transport_proxy_cloudflare_access_302", False, {}, id="a-redirect"),
        *(
            pytest.param("unauth_bad", arrived, {"status": status, "body": {"message": "Blocked"}}, id=f"{status}-of-a-gateway")
            for status, arrived in ((401, False), (403, False), (404, False))
        ),
        pytest.param("unauth_bad", True, {"status": 400, "body": {"error": "x"}}, id="400-of-nobody"),
    ],
)
def test_a_trigger_without_an_answer_says_whether_it_arrived(
    wire: responses.RequestsMock, name: str, changes: Row, *, arrived: bool
) -> None:
    serve(wire, "POST", "/deploy", name, **changes)
    with pytest.raises(UnavailableError) as caught:
        server().start(WEB)
    assert caught.value.arrived is arrived


# --- the wire: reach and check


@pytest.mark.parametrize(
    "version",
    ["4.3.10", "4.0.0-beta.380", "4.0.0-beta.420.7", "4.4-rc.1", "4.4-rc.1.1a2b3c4", "4.3.10-dev.1a2b3c4d5", "v4.3.10", " 4.3.10\n"],
)
def test_reach_takes_every_form_of_version(wire: responses.RequestsMock, version: str) -> None:
    serve(wire, "GET", "/version", "version", body=version)
    assert server().reach() == f"Coolify {version.strip()} at {BASE}"
    assert asked(wire) == ["GET /version"]


def test_reach_takes_a_version_in_json_too(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/version", json="4.0.0-beta.380")
    assert server().reach() == f"Coolify 4.0.0-beta.380 at {BASE}"


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        pytest.param("api_root", {"status": 200}, 'a page ("Redirecting to http://127.0.0.1/login") instead of JSON', id="html-200"),
        pytest.param("version", {"body": "OK"}, "wrong `coolify_url`", id="ok"),
        pytest.param("version", {"body": ""}, "wrong `coolify_url`", id="nothing"),
        pytest.param("version", {"body": "4.3.10 ::error::x"}, "wrong `coolify_url`", id="a-version-and-more"),
        pytest.param("deployments_list_empty", {}, "not a version: `coolify_url` is not the address of a Coolify", id="a-list"),
        pytest.param("app_get_read", {}, "not a version", id="an-object"),
        pytest.param("app_get_read", {"body": {"version": "4.3.10"}}, "not a version", id="json-of-something-else"),
        pytest.param("transport_proxy_traefik_404", {}, "404 page not found", id="traefik"),
        pytest.param("maintenance_503", {}, "Service Unavailable", id="maintenance"),
    ],
)
def test_reach_believes_nothing_else(wire: responses.RequestsMock, name: str, changes: Row, words: str) -> None:
    serve(wire, "GET", "/version", name, **changes)
    with pytest.raises(UnavailableError) as caught:
        server().reach()
    assert words in caught.value.reason
    assert caught.value.reason.startswith(f"{BASE}: ")
    assert caught.value.itself is (name == "maintenance_503")
    assert caught.value.final is False


@pytest.mark.parametrize("name", ["v4.0.0-beta.380_version_noread", "transport_403_missing_permission_read"])
def test_a_token_that_may_not_read_ends_a_run_that_waits_with_the_way_out(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/version", name)
    with pytest.raises(RefusedError) as caught:
        server().reach()
    assert (caught.value.reason, caught.value.everywhere) == (f"{BASE}: {calls.NO_READ}", True)
    assert "tick deploy first, then read" in calls.NO_READ
    assert "`wait: false`" in calls.NO_READ


def test_a_token_that_may_not_read_reads_nothing_more_in_a_run_that_does_not_wait(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/version", "v4.0.0-beta.380_version_noread")
    coolify = server(wait=False)
    assert coolify.reach() == f"Coolify at {BASE} (the token may not read, so nothing but the trigger will be seen)"
    assert coolify.check(WEB) == Target(WEB)
    assert coolify.find(WEB) == Barred(calls.BLIND)
    assert asked(wire) == ["GET /version"]


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("name", ["unauth_bad", "left_team_401", "transport_api_disabled", "ip_denied", "member_deploy_version"])
def test_every_other_refusal_ends_the_run_whatever_wait_says(wire: responses.RequestsMock, name: str, *, wait: bool) -> None:
    serve(wire, "GET", "/version", name)
    with pytest.raises(RefusedError) as caught:
        server(wait=wait).reach()
    assert caught.value.everywhere is True
    assert caught.value.reason.startswith(f"{BASE}: ")


def test_reach_names_the_address_once_and_only_there(wire: responses.RequestsMock) -> None:
    """A typo in the address is seen at a glance; later troubles are of the same server."""
    wire.get(f"{API}/version", body=requests.exceptions.ConnectTimeout())
    serve(wire, "GET", f"/applications/{WEB}", "unauth_bad")
    with pytest.raises(UnavailableError) as caught:
        server().reach()
    assert asdict(caught.value) == {"reason": f"{BASE}: no connection within 5 s", **flags()}
    with pytest.raises(RefusedError) as later:
        server().check(WEB)
    assert BASE not in later.value.reason


def test_check_reads_the_application_and_its_newest_row(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read")
    coolify = server()
    assert coolify.check(WEB) == Target(WEB, "web", "application", "http://web.example.com")
    assert coolify.known == {WEB: Known(newest=6, listed=True)}
    assert asked(wire) == [f"GET /applications/{WEB}", f"GET /deployments/applications/{WEB}?take=3"]
    assert coolify.remaining is not None


def test_check_knows_a_post_deployment_command_and_an_application_never_deployed(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read", body={"name": "web", "post_deployment_command": "migrate"})
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_empty")
    coolify = server()
    assert coolify.check(WEB) == Target(WEB, "web", "application")
    assert coolify.known == {WEB: Known(listed=True, post_command=True)}


def test_check_before_beta402_remembers_what_is_going(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{OLD_WEB}", "v4.0.0-beta.380_app_get")
    serve(wire, "GET", f"/deployments/applications/{OLD_WEB}", "v4.0.0-beta.380_app_deployments")
    serve(wire, "GET", "/deployments", "v4.0.0-beta.380_deployments_list")
    coolify = server()
    coolify.check(OLD_WEB)
    mine = [row for row in body("v4.0.0-beta.380_deployments_list").values() if f"/application/{OLD_WEB}/" in row["deployment_url"]]
    assert len(mine) == 6
    assert coolify.known == {OLD_WEB: Known(running=frozenset(row["deployment_uuid"] for row in mine))}


@pytest.mark.parametrize(
    ("fqdn", "url"),
    [
        ("https://a.example.com,https://b.example.com", "https://a.example.com"),
        ("https://a.example.com:8080/x", "https://a.example.com:8080/x"),
        (None, ""),
        ("", ""),
        (5, ""),
        ("javascript:alert(1)", ""),
        ("https://a\n::error::x", ""),
        ('https://a"><img>', ""),
        ("https://a\ud800.example.com", ""),
    ],
)
def test_the_address_of_an_application_is_its_first_one_if_it_is_one(wire: responses.RequestsMock, fqdn: Any, url: str) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read", body={**body("app_get_read"), "fqdn": fqdn})
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read")
    assert server().check(WEB).url == url


def test_an_unknown_application_is_refused_alone_and_by_its_name(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_unknown")
    with pytest.raises(RefusedError) as caught:
        server().check(WEB)
    assert caught.value.everywhere is False
    assert [word for word in (WEB, "uuid is wrong", "another team", "Application not found.") if word not in str(caught.value)] == []


def test_a_uuid_cannot_leave_its_place_in_the_path(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/applications/..%2Fservers%3Fx", "app_get_unknown")
    with pytest.raises(RefusedError):
        server().check("../servers?x")


# --- the wire: a trigger whose answer was lost


def listing(*listed: Row) -> Row:
    return {"count": len(listed), "deployments": list(listed)}


def deployed(number: int, **changes: Any) -> Row:
    """A row of the application's list as 4.3.10 gives it."""
    return {
        **body("app_deployments_read")["deployments"][0],
        "id": number,
        "deployment_uuid": f"d{number}",
        "force_rebuild": False,
        **changes,
    }


OURS = Started((Handle(WEB, "d11"),), "found on the server")
UNKNOWN_WHOSE = "found on the server; this version of Coolify does not say who started it"
SEVERAL = "several were started at once: the oldest is followed"


@pytest.mark.parametrize(
    ("listed", "force", "found"),
    [
        pytest.param([deployed(11), deployed(10)], False, OURS, id="one"),
        pytest.param([deployed(11, status="finished")], False, OURS, id="one-that-is-over"),
        pytest.param([deployed(11, force_rebuild=True)], True, OURS, id="one-with-force"),
        pytest.param(
            [deployed(13), deployed(12), deployed(11)],
            False,
            Started((Handle(WEB, "d11", adopted=True),), SEVERAL),
            id="several",
        ),
        pytest.param([], False, None, id="none-at-all"),
        pytest.param([deployed(10), deployed(9)], False, None, id="none-that-is-newer"),
        pytest.param([deployed(11, force_rebuild=True)], False, None, id="another-force"),
        pytest.param([deployed(11)], True, None, id="another-force-while-forcing"),
        pytest.param([deployed(11, is_api=False, is_webhook=True)], False, None, id="a-webhook's"),
        pytest.param([deployed(11, is_api=False)], False, None, id="somebody's-in-the-dashboard"),
        pytest.param([deployed(11, pull_request_id=7)], False, None, id="a-pull-request's"),
        pytest.param([deployed(12, pull_request_id=7), deployed(11), deployed(13, is_api=False)], False, OURS, id="one-among-others"),
        pytest.param([None, 5, deployed(11)], False, OURS, id="among-what-is-no-row"),
    ],
)
def test_a_lost_trigger_is_found_among_the_newer_rows_like_ours(
    wire: responses.RequestsMock, listed: list[Any], *, force: bool, found: Started | None
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*listed))
    assert server(force=force, known={WEB: Known(newest=10, listed=True)}).find(WEB) == found
    assert asked(wire) == [f"GET /deployments/applications/{WEB}?take=10"]


@pytest.mark.parametrize("version", ["4.0.0-beta.420", "4.0.0-beta.434"])
def test_a_lost_trigger_is_found_where_the_server_does_not_mark_what_the_api_started(wire: responses.RequestsMock, version: str) -> None:
    """Row 3 is what `POST /deploy` started there, and its `is_api` is false; taken for somebody else's, it would be started twice."""
    answer = body(f"v{version}_deploy_one")["deployments"][0]
    target, ours = answer["resource_uuid"], answer["deployment_uuid"]
    row = next(row for row in body(f"v{version}_app_deployments")["deployments"] if row["deployment_uuid"] == ours)
    assert (row["id"], row["is_api"], row["is_webhook"]) == (3, False, False)
    serve(wire, "GET", "/version", "version", body=version)
    serve(wire, "GET", f"/applications/{target}", "v4.0.0-beta.380_app_get")
    older = listing({**row, "id": 2, "deployment_uuid": "older", "status": "finished"})
    for listed in (older, listing(row, *older["deployments"])):
        serve(wire, "GET", f"/deployments/applications/{target}", f"v{version}_app_deployments", body=listed)
    coolify = server()
    coolify.reach()
    coolify.check(target)
    found = coolify.find(target)
    assert isinstance(found, Started)
    assert found == Started((Handle(target, ours, adopted=True),), UNKNOWN_WHOSE)
    assert [handle.link for handle in found.handles] == [BASE + row["deployment_url"]]


@pytest.mark.parametrize(
    ("version", "marks"), [("4.0.0-beta.462", False), ("4.0.0-beta.463", True), ("4.0.0", True), ("4.3.10", True), ("4.4-rc.1", True)]
)
def test_where_the_server_says_what_the_api_started_the_one_row_is_ours(wire: responses.RequestsMock, version: str, *, marks: bool) -> None:
    serve(wire, "GET", "/version", "version", body=version)
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(deployed(11)))
    coolify = server(known={WEB: Known(newest=10, listed=True)})
    coolify.reach()
    found = coolify.find(WEB)
    assert found == (OURS if marks else Started((Handle(WEB, "d11", adopted=True),), UNKNOWN_WHOSE))
    assert isinstance(found, Started)
    assert found.handles[0].link == BASE + deployed(11)["deployment_url"]


def test_several_are_told_as_several_where_nobody_says_whose_they_are(wire: responses.RequestsMock) -> None:
    rows_there = [deployed(number, is_api=False) for number in (12, 11, 10)]
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*rows_there))
    found = server(known={WEB: Known(newest=10, listed=True)}, marks_api=False).find(WEB)
    assert found == Started((Handle(WEB, "d11", adopted=True),), SEVERAL)


OLD_ROWS: list[Row] = list(body("v4.0.0-beta.380_deployments_list").values())


def old(number: int, **changes: Any) -> Row:
    """A row of `GET /deployments` as beta.380 gives it: row 2 is what `POST /deploy` started."""
    row = next(row for row in OLD_ROWS if row["id"] == 2)
    return {**row, "id": number, "deployment_uuid": f"d{number}", **changes}


OLD_OURS = Started((Handle(OLD_WEB, "d11", adopted=True),), UNKNOWN_WHOSE)
OTHER = old(12, deployment_url=old(12)["deployment_url"].replace(OLD_WEB, APP))


@pytest.mark.parametrize(
    ("going", "found"),
    [
        pytest.param([old(10), old(11)], OLD_OURS, id="one-in-an-array"),
        pytest.param({"1": old(11), "0": old(10)}, OLD_OURS, id="one-in-an-object"),
        pytest.param(
            {"0": old(12), "3": old(11), "1": old(10)},
            Started((Handle(OLD_WEB, "d11", adopted=True),), SEVERAL),
            id="several",
        ),
        pytest.param([old(10)], Barred(calls.BLIND), id="none-that-is-new"),
        pytest.param([], Barred(calls.BLIND), id="none-at-all"),
        pytest.param([OTHER], Barred(calls.BLIND), id="another-application's"),
        pytest.param([OTHER, old(10), old(11)], OLD_OURS, id="one-among-another-application's"),
        pytest.param([old(11, is_webhook=True)], Barred(calls.BLIND), id="a-webhook's"),
        pytest.param([old(11, pull_request_id=7)], Barred(calls.BLIND), id="a-pull-request's"),
        pytest.param([old(11, force_rebuild=True)], Barred(calls.BLIND), id="another-force"),
    ],
)
def test_a_lost_trigger_before_beta402_is_found_among_all_that_are_going(wire: responses.RequestsMock, going: Any, found: Started) -> None:
    serve(wire, "GET", "/deployments", "v4.0.0-beta.380_deployments_list", body=going)
    seen = server(known={OLD_WEB: Known(running=frozenset({"d10"}))}).find(OLD_WEB)
    assert seen == found
    if isinstance(seen, Started):
        assert [handle.link for handle in seen.handles] == [BASE + old(11)["deployment_url"]]
    assert asked(wire) == ["GET /deployments"]


def test_nothing_is_found_for_a_target_that_was_never_checked() -> None:
    assert server().find(WEB) == Barred(calls.BLIND)


def test_a_token_that_may_read_no_more_cannot_find(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_deployonly")
    with pytest.raises(RefusedError) as caught:
        server(known={WEB: Known(listed=True)}).find(WEB)
    assert caught.value.everywhere is True


@pytest.mark.parametrize("text", [None, [], {}, {"deployments": {}}, {"deployments": None}])
def test_a_list_of_another_shape_is_not_an_empty_list(wire: responses.RequestsMock, text: Any) -> None:
    """An empty list would mean: send it again."""
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=text)
    with pytest.raises(UnavailableError):
        server(known={WEB: Known(listed=True)}).find(WEB)


def test_find_is_as_patient_as_it_is_told(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/deployments/applications/{WEB}", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        server(known={WEB: Known(listed=True)}).find(WEB, patience=1)
    assert wire.calls[0].request.req_kwargs["timeout"] == (1, 1)  # type: ignore[attr-defined]


# --- the wire: looks


def test_a_look_is_one_question(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished")
    assert server().look(Handle(APP, "abc")) == rows.snapshot(body("deployment_get_finished"), BASE)
    assert asked(wire) == ["GET /deployments/abc"]


def test_a_look_remembers_the_post_deployment_command(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/deployments/abc", "deployment_get_finished_no_finished_at")
    assert server(known={APP: Known(post_command=True)}).look(Handle(APP, "abc")).hold == math.inf


def test_links_lead_to_the_pages_not_to_the_path_of_the_api(wire: responses.RequestsMock) -> None:
    http = Http(f"{BASE}/sub/api/v1", token=TOKEN, agent=AGENT, now=lambda: 0.0)
    wire.get(f"{BASE}/sub/api/v1/deployments/abc", json=body("deployment_get_finished"))
    assert CoolifyServer(http, f"{BASE}/sub", Wish(force=False, instant=False, wait=True)).look(Handle(APP, "abc")).link == FIXTURE_LINK


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        pytest.param(Trust.SURE, "Coolify no longer has this deployment", id="it-was-there"),
        pytest.param(Trust.DOUBTFUL, calls.FULL_QUEUE, id="start-on-a-full-queue"),
    ],
)
def test_a_deployment_that_is_not_there_is_absent(wire: responses.RequestsMock, trust: Trust, reason: str) -> None:
    serve(wire, "GET", "/deployments/abc", "start_queue_full_phantom")
    assert server().look(Handle(WEB, "abc", trust)) == Snapshot(Phase.ABSENT, hold=2, reason=reason)


@pytest.mark.parametrize(
    "name", ["unauth_bad", "deployment_get_deployonly_403", "transport_404_unknown_endpoint", "transport_api_disabled"]
)
def test_a_look_that_is_refused_is_refused(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/deployments/abc", name)
    with pytest.raises(RefusedError):
        server().look(Handle(WEB, "abc"))


@pytest.mark.parametrize("name", ["transport_proxy_traefik_404", "maintenance_503", "maintenance_503_star", "ratelimit_429", "version"])
def test_a_look_that_gets_no_answer_of_coolify_is_no_news(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/deployments/abc", name)
    with pytest.raises(UnavailableError):
        server().look(Handle(WEB, "abc"))


BEHIND = Handle(WEB, "", Trust.PHANTOM)
NOTHING_BEHIND = Snapshot(Phase.ABSENT, reason="Coolify said that one was already queued, but there is none any more")


@pytest.mark.parametrize(
    ("listed", "real"),
    [
        pytest.param([deployed(3, status="in_progress")], "d3", id="running"),
        pytest.param([deployed(3, status="queued", is_api=False, is_webhook=True)], "d3", id="queued-by-a-webhook"),
        pytest.param([deployed(3, status="finished"), deployed(2, status="in_progress")], "d2", id="behind-one-that-is-over"),
        pytest.param([deployed(2, status="queued"), deployed(3, status="queued")], "d3", id="the-newest"),
        pytest.param([deployed(3, status="queued", pull_request_id=7), deployed(2, status="in_progress")], "d2", id="no-pull-request's"),
        pytest.param([deployed(3, status="finished"), deployed(2, status="exploded")], "", id="none-that-is-going"),
        pytest.param([], "", id="none"),
    ],
)
def test_behind_already_queued_is_the_newest_one_that_is_going_and_it_is_adopted(
    wire: responses.RequestsMock, listed: list[Row], real: str
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*listed))
    expected = Snapshot(Phase.ABSENT, next=(Handle(WEB, real, adopted=True),)) if real else NOTHING_BEHIND
    assert server().look(BEHIND) == expected


def test_behind_already_queued_before_beta402_is_what_all_that_are_going_show(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/deployments/applications/{OLD_WEB}", "v4.0.0-beta.380_app_deployments")
    serve(wire, "GET", "/deployments", "v4.0.0-beta.380_deployments_list")
    newest = next(row for row in OLD_ROWS if row["id"] == 9)["deployment_uuid"]
    seen = server().look(Handle(OLD_WEB, "", Trust.PHANTOM))
    assert seen == Snapshot(Phase.ABSENT, next=(Handle(OLD_WEB, newest, adopted=True),))


def huge(row: Row) -> TooLargeError:
    """What http.py raises of a body that is too large: PHP's JSON with its ends."""
    text = json.dumps(row, separators=(",", ":")).replace("/", "\\/")
    error = TooLargeError("the answer is larger than 64 MiB", arrived=True, itself=True)
    error.head, error.tail = text[:4000], text[-4000:]
    return error


class Large(Http):
    """A server whose every answer is too large."""

    def __init__(self, row: Row) -> None:
        super().__init__(API, token=TOKEN, agent=AGENT, now=lambda: 0.0)
        self._row = row

    def send(self, method: str, path: str, params: Mapping[str, str] | None = None, *, patience: float | None = None) -> Reply:
        raise huge(self._row)


def looked_at_large(row: Row, **known: Any) -> Snapshot:
    wish = Wish(force=False, instant=False, wait=True)
    return CoolifyServer(Large(row), BASE, wish, known={WEB: Known(**known)}).look(Handle(WEB, "abc"))


TALKATIVE = json.dumps([entry('"status":"failed" \\"status\\":\\"failed\\"' + "x" * 9000)])


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        pytest.param({"status": "in_progress", "finished_at": None}, (Phase.RUNNING, "in_progress", 0), id="running"),
        pytest.param({"status": "finished"}, (Phase.SUCCEEDED, "finished", 0), id="finished"),
        pytest.param({"status": "finished", "finished_at": None}, (Phase.SUCCEEDED, "finished", 10), id="finished-and-not-settled"),
        pytest.param({"status": "failed"}, (Phase.FAILED, "failed", 0), id="failed"),
        pytest.param({"status": "cancelled-by-user", "finished_at": None}, (Phase.CANCELLED, "cancelled-by-user", 10), id="cancelled"),
    ],
)
def test_of_a_body_that_is_too_large_the_status_still_counts(fields: Row, seen: tuple[Phase, str, float]) -> None:
    snapshot = looked_at_large(
        {**body("deployment_state_finished"), "finished_at": "2026-11-21T05:39:27.000000Z", "logs": TALKATIVE, **fields}
    )
    assert (snapshot.phase, snapshot.detail, snapshot.hold, snapshot.warning) == (*seen, calls.LARGE)


def test_a_body_that_is_too_large_does_not_end_the_wait_for_the_post_deployment_command() -> None:
    row = {**body("deployment_state_finished"), "finished_at": None, "logs": TALKATIVE}
    assert looked_at_large(row, post_command=True).hold == math.inf


def test_a_body_that_is_too_large_and_no_deployment_is_no_news() -> None:
    with pytest.raises(TooLargeError):
        looked_at_large({"x": "y" * 9000})


# --- the wire: cancel


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("cancel_queued_200", "cancelled", id="queued"),
        pytest.param("cancel_while_running", "cancelled", id="running"),
        pytest.param("cancel_terminal_400", "already over (cancelled-by-user)", id="already-cancelled"),
        pytest.param("cancel_again_400", "already over (cancelled-by-user)", id="twice"),
        pytest.param("v4.0.0-beta.434_cancel", "still running: this version of Coolify has no way to cancel it from outside", id="beta434"),
        pytest.param("v4.0.0-beta.380_cancel", "still running: this version of Coolify has no way to cancel it from outside", id="beta380"),
    ],
)
def test_a_cancel_tells_what_became_of_it(wire: responses.RequestsMock, name: str, how: str) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", name)
    assert server().cancel(Handle(WEB, "abc")) == how
    assert asked(wire) == ["POST /deployments/abc/cancel"]
    assert wire.calls[0].request.body is None


@pytest.mark.parametrize(
    ("name", "then", "how"),
    [
        pytest.param("v4.3.6_cancel", "v4.3.6_cancel_then_get", "cancelled", id="undefined-variable"),
        pytest.param("v4.3.6_cancel_server_unreachable", "v4.3.6_cancel_server_unreachable_then_get", "cancelled", id="no-ssh-4.3.6"),
        pytest.param("v4.0.0_cancel_server_unreachable", "v4.0.0_cancel_server_unreachable_then_get", "cancelled", id="no-ssh-4.0.0"),
        pytest.param("v4.3.6_cancel", "deployment_get_in_progress_sensitive", "cancel sent, not confirmed", id="still-running"),
        pytest.param("deploy_body_list_500_star", "v4.3.6_cancel_then_get", "cancelled", id="html-500"),
    ],
)
def test_a_cancel_that_failed_is_read_again(wire: responses.RequestsMock, name: str, then: str, how: str) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", name)
    serve(wire, "GET", "/deployments/abc", then)
    assert server().cancel(Handle(WEB, "abc"), patience=1) == how
    assert asked(wire) == ["POST /deployments/abc/cancel", "GET /deployments/abc"]
    assert [call.request.req_kwargs["timeout"] for call in wire.calls] == [(1, 1), (1, 1)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["v4.3.6_cancel", "maintenance_503_star"])
@pytest.mark.parametrize(
    ("then", "changes"),
    [
        pytest.param("unauth_bad", {}, id="the-token-is-revoked"),
        pytest.param("deployment_get_deployonly_403", {}, id="the-token-may-not-read"),
        pytest.param("deployment_unknown", {}, id="it-is-gone"),
        pytest.param("maintenance_503", {}, id="503"),
        pytest.param("maintenance_503_star", {}, id="503-html"),
        pytest.param("ratelimit_429", {}, id="429"),
        pytest.param("api_root", {}, id="a-redirect"),
        pytest.param("version", {}, id="text"),
        pytest.param("deployments_list_empty", {}, id="a-list"),
        pytest.param("deployment_get_cancelled", {"body": {"status": None}}, id="another-shape"),
    ],
)
def test_a_cancel_that_failed_and_cannot_be_read_again_is_not_confirmed(
    wire: responses.RequestsMock, name: str, then: str, changes: Row
) -> None:
    """It was sent, and that is what counts: neither a refusal nor "not reached"."""
    serve(wire, "POST", "/deployments/abc/cancel", name)
    serve(wire, "GET", "/deployments/abc", then, **changes)
    assert server().cancel(Handle(WEB, "abc")) == "cancel sent, not confirmed"
    assert len(wire.calls) == 2


@pytest.mark.parametrize(
    "broken", [requests.exceptions.ConnectTimeout(), requests.exceptions.ReadTimeout(), requests.ConnectionError()], ids=repr
)
def test_a_cancel_that_failed_and_a_network_that_is_gone_is_not_confirmed(wire: responses.RequestsMock, broken: Exception) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", "v4.3.6_cancel")
    wire.get(f"{API}/deployments/abc", body=broken)
    assert server().cancel(Handle(WEB, "abc"), patience=1) == "cancel sent, not confirmed"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("cancel_deploytoken_404", "Deployment not found.", id="404"),
        pytest.param("cancel_other_team", "You do not have permission to cancel this deployment.", id="403-another-team's"),
        pytest.param("cancel_read_403", "Missing required permissions: deploy", id="403-no-right"),
    ],
)
def test_a_cancel_that_is_refused_says_why(wire: responses.RequestsMock, name: str, words: str) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", name)
    with pytest.raises(RefusedError) as caught:
        server().cancel(Handle(WEB, "abc"))
    assert words in str(caught.value)


def test_a_page_in_front_of_coolify_confirms_no_cancel(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", "api_root", status=200)
    with pytest.raises(UnavailableError):
        server().cancel(Handle(WEB, "abc"))


# --- the rate limit


@pytest.mark.parametrize(("text", "left"), [("187", 187), ("0", 0), ("", None), ("many", None), ("-1", None), ("99999999999", None)])
def test_what_the_server_still_grants_is_remembered(wire: responses.RequestsMock, text: str, left: int | None) -> None:
    serve(wire, "GET", "/version", "version", headers={"X-RateLimit-Remaining": text})
    coolify = server()
    coolify.reach()
    assert coolify.remaining == left


def test_an_answer_without_the_header_grants_what_nobody_knows(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/version", "version", headers={"X-RateLimit-Remaining": "3"})
    serve(wire, "GET", "/deployments/abc", "maintenance_503")
    coolify = server()
    coolify.reach()
    with pytest.raises(UnavailableError):
        coolify.look(Handle(WEB, "abc"))
    assert coolify.remaining is None


# --- the inputs


def read(environ: Mapping[str, str]) -> tuple[Coolify | None, Given]:
    given = look_up((Common, Coolify), environ)
    return Coolify.read(given), given


def coolify(**environ: str) -> Coolify:
    inputs, given = read({"COOLIFY_TOKEN": TOKEN, **environ})
    assert inputs is not None, given.mistakes
    return inputs


def mistakes(**environ: str) -> list[str]:
    return read({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB, **environ})[1].mistakes


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("coolify.example.com", BASE),
        ("https://coolify.example.com", BASE),
        ("https://coolify.example.com/", BASE),
        ("https://coolify.example.com//", BASE),
        ("https://coolify.example.com/api", BASE),
        ("https://coolify.example.com/api/v1", BASE),
        ("https://coolify.example.com/api/v1/", BASE),
        ("https://coolify.example.com//api/v1", BASE),
        ("coolify.example.com/api/v1/", BASE),
        ("  https://coolify.example.com\n", BASE),
        ("HTTPS://coolify.example.com", BASE),
        ("https://coolify.example.com/?x=1#y", BASE),
        ("http://203.0.113.7:8000", "http://203.0.113.7:8000"),
        ("203.0.113.7:8000/api/v1", "https://203.0.113.7:8000"),
        ("localhost:8000", "https://localhost:8000"),
        ("http://[2001:db8::1]:8000/", "http://[2001:db8::1]:8000"),
        ("[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://example.com/coolify/", "https://example.com/coolify"),
        ("https://example.com/apian", "https://example.com/apian"),
        ("https://coolify.example.com.", "https://coolify.example.com."),
        ("coolify", "https://coolify"),
        ("my_coolify-1:8000", "https://my_coolify-1:8000"),
        (f"https://{'a' * 63}.example.com", f"https://{'a' * 63}.example.com"),
        ("https://köln.example.com", "https://köln.example.com"),
    ],
)
def test_an_address_is_taken_in_every_form_that_people_paste(text: str, base: str) -> None:
    assert coolify(COOLIFY_URL=text, DEPLOYER_UUID=WEB).base == base


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("ftp://coolify.example.com", "https:// or http://, not ftp://", id="ftp"),
        pytest.param("https://admin:hunter22@coolify.example.com", "must not hold a user or a password", id="a-password"),
        pytest.param("admin:hunter22@coolify.example.com", "must not hold a user or a password", id="a-password-without-scheme"),
        pytest.param("https://hunter22@coolify.example.com", "must not hold a user or a password", id="a-user"),
        pytest.param("https://coolify .example.com", "is no address", id="a-blank"),
        pytest.param("https://a.example.com https://b.example.com", "is no address", id="two"),
        pytest.param("https://coolify\n.example.com", "is no address", id="a-line-break"),
        pytest.param("https://", "is no address", id="no-host"),
        pytest.param("https:///api/v1", "is no address", id="no-host-but-a-path"),
        pytest.param("https://coolify.example.com:port", "ort", id="a-port-that-is-none"),
        pytest.param("https://coolify.example.com:99999", "ort", id="a-port-that-is-too-high"),
        pytest.param("https://[::1", "IPv6", id="half-an-ipv6"),
        pytest.param("https:/admin:hunter22@coolify.example.com", "is no address", id="half-a-scheme"),
        pytest.param("7|hunter22", "is no address", id="a-token"),
        pytest.param("https://7|hunter22", "is no address", id="a-token-behind-a-scheme"),
        pytest.param("https://coolify.example.com|hunter22/api/v1", "is no address", id="a-bar"),
        pytest.param("https://coolify..example.com", "is no address", id="an-empty-label"),
        pytest.param("https://.example.com", "is no address", id="an-empty-first-label"),
        pytest.param("https://coolify.example.com..", "is no address", id="two-dots-at-the-end"),
        pytest.param("https://.", "is no address", id="only-a-dot"),
        pytest.param(f"https://{'a' * 64}.example.com", "is no address", id="a-label-of-64"),
        pytest.param("https://coolify.$HOST", "is no address", id="a-variable-that-was-not-expanded"),
        pytest.param("https://coolify%2Eexample.com", "is no address", id="percent-encoded"),
    ],
)
def test_an_address_that_is_none_is_a_mistake_under_its_name(text: str, words: str) -> None:
    told = mistakes(COOLIFY_URL=text)
    assert len(told) == 1
    assert told[0].startswith("COOLIFY_URL: ")
    assert words in told[0]
    assert "hunter22" not in told[0]


@pytest.mark.parametrize(
    ("text", "base", "uuids", "force"),
    [
        pytest.param(f"{API}/deploy?uuid={WEB}&force=false", BASE, (WEB,), None, id="as-coolify-shows-it"),
        pytest.param(f"{API}/deploy?uuid={WEB}", BASE, (WEB,), None, id="without-force"),
        pytest.param(f"{API}/deploy?uuid={WEB}&force=true", BASE, (WEB,), "true", id="with-force"),
        pytest.param(f"{API}/deploy?force=false&uuid={WEB},{IMG}", BASE, (WEB, IMG), None, id="two"),
        pytest.param(f"{API}/deploy?uuid={WEB}%2C%20{IMG}", BASE, (WEB, IMG), None, id="two-encoded"),
        pytest.param(f"{API}/deploy?uuid={WEB}&uuid={IMG}", BASE, (WEB, IMG), None, id="twice"),
        pytest.param(f"{API}/deploy/?uuid={WEB}", BASE, (WEB,), None, id="a-trailing-slash"),
        pytest.param(f"coolify.example.com/api/v1/deploy?uuid={WEB}", BASE, (WEB,), None, id="without-scheme"),
        pytest.param(
            f"http://203.0.113.7:8000/api/v1/deploy?uuid={WEB}", "http://203.0.113.7:8000", (WEB,), None, id="an-address-and-port"
        ),
    ],
)
def test_a_webhook_gives_address_and_uuid_and_its_force_false_is_dropped(
    wire: responses.RequestsMock, text: str, base: str, uuids: tuple[str, ...], force: str | None
) -> None:
    inputs = coolify(COOLIFY_WEBHOOK=text)
    assert (inputs.base, inputs.targets) == (base, uuids)
    wire.post(f"{base}/api/v1/deploy", json=body("deploy_one"))
    everyone = Common.read(Given())
    assert everyone is not None
    inputs.connect(everyone, agent=AGENT, now=lambda: 0.0, direct=True).start(WEB)
    assert urlsplit(str(wire.calls[0].request.url)).query == f"uuid={WEB}" + (f"&force={force}" if force else "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(BASE, "is no Deploy Webhook", id="only-the-address"),
        pytest.param(f"{BASE}/webhooks/source/github/events", "is no Deploy Webhook", id="the-webhook-for-git"),
        pytest.param(f"{API}/deploy", "names no uuid", id="no-query"),
        pytest.param(f"{API}/deploy?uuid=", "names no uuid", id="an-empty-uuid"),
        pytest.param(f"{API}/deploy?uuid=%2C", "no uuid", id="a-comma"),
        pytest.param(f"{API}/deploy?uuid=a/b", "is no uuid", id="a-uuid-that-is-none"),
        pytest.param(
            f"https://admin:hunter22@coolify.example.com/api/v1/deploy?uuid={WEB}", "must not hold a user or a password", id="a-password"
        ),
    ],
)
def test_a_webhook_that_is_none_is_one_mistake(text: str, words: str) -> None:
    _, given = read({"COOLIFY_TOKEN": TOKEN, "COOLIFY_WEBHOOK": text})
    assert len(given.mistakes) == 1
    assert given.mistakes[0].startswith("COOLIFY_WEBHOOK: ")
    assert words in given.mistakes[0]
    assert "hunter22" not in given.mistakes[0]


def test_what_is_given_explicitly_beats_the_webhook() -> None:
    webhook = f"{API}/deploy?uuid={WEB}&force=true"
    inputs = coolify(COOLIFY_WEBHOOK=webhook, COOLIFY_URL="https://other.example.com", DEPLOYER_UUID=IMG, DEPLOYER_FORCE="false")
    assert (inputs.base, inputs.targets, inputs.force) == ("https://other.example.com", (IMG,), False)


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        (WEB, (WEB,)),
        (f"{WEB},{IMG}", (WEB, IMG)),
        (f"{WEB}, {IMG}", (WEB, IMG)),
        (f"{WEB} {IMG}", (WEB, IMG)),
        (f"\n{WEB}\r\n{IMG}\n", (WEB, IMG)),
        (f",{WEB},,{IMG},", (WEB, IMG)),
        (f"{WEB},{IMG},{WEB}", (WEB, IMG)),
        ("ABC-def-1", ("ABC-def-1",)),
    ],
)
def test_a_list_of_uuids_is_split_and_each_counts_once(text: str, targets: tuple[str, ...]) -> None:
    assert coolify(COOLIFY_URL=BASE, DEPLOYER_UUID=text).targets == targets


@pytest.mark.parametrize("text", ["a/b", "..", "a?b", "é", "a_b", f"{WEB};{IMG}", "https://coolify.example.com/project/x"])
def test_a_uuid_that_is_none_is_a_mistake(text: str) -> None:
    told = mistakes(DEPLOYER_UUID=text)
    assert [each for each in told if each.startswith("DEPLOYER_UUID: ") and "is no uuid" in each] == told
    assert len(told) == 1


@pytest.mark.parametrize("text", [",", " , ,\n,"])
def test_a_list_without_a_uuid_is_a_mistake(text: str) -> None:
    """Nothing to deploy must not be taken for everything deployed."""
    told = mistakes(DEPLOYER_UUID=text)
    assert len(told) == 1
    assert told[0].startswith("DEPLOYER_UUID")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("ghs_mArKeDsecret0000", id="github-actions"),
        pytest.param("ghp_mArKeDsecret0000", id="github-person"),
        pytest.param("github_pat_mArKeDsecret0000", id="github-fine-grained"),
        pytest.param("glpat-mArKeDsecret0000", id="gitlab"),
        pytest.param("7|mArKeDsecret 0000", id="a-blank"),
        pytest.param("7|mArKeDsecret\n0000", id="a-line-break"),
        pytest.param("7|mArKeDsecret\x000000", id="a-nul"),
        pytest.param("7|mArKeDsecret…", id="no-ascii"),
        pytest.param("https://coolify.example.com/mArKeDsecret", id="an-address"),
        pytest.param("HTTP://mArKeDsecret", id="an-address-in-capitals"),
        pytest.param("Bearer 7|mArKeDsecret", id="a-header"),
        pytest.param("bearer 7|mArKeDsecret", id="a-header-in-small-letters"),
    ],
)
def test_a_token_that_is_none_of_coolify_is_a_mistake_that_does_not_hold_it(token: str) -> None:
    inputs, given = read({"COOLIFY_URL": BASE, "COOLIFY_TOKEN": token, "DEPLOYER_UUID": WEB})
    assert inputs is None
    assert len(given.mistakes) == 1
    assert given.mistakes[0].startswith("COOLIFY_TOKEN: ")
    assert "mArKeDsecret" not in repr((given.mistakes, given.warnings))


@pytest.mark.parametrize("token", ["https://coolify.example.com", "Bearer 7|mArKeDsecret"])
def test_a_token_that_is_an_address_or_a_header_is_told_as_that(token: str) -> None:
    assert mistakes(COOLIFY_TOKEN=token) == ["COOLIFY_TOKEN: must be the token alone, no address and no header"]


def test_a_token_given_as_the_address_is_told_without_being_shown() -> None:
    assert mistakes(COOLIFY_URL=TOKEN) == ["COOLIFY_URL: is no address: write https://coolify.example.com"]
    assert mistakes(COOLIFY_URL=TOKEN, COOLIFY_TOKEN=BASE) == [
        "COOLIFY_URL: is no address: write https://coolify.example.com",
        "COOLIFY_TOKEN: must be the token alone, no address and no header",
    ]


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("http://coolify.example.com", True),
        ("http://coolify.example.com:8000", True),
        ("http://8.8.8.8:8000", True),
        ("http://[2606:4700:4700::1111]:8000", True),
        ("https://coolify.example.com", False),
        ("http://localhost:8000", False),
        ("http://127.0.0.1:8000", False),
        ("http://10.1.2.3:8000", False),
        ("http://192.168.0.7", False),
        ("http://[fd00::1]:8000", False),
        ("http://coolify", False),
        ("http://coolify.local", False),
        ("http://coolify.internal", False),
    ],
)
def test_a_token_that_would_cross_the_internet_in_the_clear_is_a_warning(address: str, *, warned: bool) -> None:
    warnings = coolify(COOLIFY_URL=address, DEPLOYER_UUID=WEB).warnings
    assert [("not encrypted" in each, "https://" in each) for each in warnings] == [(True, True)] * warned


def test_what_is_missing_is_told_all_at_once() -> None:
    _, given = read({})
    assert [each.partition(" is missing: ")[0] for each in given.mistakes] == ["COOLIFY_URL", "COOLIFY_TOKEN", "DEPLOYER_UUID"]
