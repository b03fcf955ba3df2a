"""How many requests the user may send: 200 in a minute, over all of his tokens (coolify-api 3.4)."""

WINDOW, LIMIT = 60, 200


class Throttle:
    """Counts the requests of one user. Times are simulated seconds."""

    def __init__(self) -> None:
        self._window = (0.0, 0)

    def left(self, now: float) -> int:
        """Requests that are left in this minute, after this one; negative: too many."""
        since, count = self._window
        self._window = (since, count + 1) if now < since + WINDOW else (now, 1)
        return LIMIT - self._window[1]

    def patience(self, now: float) -> int:
        """Seconds until the minute is over."""
        return max(1, round(self._window[0] + WINDOW - now))
