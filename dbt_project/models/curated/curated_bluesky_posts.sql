with

captures as (
    select * from {{ source('raw', 'bluesky_posts') }}
    {% if is_incremental() %}
        where ingested_at > {{ seen_until('ingested_at') }}
    {% endif %}
),

typed as (
    select
        'bluesky' as source,
        post_id,
        post_id as notice_id,
        record_hash,
        posted_date,
        posted_at,
        text,
        coalesce(author_key, 'unknown') as author_id,
        author_key,
        display_name as user_name,
        cast(null as string) as user_description,
        try_to_timestamp(author_created_at) as user_created_at,
        cast(null as bigint) as user_followers,
        cast(null as bigint) as user_friends,
        replace(hashtags, '"', "'") as hashtags,
        via as client_name,
        try_cast(repost_count as bigint) as count_retweets,
        try_cast(like_count as bigint) as count_favorites,
        lower(is_repost) = 'true' as is_retweet,
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
