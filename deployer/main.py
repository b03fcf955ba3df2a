"""Composition root and last resort: reads the process's environment, puts the parts together, and lets no traceback out."""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, cast

from deployer import PROJECT, __version__, settings
from deployer.ci import NAMES, detect
from deployer.ci.base import CI
from deployer.ci.output import Backlog, Redactor, Stream, Writer, lines
from deployer.clock import Clock
from deployer.http import proxies, tls
from deployer.http.environment import blocking_variable
from deployer.model import Command, DeployerError, InvalidInputsError, Outcome, Plan, Snapshot
from deployer.providers import PROVIDERS
from deployer.providers.interface import ProviderContext, ProviderInputs
from deployer.report import Reporter, ReportOptions, duration
from deployer.run import run
from deployer.settings import Aliases, Common, Inputs, RawInputs
from deployer.verify import Expectation, Site, shown, wanted

SPEED = 20
"""How many times faster than the real one a rehearsal's clock runs, the program's and the simulator's alike."""

BUG = 70
AGENT = f"deployer/{__version__} (+https://github.com/{PROJECT})"
GROUPS: tuple[type[Inputs], ...] = (*PROVIDERS, Common)
USAGE = "the inputs come from the environment; `--help` lists them"
OPEN = ("coolify_url", "webhook", "uuid", "tag", "name", "domains", "commit", "log_file", "cf_api", "cf_app")
"""Inputs whose text, or a part of it, becomes a value of our outputs."""


def main(
    argv: list[str] | None = None, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> int:
    """Run once; the exit code (architecture 2.4). With arguments, run those instead: several CI systems start an image that way."""
    clock = clock or Clock()
    clock.listen()
    argv = sys.argv[1:] if argv is None else argv
    environ = os.environ if environ is None else environ
    redact = Redactor()
    system = detect(environ, _first(environ, "ci"))
    terminal = system.name == "plain" and _is_terminal(environ)
    backlog = Backlog(_stdout(), clock.real, lambda: clock.since_stop() if clock.stopped else None)
    ci = system(environ, Writer(backlog, redact, terminal=terminal, has_room=backlog.has_room), clock.wall)
    reports: list[Reporter] = []
    try:
        return _instead(argv, ci, clock) if argv else _deploy(environ, ci, redact, clock, reports).exit_code
    except Exception as error:
        return _bug(error, ci, redact, reports)
    finally:
        backlog.drain()
        clock.ignore()


def _deploy(
    environ: Mapping[str, str], ci: CI, redact: Redactor, clock: Clock, reports: list[Reporter]
) -> Outcome:
    raw = settings.look_up(GROUPS, environ, ci.input_prefix)
    _hide(raw, environ, ci, redact)
    settings.find_clashes(raw, environ, ci.files, ci.output_file)
    with ExitStack() as stage:
        try:
            provider = _chosen(raw)
            may_skip = raw.text("on_missing_secret").lower() == "skip" and "rehearse" not in raw
            if may_skip and not any(name in raw for name in provider.credentials):
                return _skipped(raw, provider, ci, redact, clock)
            if "rehearse" in raw:
                _rehearse(raw, provider, ci, clock, stage)
            common, inputs = _read(raw, provider)
        except InvalidInputsError as error:
            for warning in raw.warnings:
                ci.annotate("warning", "Deployer", warning)
            for mistake in error.mistakes:
                ci.annotate("error", "Deployer", redact.passed_on(mistake))
            return _over(raw, ci, redact, clock, Outcome.REFUSED)
        report = Reporter(ci, redact, clock.now, _wishes(common, inputs))
        reports.append(report)
        for warning in (*raw.warnings, *inputs.warnings, *_loud(common)):
            report.notice(warning)
        context = ProviderContext(
            AGENT,
            clock.real,
            clock.now,
            redact.add,
            no_proxy=bool(common.rehearse),
            time_left=clock.time_left,
        )
        server = inputs.build_provider(common, context)
        outcome = run(_plan(common, inputs), server, report, clock, _visitor(common, clock, redact))
        report.finish(outcome)
        return outcome


def _chosen(raw: RawInputs) -> type[ProviderInputs]:
    """By `provider`, else by the inputs given, else the first (architecture 2.1). Raises MistakesError where two are meant."""
    used = {provider: [name for name in provider.model_fields if name in raw] for provider in PROVIDERS}
    for provider in (each for each in PROVIDERS if each.platform == raw.text("provider").lower()):
        _refuse_foreign(
            raw, provider, [name for other in PROVIDERS if other is not provider for name in used[other]]
        )
        return provider
    meant = [provider for provider in PROVIDERS if set(used[provider]) & set(provider.detected_by)] or [
        PROVIDERS[0]
    ]
    if len(meant) > 1 and "provider" not in raw:
        names = " and ".join(
            f"{raw.as_typed(next(name for name in used[provider] if name in provider.detected_by))} ({provider.platform})"
            for provider in meant
        )
        mistake = (
            f"{names} are of different platforms: say which one is meant with {raw.as_typed('provider')}"
        )
        raise InvalidInputsError((*raw.mistakes, mistake))
    return meant[0]


def _refuse_foreign(raw: RawInputs, provider: type[ProviderInputs], names: list[str]) -> None:
    """What another platform's input asks for would not be done; its own variables may be set for other jobs, too."""
    for name in names:
        variable = raw.found[name].variable
        sentence = f"{raw.as_typed(name)} does nothing on this platform: {raw.as_typed('provider')} is {provider.platform}"
        if variable.startswith(settings.INPUT_PREFIXES):
            raw.mistakes.append(sentence)
        elif variable.startswith("DEPLOYER_"):
            raw.warnings.append(sentence)


def _skipped(
    raw: RawInputs, provider: type[ProviderInputs], ci: CI, redact: Redactor, clock: Clock
) -> Outcome:
    for warning in raw.warnings:
        ci.annotate("warning", "Deployer", warning)
    ci.annotate(
        "notice",
        "Deployer",
        f"{raw.as_typed(provider.credentials[0])} is not given here: skipped, nothing was deployed",
    )
    return _over(raw, ci, redact, clock, Outcome.SKIPPED)


def _read(raw: RawInputs, provider: type[ProviderInputs]) -> tuple[Common, ProviderInputs]:
    """Both groups of inputs; raises MistakesError with every mistake of both."""
    if "ci" in raw and raw.text("ci").lower() not in NAMES:
        raw.mistakes.append(f"{raw.as_typed('ci')}: must be one of {', '.join(NAMES)}")
    common, inputs = Common.read(raw), provider.read(raw)
    if common and inputs and not common.rehearse:
        raw.mistakes += _obstacles(common, inputs)
    if raw.mistakes or common is None or inputs is None:
        raise InvalidInputsError(tuple(raw.mistakes))
    return common, inputs


def _obstacles(common: Common, inputs: ProviderInputs) -> list[str]:
    """Variables of the environment that keep an address from being asked: a proxy's or a bundle's."""
    addresses = [address for address in (inputs.address, common.verify_url) if "://" in address]
    checked = not common.ca_cert and not common.insecure
    return list(
        dict.fromkeys(said for address in addresses if (said := blocking_variable(address, checked=checked)))
    )


def _hide(raw: RawInputs, environ: Mapping[str, str], ci: CI, redact: Redactor) -> None:
    """Every secret is masked before the first other line, but for one that a value of our outputs holds: its mask would blank that.

    It is masked by line: of a JSON key the runner would make masks of `{` and `}`, too. What is hidden is never masked, and not hidden
    where the user has written it into an input that is shown anyway.
    """
    open_values = [raw.text(name) for name in OPEN]
    shown = [*open_values, raw.text("image"), ci.commit]
    open_values += [outcome.status for outcome in Outcome]
    for value in (value for group in GROUPS for value in group.redacted(raw)):
        if not any(value.strip() in text for text in shown):
            redact.hide(value)
    for secret in _secrets(raw, environ):
        redact.add(secret)
        for line in map(str.strip, lines(secret)):
            if len(line) >= settings.MIN_SECRET_CHARS and not any(line in value for value in open_values):
                ci.mask(line)


def _secrets(raw: RawInputs, environ: Mapping[str, str]) -> Iterator[str]:
    for group in GROUPS:
        yield from (secret for secret in group.secrets(raw) if secret)
    yield from proxies.secrets(environ)


def _rehearse(raw: RawInputs, provider: type[ProviderInputs], ci: CI, clock: Clock, stage: ExitStack) -> None:
    """The embedded simulator instead of the user's server, on a clock that both share."""
    scenarios, play = _theatre(provider.platform)
    name = raw.text("rehearse")
    if name not in scenarios:
        names = ", ".join(scenarios)
        what = (
            repr(name) if re.fullmatch(r"[a-z0-9-]{1,30}", name) else "it"
        )  # anything else may be a secret in the wrong place
        raw.mistakes.append(f"{raw.as_typed('rehearse')}: {what} is no scenario. There are {names}")
        provider.use_simulator(
            raw, stage.enter_context(play("success", speed=SPEED)).inputs
        )  # only for the other mistakes to be told
        Common.use_simulator(raw, "http://127.0.0.1")
        return
    ci.say(
        f"Rehearsal: nothing is deployed, and time runs {SPEED} times as fast. Scenario {name}: {scenarios[name].summary}"
    )
    ci.annotate("warning", "Rehearsal", "this run talks to a simulator: nothing is deployed")
    playing = stage.enter_context(play(name, speed=SPEED))
    clock.speed = SPEED
    ignored = provider.use_simulator(raw, playing.inputs)
    if ignored := [*ignored, *Common.use_simulator(raw, playing.site)]:
        ci.say(f"Not used in a rehearsal: {', '.join(ignored)}")
    if "verify_url" in raw:
        ci.say("The site that is asked instead is the rehearsal's own")


def _theatre(platform: str) -> tuple[Mapping[str, Any], Callable[..., AbstractContextManager[Any]]]:
    """A platform's scenarios, and how one is played."""
    if platform == "cloudfoundry":
        from deployer.simulator import cloudfoundry

        return cloudfoundry.SCENARIOS, cloudfoundry.simulating
    from deployer import simulator

    return simulator.SCENARIOS, simulator.simulating


def _visitor(common: Common, clock: Clock, redact: Redactor) -> Callable[[str], Snapshot] | None:
    """Asks the address that must answer, or the target's own."""
    if not common.verify_url:
        return None
    site = Site(
        agent=AGENT,
        now=clock.real,
        ca=common.ca_cert,
        insecure=common.insecure,
        direct=bool(common.rehearse),
        redact=redact.passed_on,
    )
    return lambda address: site.poll(_expectation(common, address))


def _expectation(common: Common, own: str = "") -> Expectation:
    """What must answer. `own`: the target's own address."""
    auto = common.verify_url == "auto"
    named = "verify_status" in common.model_fields_set
    return Expectation(
        own if auto else common.verify_url,
        common.verify_status,
        common.verify_contains,
        guarded=auto,
        named=named,
    )


def _plan(common: Common, inputs: ProviderInputs) -> Plan:
    expectation = _expectation(common)
    return Plan(
        inputs.targets,
        command=Command(common.command),
        dry_run=common.dry_run,
        has_changes=(inputs.has_changes or bool(common.image)) and common.command != Command.ROLLBACK.value,
        own_site=expectation.guarded,
        site=shown(expectation.url),
        answer=f"{wanted(expectation)}, for up to {duration(common.verify_timeout)}"
        if common.verify_url
        else "",
        rollback=common.rollback,
        wait=common.wait,
        timeout=common.timeout,
        verify_timeout=common.verify_timeout,
        strict=common.verify_health == "true",
        poll_interval=common.poll_interval,
        cancel_on_timeout=common.on_timeout == "cancel",
        cancel_on_interrupt=common.on_interrupt == "cancel",
    )


def _wishes(common: Common, inputs: ProviderInputs) -> ReportOptions:
    return ReportOptions(
        inputs.targets,
        by_name=inputs.by_name,
        timeout=common.timeout,
        command=Command(common.command),
        preflight=common.dry_run or common.command == Command.CHECK.value,
        logs=common.logs,
        hidden_logs=common.hidden_logs,
        log_file=common.log_file,
        output_file=common.output_file,
        result_file=common.result_file,
        summary=common.summary,
        rehearsal=bool(common.rehearse),
        wait=common.wait,
    )


def _loud(common: Common) -> Iterator[str]:
    if common.insecure:
        yield "`insecure` is on: the server's certificate is not checked, and whoever is in between can read the token"
    elif common.ca_cert and tls.is_strict(common.ca_cert):
        yield tls.LENIENT


def _over(raw: RawInputs, ci: CI, redact: Redactor, clock: Clock, outcome: Outcome) -> Outcome:
    """The outputs of a run that ends before it begins."""
    output_file, result_file = (
        raw.text(name) if name not in raw.clashing else "" for name in ("output_file", "result_file")
    )
    options = ReportOptions(
        output_file=output_file, result_file=result_file, summary=False, rehearsal="rehearse" in raw
    )
    Reporter(ci, redact, clock.now, options).finish(outcome)
    return outcome


def _instead(argv: list[str], ci: CI, clock: Clock) -> int:
    """`--help`, `--version`, or the program that a CI system wants to run in this image."""
    match argv[0]:
        case "--help" | "-h":
            ci.say(_help())
        case "--version":
            ci.say(f"deployer {__version__}")
        case program:
            if clock.stopped:
                return Outcome.INTERRUPTED.exit_code
            try:
                clock.hand_over()
                os.execvp(program, argv)  # noqa: S606 -- what the user wrote, without a shell
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", error)
                ci.annotate(
                    "error",
                    "Deployer",
                    f"{program!r} is no program here ({why}), and Deployer takes no arguments: {USAGE}",
                )
                return Outcome.REFUSED.exit_code
    return 0


def _help() -> str:
    lines = [
        f"Deployer {__version__}: starts a deployment, follows it to its end, and exits with the verdict.",
        "",
    ]
    lines += [
        "Inputs come from the environment; an empty one is not given. In a workflow they have the name on the left.",
        "",
    ]
    for name, info, spelling in settings.declared(GROUPS):
        standard = settings.default(info, spelling)
        lines += [
            f"{name}  ({settings.env_name(name)})",
            f"    {info.description}{f'. Default: {standard}' if standard else ''}",
        ]
    lines += [
        "",
        "Exit codes:",
        *(f"    {outcome.exit_code:3}  {outcome.status}: {outcome.meaning}" for outcome in Outcome),
    ]
    return "\n".join(lines)


def _bug(error: Exception, ci: CI, redact: Redactor, reports: list[Reporter]) -> int:
    """Our own bug: no status is written, and the last line is where the deployment can be looked at."""
    ci.endgroup()
    if isinstance(error, DeployerError):
        ci.annotate("error", "Deployer", redact.passed_on(str(error)))
    else:
        how = "" if ci.debug else " With DEPLOYER_DEBUG=1 (on GitHub RUNNER_DEBUG=1) it says more."
        ci.annotate(
            "error",
            "Deployer",
            f"a bug of Deployer's own ({type(error).__name__}). Please report it: https://github.com/{PROJECT}/issues.{how}",
        )
    if ci.debug:
        ci.say(redact.passed_on("".join(traceback.format_exception(error))))
    links = [link for report in reports for link in report.links()]
    ci.say(
        f"What was started may still be running: {', '.join(links)}"
        if links
        else "Nothing is known to have been started"
    )
    return BUG


def _first(environ: Mapping[str, str], name: str) -> str:
    return next(
        (
            environ[variable]
            for variable in settings.variables_of(name, Aliases())
            if environ.get(variable, "").strip()
        ),
        "",
    )


def _is_terminal(environ: Mapping[str, str]) -> bool:
    try:
        return os.isatty(1) and environ.get("TERM", "dumb") != "dumb" and not environ.get("CI")
    except OSError:
        return False


def _stdout() -> Stream:
    """The raw file: what a buffered one could not write would be tried again at the end, and spoil the exit code."""
    try:
        return cast("Stream", open(1, "wb", buffering=0, closefd=False))
    except OSError:
        return cast("Stream", io.BytesIO())
