"""How older versions ended a deployment and logged it.

Today's scripts in their words (coolify-api 1 and 7.3).
"""

from collections.abc import Iterator
from dataclasses import replace

from deployer.simulator.coolify.replies import record
from deployer.simulator.coolify.state.script import Change, Line, Script, and_then
from deployer.simulator.coolify.versions import Version

EXECUTING, FAILED, RULE = "Executing post-deployment command", "Deployment failed: ", "=" * 40


def older(script: Script, version: Version) -> Script:
    """The script of a deployment as this version would run it."""
    flipped = with_flip(script) if version.flips else script
    return replace(flipped, lines=tuple(with_oops(flipped.lines))) if version.oops else flipped


def with_flip(script: Script) -> Script:
    """A post-deployment command that fails, or has no container, turns `finished` into `failed`."""
    begun = next((line.at for line in script.lines if line.output.startswith(EXECUTING)), None)
    reported = [
        line
        for line in script.lines
        if begun is not None and line.at > begun and line.output.startswith("Post-deployment command")
    ]
    if not reported:
        return script
    _, reason, removing = _recorded()
    lines = tuple(line for line in script.lines if line not in reported)
    words = (replace(reason, output=FAILED + reason.output), removing)
    return and_then(
        replace(script, lines=lines),
        tuple(replace(line, at=reported[0].at) for line in words),
        (Change(reported[0].at, {"status": "failed"}),),
    )


def with_oops(lines: tuple[Line, ...]) -> Iterator[Line]:
    """The reason of a failure after the old exclamation, without rules and hidden details."""
    oops, *_ = _recorded()
    framed = False
    for line in lines:
        if line.output == RULE:
            framed = not framed
        elif line.output.startswith(FAILED):
            yield replace(line, output=oops.output)
            yield replace(line, output=line.output.removeprefix(FAILED))
        elif not (framed and line.hidden):
            yield line


def _recorded() -> tuple[Line, Line, Line]:
    """The three lines that a failing post-deployment command logged on beta.434."""
    entries = record("v4.0.0-beta.434_sequence_post_command_fails")["entries"]
    after = next(place for place, entry in enumerate(entries) if entry["output"].startswith(EXECUTING)) + 1
    oops, reason, removing = (Line(**entry) for entry in entries[after : after + 3])
    return oops, reason, removing
