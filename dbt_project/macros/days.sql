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

{% macro days_of(columns) %}
    {#- The days of a row, by the columns that it has: an array of strings. -#}
    {% if 'captured_dates' in columns %}
        {% do return("split(captured_dates, ' ')") %}
    {% elif day_column() in columns %}
        {% do return('array(string(' ~ day_column() ~ '))') %}
    {% endif %}
    {% do return('cast(null as array<string>)') %}
{% endmacro %}

{% macro look_at(view, columns) %}
    {#-
      How many rows a view has, and the first and the last of their days: nulls if a row
      has none. A post that moves to another day is looked for on both: `captured_dates`
      holds them.
    -#}
    {% set looked %}
        select
            count(*) as count_rows,
            case when count(first_day) = count(*) then min(first_day) end as first_day,
            case when count(first_day) = count(*) then max(last_day) end as last_day
        from (
            select
                array_min({{ days_of(columns) }}) as first_day,
                array_max({{ days_of(columns) }}) as last_day
            from {{ view }}
        ) as spans
    {% endset %}
    {% do return(run_query(looked).rows[0]) %}
{% endmacro %}

{% macro matches(keys, found) %}
    {#- What of a table, `held`, is meant by the rows of a view, `new`. -#}
    {% set conditions = [] %}
    {% if day_column() and found['first_day'] %}
        {% set bounds = "date '" ~ found['first_day'] ~ "' and date '" %}
        {% set bounds = bounds ~ found['last_day'] ~ "'" %}
        {% do conditions.append('held.' ~ day_column() ~ ' between ' ~ bounds) %}
    {% endif %}
    {% for key in keys %}
        {% do conditions.append('held.' ~ key ~ ' = new.' ~ key) %}
    {% endfor %}
    {% do return(conditions | join(' and ')) %}
{% endmacro %}

{% macro spark__get_merge_sql(
    target, source, unique_key, dest_columns, incremental_predicates
) %}
    {% if (config.get('meta') or {}).get('replaces_periods') %}
        {{ replace_periods(target, source) }}
    {% else %}
        {{ merge_rows(target, source, unique_key) }}
    {% endif %}
{% endmacro %}

{% macro merge_rows(target, source, unique_key) %}
    {% do run_query('cache lazy table ' ~ source) %}
    {% set found = look_at(source, model.columns) %}
    {% if found['count_rows'] %}
        merge into {{ target }} as held
        using {{ source }} as new
            on {{ matches(unique_key, found) }}
        when matched then update set *
        when not matched then insert *
    {% else %}
        select 'nothing to merge' as outcome
    {% endif %}
{% endmacro %}

{% macro replace_periods(target, source) %}
    {#- What is held of a period goes and what is found comes in one commit. -#}
    {% if replaced() %}
        {% set columns = adapter.get_columns_in_relation(target) %}
        insert into {{ target }}
        replace where {{ is_replaced(day_column()) }}
        select {{ columns | map(attribute='name') | join(', ') }} from {{ source }}
    {% else %}
        select 'nothing to replace' as outcome
    {% endif %}
{% endmacro %}

{% macro replace_changed(changed) %}
    {#-
      First in a model that makes whole days or weeks of a source anew
      (`replaces_periods`): which, by a macro. They stand in its SQL as literals, so that
      files of other days are left out whether they are read or replaced. They are looked
      up once, whatever is written meanwhile: what is replaced is what was made anew.
    -#}
    {% if not execute %}
        {#- dbt learns here what the macro reads -#}
        {% do changed() %}
    {% elif is_incremental() %}
        {% set looked %}
            select distinct
                source,
                string({{ day_column() }}) as period
            from ({{ changed() }}) as changed
            order by 1, 2
        {% endset %}
        {% set found = ["('', '')"] %}
        {% for row in run_query(looked).rows %}
            {% do found.append("('" ~ row['source'] ~ "', '" ~ row['period'] ~ "')") %}
        {% endfor %}
        {% set rows = ' as select * from values ' ~ found | join(', ') %}
        {% set view = 'create or replace temporary view ' ~ kept('periods') %}
        {% do run_query(view ~ rows ~ ' as rows (source, period)') %}
    {% endif %}
{% endmacro %}

{% macro replaced() %}
    {#- The periods of each source, as text: for the model and for its merge. -#}
    {% if execute and is_incremental() and 'replaced' not in model %}
        {% set found = {} %}
        {% set looked = 'select * from ' ~ kept('periods') ~ " where source != ''" %}
        {% for row in run_query(looked).rows %}
            {% do found.setdefault(row['source'], []).append(row['period'] | string) %}
        {% endfor %}
        {% do model.update({'replaced': found}) %}
    {% endif %}
    {% do return(model.get('replaced', {})) %}
{% endmacro %}

{% macro is_replaced(column) -%}
    {#-
      Whether a row is of what is made anew, which is everything at first. `column` holds
      days, or what the model's periods are called; a day of a week is one of its seven.
    -#}
    {%- set conditions = [] -%}
    {%- set by_week = day_column() == 'epiweek_start' and column != 'epiweek_start' -%}
    {%- for source_name, periods in replaced().items() -%}
        {%- set days = [] -%}
        {%- for period in periods -%}
            {%- set first = modules.datetime.date.fromisoformat(period) -%}
            {%- for later in range(7 if by_week else 1) -%}
                {%- set day = first + modules.datetime.timedelta(days=later) -%}
                {%- do days.append("date '" ~ day ~ "'") -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- set of_source = "source = '" ~ source_name ~ "' and " ~ column -%}
        {%- do conditions.append(of_source ~ ' in (' ~ days | join(', ') ~ ')') -%}
    {%- endfor -%}
    {#- `where (false)` would be a table's alias and its only column -#}
    {%- set of_some = conditions | join(' or ') -%}
    {%- set of_some = '(' ~ of_some ~ ')' if of_some else 'false' -%}
    {{ of_some if is_incremental() else 'true' }}
{%- endmacro %}

{% macro forget(keys, changed) %}
    {#-
      Before an incremental model merges what has changed: delete what it holds of it, for
      a merge alone keeps rows that are no longer there. Cut off in between, the next
      build finds the same changes again, as the table has not seen them yet.
    -#}
    {% if is_incremental() %}
        {% do keep('changed', changed) %}
        {% set dated = ['captured_dates'] if 'post_id' in keys else [] %}
        {% set found = look_at(kept('changed'), keys + dated) %}
        {% if found['count_rows'] %}
            merge into {{ this }} as held
            using {{ kept('changed') }} as new
                on {{ matches(keys, found) }}
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
        {% do run_query('cache lazy table ' ~ kept(name)) %}
    {% endif %}
{% endmacro %}

{% macro let_go() %}
    {#- After each model: what was kept in memory for it is no longer needed. -#}
    {% if is_incremental() %}
        {% for name in ['changed', 'touched', 'marked', 'tmp'] %}
            {% do run_query('uncache table if exists ' ~ kept(name)) %}
        {% endfor %}
    {% endif %}
{% endmacro %}
