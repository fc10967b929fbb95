{#
  The lake's folder is the truth; a local session's catalog lives in memory and is filled from it (ADR 2). A flow has
  attached the tables before it calls dbt; a plain `dbt build`, `dbt test` or `dbt docs generate` does so here.
#}

{% macro lake_folder() -%}
    {{ env_var('EPILAKE_HOME', '../.epilake') }}/lake
{%- endmacro %}

{% macro attached_tables() %}
    {#- What the catalog knows: a flow's session does before it calls dbt. -#}
    {% set names = [] %}
    {% for schema in run_query('show databases').columns[0].values() %}
        {% for table in run_query('show tables in ' ~ schema).columns[1].values() %}
            {% do names.append(schema ~ '.' ~ table) %}
        {% endfor %}
    {% endfor %}
    {% do return(names) %}
{% endmacro %}

{% macro attach_lake(schema='*') %}
    {% if execute and target.name == 'local' %}
        {% set logs %}
            select distinct
                regexp_extract(path, '^(.*)/_delta_log/', 1) as location,
                regexp_extract(path, '/([^/]+)/[^/]+/_delta_log/', 1) as schema_name,
                regexp_extract(path, '/([^/]+)/_delta_log/', 1) as table_name
            from binaryfile.`{{ lake_folder() }}/*/*/_delta_log/*.json`
        {% endset %}
        {% set attached = attached_tables() %}
        {% for row in run_query(logs).rows if schema in ('*', row['schema_name']) %}
            {% set name = row['schema_name'] ~ '.' ~ row['table_name'] %}
            {% set place = " using delta location '" ~ row['location'] ~ "'" %}
            {% if name not in attached %}
                {% do run_query('create schema if not exists ' ~ row['schema_name']) %}
                {% do run_query('create table if not exists ' ~ name ~ place) %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{#
  dbt lists the tables it will write before any hook runs, and `dbt docs generate` runs no hook at all: what a schema
  holds is therefore attached when dbt first asks for it.
#}
{% macro spark__list_relations_without_caching(relation) %}
    {% do attach_lake(relation.schema) %}
    {% do return(run_query('show table extended in ' ~ relation ~ " like '*'")) %}
{% endmacro %}
