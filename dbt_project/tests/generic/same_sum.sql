{% test same_sum(model, measure, other, other_measure) %}
    {#- The parts sum to the whole: a measure here equals one of another table. -#}
    with
    here as (select coalesce({{ measure }}, 0) as total from {{ model }}),

    there as (select coalesce({{ other_measure }}, 0) as total from {{ other }})

    select
        here.total as here_total,
        there.total as there_total
    from here
    cross join there
    where not here.total <=> there.total
{% endtest %}
