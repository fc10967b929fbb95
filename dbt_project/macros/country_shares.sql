{% macro country_shares() %}
    {#-
      In which countries a post counts, in parts of at most one: where its author says to
      be, else where its community is. One row per post of which something is known.
    -#}
    select
        source,
        post_id,
        collect_list(struct(place_id, share)) as shares,
        sum(share) as known_share
    from (
        select
            source,
            post_id,
            country_id as place_id,
            cast(sum(probability) as decimal(9, 4)) as share
        from (
            select
                source,
                post_id,
                origin,
                country_id,
                probability,
                max(origin = 'author') over (
                    partition by source, post_id
                ) as has_author
            from {{ ref('refined_post_places') }}
            where
                origin in ('author', 'community')
                and {{ is_replaced('posted_date') }}
        ) as places
        where origin = case when has_author then 'author' else 'community' end
        group by 1, 2, 3
    ) as countries
    group by 1, 2
{% endmacro %}
