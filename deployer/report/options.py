"""How the user wants to be told: the inputs that change what is said, and nothing of what is done."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model import Command


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The targets by the names the user gave them, and where everything goes. Times in seconds. `by_name`: they are no ids."""

    targets: tuple[str, ...] = ()
    by_name: bool = False
    timeout: float = 0
    command: Command = Command.DEPLOY
    preflight: bool = False
    logs: str = "live"
    hidden_logs: bool = False
    log_file: str = ""
    output_file: str = ""
    result_file: str = ""
    summary: bool = True
    rehearsal: bool = False
    wait: bool = True
