{{ config(pre_hook="{{ forget(['source', 'post_id'], changed_topics()) }}") }}

with

posts as (
    select * from {{ ref('curated_posts') }}
),

matches as (
    select
        *,
        row_number() over (
            partition by source, post_id
            order by matched_at desc, topic_list_version desc
        ) as match_rank
    from {{ source('enriched', 'post_topics') }}
),

latest_matches as (
    select * from matches
    where match_rank = 1
),

joined as (
    select
        posts.source,
        posts.post_id,
        posts.posted_date,
        posts.text_hash,
        explode(latest_matches.topics) as spelling,
        latest_matches.topic_list_version,
        posts.last_seen_at,
        latest_matches.matched_at
    from posts
    inner join latest_matches
        on
            posts.source = latest_matches.source
            and posts.post_id = latest_matches.post_id
            and posts.text_hash = latest_matches.text_hash
)

select
    source,
    post_id,
    split_part(spelling, '/', 1) as topic,
    cast(split_part(spelling, '/', 2) as int) as topic_version,
    topic_list_version,
    posted_date,
    text_hash,
    last_seen_at,
    matched_at
from joined
{% if is_incremental() %}
    where {{ is_new_to_this(['last_seen_at', 'matched_at']) }}
{% endif %}
