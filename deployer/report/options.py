"""The inputs that decide what is reported, and nothing of what is done."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model import Command


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The targets as the user named them, and the inputs of the same names as the fields.

    Times are in seconds.
    """

    targets: tuple[str, ...] = ()
    by_name: bool = False
    """The targets are names, not ids."""
    timeout: float = 0
    command: Command = Command.DEPLOY
    preflight: bool = False
    """The run changes nothing: `command: check`, or `dry_run`."""
    logs: str = "live"
    hidden_logs: bool = False
    log_file: str = ""
    output_file: str = ""
    result_file: str = ""
    summary: bool = True
    rehearsal: bool = False
    """The run uses the built-in simulator."""
    wait: bool = True
