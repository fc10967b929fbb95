with

captures as (
    select * from {{ source('raw', 'twitter_posts') }}
    {% if is_incremental() %}
        where ingested_at > {{ seen_until('ingested_at') }}
    {% endif %}
),

typed as (
    select
        'twitter' as source,
        post_id,
        post_id as notice_id,
        record_hash,
        author_key,
        posted_date,
        posted_at,
        length(date) >= 19 as is_time_exact,
        text,
        sha2(text, 256) as text_hash,
        user_name,
        nullif(trim(user_location), '') as user_location,
        user_description,
        coalesce(
            try_to_timestamp(user_created, 'yyyy-MM-dd HH:mm:ss'),
            try_to_timestamp(user_created, 'dd-MM-yyyy HH:mm')
        ) as user_created_at,
        try_cast(user_followers as bigint) as user_followers,
        try_cast(user_friends as bigint) as user_friends,
        try_cast(user_favourites as bigint) as user_favourites,
        lower(user_verified) = 'true' as user_verified,
        hashtags,
        source as client_name,
        try_cast(retweets as bigint) as count_retweets,
        try_cast(favorites as bigint) as count_favorites,
        coalesce(lower(is_retweet) = 'true', text like 'RT @%') as is_retweet,
        batch_id,
        ingested_at
    from captures
),

identified as (
    select
        *,
        concat(
            'sha256:',
            left(
                sha2(
                    concat_ws(
                        '|', user_name, date_format(user_created_at, 'yyyy-MM-dd HH:mm')
                    ),
                    256
                ),
                32
            )
        ) as author_id
    from typed
)

select
    source,
    post_id,
    notice_id,
    record_hash,
    posted_date,
    posted_at,
    is_time_exact,
    text,
    text_hash,
    author_id,
    author_key,
    user_name,
    user_location,
    user_description,
    user_created_at,
    user_followers,
    user_friends,
    user_favourites,
    user_verified,
    hashtags,
    client_name,
    count_retweets,
    count_favorites,
    is_retweet,
    batch_id,
    ingested_at
from identified
