"""The secret, and the pseudonyms and seals made with it: the same for the same person, and nobody is found again."""

import multiprocessing
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import EpilakeError
from flows.privacy.secret import Secret, load_secret
from flows.settings import Settings
from flows.sources.known import SOURCES
from tests.unit.policies import SECRET

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier


identities = st.text("abcxyzABCXYZ019_.äß", min_size=1, max_size=12)


@given(identities)
def test_the_same_person_has_the_same_pseudonym_in_any_spelling_of_the_handle(handle: str) -> None:
    name = SECRET.pseudonym("twitter", handle)
    assert {SECRET.pseudonym("twitter", spelt) for spelt in (f"@{handle}", handle.upper().lower(), f" {handle} ")} == {
        name
    }
    assert len(name) == len("hmac:") + 32
    assert handle not in name.removeprefix("hmac:") or len(handle) < 3


@given(identities, identities, st.sampled_from(sorted(SOURCES)), st.sampled_from(sorted(SOURCES)))
def test_pseudonyms_differ_by_person_source_and_secret(one: str, two: str, source: str, other: str) -> None:
    name = SECRET.pseudonym(source, one)
    assert (name == SECRET.pseudonym(other, two)) == (source == other and one.casefold() == two.casefold())
    assert name != Secret(b"1" * 32).pseudonym(source, one)


def test_a_source_cannot_be_mistaken_for_a_part_of_the_name() -> None:
    assert SECRET.pseudonym("a", "b c") != SECRET.pseudonym("a b", "c")
    assert SECRET.pseudonym("ab", "c") != SECRET.pseudonym("a", "bc")


def test_a_post_is_given_a_pseudonym_once() -> None:
    name = SECRET.name_post("bluesky", "at://did:plc:a/app.bsky.feed.post/3k")
    assert name.startswith("hmac:")
    assert SECRET.name_post("bluesky", name) == name


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(b"0123456789abcdef" * 2)
    assert "0123" not in repr(secret) + str(secret) + secret.fingerprint
    assert secret.fingerprint != SECRET.fingerprint


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    installation = Settings(home=tmp_path / "new" / "home")
    first = load_secret(installation)
    assert stat.S_IMODE(installation.secret_path.stat().st_mode) == 0o600
    assert load_secret(installation) == first != load_secret(Settings(home=tmp_path))
    assert [path.name for path in installation.secret_path.parent.iterdir()] == ["secret.key"]


def test_a_secret_of_ones_own_is_taken(tmp_path: Path) -> None:
    (tmp_path / "own.key").write_text("AB" * 40 + "\n")
    settings_of_it = Settings(home=tmp_path / "home", secret_file=tmp_path / "own.key")
    assert load_secret(settings_of_it) == Secret(b"\xab" * 40)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 bytes: at least 32 are expected"),
        (b"ab" * 31, "has 31 bytes: at least 32 are expected"),
        (b"ab" * 31 + b"a", "holds no secret: 32 bytes as hexadecimal digits are expected"),
        (b"a secret that a person made up, of good length", "holds no secret"),
        (os.urandom(32) + b"\xff", "holds no secret"),
    ],
)
def test_a_damaged_secret_is_a_sentence_and_stays_as_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    with pytest.raises(EpilakeError, match=rf"{path} {message}[^\n]*[.]$"):
        load_secret(Settings(home=tmp_path))
    assert path.read_bytes() == content


def put_secret(home: Path, start: "Barrier", found: "Queue[bytes]") -> None:
    start.wait()
    found.put(load_secret(Settings(home=home)).key)


def test_processes_that_come_at_once_get_the_same_secret(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for attempt in range(5):
        home, start, found = tmp_path / str(attempt), context.Barrier(4), context.Queue()
        processes = [context.Process(target=put_secret, args=(home, start, found)) for _ in range(4)]
        for process in processes:
            process.start()
        assert {found.get(timeout=60) for _ in processes} == {load_secret(Settings(home=home)).key}
        for process in processes:
            process.join()
            process.close()
        assert [path.name for path in home.iterdir()] == ["secret.key"]


@given(st.binary(max_size=200))
def test_what_is_sealed_is_opened_with_the_same_secret_alone(content: bytes) -> None:
    sealed = SECRET.seal(content)
    assert SECRET.unseal(sealed) == content
    assert len(content) < 8 or content not in sealed
    assert SECRET.seal(content) != sealed
    for secret, damaged in ((Secret(b"1" * 32), sealed), (SECRET, sealed[:-1]), (SECRET, sealed[:9]), (SECRET, b"")):
        with pytest.raises(EpilakeError, match="was sealed with another secret, or is damaged"):
            secret.unseal(damaged)


def test_a_draft_of_the_secret_that_a_killed_run_left_is_not_written_through(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = load_secret(settings)
    os.link(settings.secret_path, f"{settings.secret_path}.{os.getpid()}")
    assert load_secret(settings) == first
