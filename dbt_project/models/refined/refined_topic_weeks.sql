{{ config(
    pre_hook="{{ forget(['source', 'epiweek_start'], changed_series_weeks()) }}"
) }}

{{ topic_series(epiweek_start('posted_date'), 'epiweek_start') }}
