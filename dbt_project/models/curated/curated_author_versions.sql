{{ config(pre_hook="{{ forget(['source', 'author_id'], changed_authors()) }}") }}

with

-- whoever is unknown is many, and many have no history
posts as (
    select * from {{ ref('curated_posts') }}
    where author_id != 'unknown'
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
            partition by source, author_id, posted_at
            order by post_id desc
        ) as post_rank,
        sum(count_captures) over (
            partition by source, author_id, posted_at
        ) as moment_captures,
        max(last_seen_at) over (
            partition by source, author_id, posted_at
        ) as moment_seen_at
    from considered
),

-- one state a moment: of posts of the same time the one that `curated_authors` takes
states as (
    select
        source,
        author_id,
        posted_at,
        struct(
            user_name,
            user_location,
            user_description,
            user_followers,
            user_verified
        ) as profile,
        moment_captures,
        moment_seen_at
    from ranked
    where post_rank = 1
),

compared as (
    select
        *,
        profile <=> lag(profile) over (
            partition by source, author_id
            order by posted_at
        ) as is_as_before
    from states
),

numbered as (
    select
        *,
        count_if(not is_as_before) over (
            partition by source, author_id
            order by posted_at
        ) as version_number
    from compared
),

versions as (
    select
        source,
        author_id,
        version_number,
        profile,
        min(posted_at) as valid_from,
        sum(moment_captures) as count_captures,
        max(moment_seen_at) as last_seen_at
    from numbered
    group by 1, 2, 3, 4
),

closed as (
    select
        *,
        lead(valid_from) over (
            partition by source, author_id
            order by valid_from
        ) as valid_to
    from versions
)

select
    closed.source,
    closed.author_id,
    closed.valid_from,
    closed.valid_to,
    closed.valid_to is null as is_current,
    closed.profile.user_name,
    closed.profile.user_location,
    closed.profile.user_description,
    closed.profile.user_followers,
    closed.profile.user_verified,
    closed.count_captures,
    closed.last_seen_at
from closed
