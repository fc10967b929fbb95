"""The fields of a Reddit post, submission or comment, as RAW keeps them: one shape for both."""

from flows.sources import Field, Kind

FIELDS = (
    Field("id", Kind.POST_ID, "Fullname of the post: `t1_` and the id of a comment, `t3_` and the id of a submission."),
    Field("kind", Kind.LABEL, "`comment` or `submission`."),
    Field("author_fullname", Kind.AUTHOR_ID, "Fullname of the author's account, `t2_` and its id; null if unknown."),
    Field("author", Kind.AUTHOR_HANDLE, "Name of the author's account; null if the account was deleted."),
    Field("author_created_utc", Kind.AUTHOR_CREATED, "When the account was created, in seconds since 1970."),
    Field("author_flair_text", Kind.AUTHOR_PROFILE, "What the author shows beside their name in this subreddit."),
    Field("created_utc", Kind.TIME, "When the post was published, in seconds since 1970."),
    Field("title", Kind.TEXT, "Title of a submission; null for comments."),
    Field("text", Kind.TEXT, "Text in Markdown: of a submission what stands under the title, empty if it is a link."),
    Field("subreddit", Kind.COMMUNITY, "Subreddit without its `r/`; `u/` and a name if it is an account's own page."),
    Field("link_flair_text", Kind.LABEL, "Label of a submission, from the subreddit's list or the author's own words."),
    Field("score", Kind.LABEL, "Votes for less votes against at capture, a whole number that may be negative."),
    Field("num_comments", Kind.COUNT, "Comments under a submission at capture."),
    Field("parent_id", Kind.POST_LINK, "Fullname of the comment or submission that a comment answers."),
    Field("link_id", Kind.POST_LINK, "Fullname of the submission under which a comment stands."),
    Field("crosspost_parent", Kind.POST_LINK, "Fullname of the submission that this one repeats."),
    Field("permalink", Kind.URL, "Path of the post's page, without the words of its title."),
    Field("url", Kind.URL, "What a submission links to; its own page if it is a text."),
    Field("is_self", Kind.FLAG, "Whether a submission is a text, not a link."),
    Field("over_18", Kind.FLAG, "Whether a submission is marked as not for minors."),
    Field("edited", Kind.TIME, "When it was last edited, in seconds since 1970, or `true`; null if never, or unknown."),
    Field("distinguished", Kind.LABEL, "`moderator` or `admin` if the author speaks as such."),
    Field("removed_by_category", Kind.LABEL, "Who took a submission from view, such as `moderator`; null if nobody."),
    Field("retrieved_on", Kind.TIME, "When an archive captured the post, in seconds since 1970."),
)
# A score can be negative and `Kind.COUNT` cannot, so it is a label: nothing but digits, which no mask alters.
