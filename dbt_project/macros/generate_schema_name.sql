{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- The schema is the layer: `curated`, not `<target>_curated`. -#}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
