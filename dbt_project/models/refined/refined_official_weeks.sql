with

days as (
    select * from {{ ref('curated_official_counts') }}
),

weeks as (
    select
        dataset,
        place_id,
        case when place_id like '%-%' then 'state' else 'country' end as level,
        measure,
        {{ epiweek('day') }} as epiweek,
        {{ epiweek_start('day') }} as epiweek_start,
        sum(count_new) as count_new,
        count(count_new) as count_days,
        count_if(is_revised_down) as count_negative_days,
        count(count_new) = 7 as is_complete,
        max(last_vintage_at) as last_vintage_at
    from days
    group by 1, 2, 3, 4, 5, 6
)

select * from weeks
{% if is_incremental() %}
    where last_vintage_at > {{ seen_until('last_vintage_at') }}
{% endif %}
