{% macro latest_findings(table, found_at, among='') -%}
    {#- Of each post what was found last, by whatever method; of all, or of some. -#}
    select findings.*
    from {{ source('enriched', table) }} as findings
    {% if among %}
        left semi join {{ among }} as among
            on
                findings.source = among.source
                and findings.post_id = among.post_id
    {% endif %}
    qualify
        row_number() over (
            partition by findings.source, findings.post_id
            order by findings.{{ found_at }} desc, findings.method asc, findings.method_version desc
        ) = 1
{%- endmacro %}
