"""Where text leaves us: lines without secrets, one writer for stdout, files with care."""

from deployer.ci.sinks.backlog import Backlog
from deployer.ci.sinks.files import LogFile, append, read, replace, size
from deployer.ci.sinks.halves import LEAST
from deployer.ci.sinks.outlet import Stream
from deployer.ci.sinks.pieces import pieces
from deployer.ci.sinks.redact import Redactor
from deployer.ci.sinks.text import COLOUR, lines, one_line, visible, visible_but_colors
from deployer.ci.sinks.writer import Writer

__all__ = [
    "COLOUR",
    "LEAST",
    "Backlog",
    "LogFile",
    "Redactor",
    "Stream",
    "Writer",
    "append",
    "lines",
    "one_line",
    "pieces",
    "read",
    "replace",
    "size",
    "visible",
    "visible_but_colors",
]
