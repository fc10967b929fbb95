{{ config(group='curated') }}

-- An author has one current version, and it says what `curated_authors` says.
with

current_versions as (
    select * from {{ ref('curated_author_versions') }}
    where is_current
),

authors as (
    select * from {{ ref('curated_authors') }}
    where author_id != 'unknown'
)

select
    coalesce(authors.source, current_versions.source) as source,
    coalesce(authors.author_id, current_versions.author_id) as author_id,
    count(*) as count_rows
from authors
full outer join current_versions
    on
        authors.source = current_versions.source
        and authors.author_id = current_versions.author_id
group by 1, 2
having
    count(*) != 1
    or not bool_and(
        authors.user_name <=> current_versions.user_name
        and authors.user_location <=> current_versions.user_location
        and authors.user_description <=> current_versions.user_description
        and authors.user_followers <=> current_versions.user_followers
        and authors.user_verified <=> current_versions.user_verified
        and authors.author_id <=> current_versions.author_id
    )
