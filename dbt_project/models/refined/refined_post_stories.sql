{{ config(
    pre_hook="{{ forget(['story_id'], stories_of_deleted_posts()) }}"
) }}

with

posts as (
    select * from {{ ref('curated_posts') }}
),

ranked_fingerprints as (
    select
        *,
        row_number() over (
            partition by source, post_id
            order by fingerprinted_at desc, method asc, method_version desc
        ) as fingerprint_rank
    from {{ source('enriched', 'post_fingerprints') }}
),

fingerprints as (
    select * from ranked_fingerprints
    where fingerprint_rank = 1
),

marked as (
    select
        posts.source,
        posts.post_id,
        posts.posted_date,
        posts.posted_at,
        posts.last_seen_at,
        fingerprints.story_bands,
        fingerprints.fingerprinted_at
    from posts
    inner join fingerprints
        on
            posts.source = fingerprints.source
            and posts.post_id = fingerprints.post_id
            and posts.text_hash = fingerprints.text_hash
),

{% if is_incremental() %}
    held as (
        select * from {{ this }}
    ),

    -- what is not held as it is now; of a story that lost a post nothing is held
    changed as (
        select marked.*
        from marked
        left anti join held
            on
                marked.source = held.source
                and marked.post_id = held.post_id
                and marked.last_seen_at = held.last_seen_at
                and marked.fingerprinted_at = held.fingerprinted_at
    ),

    changed_bands as (
        select distinct explode(story_bands) as band
        from changed
    ),

    bands as (
        select
            source,
            post_id,
            explode(story_bands) as band
        from marked
    ),

    touched_posts as (
        select
            source,
            post_id
        from changed
        union
        select
            bands.source,
            bands.post_id
        from bands
        inner join changed_bands
            on bands.band = changed_bands.band
    ),

    touched_stories as (
        select distinct held.story_id
        from held
        inner join touched_posts
            on
                held.source = touched_posts.source
                and held.post_id = touched_posts.post_id
    ),

    -- whole stories, so that what joins, leaves or splits one is seen by all of it
    considered_posts as (
        select
            source,
            post_id
        from touched_posts
        union
        select
            held.source,
            held.post_id
        from held
        inner join touched_stories
            on held.story_id = touched_stories.story_id
    ),

    considered as (
        select marked.*
        from marked
        inner join considered_posts
            on
                marked.source = considered_posts.source
                and marked.post_id = considered_posts.post_id
    ),
{% else %}
    considered as (
        select * from marked
    ),
{% endif %}

-- a post without bands stands alone
banded as (
    select
        *,
        explode_outer(story_bands) as band
    from considered
),

hop_0 as (
    select
        *,
        coalesce(string(band), concat_ws(' ', source, post_id)) as link,
        struct(posted_at, source, post_id) as earliest
    from banded
),

-- the earliest of those that share a band, of those that share one with them, and on
{% for hop in range(1, 5) %}
    link_{{ hop }} as (
        select
            * except (earliest),
            min(earliest) over (partition by link) as earliest
        from hop_{{ hop - 1 }}
    ),

    hop_{{ hop }} as (
        select
            * except (earliest),
            min(earliest) over (partition by source, post_id) as earliest
        from link_{{ hop }}
    ),
{% endfor %}

stories as (
    select distinct
        source,
        post_id,
        posted_date,
        last_seen_at,
        fingerprinted_at,
        earliest
    from hop_4
)

select
    source,
    post_id,
    concat_ws('/', earliest['source'], earliest['post_id']) as story_id,
    earliest['posted_at'] as story_began_at,
    source = earliest['source']
    and post_id = earliest['post_id'] as is_first_of_story,
    posted_date,
    last_seen_at,
    fingerprinted_at,
    current_timestamp() as clustered_at
from stories
