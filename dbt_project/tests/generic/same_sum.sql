{% test same_sum(model, measure, other, other_measure) %}
    {#- The parts sum to the whole: a measure here equals one of another table. -#}
    with
    here as (select {{ measure }} as total from {{ model }}),

    there as (select {{ other_measure }} as total from {{ other }})

    select
        here.total as here_total,
        there.total as there_total
    from here
    cross join there
    where not here.total <=> there.total
{% endtest %}
