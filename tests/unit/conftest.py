"""Each of these tests begins with the settings' defaults, whatever the tests before it have set."""

import os
from collections.abc import Iterator

import pytest

from tests.unit.loopback.server import serving
from tests.unit.loopback.twitter import XServer


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"EPILAKE_REAL_DATA", "EPILAKE_EVERY_POST"}
    for name in [name for name in os.environ if name.startswith("EPILAKE_") and name not in kept]:
        monkeypatch.delenv(name)


@pytest.fixture
def x() -> Iterator[XServer]:
    with serving(XServer()) as server:
        yield server
