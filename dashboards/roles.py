"""superset/roles.yaml: the roles that see dashboards, and who has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from dashboards.declared import FOLDER, Name, Words
from medallion.errors import DashboardInvalid
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADMIN = "admin"  # the user as whom dashboards are applied
_FILE = "roles.yaml"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    roles: dict[Name, Words]
    users: dict[Name, Words]
    permissions: tuple[tuple[Words, Words], ...]


@dataclass(frozen=True)
class Roles:
    """The roles by name, each user's role, and what every role may do: permission and view."""

    roles: tuple[str, ...]
    users: dict[str, str]
    permissions: tuple[tuple[str, str], ...]

    def as_wanted(self, password: Callable[[str], str]) -> dict[str, Any]:
        """What superset/prepare.py reads; `password` gives the password of a user."""
        return {
            "roles": [role_name(one) for one in self.roles],
            "permissions": [list(one) for one in self.permissions],
            "users": {
                user: {"role": role_name(role) if role in self.roles else role, "password": password(user)}
                for user, role in self.users.items()
            },
        }


def read_roles(folder: Path = FOLDER) -> Roles:
    """The declared roles. Raises DashboardInvalid."""
    try:
        found = _File.model_validate(read_yaml(folder / _FILE))
    except (ValidationError, OSError) as error:
        raise DashboardInvalid(file=_FILE, problems=[" ".join(str(error).split())]) from error
    unknown = [
        f"{user}: {role} is no role of this file, nor Admin"
        for user, role in found.users.items()
        if role not in found.roles and role != "Admin"
    ]
    if found.users.get(ADMIN) != "Admin":
        unknown.append(f"users: {ADMIN} has to be Admin, as dashboards are applied by it")
    if unknown:
        raise DashboardInvalid(file=_FILE, problems=unknown)
    return Roles(tuple(found.roles), found.users, found.permissions)


def role_name(name: str) -> str:
    """The name of a role in Superset: `viewer` is `Retail viewer`."""
    return f"Retail {name}"
