"""The reporter: from events to what is said, the outputs and the summary. The CI systems are real, stdout and the clock are fakes."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.output import Redactor, Writer
from deployer.ci.plain import Plain
from deployer.model import (
    Ability,
    AbilityChecked,
    CancelResult,
    Certainty,
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
    LogUnavailable,
    Observation,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    PollFailed,
    PollFailing,
    PollRecovered,
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
from deployer.report import Reporter, ReportOptions
from deployer.watch import Watch, observe
from tests.ci.test_ci import SECTION, Stdout, parse_env_file, parse_line

SYSTEMS: dict[str, type[CI]] = {"plain": Plain, "github": GitHub, "gitlab": GitLab}
LINK = "https://coolify.example.com/project/p/environment/e/application/{0}/deployment/{0}-1"
URL = "https://{0}.example.com"
SHA = "0123456789abcdef0123456789abcdef01234567"
RUN_SHA = "fedcba9876543210fedcba9876543210fedcba98"
WHY = "exit code 1: npm run build"
SECRET = "Zq4w7-marked/secret"
HIDDEN = "production-marked"
"""A variable's value: taken out of what is passed on from outside only."""


@dataclass
class Desk:
    """A reporter, and all that it writes to."""

    reporter: Reporter
    stdout: Stdout
    folder: Path
    time: list[float] = field(default_factory=lambda: [1000.0])

    def hear(self, *events: Event | float) -> list[str]:
        """Tell events; a number lets so many seconds pass. The lines that were said meanwhile."""
        before = len(self.stdout.text)
        for event in events:
            if isinstance(event, float):
                self.time[0] += event
            else:
                self.reporter(event)
        return self.stdout.text[before:].split("\n")[:-1]

    def finish(self, outcome: Outcome) -> list[str]:
        before = len(self.stdout.text)
        self.reporter.finish(outcome)
        return self.stdout.text[before:].split("\n")[:-1]

    def told(self, level: str) -> list[tuple[str, str]]:
        """GitHub's annotations: title and message."""
        found = (parse_line(line) for line in self.stdout.text.split("\n"))
        return [
            (command.properties.get("title", ""), command.data)
            for command in found
            if command and command.name == level
        ]

    @property
    def outputs(self) -> dict[str, str]:
        pairs, trouble = parse_env_file((self.folder / "output").read_bytes().decode())
        assert trouble == ""
        return pairs

    @property
    def result(self) -> Any:
        return json.loads((self.folder / "result.json").read_text())

    def read(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def make(system: str = "github", *targets: str, terminal: bool = False, **options: Any) -> Desk:
        return at_desk(tmp_path, system, *targets, terminal=terminal, **options)

    return make


def at_desk(folder: Path, system: str, *targets: str, terminal: bool = False, **options: Any) -> Desk:
    stdout, redact, time = Stdout(), Redactor(), [1000.0]
    redact.add(SECRET)
    redact.hide(HIDDEN)
    environ = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    environ |= {"GITHUB_SHA": RUN_SHA, "CI_COMMIT_SHA": RUN_SHA}
    ci = SYSTEMS[system](
        environ, Writer(stdout, redact, terminal=terminal, columns=lambda: 500), lambda: time[0]
    )
    wanted: dict[str, Any] = {
        "targets": targets or ("web",),
        "timeout": 1800.0,
        "result_file": str(folder / "result.json"),
    } | options
    return Desk(Reporter(ci, redact, lambda: time[0], ReportOptions(**wanted)), stdout, folder, time)


def started(target: str, *, name: str | None = None, adopted: bool = False) -> list[Event | float]:
    """A target's story up to the moment when it is followed."""
    return [
        TargetResolved(
            Target(target, name=target if name is None else name, kind="application", url=URL.format(target))
        ),
        Triggering(target),
        Following(target, Handle(target, f"{target}-1", owner=Owner.OTHERS if adopted else Owner.OURS)),
        DeploymentDetails(target, LINK.format(target), "", "localhost"),
        PhaseChanged(target, Phase.RUNNING, "in_progress"),
    ]


def logged(target: str, *texts: str, hidden: bool = False) -> LogLines:
    return LogLines(target, tuple(Entry((target, text), text, hidden=hidden) for text in texts))


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
        f"web: its page is {LINK.format('web')}",
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
    told.hear(*started("web"), TargetFinished("web", Outcome.INTERRUPTED, "the job was stopped (SIGTERM)"))
    assert told.told("warning") == [
        ("web: interrupted after 0s", f"the job was stopped (SIGTERM)\nSee {LINK.format('web')}"),
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
    told.hear(TargetFinished("web", Outcome.INTERRUPTED, "the job was stopped (SIGTERM)"))
    told.finish(Outcome.INTERRUPTED)
    assert told.result["targets"][0]["deployment_url"] == LINK.format("web")
    assert told.told("warning") == [
        ("web: interrupted after 0s", f"the job was stopped (SIGTERM)\nSee {LINK.format('web')}")
    ]


def test_a_link_that_another_look_gives_replaces_the_first_one(desk: Any) -> None:
    told = desk()
    told.hear(
        Following("web", Handle("web", "web-1", link="https://coolify.example.com/old")),
        DeploymentDetails("web", LINK.format("web"), "", ""),
    )
    assert told.outputs["deployment_url"] == LINK.format("web")
    assert f"web: its page is {LINK.format('web')}" in told.stdout.text


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
    assert told.told("error") == [("web: lost sight of the deployment after 0s", "gone")]


# --- what is asked for

WORDS = {
    Command.DEPLOY: "triggering a deployment",
    Command.START: "starting it",
    Command.RESTART: "restarting it",
    Command.STOP: "stopping it",
    Command.ROLLBACK: "going back to what ran before",
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
        "token: write: not known (not needed here)",
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
        ("", Stage.VERIFY, "its site says 1 of 2"),
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
        "web: deployed, reading whether it runs",
        "still waiting: web: deployed, reading whether it runs, 1m 01s since the trigger",
        "web: its status is exited:unhealthy",
    ]
    told.hear(TargetFinished("web", Outcome.UNVERIFIED, "it does not run"))
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_url"]) == ("web-1", LINK.format("web"))
    assert told.told("error") == [
        (
            "web: deployed, but the proof that it runs failed after 1m 01s",
            f"it does not run\nSee {LINK.format('web')}",
        )
    ]


SITE = Handle("web", "", condition="site")
PROVEN = "https://web.example.com answered HTTP 502: Bad Gateway"


def test_whether_its_site_answers_is_told_as_it_turns(desk: Any) -> None:
    """The same bad answer is no news: only the loop's events are told, and it has none for that."""
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
        "web: deployed, asking whether it answers",
        "still waiting: web: deployed, asking whether it answers, 1m 01s since the trigger",
        "web: its site says HTTP 502",
        "still waiting: web: its site says HTTP 502, 2m 02s since the trigger",
        "web: its site says HTTP 200",
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
    assert "web: its site says HTTP 502" in told.stdout.text
    assert told.told("error") == [
        (
            "web: deployed, but the proof that it runs failed after 3m 00s",
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
        f"web: {PROVEN}: what ran before is to be put back",
        "web: rolling back: following deployment web-2 (back to 2.0.1)",
    ]
    told.hear(TargetFinished("web", Outcome.ROLLED_BACK, f"{PROVEN}. What ran before was put back"))
    assert [text for _, text in told.told("error")] == [
        f"{PROVEN}. What ran before was put back\nSee {LINK.format('web')}"
    ]
    assert told.outputs["deployment_uuid"] == "web-1"


# --- what is changed before the start

IMAGE_CHANGED = "image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.1.0"
ENV_CHANGED = "variables: 1 added (A|B), 0 changed, 1 kept"


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
        ChangeApplied("web", f"{IMAGE_CHANGED} (perhaps: no answer came)"),
        TargetFinished("web", outcome, "why"),
    )
    told.finish(outcome)
    assert f"- `web`: `{IMAGE_CHANGED} (perhaps: no answer came)`" in told.read("summary")


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
        "web: following deployment web-1, which a webhook started: it is never cancelled by us (already queued)",
        "web: following deployment web-2, which somebody else started: it is never cancelled by us (already queued)",
    ]


def test_what_may_be_ours_is_not_called_somebody_else_s(desk: Any) -> None:
    told = desk("github")
    told.hear(TargetResolved(Target("web", kind="application")), Triggering("web"))
    unsure = Handle("web", "web-1", owner=Owner.UNSURE)
    assert told.hear(
        Following("web", unsure, "the oldest of several"), TargetFinished("web", Outcome.FINISHED)
    ) == [
        "web: following deployment web-1, which may be somebody else's: it is never cancelled by us (the oldest of several)",
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
    assert "It goes on on the server, and may still go live" in said
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
    assert told.hear(CancelResult("web", stack, "what was asked for goes on: it can't be taken back")) == [
        "web: what was asked for goes on: it can't be taken back"
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
        f"web on paris: its page is {LINK.format('paris')}",
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


# --- groups


BLUE = Target("blue", kind="tag", group=True)


def parts(*names: str) -> tuple[Target, ...]:
    return tuple(Target(name, name, "application", URL.format(name)) for name in names)


def test_a_group_gives_way_to_its_parts_in_their_order(desk: Any) -> None:
    told = desk("github", "first", "blue", "last")
    told.hear(*(Triggering(name) for name in ("first", "blue", "last")))
    assert told.hear(12.0, GroupExpanded("blue", parts("b", "a"), gone=True)) == ["blue: it is b, a"]
    for name in ("first", "a", "b", "last"):
        told.hear(Following(name, Handle(name, f"{name}-1")), TargetFinished(name, Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    assert [target["uuid"] for target in told.result["targets"]] == ["first", "b", "a", "last"]
    assert told.outputs["deployment_uuids"] == "first-1,b-1,a-1,last-1"
    assert [target["duration"] for target in told.result["targets"]] == [12, 12, 12, 12]


def test_a_group_of_one_that_is_gone_is_its_part(desk: Any) -> None:
    told = desk("github", "blue")
    told.hear(
        Triggering("blue"),
        GroupExpanded("blue", parts("a"), gone=True),
        TargetResolved(parts("a")[0]),
        Following("a", Handle("a", "a-1")),
    )
    assert told.outputs["resource_uuid"] == "a"
    assert told.outputs["url"] == URL.format("a")
    assert told.hear(logged("a", "a line")) == ["::group::Build log of a", "a line"]


def test_the_lines_of_a_group_s_parts_say_whose_they_are(desk: Any) -> None:
    told = desk("plain", "blue")
    told.hear(Triggering("blue"), GroupExpanded("blue", parts("a", "b"), gone=True))
    assert told.hear(logged("a", "of a"), logged("b", "of b")) == [
        "=== Build logs ===",
        "[a] of a",
        "[b] of b",
    ]


def test_a_group_of_which_something_is_left_keeps_its_own_end(desk: Any) -> None:
    told = desk("github", "blue")
    told.hear(
        TargetResolved(BLUE),
        Triggering("blue"),
        GroupExpanded("blue", parts("a"), gone=False),
        Following("a", Handle("a", "a-1")),
    )
    told.hear(
        3.0,
        TargetFinished("blue", Outcome.TRIGGERED, "service stack: started, not followed"),
        TargetFinished("a", Outcome.FAILED, WHY),
    )
    told.finish(Outcome.FAILED)
    ends = [(target["uuid"], target["status"], target["duration"]) for target in told.result["targets"]]
    assert ends == [("a", "failed", 3), ("blue", "triggered", 3)]
    assert (told.outputs["deployment_uuids"], told.outputs["resource_uuid"]) == ("a-1", "a")


def test_a_group_of_which_nothing_can_be_followed_says_so(desk: Any) -> None:
    told = desk("github", "blue")
    said = told.hear(
        TargetResolved(BLUE),
        Triggering("blue"),
        GroupExpanded("blue", (), gone=False),
        TargetFinished("blue", Outcome.LOST, "nobody can tell"),
    )
    assert said[2] == "blue: nothing of it can be followed"
    assert told.finish(Outcome.LOST) == []
    assert (told.outputs["status"], "resource_uuid" in told.outputs, "deployment_uuids" in told.outputs) == (
        "lost",
        False,
        False,
    )


def test_a_group_is_no_output_before_it_is_known_what_it_is(desk: Any) -> None:
    told = desk("github", "blue", "web")
    told.hear(TargetResolved(BLUE), *started("web"))
    assert (
        told.outputs["resource_uuid"],
        told.outputs["deployment_uuid"],
        told.outputs["deployment_uuids"],
    ) == ("web", "web-1", "web-1")


def test_who_was_never_introduced_is_told_all_the_same(desk: Any) -> None:
    """The job is stopped just after the answer to a group: its parts have stories, and nobody has heard of them."""
    told = desk("github", "blue")
    ours = Handle("a", "a-1", link=LINK.format("a"))
    said = told.hear(
        Triggering("blue"),
        InterruptReceived("SIGTERM"),
        CancelResult("a", ours, "cancelled"),
        TargetFinished("a", Outcome.INTERRUPTED, "stopped"),
    )
    assert f"a: deployment a-1: cancelled {LINK.format('a')}" in said
    assert [title for title, _ in told.told("warning")] == ["a: interrupted"]
    told.finish(Outcome.INTERRUPTED)
    assert [(target["uuid"], target["status"]) for target in told.result["targets"]] == [
        ("blue", ""),
        ("a", "interrupted"),
    ]


def test_two_parts_of_the_same_name_are_called_by_uuid(desk: Any) -> None:
    twins = (Target("a", "web", "application"), Target("b", "web", "application"))
    told = desk("plain", "blue")
    told.hear(
        Triggering("blue"), GroupExpanded("blue", twins, gone=True), *(TargetResolved(twin) for twin in twins)
    )
    assert told.hear(TargetNote("a", "x"), TargetNote("b", "x")) in (["a: x", "web: x"], ["web: x", "b: x"])


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


# --- the build log


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.FINISHED])
@pytest.mark.parametrize("logs", ["live", "failure", "none"])
def test_the_build_log_is_shown_as_wished(desk: Any, system: str, outcome: Outcome, logs: str) -> None:
    told = desk(system, logs=logs, log_file="log")
    told.hear(*started("web"))
    first = told.hear(logged("web", "line one"), logged("web", "line two"))
    last = told.hear(TargetFinished("web", outcome))
    told.finish(outcome)
    live, late = (sum(line.startswith("line ") for line in said) for said in (first, last))
    assert (live, late) == {"live": (2, 0), "failure": (0, 2 * (outcome is Outcome.FAILED)), "none": (0, 0)}[
        logs
    ]
    assert told.read("log") == "line one\nline two\n"


def test_hidden_entries_are_shown_only_on_request(desk: Any) -> None:
    for wish in (False, True):
        told = desk("plain", hidden_logs=wish, log_file="log")
        told.hear(*started("web"), logged("web", "compiler", hidden=True), logged("web", "visible"))
        assert ("compiler" in told.stdout.text, "compiler" in told.read("log")) == (wish, wish)


def test_an_empty_line_stays_one(desk: Any) -> None:
    told = desk("plain")
    assert told.hear(*started("web"), logged("web", "a\n\nb", ""))[-4:] == ["a", "", "b", ""]


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_only_the_build_log_is_folded(desk: Any, system: str) -> None:
    told = desk(system)
    told.hear(
        *started("web"),
        logged("web", "folded 1"),
        TargetWarning("web", "open 1"),
        logged("web", "folded 2"),
        PollFailing("web", "open 2"),
    )
    told.hear(
        PollRecovered("web", 1), logged("web", "folded 3"), TargetFinished("web", Outcome.FAILED, "open 3")
    )
    told.finish(Outcome.FAILED)
    depth, places = 0, {}
    for line in told.stdout.text.split("\n"):
        opened = line.startswith("::group::") or "section_start" in line
        closed = line.startswith("::endgroup::") or "section_end" in line
        depth += opened - closed
        assert depth in {0, 1}
        for word in re.findall(r"(?:folded|open) \d", line):
            places[word] = depth
    assert depth == 0
    assert places == {f"folded {number}": 1 for number in (1, 2, 3)} | {
        f"open {number}": 0 for number in (1, 2, 3)
    }


def test_sections_of_gitlab_never_share_a_name(desk: Any) -> None:
    told = desk("gitlab")
    told.hear(
        *started("web"),
        logged("web", "a"),
        TargetWarning("web", "b"),
        logged("web", "c"),
        TargetFinished("web", Outcome.FINISHED),
    )
    marks = [(mark[1], mark[3]) for mark in SECTION.finditer(told.stdout.text)]
    assert marks == [
        ("start", "deployer-1"),
        ("end", "deployer-1"),
        ("start", "deployer-2"),
        ("end", "deployer-2"),
    ]


def test_gitlab_s_limit_leaves_room_for_the_end_of_the_story(desk: Any) -> None:
    """Beyond 4 MiB the job's log is cut: the verdict would be lost."""
    told = desk("gitlab", log_file="log")
    told.hear(*started("web"))
    for number in range(60):
        told.hear(LogLines("web", (Entry(number, "é" * 50_000),)))
    told.hear(TargetFinished("web", Outcome.FAILED, WHY))
    said = told.stdout.text
    assert said.count("the rest of the build log is left out") == 1
    assert f"see {LINK.format('web')}" in said
    assert len(said.encode()) < (4 << 20) - 100_000
    assert WHY in said
    assert len(told.read("log")) == 60 * 50_001
    assert len(re.findall("section_start", said)) == 1
    before = said[: said.index("the rest of the build log is left out")]
    assert [mark[1] for mark in SECTION.finditer(before)] == [
        "start",
        "end",
    ]  # outside: folded away nobody would read it


def test_of_a_log_for_failures_the_end_is_kept(desk: Any) -> None:
    told = desk("plain", logs="failure")
    told.hear(*started("web"), *(logged("web", f"line {number}") for number in range(5000)))
    said = told.hear(TargetFinished("web", Outcome.FAILED, WHY))
    lines = [line for line in said if line.startswith("line ")]
    assert (lines[-1], 100 < len(lines) < 5000) == ("line 4999", True)


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


# --- outputs


def test_outputs_are_written_as_soon_as_they_are_known_and_only_when_they_change(desk: Any) -> None:
    told = desk(log_file="build.log", output_file="env")
    steps: list[tuple[Event, set[str]]] = [
        (Connected("Coolify"), {"resource_uuid", "log_file"}),
        (TargetResolved(Target("web", "web", "application", URL.format("web"))), {"url"}),
        (Triggering("web"), set()),
        (Following("web", Handle("web", "web-1")), {"deployment_uuid", "deployment_uuids"}),
        (DeploymentDetails("web", LINK.format("web"), "", ""), {"deployment_url"}),
        (DeploymentDetails("web", LINK.format("web"), SHA, "localhost"), {"commit"}),
        (DeploymentDetails("web", LINK.format("web"), SHA, "localhost"), set()),
        (TargetFinished("web", Outcome.FINISHED), set()),
    ]
    known: set[str] = set()
    for event, fresh in steps:
        told.hear(event)
        known |= fresh
        assert set(told.outputs) == known
        assert {line.partition("=")[0] for line in told.read("env").splitlines()} == {
            f"DEPLOYED_{name.upper()}" for name in known
        }
    told.finish(Outcome.FINISHED)
    assert set(told.outputs) - known == {"status", "duration", "timed_out", "result"}
    named = re.findall(r"^(\w+)<<ghadelimiter", told.read("output"), re.MULTILINE)
    assert sorted(named) == sorted(told.outputs)


def test_the_outputs_of_several_targets_are_the_first_s_in_the_order_of_the_input(desk: Any) -> None:
    told = desk("github", "a", "b", "c")
    told.hear(*started("b"), *started("c"), *started("a"))
    told.hear(
        12.0,
        TargetFinished("a", Outcome.FINISHED),
        TargetFinished("b", Outcome.FAILED, WHY),
        7.6,
        TargetFinished("c", Outcome.TIMED_OUT),
    )
    told.finish(Outcome.FAILED)
    wanted = {
        "status": "failed",
        "deployment_uuid": "a-1",
        "deployment_uuids": "a-1,b-1,c-1",
        "resource_uuid": "a",
        "timed_out": "false",
    }
    wanted |= {"url": URL.format("a"), "deployment_url": LINK.format("a"), "duration": "20"}
    assert {name: told.outputs[name] for name in wanted} == wanted
    assert [target["uuid"] for target in told.result["targets"]] == ["a", "b", "c"]


def test_a_phantom_is_no_output(desk: Any) -> None:
    told = desk()
    told.hear(Triggering("web"), Following("web", Handle("web", "phantom", Certainty.PHANTOM)))
    assert set(told.outputs) == {"resource_uuid"}
    told.hear(Following("web", Handle("web", "real", owner=Owner.OTHERS)))
    assert told.outputs["deployment_uuid"] == "real"


def test_a_deployment_that_does_not_exist_is_no_output(desk: Any) -> None:
    """`start` on a full queue names one that was never made: later steps must not look for it."""
    told = desk("github", "a", "b", output_file="env")
    told.hear(*started("a"), *started("b"))
    assert told.outputs["deployment_uuids"] == "a-1,b-1"
    told.hear(
        TargetFinished("a", Outcome.REFUSED, "the queue is full"), TargetFinished("b", Outcome.FINISHED)
    )
    told.finish(Outcome.REFUSED)
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_uuids"]) == ("", ",b-1")
    assert [target["deployment_uuid"] for target in told.result["targets"]] == ["", "b-1"]
    assert "a-1`" not in told.read("summary")
    assert "a-1" not in [line.partition("=")[2].strip('"') for line in told.read("env").splitlines()]


@pytest.mark.parametrize("trust", [Certainty.UNCONFIRMED, Certainty.POSSIBLY_PHANTOM])
@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.INTERRUPTED, Outcome.LOST])
def test_a_deployment_that_was_only_made_up_is_no_output(
    desk: Any, outcome: Outcome, trust: Certainty
) -> None:
    """It is sent again as long as the queue is full: what the last answer named was never made either."""
    told = desk()
    told.hear(Triggering("web"))
    for number in range(2):
        told.hear(
            Following("web", Handle("web", f"made-up-{number}", trust)), PhaseChanged("web", Phase.ABSENT, "")
        )
        told.hear(2.0, TriggerDelayed("web", 60, "the server's deployment queue is full"), 60.0)
    told.hear(TargetFinished("web", outcome, "the server's deployment queue is full"))
    told.finish(outcome)
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_uuids"]) == ("", "")
    assert told.result["targets"][0]["deployment_uuid"] == ""
    assert "made-up" not in told.read("summary")


def test_only_refused_ones_leave_no_list_of_deployments(desk: Any) -> None:
    told = desk("github", "a", "b")
    told.hear(
        *started("a"),
        *started("b"),
        TargetFinished("a", Outcome.REFUSED, "full"),
        TargetFinished("b", Outcome.REFUSED, "full"),
    )
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_uuids"]) == ("", "")


FIELDS = {
    "version": int,
    "status": str,
    "exit_code": int,
    "duration": int,
    "rehearsal": bool,
    "targets": list,
}
OF_TARGET = {
    **dict.fromkeys(
        (
            "uuid",
            "name",
            "kind",
            "status",
            "reason",
            "deployment_uuid",
            "deployment_url",
            "url",
            "commit",
            "server",
        ),
        str,
    ),
    "adopted": bool,
    "duration": int,
}


@pytest.mark.parametrize("rehearsal", [True, False])
def test_the_result_has_its_fields(desk: Any, rehearsal: bool) -> None:
    told = desk("github", "a", "b", rehearsal=rehearsal)
    told.hear(
        *started("a", adopted=True),
        DeploymentDetails("a", LINK.format("a"), SHA, "srv"),
        3.4,
        TargetFinished("a", Outcome.FAILED, WHY),
    )
    told.hear(TargetFinished("b", Outcome.REFUSED, "no"))
    told.finish(Outcome.FAILED)
    whole = told.result
    assert json.loads(told.outputs["result"]) == whole
    assert "\n" not in told.outputs["result"]
    assert {name: type(value) for name, value in whole.items()} == FIELDS
    assert [{name: type(value) for name, value in target.items()} for target in whole["targets"]] == [
        OF_TARGET
    ] * 2
    assert (whole["version"], whole["status"], whole["exit_code"], whole["rehearsal"]) == (
        1,
        "failed",
        1,
        rehearsal,
    )
    assert whole["targets"][0] == {
        "uuid": "a",
        "name": "a",
        "kind": "application",
        "status": "failed",
        "reason": WHY,
        "deployment_uuid": "a-1",
        "adopted": True,
        "deployment_url": LINK.format("a"),
        "url": URL.format("a"),
        "commit": SHA,
        "server": "srv",
        "duration": 3,
    }


@pytest.mark.parametrize(
    "reason", ["x" * 5000, "\N{PILE OF POO}" * 5000, '"\\\n' * 2000], ids=["long", "wide", "escaped"]
)
def test_the_result_stays_under_32_kilobytes(desk: Any, reason: str) -> None:
    names = tuple(f"{number:024}" for number in range(200))
    told = desk("github", *names)
    told.hear(
        *(event for name in names for event in (*started(name), TargetFinished(name, Outcome.FAILED, reason)))
    )
    told.finish(Outcome.FAILED)
    text = told.outputs["result"]
    whole = json.loads(text)
    assert len(text.encode()) < 32 * 1024
    assert whole["omitted"] == 200 - len(whole["targets"])
    assert [target["uuid"] for target in whole["targets"]] == list(names[: len(whole["targets"])])
    assert len(whole["targets"]) > 5
    assert all(reason.startswith(target["reason"]) and target["reason"] for target in whole["targets"])
    assert len(told.result["targets"]) == 200  # the file has no limit


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_dotenv_file_stays_under_5000_bytes(desk: Any, system: str) -> None:
    """GitLab refuses the whole file at 5120 (ci-formats 2); the list is cut between two deployments."""
    names = tuple(f"{number:024}" for number in range(400))
    told = desk(system, *names, output_file="env")
    told.hear(
        *(event for name in names for event in (*started(name), TargetFinished(name, Outcome.FINISHED)))
    )
    told.finish(Outcome.FINISHED)
    assert len(told.read("env").encode()) < 5000
    [listed] = re.findall(r'^DEPLOYED_DEPLOYMENT_UUIDS="?([^"\n]*)', told.read("env"), re.MULTILINE)
    assert listed.split(",") == [f"{name}-1" for name in names[: listed.count(",") + 1]]
    assert "DEPLOYED_STATUS" in told.read("env")
    assert "RESULT" not in told.read("env")


def test_lines_of_others_stay_in_the_output_file(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("VERSION=1.2\n# a comment\nDEPLOYED_STATUS=of an earlier run\nNAME=web")
    told = desk("plain", output_file="env")
    told.hear(*started("web"), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    lines = told.read("env").splitlines()
    assert lines[:3] == ["VERSION=1.2", "# a comment", "NAME=web"]
    assert lines.count('DEPLOYED_STATUS="finished"') == 1
    assert [line for line in lines if "earlier" in line] == []


def test_a_value_in_a_dotenv_file_is_only_a_value(desk: Any) -> None:
    told = desk("plain", output_file="env")
    told.hear(
        TargetResolved(
            Target("web", "web", "application", 'https://x/$(id)`id`"\nDEPLOYED_STATUS=finished\n')
        )
    )
    assert len(told.read("env").splitlines()) == 2
    assert re.search(r"(?<!\\)[$`]", told.read("env")) is None


@pytest.mark.parametrize("wish", ["log_file", "output_file", "result_file"])
def test_a_file_that_cannot_be_written_is_warned_of_once(desk: Any, wish: str) -> None:
    told = desk("github", **{wish: "no/such/folder/file"})
    told.hear(
        *started("web"), logged("web", "a"), logged("web", "b"), TargetFinished("web", Outcome.FINISHED)
    )
    told.finish(Outcome.FINISHED)
    assert told.told("warning") == [("", "no/such/folder/file can't be written: No such file or directory")]


def test_behind_what_was_only_made_up_stands_what_is_an_output(desk: Any) -> None:
    told = desk()
    told.hear(Triggering("web"), Following("web", Handle("web", "made-up", Certainty.POSSIBLY_PHANTOM)))
    told.hear(
        PhaseChanged("web", Phase.ABSENT, ""),
        Following("web", Handle("web", "real", owner=Owner.OTHERS)),
        PhaseChanged("web", Phase.RUNNING, ""),
    )
    assert told.outputs["deployment_uuid"] == "real"


# --- the summary


def test_the_summary_is_a_table_and_the_reasons(desk: Any) -> None:
    told = desk("github", "a", "b", "c")
    told.hear(*started("a"), *started("b"), DeploymentDetails("a", LINK.format("a"), SHA, ""), 61.0)
    told.hear(
        TargetFinished("a", Outcome.FAILED, "one\ntwo"),
        TargetFinished("b", Outcome.FINISHED),
        TargetFinished("c", Outcome.REFUSED, "no"),
    )
    told.finish(Outcome.FAILED)
    assert told.read("summary").split("\n") == [
        "### The deployment failed",
        "",
        "| Target | Status | Deployment | Commit | Duration |",
        "|---|---|---|---|---|",
        f"| [`a`]({URL.format('a')}) | ❌ failed | [`a-1`]({LINK.format('a')}) | `{SHA[:12]}` | 1m 01s |",
        f"| [`b`]({URL.format('b')}) | ✅ finished | [`b-1`]({LINK.format('b')}) |  | 1m 01s |",
        "| `c` | ❌ refused |  |  |  |",
        "",
        "**Why `a` ended as failed**",
        "",
        "```text",
        "one",
        "two",
        "```",
        "",
        "**Why `c` ended as refused**",
        "",
        "```text",
        "no",
        "```",
        "",
    ]


def test_the_summary_says_whose_deployment_it_was(desk: Any) -> None:
    told = desk("github", "a", "b")
    told.hear(
        *started("a", adopted=True),
        *started("b"),
        TargetFinished("a", Outcome.FINISHED),
        TargetFinished("b", Outcome.FINISHED),
    )
    told.finish(Outcome.FINISHED)
    cells = [row.split(" | ")[1] for row in told.read("summary").split("\n") if row.startswith("| [")]
    assert cells == ["✅ finished (started by somebody else)", "✅ finished"]


@pytest.mark.parametrize(
    "error",
    [ValueError("odd"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "odd"), OSError(28, "No space left")],
)
def test_a_summary_that_cannot_be_made_is_one_warning(
    desk: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr("deployer.report.outputs.markdown", broken)
    told = desk()
    told.hear(*started("web"), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    [(title, message)] = told.told("warning")
    assert (title, message.partition(": ")[0]) == ("", "the job summary can't be written")
    assert (told.outputs["status"], told.result["status"]) == ("finished", "finished")


def test_nothing_in_the_summary_turns_the_writing_or_hides(desk: Any) -> None:
    told = desk()
    told.hear(
        TargetResolved(Target("web", "shop\u202e\x1b[8m", "application")),
        TargetFinished("web", Outcome.FAILED, "one\u2066\u200f\x9b two\r\nthree"),
    )
    told.finish(Outcome.FAILED)
    summary = told.read("summary")
    assert "| `shop [8m` | ❌ failed |" in summary
    assert "```text\none  two\nthree\n```" in summary


def test_lone_surrogates_are_no_trouble_for_the_summary(desk: Any) -> None:
    told = desk()
    url = "https://web.example.com/\ud800"
    told.hear(
        TargetResolved(Target("web", "\ud800", "application", url)),
        Following("web", Handle("web", "\ud800", link=url)),
    )
    told.hear(
        DeploymentDetails("web", url, "\ud800" * 12, "\ud800"),
        TargetFinished("web", Outcome.FAILED, "\ud800"),
    )
    told.finish(Outcome.FAILED)
    assert "](https://web.example.com/?)" in told.read("summary")
    assert [message for _, message in told.told("warning") if "can't be written" in message] == []
    assert told.outputs["status"] == "failed"


def test_the_summary_can_be_switched_off(desk: Any) -> None:
    told = desk("github", summary=False)
    told.hear(*started("web"), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    assert not (told.folder / "summary").exists()


HOSTILE = [
    "a|b",
    "a\\|b",
    "`code`",
    "``",
    "```\n</details>",
    "~~~~",
    "<img src=http://evil.example.com/a.png>",
    "![a](http://evil.example.com/b.png)",
    "[x](javascript:alert(1))",
    "@everyone #1 GH-1",
    "<!-- -->",
    "a\r\n\r\n# heading",
    "a\u2028b\x00c\x1b[31m",
    "&lt;script&gt;",
]


OURS = """### The deployment failed
| Target | Status | Deployment | Commit | Duration |
|---|---|---|---|---|
| | ❌ failed | | | |
**Changed on the server**
- :
**Why ended as failed**"""


def outside_of_code(markdown: str) -> str:
    """What GitHub would read as Markdown: everything but fences and code spans. A `|` that a table cell holds is escaped there."""
    kept, fence = [], ""
    for line in markdown.split("\n"):
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opening := re.match(r"`{3,}", line):
            fence = opening[0]
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "CODE", line))
    assert fence == "", "a fence that is never closed"
    return "\n".join(kept)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_words_in_the_summary_are_only_words(desk: Any, text: str) -> None:
    """No link, mention, image, heading or cell that is not ours."""
    told = desk("github")
    url = f"https://web.example.com/{text}"
    told.hear(
        TargetResolved(Target("web", text, "application", url)),
        Following("web", Handle("web", text)),
        DeploymentDetails("web", LINK, text, ""),
    )
    told.hear(ChangeApplied("web", text), TargetFinished("web", Outcome.FAILED, text))
    told.finish(Outcome.FAILED)
    bare = outside_of_code(told.read("summary"))
    links = re.findall(r"\[CODE\]\(([^()\s]*)\)", bare)
    assert all(
        link.startswith(("https://web.example.com/", "https://coolify.example.com/")) for link in links
    )
    words = re.sub(r"\[CODE\]\([^()\s]*\)", "CODE", bare)
    assert re.sub(r"CODE|\s", "", html.unescape(words)) == re.sub(r"\s", "", OURS)


@pytest.mark.parametrize("count", [1, 3, 79, 80, 81, 100, 254, 255, 256, 1000])
def test_no_run_of_backticks_ends_a_span_or_a_fence(desk: Any, count: int) -> None:
    """Cmark sees no code span behind more than 80, and keeps the length of a fence in one byte."""
    told = desk("github")
    evil = "![x](https://evil.example.com/a.png) @acme/security"
    text = f"{'`' * count} {evil}\n{'`' * count}\n{evil}"
    told.hear(
        TargetResolved(Target("web", text, "application")),
        Following("web", Handle("web", text)),
        DeploymentDetails("web", LINK, text, ""),
    )
    told.hear(ChangeApplied("web", text), TargetFinished("web", Outcome.FAILED, text))
    told.finish(Outcome.FAILED)
    summary = told.read("summary")
    assert max(map(len, re.findall("`+", summary))) < 80
    assert "evil" not in outside_of_code(summary)
    assert summary.count(evil) >= 4


# --- addresses that are only asked for


ASKED_FOR = Target("web", "shop", "application", "https://new.example.com", before="https://old.example.com")


@pytest.mark.parametrize(
    ("events", "url"),
    [
        pytest.param([], "https://old.example.com", id="not-yet"),
        pytest.param([TargetFinished("web", Outcome.REFUSED, WHY)], "https://old.example.com", id="refused"),
        pytest.param(
            [Triggering("web"), TargetFinished("web", Outcome.LOST, WHY)],
            "https://old.example.com",
            id="lost",
        ),
        pytest.param(
            [Following("web", Handle("web", "x", Certainty.PHANTOM))],
            "https://old.example.com",
            id="only-made-up",
        ),
        pytest.param(
            [
                Following("web", Handle("web", "x", Certainty.UNCONFIRMED)),
                TargetFinished("web", Outcome.REFUSED, WHY),
            ],
            "https://old.example.com",
            id="doubtful",
        ),
        pytest.param([Following("web", Handle("web", "x"))], "https://new.example.com", id="started"),
        pytest.param(
            [Following("web", Handle("web", "x")), TargetFinished("web", Outcome.FAILED, WHY)],
            "https://new.example.com",
            id="failed",
        ),
    ],
)
@pytest.mark.parametrize("before", ["https://old.example.com", ""])
def test_an_address_that_is_only_asked_for_is_no_output(
    desk: Any, events: list[Event], url: str, before: str
) -> None:
    told = desk("github", output_file="env")
    told.hear(TargetResolved(replace(ASKED_FOR, before=before)), *events)
    url = url if url == ASKED_FOR.url else before
    assert told.outputs.get("url", "") == url
    told.finish(Outcome.FAILED)
    assert (told.outputs.get("url", ""), told.result["targets"][0]["url"]) == (url, url)
    if url != ASKED_FOR.url:
        everywhere = [told.stdout.text, *(path.read_text() for path in told.folder.iterdir())]
        assert [text for text in everywhere if ASKED_FOR.url in text] == []


# --- the build log that can't be read


def test_that_no_build_log_can_be_read_is_said_once_for_all(desk: Any) -> None:
    told = desk("plain", "a", "b")
    told.hear(*started("a"), *started("b"))
    said = told.hear(LogUnavailable("a"), LogUnavailable("b"), LogUnavailable("a", "paris"))
    assert len(said) == 1
    assert said[0].startswith("a: the build log can't be shown: the token may not read it.")


# --- any order

TARGETS, LATER = ("a", "b"), ("c", "d", "e")
targets = st.sampled_from(TARGETS + LATER)
texts = st.sampled_from(
    [
        "",
        "why",
        "https://web.example.com/\ud800",
        "::error::x",
        "two\nlines",
        "\ud800\x00",
        SHA,
        SECRET,
        "x" * 9000,
    ]
)
handles = st.builds(
    Handle,
    targets,
    texts,
    st.sampled_from(Certainty),
    st.sampled_from(Owner),
    texts,
    texts,
    texts,
    texts,
)
entries = st.builds(Entry, st.integers(), texts, hidden=st.booleans(), from_platform=st.booleans())
seconds = st.floats(0, 1e6)
legs = st.sampled_from(Stage)
late = st.builds(Target, st.sampled_from(LATER), texts, texts, texts, texts)
groups = st.lists(late, max_size=3, unique_by=lambda part: part.id).map(tuple)
events = st.one_of(
    st.builds(Connected, texts),
    st.builds(TargetResolved, st.builds(Target, targets, texts, texts, texts, texts, st.booleans())),
    st.builds(ChangeApplied, targets, texts, st.booleans()),
    st.builds(RollingBack, targets, texts),
    st.builds(
        AbilityChecked, st.builds(Ability, texts, st.sampled_from([True, False, None]), texts, st.booleans())
    ),
    st.builds(TargetNote, targets, texts),
    st.builds(Triggering, targets),
    st.builds(GroupExpanded, targets, groups, st.booleans()),
    st.builds(Following, targets, handles, texts, legs),
    st.builds(TriggerDelayed, targets, seconds, texts),
    st.builds(TriggerUncertain, targets, texts),
    st.builds(Retriggering, targets, texts),
    st.builds(LogLines, targets, st.lists(entries, max_size=3).map(tuple), texts),
    st.builds(LogUnavailable, targets),
    st.builds(PhaseChanged, targets, st.sampled_from(Phase), texts, texts, legs),
    st.builds(DeploymentDetails, targets, texts, texts, texts, legs),
    st.builds(PollFailing, targets | st.just(""), texts),
    st.builds(PollRecovered, targets, st.integers(0, 9)),
    st.builds(TargetWarning, targets, texts),
    st.builds(Idle),
    st.builds(InterruptReceived, texts),
    st.builds(CancelResult, targets, handles, texts),
    st.builds(TargetFinished, targets, st.sampled_from(Outcome), texts),
    st.floats(0, 100),
)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("logs", ["live", "failure"])
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(run=st.lists(events, max_size=25), outcome=st.sampled_from(Outcome), asked=st.sampled_from(Command))
def test_no_order_of_events_is_too_odd(  # noqa: PLR0913, PLR0917 -- pytest and hypothesis hand them over
    system: str, logs: str, run: list[Event | float], outcome: Outcome, asked: Command, tmp_path: Path
) -> None:
    """The reporter never decides the outcome: it must not raise, tear a file, or leave a group open."""
    for name in ("output", "summary", "env", "log"):
        (tmp_path / name).unlink(missing_ok=True)
    options: dict[str, Any] = {
        "command": asked,
        "logs": logs,
        "log_file": str(tmp_path / "log"),
        "output_file": str(tmp_path / "env"),
    }
    told = at_desk(tmp_path, system, *TARGETS, **options)
    told.hear(*run)
    told.finish(outcome)
    assert told.result["status"] == outcome.status
    assert told.read("log") is not None
    if system == "github":
        assert told.outputs["status"] == outcome.status
        groups = [
            command.name
            for line in told.stdout.text.split("\n")
            if (command := parse_line(line)) and "group" in command.name
        ]
        assert groups == ["group", "endgroup"] * (len(groups) // 2)
    assert SECRET not in told.stdout.text
    assert [path.name for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()] == []


# --- a job's log that is not read, and lines that it can't take


def test_build_log_lines_that_nobody_reads_are_left_out_and_that_is_said_where_they_are_missing(
    desk: Any,
) -> None:
    told = desk("plain", log_file="build.log")
    told.hear(*started("web"))
    room = iter([True, False, False, True, False])
    told.reporter._ci._writer.has_room = lambda: next(room)
    said = told.hear(logged("web", "one", "two", "three", "four", "five"))
    said += told.hear(TargetFinished("web", Outcome.FAILED, "it broke"))
    missing = f"build log lines are missing here: nothing reads this output, or not fast enough. See {LINK.format('web')}"
    assert said[:5] == ["=== Build log of web ===", "one", missing, "four", missing]
    assert "it broke" in said[5]
    assert told.read("build.log") == "one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize("logs", ["live", "failure"])
def test_a_huge_line_is_passed_on_in_pieces_and_is_whole_in_the_log_file(desk: Any, logs: str) -> None:
    told = desk("github", "web", "api", logs=logs, log_file="build.log")
    huge = "::error::" + "x" * 100_000 + SECRET + "::error::" * 20_000
    told.hear(*started("web"), logged("web", huge))
    told.hear(TargetFinished("web", Outcome.FAILED, "it broke"))
    pieces = [line for line in told.stdout.text.split("\n") if line.startswith("[web] ")]
    whole = "[web] " + huge.replace(SECRET, "***")
    assert max(map(len, told.stdout.text.split("\n"))) < 64 * 1024
    assert "".join(piece.removeprefix("[web] ") for piece in pieces) == whole.removeprefix("[web] ")
    assert told.read("build.log") == whole + "\n"
