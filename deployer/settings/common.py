"""The inputs that mean the same for every provider (architecture 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from deployer.model import Command, Plan, VerifyHealth
from deployer.settings.env import Aliases, Found, RawInputs
from deployer.settings.inputs import Inputs
from deployer.settings.parsers import Certificate, Duration, Flag, Headers, SiteAddress, Statuses, WaitFlag

MIN_VERIFY_SECONDS = 80
"""Shortest `verify_timeout` with `verify_health: true`.

Up to 10 s until the first status counts, 60 s without a break, and the polls.
"""

SITE_INPUTS = ("verify_url", "verify_status", "verify_contains")
ENDING = ("stop", "cancel")
"""Commands after which there is nothing to verify."""

ROLLBACK_COMMANDS = {"", "deploy", "start", "check"}
"""Commands that the input `rollback` can be combined with; empty is the default, `deploy`."""

SCHEME = re.compile(r"[A-Za-z][\w.-]*[ \t]+(.+)")
"""A credential with its scheme, as a header value (https://www.rfc-editor.org/rfc/rfc9110#section-11.4)."""


def _is_short(text: str) -> bool:
    """Whether the text is a duration below `MIN_VERIFY_SECONDS`; invalid durations are reported elsewhere."""
    try:
        return bool(text) and TypeAdapter(Duration).validate_python(text) < MIN_VERIFY_SECONDS
    except ValidationError:
        return False


def _lower(text: Any) -> Any:
    """Some CI systems turn `true` into `True`: YAML's own spelling of a boolean."""
    return text.lower() if isinstance(text, str) else text


class Common(Inputs):
    """The inputs that mean the same for every provider."""

    ignored: ClassVar[frozenset[str]] = frozenset({"DEPLOYER_DEBUG"})

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:
        """The values of extra headers, and credentials without their scheme, such as `Bearer`."""
        values = [line.partition(":")[2].strip() for line in raw.text("headers").splitlines()]
        return [*values, *(match[1] for value in values if (match := SCHEME.match(value)))]

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:
        """Inputs that can't be combined or have no effect, under the names that the user typed."""
        return [*cls._unwatched(raw), *cls._unsuitable(raw), *cls._without_check(raw)]

    @classmethod
    def _unwatched(cls, raw: RawInputs) -> Iterator[str]:
        """Checks that `wait: false` leaves no time for."""
        if not raw.is_off("wait"):
            return
        checks = [name for name in (*SITE_INPUTS, "verify_timeout") if name in raw]
        if "verify_health" in raw and raw.text("verify_health").lower() != "false":
            checks.append("verify_health")
        if raw.is_on("rollback"):
            checks.append("rollback")
        for name in checks:
            yield f"{raw.as_typed(name)} can't be combined with `wait: false`: nothing is checked then"

    @classmethod
    def _unsuitable(cls, raw: RawInputs) -> Iterator[str]:
        """Inputs that the command has no use for."""
        command = raw.text("command").lower()
        for name in SITE_INPUTS:
            if name in raw and command in ENDING:
                yield (
                    f"{raw.as_typed(name)} can't be combined with `command: {command}`, which deploys nothing"
                )
        if raw.is_on("rollback") and command not in ROLLBACK_COMMANDS:
            name = raw.as_typed("rollback")
            yield f"{name} can't be combined with `command: {command}`: it reverts a deployment of this run"

    @classmethod
    def _without_check(cls, raw: RawInputs) -> Iterator[str]:
        """Inputs that need another one to have an effect."""
        health = raw.text("verify_health").lower()
        if not raw.is_off("wait") and health == "true" and _is_short(raw.text("verify_timeout")):
            name = raw.as_typed("verify_timeout")
            yield (
                f"{name} must be at least {MIN_VERIFY_SECONDS}s with `verify_health: true`, which watches "
                "for a minute"
            )
        if raw.is_on("rollback") and health == "false" and "verify_url" not in raw:
            name = raw.as_typed("rollback")
            yield f"{name} needs a check: set `verify_url`, or do not set `verify_health: false`"
        for name in ("verify_status", "verify_contains"):
            if name in raw and "verify_url" not in raw:
                yield (
                    f"{raw.as_typed(name)} requires `verify_url`. Set it to `auto` for the application's "
                    "own address"
                )

    def plan(self, targets: tuple[str, ...], *, has_changes: bool, site: str, answer: str) -> Plan:
        """What the run is asked to do.

        has_changes: the provider's inputs change something on the server before the trigger.
        site: the URL that must respond, redacted for messages; empty if there is none.
        answer: what that URL must respond with, as a phrase.
        """
        command = Command(self.command)
        return self.fill(
            Plan,
            targets=targets,
            command=command,
            has_changes=(has_changes or bool(self.image)) and command is not Command.ROLLBACK,
            own_site=self.verify_url == "auto",
            site=site,
            answer=answer,
            strict=self.verify_health == "true",
            cancel_on_timeout=self.on_timeout == "cancel",
            cancel_on_interrupt=self.on_interrupt == "cancel",
        )

    @classmethod
    def use_simulator(cls, raw: RawInputs, site: str) -> list[str]:
        """Replace the user's site by the rehearsal's.

        Returns the names of the inputs that are ignored for that.
        """
        ignored = [raw.as_typed(name) for name in SITE_INPUTS if name in raw]
        asked = "verify_url" in raw
        for name in SITE_INPUTS:
            raw.found.pop(name, None)
        if asked:
            raw.found["verify_url"] = Found("verify_url", site)
        return ignored

    provider: Annotated[
        Literal["coolify", "cloudfoundry"] | None,
        BeforeValidator(_lower),
        Aliases(default="by the inputs given"),
    ] = Field(
        None,
        description="The platform: `coolify` or `cloudfoundry`. Only needed if inputs of both are set",
    )
    ci: Annotated[str, Aliases(default="by detection")] = Field(
        "",
        description="The CI system to write for (`github`, `gitlab`, `plain`), where it can't be detected, "
        "as with `docker run` "
        "inside a job",
    )
    command: Literal["deploy", "start", "restart", "stop", "rollback", "cancel", "check"] = Field(
        "deploy",
        description="What to do: `deploy`, `start`, `restart`, `stop`, `rollback` (to the previous version, "
        "or to `commit` or "
        "`image`), `cancel` (every queued or running deployment of the targets), or `check` (test address, "
        "token and "
        "targets; changes nothing)",
    )
    image: str = Field(
        "",
        description="Image to run: `name:tag`, `name@sha256:…`, or `:tag` for another tag of the same "
        "image. It is set on the "
        "application before the deployment, permanently. For Docker-image applications on Coolify, and "
        "docker apps on Cloud Foundry",
    )
    wait: WaitFlag = Field(
        default=True, description="Follow the deployment to its end; `false`: end after the trigger"
    )
    timeout: Annotated[Duration, Aliases(default="30m")] = Field(
        1800,
        description="`90`, `90s`, `15m`, `1h30m`. For each target, from the first trigger request to the "
        "end of its deployment, "
        "including the time in a queue",
    )
    poll_interval: Annotated[Duration | None, Aliases(inputs=("interval",), default="adaptive")] = Field(
        None,
        description="Time between two status requests for a target (`15`, `15s`, `1m`), instead of an "
        "adaptive interval",
    )
    on_timeout: Literal["leave", "cancel"] = Field(
        "leave",
        description="What to do with the deployment after `timeout`: `leave` it running, or `cancel` it",
    )
    on_interrupt: Literal["cancel", "leave"] = Field(
        "cancel",
        description="What to do with the deployment when the job is cancelled: `cancel` it, or `leave` it "
        "running",
    )
    logs: Literal["live", "failure", "none"] = Field(
        "live",
        description="The build log in the job's log: `live`, `failure` (the last 2000 lines, only if the "
        "deployment fails), or `none`",
    )
    hidden_logs: Flag = Field(
        default=False,
        description="Also show Coolify's hidden log entries (Show Debug Logs): commands and compiler "
        "output. May contain secrets",
    )
    log_file: str = Field(
        "",
        description="Write the build log to this file, independent of `logs`; hidden entries only with "
        "`hidden_logs`",
    )
    verify_health: Annotated[VerifyHealth, BeforeValidator(_lower)] = Field(
        "auto",
        description="Check the application's status after the deployment. `auto`: until it is running, "
        "unless Coolify has already "
        "checked its health; `true`: it must be running for a minute without a break; `false`: no check",
    )
    verify_url: SiteAddress = Field(
        "",
        description="URL that must respond after the deployment, twice in a row within `verify_timeout`; "
        "`auto`: the address of the "
        "application or preview itself. Neither the token nor `headers` are sent there",
    )
    verify_status: Annotated[Statuses, Aliases(default="200-399")] = Field(
        ((200, 399),),
        description="HTTP status that `verify_url` must respond with: `200`, `200-399`, or a list "
        "(`200,204`)",
    )
    verify_contains: str = Field(
        "",
        description="Text that the first MiB of the response of `verify_url` must contain, such as a "
        "version or commit",
    )
    verify_timeout: Annotated[Duration, Aliases(default="3m")] = Field(
        180,
        description="How long the checks may take, from the end of the deployment; at least `80s` with "
        "`verify_health: true`",
    )
    rollback: Flag = Field(
        default=False,
        description="If a check (`verify_url`, or the status) shows that the new version is down: roll back "
        "to the previous image or "
        "commit, and follow that to its end",
    )
    dry_run: Flag = Field(
        default=False, description="Report what would be done and what the token may do; change nothing"
    )
    headers: Annotated[Headers, Aliases(file=True)] = Field(
        default_factory=dict,
        description="Extra headers for every request, as `Name: value` lines (for Cloudflare Access and the "
        "like). "
        "Values of eight characters or more are treated as secrets",
    )
    ca_cert: Certificate = Field(
        "",
        description="Private certificate authority, in addition to the public ones: a path, PEM text (also "
        "in one line), or base64",
    )
    insecure: Flag = Field(
        default=False, description="Do not verify the server's TLS certificate (prints a warning)"
    )
    on_missing_secret: Literal["fail", "skip"] = Field(
        "fail",
        description="`skip`: a run without its token (such as a pull request from a fork) succeeds with a "
        "notice",
    )
    output_file: Annotated[str, Aliases(default="by the CI system")] = Field(
        "",
        description="Dotenv file for the outputs, as `DEPLOYED_STATUS` and so on; `deployer.env` on GitLab",
    )
    result_file: str = Field("", description="JSON file for the complete result")
    summary: Flag = Field(default=True, description="Write the job summary, if the CI system has one")
    rehearse: str = Field(
        "",
        description="Run against the built-in simulator in this scenario (`success`, `build-failure`, …): "
        "no server, no token",
    )
