"""What is printed for each event."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.model import (
    Ability,
    AbilityChecked,
    CancelResult,
    ChangeApplied,
    Command,
    Connected,
    DeploymentDetails,
    Entry,
    Event,
    Following,
    GroupExpanded,
    Handle,
    Idle,
    InterruptReceived,
    LogLines,
    Observation,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    PollFailed,
    PollFailing,
    Retriggering,
    RollingBack,
    Snapshot,
    Stage,
    Target,
    TargetFinished,
    TargetNote,
    TargetResolved,
    TargetWarning,
    TriggerDelayed,
    Triggering,
    TriggerUncertain,
)
from deployer.watch import Watch, observe
from tests.report.reports import (
    HIDDEN,
    LINK,
    REASON,
    RUN_SHA,
    SECRET,
    SHA,
    SYSTEMS,
    URL,
    log_lines,
    until_running,
)

# --- one target


def test_a_successful_run_is_reported_in_order(new_report: Any) -> None:
    report = new_report("plain")
    printed = report.emit(
        Connected("Coolify 4.3.10 at https://c"),
        *until_running("web"),
        log_lines("web", "one", "two\nthree"),
        42.0,
    )
    printed += report.emit(TargetFinished("web", Outcome.FINISHED))
    assert printed == [
        "Coolify 4.3.10 at https://c",
        f"web: application web, {URL.format('web')}",
        "web: triggering a deployment",
        "web: following deployment web-1",
        f"web: deployment page: {LINK.format('web')}",
        "web: building",
        "=== Build log of web ===",
        "one",
        "two",
        "three",
        f"web: finished in 42s, {URL.format('web')}",
    ]
    assert report.finish(Outcome.FINISHED) == []


def test_a_failure_is_one_annotation_with_reason_and_link(new_report: Any) -> None:
    report = new_report()
    report.emit(*until_running("web"), 61.0, TargetFinished("web", Outcome.FAILED, REASON))
    assert report.annotations("error") == [
        ("web: the deployment failed after 1m 01s", f"{REASON}\nSee {LINK.format('web')}")
    ]


def test_an_interrupted_job_is_a_warning(new_report: Any) -> None:
    report = new_report()
    report.emit(
        *until_running("web"),
        InterruptReceived("SIGTERM"),
        CancelResult("web", Handle("web", "web-1"), "cancelled"),
        TargetFinished("web", Outcome.INTERRUPTED),
    )
    assert (len(report.annotations("warning")), report.annotations("error")) == (1, [])
    assert f"web: deployment web-1: cancelled {LINK.format('web')}" in report.stdout.text


@pytest.mark.parametrize("outcome", [Outcome.FINISHED, Outcome.TRIGGERED])
@pytest.mark.parametrize("reason", ["", "found on the server"])
def test_success_of_an_adopted_deployment_says_who_started_it(
    new_report: Any, outcome: Outcome, reason: str
) -> None:
    report = new_report("plain")
    report.emit(*until_running("web", adopted=True))
    [printed] = report.emit(TargetFinished("web", outcome, reason))
    note = f" ({reason})" if reason else ""
    assert printed.endswith(f"{note} (a deployment that somebody else started)")
    own = new_report("plain")
    own.emit(*until_running("web"))
    assert "somebody else" not in own.emit(TargetFinished("web", outcome, reason))[0]


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(Outcome.INTERRUPTED, "warning"), (Outcome.TIMED_OUT, "error"), (Outcome.FAILED, "error")],
)
def test_the_result_of_a_cancel_is_in_the_annotation(new_report: Any, outcome: Outcome, level: str) -> None:
    report = new_report()
    report.emit(
        *until_running("web"),
        CancelResult("web", Handle("web", "web-1"), "cancel sent, not confirmed"),
        TargetFinished("web", outcome, REASON),
    )
    [(_, message)] = report.annotations(level)
    assert message == f"{REASON}\nDeployment: cancel sent, not confirmed\nSee {LINK.format('web')}"


def test_without_a_cancel_the_annotation_has_no_result(new_report: Any) -> None:
    report = new_report()
    report.emit(
        *until_running("web"), TargetFinished("web", Outcome.INTERRUPTED, "the job was cancelled (SIGTERM)")
    )
    assert report.annotations("warning") == [
        ("web: interrupted after 0s", f"the job was cancelled (SIGTERM)\nSee {LINK.format('web')}"),
    ]


def test_annotations_of_a_rehearsal_are_marked(new_report: Any) -> None:
    """An annotation stands alone on the run's page, so it must not look like a real deployment's."""
    report = new_report("github", "a", "b", "c", rehearsal=True)
    report.emit(*until_running("a"), TargetFinished("a", Outcome.FAILED, REASON))
    report.emit(*until_running("b"), TargetFinished("b", Outcome.TIMED_OUT))
    report.emit(*until_running("c"), TargetFinished("c", Outcome.INTERRUPTED, REASON))
    assert [title for title, _ in report.annotations("error") + report.annotations("warning")] == [
        "Rehearsal: a: the deployment failed after 0s",
        "Rehearsal: b",
        "Rehearsal: c: interrupted after 0s",
    ]


def test_warnings_of_a_rehearsal_are_marked(new_report: Any) -> None:
    report = new_report(rehearsal=True)
    report.emit(*until_running("web"), TargetWarning("web", "an unknown status"))
    assert report.annotations("warning") == [("Rehearsal: web", "an unknown status")]


def test_a_link_that_is_known_from_the_start_is_an_output_at_once(new_report: Any) -> None:
    """If the job is cancelled before the first poll, the link is all that users have."""
    report = new_report("github", result_file="result.json")
    report.emit(
        Triggering("web"),
        Following("web", Handle("web", "web-1", link=LINK.format("web")), "found on the server"),
    )
    assert report.outputs["deployment_url"] == LINK.format("web")
    assert report.reporter.links() == [LINK.format("web")]
    report.emit(TargetFinished("web", Outcome.INTERRUPTED, "the job was cancelled (SIGTERM)"))
    report.finish(Outcome.INTERRUPTED)
    assert report.result["targets"][0]["deployment_url"] == LINK.format("web")
    assert report.annotations("warning") == [
        ("web: interrupted after 0s", f"the job was cancelled (SIGTERM)\nSee {LINK.format('web')}")
    ]


def test_a_later_link_replaces_the_first_one(new_report: Any) -> None:
    report = new_report()
    report.emit(
        Following("web", Handle("web", "web-1", link="https://coolify.example.com/old")),
        DeploymentDetails("web", LINK.format("web"), "", ""),
    )
    assert report.outputs["deployment_url"] == LINK.format("web")
    assert f"web: deployment page: {LINK.format('web')}" in report.stdout.text


def test_no_output_contains_a_secret(new_report: Any) -> None:
    report = new_report(log_file="log", output_file="env")
    run = [
        *until_running("web", name=f"web {SECRET}"),
        log_lines("web", SECRET),
        TargetWarning("web", SECRET),
        TargetFinished("web", Outcome.FAILED, SECRET),
    ]
    report.emit(Connected(SECRET), *run)
    report.reporter.notice(SECRET)
    report.finish(Outcome.FAILED)
    written = [path.name for path in report.folder.iterdir() if SECRET in path.read_text()]
    assert (SECRET in report.stdout.text, written) == (False, [])


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(TriggerDelayed("web", 5, HIDDEN), id="delayed"),
        pytest.param(TriggerUncertain("web", HIDDEN), id="uncertain"),
        pytest.param(Retriggering("web", HIDDEN), id="retriggered"),
        pytest.param(RollingBack("web", HIDDEN), id="rolling-back"),
        pytest.param(PhaseChanged("web", Phase.RUNNING, HIDDEN, stage=Stage.VERIFY), id="site"),
        pytest.param(PhaseChanged("web", Phase.RUNNING, HIDDEN, stage=Stage.HEALTH), id="status"),
        pytest.param(PollFailing("web", HIDDEN), id="poll-failing"),
        pytest.param(TargetWarning("web", HIDDEN), id="warning"),
        pytest.param(CancelResult("web", Handle("web", "web-1"), HIDDEN), id="cancelled"),
        pytest.param(TargetFinished("web", Outcome.FINISHED, HIDDEN), id="finished"),
        pytest.param(TargetFinished("web", Outcome.FAILED, HIDDEN), id="failed"),
        pytest.param(log_lines("web", HIDDEN, f"{HIDDEN[:9]}\x1b[1m{HIDDEN[9:]}"), id="log"),
    ],
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_variable_s_value_is_redacted_in_text_from_outside(
    new_report: Any, system: str, event: Event
) -> None:
    report = new_report(system, log_file="log", output_file="env")
    report.emit(*until_running("web"), event, Idle())
    report.finish(Outcome.FAILED)
    written = [
        path.name
        for path in report.folder.iterdir()
        if HIDDEN in path.read_text() or HIDDEN[9:] in path.read_text()
    ]
    assert (HIDDEN in report.stdout.text, HIDDEN[9:] in report.stdout.text, written) == (False, False, [])
    assert "***" in report.stdout.text


def test_a_variable_s_value_may_only_occur_in_outputs(new_report: Any) -> None:
    report = new_report(log_file="log", output_file="env")
    target = Target(HIDDEN, name=HIDDEN, kind="application", url=f"https://{HIDDEN}.example.com")
    link = f"https://coolify.example.com/{HIDDEN}"
    printed = report.emit(
        Connected(HIDDEN),
        TargetResolved(target),
        ChangeApplied(HIDDEN, f"image: 1 → {HIDDEN}"),
        Triggering(HIDDEN),
    )
    printed += report.emit(
        TargetNote(HIDDEN, HIDDEN),
        Following(HIDDEN, Handle(HIDDEN, HIDDEN)),
        DeploymentDetails(HIDDEN, link, HIDDEN, HIDDEN),
    )
    printed += report.emit(
        log_lines(HIDDEN, "a line"), TargetFinished(HIDDEN, Outcome.FAILED, f"exit code 1: {HIDDEN}")
    )
    report.finish(Outcome.FAILED)
    [fields] = [each for each in report.result["targets"] if each["uuid"] == HIDDEN]
    expected = {
        "name": "",
        "url": target.url,
        "commit": HIDDEN,
        "deployment_uuid": HIDDEN,
        "deployment_url": link,
    }
    assert {name: fields[name] for name in expected} == expected
    redacted = ("***", f"{HIDDEN}: changed image: 1 → ***", f"{HIDDEN}: ***", "exit code 1: ***")
    assert [line for line in printed if "***" in line] == [
        line for line in printed if line.endswith(redacted) or ("exit code 1" in line)
    ]
    assert fields["reason"] == "exit code 1: ***"
    assert "image: 1 → ***" in report.read("summary")
    assert "exit code 1: ***" in report.read("summary")


def test_a_variable_s_value_is_not_redacted_in_log_labels(new_report: Any) -> None:
    report = new_report("plain", "web", HIDDEN, log_file="log")
    assert report.emit(log_lines(HIDDEN, f"a {HIDDEN}"))[-1] == f"[{HIDDEN}] a ***"
    assert report.read("log") == f"[{HIDDEN}] a ***\n"


def test_a_different_commit_is_one_warning_with_both_commits(new_report: Any) -> None:
    report = new_report()
    report.emit(*until_running("web"), *[DeploymentDetails("web", LINK.format("web"), SHA, "localhost")] * 3)
    [(title, message)] = report.annotations("warning")
    assert title == "web: another commit"
    assert SHA in message
    assert RUN_SHA in message


@pytest.mark.parametrize("commit", [RUN_SHA, RUN_SHA[:7], ""])
def test_the_same_commit_causes_no_warning(new_report: Any, commit: str) -> None:
    report = new_report()
    report.emit(*until_running("web"), DeploymentDetails("web", LINK.format("web"), commit, ""))
    assert report.annotations("warning") == []


def test_a_rehearsal_s_commit_causes_no_warning(new_report: Any) -> None:
    report = new_report(rehearsal=True)
    report.emit(*until_running("web"), DeploymentDetails("web", LINK.format("web"), SHA, ""))
    assert report.annotations("warning") == []


def test_details_of_a_deployment_that_is_no_longer_followed_are_dropped(new_report: Any) -> None:
    """The adopted one was cancelled, and link, commit and server of the new one are still unknown."""
    report = new_report()
    report.emit(
        *until_running("web", adopted=True),
        DeploymentDetails("web", LINK.format("web"), SHA, "localhost"),
        Retriggering("web", "it was cancelled"),
    )
    report.emit(Following("web", Handle("web", "web-2")), TargetFinished("web", Outcome.LOST, "gone"))
    report.finish(Outcome.LOST)
    [target] = report.result["targets"]
    assert (target["deployment_uuid"], target["deployment_url"], target["commit"], target["adopted"]) == (
        "web-2",
        "",
        "",
        False,
    )
    assert report.annotations("error") == [("web: lost track of the deployment after 0s", "gone")]


# --- commands


MESSAGES = {
    Command.DEPLOY: "triggering a deployment",
    Command.START: "starting it",
    Command.RESTART: "restarting it",
    Command.STOP: "stopping it",
    Command.ROLLBACK: "rolling back to the previous version",
    Command.CANCEL: "looking for deployments to cancel",
    Command.CHECK: "checking",
}


@pytest.mark.parametrize("command", Command)
def test_every_command_has_its_own_message(new_report: Any, command: Command) -> None:
    report = new_report("plain", command=command)
    assert report.emit(Triggering("web")) == [f"web: {MESSAGES[command]}"]


@pytest.mark.parametrize("command", Command)
def test_only_commands_that_make_something_live_end_with_the_url(new_report: Any, command: Command) -> None:
    report = new_report("plain", command=command)
    report.emit(
        TargetResolved(Target("web", "web", "application", URL.format("web"))), Triggering("web"), 7.0
    )
    url = (
        f", {URL.format('web')}"
        if command in {Command.DEPLOY, Command.START, Command.RESTART, Command.ROLLBACK}
        else ""
    )
    assert report.emit(TargetFinished("web", Outcome.FINISHED, "it was already running")) == [
        f"web: finished in 7s{url} (it was already running)"
    ]


def test_each_ability_is_one_line(new_report: Any) -> None:
    report = new_report("plain", command=Command.CHECK, preflight=True)
    abilities = [
        Ability("read", granted=True, purpose="to follow"),
        Ability("deploy", granted=False, purpose="to start", needed=True),
        Ability("write", granted=None, purpose="not needed here"),
    ]
    assert report.emit(*(AbilityChecked(ability) for ability in abilities)) == [
        "token: read: yes (to follow)",
        "token: deploy: no (to start)",
        "token: write: unknown (not needed here)",
    ]


@pytest.mark.parametrize("preflight", [True, False])
def test_preflight_reports_the_status_of_a_target(new_report: Any, preflight: bool) -> None:
    report = new_report("plain", preflight=preflight)
    status = ", running:healthy" if preflight else ""
    printed = report.emit(
        TargetResolved(Target("web", "shop", "application", URL.format("web"), "running:healthy"))
    )
    assert printed == [f"shop: application web{status}, {URL.format('web')}"]


def test_notes_are_labelled_with_their_target(new_report: Any) -> None:
    report = new_report("plain", "a", "b", preflight=True)
    report.emit(TargetResolved(Target("a", "shop", "application")))
    assert report.emit(
        TargetNote("a", "would queue a deployment"), TargetNote("b", "would start the database")
    ) == [
        "shop: would queue a deployment",
        "b: would start the database",
    ]
    assert report.emit(TargetFinished("a", Outcome.SKIPPED, "dry run")) == [
        "shop: skipped: nothing was started or changed (dry run)"
    ]


def test_preflight_has_no_deployment_output_and_no_error(new_report: Any) -> None:
    report = new_report("github", command=Command.CHECK, preflight=True)
    report.emit(
        TargetResolved(Target("web", "web", "application")),
        AbilityChecked(Ability("read", granted=True, purpose="")),
        TargetNote("web", "would queue a deployment"),
    )
    report.emit(TargetFinished("web", Outcome.FINISHED, "everything is there"))
    report.finish(Outcome.FINISHED)
    assert (report.annotations("error"), report.annotations("warning")) == ([], [])
    assert (report.outputs["status"], "deployment_uuid" in report.outputs) == ("finished", False)


# --- conditions, health and site checks


@pytest.mark.parametrize("condition", ["running", "stopped"])
def test_a_condition_is_reported_by_its_status(new_report: Any, condition: str) -> None:
    report = new_report("plain")
    printed = report.emit(
        Triggering("web"),
        Following("web", Handle("web", "", condition=condition)),
        PhaseChanged("web", Phase.RUNNING, "starting:unhealthy"),
    )
    printed += report.emit(PhaseChanged("web", Phase.SUCCEEDED, "running:healthy\nevil"), 61.0, Idle())
    assert printed == [
        "web: triggering a deployment",
        f"web: waiting until it is {condition}",
        "web: its status is starting:unhealthy",
        "web: its status is running:healthy evil",
        "still waiting: web: its status is running:healthy evil, 1m 01s since the trigger",
    ]
    report.finish(Outcome.FINISHED)
    assert report.result["targets"][0]["deployment_uuid"] == ""


@pytest.mark.parametrize(
    ("condition", "stage", "activity"),
    [
        ("running", Stage.DEPLOYMENT, "its status is 1 of 2"),
        ("running on", Stage.HEALTH, "its status is 1 of 2"),
        ("", Stage.VERIFY, "its site responds with 1 of 2"),
        ("", Stage.DEPLOYMENT, "building"),
    ],
)
def test_a_new_status_text_in_the_same_phase_is_only_shown_in_the_heartbeat(
    new_report: Any, condition: str, stage: Stage, activity: str
) -> None:
    report = new_report("plain")
    report.emit(
        Triggering("web"),
        Following("web", Handle("web", "", condition=condition), stage=stage),
        PhaseChanged("web", Phase.RUNNING, "0 of 2", stage=stage),
    )
    assert report.emit(PhaseChanged("web", Phase.RUNNING, "1 of 2", stage=stage, same=True)) == []
    assert report.emit(61.0, Idle()) == [f"still waiting: web: {activity}, 1m 01s since the trigger"]


def test_health_checks_are_reported_and_keep_the_deployment_s_details(new_report: Any) -> None:
    report = new_report("github")
    report.emit(*until_running("web"))
    printed = report.emit(
        Following("web", Handle("web", "", condition="healthy"), stage=Stage.HEALTH), 61.0, Idle()
    )
    printed += report.emit(
        PhaseChanged("web", Phase.RUNNING, "exited:unhealthy", stage=Stage.HEALTH),
        DeploymentDetails("web", "", "", "", Stage.HEALTH),
    )
    assert printed == [
        "web: deployed; waiting until it is running",
        "still waiting: web: deployed; waiting until it is running, 1m 01s since the trigger",
        "web: its status is exited:unhealthy",
    ]
    report.emit(TargetFinished("web", Outcome.UNVERIFIED, "it does not run"))
    assert (report.outputs["deployment_uuid"], report.outputs["deployment_url"]) == (
        "web-1",
        LINK.format("web"),
    )
    assert report.annotations("error") == [
        (
            "web: deployed, but not verified as running (1m 01s)",
            f"it does not run\nSee {LINK.format('web')}",
        )
    ]


SITE = Handle("web", "", condition="site")


HTTP_502 = "https://web.example.com responded with HTTP 502: Bad Gateway"


def test_changes_of_the_site_s_response_are_reported(new_report: Any) -> None:
    """The same error response again is not reported: it causes no event."""
    report = new_report("github")
    report.emit(*until_running("web"))
    printed = report.emit(
        Following("web", SITE, stage=Stage.VERIFY),
        61.0,
        Idle(),
        PhaseChanged("web", Phase.RUNNING, "HTTP 502", stage=Stage.VERIFY),
    )
    printed += report.emit(
        61.0,
        Idle(),
        PhaseChanged("web", Phase.SUCCEEDED, "HTTP 200", stage=Stage.VERIFY),
        DeploymentDetails("web", "", "", "", Stage.VERIFY),
    )
    assert printed == [
        "web: deployed; waiting for its site to respond",
        "still waiting: web: deployed; waiting for its site to respond, 1m 01s since the trigger",
        "web: its site responds with HTTP 502",
        "still waiting: web: its site responds with HTTP 502, 2m 02s since the trigger",
        "web: its site responds with HTTP 200",
    ]
    assert report.emit(TargetFinished("web", Outcome.FINISHED)) == [
        f"web: finished in 2m 02s, {URL.format('web')}"
    ]
    assert report.annotations("error") == []
    assert (report.outputs["deployment_uuid"], report.outputs["deployment_url"]) == (
        "web-1",
        LINK.format("web"),
    )


def test_a_failed_site_check_is_reported_with_response_and_link(new_report: Any) -> None:
    report = new_report("github")
    report.emit(
        *until_running("web"),
        Following("web", SITE, stage=Stage.VERIFY),
        180.0,
        PhaseChanged("web", Phase.RUNNING, "HTTP\n502", stage=Stage.VERIFY),
    )
    report.emit(TargetFinished("web", Outcome.UNVERIFIED, HTTP_502))
    report.finish(Outcome.UNVERIFIED)
    assert "web: its site responds with HTTP 502" in report.stdout.text
    assert report.annotations("error") == [
        (
            "web: deployed, but not verified as running (3m 00s)",
            f"{HTTP_502}\nSee {LINK.format('web')}",
        ),
    ]
    assert report.result["targets"][0]["reason"] == HTTP_502


def test_a_rollback_is_reported_and_the_output_stays_the_deployment(new_report: Any) -> None:
    report = new_report("github")
    report.emit(*until_running("web"))
    rollback = Handle("web", "web-2")
    printed = report.emit(
        RollingBack("web", HTTP_502), Following("web", rollback, "back to 2.0.1", stage=Stage.ROLLBACK)
    )
    assert printed == [
        f"web: {HTTP_502}; rolling back to the previous version",
        "web: rolling back: following deployment web-2 (back to 2.0.1)",
    ]
    report.emit(TargetFinished("web", Outcome.ROLLED_BACK, f"{HTTP_502}. The previous version was restored"))
    assert [text for _, text in report.annotations("error")] == [
        f"{HTTP_502}. The previous version was restored\nSee {LINK.format('web')}"
    ]
    assert report.outputs["deployment_uuid"] == "web-1"


# --- changes


IMAGE_CHANGED = "image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.1.0"


ENV_CHANGED = "variables: 1 added (A|B), 0 changed, 1 unchanged"


def test_changes_are_reported_in_log_and_summary(new_report: Any) -> None:
    report = new_report("github", "a", "b")
    report.emit(
        TargetResolved(Target("a", "shop", "application")), TargetResolved(Target("b", "web", "application"))
    )
    printed = report.emit(
        ChangeApplied("a", IMAGE_CHANGED),
        ChangeApplied("a", ENV_CHANGED),
        TargetNote("b", "no changes"),
    )
    assert printed == [
        f"shop: changed {IMAGE_CHANGED}",
        f"shop: changed {ENV_CHANGED}",
        "web: no changes",
    ]
    report.emit(TargetFinished("a", Outcome.FINISHED), TargetFinished("b", Outcome.REFUSED, "no"))
    report.finish(Outcome.REFUSED)
    assert report.read("summary").split("\n") == [
        "### Not started",
        "",
        "| Target | Status | Deployment | Commit | Duration |",
        "|---|---|---|---|---|",
        "| `shop` | ✅ finished |  |  |  |",
        "| `web` | ❌ refused |  |  |  |",
        "",
        "**Changed on the server**",
        "",
        f"- `shop`: `{IMAGE_CHANGED}`",
        f"- `shop`: `{ENV_CHANGED}`",
        "",
        "**Why `web` ended as refused**",
        "",
        "```text",
        "no",
        "```",
        "",
    ]


def test_a_created_application_is_reported_as_a_change(new_report: Any) -> None:
    report = new_report("github", "shop", by_name=True)
    report.emit(TargetResolved(Target("shop", "shop", "application", missing=True)))
    assert report.emit(ChangeApplied("shop", "created in project Shop", created=True)) == [
        "shop: created in project Shop"
    ]
    report.emit(
        GroupExpanded("shop", (Target("u1"),), gone=True),
        TargetResolved(Target("u1", "shop", "application")),
        ChangeApplied("u1", ENV_CHANGED),
    )
    report.emit(TargetFinished("u1", Outcome.FINISHED))
    report.finish(Outcome.FINISHED)
    changed = [line for line in report.read("summary").split("\n") if line.startswith("- ")]
    assert changed == ["- `shop`: `created in project Shop`", f"- `shop`: `{ENV_CHANGED}`"]


@pytest.mark.parametrize("outcome", [Outcome.INTERRUPTED, Outcome.LOST, Outcome.FAILED])
def test_changes_are_in_the_summary_whatever_the_outcome(new_report: Any, outcome: Outcome) -> None:
    report = new_report("github")
    report.emit(
        ChangeApplied("web", f"{IMAGE_CHANGED} (perhaps: no response)"),
        TargetFinished("web", outcome, "a reason"),
    )
    report.finish(outcome)
    assert f"- `web`: `{IMAGE_CHANGED} (perhaps: no response)`" in report.read("summary")


def test_changes_contain_no_secret(new_report: Any) -> None:
    report = new_report("github")
    report.emit(ChangeApplied("web", f"settings: {SECRET}"), TargetFinished("web", Outcome.FINISHED))
    report.finish(Outcome.FINISHED)
    assert SECRET not in report.stdout.text + report.read("summary")
    assert "settings: ***" in report.stdout.text


def test_deployments_to_cancel_are_named_but_not_followed_in_detail(new_report: Any) -> None:
    report = new_report("github", command=Command.CANCEL)
    first, own = (
        Handle("web", f"web-{number}", owner=Owner.OTHERS, started_by="a webhook started")
        for number in (1, 2)
    )
    printed = report.emit(
        Triggering("web"),
        CancelResult("web", first, "cancelled (a webhook started)"),
        CancelResult("web", own, "already over (failed)"),
    )
    printed += report.emit(
        *(Following("web", handle, stage=Stage.CANCELLATION) for handle in (first, own)),
        DeploymentDetails("web", LINK, SHA, "paris", Stage.CANCELLATION),
    )
    printed += report.emit(
        PhaseChanged("web", Phase.RUNNING, "in_progress", "paris", Stage.CANCELLATION),
        TargetFinished("web", Outcome.FINISHED, "1 cancelled"),
    )
    assert printed == [
        "web: looking for deployments to cancel",
        "web: deployment web-1: cancelled (a webhook started)",
        "web: deployment web-2: already over (failed)",
        "web: finished in 0s (1 cancelled)",
    ]
    assert report.outputs["deployment_uuid"] == "web-1"


def test_who_started_an_adopted_deployment_is_reported(new_report: Any) -> None:
    report = new_report("plain")
    handles = [
        Handle("web", f"web-{number}", owner=Owner.OTHERS, started_by=started_by)
        for number, started_by in ((1, "a webhook started"), (2, ""))
    ]
    assert report.emit(*(Following("web", handle, "already queued") for handle in handles)) == [
        (
            "web: following deployment web-1, which a webhook started: "
            "Deployer will not cancel it (already queued)"
        ),
        (
            "web: following deployment web-2, which somebody else started: "
            "Deployer will not cancel it (already queued)"
        ),
    ]


def test_a_deployment_of_unsure_owner_is_not_reported_as_others(new_report: Any) -> None:
    report = new_report("github")
    report.emit(TargetResolved(Target("web", kind="application")), Triggering("web"))
    unsure = Handle("web", "web-1", owner=Owner.UNSURE)
    assert report.emit(
        Following("web", unsure, "the oldest of several"), TargetFinished("web", Outcome.FINISHED)
    ) == [
        (
            "web: following deployment web-1, which may be somebody else's: "
            "Deployer will not cancel it (the oldest of several)"
        ),
        "web: finished in 0s",
    ]
    report.finish(Outcome.FINISHED)
    assert "somebody else" not in report.read("summary")


def test_a_timeout_says_whether_the_deployment_continues(new_report: Any) -> None:
    report = new_report("plain")
    printed = "\n".join(
        report.emit(
            *until_running("web"),
            TargetFinished("web", Outcome.TIMED_OUT, "it was still being built or started"),
        )
    )
    assert "The deployment is still running on the server and may still go live" in printed
    untriggered = new_report("plain")
    printed = "\n".join(
        untriggered.emit(
            TargetResolved(Target("web", kind="application")),
            Triggering("web"),
            TargetFinished("web", Outcome.TIMED_OUT, "full"),
        )
    )
    assert "Nothing was started: run the job again later." in printed


@pytest.mark.parametrize("command", [Command.CANCEL, Command.STOP])
def test_a_timeout_without_a_trigger_says_nothing_of_starting(new_report: Any, command: Command) -> None:
    printed = "\n".join(
        new_report("plain", command=command).emit(
            TargetResolved(Target("web")),
            Triggering("web"),
            TargetFinished("web", Outcome.TIMED_OUT, "broken"),
        )
    )
    assert "broken" in printed
    assert "Nothing was started" not in printed


def test_the_cancel_result_of_a_condition_has_no_uuid(new_report: Any) -> None:
    report = new_report("plain")
    service = Handle("web", "", condition="running")
    report.emit(Triggering("web"), Following("web", service))
    assert report.emit(CancelResult("web", service, "left running: it can't be cancelled")) == [
        "web: left running: it can't be cancelled"
    ]


# --- additional servers


PARIS = Handle("web", "web-2", server="paris", link=LINK.format("paris"))


def test_lines_of_an_additional_server_name_it_and_its_link_is_printed_once(new_report: Any) -> None:
    report = new_report("plain")
    report.emit(*until_running("web"))
    details = DeploymentDetails("web", LINK.format("paris"), SHA, "paris", Stage.ADDITIONAL_SERVERS)
    printed = report.emit(
        Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS),
        details,
        PhaseChanged("web", Phase.RUNNING, "in_progress", "paris", Stage.ADDITIONAL_SERVERS),
        details,
    )
    assert printed == [
        "web on paris: following deployment web-2 on an additional server",
        f"web on paris: deployment page: {LINK.format('paris')}",
        "web on paris: building",
    ]


def test_an_additional_server_changes_no_output_of_the_first(new_report: Any) -> None:
    report = new_report("github")
    report.emit(*until_running("web"), DeploymentDetails("web", LINK.format("web"), SHA, "localhost"))
    report.emit(
        Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS),
        DeploymentDetails("web", LINK.format("paris"), RUN_SHA, "paris", Stage.ADDITIONAL_SERVERS),
    )
    report.emit(TargetFinished("web", Outcome.FAILED, "on the additional server paris: exit code 1"))
    report.finish(Outcome.FAILED)
    [target] = report.result["targets"]
    assert (target["deployment_uuid"], target["deployment_url"]) == ("web-1", LINK.format("web"))
    assert (target["commit"], target["server"]) == (SHA, "localhost")
    assert report.outputs["deployment_uuids"] == "web-1"


@pytest.mark.parametrize(
    ("targets", "prefixes"),
    [
        pytest.param(("web",), ("", "[paris] "), id="one"),
        pytest.param(("web", "api"), ("[web] ", "[web on paris] "), id="several"),
    ],
)
@pytest.mark.parametrize("logs", ["live", "failure"])
def test_build_log_lines_are_labelled_with_their_server(
    new_report: Any, logs: str, targets: tuple[str, ...], prefixes: tuple[str, str]
) -> None:
    """Lines of the first server have no label of a server."""
    report = new_report("plain", *targets, logs=logs, log_file="log")
    report.emit(*until_running("web"))
    printed = report.emit(
        LogLines("web", (Entry(1, "one"),), "localhost"), LogLines("web", (Entry(2, "two\nthree"),), "paris")
    )
    printed += report.emit(TargetFinished("web", Outcome.FAILED, REASON))
    expected = [f"{prefixes[0]}one", f"{prefixes[1]}two", f"{prefixes[1]}three"]
    assert [line for line in printed if line.endswith(("one", "two", "three"))] == expected
    assert report.read("log").splitlines() == expected


def test_the_name_of_a_server_is_shortened_to_one_line(new_report: Any) -> None:
    report = new_report("plain")
    report.emit(*until_running("web"))
    name = f"pa\nris{'!' * 200}"
    printed = report.emit(
        PhaseChanged("web", Phase.RUNNING, "", name, Stage.ADDITIONAL_SERVERS),
        DeploymentDetails("web", LINK.format("x"), "", name, Stage.ADDITIONAL_SERVERS),
    )
    assert [line.startswith("web on pa ris!!") for line in printed] == [True, True]
    assert max(map(len, printed)) < 200 + len(LINK)


def test_every_line_of_an_additional_server_names_it(new_report: Any) -> None:
    """Including errors: otherwise users would look at the wrong server."""
    report = new_report("plain")
    report.emit(*until_running("web"))
    watch = Watch(PARIS, began=0, deadline=100, stage=Stage.ADDITIONAL_SERVERS)
    printed = report.emit(Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS))
    building = Snapshot(
        Phase.RUNNING, "in_progress", log=None, warnings=("an unknown status",), server="paris"
    )
    observations: list[Observation] = [
        PollFailed("HTTP 502"),
        building,
        Snapshot(Phase.FAILED, "failed", reason="exit code 1", server="paris"),
    ]
    for second, observation in enumerate(observations):
        watch, events = observe(watch, observation, second)
        printed += report.emit(*events)
    printed += report.emit(CancelResult("web", PARIS, "cancelled"))
    assert len(printed) > 5
    assert [line for line in printed if "paris" not in line] == []


def test_a_cancel_on_an_additional_server_is_reported_with_its_own_link(new_report: Any) -> None:
    report = new_report("plain")
    report.emit(*until_running("web"), Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS))
    [printed] = report.emit(CancelResult("web", PARIS, "cancel sent, not confirmed"))
    assert printed.endswith(f"deployment web-2: cancel sent, not confirmed {LINK.format('paris')}")


# --- several targets


def test_lines_of_several_targets_are_labelled(new_report: Any) -> None:
    report = new_report("plain", "a", "b", log_file="log")
    printed = report.emit(
        *until_running("a"), *until_running("b"), log_lines("b", "of b"), log_lines("a", "of a\nmore of a")
    )
    assert printed[-4:] == ["=== Build logs ===", "[b] of b", "[a] of a", "[a] more of a"]
    assert report.read("log") == "[b] of b\n[a] of a\n[a] more of a\n"


def test_targets_with_the_same_name_are_identified_by_uuid(new_report: Any) -> None:
    report = new_report("plain", "a", "b")
    printed = report.emit(*until_running("a", name="web"), *until_running("b", name="web"))
    assert printed[0].startswith("web: ")
    assert printed[5].startswith("b: ")


def test_every_failed_target_has_one_annotation(new_report: Any) -> None:
    report = new_report("github", "a", "b", "c")
    report.emit(*until_running("a"), *until_running("b"), *until_running("c"))
    report.emit(
        TargetFinished("a", Outcome.FAILED, REASON),
        TargetFinished("b", Outcome.FINISHED),
        TargetFinished("c", Outcome.FAILED, REASON),
    )
    assert [title.partition(":")[0] for title, _ in report.annotations("error")] == ["a", "c"]
    assert [message.partition("\n")[2] for _, message in report.annotations("error")] == [
        f"See {LINK.format(name)}" for name in "ac"
    ]


def test_a_common_reason_is_annotated_once_and_mentioned_for_each(new_report: Any) -> None:
    report = new_report("github", "a", "b", "c")
    printed = report.emit(
        *(TargetFinished(target, Outcome.REFUSED, "the token is wrong") for target in "abc")
    )
    assert report.annotations("error") == [("a: not started", "the token is wrong")]
    assert printed[1:] == ["b: not started, for the same reason", "c: not started, for the same reason"]


def test_a_hundred_failures_leave_room_for_other_annotations(new_report: Any) -> None:
    """The runner shows ten per level in a step; the rest are printed as lines."""
    names = tuple(f"t{number}" for number in range(100))
    report = new_report("github", *names)
    for name in names:
        report.emit(*until_running(name), TargetFinished(name, Outcome.FAILED, f"{name} broke"))
    assert len(report.annotations("error")) <= 8
    assert [name for name in names if f"{name} broke" not in report.stdout.text] == []


# --- waiting


@pytest.mark.parametrize("logs", ["live", "failure", "none"])
def test_a_silent_job_prints_a_heartbeat_every_minute(new_report: Any, logs: str) -> None:
    """Several CI systems kill a job without output; log lines that are only stored are no output."""
    report = new_report("github", logs=logs)
    report.emit(*until_running("web"))
    printed = []
    for _ in range(60):
        printed += report.emit(5.0, Idle())
        if logs != "live":
            report.emit(log_lines("web", "not shown"))
    assert len(printed) == 5
    assert printed[0] == "still waiting: web: building, 1m 00s since the trigger"


def test_a_job_with_output_prints_no_heartbeat(new_report: Any) -> None:
    report = new_report("github")
    report.emit(*until_running("web"))
    printed = []
    for _ in range(60):
        report.emit(5.0, log_lines("web", "a line"))
        printed += report.emit(Idle())
    assert printed == []


def test_a_heartbeat_names_three_targets_and_counts_the_rest(new_report: Any) -> None:
    report = new_report("github", *"abcde")
    report.emit(
        *(event for target in "abcde" for event in until_running(target)),
        TargetFinished("c", Outcome.FINISHED),
    )
    [printed] = report.emit(61.0, Idle())
    assert [f"{target}: building" in printed for target in "abcde"] == [True, True, False, True, False]
    assert printed.endswith("; and 1 more")


def test_the_status_line_is_only_for_terminals(new_report: Any) -> None:
    assert new_report("plain").emit(*until_running("web"), 5.0, Idle())[-1] == "web: building"
    report = new_report("plain", terminal=True)
    report.emit(*until_running("web"), 5.0, Idle(), 5.0, Idle(), TargetFinished("web", Outcome.FINISHED))
    report.finish(Outcome.FINISHED)
    clear = "\r\x1b[2K"
    assert (
        f"{clear}web: building, 5s since the trigger{clear}web: building, 10s since the trigger"
        f"{clear}web: finished" in report.stdout.text
    )
    assert report.stdout.text.endswith("\n")
