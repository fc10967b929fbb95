"""Privacy: what a policy may say, what the masks hide, and that nobody is found again in what is stored."""

import io
import json
import multiprocessing
import os
import stat
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.admission import Admission
from flows.errors import EpilakeError
from flows.privacy.masks import mask_patterns
from flows.privacy.policy import SHIPPED, Mask, Policy, load_policy
from flows.privacy.protect import protect
from flows.privacy.secret import Secret, load_secret
from flows.settings import Settings
from flows.sources import Chunk, Draft, Kind, Notice, NoticeKind, Reject, Source
from flows.sources.boundary import check_draft
from flows.sources.drafts import ObjectRecord, ReadPost, rows_of
from flows.sources.known import SOURCES

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = Secret(b"0" * 32)
TWITTER = SOURCES["twitter"]
Row = dict[str, str | None]

KEEP_ALL: dict[str, Any] = {
    "name": "own", "version": 1, "kinds": dict.fromkeys(map(str, Kind), "keep"), "rescued": "keep",
    "masks": [str(mask) for mask in Mask], "refuse": [], "rejects": "keep",
}  # fmt: skip


def make_policy(kinds: dict[str, str] | None = None, **changes: object) -> Policy:
    return Policy.model_validate({**KEEP_ALL, "kinds": KEEP_ALL["kinds"] | (kinds or {}), **changes})


def chunk_of(*rows: Mapping[str, str | None], source: Source = TWITTER) -> Chunk:
    (identity,) = (field.name for field in source.fields if field.kind is Kind.POST_ID)
    posts = [
        (ObjectRecord(at, 0, b"", {}), ReadPost(row.get(identity, "1"), NOW, {"text": "", **row}, row.get("rescued")))
        for at, row in enumerate(rows, 1)
    ]
    return check_draft(source.fields, Draft(rows_of(source.fields, posts), lambda _: b""), now=NOW)


def protected(
    policy: Policy, *rows: Mapping[str, str | None], source: Source = TWITTER, shut_out: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    chunk = chunk_of(*rows, source=source)
    found: list[dict[str, Any]] = protect(policy, source, chunk, secret=SECRET, shut_out=shut_out).rows.to_pylist()
    return found


# Policies


@pytest.mark.parametrize("name", ["strict", "eu", "us"])
def test_a_policy_that_is_shipped_decides_about_every_kind_of_field(name: str) -> None:
    policy = load_policy(name)
    assert (policy.name, policy.version, set(policy.kinds)) == (name, 1, set(Kind))
    assert policy.stamp == f"{name}/1/{policy.digest}"
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


# Masks


def mask_all(texts: list[str], masks: frozenset[Mask] = frozenset(Mask)) -> list[str]:
    masked: list[str] = mask_patterns(pa.chunked_array([texts], pa.string()), masks).to_pylist()
    return masked


def mask(text: str, masks: frozenset[Mask] = frozenset(Mask)) -> str:
    return mask_all([text], masks)[0]


HIDDEN = {
    "mail ann.lee@example.org, now": "mail [email], now",
    "<Ann_L+tag@mail.example.co.uk>.": "<[email]>.",
    "mailto:josé@exämple.org?subject=x": "mailto:[email]?subject=x",
    "ann＠example.org": "[email]",
    "ann @ example.org": "[email]",
    "write ann at example dot com": "write [email]",
    "Ann.Lee AT mail DOT example DOT de!": "[email]!",
    "ann (at) example (dot) com": "[email]",
    "ann[at]example[dot]org": "[email]",
    "ann{at}example.org": "[email]",
    "@ann: look": "@user: look",
    "RT @ann_lee_1: look, @bo's": "RT @user: look, @user's",
    ".@ann look": ".@user look",
    "(@ann)\n@bo": "(@user)\n@user",
    "＠ann look": "@user look",
    "谢谢@ann 早": "谢谢@user 早",
    "via@ann @bo@cy": "via@user @user@user",
    "@ann@social.example said": "@user said",
    "@ann.bsky.social said": "@user said",
    "thanks u/ann_lee, /u/bo-b (u/cy)": "thanks u/user, /u/user (u/user)",
    "https://twitter.com/ann/status/12?s=20": "https://twitter.com/user/status/12?s=20",
    "https://mobile.twitter.com/#!/ann": "https://mobile.twitter.com/#!/user",
    "x.com/ann": "x.com/user",
    "https://nitter.example.net/ann": "https://nitter.example.net/user",
    "https://bsky.app/profile/ann.bsky.social/post/3k": "https://bsky.app/profile/user/post/3k",
    "https://bsky.app/profile/did:plc:abc": "https://bsky.app/profile/user",
    "https://www.reddit.com/user/ann/comments": "https://www.reddit.com/user/user/comments",
    "https://reddit.com/u/ann": "https://reddit.com/u/user",
    "https://social.example/@ann/12": "https://social.example/@user/12",
    "https://social.example/users/ann/statuses/12": "https://social.example/users/user/statuses/12",
    "https://t.me/ann https://instagram.com/ann/": "https://t.me/user https://instagram.com/user/",
    "https://www.linkedin.com/in/ann-lee-123": "https://www.linkedin.com/in/user",
    "ring +49 30 1234567 or +1 (555) 123-4567": "ring [phone] or [phone]",
    "+33 (0)1 23 45 67 89, +33123456789": "[phone], [phone]",
    "0044 20 7946 0958!": "[phone]!",
    "T:+91 98765 43210;": "T:[phone];",
    "555-123-4567 or (555) 123-4567.": "[phone] or [phone].",
    "1-800-555-1234": "[phone]",
    "020 7946 0958, (020) 7946 0958": "[phone], [phone]",
    "07911 123456 and 07911123456": "[phone] and [phone]",
    "030/1234567; (030) 1234567; 0171-1234567": "[phone]; [phone]; [phone]",
    "01 23 45 67 89, 01.23.45.67.89, 0123456789": "[phone], [phone], [phone]",
    "call me on 0301234567 today": "call me on [phone] today",
    "Tel.: 301234567": "Tel.: [phone]",
    "WhatsApp +254712345678": "WhatsApp [phone]",
}


def test_how_somebody_is_reached_is_hidden() -> None:
    assert dict(zip(HIDDEN, mask_all(list(HIDDEN)), strict=True)) == HIDDEN


SHOWN = [
    "1,234,567 cases", "1 234 567 cases", "12.000.000 doses", "7 000 000 000 people", "100 000 new, +1,234 today",
    "2020-07-25 12:27", "2020-07-25T12:27:00+02:00", "25.07.2020", "01.05.2020 12:30", "07/25/2020", "05/06/20",
    "2019-2020 season", "12:27:45", "COVID-19", "B.1.1.529", "SARS-CoV-2", "R0 is 2.5", "CI 0.12-0.45, p=0.001",
    "#covid19 #2020", "v1.2.3", "version 10.15.7", "3.11.7-rc1", "192.168.0.1", "10-15% of 2000", "aged 0-14",
    "call 911", "look at each dot", "fever @ home", "menu/soup", "1340539111971516416", "36.6°C", "5/10",
    "https://www.netflix.com/title/80", "https://vox.com/2020/3/10", "https://example.org/a-b/12-34", "100.000",
]  # fmt: skip


def test_what_is_nobodys_stays() -> None:
    assert mask_all(SHOWN) == SHOWN


def test_only_the_masks_asked_for_are_put_on() -> None:
    text = "@ann ann@example.org 555-123-4567"
    assert mask(text, frozenset()) == text
    assert mask(text, frozenset({Mask.PHONE})) == "@ann ann@example.org [phone]"
    assert mask(text, frozenset({Mask.EMAIL, Mask.PHONE})) == "@ann [email] [phone]"


def test_empty_columns_and_nulls_come_through() -> None:
    texts = pa.chunked_array([[None, "", "@ann"], [None]], pa.string())
    assert mask_patterns(texts, frozenset(Mask)).to_pylist() == [None, "", "@user", None]
    assert mask_patterns(pa.chunked_array([], pa.string()), frozenset(Mask)).to_pylist() == []


words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=10)
digits = st.text("123456789", min_size=4, max_size=4)
emails = st.builds("{}.{}@{}.{}".format, words, words, words, st.sampled_from(["org", "co.uk", "de", "museum"]))
handles = st.builds("{}{}_{}{}".format, st.sampled_from(["@", "＠", ".@", "u/", "x.com/"]), words, words, digits)
phones = st.builds(
    lambda spelling, first, last: spelling.format(first, last),
    st.sampled_from(
        ["+49 30 {}{}", "+1 (555) 12{}-{}", "0044{}{}", "030/{}{}", "0171 {} {}", "079{}{}", "01.{}.{}.23"]
    ),
    digits,
    digits,
)
surroundings = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text(
    st.sampled_from("@＠.,:;+-()/[]_# \n09aeot·é中"), max_size=20
)


@given(st.lists(st.tuples(surroundings, emails | handles | phones, surroundings), min_size=20, max_size=20))
@settings(max_examples=30, deadline=None)
def test_nothing_planted_between_spaces_survives_whatever_is_around_it(plants: list[tuple[str, str, str]]) -> None:
    masked = mask_all([" ".join(plant) for plant in plants])
    assert [planted for (_, planted, _), text in zip(plants, masked, strict=True) if planted in text] == []


@given(st.lists(st.lists(surroundings | emails | handles | phones, max_size=6).map(" ".join), min_size=20, max_size=20))
@settings(max_examples=20, deadline=None)
def test_masking_again_changes_nothing(texts: list[str]) -> None:
    masked = mask_all(texts)
    assert mask_all(masked) == masked


OWN_NAME = make_policy({"text": "mask", "label": "mask"}, masks=["own_name"])


@pytest.mark.parametrize(
    ("name", "handle", "text", "expected"),
    [
        ("Ann Lee", "annlee_1", "Ann Lee (AnnLee_1) says", "[name] ([name]) says"),
        ("ann lee", "x", "ANN LEE, aNN lEE!", "[name], [name]!"),
        ("Anna", "x", "Anna, Annabel, Joanna and anna", "[name], Annabel, Joanna and [name]"),
        ("Ann", "ann", "Ann is ann", "Ann is ann"),
        (None, None, "nobody", "nobody"),
        ("A.C.*", "x", "A.C.* is not ABCDE", "[name] is not ABCDE"),
        ("(Ann|Bo)", "[a-z]+", "(ann|bo) [a-z]+ Ann word", "[name] [name] Ann word"),
        ("\\d\\w", "a\\1b", "\\d\\w 1a a\\1b", "[name] 1a [name]"),
        ("Zoë Müller", "x", "ZOË MÜLLER", "[name]"),
        ("İbrahim", "x", "ben İbrahim", "ben [name]"),
        ("Ann\nLee", "x", "Ann\nLee", "[name]"),
    ],
)
def test_an_authors_own_name_is_hidden_as_a_whole_word(
    name: str | None, handle: str | None, text: str, expected: str
) -> None:
    other: Row = {"user_name": "Ruth Roe", "text": text}
    own: Row = {"user_name": name, "user_screen_name": handle, "text": text, "hashtags": text}
    first, second = protected(OWN_NAME, own, other)
    assert (first["text"], first["hashtags"], first["user_name"]) == (expected, expected, name)
    assert second["text"] == text


# Pseudonyms and the secret

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


# A policy applied

TWEET: Row = {
    "id": "7", "user_id": "12", "user_screen_name": "AnnLee", "user_name": "Ann Lee",
    "user_location": "22b Baker St, Springfield 62704", "user_description": "nurse, ann@example.org",
    "user_created": "2009-04-08 17:52:46", "user_followers": "405",
    "user_verified": "False", "user_protected": "false", "date": "2020-12-20 06:06:44",
    "text": "I, annlee, ask @bo: 555-123-4567?",
    "hashtags": "['flu', '@bo']", "mentions": "bo @CY", "urls": "https://x.com/bo", "retweet_of_id": "6",
    "coordinates": "40.74833,-73.98550", "withheld_in": "DE", "rescued": '{"phone": "+49 30 1234567"}',
}  # fmt: skip
FIELD_OF_KIND = {str(field.kind): field.name for field in reversed(TWITTER.fields) if field.name in TWEET}
PSEUDONYM = {name: SECRET.pseudonym("twitter", name) for name in ("12", "annlee", "ann lee", "bo", "cy", "6", "7")}


@pytest.mark.parametrize(
    ("kind", "action", "expected"),
    [
        *((kind, "keep", TWEET[name]) for kind, name in FIELD_OF_KIND.items()),
        *((kind, "drop", None) for kind in FIELD_OF_KIND if kind not in {"post_id", "time"}),
        ("author_id", "hash", PSEUDONYM["12"]),
        ("author_handle", "hash", PSEUDONYM["annlee"]),
        ("author_name", "hash", PSEUDONYM["ann lee"]),
        ("person", "hash", f"{PSEUDONYM['bo']} {PSEUDONYM['cy']}"),
        ("post_link", "hash", PSEUDONYM["6"]),
        ("post_id", "hash", PSEUDONYM["7"]),
        ("text", "mask", "I, [name], ask @user: [phone]?"),
        ("author_profile", "mask", "nurse, [email]"),
        ("author_name", "mask", "[name]"),
        ("label", "mask", "['flu', '@user']"),
        ("url", "mask", "https://x.com/user"),
        ("count", "mask", "405"),
        ("place", "coarsen", "Baker St, Springfield"),
        ("coordinates", "coarsen", "40.7,-73.9"),
        ("time", "coarsen", "2020-12-20 06:00:00"),
        ("author_created", "coarsen", "2009-04-08 00:00:00"),
    ],
)
def test_each_action_does_its_own_to_its_kind_and_nothing_else(kind: str, action: str, expected: str | None) -> None:
    (before,) = protected(make_policy(), TWEET)
    (after,) = protected(make_policy({kind: action}), TWEET)
    assert after[FIELD_OF_KIND[kind]] == expected
    same_kind = {field.name for field in TWITTER.fields if field.kind == kind} | {"post_id"}
    assert {name: held for name, held in after.items() if name not in same_kind} == {
        name: held for name, held in before.items() if name not in same_kind
    }


@pytest.mark.parametrize(
    ("action", "expected"), [("keep", TWEET["rescued"]), ("drop", None), ("mask", '{"phone": "[phone]"}')]
)
def test_what_was_rescued_has_its_own_action(action: str, expected: str | None) -> None:
    assert protected(make_policy(rescued=action), TWEET)[0]["rescued"] == expected


def test_a_source_may_have_its_own_action_for_a_field() -> None:
    policy = make_policy(sources={"twitter": {"urls": "drop"}, "reddit": {"text": "drop"}})
    (row,) = protected(policy, TWEET)
    assert (row["urls"], row["text"]) == (None, TWEET["text"])


def test_a_policy_that_keeps_everything_changes_nothing() -> None:
    chunk = chunk_of(TWEET, {"text": "bare"})
    kept = protect(make_policy(), TWITTER, chunk, secret=SECRET, shut_out=frozenset())
    assert kept.rows.drop_columns(["author_key"]).equals(chunk.rows)
    assert kept.rows["author_key"].to_pylist() == [PSEUDONYM["12"], None]
    assert (kept.rejects, kept.notices, kept.refused) == (chunk.rejects, chunk.notices, {})


def test_an_account_is_known_by_its_most_lasting_identity() -> None:
    name: Row = {"user_name": "Ann Lee"}
    handle: Row = {**name, "user_screen_name": "AnnLee"}
    keys = [row["author_key"] for row in protected(make_policy(), {}, name, handle, {**handle, "user_id": "12"})]
    assert keys == [None, PSEUDONYM["ann lee"], PSEUDONYM["annlee"], PSEUDONYM["12"]]


@pytest.mark.parametrize("policy", ["strict", "eu", "us"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_chunk_without_rows_or_with_the_barest_passes_every_policy(source: Source, policy: str) -> None:
    assert protected(load_policy(policy), source=source) == []
    (row,) = protected(load_policy(policy), {}, source=source)
    assert (row["text"], row["author_key"]) == ("", None)


IDENTITY_KINDS = (Kind.AUTHOR_ID, Kind.AUTHOR_HANDLE, Kind.AUTHOR_NAME, Kind.PERSON)


def test_the_default_policy_is_that_for_europe_without_profiles() -> None:
    strict, europe = load_policy("strict"), load_policy("eu")
    assert strict.kinds == europe.kinds | {Kind.AUTHOR_PROFILE: "drop"}
    for name in ("sources", "rescued", "masks", "refuse", "rejects"):
        assert getattr(strict, name) == getattr(europe, name)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_nothing_that_tells_who_somebody_is_is_left_of_a_post(source: Source) -> None:
    person = "907312345" if source is TWITTER else "zyxannlee"
    texts = f"I am {person}, @{person}, u/{person} or {person}@example.org, see https://x.com/{person}"
    row: Row = {}
    for field in source.fields:
        if field.kind in IDENTITY_KINDS:
            row[field.name] = person
        elif field.kind in (Kind.TEXT, Kind.LABEL, Kind.URL, Kind.AUTHOR_PROFILE, Kind.PLACE):
            row[field.name] = texts
        elif field.kind is Kind.POST_ID or field.name == "local_id":
            row[field.name] = f"https://social.example/users/{person}/statuses/1" if source is not TWITTER else "1"
    row["rescued"] = json.dumps({"person": person})
    (stored,) = protected(load_policy("eu"), row, source=source)
    kept_ids = {"id", "post_id"} if source.name in ("twitter", "reddit", "feeds") else set()
    assert {name for name, held in stored.items() if person in str(held) and name not in kept_ids} == set()


# Whose posts are not let in


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"user_protected": "true"}, "account protected"),
        ({"user_protected": "TRUE"}, "account protected"),
        ({"withheld_in": "DE FR"}, "withheld by the platform"),
        ({"user_protected": "true", "withheld_in": "DE"}, "account protected"),
        ({"user_id": "99"}, "erased earlier"),
        ({"user_screen_name": "@Gone"}, "erased earlier"),
        ({"user_name": "GONE"}, "erased earlier"),
        ({"id": "98"}, "erased earlier"),
        ({"user_id": "99", "user_protected": "true"}, "account protected"),
        ({"user_protected": "false", "user_id": "97", "user_name": "going"}, None),
        ({"text": "99 gone", "mentions": "gone"}, None),
    ],
)
def test_a_post_that_may_not_come_in_is_counted_with_its_reason(row: Row, reason: str | None) -> None:
    shut_out = frozenset(SECRET.pseudonym("twitter", name) for name in ("99", "gone", "98"))
    policy = make_policy(refuse=["protected", "withheld"])
    chunk = chunk_of({"id": "1", "text": "before"}, {"text": "x", **row}, {"id": "3", "text": "after"})
    admitted = protect(policy, TWITTER, chunk, secret=SECRET, shut_out=shut_out)
    assert admitted.refused == ({reason: 1} if reason else {})
    assert admitted.rows["record_number"].to_pylist() == ([1, 3] if reason else [1, 2, 3])
    assert len(admitted) == len(chunk)


def test_refused_posts_are_counted_by_reason() -> None:
    rows = [*[{"user_protected": "true"}] * 3, *[{"withheld_in": "DE"}] * 2, {"user_id": "99"}]
    policy = make_policy(refuse=["protected", "withheld"])
    shut_out = frozenset({SECRET.pseudonym("twitter", "99")})
    admitted = protect(policy, TWITTER, chunk_of(*rows), secret=SECRET, shut_out=shut_out)
    assert admitted.refused == {"account protected": 3, "withheld by the platform": 2, "erased earlier": 1}
    assert (admitted.rows.num_rows, len(admitted)) == (0, 6)


def test_who_was_erased_stays_out_under_any_policy_and_others_as_the_policy_says() -> None:
    rows: list[Row] = [{"user_protected": "true"}, {"withheld_in": "DE"}, {"user_id": "99"}]
    shut_out = frozenset({SECRET.pseudonym("twitter", "99")})
    admitted = protect(make_policy(), TWITTER, chunk_of(*rows), secret=SECRET, shut_out=shut_out)
    assert admitted.refused == {"erased earlier": 1}


# Refused records


@pytest.mark.parametrize(
    ("rejects", "opened"),
    [
        ("keep", lambda content: content),
        ("seal", SECRET.unseal),
        ("drop", lambda content: b"@ann, her words" if content == b"" else content + b"?"),
    ],
)
def test_the_bytes_of_a_refused_record_are_kept_sealed_or_dropped(
    rejects: str, opened: Callable[[bytes], bytes]
) -> None:
    found = [Reject(1, 0, "too long", b"@ann, her words"), Reject(2, 9, "blank record", b',,"" \r\n')]
    chunk = Chunk(chunk_of({}).rows, found)
    first, blank = protect(make_policy(rejects=rejects), TWITTER, chunk, secret=SECRET, shut_out=frozenset()).rejects
    assert (first.record_number, first.byte_offset, first.reason) == (1, 0, "too long")
    assert opened(first.record_bytes) == b"@ann, her words"
    assert (rejects == "keep") == (b"@ann" in first.record_bytes)
    assert blank == found[1]


# Notices

BLUESKY = {
    "did": "did:plc:zyxannlee", "time_us": 1725911162329308, "kind": "commit",
    "commit": {
        "rev": "3l3qo2vutsw2b", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3l3qo2vuowo2b",
        "record": {"$type": "app.bsky.feed.post", "createdAt": "2024-09-09T19:46:02.102Z", "text": "fever"},
        "cid": "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi",
    },
}  # fmt: skip
BLUESKY_DELETION = {
    **BLUESKY,
    "commit": {
        "rev": "3l3f6nzl3cv2s", "operation": "delete", "collection": "app.bsky.feed.post", "rkey": "3l3qo2vuowo2b"
    },
}  # fmt: skip
MASTODON = {
    "instance": "social.example", "id": "17", "uri": "https://social.example/users/zyxannlee/statuses/17",
    "url": "https://social.example/@zyxannlee/17", "created_at": "2024-09-09T19:46:02.102Z", "visibility": "public",
    "content": "<p>fever</p>",
    "account": {"id": "3", "username": "zyxannlee", "acct": "zyxannlee", "display_name": "Zyx Annlee",
                "url": "https://social.example/@zyxannlee"},
}  # fmt: skip
MASTODON_DELETION = {"instance": "social.example", "event": "delete", "payload": "17"}


@pytest.mark.parametrize(
    ("source", "post", "deletion", "named_by"),
    [("bluesky", BLUESKY, BLUESKY_DELETION, "post_id"), ("mastodon", MASTODON, MASTODON_DELETION, "local_id")],
    ids=["bluesky", "mastodon"],
)
@pytest.mark.parametrize("policy", ["strict", "eu", "us"])
def test_the_notice_of_a_post_names_it_as_the_lake_does(
    source: str, post: dict[str, Any], deletion: dict[str, Any], named_by: str, policy: str
) -> None:
    admission, origin = Admission(load_policy(policy), SECRET, frozenset()), SOURCES[source]
    stream = io.BytesIO(f"{json.dumps(post)}\n{json.dumps(deletion)}\n".encode())
    (draft,) = origin.parse(stream, chunk_records=9)
    chunk = admission.admit(origin, check_draft(origin.fields, draft, now=NOW))
    (row,), (notice,) = chunk.rows.to_pylist(), chunk.notices
    stored = admission.protect_notice(origin, notice)
    assert stored["post_id"] == row[named_by]
    assert (stored["kind"], stored["author_key"]) == ("post_deleted", None)
    if policy != "us":
        assert str(stored["post_id"]).startswith("hmac:")
        assert row["post_id"].startswith("hmac:")
        assert "zyxannlee" not in str(row) + str(stored)


def test_the_notice_of_an_author_names_the_pseudonym_alone() -> None:
    notice = Notice(1, 0, NoticeKind.AUTHOR_DELETED, None, "12", NOW)
    admission = Admission(load_policy("us"), SECRET, frozenset())
    assert admission.protect_notice(TWITTER, notice) == {
        "record_number": 1, "byte_offset": 0, "kind": "author_deleted", "post_id": None, "noticed_at": NOW,
        "author_key": PSEUDONYM["12"],
    }  # fmt: skip


def test_every_policy_that_is_shipped_is_known_here() -> None:
    assert sorted(file.stem for file in SHIPPED.iterdir()) == ["eu", "strict", "us"]


def test_a_draft_of_the_secret_that_a_killed_run_left_is_not_written_through(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = load_secret(settings)
    os.link(settings.secret_path, f"{settings.secret_path}.{os.getpid()}")
    assert load_secret(settings) == first
