"""The inputs that mean the same for every provider (architecture 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from deployer.settings.env import Aliases, Found, RawInputs
from deployer.settings.inputs import Inputs
from deployer.settings.parsers import Certificate, Duration, Flag, Headers, SiteAddress, Statuses, WaitFlag

MIN_VERIFY_SECONDS = 80
"""Seconds that `verify_health: true` takes: ten before the first look, sixty without a break, and what the looks take."""

SITE_INPUTS = ("verify_url", "verify_status", "verify_contains")
ENDING = ("stop", "cancel")
"""Commands after which there is nothing to prove."""


SCHEME = re.compile(r"[A-Za-z][\w.-]*[ \t]+(.+)")
"""How a secret in a header begins (https://www.rfc-editor.org/rfc/rfc9110#section-11.4)."""


def _is_short(text: str) -> bool:
    """Whether it is a duration, and too short for that; what is none is told elsewhere."""
    try:
        return bool(text) and TypeAdapter(Duration).validate_python(text) < MIN_VERIFY_SECONDS
    except ValidationError:
        return False


def _lower(text: Any) -> Any:
    """`True` is what YAML makes of `true` in some CI systems."""
    return text.lower() if isinstance(text, str) else text


class Common(Inputs):
    """What means the same for every provider."""

    ignored: ClassVar[frozenset[str]] = frozenset({"DEPLOYER_DEBUG"})

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:
        """The values of the extra headers, and what stands in them behind a scheme (`Bearer`, `Basic`): that alone may stand in a log."""
        values = [line.partition(":")[2].strip() for line in raw.text("headers").splitlines()]
        return [*values, *(match[1] for value in values if (match := SCHEME.match(value)))]

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:
        """A proof of what nobody waits for, and what is to be found at no address."""
        waits = not raw.is_off("wait")
        proofs = [name for name in (*SITE_INPUTS, "verify_timeout") if name in raw]
        proofs += (
            ["verify_health"]
            if "verify_health" in raw and raw.text("verify_health").lower() != "false"
            else []
        )
        command = raw.text("command").lower()
        back = raw.is_on("rollback")
        proofs += ["rollback"] if back else []
        sites = [name for name in SITE_INPUTS if name in raw and command in ENDING]
        lonely = [
            name for name in ("verify_status", "verify_contains") if name in raw and "verify_url" not in raw
        ]
        wrong = (
            []
            if waits
            else [
                f"{raw.as_typed(name)} can't be done with `wait: false`: nothing is looked at then"
                for name in proofs
            ]
        )
        if waits and raw.text("verify_health").lower() == "true" and _is_short(raw.text("verify_timeout")):
            wrong.append(
                f"{raw.as_typed('verify_timeout')}: `verify_health: true` needs at least {MIN_VERIFY_SECONDS}s: it watches for a minute"
            )
        wrong += [
            f"{raw.as_typed(name)} can't be done with `command: {command}`: nothing is deployed that could answer"
            for name in sites
        ]
        if back and command not in {"", "deploy", "start", "check"}:
            wrong.append(
                f"{raw.as_typed('rollback')} can't be done with `command: {command}`: it is for what a deployment puts up"
            )
        if back and raw.text("verify_health").lower() == "false" and "verify_url" not in raw:
            wrong.append(
                f"{raw.as_typed('rollback')} is nothing with `verify_health: false` and no `verify_url`: nobody looks whether it runs"
            )
        return wrong + [
            f"{raw.as_typed(name)} is nothing without `verify_url`: `auto` is the application's own address"
            for name in lonely
        ]

    @classmethod
    def use_simulator(cls, raw: RawInputs, site: str) -> list[str]:
        """A rehearsal's site in the place of the user's; the names of the inputs that are ignored therefore."""
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
        description="The platform: `coolify` or `cloudfoundry`; only needed where inputs of both are set",
    )
    ci: Annotated[str, Aliases(default="by detection")] = Field(
        "",
        description="The CI system to speak to (`github`, `gitlab`, `plain`), where it can't be detected: `docker run` inside a job",
    )
    command: Literal["deploy", "start", "restart", "stop", "rollback", "cancel", "check"] = Field(
        "deploy",
        description="What to do: `deploy`, `start`, `restart`, `stop`, `rollback` (to what ran before, or to `commit` or `image`), "
        "`cancel` (every queued or running deployment of the targets), "
        "or `check` (a doctor: address, token, targets; changes nothing)",
    )
    image: str = Field(
        "",
        description="Run this image: `name:tag`, `name@sha256:…`, or `:tag` for another tag of the same image. Set on the application "
        "before it is deployed, and stays. On Coolify for Docker-image applications, on Cloud Foundry for docker apps",
    )
    wait: WaitFlag = Field(
        default=True, description="Follow the deployment to its end; `false` ends after the trigger"
    )
    timeout: Annotated[Duration, Aliases(default="30m")] = Field(
        1800,
        description="`90`, `90s`, `15m`, `1h30m`: for each target, from its first trigger request to the end of its deployment, "
        "queueing and a full queue included",
    )
    poll_interval: Annotated[Duration | None, Aliases(inputs=("interval",), default="adaptive")] = Field(
        None,
        description="Time between two looks at a target (`15`, `15s`, `1m`), instead of a pace that adapts",
    )
    on_timeout: Literal["leave", "cancel"] = Field(
        "leave", description="What becomes of our deployment after `timeout`: `leave` or `cancel`"
    )
    on_interrupt: Literal["cancel", "leave"] = Field(
        "cancel", description="What becomes of our deployment when the job is cancelled: `cancel` or `leave`"
    )
    logs: Literal["live", "failure", "none"] = Field(
        "live",
        description="The build log in the job's log: `live`, only after a bad end (`failure`, the last 2000 lines), or `none`",
    )
    hidden_logs: Flag = Field(
        default=False,
        description="Also show Coolify's hidden log entries (there: Show Debug Logs): commands and the compiler's output; may hold secrets",
    )
    log_file: str = Field(
        "",
        description="Write the build log to this file, whatever `logs` says; hidden entries only with `hidden_logs`",
    )
    verify_health: Annotated[Literal["auto", "true", "false"], BeforeValidator(_lower)] = Field(
        "auto",
        description="Does the application still run after its deployment? `auto`: its status is read until it runs, unless Coolify has "
        "checked its health itself; `true`: it must run for a minute without a break; `false`: it is not read",
    )
    verify_url: SiteAddress = Field(
        "",
        description="Address that must answer after the deployment, twice in a row within `verify_timeout`; "
        "`auto`: the application's or the preview's own. Neither token nor `headers` are sent there",
    )
    verify_status: Annotated[Statuses, Aliases(default="200-399")] = Field(
        ((200, 399),),
        description="HTTP status that the answer must have: `200`, `200-399`, or several with commas (`200,204`)",
    )
    verify_contains: str = Field(
        "", description="Text that the answer must hold in its first MiB: a version, a commit"
    )
    verify_timeout: Annotated[Duration, Aliases(default="3m")] = Field(
        180,
        description="How long the proof may take, from the deployment's end; at least `80s` with `verify_health: true`",
    )
    rollback: Flag = Field(
        default=False,
        description="Where the new version is seen not to run (`verify_url`, or its status): put back the image or commit that ran before, "
        "and follow that to its end, too",
    )
    dry_run: Flag = Field(
        default=False, description="Say what would be done, and what the token may do; change nothing"
    )
    headers: Annotated[Headers, Aliases(file=True)] = Field(
        default_factory=dict,
        description="Extra `Name: value` lines for every request (Cloudflare Access and its like); "
        "values of eight characters or more are treated as secrets",
    )
    ca_cert: Certificate = Field(
        "",
        description="Own certificate authority, added to the public ones: a path, PEM text (in one line, too), or base64",
    )
    insecure: Flag = Field(
        default=False, description="Don't verify the server's TLS certificate (with a warning)"
    )
    on_missing_secret: Literal["fail", "skip"] = Field(
        "fail", description="`skip`: a run without its token (a fork's pull request) ends green with a notice"
    )
    output_file: Annotated[str, Aliases(default="by the CI system")] = Field(
        "", description="Dotenv file of the outputs, as `DEPLOYED_STATUS` and so on; on GitLab `deployer.env`"
    )
    result_file: str = Field("", description="JSON file of the whole result")
    summary: Flag = Field(default=True, description="Write the job summary where the CI system has one")
    rehearse: str = Field(
        "",
        description="Run against the embedded simulator in this scenario (`success`, `build-failure`, …): no server, no token",
    )
