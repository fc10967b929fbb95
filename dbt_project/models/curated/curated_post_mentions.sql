{{ config(pre_hook="{{ forget(['source', 'post_id'], changed_posts()) }}") }}

with

posts as (
    select * from {{ ref('curated_posts') }}
    {% if is_incremental() %}
        where last_seen_at > {{ seen_of_source('last_seen_at') }}
    {% endif %}
),

listed as (
    select
        source,
        post_id,
        posted_date,
        last_seen_at,
        explode(split(lower(mentions), ' ')) as spelling
    from posts
)

select distinct
    source,
    post_id,
    ltrim('@', spelling) as mentioned_account,
    posted_date,
    last_seen_at
from listed
where length(ltrim('@', spelling)) > 0
