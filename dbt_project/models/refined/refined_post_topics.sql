{{ config(
    pre_hook="{{ forget(['source', 'post_id'], changed_findings('post_topics', 'matched_at')) }}"
) }}

{% set changed = kept('changed') if is_incremental() else '' %}

with

posts as (
    {{ posts_among(changed) | indent(4) }}
),

matches as (
    select * from {{ source('enriched', 'post_topics') }}
),

joined as (
    select
        posts.source,
        posts.post_id,
        posts.posted_date,
        posts.text_hash,
        explode(matches.topics) as spelling,
        matches.topic_list_version,
        posts.last_seen_at,
        matches.matched_at
    from posts
    inner join matches
        on
            posts.source = matches.source
            and posts.post_id = matches.post_id
            and posts.text_hash = matches.text_hash
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
