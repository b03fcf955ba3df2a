"""From events to what is printed and handed to later steps. Which format that has is decided by ci/."""

from deployer.report.options import ReportOptions
from deployer.report.phrases import duration
from deployer.report.reporter import Reporter

__all__ = ["ReportOptions", "Reporter", "duration"]
