{% test same_sum(model, measure, other, other_measure, per='source') %}
    {#- Parts sum to the whole: per source, or `per`, one measure equals the other. -#}
    with
    here as (
        select
            {{ per }} as part,
            coalesce({{ measure }}, 0) as total
        from {{ model }}
        group by 1
    ),

    there as (
        select
            {{ per }} as part,
            coalesce({{ other_measure }}, 0) as total
        from {{ other }}
        group by 1
    )

    select
        coalesce(here.part, there.part) as part,
        here.total as here_total,
        there.total as there_total
    from here
    full outer join there on here.part = there.part
    where coalesce(here.total, 0) != coalesce(there.total, 0)
{% endtest %}
