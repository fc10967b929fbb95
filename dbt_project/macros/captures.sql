{% macro captures() %}
    {#- Every capture of every source, in one shape. A new source is added here. -#}
    {% set source_names = ['twitter', 'reddit', 'bluesky', 'mastodon', 'feeds'] %}
    {% for source_name in source_names %}
        {{ captures_of(source_name) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

{% macro captures_of(source_name) %}
    select {{ post_columns() }}
    from {{ ref('curated_' ~ source_name ~ '_posts') }}
{% endmacro %}
