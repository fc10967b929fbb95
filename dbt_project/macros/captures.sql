{% macro captures() -%}
    {#- Every capture of every source, in the shape that all of them share. A new source is added here. -#}
    {%- for source_name in ['twitter'] %}
        
        select
            source,
            post_id,
            record_hash,
            posted_date,
            posted_at,
            is_time_exact,
            text,
            text_hash,
            author_id,
            author_key,
            user_name,
            user_location,
            user_description,
            user_created_at,
            user_followers,
            user_friends,
            user_favourites,
            user_verified,
            hashtags,
            client_name,
            count_retweets,
            count_favorites,
            is_retweet,
            ingested_at
        from {{ ref('curated_' ~ source_name ~ '_posts') }}
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro %}
