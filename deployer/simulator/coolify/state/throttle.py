"""The rate limit: 200 requests per minute and user, over all tokens (coolify-api 3.4)."""

WINDOW, LIMIT = 60, 200


class Throttle:
    """Counts the requests of one user. Times in simulated seconds."""

    def __init__(self) -> None:
        self._window = (0.0, 0)

    def left(self, now: float) -> int:
        """Requests left in this minute after this one; negative if there were too many."""
        since, count = self._window
        self._window = (since, count + 1) if now < since + WINDOW else (now, 1)
        return LIMIT - self._window[1]

    def patience(self, now: float) -> int:
        """Seconds until the end of this minute."""
        return max(1, round(self._window[0] + WINDOW - now))
