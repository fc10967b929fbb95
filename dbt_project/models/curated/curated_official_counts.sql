with

counts as (
    select * from {{ source('raw', 'official_counts') }}
    where place_id is not null
),

{% if is_incremental() %}
    -- the whole series: what a day added may be told by the day before it
    new_series as (
        select distinct
            dataset,
            place_id,
            measure
        from counts
        where vintage_at > {{ seen_until('last_vintage_at') }}
    ),

    considered as (
        select counts.*
        from counts
        inner join new_series
            on
                counts.dataset = new_series.dataset
                and counts.place_id = new_series.place_id
                and counts.measure = new_series.measure
    ),
{% else %}
    considered as (
        select * from counts
    ),
{% endif %}

ranked as (
    select
        *,
        row_number() over (
            partition by dataset, place_id, measure, day
            order by
                vintage_date desc, vintage_at desc, vintage_id desc, record_number desc
        ) as vintage_rank,
        size(
            collect_set(vintage_id) over (partition by dataset, place_id, measure, day)
        ) as count_vintages,
        max(vintage_at) over (partition by dataset, place_id, measure)
            as last_vintage_at
    from considered
),

latest as (
    select
        *,
        last_value(count_cumulative, true) over (
            partition by dataset, place_id, measure
            order by day
            rows between unbounded preceding and 1 preceding
        ) as previous_cumulative
    from ranked
    where vintage_rank = 1
),

counted as (
    select
        *,
        case
            -- a data set writes 0 where it was told nothing
            when count_new = 0 and count_cumulative is null then null
            when count_new is not null then count_new
            else count_cumulative - previous_cumulative
        end as day_count
    from latest
)

select
    dataset,
    place_id,
    place,
    day,
    measure,
    count_cumulative,
    day_count as count_new,
    count_new is null and day_count is not null as is_derived,
    coalesce(day_count < 0, false) as is_revised_down,
    cast(count_vintages as bigint) as count_vintages,
    vintage_id,
    vintage_date,
    last_vintage_at
from counted
