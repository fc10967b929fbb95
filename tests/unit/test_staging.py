"""Folders of parsed records: one per run, and none that outlives its run for long."""

from pathlib import Path

from flows.ingest import held, staging_folder
from flows.settings import Settings


def test_a_folder_lives_as_long_as_its_run_and_a_killed_runs_folder_is_removed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    left, busy = settings.staging / "left", settings.staging / "busy"
    for folder in (left, busy):
        folder.mkdir(parents=True)
    with held(busy), staging_folder(settings) as mine:
        assert sorted(settings.staging.iterdir()) == sorted([busy, mine])
    assert list(settings.staging.iterdir()) == [busy]
