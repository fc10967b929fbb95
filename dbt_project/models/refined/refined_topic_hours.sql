{{ config(meta={'replaces_periods': true}) }}

{% do replace_changed(changed_series_days) %}

{{ topic_series("date_trunc('hour', posted_at)", 'posted_hour', 'posted_date') }}
