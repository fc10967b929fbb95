{{ config(meta={'replaces_periods': true}) }}

{% do replace_changed(changed_days) %}

with

considered as (
    select * from {{ ref('refined_posts') }}
    where {{ is_replaced('posted_date') }}
),

days as (
    select
        source,
        posted_date,
        count(*) as count_posts,
        count(distinct author_id) as count_authors,
        count(compound_sentiment) as count_scored,
        count_if(compound_sentiment >= 0.05) as count_positive,
        count_if(compound_sentiment > -0.05 and compound_sentiment < 0.05)
            as count_neutral,
        count_if(compound_sentiment <= -0.05) as count_negative,
        avg(compound_sentiment) as mean_compound_sentiment,
        max(last_seen_at) as last_seen_at,
        max(sentiment_scored_at) as sentiment_scored_at
    from considered
    group by 1, 2
)

select * from days
