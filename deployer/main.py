"""Composition root: reads the environment, connects the parts, and never ends in a bare traceback."""

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

REHEARSAL_SPEED = 20
"""How many times faster than real time a rehearsal runs, program and simulator alike."""

BUG_EXIT_CODE = 70
AGENT = f"deployer/{__version__} (+https://github.com/{PROJECT})"
GROUPS: tuple[type[Inputs], ...] = (*PROVIDERS, Common)
USAGE = "Deployer itself takes no arguments; inputs are environment variables, and `--help` lists them"
PUBLIC_INPUTS = (
    "coolify_url",
    "webhook",
    "uuid",
    "tag",
    "name",
    "domains",
    "commit",
    "log_file",
    "cf_api",
    "cf_app",
)
"""Inputs whose text, or a part of it, becomes part of an output."""


def main(
    argv: list[str] | None = None, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> int:
    """Run once, and return the exit code (architecture 2.4).

    Arguments are run as a command: some CI systems start an image that way.
    """
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
        return (
            _run_command(argv, ci, clock) if argv else _deploy(environ, ci, redact, clock, reports).exit_code
        )
    except Exception as error:
        return _report_bug(error, ci, redact, reports)
    finally:
        backlog.drain()
        clock.ignore()


def _deploy(
    environ: Mapping[str, str], ci: CI, redact: Redactor, clock: Clock, reports: list[Reporter]
) -> Outcome:
    raw = settings.look_up(GROUPS, environ, ci.input_prefix)
    _mask_secrets(raw, environ, ci, redact)
    settings.find_clashes(raw, environ, ci.files, ci.output_file)
    with ExitStack() as resources:
        try:
            provider = _select_provider(raw)
            may_skip = raw.text("on_missing_secret").lower() == "skip" and "rehearse" not in raw
            if may_skip and not any(name in raw for name in provider.credentials):
                return _skipped(raw, provider, ci, redact, clock)
            if "rehearse" in raw:
                _rehearse(raw, provider, ci, clock, resources)
            common, inputs = _read(raw, provider)
        except InvalidInputsError as error:
            for warning in raw.warnings:
                ci.annotate("warning", "Deployer", warning)
            for mistake in error.mistakes:
                ci.annotate("error", "Deployer", redact.untrusted(mistake))
            return _finish_early(raw, ci, redact, clock, Outcome.REFUSED)
        report = Reporter(ci, redact, clock.now, _report_options(common, inputs))
        reports.append(report)
        for warning in (*raw.warnings, *inputs.warnings, *_tls_warnings(common)):
            report.notice(warning)
        context = ProviderContext(
            AGENT,
            clock.real,
            clock.now,
            redact.add,
            no_proxy=bool(common.rehearse),
            time_left=clock.time_left,
        )
        adapter = inputs.build_provider(common, context)
        outcome = run(_plan(common, inputs), adapter, report, clock, _site_check(common, clock, redact))
        report.finish(outcome)
        return outcome


def _select_provider(raw: RawInputs) -> type[ProviderInputs]:
    """The provider, by the input `provider` or by the inputs that are set (architecture 2.1).

    Raises InvalidInputsError if ambiguous.
    """
    used = {provider: [name for name in provider.model_fields if name in raw] for provider in PROVIDERS}
    for provider in (each for each in PROVIDERS if each.platform == raw.text("provider").lower()):
        _refuse_unused(
            raw, provider, [name for other in PROVIDERS if other is not provider for name in used[other]]
        )
        return provider
    detected = [provider for provider in PROVIDERS if set(used[provider]) & set(provider.detected_by)]
    if len(detected) > 1 and "provider" not in raw:
        first = [next(name for name in used[each] if name in each.detected_by) for each in detected]
        names = " and ".join(
            f"{raw.as_typed(name)} ({each.platform})" for name, each in zip(first, detected, strict=True)
        )
        mistake = f"{names} select different platforms. Set {raw.as_typed('provider')}"
        raise InvalidInputsError((*raw.mistakes, mistake))
    return (detected or PROVIDERS)[0]


def _refuse_unused(raw: RawInputs, provider: type[ProviderInputs], names: list[str]) -> None:
    """Report inputs of another platform, which have no effect.

    Its own variables may be set for other jobs, and are ignored.
    """
    for name in names:
        variable = raw.found[name].variable
        sentence = f"{raw.as_typed(name)} has no effect: {raw.as_typed('provider')} is {provider.platform}"
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
        f"{raw.as_typed(provider.credentials[0])} is not set: skipped, nothing was deployed",
    )
    return _finish_early(raw, ci, redact, clock, Outcome.SKIPPED)


def _read(raw: RawInputs, provider: type[ProviderInputs]) -> tuple[Common, ProviderInputs]:
    """Both groups of inputs. Raises InvalidInputsError with the mistakes of both."""
    if "ci" in raw and raw.text("ci").lower() not in NAMES:
        raw.mistakes.append(f"{raw.as_typed('ci')}: must be one of {', '.join(NAMES)}")
    common, inputs = Common.read(raw), provider.read(raw)
    if common and inputs and not common.rehearse:
        raw.mistakes += _invalid_variables(common, inputs)
    if raw.mistakes or common is None or inputs is None:
        raise InvalidInputsError(tuple(raw.mistakes))
    return common, inputs


def _invalid_variables(common: Common, inputs: ProviderInputs) -> list[str]:
    """Invalid environment variables (a proxy, a file of CAs) that would fail every request."""
    addresses = [address for address in (inputs.address, common.verify_url) if "://" in address]
    checked = not common.ca_cert and not common.insecure
    sentences = [blocking_variable(address, checked=checked) for address in addresses]
    return list(dict.fromkeys(filter(None, sentences)))


def _mask_secrets(raw: RawInputs, environ: Mapping[str, str], ci: CI, redact: Redactor) -> None:
    """Mask every secret before the first other line, except one that is part of an output.

    The mask would blank the output.

        Masks are set line by line, and never for short lines: for a JSON key, the runner would mask `{` and
        `}` as well. Values
        that are only redacted are not masked, and not redacted if the user wrote them into an input that is
        shown anyway.
    """
    public = [raw.text(name) for name in PUBLIC_INPUTS]
    shown = [*public, raw.text("image"), ci.commit]
    public += [outcome.status for outcome in Outcome]
    for value in (value for group in GROUPS for value in group.redacted(raw)):
        if not any(value.strip() in text for text in shown):
            redact.add_for_untrusted(value)
    for secret in _secrets(raw, environ):
        redact.add(secret)
        for line in map(str.strip, lines(secret)):
            if len(line) >= settings.MIN_SECRET_CHARS and not any(line in value for value in public):
                ci.mask(line)


def _secrets(raw: RawInputs, environ: Mapping[str, str]) -> Iterator[str]:
    for group in GROUPS:
        yield from (secret for secret in group.secrets(raw) if secret)
    yield from proxies.secrets(environ)


def _rehearse(
    raw: RawInputs, provider: type[ProviderInputs], ci: CI, clock: Clock, resources: ExitStack
) -> None:
    """Replace the user's server by the built-in simulator, with a clock that both share."""
    scenarios, simulating = _simulator(provider.platform)
    name = raw.text("rehearse")
    if name not in scenarios:
        names = ", ".join(scenarios)
        # Anything else may be a secret in the wrong place.
        what = f" {name!r}" if re.fullmatch(r"[a-z0-9-]{1,30}", name) else ""
        hint = f"Available: {names}. Set `provider` for those of another platform"
        raw.mistakes.append(f"{raw.as_typed('rehearse')}: unknown scenario{what}. {hint}")
        # Only so that the other mistakes are found as well.
        session = resources.enter_context(simulating("success", speed=REHEARSAL_SPEED))
        provider.use_simulator(raw, session.inputs)
        Common.use_simulator(raw, "http://127.0.0.1")
        return
    summary = scenarios[name].summary
    ci.say(f"Rehearsal: nothing is deployed, and time runs {REHEARSAL_SPEED} times as fast")
    ci.say(f"Scenario {name}: {summary}")
    ci.annotate("warning", "Rehearsal", "this run uses a simulator: nothing is deployed")
    session = resources.enter_context(simulating(name, speed=REHEARSAL_SPEED))
    clock.speed = REHEARSAL_SPEED
    ignored = [*provider.use_simulator(raw, session.inputs), *Common.use_simulator(raw, session.site)]
    if ignored:
        ci.say(f"Not used in a rehearsal: {', '.join(ignored)}")
    if "verify_url" in raw:
        ci.say("The rehearsal's own site is verified instead")


def _simulator(platform: str) -> tuple[Mapping[str, Any], Callable[..., AbstractContextManager[Any]]]:
    """A platform's scenarios, and the context manager that simulates one."""
    if platform == "cloudfoundry":
        from deployer.simulator import cloudfoundry

        return cloudfoundry.SCENARIOS, cloudfoundry.simulating
    from deployer import simulator

    return simulator.SCENARIOS, simulator.simulating


def _site_check(common: Common, clock: Clock, redact: Redactor) -> Callable[[str], Snapshot] | None:
    """Polls `verify_url`, or the target's own URL; None if there is nothing to verify."""
    if not common.verify_url:
        return None
    site = Site(
        agent=AGENT,
        now=clock.real,
        ca=common.ca_cert,
        insecure=common.insecure,
        direct=bool(common.rehearse),
        redact=redact.untrusted,
    )
    return lambda address: site.poll(_expectation(common, address))


def _expectation(common: Common, own: str = "") -> Expectation:
    """What must respond. `own`: the target's own URL."""
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
    answer = (
        f"{wanted(expectation)}, for up to {duration(common.verify_timeout)}" if common.verify_url else ""
    )
    return common.plan(
        inputs.targets, has_changes=inputs.has_changes, site=shown(expectation.url), answer=answer
    )


def _report_options(common: Common, inputs: ProviderInputs) -> ReportOptions:
    command = Command(common.command)
    return common.fill(
        ReportOptions,
        targets=inputs.targets,
        by_name=inputs.by_name,
        command=command,
        preflight=common.dry_run or command is Command.CHECK,
        rehearsal=bool(common.rehearse),
    )


def _tls_warnings(common: Common) -> Iterator[str]:
    if common.insecure:
        yield (
            "`insecure` is set: the server's certificate is not verified, and the token can be read in "
            "transit"
        )
    elif common.ca_cert and tls.is_strict(common.ca_cert):
        yield tls.LENIENT


def _finish_early(raw: RawInputs, ci: CI, redact: Redactor, clock: Clock, outcome: Outcome) -> Outcome:
    """Write the outputs of a run that ends before it starts."""
    output_file, result_file = (
        raw.text(name) if name not in raw.clashing else "" for name in ("output_file", "result_file")
    )
    options = ReportOptions(
        output_file=output_file, result_file=result_file, summary=False, rehearsal="rehearse" in raw
    )
    Reporter(ci, redact, clock.now, options).finish(outcome)
    return outcome


def _run_command(argv: list[str], ci: CI, clock: Clock) -> int:
    """Handle `--help`, `--version`, or a command that a CI system runs in this image."""
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
                os.execvp(program, argv)  # noqa: S606 -- the user's own command, without a shell
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", error)
                ci.annotate("error", "Deployer", f"could not run {program!r} ({reason}). {USAGE}")
                return Outcome.REFUSED.exit_code
    return 0


def _help() -> str:
    lines = [
        f"Deployer {__version__}: starts a deployment, follows it to its end, and exits with the verdict.",
        "",
        "Inputs are environment variables; empty ones are ignored. In a workflow, use the name on the left.",
        "",
    ]
    for name, info, aliases in settings.declared(GROUPS):
        default = settings.default(info, aliases)
        description = f"{info.description}. Default: {default}" if default else info.description
        lines += [f"{name}  ({settings.env_name(name)})", f"    {description}"]
    lines += [
        "",
        "Exit codes:",
        *(f"    {outcome.exit_code:3}  {outcome.status}: {outcome.meaning}" for outcome in Outcome),
    ]
    return "\n".join(lines)


def _report_bug(error: Exception, ci: CI, redact: Redactor, reports: list[Reporter]) -> int:
    """Report a bug in Deployer: without a status, and with the links to what may still be running."""
    ci.endgroup()
    if isinstance(error, DeployerError):
        ci.annotate("error", "Deployer", redact.untrusted(str(error)))
    else:
        text = f"this is a bug in Deployer ({type(error).__name__})"
        fix = f"Please report it: https://github.com/{PROJECT}/issues"
        if not ci.debug:
            fix += ". For details, set DEPLOYER_DEBUG=1 (RUNNER_DEBUG=1 on GitHub)"
        ci.annotate("error", "Deployer", f"{text}. {fix}")
    if ci.debug:
        ci.say(redact.untrusted("".join(traceback.format_exception(error))))
    links = [link for report in reports for link in report.links()]
    if links:
        ci.say(f"These deployments may still be running: {', '.join(links)}")
    else:
        ci.say("No deployment is known to have been started")
    return BUG_EXIT_CODE


def _first(environ: Mapping[str, str], name: str) -> str:
    """The value of an input before all inputs are read; empty if it is not set."""
    values = (environ.get(variable, "") for variable in settings.variables_of(name, Aliases()))
    return next((value for value in values if value.strip()), "")


def _is_terminal(environ: Mapping[str, str]) -> bool:
    try:
        return os.isatty(1) and environ.get("TERM", "dumb") != "dumb" and not environ.get("CI")
    except OSError:
        return False


def _stdout() -> Stream:
    """The unbuffered file: a buffered one would retry failed writes at exit, and change the exit code."""
    try:
        return cast("Stream", open(1, "wb", buffering=0, closefd=False))
    except OSError:
        return cast("Stream", io.BytesIO())
