"""Tweets as objects of API v2, with what they refer to beside them (`includes`) or inside (as twarc2 flattens them).

https://docs.x.com/x-api/fundamentals/data-dictionary: a tweet names its author, the tweets that it refers to and its
place by their ids only.
"""

from typing import Any

from flows.sources.drafts import ReadPost, as_text, rescue
from flows.sources.twitter.values import (
    drop_nulls,
    find,
    find_objects,
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
        "__twarc", "article", "attachments", "author", "author_id", "card_uri", "created_at", "display_text_range",
        "edit_controls", "edit_history_tweet_ids", "entities", "geo", "id", "in_reply_to_user", "in_reply_to_user_id",
        "lang", "like_count", "matching_rules", "media_metadata", "note_tweet", "public_metrics", "referenced_tweets",
        "retweet_count", "source", "text", "withheld",
    )
)  # fmt: skip
"""Fields that are read, or say nothing of their own; those that hold other persons' data are never rescued."""


def is_v2(value: dict[str, Any]) -> bool:
    """Say whether an object is a tweet of API v2, alone or with its `includes`.

    >>> is_v2({"data": {"id": "7", "text": "flu"}}), is_v2({"id": "7", "author_id": "1"}), is_v2({"id": "7"})
    (True, True, False)
    """
    if isinstance(value.get("data"), dict):
        return "text" in value["data"]
    return "id" in value and not {"author_id", "author", "edit_history_tweet_ids"}.isdisjoint(value)


def read_v2(value: dict[str, Any]) -> ReadPost:
    """Read one tweet; of a retweet, the text, hashtags and addresses are the original's if it is included."""
    tweet = value["data"] if isinstance(value.get("data"), dict) else value
    includes = value.get("includes")
    author = tweet.get("author") or included(includes, "users", tweet.get("author_id"))
    links = {as_text(link.get("type")): link for link in find_objects(tweet, "referenced_tweets")}
    repeated = links.get("retweeted")
    original = repeated if find(repeated, "text") else included(includes, "tweets", find(repeated, "id"))
    creator = find(original, "author") or included(includes, "users", find(original, "author_id"))
    whole = original if whole_entities(original) else tweet
    geo = tweet.get("geo")
    found = {
        "id": tweet.get("id"),
        **read_user(author),
        "user_id": tweet.get("author_id") or find(author, "id"),
        "date": tweet.get("created_at"),
        "text": spell_repeat(whole_text(tweet), whole_text(original), find(creator, "username")),
        "hashtags": spell_list(list_texts(whole_entities(whole), "hashtags", name="tag")),
        "mentions": spell_words(
            *(list_texts(whole_entities(each), "mentions", name="username") for each in (tweet, original))
        ),
        "urls": spell_words(list_texts(whole_entities(whole), "urls", name="expanded_url")),
        "language": tweet.get("lang"),
        "source": strip_anchor(tweet.get("source")),
        "retweets": find(tweet, "public_metrics", "retweet_count"),
        "favorites": find(tweet, "public_metrics", "like_count"),
        "is_retweet": repeated is not None,
        "retweet_of_id": name_linked(links.get("retweeted"), includes),
        "quote_of_id": name_linked(links.get("quoted"), includes),
        "reply_to_id": name_linked(links.get("replied_to"), includes),
        "reply_to_user": tweet.get("in_reply_to_user_id") or find(tweet, "in_reply_to_user", "username"),
        "edit_of_id": first_version(tweet),
        "place": spell_place(geo) or spell_place(included(includes, "places", find(geo, "place_id"))),
        "coordinates": spell_point(find(geo, "coordinates")),
        "withheld_in": list_withheld(tweet, author, original, creator),
    }
    metrics = tweet.get("public_metrics")
    others = metrics if isinstance(metrics, dict) else {}
    return make_post(found, rescue(drop_nulls({**tweet, **others}), KNOWN))


def read_user(user: object) -> dict[str, object]:
    """Return what the object of an author says.

    >>> drop_nulls(read_user({"id": "7", "username": "ana", "public_metrics": {"following_count": 3}}))
    {'user_screen_name': 'ana', 'user_friends': 3}
    """
    return {
        "user_screen_name": find(user, "username"),
        "user_name": find(user, "name"),
        "user_location": find(user, "location"),
        "user_description": find(user, "description"),
        "user_created": find(user, "created_at"),
        "user_followers": find(user, "public_metrics", "followers_count"),
        "user_friends": find(user, "public_metrics", "following_count"),
        "user_favourites": find(user, "public_metrics", "like_count"),
        "user_verified": find(user, "verified"),
        "user_protected": find(user, "protected"),
    }


def included(includes: object, kind: str, wanted: object) -> dict[str, Any] | None:
    """Return the included object of that id; None if it is not there, as of a deleted tweet.

    >>> included({"users": [{"id": "7", "username": "ana"}]}, "users", "7"), included(None, "users", "7")
    ({'id': '7', 'username': 'ana'}, None)
    """
    return next((held for held in find_objects(includes, kind) if held.get("id") == wanted), None)


def first_version(tweet: object) -> Any:
    """Return the id of the first version of an edited tweet, by which it is known; None if it was never edited.

    >>> first_version({"id": "7", "edit_history_tweet_ids": ["3", "7"]}), first_version({"id": "7"})
    ('3', None)
    """
    history = find(tweet, "edit_history_tweet_ids")
    return history[0] if isinstance(history, list) and len(history) > 1 else None


def name_linked(link: object, includes: object) -> Any:
    """Return the id by which a tweet that another refers to is known: that of its first version, if it is included.

    >>> name_linked({"id": "7"}, {"tweets": [{"id": "7", "edit_history_tweet_ids": ["3", "7"]}]})
    '3'
    >>> name_linked({"id": "7"}, None)
    '7'
    """
    wanted = find(link, "id")
    return wanted and (first_version(link) or first_version(included(includes, "tweets", wanted)) or wanted)


def whole_text(tweet: object) -> object:
    """Return a tweet's whole text, which of a long one is its note.

    >>> whole_text({"text": "flu ag…", "note_tweet": {"text": "flu again"}}), whole_text(None)
    ('flu again', None)
    """
    return find(tweet, "note_tweet", "text") or find(tweet, "text")


def whole_entities(tweet: object) -> object:
    """Return the hashtags, mentions and addresses of a tweet's whole text.

    >>> whole_entities({"entities": {"urls": []}, "note_tweet": {"entities": {"urls": [1]}}})
    {'urls': [1]}
    """
    return find(tweet, "note_tweet", "entities") or find(tweet, "entities")
