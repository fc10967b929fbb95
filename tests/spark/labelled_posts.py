"""Invented posts with a signal planted in the followers, as the refined features have them."""

import random
from datetime import UTC, datetime, timedelta

from ml.model import Tree

SCHEMA = """source string, post_id string, author_id string, posted_at timestamp, posted_date date,
    user_location string, hashtags string, user_followers bigint, user_friends bigint, user_favourites bigint,
    user_verified boolean, positive_sentiment double, negative_sentiment double, was_retweeted boolean,
    text string, language string, client_name string, user_created_at timestamp"""
START = datetime(2021, 1, 1, tzinfo=UTC)
ROWS = 800
SEED = 7
SMALL = Tree(max_depth=4)
"""A tree that is fitted in no time."""


def make_post(number: int, *, label=None, **changed) -> dict:
    """One post of an author with five posts; authors with many followers beside few friends are retweeted."""
    draw = random.Random(number)
    followers = draw.choice([100, 100, 5_000])
    posted_at = START + timedelta(minutes=number // 2)
    post = {
        "source": "test",
        "post_id": f"p{number:04}",
        "author_id": f"a{number // 5}",
        "posted_at": posted_at,
        "posted_date": posted_at.date(),
        "user_location": draw.choice(["Kyiv", "Lima", None]),
        "hashtags": draw.choice(["['Flu']", "['COVID19', 'Vaccine']", None]),
        "user_followers": followers,
        "user_friends": 1_000,
        "user_favourites": 1_000,
        "user_verified": draw.random() < 0.1,
        "positive_sentiment": draw.random(),
        "negative_sentiment": None,
        "text": f"Fever in ward {number % 97} of the city! https://example.org/{number}",
        "language": draw.choice(["en", "es"]),
        "client_name": draw.choice(["Twitter for iPhone", "Twitter Web App", None]),
        "user_created_at": START - timedelta(days=draw.randrange(3_000)),
        "was_retweeted": (followers > 1_000) != (draw.random() < 0.1),
    }
    return post | ({} if label is None else {"was_retweeted": label}) | changed
