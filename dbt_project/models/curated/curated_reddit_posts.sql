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
        concat_ws('\n\n', title, nullif(text, '')) as text,
        coalesce(author_key, 'unknown') as author_id,
        author_key,
        author as user_name,
        author_flair_text as user_description,
        timestamp_seconds(try_cast(author_created_utc as bigint)) as user_created_at,
        cast(null as bigint) as user_followers,
        cast(null as bigint) as user_friends,
        cast(null as string) as hashtags,
        cast(null as string) as client_name,
        cast(null as bigint) as count_retweets,
        cast(null as bigint) as count_favorites,
        crosspost_parent is not null as is_retweet,
        batch_id,
        ingested_at
    from captures
)

select
    source,
    post_id,
    notice_id,
    record_hash,
    posted_date,
    posted_at,
    true as is_time_exact,
    text,
    sha2(text, 256) as text_hash,
    author_id,
    author_key,
    user_name,
    cast(null as string) as user_location,
    user_description,
    user_created_at,
    user_followers,
    user_friends,
    cast(null as bigint) as user_favourites,
    cast(null as boolean) as user_verified,
    hashtags,
    client_name,
    count_retweets,
    count_favorites,
    is_retweet,
    batch_id,
    ingested_at
from typed
