{% macro forget(keys, changed) %}
    {#-
      Before an incremental model adds what has changed: delete what it holds of it, for
      a merge alone keeps rows that are no longer there. Cut off in between, the next
      build finds the same changes again, as the table has not seen them yet.
    -#}
    {% set matches = [] %}
    {% for key in keys %}
        {% do matches.append('held.' ~ key ~ ' = changed.' ~ key) %}
    {% endfor %}
    {% if is_incremental() %}
        merge into {{ this }} as held
        using ({{ changed }}) as changed
            on {{ matches | join(' and ') }}
        when matched then delete
    {% endif %}
{% endmacro %}
