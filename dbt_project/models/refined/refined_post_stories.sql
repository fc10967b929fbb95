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

links_0 as (
    select
        source,
        post_id,
        posted_at,
        explode(story_bands) as band
    from considered
),

-- most posts share no band with any other
meetings_0 as (
    select
        *,
        count(*) over (partition by band) as count_posts
    from links_0
),

hop_0 as (
    select
        source,
        post_id,
        collect_list(band) as bands,
        struct(any_value(posted_at) as posted_at, source, post_id) as earliest,
        struct(any_value(posted_at) as posted_at, source, post_id) as previous
    from meetings_0
    where count_posts > 1
    group by 1, 2
),

-- Connected components: each post takes over the earliest that it meets by a band,
-- by what it takes for its earliest now, and by what it took for that one hop ago.
-- So a story is found whole if its posts lie no more than some 2 ** hops apart.
{% for hop in range(1, 6) %}
    links_{{ hop }} as (
        select
            *,
            explode(
                concat(
                    bands,
                    array(
                        xxhash64(source, post_id),
                        xxhash64(earliest['source'], earliest['post_id']),
                        xxhash64(previous['source'], previous['post_id'])
                    )
                )
            ) as link
        from hop_{{ hop - 1 }}
    ),

    meetings_{{ hop }} as (
        select
            *,
            min(earliest) over (partition by link) as earliest_met
        from links_{{ hop }}
    ),

    hop_{{ hop }} as (
        select
            source,
            post_id,
            any_value(bands) as bands,
            min(earliest_met) as earliest,
            any_value(earliest) as previous
        from meetings_{{ hop }}
        group by 1, 2
    ),
{% endfor %}

stories as (
    select
        considered.*,
        coalesce(
            hop_5.earliest,
            struct(considered.posted_at, considered.source, considered.post_id)
        ) as earliest
    from considered
    left join hop_5
        on
            considered.source = hop_5.source
            and considered.post_id = hop_5.post_id
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
