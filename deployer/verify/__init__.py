"""Does the site respond as expected?

One request, and a pure judgment. watch.py decides how often, and how many count.
"""

from deployer.verify.judge import Expectation, Page, Verdict, judge, shown, wanted
from deployer.verify.site import Site

__all__ = ["Expectation", "Page", "Site", "Verdict", "judge", "shown", "wanted"]
