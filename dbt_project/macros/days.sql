{#
  A merge reads the days that it may touch and no others: history grows, a day does not. What is merged or deleted is
  computed once and kept in memory: first for the days that it spans, which stand in the merge's condition as literals
  and so leave out every file of other days, then for the merge itself. Nothing to merge is not merged.
#}

{% macro day_column() %}
    {#-
      The column by which a model's table is clustered and its merges are limited; none
      where there are no days.
    -#}
    {% set names = ['posted_date', 'day', 'epiweek_start'] %}
    {% set found = names | select('in', model.columns) %}
    {% do return(found | first) %}
{% endmacro %}

{% macro spark__clustered_cols(label, required=false) %}
    {%- set day = day_column() -%}
    {{ 'cluster by (' ~ day ~ ')' if day }}
{%- endmacro %}

{% macro look_at(view, days) %}
    {#-
      How many rows a view has and, by `days`, an array of days per row, the first and the last of them: nulls if a row
      has none. A post that moves to another day is looked for on both: `captured_dates` holds them.
    -#}
    {% set looked %}
        select
            count(*) as count_rows,
            case when count(first_day) = count(*) then min(first_day) end as first_day,
            case when count(first_day) = count(*) then max(last_day) end as last_day
        from (
            select
                array_min({{ days or 'cast(null as array<string>)' }}) as first_day,
                array_max({{ days or 'cast(null as array<string>)' }}) as last_day
            from {{ view }}
        ) as spans
    {% endset %}
    {% do return(run_query(looked).rows[0]) %}
{% endmacro %}

{% macro days_between(alias, found) %}
    {#- The condition that limits a table to the days that were found, if any. -#}
    {% if day_column() and found['first_day'] %}
        {% set first = "date '" ~ found['first_day'] ~ "'" %}
        {% set bounds = first ~ " and date '" ~ found['last_day'] ~ "'" %}
        {% do return([alias ~ '.' ~ day_column() ~ ' between ' ~ bounds]) %}
    {% endif %}
    {% do return([]) %}
{% endmacro %}

{% macro days_of(columns) %}
    {#- The days of a row, by the columns that it has: an array of strings. -#}
    {% if 'captured_dates' in columns %}
        {% do return("split(captured_dates, ' ')") %}
    {% elif day_column() in columns %}
        {% do return('array(string(' ~ day_column() ~ '))') %}
    {% endif %}
    {% do return('') %}
{% endmacro %}

{% macro spark__get_merge_sql(
    target, source, unique_key, dest_columns, incremental_predicates
) %}
    {%- do run_query('cache table ' ~ source) -%}
    {%- set found = look_at(source, days_of(model.columns)) -%}
    {%- if found['count_rows'] -%}
        {%- set days = days_between('DBT_INTERNAL_DEST', found) -%}
        {{ dbt_spark.spark__get_merge_sql(target, source, unique_key, dest_columns, days) }}
    {%- else -%}
        select 'nothing to merge' as outcome
    {%- endif -%}
{% endmacro %}

{% macro forget(keys, changed) %}
    {#-
      Before an incremental model adds what has changed: delete what it holds of it, for
      a merge alone keeps rows that are no longer there. Cut off in between, the next
      build finds the same changes again, as the table has not seen them yet.
    -#}
    {% if is_incremental() %}
        {% do keep('changed', changed) %}
        {% set view = kept('changed') %}
        {% set columns = keys + (['captured_dates'] if 'post_id' in keys else []) %}
        {% set found = look_at(view, days_of(columns)) %}
        {% set matches = days_between('held', found) %}
        {% for key in keys %}
            {% do matches.append('held.' ~ key ~ ' = changed.' ~ key) %}
        {% endfor %}
        {% if found['count_rows'] %}
            merge into {{ this }} as held
            using {{ view }} as changed
                on {{ matches | join(' and ') }}
            when matched then delete
        {% endif %}
    {% endif %}
{% endmacro %}

{% macro kept(name) -%}
    {{ this.identifier ~ '__dbt_' ~ name }}
{%- endmacro %}

{% macro keep(name, rows) %}
    {#- Before an incremental model: keep rows that it reads more than once. -#}
    {% if is_incremental() %}
        {% set view = 'create or replace temporary view ' ~ kept(name) %}
        {% do run_query(view ~ ' as ' ~ rows) %}
        {% do run_query('cache table ' ~ kept(name)) %}
    {% endif %}
{% endmacro %}

{% macro let_go() %}
    {#- After each model: what was kept in memory for it is no longer needed. -#}
    {% if is_incremental() %}
        {% for name in ['changed', 'touched', 'tmp'] %}
            {% do run_query('uncache table if exists ' ~ kept(name)) %}
        {% endfor %}
    {% endif %}
{% endmacro %}
