{#
  Up to when a table has taken in its input: rows beyond it are new. The times are looked up once a model and stand in
  its SQL as literals; as subqueries they were most of what a build with one new post cost.
#}

{% macro input_times() %}
    {#- The columns of a model's table that say when its input was written. -#}
    {% set names = [
        'ingested_at', 'last_seen_at', 'last_noticed_at', 'language_detected_at',
        'sentiment_scored_at', 'matched_at', 'placed_at', 'clustered_at',
        'recorded_at', 'vintage_at', 'last_vintage_at'
    ] %}
    {% do return(names | select('in', model.columns) | list) %}
{% endmacro %}

{% macro seen_times() %}
    {#-
      The latest times of its input that this table holds, a row for each source. Kept
      with the model, which dbt hands to its hooks and its SQL anew.
    -#}
    {% if execute and is_incremental() and 'seen_times' not in model %}
        {% set latest = ['source' if 'source' in model.columns else "'' as source"] %}
        {% for name in input_times() %}
            {% do latest.append('unix_micros(max(' ~ name ~ ')) as ' ~ name) %}
        {% endfor %}
        {% set held = 'select ' ~ latest | join(', ') ~ ' from ' ~ this %}
        {% do model.update({'seen_times': run_query(held ~ ' group by 1').rows}) %}
    {% endif %}
    {% do return(model.get('seen_times', [])) %}
{% endmacro %}

{% macro seen_until(column) -%}
    {#- For input that is one table. -#}
    {%- set micros = seen_times() | map(attribute=column) | select | list -%}
    timestamp_micros({{ micros | max | int if micros else 0 }})
{%- endmacro %}

{% macro seen_of_source(column) -%}
    {#-
      The same for each row's own source. Times only grow within a source: of two that
      are ingested at once, the later time may be seen first, and so may a source that
      was built alone.
    -#}
    {%- set bounds = [] -%}
    {%- for row in seen_times() if row[column] -%}
        {%- set seen_at = 'timestamp_micros(' ~ row[column] | int ~ ')' -%}
        {%- do bounds.append("when '" ~ row['source'] ~ "' then " ~ seen_at) -%}
    {%- endfor -%}
    {%- set never = 'timestamp_micros(0)' -%}
    {%- set cases = 'case source ' ~ bounds | join(' ') ~ ' else ' ~ never ~ ' end' -%}
    {{ cases if bounds else never }}
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
