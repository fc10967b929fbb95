{#
  Counts of posts by topic, place and language over time. A post counts where its author says to be, else where its
  community is, in parts that sum to one: what is not known of a post counts at the place `unknown`. Parts are whole
  steps of 1/10,000, so that sums over places and languages are exact. The topic `all` holds every post: it is the
  denominator of the others, and stands beside them as `expected_posts_all`.

  `start` is where the period of a post begins, `name` the column that holds it, `changed_by` the column by which the
  table is told what has changed: another only where a day has several periods.
#}

{% macro topic_series(start, name, changed_by='') %}
    with

    posts as (
        select
            *,
            {{ start }} as period_start
        from {{ ref('refined_posts') }}
    ),

    {% if is_incremental() %}
        new_periods as (
            select
                source,
                {{ changed_by or name }} as {{ changed_by or 'period_start' }}
            from {{ kept('changed') }}
        ),

        considered as (
            select posts.*
            from posts
            inner join new_periods
                on
                    posts.source = new_periods.source
                    and posts.{{ changed_by or 'period_start' }} = new_periods.{{ changed_by or 'period_start' }}
        ),
    {% else %}
        considered as (
            select * from posts
        ),
    {% endif %}

    known_shares as (
        {{ country_shares('considered') }}
    ),

    known_posts as (
        select
            source,
            post_id,
            sum(share) as share
        from known_shares
        group by 1, 2
    ),

    shares as (
        select * from known_shares
        union all
        select
            considered.source,
            considered.post_id,
            'unknown' as place_id,
            1 - coalesce(known_posts.share, 0) as share
        from considered
        left join known_posts
            on
                considered.source = known_posts.source
                and considered.post_id = known_posts.post_id
        where coalesce(known_posts.share, 0) < 1
    ),

    topics as (
        select
            source,
            post_id,
            topic
        from {{ ref('refined_post_topics') }}
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
    ),

    cells as (
        select
            considered.source,
            topics.topic,
            shares.place_id,
            coalesce(considered.language, 'und') as language,
            considered.period_start,
            min(considered.posted_date) as posted_date,
            sum(shares.share) as expected_posts,
            count(distinct considered.author_id) as count_authors,
            count(distinct stories.story_id) as count_stories,
            sum(
                case
                    when considered.compound_sentiment is null then 0 else shares.share
                end
            ) as expected_scored,
            sum(shares.share * considered.compound_sentiment) as sum_of_compound,
            max(considered.last_seen_at) as last_seen_at,
            max(considered.language_detected_at) as language_detected_at,
            max(considered.sentiment_scored_at) as sentiment_scored_at
        from considered
        inner join topics
            on
                considered.source = topics.source
                and considered.post_id = topics.post_id
        inner join shares
            on
                considered.source = shares.source
                and considered.post_id = shares.post_id
        left join stories
            on
                considered.source = stories.source
                and considered.post_id = stories.post_id
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
        {{ 'cells.' ~ changed_by ~ ',' if changed_by }}
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
