{{ config(
    pre_hook="{{ forget(['source', 'epiweek_start'], changed_term_weeks()) }}"
) }}

with

posts as (
    select
        source,
        post_id,
        author_id,
        text,
        {{ epiweek_start('posted_date') }} as epiweek_start,
        last_seen_at
    from {{ ref('refined_posts') }}
),

{% if is_incremental() %}
    new_weeks as (
        select * from {{ kept('changed') }}
    ),

    considered as (
        select posts.*
        from posts
        inner join new_weeks
            on
                posts.source = new_weeks.source
                and posts.epiweek_start = new_weeks.epiweek_start
    ),
{% else %}
    considered as (
        select * from posts
    ),
{% endif %}

words as (
    select
        source,
        post_id,
        explode(array_distinct(split(
            lower(regexp_replace(text, '(?i)(https?://|[@#])\\S+', ' ')),
            '[^\\p{L}\\p{M}]+'
        ))) as word
    from considered
),

terms as (
    select
        source,
        post_id,
        'hashtag' as term_kind,
        hashtag as term
    from {{ ref('curated_post_hashtags') }}
    union all
    select
        source,
        post_id,
        'url' as term_kind,
        url as term
    from {{ ref('curated_post_urls') }}
    union all
    select
        source,
        post_id,
        'word' as term_kind,
        word as term
    from words
    where length(word) between 3 and 30
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

topic_posts as (
    select
        considered.*,
        topics.topic
    from considered
    inner join topics
        on
            considered.source = topics.source
            and considered.post_id = topics.post_id
),

totals as (
    select
        source,
        epiweek_start,
        topic,
        count(*) as count_topic_posts,
        max(case when topic = 'all' then count(*) end) over (
            partition by source, epiweek_start
        ) as count_all_posts
    from topic_posts
    group by 1, 2, 3
),

uses as (
    select
        topic_posts.source,
        topic_posts.epiweek_start,
        topic_posts.topic,
        terms.term_kind,
        terms.term,
        count(*) as count_posts,
        count(distinct topic_posts.author_id) as count_authors,
        max(case when topic_posts.topic = 'all' then count(*) end) over (
            partition by
                topic_posts.source,
                topic_posts.epiweek_start,
                terms.term_kind,
                terms.term
        ) as count_posts_of_all
    from topic_posts
    inner join terms
        on
            topic_posts.source = terms.source
            and topic_posts.post_id = terms.post_id
    group by 1, 2, 3, 4, 5
),

measured as (
    select
        uses.*,
        totals.count_topic_posts,
        uses.count_posts / totals.count_topic_posts
        / (uses.count_posts_of_all / totals.count_all_posts) as lift
    from uses
    inner join totals
        on
            uses.source = totals.source
            and uses.epiweek_start = totals.epiweek_start
            and uses.topic = totals.topic
    where uses.count_authors > 1
),

-- a word is ranked by what it adds to the Kullback-Leibler divergence of the posts
-- about the topic from all posts: words that every post has say nothing of one
ranked as (
    select
        *,
        cast(row_number() over (
            partition by source, epiweek_start, topic, term_kind
            order by
                case
                    when term_kind = 'word' then count_posts * ln(lift)
                    else count_authors
                end desc,
                count_posts desc,
                term asc
        ) as int) as term_rank
    from measured
    where term_kind != 'word' or lift > 1
),

matches as (
    select max(matched_at) as matched_at
    from {{ source('enriched', 'post_topics') }}
),

seen as (
    select
        source,
        epiweek_start,
        max(last_seen_at) as last_seen_at
    from considered
    group by 1, 2
)

select
    ranked.source,
    ranked.topic,
    ranked.epiweek_start,
    ranked.term_kind,
    ranked.term,
    ranked.term_rank,
    ranked.count_posts,
    ranked.count_authors,
    ranked.count_topic_posts,
    ranked.lift,
    seen.last_seen_at,
    matches.matched_at
from ranked
inner join seen
    on
        ranked.source = seen.source
        and ranked.epiweek_start = seen.epiweek_start
cross join matches
where ranked.term_rank <= 20
