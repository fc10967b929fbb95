{{ config(meta={'replaces_periods': true}) }}

{% do replace_changed(changed_published_weeks) %}

with

considered as (
    select * from {{ ref('refined_topic_weeks') }}
    where place_id != 'unknown' and {{ is_replaced('epiweek_start') }}
),

-- who writes in two languages is in both cells: the larger one counts nobody twice
cells as (
    select
        source,
        topic,
        place_id,
        epiweek_start,
        {{ epiweek('epiweek_start') }} as epiweek,
        max(count_authors) < {{ var('fewest_authors') }} as is_suppressed,
        sum(expected_posts) as expected_posts,
        max(last_seen_at) as last_seen_at,
        max(language_detected_at) as language_detected_at,
        max(sentiment_scored_at) as sentiment_scored_at,
        max(matched_at) as matched_at,
        max(placed_at) as placed_at,
        max(clustered_at) as clustered_at
    from considered
    group by 1, 2, 3, 4
),

shown as (
    select
        *,
        case when not is_suppressed then expected_posts end as posts_shown,
        max(
            case when topic = 'all' and not is_suppressed then expected_posts end
        ) over (partition by source, place_id, epiweek_start) as posts_shown_all
    from cells
),

ranked_official as (
    select
        *,
        row_number() over (
            partition by place_id, epiweek_start, measure
            order by is_complete desc, dataset asc
        ) as dataset_rank
    from {{ ref('refined_official_weeks') }}
    where level = 'country'
),

official as (
    select
        place_id,
        epiweek_start,
        max(case when measure = 'cases' then count_new end) as official_cases,
        max(case when measure = 'deaths' then count_new end) as official_deaths
    from ranked_official
    where dataset_rank = 1 and is_complete
    group by 1, 2
),

vintages as (
    select max(last_vintage_at) as last_vintage_at
    from {{ ref('refined_official_weeks') }}
)

select
    shown.source,
    shown.topic,
    shown.place_id,
    shown.epiweek,
    shown.epiweek_start,
    shown.is_suppressed,
    cast(shown.posts_shown as decimal(18, 4)) as expected_posts,
    cast(shown.posts_shown_all as decimal(18, 4)) as expected_posts_all,
    cast(shown.posts_shown as double) / shown.posts_shown_all as share_of_posts,
    official.official_cases,
    official.official_deaths,
    shown.last_seen_at,
    shown.language_detected_at,
    shown.sentiment_scored_at,
    shown.matched_at,
    shown.placed_at,
    shown.clustered_at,
    vintages.last_vintage_at
from shown
cross join vintages
left join official
    on
        shown.topic = '{{ var('official_topic') }}'
        and shown.place_id = official.place_id
        and shown.epiweek_start = official.epiweek_start
