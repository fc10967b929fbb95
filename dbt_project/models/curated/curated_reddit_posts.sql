with

captures as (
    select * from {{ source('raw', 'reddit_posts') }}
    {% if is_incremental() %}
        where ingested_at > {{ seen_until('ingested_at') }}
    {% endif %}
),

typed as (
    select
        'reddit' as source,
        post_id,
        post_id as notice_id,
        record_hash,
        posted_date,
        posted_at,
        true as is_time_exact,
        concat_ws('\n\n', title, nullif(text, '')) as text,
        coalesce(author_key, 'unknown') as author_id,
        author_key,
        author as user_name,
        author_flair_text as user_description,
        timestamp_seconds(try_cast(author_created_utc as bigint)) as user_created_at,
        case when not coalesce(lower(is_self) = 'true', false) then url end as urls,
        crosspost_parent is not null as is_retweet,
        crosspost_parent as repeats_post_id,
        parent_id as answers_post_id,
        coalesce(link_id, post_id) as conversation_id,
        subreddit as community,
        batch_id,
        ingested_at
    from captures
)

select {{ post_shape(absent=[
    'language_tag',
    'user_location',
    'user_followers',
    'user_friends',
    'user_favourites',
    'user_verified',
    'hashtags',
    'mentions',
    'client_name',
    'count_retweets',
    'count_favorites',
    'quotes_post_id',
]) }}
from typed
