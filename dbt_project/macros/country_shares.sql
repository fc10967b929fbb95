{% macro country_shares(posts) %}
    {#-
      In which countries each of some posts counts, in parts of at most one: where its
      author says to be, else where its community is.
    -#}
    select
        source,
        post_id,
        country_id as place_id,
        cast(sum(probability) as decimal(9, 4)) as share
    from (
        select
            places.*,
            max(places.origin = 'author') over (
                partition by places.source, places.post_id
            ) as has_author
        from {{ ref('refined_post_places') }} as places
        left semi join {{ posts }} as posts
            on
                places.source = posts.source
                and places.post_id = posts.post_id
        where places.origin in ('author', 'community')
    ) as places
    where origin = case when has_author then 'author' else 'community' end
    group by 1, 2, 3
{% endmacro %}
