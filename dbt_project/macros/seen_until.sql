{% macro seen_until(column) -%}
    {#-
      Up to when this table has taken in its input, which is one table: rows beyond it
      are new.
    -#}
    (select coalesce(max({{ column }}), timestamp '1970-01-01') from {{ this }})
{%- endmacro %}

{% macro seen_of_source(column) -%}
    {#-
      The same for each row's own source. Times only grow within a source: of two that
      are ingested at once, the later time may be seen first, and so may a source that
      was built alone.
    -#}
    coalesce(
        element_at(
            (
                select map_from_entries(collect_list(struct(source, seen_at)))
                from (
                    select
                        source,
                        max({{ column }}) as seen_at
                    from {{ this }}
                    where {{ column }} is not null
                    group by 1
                ) as seen
            ),
            source
        ),
        timestamp '1970-01-01'
    )
{%- endmacro %}

{% macro is_new_to_this(times=['last_seen_at', 'sentiment_scored_at']) -%}
    {#-
      Posts arrive and are looked at at times of their own: each time only grows among the rows that carry it, so each
      is compared with its own maximum.
    -#}
    {%- set tests = [] -%}
    {%- for time in times -%}
        {%- do tests.append(time ~ ' > ' ~ seen_of_source(time)) -%}
    {%- endfor -%}
    ({{ tests | join(' or ') }})
{%- endmacro %}
