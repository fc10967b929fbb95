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
        explode(split(urls, ' ')) as url
    from posts
)

-- the host stands behind `//` and a user's name, before a port, path or question
select distinct
    source,
    post_id,
    url,
    nullif(
        regexp_extract(
            lower(url),
            '^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@]*@)?(?:www[.])?([^/?#:@]+)',
            1
        ),
        ''
    ) as url_host,
    posted_date,
    last_seen_at
from listed
where length(url) > 0
