with

captures as (
    select * from {{ source('raw', 'feeds_posts') }}
    {% if is_incremental() %}
        where ingested_at > {{ seen_until('ingested_at') }}
    {% endif %}
),

typed as (
    select
        'feeds' as source,
        post_id,
        post_id as notice_id,
        record_hash,
        posted_date,
        posted_at,
        true as is_time_exact,
        concat_ws('\n\n', title, nullif(text, '')) as text,
        language as language_tag,
        coalesce(author_key, 'unknown') as author_id,
        author_key,
        author as user_name,
        feed_title as client_name,
        false as is_retweet,
        batch_id,
        ingested_at
    from captures
)

select {{ post_shape(absent=[
    'user_location',
    'user_description',
    'user_created_at',
    'user_followers',
    'user_friends',
    'user_favourites',
    'user_verified',
    'hashtags',
    'mentions',
    'urls',
    'count_retweets',
    'count_favorites',
    'repeats_post_id',
    'quotes_post_id',
    'answers_post_id',
    'conversation_id',
    'community',
]) }}
from typed
