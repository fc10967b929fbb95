"""An interrupt ends what runs, wherever it is raised."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_INTERRUPTED = threading.Event()
"""Set once this process was interrupted."""


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Remember an interrupt that is raised where it is lost: in a finalizer, or in native code that calls Python.

    There it is swallowed with a printed trace, or becomes another error. Each stage that ends meanwhile raises it
    again, and nothing is printed. A process that was started with interrupts ignored ignores them.
    """
    print_unraisable = sys.unraisablehook

    def interrupt(_number: int, _frame: object) -> None:
        _INTERRUPTED.set()
        raise KeyboardInterrupt

    def print_others(unraisable: "sys.UnraisableHookArgs") -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            print_unraisable(unraisable)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    sys.unraisablehook = print_others
    try:
        yield
        raise_if_interrupted()
    except Exception:  # of whatever kind: what a call raised that was cut off is no news, the interrupt is
        raise_if_interrupted()
        raise
    finally:
        sys.unraisablehook = print_unraisable
        signal.signal(signal.SIGINT, before)
        _INTERRUPTED.clear()


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if this process was interrupted and nothing came of it."""
    if _INTERRUPTED.is_set():
        raise KeyboardInterrupt
