#!/bin/sh
# Run a server with PostgreSQL's password, read from a file, in the variables that Prefect and MLflow know.
set -eu
# a character such as @ or / would end the password within an address
password=$(python -c 'import pathlib, sys, urllib.parse
print(urllib.parse.quote(pathlib.Path(sys.argv[1]).read_text().strip(), safe=""))' "${SECRETS:-/run/secrets}/postgres_password")
server="epilake:$password@${POSTGRES_SERVER:-postgres:5432}"
export PREFECT_SERVER_DATABASE_CONNECTION_URL="postgresql+asyncpg://$server/prefect"
export MLFLOW_BACKEND_STORE_URI="postgresql+pg8000://$server/mlflow"
exec "$@"
