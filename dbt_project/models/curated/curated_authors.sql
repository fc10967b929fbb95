{{ config(pre_hook="{{ forget(['source', 'author_id'], changed_authors()) }}") }}

with

posts as (
    select * from {{ ref('curated_posts') }}
),

{% if is_incremental() %}
    new_authors as (
        select * from {{ kept('changed') }}
    ),

    considered as (
        select posts.*
        from posts
        inner join new_authors
            on
                posts.source = new_authors.source
                and posts.author_id = new_authors.author_id
    ),
{% else %}
    considered as (
        select * from posts
    ),
{% endif %}

ranked as (
    select
        *,
        row_number() over (
            partition by source, author_id
            order by posted_at desc, post_id desc
        ) as post_rank,
        count(*) over (partition by source, author_id) as count_posts,
        min(posted_at) over (partition by source, author_id) as first_posted_at,
        max(last_seen_at) over (partition by source, author_id) as author_seen_at
    from considered
)

select
    source,
    author_id,
    user_name,
    user_location,
    user_description,
    user_created_at,
    user_followers,
    user_friends,
    user_favourites,
    user_verified,
    count_posts,
    first_posted_at,
    posted_at as last_posted_at,
    author_seen_at as last_seen_at
from ranked
where post_rank = 1
