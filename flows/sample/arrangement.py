"""The arrangement: all records of a sample in the order in which the files hold them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.sample.defects import Defect, choose_defects
from flows.sample.draws import Stage, seed_stream
from flows.sample.posts import ROW, Rows, World, draw_day
from flows.sample.repeats import Repeats, duplicate_rows, recapture_rows, repeat_rows

_POSTS_PER_FILE = 250_000
_FEWEST_FILES = 2


def bound_files(posts: int) -> npt.NDArray[np.int64]:
    """Ordinal of the first post of each file, and at the end the number of posts.

    >>> bound_files(1_001).tolist(), len(bound_files(1_000_000)) - 1
    ([0, 500, 1001], 4)
    """
    count = max(_FEWEST_FILES, -(-posts // _POSTS_PER_FILE))
    return np.arange(count + 1) * posts // count


@dataclass(frozen=True)
class Batch:
    """Records that follow each other in one file.

    Attributes:
        file: Number of the file, from 0.
        day: Number of the day that the first captures among them belong to.
        rows: The records.
    """

    file: int
    day: int
    rows: Rows


def arrange_records(world: World, repeats: Repeats, bounds: npt.NDArray[np.int64]) -> Iterator[Batch]:
    """Go through the days and put every record where it belongs; the last record is cut."""
    carried: list[Rows] = []
    file = ordinal = spoiled = 0
    last: Rows = np.zeros(0, dtype=ROW)
    for day in range(len(world.timeline.background)):
        rows = _spoil_day(world, day, spoiled)
        ordinals = ordinal - 1 + np.cumsum(rows["defect"] == Defect.NONE)
        files = np.clip(np.searchsorted(bounds, ordinals, side="right") - 1, 0, len(bounds) - 2)
        for number in np.unique(files).tolist():
            if number != file:
                yield Batch(number, day, _order_carried(carried))
                carried, file = [], number
            is_here = files == number
            part, places = rows[is_here], ordinals[is_here]
            if number < len(bounds) - 2:
                carried += _carry(world, day, repeats, part, places)
            yield Batch(number, day, duplicate_rows(part, _is_among(repeats.duplicated, part, places)))
        if len(rows):
            ordinal, last = int(ordinals[-1]) + 1, rows[-1:]
        spoiled += int(world.timeline.malformed[day])
    yield Batch(file, day, _cut(last))


def _spoil_day(world: World, day: int, before: int) -> Rows:
    rows = draw_day(world, day)
    count = int(world.timeline.malformed[day])
    stream = seed_stream(world.seed, Stage.DEFECTS, day)
    chosen, kinds = choose_defects(stream, np.flatnonzero(~rows["is_added"]), count, before)
    rows["defect"][chosen] = kinds
    return rows


def _carry(world: World, day: int, repeats: Repeats, rows: Rows, ordinals: npt.NDArray[np.int64]) -> list[Rows]:
    """What the next file holds again of these rows."""
    stream = seed_stream(world.seed, Stage.RECAPTURES, day)
    return [
        repeat_rows(rows[_is_among(repeats.repeated, rows, ordinals)]),
        recapture_rows(rows[_is_among(repeats.recaptured, rows, ordinals)], stream),
    ]


def _is_among(chosen: npt.NDArray[np.int64], rows: Rows, ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each row is a sound post whose ordinal was chosen; a malformed row has its predecessor's ordinal."""
    position = np.minimum(np.searchsorted(chosen, ordinals), len(chosen) - 1)
    return np.asarray((chosen[position] == ordinals) & (rows["defect"] == Defect.NONE))


def _order_carried(carried: list[Rows]) -> Rows:
    rows = np.concatenate(carried)
    return rows[np.argsort(rows["id"], kind="stable")]


def _cut(rows: Rows) -> Rows:
    """The record that ends the sample: a post after the last, cut off."""
    cut = rows.copy()
    cut["id"] += 1
    cut["defect"], cut["repeat"], cut["is_added"] = Defect.CUT, 0, False
    return cut
