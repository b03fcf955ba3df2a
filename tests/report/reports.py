"""A reporter that writes to memory and a temporary folder, and events for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    PollFailing,
    PollRecovered,
    Retriggering,
    RollingBack,
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
from tests.ci.decoders import Stdout, parse_env_file, parse_line

SYSTEMS: dict[str, type[CI]] = {"plain": Plain, "github": GitHub, "gitlab": GitLab}


LINK = "https://coolify.example.com/project/p/environment/e/application/{0}/deployment/{0}-1"


URL = "https://{0}.example.com"


SHA = "0123456789abcdef0123456789abcdef01234567"


RUN_SHA = "fedcba9876543210fedcba9876543210fedcba98"


REASON = "exit code 1: npm run build"


SECRET = "Zq4w7-marked/secret"


HIDDEN = "production-marked"
"""A variable's value: it is only redacted in text from outside."""


@dataclass
class Report:
    """A reporter, with everything it writes to."""

    reporter: Reporter
    stdout: Stdout
    folder: Path
    time: list[float] = field(default_factory=lambda: [1000.0])

    def emit(self, *events: Event | float) -> list[str]:
        """Report events, and return the lines printed meanwhile. A number lets so many seconds pass."""
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

    def annotations(self, level: str) -> list[tuple[str, str]]:
        """Return the title and message of each GitHub annotation."""
        commands = (parse_line(line) for line in self.stdout.text.split("\n"))
        return [
            (command.properties.get("title", ""), command.data)
            for command in commands
            if command and command.name == level
        ]

    @property
    def outputs(self) -> dict[str, str]:
        pairs, error = parse_env_file((self.folder / "output").read_bytes().decode())
        assert error == ""
        return pairs

    @property
    def result(self) -> Any:
        return json.loads((self.folder / "result.json").read_text())

    def read(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")


def report_in(folder: Path, system: str, *targets: str, terminal: bool = False, **options: Any) -> Report:
    stdout, redact, time = Stdout(), Redactor(), [1000.0]
    redact.add(SECRET)
    redact.add_for_untrusted(HIDDEN)
    environ = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    environ |= {"GITHUB_SHA": RUN_SHA, "CI_COMMIT_SHA": RUN_SHA}
    ci = SYSTEMS[system](
        environ, Writer(stdout, redact, terminal=terminal, columns=lambda: 500), lambda: time[0]
    )
    expected: dict[str, Any] = {
        "targets": targets or ("web",),
        "timeout": 1800.0,
        "result_file": str(folder / "result.json"),
    } | options
    return Report(Reporter(ci, redact, lambda: time[0], ReportOptions(**expected)), stdout, folder, time)


def until_running(target: str, *, name: str | None = None, adopted: bool = False) -> list[Event | float]:
    """Return a target's events from its resolution until its deployment is running."""
    return [
        TargetResolved(
            Target(target, name=target if name is None else name, kind="application", url=URL.format(target))
        ),
        Triggering(target),
        Following(target, Handle(target, f"{target}-1", owner=Owner.OTHERS if adopted else Owner.OURS)),
        DeploymentDetails(target, LINK.format(target), "", "localhost"),
        PhaseChanged(target, Phase.RUNNING, "in_progress"),
    ]


def log_lines(target: str, *texts: str, hidden: bool = False) -> LogLines:
    return LogLines(target, tuple(Entry((target, text), text, hidden=hidden) for text in texts))


TARGETS, LATER_TARGETS = ("a", "b"), ("c", "d", "e")


targets = st.sampled_from(TARGETS + LATER_TARGETS)


texts = st.sampled_from(
    [
        "",
        "a reason",
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


stages = st.sampled_from(Stage)


later_targets = st.builds(Target, st.sampled_from(LATER_TARGETS), texts, texts, texts, texts)


groups = st.lists(later_targets, max_size=3, unique_by=lambda member: member.id).map(tuple)


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
    st.builds(Following, targets, handles, texts, stages),
    st.builds(TriggerDelayed, targets, seconds, texts),
    st.builds(TriggerUncertain, targets, texts),
    st.builds(Retriggering, targets, texts),
    st.builds(LogLines, targets, st.lists(entries, max_size=3).map(tuple), texts),
    st.builds(LogUnavailable, targets),
    st.builds(PhaseChanged, targets, st.sampled_from(Phase), texts, texts, stages),
    st.builds(DeploymentDetails, targets, texts, texts, texts, stages),
    st.builds(PollFailing, targets | st.just(""), texts),
    st.builds(PollRecovered, targets, st.integers(0, 9)),
    st.builds(TargetWarning, targets, texts),
    st.builds(Idle),
    st.builds(InterruptReceived, texts),
    st.builds(CancelResult, targets, handles, texts),
    st.builds(TargetFinished, targets, st.sampled_from(Outcome), texts),
    st.floats(0, 100),
)
