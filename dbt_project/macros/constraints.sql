{#
  A model's check constraints are made with its table, in one commit: dbt-spark would add each by a commit of its own
  after reading the table through, and a build that is killed in between would leave a table without them.
#}

{% macro spark__tblproperties_clause() -%}
    {%- set properties = dict(config.get('tblproperties') or {}) -%}
    {%- for constraint in model.constraints if constraint.type == 'check' -%}
        {%- do properties.update({'delta.constraints.' ~ constraint.name: constraint.expression}) -%}
    {%- endfor -%}
    {%- if properties %}
        tblproperties (
            {%- for name, value in properties.items() %}
                '{{ name }}' = '{{ value | trim | replace("'", "\\'") }}'
                {{- ',' if not loop.last }}
            {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}

{% macro spark__persist_constraints(relation, model) %}
    {#- They were made with the table. -#}
{% endmacro %}
