{% test expression_is_true(model, expression) %}
    {#- Rows for which a statement about the row does not hold; null is not holding. -#}
    select *
    from {{ model }}
    where not coalesce({{ expression }}, false)
{% endtest %}
