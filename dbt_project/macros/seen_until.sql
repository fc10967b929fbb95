{% macro seen_until(column) -%}
    {#- Up to when this table has taken in its input: rows beyond it are new. -#}
    (select coalesce(max({{ column }}), timestamp '1970-01-01') from {{ this }})
{%- endmacro %}

{% macro is_new_to_this() -%}
    {#-
      Posts arrive and are scored at times of their own: each time only grows among the rows that carry it, so each is
      compared with its own maximum.
    -#}
    (
        last_seen_at > {{ seen_until('last_seen_at') }}
        or sentiment_scored_at > {{ seen_until('sentiment_scored_at') }}
    )
{%- endmacro %}
