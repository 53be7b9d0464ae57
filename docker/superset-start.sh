#!/bin/sh
# Prepares Superset's own database, roles and users, then serves it. A start after a change of superset/roles.yaml applies it.
set -eu

python - <<'PY' | python /opt/retail/superset/prepare.py
import json, os

print(json.dumps({user: os.environ[f"SUPERSET_{user.upper()}_PASSWORD"] for user in ("admin", "viewer", "sales")}))
PY
unset SUPERSET_ADMIN_PASSWORD SUPERSET_VIEWER_PASSWORD SUPERSET_SALES_PASSWORD

exec gunicorn --workers 1 --worker-class gthread --threads 8 --bind 0.0.0.0:8088 --timeout 120 'superset.app:create_app()'
