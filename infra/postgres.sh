#!/bin/sh
# Run once by PostgreSQL's image on an empty volume: one database for Prefect, which needs trigrams, one for MLflow.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<SQL
create database prefect;
create database mlflow;
\connect prefect
create extension if not exists pg_trgm;
SQL
