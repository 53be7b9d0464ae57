"""superset/roles.yaml: the roles that see dashboards, and who has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from dashboards.declared import FOLDER, Name, Words
from medallion.errors import DashboardInvalid
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
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
    """The roles by name, and each user's role."""

    roles: tuple[str, ...]
    users: dict[str, str]


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
    return Roles(tuple(found.roles), found.users)


def role_name(name: str) -> str:
    """The name of a role in Superset, as superset/prepare.py makes it: `viewer` is `Retail viewer`."""
    return f"Retail {name}"
