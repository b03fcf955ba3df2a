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
from tests.report.desk import HIDDEN, LINK, RUN_SHA, SECRET, SHA, SYSTEMS, URL, WHY, logged, started

# --- the story


def test_a_story_that_goes_well_is_told_in_order(desk: Any) -> None:
    told = desk("plain")
    said = told.hear(
        Connected("Coolify 4.3.10 at https://c"), *started("web"), logged("web", "one", "two\nthree"), 42.0
    )
    said += told.hear(TargetFinished("web", Outcome.FINISHED))
    assert said == [
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
    assert told.finish(Outcome.FINISHED) == []


def test_a_bad_end_names_the_cause_and_the_page_in_one_annotation(desk: Any) -> None:
    told = desk()
    told.hear(*started("web"), 61.0, TargetFinished("web", Outcome.FAILED, WHY))
    assert told.told("error") == [
        ("web: the deployment failed after 1m 01s", f"{WHY}\nSee {LINK.format('web')}")
    ]


def test_an_interrupted_job_is_a_warning_and_no_error(desk: Any) -> None:
    told = desk()
    told.hear(
        *started("web"),
        InterruptReceived("SIGTERM"),
        CancelResult("web", Handle("web", "web-1"), "cancelled"),
        TargetFinished("web", Outcome.INTERRUPTED),
    )
    assert (len(told.told("warning")), told.told("error")) == (1, [])
    assert f"web: deployment web-1: cancelled {LINK.format('web')}" in told.stdout.text


@pytest.mark.parametrize("outcome", [Outcome.FINISHED, Outcome.TRIGGERED])
@pytest.mark.parametrize("why", ["", "found on the server"])
def test_a_good_end_of_somebody_else_s_deployment_says_whose_it_was(
    desk: Any, outcome: Outcome, why: str
) -> None:
    told = desk("plain")
    told.hear(*started("web", adopted=True))
    [said] = told.hear(TargetFinished("web", outcome, why))
    assert said.endswith(f"{f' ({why})' if why else ''} (a deployment that somebody else started)")
    ours = desk("plain")
    ours.hear(*started("web"))
    assert "somebody else" not in ours.hear(TargetFinished("web", outcome, why))[0]


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(Outcome.INTERRUPTED, "warning"), (Outcome.TIMED_OUT, "error"), (Outcome.FAILED, "error")],
)
def test_what_became_of_a_withdrawn_deployment_stands_in_the_annotation(
    desk: Any, outcome: Outcome, level: str
) -> None:
    told = desk()
    told.hear(
        *started("web"),
        CancelResult("web", Handle("web", "web-1"), "cancel sent, not confirmed"),
        TargetFinished("web", outcome, WHY),
    )
    [(_, message)] = told.told(level)
    assert message == f"{WHY}\nIts deployment: cancel sent, not confirmed\nSee {LINK.format('web')}"


def test_what_was_not_withdrawn_has_no_such_line(desk: Any) -> None:
    told = desk()
    told.hear(*started("web"), TargetFinished("web", Outcome.INTERRUPTED, "the job was cancelled (SIGTERM)"))
    assert told.told("warning") == [
        ("web: interrupted after 0s", f"the job was cancelled (SIGTERM)\nSee {LINK.format('web')}"),
    ]


def test_in_a_rehearsal_every_annotation_of_a_target_says_so(desk: Any) -> None:
    """An annotation stands alone on the run's page: nobody may take it for the real deployment's."""
    told = desk("github", "a", "b", "c", rehearsal=True)
    told.hear(*started("a"), TargetFinished("a", Outcome.FAILED, WHY))
    told.hear(*started("b"), TargetFinished("b", Outcome.TIMED_OUT))
    told.hear(*started("c"), TargetFinished("c", Outcome.INTERRUPTED, WHY))
    assert [title for title, _ in told.told("error") + told.told("warning")] == [
        "Rehearsal: a: the deployment failed after 0s",
        "Rehearsal: b",
        "Rehearsal: c: interrupted after 0s",
    ]


def test_in_a_rehearsal_a_warning_of_a_target_says_so(desk: Any) -> None:
    told = desk(rehearsal=True)
    told.hear(*started("web"), TargetWarning("web", "a status that nobody knows"))
    assert told.told("warning") == [("Rehearsal: web", "a status that nobody knows")]


def test_a_page_that_is_known_from_the_start_is_told_and_written_at_once(desk: Any) -> None:
    """A deployment that was found on the server: when we are stopped before the first look, its page is all that people have."""
    told = desk("github", result_file="result.json")
    told.hear(
        Triggering("web"),
        Following("web", Handle("web", "web-1", link=LINK.format("web")), "found on the server"),
    )
    assert told.outputs["deployment_url"] == LINK.format("web")
    assert told.reporter.links() == [LINK.format("web")]
    told.hear(TargetFinished("web", Outcome.INTERRUPTED, "the job was cancelled (SIGTERM)"))
    told.finish(Outcome.INTERRUPTED)
    assert told.result["targets"][0]["deployment_url"] == LINK.format("web")
    assert told.told("warning") == [
        ("web: interrupted after 0s", f"the job was cancelled (SIGTERM)\nSee {LINK.format('web')}")
    ]


def test_a_link_that_another_look_gives_replaces_the_first_one(desk: Any) -> None:
    told = desk()
    told.hear(
        Following("web", Handle("web", "web-1", link="https://coolify.example.com/old")),
        DeploymentDetails("web", LINK.format("web"), "", ""),
    )
    assert told.outputs["deployment_url"] == LINK.format("web")
    assert f"web: deployment page: {LINK.format('web')}" in told.stdout.text


def test_nothing_that_is_said_holds_a_secret(desk: Any) -> None:
    told = desk(log_file="log", output_file="env")
    run = [
        *started("web", name=f"web {SECRET}"),
        logged("web", SECRET),
        TargetWarning("web", SECRET),
        TargetFinished("web", Outcome.FAILED, SECRET),
    ]
    told.hear(Connected(SECRET), *run)
    told.reporter.notice(SECRET)
    told.finish(Outcome.FAILED)
    written = [path.name for path in told.folder.iterdir() if SECRET in path.read_text()]
    assert (SECRET in told.stdout.text, written) == (False, [])


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(TriggerDelayed("web", 5, HIDDEN), id="delayed"),
        pytest.param(TriggerUncertain("web", HIDDEN), id="doubted"),
        pytest.param(Retriggering("web", HIDDEN), id="repeated"),
        pytest.param(RollingBack("web", HIDDEN), id="returned"),
        pytest.param(PhaseChanged("web", Phase.RUNNING, HIDDEN, stage=Stage.VERIFY), id="site"),
        pytest.param(PhaseChanged("web", Phase.RUNNING, HIDDEN, stage=Stage.HEALTH), id="status"),
        pytest.param(PollFailing("web", HIDDEN), id="wavered"),
        pytest.param(TargetWarning("web", HIDDEN), id="warned"),
        pytest.param(CancelResult("web", Handle("web", "web-1"), HIDDEN), id="withdrawn"),
        pytest.param(TargetFinished("web", Outcome.FINISHED, HIDDEN), id="good-end"),
        pytest.param(TargetFinished("web", Outcome.FAILED, HIDDEN), id="bad-end"),
        pytest.param(logged("web", HIDDEN, f"{HIDDEN[:9]}\x1b[1m{HIDDEN[9:]}"), id="log"),
    ],
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_value_of_a_variable_is_taken_out_of_what_comes_from_outside(
    desk: Any, system: str, event: Event
) -> None:
    told = desk(system, log_file="log", output_file="env")
    told.hear(*started("web"), event, Idle())
    told.finish(Outcome.FAILED)
    written = [
        path.name
        for path in told.folder.iterdir()
        if HIDDEN in path.read_text() or HIDDEN[9:] in path.read_text()
    ]
    assert (HIDDEN in told.stdout.text, HIDDEN[9:] in told.stdout.text, written) == (False, False, [])
    assert "***" in told.stdout.text


def test_the_value_of_a_variable_may_stand_in_outputs_and_nowhere_else(desk: Any) -> None:
    told = desk(log_file="log", output_file="env")
    target = Target(HIDDEN, name=HIDDEN, kind="application", url=f"https://{HIDDEN}.example.com")
    link = f"https://coolify.example.com/{HIDDEN}"
    said = told.hear(
        Connected(HIDDEN),
        TargetResolved(target),
        ChangeApplied(HIDDEN, f"image: 1 → {HIDDEN}"),
        Triggering(HIDDEN),
    )
    said += told.hear(
        TargetNote(HIDDEN, HIDDEN),
        Following(HIDDEN, Handle(HIDDEN, HIDDEN)),
        DeploymentDetails(HIDDEN, link, HIDDEN, HIDDEN),
    )
    said += told.hear(
        logged(HIDDEN, "a line"), TargetFinished(HIDDEN, Outcome.FAILED, f"exit code 1: {HIDDEN}")
    )
    told.finish(Outcome.FAILED)
    [fact] = [each for each in told.result["targets"] if each["uuid"] == HIDDEN]
    wanted = {
        "name": "",
        "url": target.url,
        "commit": HIDDEN,
        "deployment_uuid": HIDDEN,
        "deployment_url": link,
    }
    assert {name: fact[name] for name in wanted} == wanted
    marked = ("***", f"{HIDDEN}: changed image: 1 → ***", f"{HIDDEN}: ***", "exit code 1: ***")
    assert [line for line in said if "***" in line] == [
        line for line in said if line.endswith(marked) or ("exit code 1" in line)
    ]
    assert fact["reason"] == "exit code 1: ***"
    assert "image: 1 → ***" in told.read("summary")
    assert "exit code 1: ***" in told.read("summary")


def test_the_value_of_a_variable_takes_no_name_from_a_line_of_the_log(desk: Any) -> None:
    told = desk("plain", "web", HIDDEN, log_file="log")
    assert told.hear(logged(HIDDEN, f"a {HIDDEN}"))[-1] == f"[{HIDDEN}] a ***"
    assert told.read("log") == f"[{HIDDEN}] a ***\n"


def test_a_warning_names_both_commits_once(desk: Any) -> None:
    told = desk()
    told.hear(*started("web"), *[DeploymentDetails("web", LINK.format("web"), SHA, "localhost")] * 3)
    [(title, message)] = told.told("warning")
    assert title == "web: another commit"
    assert SHA in message
    assert RUN_SHA in message


@pytest.mark.parametrize("commit", [RUN_SHA, RUN_SHA[:7], ""])
def test_the_same_commit_is_no_warning(desk: Any, commit: str) -> None:
    told = desk()
    told.hear(*started("web"), DeploymentDetails("web", LINK.format("web"), commit, ""))
    assert told.told("warning") == []


def test_a_rehearsal_s_commit_is_nobody_s(desk: Any) -> None:
    told = desk(rehearsal=True)
    told.hear(*started("web"), DeploymentDetails("web", LINK.format("web"), SHA, ""))
    assert told.told("warning") == []


def test_what_belonged_to_a_deployment_that_is_followed_no_more_is_forgotten(desk: Any) -> None:
    """The adopted one was cancelled, ours was triggered: its page, commit and server are not yet known."""
    told = desk()
    told.hear(
        *started("web", adopted=True),
        DeploymentDetails("web", LINK.format("web"), SHA, "localhost"),
        Retriggering("web", "it was cancelled"),
    )
    told.hear(Following("web", Handle("web", "web-2")), TargetFinished("web", Outcome.LOST, "gone"))
    told.finish(Outcome.LOST)
    [target] = told.result["targets"]
    assert (target["deployment_uuid"], target["deployment_url"], target["commit"], target["adopted"]) == (
        "web-2",
        "",
        "",
        False,
    )
    assert told.told("error") == [("web: lost track of the deployment after 0s", "gone")]


# --- what is asked for


WORDS = {
    Command.DEPLOY: "triggering a deployment",
    Command.START: "starting it",
    Command.RESTART: "restarting it",
    Command.STOP: "stopping it",
    Command.ROLLBACK: "rolling back to the previous version",
    Command.CANCEL: "looking for deployments to cancel",
    Command.CHECK: "checking",
}


@pytest.mark.parametrize("command", Command)
def test_every_command_is_told_in_its_own_words(desk: Any, command: Command) -> None:
    told = desk("plain", command=command)
    assert told.hear(Triggering("web")) == [f"web: {WORDS[command]}"]


@pytest.mark.parametrize("command", Command)
def test_only_what_puts_something_live_ends_with_its_address(desk: Any, command: Command) -> None:
    told = desk("plain", command=command)
    told.hear(TargetResolved(Target("web", "web", "application", URL.format("web"))), Triggering("web"), 7.0)
    at = (
        f", {URL.format('web')}"
        if command in {Command.DEPLOY, Command.START, Command.RESTART, Command.ROLLBACK}
        else ""
    )
    assert told.hear(TargetFinished("web", Outcome.FINISHED, "it was so already")) == [
        f"web: finished in 7s{at} (it was so already)"
    ]


def test_what_the_token_may_do_is_a_line_each(desk: Any) -> None:
    told = desk("plain", command=Command.CHECK, preflight=True)
    rights = [
        Ability("read", granted=True, purpose="to follow"),
        Ability("deploy", granted=False, purpose="to start", needed=True),
        Ability("write", granted=None, purpose="not needed here"),
    ]
    assert told.hear(*(AbilityChecked(right) for right in rights)) == [
        "token: read: yes (to follow)",
        "token: deploy: no (to start)",
        "token: write: unknown (not needed here)",
    ]


@pytest.mark.parametrize("examining", [True, False])
def test_a_doctor_tells_the_status_of_what_it_has_found(desk: Any, examining: bool) -> None:
    told = desk("plain", preflight=examining)
    status = ", running:healthy" if examining else ""
    said = told.hear(
        TargetResolved(Target("web", "shop", "application", URL.format("web"), "running:healthy"))
    )
    assert said == [f"shop: application web{status}, {URL.format('web')}"]


def test_what_would_be_done_is_said_of_its_target(desk: Any) -> None:
    told = desk("plain", "a", "b", preflight=True)
    told.hear(TargetResolved(Target("a", "shop", "application")))
    assert told.hear(
        TargetNote("a", "would queue a deployment"), TargetNote("b", "would start the database")
    ) == [
        "shop: would queue a deployment",
        "b: would start the database",
    ]
    assert told.hear(TargetFinished("a", Outcome.SKIPPED, "dry run")) == [
        "shop: skipped: nothing was started or changed (dry run)"
    ]


def test_a_doctor_leaves_no_deployment_and_no_error_behind(desk: Any) -> None:
    told = desk("github", command=Command.CHECK, preflight=True)
    told.hear(
        TargetResolved(Target("web", "web", "application")),
        AbilityChecked(Ability("read", granted=True, purpose="")),
        TargetNote("web", "would queue a deployment"),
    )
    told.hear(TargetFinished("web", Outcome.FINISHED, "everything is there"))
    told.finish(Outcome.FINISHED)
    assert (told.told("error"), told.told("warning")) == ([], [])
    assert (told.outputs["status"], "deployment_uuid" in told.outputs) == ("finished", False)


# --- what is looked at, beside a deployment


@pytest.mark.parametrize("aspect", ["running", "stopped"])
def test_what_has_no_deployment_is_waited_for_by_its_status(desk: Any, aspect: str) -> None:
    told = desk("plain")
    said = told.hear(
        Triggering("web"),
        Following("web", Handle("web", "", condition=aspect)),
        PhaseChanged("web", Phase.RUNNING, "starting:unhealthy"),
    )
    said += told.hear(PhaseChanged("web", Phase.SUCCEEDED, "running:healthy\nevil"), 61.0, Idle())
    assert said == [
        "web: triggering a deployment",
        f"web: waiting until it is {aspect}",
        "web: its status is starting:unhealthy",
        "web: its status is running:healthy evil",
        "still waiting: web: its status is running:healthy evil, 1m 01s since the trigger",
    ]
    told.finish(Outcome.FINISHED)
    assert told.result["targets"][0]["deployment_uuid"] == ""


@pytest.mark.parametrize(
    ("aspect", "leg", "doing"),
    [
        ("running", Stage.DEPLOYMENT, "its status is 1 of 2"),
        ("running on", Stage.HEALTH, "its status is 1 of 2"),
        ("", Stage.VERIFY, "its site responds with 1 of 2"),
        ("", Stage.DEPLOYMENT, "building"),
    ],
)
def test_other_words_for_the_same_phase_are_no_line_but_the_next_sign_of_life_has_them(
    desk: Any, aspect: str, leg: Stage, doing: str
) -> None:
    told = desk("plain")
    told.hear(
        Triggering("web"),
        Following("web", Handle("web", "", condition=aspect), stage=leg),
        PhaseChanged("web", Phase.RUNNING, "0 of 2", stage=leg),
    )
    assert told.hear(PhaseChanged("web", Phase.RUNNING, "1 of 2", stage=leg, same=True)) == []
    assert told.hear(61.0, Idle()) == [f"still waiting: web: {doing}, 1m 01s since the trigger"]


def test_the_look_after_the_deployment_is_told_and_forgets_nothing_of_it(desk: Any) -> None:
    told = desk("github")
    told.hear(*started("web"))
    said = told.hear(
        Following("web", Handle("web", "", condition="healthy"), stage=Stage.HEALTH), 61.0, Idle()
    )
    said += told.hear(
        PhaseChanged("web", Phase.RUNNING, "exited:unhealthy", stage=Stage.HEALTH),
        DeploymentDetails("web", "", "", "", Stage.HEALTH),
    )
    assert said == [
        "web: deployed; waiting for it to be healthy",
        "still waiting: web: deployed; waiting for it to be healthy, 1m 01s since the trigger",
        "web: its status is exited:unhealthy",
    ]
    told.hear(TargetFinished("web", Outcome.UNVERIFIED, "it does not run"))
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_url"]) == ("web-1", LINK.format("web"))
    assert told.told("error") == [
        (
            "web: deployed, but not verified as running (1m 01s)",
            f"it does not run\nSee {LINK.format('web')}",
        )
    ]


SITE = Handle("web", "", condition="site")


PROVEN = "https://web.example.com responded with HTTP 502: Bad Gateway"


def test_whether_its_site_answers_is_told_as_it_turns(desk: Any) -> None:
    """The same bad answer is status check failed: only the loop's events are told, and it has none for that."""
    told = desk("github")
    told.hear(*started("web"))
    said = told.hear(
        Following("web", SITE, stage=Stage.VERIFY),
        61.0,
        Idle(),
        PhaseChanged("web", Phase.RUNNING, "HTTP 502", stage=Stage.VERIFY),
    )
    said += told.hear(
        61.0,
        Idle(),
        PhaseChanged("web", Phase.SUCCEEDED, "HTTP 200", stage=Stage.VERIFY),
        DeploymentDetails("web", "", "", "", Stage.VERIFY),
    )
    assert said == [
        "web: deployed; waiting for its site to respond",
        "still waiting: web: deployed; waiting for its site to respond, 1m 01s since the trigger",
        "web: its site responds with HTTP 502",
        "still waiting: web: its site responds with HTTP 502, 2m 02s since the trigger",
        "web: its site responds with HTTP 200",
    ]
    assert told.hear(TargetFinished("web", Outcome.FINISHED)) == [
        f"web: finished in 2m 02s, {URL.format('web')}"
    ]
    assert told.told("error") == []
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_url"]) == ("web-1", LINK.format("web"))


def test_a_site_that_does_not_answer_is_told_with_the_answer_and_the_page(desk: Any) -> None:
    told = desk("github")
    told.hear(
        *started("web"),
        Following("web", SITE, stage=Stage.VERIFY),
        180.0,
        PhaseChanged("web", Phase.RUNNING, "HTTP\n502", stage=Stage.VERIFY),
    )
    told.hear(TargetFinished("web", Outcome.UNVERIFIED, PROVEN))
    told.finish(Outcome.UNVERIFIED)
    assert "web: its site responds with HTTP 502" in told.stdout.text
    assert told.told("error") == [
        (
            "web: deployed, but not verified as running (3m 00s)",
            f"{PROVEN}\nSee {LINK.format('web')}",
        ),
    ]
    assert told.result["targets"][0]["reason"] == PROVEN


def test_what_is_put_back_is_told_and_the_output_stays_what_was_deployed(desk: Any) -> None:
    told = desk("github")
    told.hear(*started("web"))
    back = Handle("web", "web-2")
    said = told.hear(
        RollingBack("web", PROVEN), Following("web", back, "back to 2.0.1", stage=Stage.ROLLBACK)
    )
    assert said == [
        f"web: {PROVEN}; rolling back to the previous version",
        "web: rolling back: following deployment web-2 (back to 2.0.1)",
    ]
    told.hear(TargetFinished("web", Outcome.ROLLED_BACK, f"{PROVEN}. The previous version was restored"))
    assert [text for _, text in told.told("error")] == [
        f"{PROVEN}. The previous version was restored\nSee {LINK.format('web')}"
    ]
    assert told.outputs["deployment_uuid"] == "web-1"


# --- what is changed before the start


IMAGE_CHANGED = "image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.1.0"


ENV_CHANGED = "variables: 1 added (A|B), 0 changed, 1 unchanged"


def test_what_is_changed_on_the_server_is_told_in_the_log_and_in_the_summary(desk: Any) -> None:
    told = desk("github", "a", "b")
    told.hear(
        TargetResolved(Target("a", "shop", "application")), TargetResolved(Target("b", "web", "application"))
    )
    said = told.hear(
        ChangeApplied("a", IMAGE_CHANGED),
        ChangeApplied("a", ENV_CHANGED),
        TargetNote("b", "nothing is to be changed"),
    )
    assert said == [
        f"shop: changed {IMAGE_CHANGED}",
        f"shop: changed {ENV_CHANGED}",
        "web: nothing is to be changed",
    ]
    told.hear(TargetFinished("a", Outcome.FINISHED), TargetFinished("b", Outcome.REFUSED, "no"))
    told.finish(Outcome.REFUSED)
    assert told.read("summary").split("\n") == [
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


def test_what_was_created_is_a_change_of_what_it_became(desk: Any) -> None:
    told = desk("github", "shop", by_name=True)
    told.hear(TargetResolved(Target("shop", "shop", "application", missing=True)))
    assert told.hear(ChangeApplied("shop", "created in project Shop", created=True)) == [
        "shop: created in project Shop"
    ]
    told.hear(
        GroupExpanded("shop", (Target("u1"),), gone=True),
        TargetResolved(Target("u1", "shop", "application")),
        ChangeApplied("u1", ENV_CHANGED),
    )
    told.hear(TargetFinished("u1", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    changed = [line for line in told.read("summary").split("\n") if line.startswith("- ")]
    assert changed == ["- `shop`: `created in project Shop`", f"- `shop`: `{ENV_CHANGED}`"]


@pytest.mark.parametrize("outcome", [Outcome.INTERRUPTED, Outcome.LOST, Outcome.FAILED])
def test_what_was_changed_is_in_the_summary_however_it_ends(desk: Any, outcome: Outcome) -> None:
    told = desk("github")
    told.hear(
        ChangeApplied("web", f"{IMAGE_CHANGED} (perhaps: no response)"),
        TargetFinished("web", outcome, "why"),
    )
    told.finish(outcome)
    assert f"- `web`: `{IMAGE_CHANGED} (perhaps: no response)`" in told.read("summary")


def test_no_secret_is_in_what_was_changed(desk: Any) -> None:
    told = desk("github")
    told.hear(ChangeApplied("web", f"settings: {SECRET}"), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    assert SECRET not in told.stdout.text + told.read("summary")
    assert "settings: ***" in told.stdout.text


def test_what_is_only_to_be_cancelled_is_named_and_not_narrated(desk: Any) -> None:
    told = desk("github", command=Command.CANCEL)
    hers, ours = (
        Handle("web", f"web-{number}", owner=Owner.OTHERS, started_by="a webhook started")
        for number in (1, 2)
    )
    said = told.hear(
        Triggering("web"),
        CancelResult("web", hers, "cancelled (a webhook started)"),
        CancelResult("web", ours, "already over (failed)"),
    )
    said += told.hear(
        *(Following("web", handle, stage=Stage.CANCELLATION) for handle in (hers, ours)),
        DeploymentDetails("web", LINK, SHA, "paris", Stage.CANCELLATION),
    )
    said += told.hear(
        PhaseChanged("web", Phase.RUNNING, "in_progress", "paris", Stage.CANCELLATION),
        TargetFinished("web", Outcome.FINISHED, "1 cancelled"),
    )
    assert said == [
        "web: looking for deployments to cancel",
        "web: deployment web-1: cancelled (a webhook started)",
        "web: deployment web-2: already over (failed)",
        "web: finished in 0s (1 cancelled)",
    ]
    assert told.outputs["deployment_uuid"] == "web-1"


def test_whose_deployment_is_adopted_is_told_where_it_is_known(desk: Any) -> None:
    told = desk("plain")
    handles = [
        Handle("web", f"web-{number}", owner=Owner.OTHERS, started_by=whose)
        for number, whose in ((1, "a webhook started"), (2, ""))
    ]
    assert told.hear(*(Following("web", handle, "already queued") for handle in handles)) == [
        "web: following deployment web-1, which a webhook started: Deployer will not cancel it (already queued)",
        "web: following deployment web-2, which somebody else started: Deployer will not cancel it (already queued)",
    ]


def test_what_may_be_ours_is_not_called_somebody_else_s(desk: Any) -> None:
    told = desk("github")
    told.hear(TargetResolved(Target("web", kind="application")), Triggering("web"))
    unsure = Handle("web", "web-1", owner=Owner.UNSURE)
    assert told.hear(
        Following("web", unsure, "the oldest of several"), TargetFinished("web", Outcome.FINISHED)
    ) == [
        "web: following deployment web-1, which may be somebody else's: Deployer will not cancel it (the oldest of several)",
        "web: finished in 0s",
    ]
    told.finish(Outcome.FINISHED)
    assert "somebody else" not in told.read("summary")


def test_who_ran_out_of_time_hears_whether_something_goes_on(desk: Any) -> None:
    told = desk("plain")
    said = "\n".join(
        told.hear(
            *started("web"), TargetFinished("web", Outcome.TIMED_OUT, "it was still being built or started")
        )
    )
    assert "The deployment is still running on the server and may still go live" in said
    never = desk("plain")
    said = "\n".join(
        never.hear(
            TargetResolved(Target("web", kind="application")),
            Triggering("web"),
            TargetFinished("web", Outcome.TIMED_OUT, "full"),
        )
    )
    assert "Nothing was started: run the job again later." in said


@pytest.mark.parametrize("command", [Command.CANCEL, Command.STOP])
def test_who_wanted_nothing_started_hears_nothing_of_that(desk: Any, command: Command) -> None:
    said = "\n".join(
        desk("plain", command=command).hear(
            TargetResolved(Target("web")),
            Triggering("web"),
            TargetFinished("web", Outcome.TIMED_OUT, "broken"),
        )
    )
    assert "broken" in said
    assert "Nothing was started" not in said


def test_what_was_asked_for_and_has_no_deployment_is_withdrawn_without_a_uuid(desk: Any) -> None:
    told = desk("plain")
    stack = Handle("web", "", condition="running")
    told.hear(Triggering("web"), Following("web", stack))
    assert told.hear(CancelResult("web", stack, "left running: it can't be cancelled")) == [
        "web: left running: it can't be cancelled"
    ]


# --- additional servers


PARIS = Handle("web", "web-2", server="paris", link=LINK.format("paris"))


def test_an_additional_server_is_named_in_its_lines_and_its_page_is_told_once(desk: Any) -> None:
    told = desk("plain")
    told.hear(*started("web"))
    known = DeploymentDetails("web", LINK.format("paris"), SHA, "paris", Stage.ADDITIONAL_SERVERS)
    said = told.hear(
        Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS),
        known,
        PhaseChanged("web", Phase.RUNNING, "in_progress", "paris", Stage.ADDITIONAL_SERVERS),
        known,
    )
    assert said == [
        "web on paris: following deployment web-2 on an additional server",
        f"web on paris: deployment page: {LINK.format('paris')}",
        "web on paris: building",
    ]


def test_an_additional_server_takes_nothing_from_the_first_one(desk: Any) -> None:
    told = desk("github")
    told.hear(*started("web"), DeploymentDetails("web", LINK.format("web"), SHA, "localhost"))
    told.hear(
        Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS),
        DeploymentDetails("web", LINK.format("paris"), RUN_SHA, "paris", Stage.ADDITIONAL_SERVERS),
    )
    told.hear(TargetFinished("web", Outcome.FAILED, "on the additional server paris: exit code 1"))
    told.finish(Outcome.FAILED)
    [target] = told.result["targets"]
    assert (target["deployment_uuid"], target["deployment_url"]) == ("web-1", LINK.format("web"))
    assert (target["commit"], target["server"]) == (SHA, "localhost")
    assert told.outputs["deployment_uuids"] == "web-1"


@pytest.mark.parametrize(
    ("targets", "prefixes"),
    [
        pytest.param(("web",), ("", "[paris] "), id="one"),
        pytest.param(("web", "api"), ("[web] ", "[web on paris] "), id="several"),
    ],
)
@pytest.mark.parametrize("logs", ["live", "failure"])
def test_a_line_of_the_build_log_says_from_which_server_it_is(
    desk: Any, logs: str, targets: tuple[str, ...], prefixes: tuple[str, str]
) -> None:
    """The first server's lines stand as they are: most people have no other."""
    told = desk("plain", *targets, logs=logs, log_file="log")
    told.hear(*started("web"))
    said = told.hear(
        LogLines("web", (Entry(1, "one"),), "localhost"), LogLines("web", (Entry(2, "two\nthree"),), "paris")
    )
    said += told.hear(TargetFinished("web", Outcome.FAILED, WHY))
    wanted = [f"{prefixes[0]}one", f"{prefixes[1]}two", f"{prefixes[1]}three"]
    assert [line for line in said if line.endswith(("one", "two", "three"))] == wanted
    assert told.read("log").splitlines() == wanted


def test_the_name_of_a_server_is_one_short_line(desk: Any) -> None:
    told = desk("plain")
    told.hear(*started("web"))
    name = f"pa\nris{'!' * 200}"
    said = told.hear(
        PhaseChanged("web", Phase.RUNNING, "", name, Stage.ADDITIONAL_SERVERS),
        DeploymentDetails("web", LINK.format("x"), "", name, Stage.ADDITIONAL_SERVERS),
    )
    assert [line.startswith("web on pa ris!!") for line in said] == [True, True]
    assert max(map(len, said)) < 200 + len(LINK)


def test_no_line_of_an_additional_server_could_be_the_first_one_s(desk: Any) -> None:
    """Also not those of trouble: what is out of reach is this server, and nobody knows where else to look."""
    told = desk("plain")
    told.hear(*started("web"))
    watch = Watch(PARIS, began=0, deadline=100, stage=Stage.ADDITIONAL_SERVERS)
    said = told.hear(Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS))
    building = Snapshot(
        Phase.RUNNING, "in_progress", log=None, warnings=("a status that nobody knows",), server="paris"
    )
    sights: list[Observation] = [
        PollFailed("HTTP 502"),
        building,
        Snapshot(Phase.FAILED, "failed", reason="exit code 1", server="paris"),
    ]
    for second, observation in enumerate(sights):
        watch, events = observe(watch, observation, second)
        said += told.hear(*events)
    said += told.hear(CancelResult("web", PARIS, "cancelled"))
    assert len(said) > 5
    assert [line for line in said if "paris" not in line] == []


def test_what_was_withdrawn_elsewhere_is_shown_with_its_own_page(desk: Any) -> None:
    told = desk("plain")
    told.hear(*started("web"), Following("web", PARIS, stage=Stage.ADDITIONAL_SERVERS))
    [said] = told.hear(CancelResult("web", PARIS, "cancel sent, not confirmed"))
    assert said.endswith(f"deployment web-2: cancel sent, not confirmed {LINK.format('paris')}")


# --- several targets


def test_several_targets_are_told_apart(desk: Any) -> None:
    told = desk("plain", "a", "b", log_file="log")
    said = told.hear(*started("a"), *started("b"), logged("b", "of b"), logged("a", "of a\nmore of a"))
    assert said[-4:] == ["=== Build logs ===", "[b] of b", "[a] of a", "[a] more of a"]
    assert told.read("log") == "[b] of b\n[a] of a\n[a] more of a\n"


def test_two_of_the_same_name_are_called_by_uuid(desk: Any) -> None:
    told = desk("plain", "a", "b")
    said = told.hear(*started("a", name="web"), *started("b", name="web"))
    assert said[0].startswith("web: ")
    assert said[5].startswith("b: ")


def test_every_failed_target_has_one_annotation(desk: Any) -> None:
    told = desk("github", "a", "b", "c")
    told.hear(*started("a"), *started("b"), *started("c"))
    told.hear(
        TargetFinished("a", Outcome.FAILED, WHY),
        TargetFinished("b", Outcome.FINISHED),
        TargetFinished("c", Outcome.FAILED, WHY),
    )
    assert [title.partition(":")[0] for title, _ in told.told("error")] == ["a", "c"]
    assert [message.partition("\n")[2] for _, message in told.told("error")] == [
        f"See {LINK.format(name)}" for name in "ac"
    ]


def test_a_reason_that_holds_for_all_is_annotated_once_and_said_of_each(desk: Any) -> None:
    told = desk("github", "a", "b", "c")
    said = told.hear(*(TargetFinished(target, Outcome.REFUSED, "the token is wrong") for target in "abc"))
    assert told.told("error") == [("a: not started", "the token is wrong")]
    assert said[1:] == ["b: not started, for the same reason", "c: not started, for the same reason"]


def test_a_hundred_failures_leave_the_step_s_other_annotations_room(desk: Any) -> None:
    """The runner shows ten of a level in a step; the rest is said as lines."""
    names = tuple(f"t{number}" for number in range(100))
    told = desk("github", *names)
    for name in names:
        told.hear(*started(name), TargetFinished(name, Outcome.FAILED, f"{name} broke"))
    assert len(told.told("error")) <= 8
    assert [name for name in names if f"{name} broke" not in told.stdout.text] == []


# --- waiting


@pytest.mark.parametrize("logs", ["live", "failure", "none"])
def test_a_silent_job_says_once_a_minute_what_it_waits_for(desk: Any, logs: str) -> None:
    """Several CI systems kill a job that says nothing; what is only kept or filed is not said."""
    told = desk("github", logs=logs)
    told.hear(*started("web"))
    said = []
    for _ in range(60):
        said += told.hear(5.0, Idle())
        if logs != "live":
            told.hear(logged("web", "something that nobody sees"))
    assert len(said) == 5
    assert said[0] == "still waiting: web: building, 1m 00s since the trigger"


def test_a_job_that_talks_needs_no_heartbeat(desk: Any) -> None:
    told = desk("github")
    told.hear(*started("web"))
    said = []
    for _ in range(60):
        told.hear(5.0, logged("web", "a line"))
        said += told.hear(Idle())
    assert said == []


def test_a_heartbeat_names_three_targets_and_counts_the_rest(desk: Any) -> None:
    told = desk("github", *"abcde")
    told.hear(
        *(event for target in "abcde" for event in started(target)), TargetFinished("c", Outcome.FINISHED)
    )
    [said] = told.hear(61.0, Idle())
    assert [f"{target}: building" in said for target in "abcde"] == [True, True, False, True, False]
    assert said.endswith("; and 1 more")


def test_the_live_line_is_only_for_terminals(desk: Any) -> None:
    assert desk("plain").hear(*started("web"), 5.0, Idle())[-1] == "web: building"
    told = desk("plain", terminal=True)
    told.hear(*started("web"), 5.0, Idle(), 5.0, Idle(), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    clear = "\r\x1b[2K"
    assert (
        f"{clear}web: building, 5s since the trigger{clear}web: building, 10s since the trigger{clear}web: finished"
        in told.stdout.text
    )
    assert told.stdout.text.endswith("\n")
