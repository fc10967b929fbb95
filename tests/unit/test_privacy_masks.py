"""Masks: how somebody is reached and what they are called is hidden, and nothing else."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.privacy.masks import mask_patterns
from flows.privacy.policy import Mask, load_policy
from flows.sources.known import SOURCES
from tests.unit.policies import Row, make_policy, protected


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


@pytest.mark.parametrize(
    ("author", "community", "expected"),
    [("BOSTON", "boston", "boston"), ("ann_lee", "u/ann_lee", "u/user"), ("ann_lee", "u/Ann_Lee", "u/user")],
)
def test_a_community_keeps_its_name_also_from_who_is_called_like_it_but_not_an_accounts_own_page(
    author: str, community: str, expected: str
) -> None:
    row: Row = {"id": "t1_a", "author": author, "subreddit": community, "text": f"{author} writes in {community}"}
    (found,) = protected(load_policy("strict"), row, source=SOURCES["reddit"])
    assert found["subreddit"] == expected
    assert author not in found["text"]
