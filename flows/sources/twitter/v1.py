"""Tweets as objects of API v1.1, from its search, its timelines or its stream.

https://developer.x.com/en/docs/x-api/v1/data-dictionary/object-model/tweet: a tweet holds its author under `user`, and
what it repeats or quotes as whole tweets. A stream cuts `text` at 140 characters and has the whole under
`extended_tweet`; `tweet_mode=extended` has it under `full_text`.
"""

from typing import Any

from flows.sources.drafts import ReadPost, rescue
from flows.sources.twitter.values import (
    drop_nulls,
    find,
    find_id,
    list_texts,
    list_withheld,
    make_post,
    spell_list,
    spell_place,
    spell_point,
    spell_repeat,
    spell_words,
    strip_anchor,
)

KNOWN = frozenset(
    (
        "contributors", "coordinates", "created_at", "display_text_range", "edit_controls", "edit_history", "editable",
        "entities", "extended_entities", "extended_tweet", "favorite_count", "favorited", "filter_level", "full_text",
        "geo", "id", "id_str", "in_reply_to_screen_name", "in_reply_to_status_id", "in_reply_to_status_id_str",
        "in_reply_to_user_id", "in_reply_to_user_id_str", "is_quote_status", "is_retweet", "lang", "matching_rules",
        "metadata", "place", "quoted_status", "quoted_status_id", "quoted_status_id_str", "quoted_status_permalink",
        "retweet_count", "retweeted", "retweeted_status", "source", "text", "timestamp_ms", "truncated", "user",
        "withheld_copyright", "withheld_in_countries", "withheld_scope",
    )
)  # fmt: skip
"""Fields that are read, or say nothing of their own; those that hold other persons' tweets are never rescued."""


def is_v1(value: dict[str, Any]) -> bool:
    """Say whether an object is a tweet of API v1.1.

    >>> is_v1({"id_str": "7", "text": "flu", "user": {}}), is_v1({"id": "7", "text": "flu", "author_id": "1"})
    (True, False)
    """
    return isinstance(value.get("user"), dict) and not {"created_at", "text", "full_text"}.isdisjoint(value)


def read_v1(tweet: dict[str, Any]) -> ReadPost:
    """Read one tweet; of a retweet, the text, hashtags and addresses are the original's, which are whole."""
    original = find(tweet, "retweeted_status")
    whole, quoted = original if whole_entities(original) else tweet, find(tweet, "quoted_status")
    found = {
        "id": find_id(tweet),
        **read_user(tweet.get("user")),
        "date": tweet.get("created_at"),
        "text": spell_repeat(whole_text(tweet), whole_text(original), find(original, "user", "screen_name")),
        "hashtags": spell_list(list_texts(whole_entities(whole), "hashtags", name="text")),
        "mentions": spell_words(
            *(list_texts(whole_entities(each), "user_mentions", name="screen_name") for each in (tweet, original))
        ),
        "urls": spell_words(list_texts(whole_entities(whole), "urls", name="expanded_url")),
        "language": tweet.get("lang"),
        "source": strip_anchor(tweet.get("source")),
        "retweets": tweet.get("retweet_count"),
        "favorites": tweet.get("favorite_count"),
        "is_retweet": tweet["is_retweet"] if "is_retweet" in tweet else bool(original),
        "retweet_of_id": first_version(original) or find_id(original),
        "quote_of_id": first_version(quoted) or find_id(tweet, "quoted_status_id") or find_id(quoted),
        "reply_to_id": find_id(tweet, "in_reply_to_status_id"),
        "reply_to_user": find_id(tweet, "in_reply_to_user_id") or tweet.get("in_reply_to_screen_name"),
        "edit_of_id": first_version(tweet),
        "place": spell_place(tweet.get("place")),
        "coordinates": spell_point(tweet.get("coordinates")),
        "withheld_in": list_withheld(tweet, tweet.get("user"), original, find(original, "user")),
    }
    return make_post(found, rescue(drop_nulls(tweet), KNOWN))


def read_user(user: object) -> dict[str, object]:
    """Return what the object of an author says.

    >>> drop_nulls(read_user({"id": 7, "screen_name": "ana", "followers_count": 3}))
    {'user_id': 7, 'user_screen_name': 'ana', 'user_followers': 3}
    """
    return {
        "user_id": find_id(user),
        "user_screen_name": find(user, "screen_name"),
        "user_name": find(user, "name"),
        "user_location": find(user, "location"),
        "user_description": find(user, "description"),
        "user_created": find(user, "created_at"),
        "user_followers": find(user, "followers_count"),
        "user_friends": find(user, "friends_count"),
        "user_favourites": find(user, "favourites_count"),
        "user_verified": find(user, "verified"),
        "user_protected": find(user, "protected"),
    }


def first_version(tweet: object) -> Any:
    """Return the id of the first version of an edited tweet, by which it is known; None if it was never edited.

    >>> first_version({"id_str": "7", "edit_history": {"initial_tweet_id": "3", "edit_tweet_ids": ["3", "7"]}})
    '3'
    >>> first_version({"id_str": "3", "edit_history": {"initial_tweet_id": "3", "edit_tweet_ids": ["3"]}})
    """
    history = find(tweet, "edit_history", "edit_tweet_ids")
    if not isinstance(history, list) or len(history) < 2:  # noqa: PLR2004 - one version is no edit
        return None
    return find(tweet, "edit_history", "initial_tweet_id") or history[0]


def whole_text(tweet: object) -> object:
    """Return a tweet's whole text, wherever it stands.

    >>> whole_text({"text": "flu ag…", "extended_tweet": {"full_text": "flu again"}}), whole_text({"text": "flu"})
    ('flu again', 'flu')
    """
    return find(tweet, "extended_tweet", "full_text") or find(tweet, "full_text") or find(tweet, "text")


def whole_entities(tweet: object) -> object:
    """Return the hashtags, mentions and addresses of a tweet's whole text.

    >>> whole_entities({"entities": {"urls": []}, "extended_tweet": {"entities": {"urls": [1]}}})
    {'urls': [1]}
    """
    return find(tweet, "extended_tweet", "entities") or find(tweet, "entities")
