{#
  Counts of posts by topic, place and language over time. A post counts where its author says to be, else where its
  community is, in parts that sum to one: what is not known of a post counts at the place `unknown`. Parts are whole
  steps of 1/10,000, so that sums over places and languages are exact. The topic `all` holds every post: it is the
  denominator of the others, and stands beside them as `expected_posts_all`.

  `start` is where the period of a post begins, `name` the column that holds it, `day` the column that holds the day
  where a day has several periods.
#}

{% macro topic_series(start, name, day='') %}
    with

    considered as (
        select
            *,
            {{ start }} as period_start
        from {{ ref('refined_posts') }}
        where {{ is_replaced('posted_date') }}
    ),

    known as (
        {{ country_shares() }}
    ),

    topics as (
        select
            source,
            post_id,
            topic
        from {{ ref('refined_post_topics') }}
        where {{ is_replaced('posted_date') }}
        union all
        select
            source,
            post_id,
            'all' as topic
        from considered
    ),

    stories as (
        select
            source,
            post_id,
            story_id
        from {{ ref('refined_post_stories') }}
        where {{ is_replaced('posted_date') }}
    ),

    -- a row for each topic of a post and each place where a part of it counts
    parts as (
        select
            considered.*,
            topics.topic,
            stories.story_id,
            inline(
                concat(
                    coalesce(known.shares, array()),
                    array(
                        struct(
                            'unknown' as place_id,
                            cast(1 - coalesce(known.known_share, 0) as decimal(9, 4))
                                as share
                        )
                    )
                )
            )
        from considered
        inner join topics
            on
                considered.source = topics.source
                and considered.post_id = topics.post_id
        left join known
            on
                considered.source = known.source
                and considered.post_id = known.post_id
        left join stories
            on
                considered.source = stories.source
                and considered.post_id = stories.post_id
    ),

    cells as (
        select
            source,
            topic,
            place_id,
            coalesce(language, 'und') as language,
            period_start,
            min(posted_date) as posted_date,
            sum(share) as expected_posts,
            count(distinct author_id) as count_authors,
            count(distinct story_id) as count_stories,
            sum(case when compound_sentiment is null then 0 else share end)
                as expected_scored,
            sum(share * compound_sentiment) as sum_of_compound,
            max(last_seen_at) as last_seen_at,
            max(language_detected_at) as language_detected_at,
            max(sentiment_scored_at) as sentiment_scored_at
        from parts
        where share > 0
        group by 1, 2, 3, 4, 5
    ),

    -- what was found of these posts, and of those that are about nothing or nowhere
    matches as (
        select max(matched_at) as matched_at
        from {{ source('enriched', 'post_topics') }}
    ),

    clusterings as (
        select max(clustered_at) as clustered_at
        from {{ ref('refined_post_stories') }}
    ),

    placings as (
        select max(placed_at) as placed_at
        from {{ source('enriched', 'post_places') }}
    )

    select
        cells.source,
        cells.topic,
        cells.place_id,
        cells.language,
        cells.period_start as {{ name }},
        {{ 'cells.' ~ day ~ ',' if day }}
        cast(cells.expected_posts as decimal(18, 4)) as expected_posts,
        cast(
            max(case when cells.topic = 'all' then cells.expected_posts end) over (
                partition by
                    cells.source, cells.place_id, cells.language, cells.period_start
            )
            as decimal(18, 4)
        ) as expected_posts_all,
        cells.count_authors,
        cells.count_stories,
        cast(cells.expected_scored as decimal(18, 4)) as expected_scored,
        cells.sum_of_compound / nullif(cells.expected_scored, 0)
            as mean_compound_sentiment,
        cells.last_seen_at,
        cells.language_detected_at,
        cells.sentiment_scored_at,
        matches.matched_at,
        placings.placed_at,
        clusterings.clustered_at
    from cells
    cross join matches
    cross join placings
    cross join clusterings
{% endmacro %}
