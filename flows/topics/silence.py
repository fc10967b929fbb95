"""Whether a query has yielded nothing for longer than its history explains.

A source that fails quietly looks like a world without disease. A query that yields ten posts an hour and then none for
half a day is broken; one that yields three a month is not.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import fmean

_BLOCKS = 8
"""The least number of blocks that the history is cut into to see how unevenly posts come."""

_BLOCK_HOURS = (1, 2, 4, 8, 16)
"""Lengths of those blocks. With the long ones a query that sleeps at night alarms after one or two days instead of half
a day; without them bursts of half a day would make it alarm every third week (simulated, two weeks of history)."""


def is_silence_alarming(
    counts_per_hour_history: Sequence[int], silent_hours: int, *, max_probability: float = 0.001
) -> bool:
    """Say whether so long a silence is improbable given the history, and longer than any silence in it.

    The second condition is for what no rate explains: nights, and weekends if the history holds a few. A query that
    never yielded anything, or has less than eight hours of history, never alarms.

    Args:
        counts_per_hour_history: Posts in each full hour before the silence began, oldest first, zeros included. Hours
            in which the source was known to be down do not belong to it, nor times in which the topic was another one:
            an epidemic that has ended makes the silence after it look improbable.
        silent_hours: Full hours without a post since then.
        max_probability: The probability below which a silence is alarming, in (0, 1): about one false alarm in so many
            silences of this length.

    Raises:
        ValueError: A count or `silent_hours` is negative, or the probability is not in (0, 1).

    >>> is_silence_alarming([10, 9, 11, 10] * 42, 3), is_silence_alarming([0] * 160 + [1], 48)
    (True, False)
    """
    if not 0 < max_probability < 1:
        message = f"expected max_probability in (0, 1), found {max_probability}"
        raise ValueError(message)
    probability = estimate_silence_probability(counts_per_hour_history, silent_hours)
    is_telling = len(counts_per_hour_history) >= _BLOCKS and any(counts_per_hour_history)
    if not is_telling or silent_hours <= _measure_longest_silence(counts_per_hour_history):
        return False
    return probability < max_probability


def estimate_silence_probability(counts_per_hour_history: Sequence[int], silent_hours: int) -> float:
    r"""Return the probability of no post in the next `silent_hours`, in [0, 1]; 1 without a history or a silence.

    With a Poisson rate of posts per hour, Jeffreys' prior Gamma(1/2, 0) for it, and s posts in n hours, the rate's
    posterior is Gamma(s + 1/2, n), and the number of posts in m further hours is negative binomial. Its zero has

        P(0 in m hours | s, n) = (n / (n + m)) ^ (s + 1/2).

    Posts come in bursts, so s is divided by the dispersion d, at least 1: the variance over the mean of the counts in
    blocks of 1 to 16 hours, the largest of them, the variance being half the mean square difference of successive
    blocks, which a slow rise or fall does not touch. So s / d is the number of independent events that the history is
    worth, and a bursty query must be silent for longer.

    Sources: Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), section 2.6, for the model and its predictive
    distribution; Wedderburn, Biometrika 61 (1974) 439, doi:10.1093/biomet/61.3.439, for the dispersion; von Neumann et
    al., Annals of Mathematical Statistics 12 (1941) 153, doi:10.1214/aoms/1177731746, for the successive differences.

    Raises:
        ValueError: A count or `silent_hours` is negative.

    >>> round(estimate_silence_probability([1, 1, 1, 1], 4), 4)  # (4 / 8) ^ 4.5
    0.0442
    """
    if silent_hours < 0 or min(counts_per_hour_history, default=0) < 0:
        message = "expected counts and hours of at least 0, found a negative one"
        raise ValueError(message)
    hours = len(counts_per_hour_history)
    if not hours or not silent_hours:
        return 1.0
    events = sum(counts_per_hour_history) / _measure_dispersion(counts_per_hour_history)
    return float((hours / (hours + silent_hours)) ** (events + 0.5))


def _measure_dispersion(counts: Sequence[int]) -> float:
    """Variance over mean of the counts in blocks, at least 1.

    >>> _measure_dispersion([4, 0, 4, 0, 4, 0, 4, 0])
    4.0
    """
    blocks = [_sum_blocks(counts, size) for size in _BLOCK_HOURS]
    return max([1.0, *(_measure_unevenness(block) for block in blocks if len(block) >= _BLOCKS)])


def _sum_blocks(counts: Sequence[int], size: int) -> list[int]:
    """Counts of successive hours summed; hours that do not fill a last block are left out.

    >>> _sum_blocks([1, 2, 3, 4, 5], 2)
    [3, 7]
    """
    return [sum(counts[start : start + size]) for start in range(0, len(counts) - size + 1, size)]


def _measure_unevenness(counts: Sequence[int]) -> float:
    """Half the mean square successive difference over the mean; 0 if there is nothing.

    >>> _measure_unevenness([4, 0, 4, 0])
    4.0
    """
    squares = [(later - earlier) ** 2 for earlier, later in pairwise(counts)]
    return fmean(squares) / 2 / fmean(counts) if any(counts) else 0.0


def _measure_longest_silence(counts: Sequence[int]) -> int:
    """Length of the longest run of hours without a post.

    >>> _measure_longest_silence([1, 0, 0, 2, 0])
    2
    """
    return max((len(list(run)) for is_silent, run in groupby(counts, lambda count: count == 0) if is_silent), default=0)
