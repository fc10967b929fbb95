{{ config(pre_hook="{{ forget(['source', 'post_id'], changed_posts()) }}") }}

with

captures as (
    {{ captures() | indent(4) }}
),

posts as (
    select * from {{ ref('curated_posts') }}
    {% if is_incremental() %}
        where last_seen_at > {{ seen_of_source('last_seen_at') }}
    {% endif %}
),

named as (
    select
        posts.source,
        posts.post_id,
        posts.posted_date,
        posts.last_seen_at,
        explode(array(captures.post_id, captures.notice_id)) as known_as
    from posts
    inner join captures
        on
            posts.source = captures.source
            and posts.post_id = captures.post_id
)

select distinct
    source,
    known_as,
    post_id,
    posted_date,
    last_seen_at
from named
