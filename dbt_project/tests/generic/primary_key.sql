{% test primary_key(model, columns) %}
    {#- One pass for what `unique` and `not_null` on each column would take several. -#}
    select
        {{ columns | join(', ') }},
        count(*) as count_rows
    from {{ model }}
    group by {{ columns | join(', ') }}
    having {{ columns | join(' is null or ') }} is null or count(*) > 1
{% endtest %}
