{#
  Stories: near copies of a text, told apart from others by the bands of their fingerprints (`ml/stories.py`). A post
  tells the story of the earliest post that it shares a band with, or the story that that one tells. So the answer does
  not depend on the order in which posts came, and a line of edits does not join what is too unlike to be one story.
#}

{% macro marked_posts() %}
{#- Posts with the latest fingerprint of their present text. -#}
    select
        posts.source,
        posts.post_id,
        posts.posted_date,
        posts.posted_at,
        posts.captured_dates,
        posts.last_seen_at,
        fingerprints.story_bands,
        fingerprints.fingerprinted_at
    from {{ ref('curated_posts') }} as posts
    inner join (
        {{ latest_findings('post_fingerprints', 'fingerprinted_at') | indent(8) }}
    ) as fingerprints
        on
            posts.source = fingerprints.source
            and posts.post_id = fingerprints.post_id
            and posts.text_hash = fingerprints.text_hash
{% endmacro %}

{% macro stories_of_deleted_posts() %}
{#- Stories that a deleted post was one of: what is left of one may be several. -#}
    select distinct held.story_id
    from {{ this }} as held
    inner join ({{ deleted_lately() }}) as deleted
        on
            held.source = deleted.source
            and held.post_id = deleted.post_id
{% endmacro %}

{% macro posts_of_touched_stories() %}
    {#-
      Posts that are not held as they are now, those that share a band with one of them, and all of whose story one of
      these was. Nobody else's earliest post can have become another.
    -#}
    with

    marked as (
        select * from {{ kept('marked') }}
    ),

    held as (
        select * from {{ this }}
    ),

    changed as (
        select marked.*
        from marked
        left anti join held
            on
                marked.source = held.source
                and marked.post_id = held.post_id
                and marked.last_seen_at = held.last_seen_at
                and marked.fingerprinted_at = held.fingerprinted_at
    ),

    bands as (
        select
            source,
            post_id,
            explode_outer(story_bands) as band
        from marked
    ),

    changed_bands as (
        select distinct explode(story_bands) as band
        from changed
    ),

    touched_posts as (
        select
            source,
            post_id
        from changed
        union
        select
            bands.source,
            bands.post_id
        from bands
        left semi join changed_bands
            on bands.band = changed_bands.band
    ),

    touched_stories as (
        select distinct held.story_id
        from held
        left semi join touched_posts
            on
                held.source = touched_posts.source
                and held.post_id = touched_posts.post_id
    )

    select
        source,
        post_id
    from touched_posts
    union
    select
        held.source,
        held.post_id
    from held
    left semi join touched_stories
        on held.story_id = touched_stories.story_id
{% endmacro %}
