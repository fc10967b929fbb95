"""Policies: what one may say, and what one that leaves something open is told."""

from pathlib import Path

import pytest
import yaml

from flows.errors import EpilakeError
from flows.privacy.policy import SHIPPED, load_policy
from flows.sources import Kind
from tests.unit.policies import KEEP_ALL


@pytest.mark.parametrize("name", ["strict", "eu", "us"])
def test_a_policy_that_is_shipped_decides_about_every_kind_of_field(name: str) -> None:
    policy = load_policy(name)
    assert (policy.name, policy.version, set(policy.kinds)) == (name, 2, set(Kind))
    assert policy.stamp == f"{name}/2/{policy.digest}"
    assert len(policy.digest) == 12


def test_a_policy_of_ones_own_is_known_by_its_words(tmp_path: Path) -> None:
    stamps = set()
    for version, file in enumerate([tmp_path / "own.yaml", tmp_path / "other.yml"], 1):
        file.write_text(yaml.safe_dump({**KEEP_ALL, "version": version, "digest": "mine"}))
        stamps.add(load_policy(str(file)).stamp)
    assert len(stamps) == 2
    assert not any("mine" in stamp for stamp in stamps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kinds": {"text": "keep"}}, "kinds: say what becomes of author_created, author_handle, "),
        (
            {"kinds": {**KEEP_ALL["kinds"], "count": "coarsen"}},
            "cannot be done to it: count: coarsen",
        ),
        ({"kinds": {**KEEP_ALL["kinds"], "text": "coarsen"}}, "cannot be done to it: text: coarsen"),
        ({"kinds": {**KEEP_ALL["kinds"], "mood": "keep"}}, "kinds.mood.*: Input should be 'post_id', "),
        ({"kinds": {**KEEP_ALL["kinds"], "text": "blur"}}, "kinds.text: Input should be 'keep', 'drop', "),
        ({"rescued": "hash"}, "cannot be done to it: rescued"),
        ({"masks": ["passport"]}, "masks.*: Input should be 'email', "),
        ({"refuse": ["bots"]}, "refuse.*: Input should be 'protected' or 'withheld'"),
        ({"rejects": "burn"}, "rejects: Input should be 'keep', 'seal' or 'drop'"),
        ({"version": 0}, "version: Input should be greater than or equal to 1"),
        ({"retention_days": {"raw": 0}}, "retention_days.raw: Input should be greater"),
        ({"retention_days": {"row": 9}}, "retention_days.row: Extra inputs are not permitted"),
        ({"retentions": {}}, "retentions: Extra inputs are not permitted"),
        ({"name": None}, "name: Input should be a valid string"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_policy_that_leaves_something_open_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(KEEP_ALL | change))
    with pytest.raises(EpilakeError, match=rf"^The privacy policy {file} is not one: .*{message}.*[.]$"):
        load_policy(str(file))


@pytest.mark.parametrize("content", [b"", b"just words", b"- a\n- b", b"{", b"a: b: c", b"\xff\xfe\xff"], ids=repr)
def test_a_file_that_is_no_yaml_mapping_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.yaml").write_bytes(content)
    with pytest.raises(EpilakeError, match=r"(?s)^The privacy policy .*own[.]yaml is no YAML mapping: "):
        load_policy(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize("name", ["lax", "missing.yaml", "./strict", ""])
def test_a_policy_that_is_not_there_is_refused_beside_those_that_are(name: str) -> None:
    with pytest.raises(EpilakeError, match=f"There is no privacy policy {name!r}: name one of eu, strict, us, or the"):
        load_policy(name)


def test_every_policy_that_is_shipped_is_known_here() -> None:
    assert sorted(file.stem for file in SHIPPED.iterdir()) == ["eu", "strict", "us"]


def test_the_default_policy_is_that_for_europe_without_profiles() -> None:
    strict, europe = load_policy("strict"), load_policy("eu")
    assert strict.kinds == europe.kinds | {Kind.AUTHOR_PROFILE: "drop"}
    for name in ("sources", "rescued", "masks", "refuse", "rejects"):
        assert getattr(strict, name) == getattr(europe, name)
