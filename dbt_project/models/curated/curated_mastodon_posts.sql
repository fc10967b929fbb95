with

captures as (
    select * from {{ source('raw', 'mastodon_posts') }}
    {% if is_incremental() %}
        where ingested_at > {{ seen_until('ingested_at') }}
    {% endif %}
),

typed as (
    select
        'mastodon' as source,
        post_id,
        coalesce(local_id, post_id) as notice_id,
        record_hash,
        posted_date,
        posted_at,
        true as is_time_exact,
        concat_ws('\n\n', nullif(spoiler_text, ''), text) as text,
        language as language_tag,
        coalesce(author_key, 'unknown') as author_id,
        author_key,
        display_name as user_name,
        note as user_description,
        try_to_timestamp(account_created_at) as user_created_at,
        try_cast(followers_count as bigint) as user_followers,
        try_cast(following_count as bigint) as user_friends,
        replace(hashtags, '"', "'") as hashtags,
        mentions,
        card_url as urls,
        application as client_name,
        try_cast(reblogs_count as bigint) as count_retweets,
        try_cast(favourites_count as bigint) as count_favorites,
        lower(is_reblog) = 'true' as is_retweet,
        reblog_of as repeats_post_id,
        quote_of as quotes_post_id,
        in_reply_to_id as answers_post_id,
        batch_id,
        ingested_at
    from captures
)

select {{ post_shape(absent=[
    'user_location',
    'user_favourites',
    'user_verified',
    'conversation_id',
    'community',
]) }}
from typed
