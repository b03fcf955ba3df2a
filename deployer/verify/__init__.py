"""Does the site answer? A pure judge, and one look without our session. When looks are taken and how many count: watch.py."""

from deployer.verify.judge import Expectation, Page, Verdict, judge, shown, wanted
from deployer.verify.site import Site

__all__ = ["Expectation", "Page", "Site", "Verdict", "judge", "shown", "wanted"]
