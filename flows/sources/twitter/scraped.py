"""Tweets as objects of others: snscrape and twscrape, and rows with the names that the Kaggle files have."""

from datetime import UTC, datetime
from typing import Any

from flows.sources.drafts import ReadPost, rescue
from flows.sources.twitter.csv_files import NAMES, TIME_FORMATS, content_id
from flows.sources.twitter.fields import CSV_SCHEMAS
from flows.sources.twitter.values import (
    drop_nulls,
    find,
    find_id,
    list_texts,
    make_post,
    spell_coordinates,
    spell_list,
    spell_place,
    spell_repeat,
    spell_words,
    strip_anchor,
)

SNSCRAPE_TYPE = "snscrape.modules.twitter.Tweet"
"""What twscrape writes too."""
SNSCRAPE_KNOWN = frozenset(
    (
        "_type", "card", "content", "coordinates", "date", "hashtags", "id", "id_str", "inReplyToTweetId",
        "inReplyToTweetIdStr", "inReplyToUser", "lang", "likeCount", "links", "media", "mentionedUsers", "outlinks",
        "outlinksss", "place", "quotedTweet", "rawContent", "renderedContent", "retweetCount", "retweetedTweet",
        "source", "sourceLabel", "sourceUrl", "tcooutlinks", "tcooutlinksss", "url", "user", "username",
    )
)  # fmt: skip
"""Fields that are read, or say nothing of their own; those that hold other persons' data are never rescued."""


def is_snscrape(value: dict[str, Any]) -> bool:
    """Say whether an object is a tweet of snscrape.

    >>> is_snscrape({"_type": SNSCRAPE_TYPE}), is_snscrape({"_type": "snscrape.modules.twitter.User"})
    (True, False)
    """
    return value.get("_type") == SNSCRAPE_TYPE


def read_snscrape(tweet: dict[str, Any]) -> ReadPost:
    """Read one tweet of snscrape, of any of its versions, or of twscrape."""
    original = find(tweet, "retweetedTweet")
    user, answered, point = tweet.get("user"), tweet.get("inReplyToUser"), tweet.get("coordinates")
    found = {
        "id": find_id(tweet),
        "user_id": find_id(user),
        "user_screen_name": find(user, "username"),
        "user_name": find(user, "displayname"),
        "user_location": find(user, "location"),
        "user_description": find(user, "rawDescription") or find(user, "description"),
        "user_created": find(user, "created"),
        "user_followers": find(user, "followersCount"),
        "user_friends": find(user, "friendsCount"),
        "user_favourites": find(user, "favouritesCount"),
        "user_verified": find(user, "verified"),
        "user_protected": find(user, "protected"),
        "date": tweet.get("date"),
        "text": spell_repeat(raw_content(tweet), raw_content(original), find(original, "user", "username")),
        "hashtags": spell_list(find(original, "hashtags") or tweet.get("hashtags")),
        "mentions": spell_words(*(list_texts(each, "mentionedUsers", name="username") for each in (tweet, original))),
        "urls": spell_words(list_texts(tweet, "links", name="url") or tweet.get("outlinks")),
        "language": tweet.get("lang"),
        "source": strip_anchor(tweet.get("source") or tweet.get("sourceLabel")),
        "retweets": tweet.get("retweetCount"),
        "favorites": tweet.get("likeCount"),
        "is_retweet": bool(original),
        "retweet_of_id": find_id(original),
        "quote_of_id": find_id(find(tweet, "quotedTweet")),
        "reply_to_id": tweet.get("inReplyToTweetIdStr") or tweet.get("inReplyToTweetId"),
        "reply_to_user": find_id(answered) or find(answered, "username"),
        "place": spell_place(tweet.get("place"), full_name="fullName"),
        "coordinates": spell_coordinates(find(point, "latitude"), find(point, "longitude")),
    }
    return make_post(found, rescue(drop_nulls(tweet), SNSCRAPE_KNOWN))


def raw_content(tweet: object) -> object:
    """Return a tweet's text, which early versions of snscrape call `content`.

    >>> raw_content({"rawContent": "flu"}), raw_content({"content": "flu"})
    ('flu', 'flu')
    """
    return find(tweet, "rawContent") or find(tweet, "content")


def is_flat(value: dict[str, Any]) -> bool:
    """Say whether an object is a row of a table with the names of the Kaggle files.

    >>> is_flat({"user_name": "Ana", "date": "2020-07-25 12:27:21", "text": "flu"}), is_flat({"date": "", "text": ""})
    (True, False)
    """
    row = name_fields(value)
    return {"date", "text"} <= set(row) and not {"user_name", "user_screen_name", "user_id"}.isdisjoint(row)


def name_fields(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row by the names of the fields, if its columns are those of a known CSV file.

    >>> name_fields({"UserName": 7, "ScreenName": "ana", "Location": "", "TweetAt": "", "OriginalTweet": "flu"})
    {'user_id': 7, 'user_screen_name': 'ana', 'user_location': '', 'date': '', 'text': 'flu'}
    """
    schema = next((schema for schema in CSV_SCHEMAS if schema.keys() <= row.keys()), {})
    return {schema.get(name, name): held for name, held in row.items()}


def read_flat(value: dict[str, Any]) -> ReadPost:
    """Read one row as its CSV file would be read: a post without an id is known by its content."""
    row = name_fields(value)
    found: dict[str, object] = {name: row.get(name) for name in NAMES}
    found["hashtags"] = spell_list(found["hashtags"])
    found |= {name: spell_words(found[name]) for name in ("mentions", "urls", "withheld_in")}
    post = make_post(found, rescue(drop_nulls(row), frozenset(NAMES)))
    created, posted = (read_flat_moment(post.values.get(name)) for name in ("user_created", "date"))
    account = str(created or "NaT")[:16] if "user_created" in row else post.values.get("user_screen_name") or ""
    text = post.values.get("text")
    by_content = content_id(account, str(posted or "NaT"), text) if text else None
    return ReadPost(post.post_id or by_content, posted, post.values, post.rescued)


def read_flat_moment(spelling: str | None) -> datetime | None:
    """Return the moment of a spelling of the CSV files, in UTC; None if it is none.

    >>> str(read_flat_moment("25-07-2020 12:27")), read_flat_moment("yesterday")
    ('2020-07-25 12:27:00+00:00', None)
    """
    for known, length in TIME_FORMATS.items():
        if spelling and len(spelling) == length:
            try:
                moment = datetime.strptime(spelling, known)  # noqa: DTZ007 - the zone is set below
            except ValueError:
                continue
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return None
