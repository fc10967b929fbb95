"""The fields of a tweet, as RAW keeps them, and which of them each CSV schema names."""

from flows.sources import Field, Kind

TWEET_ID = r"\d{1,20}"

FIELDS: tuple[Field, ...] = (
    Field("id", Kind.POST_ID, "Tweet id.", TWEET_ID),
    Field("user_id", Kind.AUTHOR_ID, "Id of the author's account.", TWEET_ID),
    Field("user_screen_name", Kind.AUTHOR_HANDLE, "Handle of the author, without the @."),
    Field("user_name", Kind.AUTHOR_NAME, "Display name of the author."),
    Field("user_location", Kind.PLACE, "Place that the author's profile states, free text."),
    Field("user_description", Kind.AUTHOR_PROFILE, "Self-description in the author's profile."),
    Field("user_created", Kind.AUTHOR_CREATED, "When the account was created."),
    Field("user_followers", Kind.COUNT, "Accounts that followed the author at capture."),
    Field("user_friends", Kind.COUNT, "Accounts that the author followed at capture."),
    Field("user_favourites", Kind.COUNT, "Posts that the author had liked at capture."),
    Field("user_verified", Kind.FLAG, "Whether the platform had verified the account."),
    Field("user_protected", Kind.AUTHOR_PROTECTED, "Whether the account shows its tweets to its followers only."),
    Field("date", Kind.TIME, "When the tweet was published."),
    Field("text", Kind.TEXT, "The whole text; of a retweet `RT @handle: ` and the whole text of the original."),
    Field("hashtags", Kind.LABEL, "Hashtags as the source listed them, a Python list in a string."),
    Field("mentions", Kind.PERSON, "Handles mentioned, separated by spaces."),
    Field("urls", Kind.URL, "Expanded addresses in the text, separated by spaces."),
    Field("language", Kind.LABEL, "Language by the platform's own detection, a BCP 47 tag."),
    Field("source", Kind.LABEL, "Program with which the tweet was sent."),
    Field("retweets", Kind.COUNT, "Times that the tweet had been retweeted at capture; null if not counted."),
    Field("favorites", Kind.COUNT, "Times that the tweet had been liked at capture; null if not counted."),
    Field("is_retweet", Kind.FLAG, "Whether the tweet itself is a retweet."),
    Field("retweet_of_id", Kind.POST_LINK, "Tweet that this one repeats.", TWEET_ID),
    Field("quote_of_id", Kind.POST_LINK, "Tweet that this one quotes.", TWEET_ID),
    Field("reply_to_id", Kind.POST_LINK, "Tweet that this one answers.", TWEET_ID),
    Field("reply_to_user", Kind.PERSON, "Account that this tweet answers: its id, else its handle."),
    Field("edit_of_id", Kind.POST_LINK, "First version of an edited tweet; null if it was never edited.", TWEET_ID),
    Field("place", Kind.PLACE, "Place that the author gave the tweet: its full name and country."),
    Field("coordinates", Kind.COORDINATES, "Where the tweet was sent, `latitude,longitude` in degrees."),
    Field("withheld_in", Kind.WITHHELD, "Countries in which the tweet or its author is withheld."),
)

COVID19_COLUMNS = (
    "user_name", "user_location", "user_description", "user_created", "user_followers", "user_friends",
    "user_favourites", "user_verified", "date", "text", "hashtags", "source", "is_retweet",
)  # fmt: skip
"""The 13 columns of Kaggle's covid19 tweets."""
VACCINATION_COLUMNS = (*COVID19_COLUMNS, "id", "retweets", "favorites")
"""The 16 of its vaccination tweets."""

CSV_SCHEMAS: tuple[dict[str, str], ...] = (
    {name: name for name in COVID19_COLUMNS},
    {
        "id": "id", "created_at": "date", "verified": "user_verified", "username": "user_screen_name", "text": "text",
        "location": "user_location", "follower_count": "user_followers", "retweet_count": "retweets",
    },
    {
        "timestamp": "date", "user": "user_screen_name", "text": "text", "favorite_count": "favorites",
        "retweet_count": "retweets", "location": "user_location",
    },
    {
        "UserName": "user_id", "ScreenName": "user_screen_name", "Location": "user_location", "TweetAt": "date",
        "OriginalTweet": "text",
    },
)  # fmt: skip
"""The headers by which a CSV file is known to be of tweets: column → field. A file must have every column of one."""
