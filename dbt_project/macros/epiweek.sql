{#
  MMWR weeks, as the CDC's weekly reports number them: from Sunday to Saturday, in the year in which at least four of
  their days lie, which is the year of their Wednesday. Europe's surveillance counts ISO weeks, from Monday; for those
  Spark has `extract(yearofweek …)` and `weekofyear`.
#}

{% macro epiweek_start(date_column) -%}
    {#- The Sunday on which the week of a day begins. -#}
    date_sub({{ date_column }}, dayofweek({{ date_column }}) - 1)
{%- endmacro %}

{% macro epiweek(date_column) -%}
    {#- The week of a day, such as `2020-W53`: the same text order as in time. -#}
    {%- set wednesday -%}
        date_add({{ epiweek_start(date_column) }}, 3)
    {%- endset -%}
    format_string(
        '%d-W%02d',
        year({{ wednesday }}),
        (dayofyear({{ wednesday }}) + 6) div 7
    )
{%- endmacro %}
