{{ config(
    pre_hook=[
        "{{ forget(['source', 'post_id'], deleted_lately()) }}",
        "{{ keep('touched', posts_with_news()) }}"
    ]
) }}

{% set touched = kept('touched') if is_incremental() else '' %}

with

posts as (
    {{ posts_among(touched) | indent(4) }}
),

latest_scores as (
    {{ latest_findings('post_sentiment', 'scored_at', touched) | indent(4) }}
),

latest_verdicts as (
    {{ latest_findings('post_languages', 'detected_at', touched) | indent(4) }}
),

joined as (
    select
        posts.source,
        posts.post_id,
        posts.posted_date,
        posts.posted_at,
        posts.text,
        posts.author_id,
        posts.user_name,
        posts.user_location,
        posts.user_created_at,
        posts.user_followers,
        posts.user_friends,
        posts.user_favourites,
        posts.user_verified,
        posts.hashtags,
        posts.client_name,
        posts.count_retweets,
        posts.count_favorites,
        posts.is_retweet,
        latest_verdicts.language,
        latest_verdicts.language_score,
        latest_scores.method as sentiment_method,
        latest_scores.method_version as sentiment_method_version,
        latest_scores.negative_sentiment,
        latest_scores.neutral_sentiment,
        latest_scores.positive_sentiment,
        latest_scores.compound_sentiment,
        posts.captured_dates,
        posts.last_seen_at,
        latest_verdicts.detected_at as language_detected_at,
        latest_scores.scored_at as sentiment_scored_at
    from posts
    left join latest_verdicts
        on
            posts.source = latest_verdicts.source
            and posts.post_id = latest_verdicts.post_id
            and posts.text_hash = latest_verdicts.text_hash
    left join latest_scores
        on
            posts.source = latest_scores.source
            and posts.post_id = latest_scores.post_id
            and posts.text_hash = latest_scores.text_hash
)

select * from joined
