"""The layout of the files: the columns of the public "vaccination tweets" sets, and how a field is quoted."""

COLUMNS = (
    "id",
    "user_name",
    "user_location",
    "user_description",
    "user_created",
    "user_followers",
    "user_friends",
    "user_favourites",
    "user_verified",
    "date",
    "text",
    "hashtags",
    "source",
    "retweets",
    "favorites",
    "is_retweet",
)


def quote_field(value: str) -> str:
    """Write a field as RFC 4180 does: in quotation marks if it holds a comma, a quotation mark or a line break.

    >>> quote_field("plain"), quote_field('so "old", they say')
    ('plain', '"so ""old"", they say"')
    """
    if "," in value or '"' in value or "\n" in value or "\r" in value:
        return '"' + value.replace('"', '""') + '"'
    return value
