{% macro seen_until(column) -%}
    {#- Up to when this table has taken in its input: rows beyond it are new. -#}
    (select coalesce(max({{ column }}), timestamp '1970-01-01') from {{ this }})
{%- endmacro %}

{% macro is_new_to_this(times=['last_seen_at', 'sentiment_scored_at']) -%}
    {#-
      Posts arrive and are looked at at times of their own: each time only grows among the rows that carry it, so each
      is compared with its own maximum.
    -#}
    {%- set tests = [] -%}
    {%- for time in times -%}
        {%- do tests.append(time ~ ' > ' ~ seen_until(time)) -%}
    {%- endfor -%}
    ({{ tests | join(' or ') }})
{%- endmacro %}
