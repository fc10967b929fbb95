{#
  The one shape of a post, whatever its source. A source's model brings what the source
  says into its own step `typed`, and ends with `post_shape`; all that reads captures
  reads `post_columns`.
#}

{% macro post_columns(spelt={}) %}
    {#- The columns of the shape in order; some by the expression that makes them. -#}
    {%- for name in post_types() %}
        {{ spelt[name] ~ ' as ' ~ name if name in spelt else name }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{% macro post_shape(absent) %}
    {#- What a source's model selects last: null where the source says nothing. -#}
    {%- set spelt = {'text_hash': 'sha2(text, 256)'} -%}
    {%- for name in absent %}
        {%- set null_of_its_type = 'cast(null as ' ~ post_types()[name] ~ ')' -%}
        {%- do spelt.update({name: null_of_its_type}) -%}
    {%- endfor %}
    {{- post_columns(spelt) }}
{% endmacro %}

{% macro post_types() %}
    {%- do return({
        'source': 'string',
        'post_id': 'string',
        'notice_id': 'string',
        'record_hash': 'string',
        'posted_date': 'date',
        'posted_at': 'timestamp',
        'is_time_exact': 'boolean',
        'text': 'string',
        'text_hash': 'string',
        'language_tag': 'string',
        'author_id': 'string',
        'author_key': 'string',
        'user_name': 'string',
        'user_location': 'string',
        'user_description': 'string',
        'user_created_at': 'timestamp',
        'user_followers': 'bigint',
        'user_friends': 'bigint',
        'user_favourites': 'bigint',
        'user_verified': 'boolean',
        'hashtags': 'string',
        'mentions': 'string',
        'urls': 'string',
        'client_name': 'string',
        'count_retweets': 'bigint',
        'count_favorites': 'bigint',
        'is_retweet': 'boolean',
        'repeats_post_id': 'string',
        'quotes_post_id': 'string',
        'answers_post_id': 'string',
        'conversation_id': 'string',
        'community': 'string',
        'batch_id': 'string',
        'ingested_at': 'timestamp',
    }) -%}
{% endmacro %}
