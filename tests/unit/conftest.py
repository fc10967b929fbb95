"""Each of these tests begins with the settings' defaults, whatever the tests before it have set."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("EPILAKE_") and name != "EPILAKE_REAL_DATA"]:
        monkeypatch.delenv(name)
