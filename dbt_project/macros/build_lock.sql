{#
  One dbt build at a time writes to a lake, whoever started it: a flow or a plain `dbt build` beside it (ADR 2).

  The lock is a Derby database that is booted but holds nothing: Derby lets one JVM at a time boot a database, by a
  lock that the operating system drops when the JVM dies, and Spark brings Derby along. `try_reflect` gives null where
  Java raises: another JVM holds the database, or, on shutdown, the shutdown itself, which Derby reports as an error.
  A flow takes the lock before it calls dbt and lets it go when it has noted what was built; it then names its turn in
  the environment.
#}

{% macro is_turn_to_take() %}
    {% set is_held = env_var('EPILAKE_BUILD_TURN', '') %}
    {% do return(execute and target.name == 'local' and not is_held) %}
{% endmacro %}

{% macro build_lock(action) -%}
    try_reflect(
        'java.sql.DriverManager',
        'getConnection',
        'jdbc:derby:{{ lake_folder() }}/../locks/dbt_build{{ action }}'
    )
{%- endmacro %}

{% macro take_build_lock() %}
    {% if is_turn_to_take() %}
        {# It is made only if it cannot be opened: a flow has made it whole before. #}
        {% set opened, made = build_lock(''), build_lock(';create=true') %}
        {% set take = 'select coalesce(' ~ opened ~ ', ' ~ made ~ ') as held' %}
        {% set lock = namespace(held=none) %}
        {% for second in range(var('build_lock_seconds')) if not lock.held %}
            {% set lock.held = run_query(take).columns[0].values()[0] %}
            {% if not lock.held %}
                {% if loop.first %}
                    {% set notice = 'Another build of this lake runs: waiting.' %}
                    {% do log(notice, info=true) %}
                {% endif %}
                {% do run_query("select reflect('java.lang.Thread', 'sleep', 1000L)") %}
            {% endif %}
        {% endfor %}
        {% if not lock.held %}
            {{ exceptions.raise_compiler_error(
                'Another build has held this lake for ' ~ var('build_lock_seconds')
                ~ ' seconds: wait for it, end it, or raise the variable build_lock_seconds.'
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}

{% macro release_build_lock() %}
    {% if is_turn_to_take() %}
        {% do run_query('select ' ~ build_lock(';shutdown=true')) %}
    {% endif %}
{% endmacro %}
