{% macro deleted_lately() %}
    {#-
      Posts that were found deleted since this table last took in its input: by a new
      notice, or by a new capture that an old notice names. A notice is stamped before it
      is committed, so a build may miss one that is stamped a little earlier than what it
      saw: hence the day.
    -#}
    select
        source,
        post_id,
        coalesce(captured_dates, string(posted_date)) as captured_dates
    from {{ ref('curated_deleted_posts') }}
    where
        greatest(last_noticed_at, last_seen_at)
        > {{ seen_of_source('last_seen_at') }} - interval 1 day
{% endmacro %}

{% macro changed_posts() %}
{#- Posts with a capture that this table has not seen, or deleted; their days. -#}
    select
        source,
        post_id,
        coalesce(captured_dates, string(posted_date)) as captured_dates
    from {{ ref('curated_posts') }}
    where last_seen_at > {{ seen_of_source('last_seen_at') }}
    union
    select
        source,
        post_id,
        captured_dates
    from ({{ deleted_lately() }}) as deleted
{% endmacro %}

{% macro changed_findings(table, found_at) %}
    {#- Posts with a capture or finding that this table has not seen, or deleted. -#}
    select
        source,
        post_id,
        captured_dates
    from ({{ changed_posts() }}) as posts
    union
    select
        source,
        post_id,
        string(posted_date) as captured_dates
    from {{ source('enriched', table) }}
    where {{ found_at }} > {{ seen_until(found_at) }}
{% endmacro %}

{% macro posts_with_news() %}
    {#- Posts with a capture, a language or a score that this table has not seen. -#}
    select
        source,
        post_id
    from {{ ref('curated_posts') }}
    where last_seen_at > {{ seen_of_source('last_seen_at') }}
    union
    select
        source,
        post_id
    from {{ source('enriched', 'post_languages') }}
    where detected_at > {{ seen_of_source('language_detected_at') }}
    union
    select
        source,
        post_id
    from {{ source('enriched', 'post_sentiment') }}
    where scored_at > {{ seen_of_source('sentiment_scored_at') }}
{% endmacro %}

{% macro posts_among(touched) -%}
    {#- All posts, or those that a view names. -#}
    select posts.*
    from {{ ref('curated_posts') }} as posts
    {% if touched %}
        left semi join {{ touched }} as touched
            on
                posts.source = touched.source
                and posts.post_id = touched.post_id
    {% endif %}
{%- endmacro %}

{% macro changed_authors() %}
    {#-
      Authors whose posts may have changed: those of every capture of a new or deleted post, not of the winning one
      alone. A better copy can give a post to another author.
    -#}
    select distinct
        captures.source,
        captures.author_id
    from ({{ captures() }}) as captures
    inner join ({{ changed_posts() }}) as posts
        on
            captures.source = posts.source
            and captures.post_id = posts.post_id
{% endmacro %}

{% macro changed_days(times=['last_seen_at', 'sentiment_scored_at']) %}
    {#-
      Days of a source that gained, changed or lost a post: the days of every capture of
      it, not of the winning one alone. A better copy can move a post to another day.
    -#}
    select distinct
        source,
        to_date(captured_date) as posted_date
    from (
        select
            source,
            captured_dates
        from {{ ref('refined_posts') }}
        where {{ is_new_to_this(times) }}
        union all
        select
            source,
            captured_dates
        from ({{ deleted_lately() }}) as deleted
    ) as changed
    lateral view explode(split(captured_dates, ' ')) as captured_date
{% endmacro %}

{% macro changed_topic_days(times) %}
    {#- Days of a source that changed, or what their posts are about. -#}
    select
        source,
        posted_date
    from ({{ changed_days(times) }}) as of_posts
    union
    select
        source,
        posted_date
    from {{ source('enriched', 'post_topics') }}
    where matched_at > {{ seen_until('matched_at') }}
{% endmacro %}

{% macro changed_cell_days(times) %}
    {#- Days of a source that changed, or what is found of their posts' cells. -#}
    select
        source,
        posted_date
    from ({{ changed_topic_days(times) }}) as of_topics
    union
    select
        source,
        posted_date
    from {{ source('enriched', 'post_places') }}
    where placed_at > {{ seen_until('placed_at') }}
{% endmacro %}

{% macro changed_series_days() %}
    {#- Days of a source of which any post changed, or what is found of it. -#}
    {% set times = ['last_seen_at', 'language_detected_at', 'sentiment_scored_at'] %}
    select
        source,
        posted_date
    from ({{ changed_cell_days(times) }}) as of_cells
    union
    select
        source,
        posted_date
    from {{ ref('refined_post_stories') }}
    where clustered_at > {{ seen_until('clustered_at') }}
{% endmacro %}

{% macro changed_series_weeks() %}
{#- Weeks of a source in which a day changed. -#}
    select distinct
        source,
        {{ epiweek_start('posted_date') }} as epiweek_start
    from ({{ changed_series_days() }}) as changed
{% endmacro %}

{% macro changed_published_weeks() %}
    {#- Weeks of a source in which a day changed, or an official count. -#}
    select
        source,
        epiweek_start
    from ({{ changed_series_weeks() }}) as of_posts
    union
    select distinct
        series.source,
        series.epiweek_start
    from {{ ref('refined_topic_weeks') }} as series
    inner join {{ ref('refined_official_weeks') }} as official
        on series.epiweek_start = official.epiweek_start
    where official.last_vintage_at > {{ seen_until('last_vintage_at') }}
{% endmacro %}

{% macro changed_term_weeks() %}
{#- Weeks of a source in which a text changed, or the cell in which it counts. -#}
    select distinct
        source,
        {{ epiweek_start('posted_date') }} as epiweek_start
    from ({{ changed_cell_days(['last_seen_at', 'language_detected_at']) }}) as changed
{% endmacro %}
