"""budget.py: how many requests a run sends, whatever its targets do (architecture, rule 9)."""

from __future__ import annotations

import pytest

from deployer.budget import Budget
from tests.fakes import START_TIME, FakeClock


class Sender:
    """Sends a request as soon as the budget allows one, and remembers when."""

    def __init__(self, *, starting: bool) -> None:
        self.clock = FakeClock()
        self.budget = Budget(self.clock.now)
        self.budget.starting = starting
        self.times: list[float] = []

    def send_until(self, seconds: float) -> None:
        """Send requests until so many seconds after the start."""
        while True:
            ready = max(self.budget.ready_at, self.clock.now())
            if ready > START_TIME + seconds:
                break
            self.clock.spend(ready - self.clock.now())
            self.budget.spend()
            self.times.append(self.clock.now() - START_TIME)

    def worst_minute(self) -> int:
        """The most requests in any sixty seconds."""
        return max(sum(begin <= time < begin + 60 for time in self.times) for begin in self.times)


@pytest.mark.parametrize(("starting", "most"), [(True, 115), (False, 60)])
def test_no_minute_has_more_requests_than_the_budget(starting: bool, most: int) -> None:
    sender = Sender(starting=starting)
    sender.send_until(600)
    assert most - 5 <= sender.worst_minute() <= most


def test_after_the_start_the_budget_is_the_smaller_one_at_once() -> None:
    sender = Sender(starting=True)
    sender.clock.spend(300)
    sender.budget.starting = False
    sender.send_until(400)
    assert sender.worst_minute() <= 60


def test_a_few_requests_are_not_delayed() -> None:
    sender = Sender(starting=True)
    sender.send_until(0)
    assert len(sender.times) == 15


def test_urgent_requests_may_overdraw_the_budget_and_delay_the_others() -> None:
    clock = FakeClock()
    budget = Budget(clock.now)
    budget.starting = False
    for _ in range(30):
        budget.spend()
    assert budget.ready_at == pytest.approx(clock.now() + 21 * 60 / 50)


@pytest.mark.parametrize(
    ("per_minute", "limit"),
    [(200, 60), (100, 60), (60, 40), (10, 15), (1, 12), (0, 60), (None, 60)],
)
def test_at_most_half_of_a_lower_limit_is_used(per_minute: int | None, limit: int) -> None:
    sender = Sender(starting=False)
    sender.budget.responded(None, per_minute=per_minute)
    sender.send_until(300)
    assert sender.worst_minute() <= limit


def test_few_remaining_requests_slow_down_all_that_are_not_urgent() -> None:
    sender = Sender(starting=False)
    sender.budget.responded(19)
    sender.send_until(44)
    assert sender.times == [0, 15, 30]
    sender.budget.responded(20)
    assert sender.budget.ready_at <= sender.clock.now()


def test_what_a_server_said_of_its_limit_is_outdated_after_a_minute() -> None:
    sender = Sender(starting=False)
    sender.budget.spend()
    sender.budget.responded(0)
    sender.budget.responded(None)  # a response without the header changes nothing
    sender.clock.spend(61)
    assert (sender.budget.remaining, sender.budget.ready_at) == (0, sender.clock.now())


@pytest.mark.parametrize(("seconds", "wait"), [(0, 0), (7, 7), (60, 60), (86_400, 60)])
def test_retry_after_holds_all_targets_for_a_minute_at_most(seconds: float, wait: float) -> None:
    sender = Sender(starting=True)
    sender.budget.responded(None, blocked_for=seconds)
    assert sender.budget.ready_at == sender.clock.now() + wait


def test_a_shorter_retry_after_does_not_replace_a_longer_one() -> None:
    sender = Sender(starting=True)
    sender.budget.responded(None, blocked_for=30)
    sender.budget.responded(None, blocked_for=2)
    assert sender.budget.ready_at == sender.clock.now() + 30
