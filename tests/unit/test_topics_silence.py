"""Silence: an alarm only where the history makes it improbable."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.topics.silence import estimate_silence_probability, is_silence_alarming

histories = st.lists(st.integers(0, 50), max_size=60)
TWO_WEEKS = 14 * 24


def test_the_probability_is_the_posterior_predictive_of_zero() -> None:
    steady = [2, 3, 2, 3] * 42
    assert estimate_silence_probability(steady, 6) == pytest.approx((168 / 174) ** (420 + 0.5))


def test_many_steady_hours_are_nearly_a_known_poisson_rate() -> None:
    assert estimate_silence_probability([1] * 100_000, 5) == pytest.approx(math.exp(-5), rel=1e-3)


@pytest.mark.parametrize(
    ("history", "silent_hours", "is_alarming"),
    [
        pytest.param([10, 9, 11, 10] * 84, 2, True, id="ten posts an hour, then two hours of nothing"),
        pytest.param([10, 9, 11, 10] * 84, 0, False, id="not silent"),
        pytest.param(([0] * 47 + [1]) * 7, 72, False, id="a post every two days, then three days of nothing"),
        pytest.param(([0] * 47 + [1]) * 7, 24 * 60, True, id="a post every two days, then two months of nothing"),
        pytest.param([0] * (TWO_WEEKS - 1) + [1], 24 * 30, False, id="one post in two weeks, then a month of nothing"),
        pytest.param([0] * TWO_WEEKS, 10**9, False, id="never a post"),
        pytest.param([], 1000, False, id="no history"),
        pytest.param([50] * 7, 3, False, id="too little history to tell a burst from a habit"),
        pytest.param(([10] * 16 + [0] * 8) * 14, 8, False, id="a night"),
        pytest.param(([10] * 16 + [0] * 8) * 14, 9, False, id="a night that is an hour longer"),
        pytest.param(([10] * 16 + [0] * 8) * 14, 48, True, id="two days of a query that sleeps at night"),
        pytest.param(([60] * 2 + [0] * 22) * 14, 23, False, id="one burst a day, an hour late"),
    ],
)
def test_a_silence_alarms_only_if_its_history_does_not_explain_it(
    history: list[int], silent_hours: int, is_alarming: bool
) -> None:
    assert is_silence_alarming(history, silent_hours) is is_alarming


def test_a_burst_counts_for_less_than_as_many_single_posts() -> None:
    single, bursts = [5] * 48, ([40] + [0] * 7) * 6
    assert sum(single) == sum(bursts)
    assert estimate_silence_probability(bursts, 3) > estimate_silence_probability(single, 3)


@given(histories, st.integers(0, 10_000))
def test_a_longer_silence_is_never_more_probable(history: list[int], silent_hours: int) -> None:
    shorter = estimate_silence_probability(history, silent_hours)
    assert 0 <= estimate_silence_probability(history, silent_hours + 1) <= shorter <= 1


@given(histories, st.integers(0, 10_000))
def test_an_alarm_that_is_on_stays_on(history: list[int], silent_hours: int) -> None:
    if is_silence_alarming(history, silent_hours):
        assert is_silence_alarming(history, silent_hours + 1)


@given(st.integers(0, 200), st.integers(0, 10**6))
def test_a_query_that_never_yielded_never_alarms(hours: int, silent_hours: int) -> None:
    assert not is_silence_alarming([0] * hours, silent_hours, max_probability=0.999)


@given(histories, st.data())
def test_a_silence_no_longer_than_one_in_the_history_does_not_alarm(history: list[int], data: st.DataObject) -> None:
    gap = data.draw(st.integers(1, 40))
    place = data.draw(st.integers(0, len(history)))
    assert not is_silence_alarming(history[:place] + [0] * gap + history[place:], gap, max_probability=0.999)


@pytest.mark.parametrize(
    ("history", "silent_hours", "max_probability", "message"),
    [
        pytest.param([1, -1], 1, 0.001, "expected counts and hours of at least 0", id="negative count"),
        pytest.param([1], -1, 0.001, "expected counts and hours of at least 0", id="negative hours"),
        pytest.param([1], 1, 0.0, r"expected max_probability in \(0, 1\), found 0.0", id="impossible probability"),
    ],
)
def test_what_cannot_be_is_refused(history: list[int], silent_hours: int, max_probability: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        is_silence_alarming(history, silent_hours, max_probability=max_probability)
