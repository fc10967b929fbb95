"""Each of these tests begins with the settings' defaults, whatever the tests before it have set."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.sample import write_sample
from flows.settings import Settings
from tests.unit.loopback.server import serving
from tests.unit.loopback.twitter import XServer
from tests.unit.sample_reader import Sample


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"EPILAKE_REAL_DATA", "EPILAKE_EVERY_POST"}
    for name in [name for name in os.environ if name.startswith("EPILAKE_") and name not in kept]:
        monkeypatch.delenv(name)


@pytest.fixture
def x() -> Iterator[XServer]:
    with serving(XServer()) as server:
        yield server


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample as it is by default; a test that writes it again writes the same bytes."""
    folder = tmp_path_factory.mktemp("sample")
    return Sample(folder, write_sample(folder))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a registered version in production, made without a JVM; a service under test reads it."""
    from tests.unit.registered import register
    from tests.unit.serving import FEW, MANY

    home = tmp_path_factory.mktemp("serve")
    register(Settings(home=home), few=FEW, many=MANY)
    return home
