{{ config(
    pre_hook=[
        "{{ forget(['story_id'], stories_of_deleted_posts()) }}",
        "{{ keep('marked', marked_posts()) }}",
        "{{ keep('touched', posts_of_touched_stories()) }}"
    ]
) }}

with

{% if is_incremental() %}
    marked as (
        select * from {{ kept('marked') }}
    ),

    touched as (
        select * from {{ kept('touched') }}
    ),

    considered as (
        select marked.*
        from marked
        inner join touched
            on
                marked.source = touched.source
                and marked.post_id = touched.post_id
    ),

    -- what is not touched keeps its story
    others as (
        select held.*
        from {{ this }} as held
        left anti join touched
            on
                held.source = touched.source
                and held.post_id = touched.post_id
    ),
{% else %}
    marked as (
        {{ marked_posts() | indent(8) }}
    ),

    considered as (
        select * from marked
    ),

    others as (
        select
            source,
            post_id,
            '' as story_id,
            posted_at as story_began_at
        from marked
        where false
    ),
{% endif %}

bands_sought as (
    select
        source,
        post_id,
        struct(posted_at, source, post_id) as itself,
        explode_outer(story_bands) as band
    from considered
),

bands as (
    select
        struct(posted_at, source, post_id) as itself,
        explode(story_bands) as band
    from marked
),

first_of_bands as (
    select
        bands.band,
        min(bands.itself) as first_post
    from bands
    left semi join bands_sought
        on bands.band = bands_sought.band
    group by 1
),

-- the earliest post that shares a band with this one, which may be this one itself
hop_0 as (
    select
        bands_sought.source,
        bands_sought.post_id,
        any_value(bands_sought.itself) as itself,
        coalesce(
            min(first_of_bands.first_post),
            any_value(bands_sought.itself)
        ) as earliest
    from bands_sought
    left join first_of_bands
        on bands_sought.band = first_of_bands.band
    group by 1, 2
),

-- A post points to an earlier one, that to an earlier one still, the last to itself:
-- each hop doubles how far a post sees along its line, 2 ** 4 posts in the end.
{% for hop in range(1, 5) %}
    seen_{{ hop }} as (
        select
            *,
            explode(array(true, false)) as is_seen
        from hop_{{ hop - 1 }}
    ),

    met_{{ hop }} as (
        select
            *,
            max(case when is_seen then earliest end) over (
                partition by case when is_seen then itself else earliest end
            ) as earliest_of_seen
        from seen_{{ hop }}
    ),

    hop_{{ hop }} as (
        select
            source,
            post_id,
            itself,
            coalesce(earliest_of_seen, earliest) as earliest
        from met_{{ hop }}
        where not is_seen
    ),
{% endfor %}

stories as (
    select
        hop_4.source,
        hop_4.post_id,
        hop_4.itself = hop_4.earliest as is_first_of_story,
        coalesce(
            others.story_id,
            concat_ws('/', hop_4.earliest['source'], hop_4.earliest['post_id'])
        ) as story_id,
        coalesce(others.story_began_at, hop_4.earliest['posted_at']) as story_began_at
    from hop_4
    left join others
        on
            hop_4.earliest['source'] = others.source
            and hop_4.earliest['post_id'] = others.post_id
)

select
    stories.source,
    stories.post_id,
    stories.story_id,
    stories.story_began_at,
    stories.is_first_of_story,
    considered.posted_date,
    considered.captured_dates,
    considered.last_seen_at,
    considered.fingerprinted_at,
    timestamp '{{ run_started_at }}' as clustered_at
from stories
inner join considered
    on
        stories.source = considered.source
        and stories.post_id = considered.post_id
