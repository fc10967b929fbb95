"""The account of a run, and an interrupt that is lost where it is raised."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flows.interrupts import interrupts_kept
from flows.lake.tables import query
from flows.runs import recorded
from flows.settings import Settings


class Finalized:
    """Interrupts this process in its finalizer, where Python prints what is raised and goes on."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def lose_silently() -> None:
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def lose_in_a_finalizer() -> None:
    Finalized()


def lose_as_another_error() -> None:
    """Do as pydantic's native code does."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ValueError from None


@pytest.fixture
def _as_in_a_terminal() -> Iterator[None]:
    """Hear interrupts, which a shell lets what it runs in the background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_as_in_a_terminal")
@pytest.mark.parametrize("lose", [lose_silently, lose_in_a_finalizer, lose_as_another_error])
def test_a_lost_interrupt_ends_what_runs_and_prints_nothing(
    lose: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    # pytest fails a test whose finalizers raise, if it hears of it
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        lose()
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_as_in_a_terminal")
def test_a_lost_interrupt_ends_the_run_with_its_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPILAKE_HOME", str(tmp_path))
    with pytest.raises(KeyboardInterrupt), interrupts_kept(), recorded(Settings(), "ingest"):
        lose_silently()
    with interrupts_kept(), recorded(Settings(), "build"):
        pass
    states = query(Settings(), "ops.flow_runs", "select flow_name, state from rows where state != 'running'")
    assert {row["flow_name"]: row["state"] for row in states} == {"ingest": "failed", "build": "completed"}
