{{ config(
    pre_hook="{{ forget(['source', 'posted_date'], changed_series_days()) }}"
) }}

{{ topic_series('posted_date', 'posted_date') }}
