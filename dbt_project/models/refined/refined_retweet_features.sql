{{ config(pre_hook="{{ forget(['source', 'post_id'], deleted_lately()) }}") }}

{% set times = ['last_seen_at', 'language_detected_at', 'sentiment_scored_at'] %}

with

posts as (
    select * from {{ ref('refined_posts') }}
    where
        source = 'twitter'
        {% if is_incremental() %}
            and {{ is_new_to_this(times) }}
        {% endif %}
)

select
    source,
    post_id,
    author_id,
    posted_at,
    posted_date,
    text,
    language,
    client_name,
    user_location,
    user_created_at,
    hashtags,
    user_followers,
    user_friends,
    user_favourites,
    user_verified,
    coalesce(positive_sentiment, 0.0) as positive_sentiment,
    coalesce(negative_sentiment, 0.0) as negative_sentiment,
    case
        when count_retweets is not null then count_retweets > 0
        else is_retweet
    end as was_retweeted,
    captured_dates,
    last_seen_at,
    language_detected_at,
    sentiment_scored_at
from posts
