"""The conditions of an app that are polled."""

from __future__ import annotations

from enum import StrEnum


class Condition(StrEnum):
    """A condition of an app that is polled. The values are printed: "waiting until it is …"."""

    RUNNING = "running"
    """Its instances run."""
    STOPPED = "stopped"
    """None of its instances runs any more."""
    ROLLED_OUT = "rolled out"
    """A rolling deployment has replaced its instances, and the new ones run."""
    REVERTED = "rolled back"
    """A rolling deployment is cancelled, and the previous version runs."""
    STAGED = "staged"
    """A build has made a droplet."""
    STAYS_UP = "still running"
    """Its instances keep running (`verify_health: true`)."""
