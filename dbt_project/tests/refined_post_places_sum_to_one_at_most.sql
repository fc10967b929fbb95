-- The candidates of one origin share a probability of at most 1.
select
    source,
    post_id,
    origin,
    sum(probability) as total
from {{ ref('refined_post_places') }}
group by 1, 2, 3
having sum(probability) > 1 + 1e-9
