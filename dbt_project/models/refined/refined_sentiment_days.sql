{{ config(pre_hook="{{ forget(['source', 'posted_date'], changed_days()) }}") }}

with

posts as (
    select * from {{ ref('refined_posts') }}
),

{% if is_incremental() %}
    new_days as (
        select * from {{ kept('changed') }}
    ),

    considered as (
        select posts.*
        from posts
        inner join new_days
            on
                posts.source = new_days.source
                and posts.posted_date = new_days.posted_date
    ),
{% else %}
    considered as (
        select * from posts
    ),
{% endif %}

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
