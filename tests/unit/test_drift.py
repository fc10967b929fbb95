"""Whether the triggers fire when something was planted, and stay silent when nothing was: arithmetic, no JVM.

The posts are those of `epilake sample`, counted here per day and bin as `ml.bins` does; that it counts the same is
tested with Spark.
"""

import csv
import gzip
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression

from flows.sample import write_sample
from flows.sample.places import PLACES
from flows.settings import Settings
from ml.drift import DayCounts, Finding, compare, js, ks, psi, set_threshold
from ml.live import LiveCounts, hold_to_promise
from ml.tallies import measure, tally

SETTINGS = Settings()
DAYS = SETTINGS.watch_days
FLOORS = {"psi": SETTINGS.drift_floor_psi, "ks": SETTINGS.drift_floor_ks, "js": SETTINGS.drift_floor_js}
HELD_OUT_DAY, LEARNT_DAYS, PLANT_DAY, ALL_DAYS = 34, 45, 50, 60
START = date(2026, 1, 5)
MONTHS, MONTH_DAYS = 100, 30
LANGUAGE_SHARES = np.array([40, 15, 10, 10, 7, 6, 5, 4, 2, 0.6, 0.4]) / 100


def test_ks_and_js_are_those_of_scipy() -> None:
    stream = np.random.default_rng(1)
    one, two = stream.integers(0, 20, 500), stream.integers(3, 20, 300)
    counts = np.bincount(one, minlength=20).astype(float), np.bincount(two, minlength=20).astype(float)
    assert ks(*counts) == pytest.approx(ks_2samp(one, two).statistic)
    assert js(*counts) == pytest.approx(jensenshannon(*counts, base=2) ** 2)


def test_psi_of_shares_is_the_textbooks() -> None:
    then, now = np.array([6_000.0, 4_000.0]), np.array([5_000.0, 5_000.0])
    assert psi(then, now) == pytest.approx(0.1 * np.log(0.6 / 0.5) + 0.1 * np.log(0.5 / 0.4), rel=1e-3)


def test_threshold_follows_the_history_above_its_floor() -> None:
    quiet, restless = np.full(30, 0.01), np.linspace(0.02, 0.3, 30)
    assert set_threshold(quiet, floor=0.1) == 0.1
    assert set_threshold(restless, floor=0.1) > restless.max()


def test_too_little_history_sets_no_threshold_and_finds_nothing() -> None:
    short = {"x": DayCounts(np.full((2 * DAYS, 3), 9.0), is_ordered=True)}
    odd = {"x": DayCounts(np.array([[0.0, 0.0, 99.0]] * DAYS), is_ordered=True)}
    found = compare(short, odd, days=DAYS, floors=FLOORS)
    assert [(one.threshold, one.is_drifted) for one in found] == [(None, False), (None, False)]


def count_sample(folder: Path, plant: str) -> dict[str, DayCounts]:
    """Posts of a sample per day and bin: followers by twentieths, place of the author by its first language."""
    write_sample(folder, days=ALL_DAYS, plant=plant, plant_day=PLANT_DAY)
    languages = {place.city: place.languages[0] for place in PLACES}
    codes = [*dict.fromkeys(languages.values()), "other"]
    posts = [row for path in sorted(folder.glob("posts-*.csv.gz")) for row in read_rows(path)]
    day = np.array([(date.fromisoformat(row["date"][:10]) - START).days for row in posts])
    followers = np.array([int(row["user_followers"]) for row in posts])
    language = np.array([codes.index(languages.get(row["user_location"], "other")) for row in posts])
    edges = np.quantile(followers[day < LEARNT_DAYS], np.arange(1, 20) / 20)
    return {
        "followers": by_day(day, np.searchsorted(edges, followers), 20, is_ordered=True),
        "language": by_day(day, language, len(codes), is_ordered=False),
    }


def read_rows(path: Path) -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()).decode(errors="replace")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [row for row in rows if row["user_followers"].isdigit() and (row["date"] or "").startswith("2026-0")]


def by_day(day: np.ndarray, bins: np.ndarray, count: int, *, is_ordered: bool) -> DayCounts:
    cells = np.bincount(day * count + bins, minlength=ALL_DAYS * count)
    return DayCounts(cells.reshape(ALL_DAYS, count).astype(float), is_ordered)


def check_at(counts: dict[str, DayCounts], last: int) -> list[Finding]:
    """What a check finds whose window ends with a day."""

    def part(first: int, after: int) -> dict[str, DayCounts]:
        return {name: DayCounts(one.counts[first:after], one.is_ordered) for name, one in counts.items()}

    return compare(part(0, LEARNT_DAYS), part(last - DAYS + 1, last + 1), days=DAYS, floors=FLOORS)


@pytest.mark.parametrize(("plant", "feature"), [("languages", "language"), ("followers", "followers")])
def test_planted_drift_is_found_by_the_first_check_of_a_window_full_of_it(
    tmp_path: Path, plant: str, feature: str
) -> None:
    counts = count_sample(tmp_path, plant)
    drifted = {one.feature for one in check_at(counts, PLANT_DAY + DAYS - 1) if one.is_drifted}
    assert feature in drifted
    assert not any(one.is_drifted for one in check_at(counts, PLANT_DAY - 1))


def predict_sample(folder: Path, plant: str) -> Callable[[int, int], LiveCounts]:
    """Predictions of a model that learnt from the first days of a sample, by first and last day."""
    write_sample(folder, posts=12_000, days=ALL_DAYS, plant=plant, plant_day=PLANT_DAY)
    read = (row for path in sorted(folder.glob("posts-*.csv.gz")) for row in read_rows(path))
    posts = [row for row in read if (row["retweets"] or "").isdigit()]
    day = np.array([(date.fromisoformat(row["date"][:10]) - START).days for row in posts])
    counts = ("user_followers", "user_friends", "user_favourites")
    features = np.log1p(np.array([[int(row[name]) for name in counts] for row in posts]))
    label = np.array([row["retweets"] != "0" for row in posts])
    learnt = day < HELD_OUT_DAY
    model = LogisticRegression().fit(features[learnt], label[learnt])
    scores = np.ceil(model.predict_proba(features)[:, 1] * 1000).astype(np.int64)

    def count(first: int, last: int) -> LiveCounts:
        chosen = (day >= first) & (day <= last)
        return LiveCounts(tally(scores[chosen], ~label[chosen]), tally(scores[chosen], label[chosen]), 0)

    return count


def test_planted_flip_of_labels_is_found_by_the_first_check_of_a_window_full_of_it(tmp_path: Path) -> None:
    count = predict_sample(tmp_path, "labels")
    held_out = count(HELD_OUT_DAY, LEARNT_DAYS - 1)
    promise = {name: one.to_dict() for name, one in measure(held_out.negatives, held_out.positives, seed=1).items()}
    before = hold_to_promise(count(LEARNT_DAYS, PLANT_DAY - 1), promise, seed=1)
    after = hold_to_promise(count(PLANT_DAY, PLANT_DAY + DAYS - 1), promise, seed=1)
    assert not any(one.is_fallen for one in before)
    assert {"accuracy", "roc_auc", "calibration_gap"} <= {one.metric for one in after if one.is_fallen}


def draw_predictions(stream: np.random.Generator, rows: int) -> LiveCounts:
    """Calibrated scores, a third positive."""
    probability = 1 / (1 + np.exp(-stream.normal(-0.9, 1.2, rows)))
    label = stream.random(rows) < probability
    scores = np.ceil(probability * 1000).astype(np.int64)
    return LiveCounts(tally(scores, ~label), tally(scores, label), 0)


def promise_of(stream: np.random.Generator, rows: int = 1_500) -> dict[str, dict[str, float]]:
    held_out = draw_predictions(stream, rows)
    return {name: one.to_dict() for name, one in measure(held_out.negatives, held_out.positives, seed=1).items()}


def test_too_few_labels_say_nothing() -> None:
    stream = np.random.default_rng(1)
    findings = hold_to_promise(draw_predictions(stream, 30), promise_of(stream), seed=1)
    assert [(one.found, one.is_fallen) for one in findings] == [(None, False)] * 4


def simulate_month(seed: int) -> dict[str, DayCounts]:
    """Days without a plant: a weekly cycle, few authors who write most, and write much or nothing on a day."""
    stream = np.random.default_rng(seed)
    days, authors = LEARNT_DAYS + DAYS + MONTH_DAYS, 1_200
    activity = stream.permutation((np.arange(authors) + 10.0) ** -0.9)
    bins = {
        "followers": (np.digitize(stream.normal(size=authors), np.linspace(-1.6, 1.6, 19)), 20, True),
        "score": (np.digitize(stream.normal(size=authors), np.linspace(-1.6, 1.6, 9)), 10, True),
        "language": (
            stream.choice(11, authors, p=np.array([40, 15, 10, 10, 7, 6, 5, 4, 2, 0.6, 0.4]) / 100),
            11,
            False,
        ),
    }
    counts = {name: np.zeros((days, size)) for name, (_, size, _) in bins.items()}
    for day in range(days):
        moods = activity * stream.gamma(0.5, 2, authors)
        posted = stream.choice(authors, stream.poisson(100 if day % 7 < 5 else 80), p=moods / moods.sum())
        for name, (of_author, size, _) in bins.items():
            counts[name][day] = np.bincount(of_author[posted], minlength=size)
    return {name: DayCounts(counts[name], is_ordered) for name, (_, _, is_ordered) in bins.items()}


def test_a_month_without_a_plant_is_silent_in_95_of_100() -> None:
    false = [month for month in range(MONTHS) if is_drift_found(month) or is_fall_found(month)]
    assert len(false) <= 0.05 * MONTHS, false


def is_drift_found(month: int) -> bool:
    """Whether any nightly check of a month finds drift."""
    counts = simulate_month(month)
    ends = range(LEARNT_DAYS + DAYS - 1, LEARNT_DAYS + DAYS - 1 + MONTH_DAYS)
    return any(one.is_drifted for end in ends for one in check_at(counts, end))


def is_fall_found(month: int) -> bool:
    """Whether any nightly check of a month finds that the metrics fell."""
    stream = np.random.default_rng(1_000 + month)
    promise = promise_of(stream)
    live = [draw_predictions(stream, 60) for _ in range(MONTH_DAYS + DAYS)]
    weeks = (add_up(live[end - DAYS : end]) for end in range(DAYS, MONTH_DAYS + DAYS))
    return any(one.is_fallen for week in weeks for one in hold_to_promise(week, promise, seed=month, replicates=40))


def add_up(days: list[LiveCounts]) -> LiveCounts:
    return LiveCounts(sum(day.negatives for day in days), sum(day.positives for day in days), 0)
