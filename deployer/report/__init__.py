"""From events to what people and later steps get: decided here once, for every CI system; a CI file only spells it."""

from deployer.report.reporter import Reporter
from deployer.report.wishes import Wishes
from deployer.report.words import span

__all__ = ["Reporter", "Wishes", "span"]
