"""The account of a run, and an interrupt that nobody could catch."""

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from flows.lake.tables import query
from flows.runs import interrupts_kept, recorded
from flows.settings import Settings


def lose_an_interrupt() -> None:
    """Interrupt this process where the exception is swallowed, as in a finalizer."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_was_swallowed_ends_the_run_with_its_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPILAKE_HOME", str(tmp_path))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_kept(), recorded(Settings(), "ingest"):
            lose_an_interrupt()
        with interrupts_kept(), recorded(Settings(), "build"):
            pass
        with pytest.raises(KeyboardInterrupt), interrupts_kept():
            lose_an_interrupt()
    finally:
        signal.signal(signal.SIGINT, before)
    states = query(Settings(), "ops.flow_runs", "select flow_name, state from rows where state != 'running'")
    assert {row["flow_name"]: row["state"] for row in states} == {"ingest": "failed", "build": "completed"}
