"""From events to what people and later steps get: decided here once, for every CI system; a CI file only spells it."""

from deployer.report.options import ReportOptions
from deployer.report.phrases import duration
from deployer.report.reporter import Reporter

__all__ = ["ReportOptions", "Reporter", "duration"]
