{{ config(
    pre_hook="{{ forget(['source', 'posted_date'], changed_series_days()) }}"
) }}

{{ topic_series("date_trunc('hour', posted_at)", 'posted_hour', 'posted_date') }}
