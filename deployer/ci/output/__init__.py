"""Everything that is written: redacted lines, the one writer of stdout, and files."""

from deployer.ci.output.backlog import Backlog
from deployer.ci.output.files import LogFile, append, read, replace, size
from deployer.ci.output.halves import MIN_HALF_CHARS
from deployer.ci.output.outlet import Stream
from deployer.ci.output.pieces import pieces
from deployer.ci.output.redact import Redactor
from deployer.ci.output.text import COLOR, is_plain, lines, one_line, visible, visible_but_colors
from deployer.ci.output.writer import Writer

__all__ = [
    "COLOR",
    "MIN_HALF_CHARS",
    "Backlog",
    "LogFile",
    "Redactor",
    "Stream",
    "Writer",
    "append",
    "is_plain",
    "lines",
    "one_line",
    "pieces",
    "read",
    "replace",
    "size",
    "visible",
    "visible_but_colors",
]
