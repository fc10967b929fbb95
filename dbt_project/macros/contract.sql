{#
  A model's check constraints are made with its table, in one commit: dbt-spark would add
  each by a commit of its own after reading the table through, and a build that is killed
  in between would leave a table without them.

  Delta's log holds the least and greatest values of those columns alone by which files are
  left out. By default it holds them of 32 columns, and what a person wrote would stand in
  a log that outlives the rows.
#}

{% macro spark__tblproperties_clause() -%}
    {%- set spelt = [] -%}
    {%- for name, value in (config.get('tblproperties') or {}).items() -%}
        {%- do spelt.append("'" ~ name ~ "' = '" ~ value ~ "'") -%}
    {%- endfor -%}
    {%- set filtered = ([day_column()] | select | list) + input_times() -%}
    {%- if filtered -%}
        {%- set names = filtered | join(',') -%}
        {%- do spelt.append("'delta.dataSkippingStatsColumns' = '" ~ names ~ "'") -%}
    {%- else -%}
        {%- do spelt.append("'delta.dataSkippingNumIndexedCols' = '0'") -%}
    {%- endif -%}
    {%- for constraint in model.constraints if constraint.type == 'check' -%}
        {%- set quoted = constraint.expression | trim | replace("'", "\\'") -%}
        {%- set name = 'delta.constraints.' ~ constraint.name -%}
        {%- do spelt.append("'" ~ name ~ "' = '" ~ quoted ~ "'") -%}
    {%- endfor -%}
    tblproperties ({{ spelt | join(', ') }})
{%- endmacro %}

{% macro spark__persist_constraints(relation, model) %}
    {#- They were made with the table. -#}
{% endmacro %}

{#
  dbt holds a model to its contract when it makes the table; here also when it merges into
  it, with the same words. Unit tests have no contract.
#}
{% macro spark__create_temporary_view(relation, compiled_code) -%}
    {%- set contract = config.get('contract') -%}
    {%- if contract and contract.enforced -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
    {%- endif -%}
    create or replace temporary view {{ relation }} as
    {{ compiled_code }}
{%- endmacro %}
