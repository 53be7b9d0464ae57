"""Superset's configuration: read by Superset alone, in its own environment, through SUPERSET_CONFIG_PATH.

Every secret and address comes from the environment. The bundle of dashboards names the warehouse by a placeholder;
the mutator below puts the login of retail_reader in its place when a connection is opened. So no password of the
warehouse is stored in Superset, and a port that has moved changes no dashboard.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine.url import URL, make_url

if TYPE_CHECKING:
    from flask import Flask

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["SUPERSET_METADATA_URL"]
_WAREHOUSE_URL = os.environ["SUPERSET_WAREHOUSE_URL"]
_PLACEHOLDER = "warehouse"  # the host that the bundle names
_STATEMENT_SECONDS = 30

APP_NAME = "Retail"
FEATURE_FLAGS = {
    "DASHBOARD_RBAC": True,  # who sees a dashboard: superset/roles.yaml
    "ALERT_REPORTS": False,
    "EMBEDDED_SUPERSET": False,
}
# One process on one machine. A page never shows what was true before the last hour: nothing is kept.
CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
FILTER_STATE_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 86_400}
EXPLORE_FORM_DATA_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 86_400}

# Passwords are not to be tried out, by the form or by the API; a page asks for many charts at once.
RATELIMIT_ENABLED = True
RATELIMIT_APPLICATION = "1000 per second"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "20 per 20 second"
PREVENT_UNSAFE_DB_CONNECTIONS = True
# Refuses a page elsewhere whose name points to this machine.
TRUSTED_HOSTS = os.environ.get("SUPERSET_HOSTS", "127.0.0.1,localhost").split(",")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
FAB_ADD_SECURITY_API = True
SQLLAB_CTAS_NO_LIMIT = False
ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000


def FLASK_APP_MUTATOR(app: Flask) -> None:  # noqa: N802 - Superset's name
    """Limit logins by the API, too: Superset limits those of its form."""
    from superset import appbuilder

    limit = appbuilder.sm.limiter.limit(AUTH_RATE_LIMIT, methods=["POST"])
    limit(app.blueprints["SecurityApi"])


def DB_CONNECTION_MUTATOR(  # noqa: N802 - Superset's name
    uri: URL, params: dict[str, Any], *_who: Any
) -> tuple[URL, dict[str, Any]]:
    """The address and login of the warehouse, for the database that the bundle names."""
    if uri.host != _PLACEHOLDER:
        return uri, params
    options = f"-c statement_timeout={_STATEMENT_SECONDS * 1000} -c timezone=UTC"
    connect = {**params.get("connect_args", {}), "options": options, "application_name": "superset"}
    return make_url(_WAREHOUSE_URL), {**params, "connect_args": connect}


# What Superset would fetch from elsewhere (a pixel that counts its users, maps) is refused by the browser.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
