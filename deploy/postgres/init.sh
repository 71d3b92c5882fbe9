#!/bin/sh
# What the official image runs once, on an empty volume (/docker-entrypoint-initdb.d): databases, logins, passwords from files.
set -eu
secrets="${KEHU_SECRETS:-/run/secrets}"
psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" -d postgres -f "${KEHU_DATABASES:-/kehu/databases.sql}"
for service in customer credit complaint analytics; do logins="${logins:-kehu_reads} kehu_$service kehu_${service}_owner"; done
for login in $logins; do
  # As a variable of psql: neither the command line nor the log holds a password.
  password="$(cat "$secrets/$login")"
  printf '\\set password %s\nalter role :"login" password :'"'password'"';\n' "$password" \
    | psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 -v login="$login" --username "$POSTGRES_USER" -d postgres
done
