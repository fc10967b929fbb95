-- Each topic that a post's present text was matched with is one row; no other is.
with

matches as (
    select
        posts.source,
        posts.post_id,
        size(held.topics) as count_topics
    from {{ ref('curated_posts') }} as posts
    inner join {{ source('enriched', 'post_topics') }} as held
        on
            posts.source = held.source
            and posts.post_id = held.post_id
            and posts.text_hash = held.text_hash
),

found as (
    select
        source,
        post_id,
        count(*) as count_topics
    from {{ ref('refined_post_topics') }}
    group by 1, 2
)

select
    coalesce(matches.post_id, found.post_id) as post_id,
    matches.count_topics as count_matched,
    found.count_topics as count_found
from matches
full outer join found
    on
        matches.source = found.source
        and matches.post_id = found.post_id
where coalesce(matches.count_topics, 0) != coalesce(found.count_topics, 0)
