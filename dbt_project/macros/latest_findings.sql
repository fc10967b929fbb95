{% macro latest_findings(table, found_at) -%}
    {#- Of each post what was found last, by whatever method. -#}
    select *
    from {{ source('enriched', table) }}
    qualify
        row_number() over (
            partition by source, post_id
            order by {{ found_at }} desc, method asc, method_version desc
        ) = 1
{%- endmacro %}
