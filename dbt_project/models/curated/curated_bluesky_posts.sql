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
        true as is_time_exact,
        text,
        nullif(split_part(langs, ' ', 1), '') as language_tag,
        coalesce(author_key, 'unknown') as author_id,
        author_key,
        display_name as user_name,
        try_to_timestamp(author_created_at) as user_created_at,
        replace(hashtags, '"', "'") as hashtags,
        mentions,
        nullif(concat_ws(' ', links, external_url), '') as urls,
        via as client_name,
        try_cast(repost_count as bigint) as count_retweets,
        try_cast(like_count as bigint) as count_favorites,
        lower(is_repost) = 'true' as is_retweet,
        repost_of as repeats_post_id,
        quote_of as quotes_post_id,
        reply_parent as answers_post_id,
        case
            when lower(is_repost) = 'true' then null
            else coalesce(reply_root, post_id)
        end as conversation_id,
        batch_id,
        ingested_at
    from captures
)

select {{ post_shape(absent=[
    'user_location',
    'user_description',
    'user_followers',
    'user_friends',
    'user_favourites',
    'user_verified',
    'community',
]) }}
from typed
