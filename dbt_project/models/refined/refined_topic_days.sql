{{ config(meta={'replaces_periods': true}) }}

{% do replace_changed(changed_series_days) %}

{{ topic_series('posted_date', 'posted_date') }}
