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
        language as language_tag,
        user_name,
        nullif(trim(user_location), '') as user_location,
        user_description,
        -- only years of four digits: a longer one may be a moment that overflows, which
        -- stops the build instead of giving null
        coalesce(
            try_to_timestamp(
                case when length(user_created) = 19 then user_created end,
                'yyyy-MM-dd HH:mm:ss'
            ),
            try_to_timestamp(
                case when length(user_created) = 16 then user_created end,
                'dd-MM-yyyy HH:mm'
            )
        ) as user_created_at,
        try_cast(user_followers as bigint) as user_followers,
        try_cast(user_friends as bigint) as user_friends,
        try_cast(user_favourites as bigint) as user_favourites,
        lower(user_verified) = 'true' as user_verified,
        hashtags,
        mentions,
        urls,
        source as client_name,
        try_cast(retweets as bigint) as count_retweets,
        try_cast(favorites as bigint) as count_favorites,
        coalesce(lower(is_retweet) = 'true', text like 'RT @%') as is_retweet,
        retweet_of_id as repeats_post_id,
        quote_of_id as quotes_post_id,
        reply_to_id as answers_post_id,
        batch_id,
        ingested_at
    from captures
),

identified as (
    select
        *,
        case
            when user_name is null and user_created_at is null
                then coalesce(author_key, 'unknown')
            else concat(
                'sha256:',
                left(
                    sha2(
                        concat_ws(
                            '|',
                            user_name,
                            date_format(user_created_at, 'yyyy-MM-dd HH:mm')
                        ),
                        256
                    ),
                    32
                )
            )
        end as author_id
    from typed
)

select {{ post_shape(absent=['conversation_id', 'community']) }}
from identified
