with

ledger as (
    select
        *,
        substring_index(topic, '/', 1) as topic_name,
        to_date(hour_at) as posted_date
    from {{ source('ops', 'coverage') }}
),

{% if is_incremental() %}
    -- a row is stamped before it is committed
    new_days as (
        select distinct
            source,
            topic_name,
            posted_date
        from ledger
        where recorded_at > {{ seen_until('recorded_at') }} - interval 1 hour
    ),

    considered as (
        select ledger.*
        from ledger
        inner join new_days
            on
                ledger.source = new_days.source
                and ledger.topic_name = new_days.topic_name
                and ledger.posted_date = new_days.posted_date
    ),
{% else %}
    considered as (
        select * from ledger
    ),
{% endif %}

hours as (
    select
        source,
        topic_name,
        posted_date,
        hour_at,
        coalesce(sum(case when outcome = 'answered' then covered_seconds end), 0)
            as answered_seconds,
        count_if(outcome != 'answered') > 0 as has_failed,
        sum(count_asked) as count_asked,
        sum(count_answered) as count_answered,
        sum(count_captured) as count_captured,
        sum(count_refused) as count_refused,
        max(recorded_at) as recorded_at
    from considered
    group by 1, 2, 3, 4
),

-- as `flows/coverage_ledger.py` names the states; a reconnection takes some seconds
states as (
    select
        *,
        case
            when answered_seconds >= 3540 and count_captured > 0 then 'captured'
            when answered_seconds >= 3540 then 'nobody_posted'
            when has_failed then 'outage'
            else 'partly_covered'
        end as hour_state
    from hours
)

select
    source,
    topic_name as topic,
    posted_date,
    count_if(hour_state = 'captured') as count_hours_captured,
    count_if(hour_state = 'nobody_posted') as count_hours_nobody_posted,
    count_if(hour_state = 'partly_covered') as count_hours_partly_covered,
    count_if(hour_state = 'outage') as count_hours_outage,
    sum(least(answered_seconds, 3600)) / 86400 as covered_share,
    sum(count_asked) as count_asked,
    sum(count_answered) as count_answered,
    sum(count_captured) as count_captured,
    sum(count_refused) as count_refused,
    max(recorded_at) as recorded_at
from states
group by 1, 2, 3
