{% macro changed_posts() %}
    {#- Posts with a capture that this table has not seen. -#}
    select
        source,
        post_id
    from {{ ref('curated_posts') }}
    where last_seen_at > {{ seen_until('last_seen_at') }}
{% endmacro %}

{% macro changed_authors() %}
    {#-
      Authors whose posts may have changed: those of every capture of a new post, not of
      the winning one alone. A better copy can give a post to another author.
    -#}
    select distinct
        captures.source,
        captures.author_id
    from {{ ref('curated_twitter_posts') }} as captures
    inner join {{ ref('curated_posts') }} as posts
        on
            captures.source = posts.source
            and captures.post_id = posts.post_id
    where posts.last_seen_at > {{ seen_until('last_seen_at') }}
{% endmacro %}
