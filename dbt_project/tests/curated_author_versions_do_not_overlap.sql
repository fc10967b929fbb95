{{ config(group='curated') }}

-- Each version of an author ends where the next begins, and differs from it.
with

neighbours as (
    select
        *,
        lead(valid_from) over author_history as next_from,
        struct(
            user_name,
            user_location,
            user_description,
            user_followers,
            user_verified
        ) as profile,
        lead(
            struct(
                user_name,
                user_location,
                user_description,
                user_followers,
                user_verified
            )
        ) over author_history as next_profile
    from {{ ref('curated_author_versions') }}
    window
        author_history as (
            partition by source, author_id
            order by valid_from
        )
)

select *
from neighbours
where
    not valid_to <=> next_from
    or profile <=> next_profile
    or is_current != (next_from is null)
