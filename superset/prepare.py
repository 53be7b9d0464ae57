"""Prepares Superset's own database: its tables, the roles and users of roles.yaml. Run by Superset's Python.

Reads the passwords of the users, `{"admin": "…"}`, from standard input: arguments and environments can be read by
others. Running it again changes nothing but what differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import superset
import yaml
from flask_migrate import upgrade
from superset.app import create_app

ROLES = Path(__file__).with_name("roles.yaml")
# Superset wants an address of each user, and writes to none. By it we know the users that we have made.
_OURS = "@retail.invalid"


def prepare(declared: dict[str, Any], passwords: dict[str, str]) -> None:
    """Bring tables, permissions, roles and users to what is declared."""
    upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
    from superset import appbuilder, security_manager

    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    granted = [_permission(security_manager, *names) for names in declared["permissions"]]
    for name in declared["roles"]:
        security_manager.add_role(f"Retail {name}").permissions = granted
    superset.db.session.commit()
    _close_what_left(security_manager, declared)
    for user, role in declared["users"].items():
        name = f"Retail {role}" if role in declared["roles"] else role
        _set_user(security_manager, user, name, passwords[user])


def _close_what_left(manager: Any, declared: dict[str, Any]) -> None:
    """Take the rights of roles, and the login of users, that are declared no more. What people have made stays."""
    kept = {f"Retail {name}" for name in declared["roles"]}
    for role in manager.get_all_roles():
        if role.name.startswith("Retail ") and role.name not in kept:
            role.permissions = []
    for user in manager.get_all_users():
        if user.email.endswith(_OURS) and user.username not in declared["users"]:
            user.active, user.roles = False, [manager.find_role("Public")]
    superset.db.session.commit()


def _permission(manager: Any, permission: str, view: str) -> Any:
    found = manager.find_permission_view_menu(permission, view)
    if found is None:
        sys.exit(f"{ROLES.name}: this Superset has no permission {permission} on {view}")
    return found


def _set_user(manager: Any, name: str, role: str, password: str) -> None:
    role_found = manager.find_role(role)
    known = manager.find_user(username=name)
    if known is None:
        known = manager.add_user(name, name.capitalize(), "Retail", f"{name}{_OURS}", role_found, password)
        if not known:
            sys.exit(f"Superset did not take the user {name}")
        return
    known.roles, known.active = [role_found], True
    manager.reset_password(known.id, password)


if __name__ == "__main__":
    with create_app().app_context():
        prepare(yaml.safe_load(ROLES.read_text(encoding="utf-8")), json.load(sys.stdin))
