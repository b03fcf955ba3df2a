"""PURE: how long to wait until the next poll (architecture, rule 9). No clock, no request, no output.

A poll costs a request, and news that waits for a poll costs time. So polls are frequent when an end is likely
(soon after the new container has started; at the age at which deployments of this application usually end),
and rare in between.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from dataclasses import dataclass

from deployer.model import Phase
from deployer.watch import ACTIVE_PHASES, TERMINAL, Watch, cannot_turn

QUEUED_SECONDS = (5.0, 15.0)
"""The shortest and the longest interval while a deployment is queued."""

BUILDING_SECONDS = (2.0, 15.0)
"""The shortest and the longest interval while a deployment is in progress."""

POLL_PRICE = 0.08
"""Seconds of late news that one poll may save on average; a higher price means fewer polls."""

POLL_PRICE_WITHOUT_LOG = 0.01
"""The price where the log can't be read, which would show that the end is near."""

SECONDS_BY_AGE = ((5.0, 1.0), (30.0, 3.0), (300.0, 5.0), (math.inf, 10.0))
"""Up to this age, this interval: for a status, and where the platform does not tell durations."""

FINALIZING_SECONDS = 2.0
"""The interval between an end and its confirmation (architecture, rule 4)."""

RETRY_SECONDS = (3.0, 30.0)
"""The first and the longest interval after failed polls."""

MAX_BUSY_SHARE = 0.1
"""At most this share of the time is spent in requests: a large log is polled less often."""

JITTER_SHARE = 0.1
"""Intervals vary by so much, so that jobs that were started together do not stay together."""

MAX_CONNECT_TRIES, CONNECT_RETRY_SECONDS = 3, 15.0
SLOW_SERVER_SECONDS = 120.0
"""How long to wait for the first response of a slow server (architecture, rule 10)."""

SLOW_READ_SECONDS = 30.0
"""How long to wait for each response after one that timed out."""

SLOW_RETRY_SECONDS = 2.0
"""How long to wait before the next try after a response that timed out."""

# How long deployments take. Most take about as long as usual; some take anything.
USUAL_SHARE = 0.85
LEAST_SECONDS, MOST_SECONDS = 5.0, 3600.0
TYPICAL_SECONDS, TYPICAL_SPREAD = 110.0, 0.95
"""Without any history: the median, and the standard deviation of the logarithm."""

OWN_SPREAD, OWN_SPREAD_WEIGHT = 0.3, 4
"""The spread of one application's deployments, and how many observations that is worth."""


@dataclass(frozen=True, slots=True)
class Usual:
    """How long deployments of this application usually take, as a lognormal distribution."""

    median: float
    """The median of the logarithm of the seconds."""
    spread: float
    """The standard deviation of that logarithm."""

    def hazard(self, age: float) -> float:
        """The chance per second that a deployment that is `age` seconds old ends now."""
        age = max(age, LEAST_SECONDS)
        z = (math.log(age) - self.median) / self.spread
        usual = math.exp(-z * z / 2) / (age * self.spread * math.sqrt(2 * math.pi))
        usual_left = math.erfc(z / math.sqrt(2)) / 2
        width = math.log(MOST_SECONDS / LEAST_SECONDS)
        other = 1 / (age * width)
        # Beyond the longest one that is expected: as if one in a thousand were left.
        other_left = max(math.log(MOST_SECONDS / age) / width, 0.001)
        ends = USUAL_SHARE * usual + (1 - USUAL_SHARE) * other
        return ends / (USUAL_SHARE * usual_left + (1 - USUAL_SHARE) * other_left)


def usual(durations: tuple[float, ...]) -> Usual:
    """How long deployments take, by the seconds that earlier ones of the same application took."""
    logarithms = [math.log(seconds) for seconds in durations if seconds > 0]
    if not logarithms:
        return Usual(math.log(TYPICAL_SECONDS), TYPICAL_SPREAD)
    count = len(logarithms)
    median = statistics.median(logarithms)
    deviations = sum((each - median) ** 2 for each in logarithms)
    variance = (OWN_SPREAD_WEIGHT * OWN_SPREAD**2 + deviations) / (OWN_SPREAD_WEIGHT + count)
    return Usual(median, math.sqrt(variance * (1 + 1 / count)))


def building_delay(age: float, expected: Usual, *, log_readable: bool = True) -> float:
    """Seconds until the next poll of a deployment that has been in progress for `age` seconds.

    Polls at interval d cost 1/d requests per second, and news that is d/2 late on average: the best interval
    is √(2 · price / hazard). The hazard is taken in the middle of the interval, so a few rounds are needed.
    """
    shortest, longest = BUILDING_SECONDS
    price = POLL_PRICE if log_readable else POLL_PRICE_WITHOUT_LOG
    delay = shortest
    for _ in range(5):
        delay = math.sqrt(2 * price / expected.hazard(age + delay / 2))
        delay = min(max(delay, shortest), longest)
    return delay


def container_delay(seconds: float) -> float:
    """Seconds until the next poll, so many seconds after the log has shown the new container's start."""
    return max(1.0, math.sqrt(seconds / 20))


def queued_delay(seconds: float) -> float:
    """Seconds until the next poll of a deployment that has been queued for so many seconds."""
    shortest, longest = QUEUED_SECONDS
    return min(max(seconds / 4, shortest), longest)


def poll_delay(watch: Watch, now: float, *, fixed: float | None = None, cost: float = 0) -> float:
    """Seconds until the next poll of a watch, never later than its deadline (architecture, rule 9).

    fixed: the interval that the user set, in seconds.
    cost: how long the last poll took, in seconds.
    """
    delay = fixed
    if delay is None:
        delay = max(_delay(watch, now), cost / MAX_BUSY_SHARE) * _jitter(watch.handle.id, now)
        moments = [moment for moment in (watch.undated_from, _final_at(watch)) if moment > now]
        delay = min([delay, *(moment - now for moment in moments)])
    return min(max(delay, watch.retry_after), max(watch.deadline - now, 0.0))


def _final_at(watch: Watch) -> float:
    """When the phase that was seen last counts as the end, if it lasts; in the past if it never does."""
    last = watch.last_snapshot
    if last is None or last.phase not in TERMINAL or math.isinf(last.stable_for):
        return 0
    return watch.phase_since + last.stable_for


def _delay(watch: Watch, now: float) -> float:
    if watch.failed_polls:
        first, longest = RETRY_SECONDS
        return float(min(longest, first * 2 ** min(watch.failed_polls - 1, 5)))
    last = watch.last_snapshot
    if last and last.phase in TERMINAL and cannot_turn(last):
        return FINALIZING_SECONDS
    if watch.durations is None or watch.handle.condition or watch.phase not in ACTIVE_PHASES:
        return by_age(now - watch.began)
    return _deployment_delay(watch, now, watch.durations)


def by_age(age: float) -> float:
    """Seconds until the next poll of anything but a deployment of a platform that tells their durations."""
    return next(delay for until, delay in SECONDS_BY_AGE if age < until)


def _deployment_delay(watch: Watch, now: float, durations: tuple[float, ...]) -> float:
    in_phase = now - watch.phase_since
    if watch.phase is Phase.QUEUED:
        return queued_delay(in_phase)
    if watch.container_since is not None:
        return container_delay(now - watch.container_since)
    readable = watch.last_snapshot is None or watch.last_snapshot.log is not None
    return building_delay(in_phase, usual(durations), log_readable=readable)


def _jitter(text: str, now: float) -> float:
    """A factor around 1, which differs between deployments and polls."""
    digest = hashlib.blake2b(f"{text} {now:.6f}".encode(), digest_size=4).digest()
    return 1 - JITTER_SHARE + 2 * JITTER_SHARE * int.from_bytes(digest) / 2**32


def connect_retry_delay(tries: int, began: float, now: float) -> float | None:
    """Seconds until the next try to connect to a server that never responded.

    None to give up (architecture, rule 10).
    """
    if tries >= MAX_CONNECT_TRIES:
        return None
    return max(0.0, began + tries * CONNECT_RETRY_SECONDS - now)


def slow_retry_delay(began: float, now: float, timeout: float) -> tuple[float, float] | None:
    """After a response that timed out: seconds until the next try, and its read timeout.

    None to give up (architecture, rule 10).
    """
    left = began + min(SLOW_SERVER_SECONDS, timeout) - now
    if left <= 2 * SLOW_RETRY_SECONDS:
        return None
    return SLOW_RETRY_SECONDS, min(SLOW_READ_SECONDS, left - SLOW_RETRY_SECONDS)
