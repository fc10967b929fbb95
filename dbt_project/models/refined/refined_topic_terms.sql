{{ config(meta={'replaces_periods': true}) }}

{% do replace_changed(changed_term_weeks) %}

with

considered as (
    select
        source,
        post_id,
        author_id,
        text,
        coalesce(language, 'und') as language,
        {{ epiweek_start('posted_date') }} as epiweek_start,
        last_seen_at,
        language_detected_at
    from {{ ref('refined_posts') }}
    where {{ is_replaced('posted_date') }}
),

known as (
    {{ country_shares() }}
),

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
    where {{ is_replaced('posted_date') }}
    union all
    select
        source,
        post_id,
        'url' as term_kind,
        url as term
    from {{ ref('curated_post_urls') }}
    where {{ is_replaced('posted_date') }}
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
    where {{ is_replaced('posted_date') }}
    union all
    select
        source,
        post_id,
        'all' as topic
    from considered
),

-- `home`: the one country in which a post counts more likely than not
topic_posts as (
    select
        considered.source,
        considered.post_id,
        considered.author_id,
        considered.epiweek_start,
        topics.topic,
        get(filter(known.shares, part -> part['share'] > 0.5), 0) as home,
        considered.language as post_language
    from considered
    inner join topics
        on
            considered.source = topics.source
            and considered.post_id = topics.post_id
    left join known
        on
            considered.source = known.source
            and considered.post_id = known.post_id
),

-- each post once in its own cell and once in each sum over places and languages
placed_posts as (
    select
        *,
        explode(array('all', coalesce(home['place_id'], 'unknown'))) as place_id
    from topic_posts
),

cell_posts as (
    select
        *,
        explode(array('all', post_language)) as language
    from placed_posts
),

totals as (
    select
        source,
        epiweek_start,
        topic,
        place_id,
        language,
        count(*) as count_topic_posts,
        max(case when topic = 'all' then count(*) end) over (
            partition by source, epiweek_start, place_id, language
        ) as count_all_posts
    from cell_posts
    group by 1, 2, 3, 4, 5
),

uses as (
    select
        cell_posts.source,
        cell_posts.epiweek_start,
        cell_posts.topic,
        cell_posts.place_id,
        cell_posts.language,
        terms.term_kind,
        terms.term,
        count(*) as count_posts,
        count(distinct cell_posts.author_id) as count_authors,
        max(case when cell_posts.topic = 'all' then count(*) end) over (
            partition by
                cell_posts.source,
                cell_posts.epiweek_start,
                cell_posts.place_id,
                cell_posts.language,
                terms.term_kind,
                terms.term
        ) as count_posts_of_all
    from cell_posts
    inner join terms
        on
            cell_posts.source = terms.source
            and cell_posts.post_id = terms.post_id
    group by 1, 2, 3, 4, 5, 6, 7
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
            and uses.place_id = totals.place_id
            and uses.language = totals.language
    where uses.count_authors > 1
),

-- a word is ranked by what it adds to the Kullback-Leibler divergence of the posts
-- about the topic from all posts: words that every post has say nothing of one
ranked as (
    select
        *,
        cast(row_number() over (
            partition by source, epiweek_start, topic, place_id, language, term_kind
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

placings as (
    select max(placed_at) as placed_at
    from {{ source('enriched', 'post_places') }}
),

seen as (
    select
        source,
        epiweek_start,
        max(last_seen_at) as last_seen_at,
        max(language_detected_at) as language_detected_at
    from considered
    group by 1, 2
)

select
    ranked.source,
    ranked.topic,
    ranked.place_id,
    ranked.language,
    ranked.epiweek_start,
    ranked.term_kind,
    ranked.term,
    ranked.term_rank,
    ranked.count_posts,
    ranked.count_authors,
    ranked.count_topic_posts,
    ranked.lift,
    seen.last_seen_at,
    seen.language_detected_at,
    matches.matched_at,
    placings.placed_at
from ranked
inner join seen
    on
        ranked.source = seen.source
        and ranked.epiweek_start = seen.epiweek_start
cross join matches
cross join placings
where ranked.term_rank <= 20
