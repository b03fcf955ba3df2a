"""A reporter that writes into memory, and the events that it is told."""

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
