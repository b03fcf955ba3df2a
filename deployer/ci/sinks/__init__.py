"""Where text leaves us: lines without secrets, one writer for stdout, files with care."""

from deployer.ci.sinks.files import LogFile, append, read, replace, size
from deployer.ci.sinks.redact import Redactor
from deployer.ci.sinks.text import COLOUR, lines, one_line, visible, visible_but_colors
from deployer.ci.sinks.writer import Stream, Writer

__all__ = [
    "COLOUR",
    "LogFile",
    "Redactor",
    "Stream",
    "Writer",
    "append",
    "lines",
    "one_line",
    "read",
    "replace",
    "size",
    "visible",
    "visible_but_colors",
]
