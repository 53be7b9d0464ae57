#!/bin/sh
# Prepares Superset's own database, roles and users, then serves it. A start after a change of superset/roles.yaml
# applies it.
#
# A copy of the database is prepared, and takes its place when it is ready: SQLite has no transaction for a migration,
# and a container that is stopped in the middle would leave half of one.
set -eu

database=${SUPERSET_METADATA_URL#sqlite:///}
draft=$database.new
rm -f "$draft"
# By SQLite's own copy: what a killed process has left half written is rolled back first.
[ ! -e "$database" ] || python -c 'import sqlite3, sys; old, new = map(sqlite3.connect, sys.argv[1:]); old.backup(new)' \
    "$database" "$draft"

python - <<'PY' | SUPERSET_METADATA_URL="sqlite:///$draft" python /opt/retail/superset/prepare.py
import json, os, sys, yaml

with open("/opt/retail/superset/roles.yaml", encoding="utf-8") as file:
    names = {user: f"SUPERSET_{user.upper()}_PASSWORD" for user in yaml.safe_load(file)["users"]}
if missing := [name for name in names.values() if not os.environ.get(name)]:
    sys.exit(f"give the service superset {', '.join(missing)}: in .env, and in docker-compose.yml")
print(json.dumps({user: os.environ[name] for user, name in names.items()}))
PY
mv "$draft" "$database"
# shellcheck disable=SC2046 # names of variables, without spaces
unset $(env | sed -n 's/^\(SUPERSET_[A-Za-z0-9_]*_PASSWORD\)=.*/\1/p')

exec gunicorn --workers 1 --worker-class gthread --threads 8 --bind 0.0.0.0:8088 --timeout 120 'superset.app:create_app()'
