"""superset/roles.yaml: the roles that see dashboards, and who has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from dashboards.declared import FOLDER
from dashboards.files import read_mapping
from dashboards.kinds import Name, Words  # noqa: TC001 - pydantic reads the types at run time
from medallion.errors import DashboardInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dashboards.declared import Dashboard

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
        found = _File.model_validate(read_mapping(folder / _FILE))
    except ValidationError as error:
        raise DashboardInvalid(file=_FILE, problems=[" ".join(str(error).split())]) from error
    unknown = [
        f"{user}: {role} is neither a role of this file nor Admin"
        for user, role in found.users.items()
        if role not in found.roles and role != "Admin"
    ]
    if found.users.get(ADMIN) != "Admin":
        unknown.append(f"users: {ADMIN} has to be Admin, as dashboards are applied by it")
    if unknown:
        raise DashboardInvalid(file=_FILE, problems=unknown)
    return Roles(tuple(found.roles), found.users)


def require_roles(dashboards: Iterable[Dashboard]) -> None:
    """Raise DashboardInvalid for a dashboard that names a role which superset/roles.yaml does not have."""
    known = read_roles().roles
    unknown = [f"{one.slug}: there is no role {role}" for one in dashboards for role in one.roles if role not in known]
    if unknown:
        raise DashboardInvalid(file="superset/dashboards", problems=unknown)


def role_name(name: str) -> str:
    """The name of a role in Superset, as superset/prepare.py makes it: `viewer` is `Retail viewer`."""
    return f"Retail {name}"
