{{ config(
    pre_hook="{{ forget(['source', 'post_id'], changed_findings('post_places', 'placed_at')) }}"
) }}

{% set changed = kept('changed') if is_incremental() else '' %}

with

posts as (
    {{ posts_among(changed) | indent(4) }}
),

findings as (
    {{ latest_findings('post_places', 'placed_at', changed) | indent(4) }}
),

origins as (
    select
        posts.source,
        posts.post_id,
        posts.posted_date,
        posts.last_seen_at,
        findings.placed_at,
        map(
            'author', findings.author_places,
            'community', findings.community_places,
            'text', findings.text_places
        ) as places_by_origin
    from posts
    inner join findings
        on
            posts.source = findings.source
            and posts.post_id = findings.post_id
            and posts.text_hash = findings.text_hash
),

places as (
    select
        origins.*,
        found.origin,
        place.*
    from origins
        lateral view explode(places_by_origin) found as origin, candidates
        lateral view explode(found.candidates) candidate as place
)

select
    source,
    post_id,
    origin,
    place_id,
    level,
    country_id,
    region_id,
    probability,
    posted_date,
    last_seen_at,
    placed_at
from places
