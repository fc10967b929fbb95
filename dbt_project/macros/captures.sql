{% macro captures() %}
    {#- Every capture of every source, in one shape. A new source is added here. -#}
    {{ captures_of('twitter') }}
    union all
    {{ captures_of('reddit') }}
    union all
    {{ captures_of('bluesky') }}
    union all
    {{ captures_of('mastodon') }}
    union all
    {{ captures_of('feeds') }}
{% endmacro %}

{% macro captures_of(source_name) %}
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
        ingested_at
    from {{ ref('curated_' ~ source_name ~ '_posts') }}
{% endmacro %}
