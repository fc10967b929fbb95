{{ config(meta={'replaces_periods': true}) }}

{% do replace_changed(changed_series_weeks) %}

{{ topic_series(epiweek_start('posted_date'), 'epiweek_start') }}
