"""Prepares Superset's own database: its tables, our roles and their users. Run by Superset's Python.

Reads `{"roles": {name: ...}, "permissions": [[permission, view]], "users": {name: {"role", "password"}}}` from standard
input: arguments and environments can be read by others. Running it again changes nothing but what differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import superset
from flask_migrate import upgrade
from superset.app import create_app


def prepare(wanted: dict[str, Any]) -> None:
    """Bring tables, permissions, roles and users to what is wanted."""
    upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
    from superset import appbuilder, security_manager

    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    granted = [_permission(security_manager, *names) for names in wanted["permissions"]]
    for name in wanted["roles"]:
        role = security_manager.add_role(name)
        role.permissions = granted
    superset.db.session.commit()
    for name, user in wanted["users"].items():
        _set_user(security_manager, name, user["role"], user["password"])


def _permission(manager: Any, permission: str, view: str) -> Any:
    found = manager.find_permission_view_menu(permission, view)
    if found is None:
        sys.exit(f"superset/roles.yaml: this Superset has no permission {permission} on {view}")
    return found


def _set_user(manager: Any, name: str, role: str, password: str) -> None:
    role_found = manager.find_role(role)
    known = manager.find_user(username=name)
    if known is None:
        # Superset wants a name and an address, and writes to nobody.
        known = manager.add_user(name, name.capitalize(), "Retail", f"{name}@retail.invalid", role_found, password)
    if not known:
        sys.exit(f"Superset did not take the user {name}")
    known.roles, known.active = [role_found], True
    manager.reset_password(known.id, password)


if __name__ == "__main__":
    with create_app().app_context():
        prepare(json.load(sys.stdin))
