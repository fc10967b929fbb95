{#
  A model's check constraints are made with its table, in one commit: dbt-spark would add
  each by a commit of its own after reading the table through, and a build that is killed
  in between would leave a table without them.
#}

{% macro spark__tblproperties_clause() -%}
    {%- set spelt = [] -%}
    {%- for name, value in (config.get('tblproperties') or {}).items() -%}
        {%- do spelt.append("'" ~ name ~ "' = '" ~ value ~ "'") -%}
    {%- endfor -%}
    {%- for constraint in model.constraints if constraint.type == 'check' -%}
        {%- set quoted = constraint.expression | trim | replace("'", "\\'") -%}
        {%- set name = 'delta.constraints.' ~ constraint.name -%}
        {%- do spelt.append("'" ~ name ~ "' = '" ~ quoted ~ "'") -%}
    {%- endfor -%}
    {{ 'tblproperties (' ~ spelt | join(', ') ~ ')' if spelt }}
{%- endmacro %}

{% macro spark__persist_constraints(relation, model) %}
    {#- They were made with the table. -#}
{% endmacro %}
