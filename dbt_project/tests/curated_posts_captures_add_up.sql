{{ config(group='curated') }}

-- Every capture is behind a post that is shown or behind one that was deleted.
with

captures as (
    select count(*) as total from ({{ captures() }}) as captures
),

posts as (
    select coalesce(sum(count_captures), 0) as total from {{ ref('curated_posts') }}
),

deleted_posts as (
    select coalesce(sum(count_captures), 0) as total
    from {{ ref('curated_deleted_posts') }}
)

select
    captures.total as captures_total,
    posts.total as posts_total,
    deleted_posts.total as deleted_total
from captures
cross join posts
cross join deleted_posts
where captures.total != posts.total + deleted_posts.total
