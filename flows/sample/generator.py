"""The generator: puts all records in the order in which the files hold them, and writes files and manifest."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from flows.sample.authors import make_authors
from flows.sample.drift import Drift, check_drift
from flows.sample.manifest import MalformedRecord, Manifest, SampleFile, Tally, make_manifest
from flows.sample.phrasebook import make_phrasebook
from flows.sample.plan import Defect, Plan, make_plan
from flows.sample.posts import Rows, World, draw_day, recapture_rows, spoil_rows
from flows.sample.records import HEADER, render_rows

_MANIFEST_NAME = "manifest.json"
_RANGES = {"posts": (100, 1_000_000_000), "seed": (0, 2**32 - 1), "days": (14, 3_650)}

Stage = IntEnum("Stage", "AUTHORS CALENDAR REPEATS POSTS RECAPTURES PHRASES DEFECTS")
"""What a stream of random numbers is for. The order is part of the format: it decides what is drawn."""


def write_sample(
    folder: Path,
    *,
    posts: int = 6_000,
    seed: int = 1,
    days: int = 60,
    plant: str = "",
    plant_day: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Manifest:
    """Write a sample of invented posts and the manifest of what was planted in it.

    The same arguments give the same bytes. The files appear when all of them are whole, the manifest last; those of an
    earlier sample in the folder stay until then.

    Args:
        folder: Where to; made if it does not exist.
        posts: Distinct well-formed posts, 100 or more. Repeated and malformed records come on top, about 2%.
        seed: From 0 to 4,294,967,295.
        days: Days covered from Monday, 2026-01-05, from 14 to 3,650.
        plant: What changes from one day on: `languages`, `followers` or `labels`; nothing if empty.
        plant_day: That day, counted from 0; None: the first day of the second half.
        on_progress: Called with the number of posts written since its last call.

    Returns:
        The manifest, as in `manifest.json`.

    Raises:
        ValueError: A number is out of its range, or there is no such plant.
        NotADirectoryError: The folder is a file.
        FileExistsError: The folder holds post files that are not an earlier sample's.
    """
    check_arguments(folder, posts=posts, seed=seed, days=days)
    drift = check_drift(plant, plant_day, days)
    earlier = find_earlier(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".partial-", dir=folder) as name:
        partial = Path(name)
        manifest = _write_files(partial, seed, _plan(seed, posts, days, drift), on_progress or (lambda _: None))
        (partial / _MANIFEST_NAME).write_bytes(manifest.to_json().encode())
        for path in earlier:
            path.unlink()
        for written in [*(file.name for file in manifest.files), _MANIFEST_NAME]:
            (partial / written).rename(folder / written)
    return manifest


def check_arguments(folder: Path, **numbers: int) -> None:
    """Refuse what cannot be written, in one sentence.

    >>> check_arguments(Path("sample"), posts=10)
    Traceback (most recent call last):
    ValueError: posts: expected a whole number from 100 to 1,000,000,000, found 10; give one in this range
    """
    for name, number in numbers.items():
        least, most = _RANGES[name]
        if not least <= number <= most:
            raise ValueError(
                f"{name}: expected a whole number from {least:,} to {most:,}, found {number:,}; give one in this range"
            )
    if folder.is_file():
        raise NotADirectoryError(f"expected a folder, found the file {folder}; name another folder for the sample")


def find_earlier(folder: Path) -> list[Path]:
    """Find the files of an earlier sample in a folder, the manifest first; refuse a folder with posts of others."""
    manifest = folder / _MANIFEST_NAME
    known = [file["name"] for file in json.loads(manifest.read_bytes())["files"]] if manifest.exists() else []
    found = sorted(folder.glob("posts-*.csv.gz"))
    if foreign := [path.name for path in found if path.name not in known]:
        raise FileExistsError(
            f"expected an empty folder or an earlier sample in {folder}, found {foreign[0]}; name another folder"
        )
    return [manifest, *found] if known else []


def open_stream(seed: int, stage: Stage, day: int = 0) -> np.random.Generator:
    """Open the stream of a stage and day: it depends on nothing that was drawn before.

    >>> open_stream(1, Stage.POSTS, 3).integers(100) == open_stream(1, Stage.POSTS, 3).integers(100)
    np.True_
    """
    return np.random.default_rng((seed, stage, day))


def arrange_records(world: World, seed: int) -> Iterator[tuple[int, Rows]]:
    """Go through the days and put every record where it belongs; the last record is cut.

    Yields:
        The number of a file, from 0, and rows that follow each other in it.
    """
    plan = world.plan
    head: list[Rows] = []  # what the next file holds again of this one
    file = ordinal = 0
    for day in range(len(plan.added)):
        rows = draw_day(open_stream(seed, Stage.POSTS, day), world, day)
        spoil_rows(open_stream(seed, Stage.DEFECTS, day), plan, day, rows)
        is_sound = rows["defect"] == Defect.NONE
        ordinals = ordinal - 1 + np.cumsum(is_sound)  # a malformed row has its predecessor's
        ordinal += int(is_sound.sum())
        is_duplicated, is_repeated, rows["is_recaptured"] = (
            is_sound & np.isin(ordinals, chosen) for chosen in (plan.duplicated, plan.repeated, plan.recaptured)
        )
        files = np.searchsorted(plan.file_starts, ordinals, side="right")
        for number in np.unique(files).tolist():
            if number != file:
                yield number, _order_head(head)
                head, file = [], number
            is_here = files == number
            part = rows[is_here]
            stream = open_stream(seed, Stage.RECAPTURES, day)
            head += [rows[is_here & is_repeated], recapture_rows(stream, part[part["is_recaptured"]])]
            yield number, _duplicate_rows(part, is_duplicated[is_here])
    cut = part[-1:].copy()  # the record that ends the sample: a post after the last
    cut["id"] += 1
    cut["defect"] = Defect.CUT
    yield file, cut


def _order_head(head: list[Rows]) -> Rows:
    rows = np.concatenate(head)
    rows["is_copy"] = True
    return rows[np.argsort(rows["id"])]


def _duplicate_rows(rows: Rows, is_duplicated: npt.NDArray[np.bool_]) -> Rows:
    """Put a copy behind each row that is to be duplicated."""
    copied = np.repeat(rows, 1 + is_duplicated)
    copied["is_copy"][1:] = copied["id"][1:] == copied["id"][:-1]
    return copied


def _plan(seed: int, posts: int, days: int, drift: Drift | None) -> Plan:
    calendar, choice = open_stream(seed, Stage.CALENDAR), open_stream(seed, Stage.REPEATS)
    return make_plan(calendar, choice, posts=posts, days=days, drift=drift)


def _write_files(folder: Path, seed: int, plan: Plan, on_progress: Callable[[int], None]) -> Manifest:
    authors = make_authors(open_stream(seed, Stage.AUTHORS), plan.posts)
    world = World(authors, make_phrasebook(open_stream(seed, Stage.PHRASES)), plan)
    tally = Tally(world)
    files, malformed = [], []

    def render(rows: Rows) -> tuple[list[bytes], dict[int, str]]:
        if count := tally.count(rows):
            on_progress(count)
        return render_rows(world, rows)

    for number, batches in groupby(arrange_records(world, seed), key=itemgetter(0)):
        file, found = _write_file(folder / f"posts-{number:02d}.csv.gz", (render(rows) for _, rows in batches))
        files.append(file)
        malformed += found
    return make_manifest(seed, plan, tally, files, malformed)


def _write_file(
    path: Path, batches: Iterable[tuple[list[bytes], dict[int, str]]]
) -> tuple[SampleFile, list[MalformedRecord]]:
    """Write a file of rendered records; returns what it is, and where its malformed records stand."""
    malformed = []
    number = 1
    # no file name and no time in the header: the same records make the same bytes
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as stream:
        offset = stream.write(f"{HEADER}\r\n".encode())
        for records, reasons in batches:
            offsets = list(accumulate(map(len, records), initial=offset))
            malformed += [
                MalformedRecord(path.name, number + index, offsets[index], reason) for index, reason in reasons.items()
            ]
            number += len(records)
            offset += stream.write(b"".join(records))
    content = path.read_bytes()
    return SampleFile(path.name, number - 1, len(content), hashlib.sha256(content).hexdigest()), malformed
