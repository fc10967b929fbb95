"""The generator: checks what is asked for, writes the files one after the other, then the manifest."""

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from flows.sample.arrangement import Batch, arrange_records, bound_files
from flows.sample.authors import make_authors
from flows.sample.defects import SPRINKLED, Defect
from flows.sample.files import FileWriter, write_whole
from flows.sample.manifest import MalformedRecord, Manifest
from flows.sample.phrasebook import make_phrasebook
from flows.sample.posts import World
from flows.sample.records import render_rows
from flows.sample.repeats import Repeat, plan_repeats
from flows.sample.tally import Tally
from flows.sample.timeline import make_timeline

MANIFEST_NAME = "manifest.json"
_FILE_PATTERN = "posts-*.csv.gz"
_FEWEST_POSTS = 100
_FEWEST_DAYS = 14
_MOST_DAYS = 3_650
_MALFORMED_SHARE = 0.003
_ROWS_AT_ONCE = 10_000


def write_sample(
    folder: Path,
    *,
    posts: int = 6_000,
    seed: int = 1,
    days: int = 60,
    on_progress: Callable[[int], None] | None = None,
) -> Manifest:
    """Write a sample of invented posts and the manifest of what was planted in it.

    The same arguments give the same bytes. Each file appears only when it is whole, the manifest last; files of an
    earlier sample in the folder are replaced.

    Args:
        folder: Where to; made if it does not exist.
        posts: Distinct well-formed posts, at least 100. Repeated and malformed records come on top, about 2%.
        seed: Whole number >= 0.
        days: Days covered from Monday, 2026-01-05, from 14 to 3,650.
        on_progress: Called with the number of posts written since its last call.

    Returns:
        The manifest, as in `manifest.json`.

    Raises:
        ValueError: A number is out of its range.
        NotADirectoryError: The folder is a file.
        FileExistsError: The folder holds post files that are not an earlier sample's.
    """
    check_arguments(folder, posts=posts, seed=seed, days=days)
    bounds = bound_files(posts)
    names = name_files(len(bounds) - 1)
    clear_folder(folder, keep=names)
    world = _make_world(posts, seed, days)
    batches = arrange_records(world, plan_repeats(posts, int(bounds[-2]), seed), bounds)
    manifest = _write_files([folder / name for name in names], world, batches, on_progress)
    write_whole(folder / MANIFEST_NAME, manifest.to_json())
    return manifest


def check_arguments(folder: Path, *, posts: int, seed: int, days: int) -> None:
    """Refuse what cannot be written, in one sentence.

    >>> check_arguments(Path("sample"), posts=10, seed=1, days=60)
    Traceback (most recent call last):
    ValueError: posts: expected a whole number >= 100, found 10; ask for at least 100 posts
    """
    if posts < _FEWEST_POSTS:
        raise ValueError(
            f"posts: expected a whole number >= {_FEWEST_POSTS}, found {posts}; ask for at least {_FEWEST_POSTS} posts"
        )
    if not _FEWEST_DAYS <= days <= _MOST_DAYS:
        raise ValueError(
            f"days: expected {_FEWEST_DAYS} to {_MOST_DAYS}, found {days}; ask for a number of days in this range"
        )
    if seed < 0:
        raise ValueError(f"seed: expected a whole number >= 0, found {seed}; give 0 or a positive seed")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"expected a folder, found the file {folder}; name another folder for the sample")


def name_files(count: int) -> list[str]:
    """Names of the sample's files, in order of time.

    >>> name_files(2)
    ['posts-00.csv.gz', 'posts-01.csv.gz']
    """
    return [f"posts-{number:02d}.csv.gz" for number in range(count)]


def clear_folder(folder: Path, keep: list[str]) -> None:
    """Make the folder, and remove an earlier sample's manifest and those of its files that will not be replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / MANIFEST_NAME
    earlier = {file["name"] for file in json.loads(manifest.read_bytes())["files"]} if manifest.exists() else set()
    surplus = {path.name for path in folder.glob(_FILE_PATTERN)} - set(keep)
    if foreign := sorted(surplus - earlier):
        raise FileExistsError(
            f"expected an empty folder or an earlier sample in {folder}, found {foreign[0]}; name another folder"
        )
    manifest.unlink(missing_ok=True)
    for name in surplus:
        (folder / name).unlink()


def _make_world(posts: int, seed: int, days: int) -> World:
    malformed = max(len(SPRINKLED), round(_MALFORMED_SHARE * posts))
    return World(seed, make_authors(posts, seed), make_phrasebook(seed), make_timeline(posts, malformed, days, seed))


def _write_files(
    paths: list[Path], world: World, batches: Iterable[Batch], on_progress: Callable[[int], None] | None
) -> Manifest:
    tally = Tally(len(world.timeline.background))
    files, malformed = [], []
    for number, of_file in groupby(batches, key=attrgetter("file")):
        with FileWriter(paths[number]) as writer:
            malformed += _write_batches(world, of_file, writer, tally, on_progress)
        files.append(writer.describe())
    return tally.summarise(world, files, malformed)


def _write_batches(
    world: World,
    batches: Iterable[Batch],
    writer: FileWriter,
    tally: Tally,
    on_progress: Callable[[int], None] | None,
) -> list[MalformedRecord]:
    malformed = []
    for batch in batches:
        tally.count(batch, world.authors)
        for start in range(0, len(batch.rows), _ROWS_AT_ONCE):
            rows = batch.rows[start : start + _ROWS_AT_ONCE]
            malformed += writer.append(*render_rows(world, rows))
            written = int(((rows["defect"] == Defect.NONE) & (rows["repeat"] == Repeat.FIRST)).sum())
            if on_progress is not None and written:
                on_progress(written)
    return malformed
