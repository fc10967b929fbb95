"""Small files joined: a table that takes in a little every minute must not become slow to read, nor its past endless.

Each commit leaves a file. Once a table has many small ones they are written anew as a few; what they were stays for
time travel until `PAST_HOURS` are over. No row changes, so no reader notices; of a table that is clustered, the rows
of a day then lie together.
"""

from flows.lake import clustered
from flows.lake.locks import exclusive
from flows.lake.tables import open_table
from flows.settings import Settings

TARGET_BYTES = 128 * 1024 * 1024
SMALL_BYTES = TARGET_BYTES // 4
MOST_SMALL_FILES = 8
"""So many are left alone: to write them anew would cost more than they do."""
PAST_HOURS = 7 * 24


def count_small_files(settings: Settings, name: str) -> int:
    """Return how many of a table's files are small."""
    sizes = open_table(settings, name).get_add_actions(flatten=True)["size_bytes"].to_pylist()
    return sum(size < SMALL_BYTES for size in sizes)


def compact(settings: Settings, name: str) -> int:
    """Join a table's small files if there are many, and drop those that no version of the last days needs.

    Nobody else may be building the table: the caller holds the build's lock for what dbt writes.

    Returns:
        By how many files the table's present state became smaller.
    """
    from deltalake import WriterProperties

    if count_small_files(settings, name) <= MOST_SMALL_FILES:
        return 0
    if clustered.is_clustered(settings, name):
        fewer = clustered.join_files(settings, name)
        clustered.drop_old_files(settings, name)
        return fewer
    with exclusive(settings, name):
        table = open_table(settings, name)
        properties = WriterProperties(compression="ZSTD", compression_level=1)
        metrics = table.optimize.compact(target_size=TARGET_BYTES, writer_properties=properties)
        table.vacuum(retention_hours=PAST_HOURS, dry_run=False)
        table.create_checkpoint()
        table.cleanup_metadata()
    return int(metrics["numFilesRemoved"]) - int(metrics["numFilesAdded"])
