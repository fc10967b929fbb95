{% test primary_key(model, columns) %}
{#- One pass for what `unique` and `not_null` on each column of the key would take several for. -#}
select
    {{ columns | join(', ') }},
    count(*) as count_rows
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
