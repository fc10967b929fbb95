{{ config(pre_hook="{{ forget(['source', 'post_id'], deleted_lately()) }}") }}

with

captured as (
    {{ captures() | indent(4) }}
),

captures as (
    select captured.*
    from captured
    left anti join {{ ref('curated_deleted_posts') }} as deleted
        on
            captured.source = deleted.source
            and captured.post_id = deleted.post_id
),

{% if is_incremental() %}
    new_posts as (
        select distinct
            source,
            post_id
        from captures
        where ingested_at > {{ seen_of_source('last_seen_at') }}
    ),

    -- every capture of a post that got a new one, so that the winner does not depend
    -- on the order of arrival
    considered as (
        select captures.*
        from captures
        inner join new_posts
            on
                captures.source = new_posts.source
                and captures.post_id = new_posts.post_id
    ),
{% else %}
    considered as (
        select * from captures
    ),
{% endif %}

ranked as (
    select
        *,
        row_number() over (
            partition by source, post_id
            order by
                is_time_exact desc,
                count_retweets desc nulls last,
                count_favorites desc nulls last,
                user_followers desc nulls last,
                -- the hash is another in every installation
                community asc nulls last,
                posted_at asc,
                text_hash asc,
                user_location asc nulls last,
                record_hash asc
        ) as capture_rank,
        count(*) over (partition by source, post_id) as count_captures,
        concat_ws(
            ' ',
            array_sort(
                collect_set(string(posted_date)) over (partition by source, post_id)
            )
        ) as captured_dates,
        min(ingested_at) over (partition by source, post_id) as first_seen_at,
        max(ingested_at) over (partition by source, post_id) as last_seen_at
    from considered
)

select
    source,
    post_id,
    posted_date,
    posted_at,
    text,
    text_hash,
    language_tag,
    author_id,
    user_name,
    user_location,
    user_description,
    user_created_at,
    user_followers,
    user_friends,
    user_favourites,
    user_verified,
    hashtags,
    mentions,
    urls,
    client_name,
    count_retweets,
    count_favorites,
    is_retweet,
    repeats_post_id,
    quotes_post_id,
    answers_post_id,
    conversation_id,
    community,
    count_captures,
    captured_dates,
    first_seen_at,
    last_seen_at
from ranked
where capture_rank = 1
