"""From the declarations to Superset: what would change, and the change.

The bundle is imported in one transaction. What left the repository is removed after it: first dashboards, then charts,
then data sets. A removal that is interrupted is found by the next one, as all that is ours bears our mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.bundle import bundle_of, compile_assets
from dashboards.difference import Change, changes
from dashboards.identity import MARK, asset_id
from dashboards.roles import role_name
from medallion.errors import DashboardServerError
from medallion.wording import counted

if TYPE_CHECKING:
    from dashboards.bundle import Declared
    from dashboards.server import Item, SupersetServer

_REMOVED_IN_ORDER = ("dashboard", "chart", "dataset")


@dataclass(frozen=True)
class Plan:
    """What an apply would do, in its order."""

    changes: tuple[Change, ...]

    def summary(self) -> str:
        """One line for a person."""
        counts = {how: sum(one.how == how for one in self.changes) for how in ("add", "change", "remove")}
        if not self.changes:
            return "0 changes: Superset shows what is declared"
        parts = f"{counts['add']} to add, {counts['change']} to change, {counts['remove']} to remove"
        return f"{counted(len(self.changes), 'change')}: {parts}"


def plan(server: SupersetServer, declared: Declared) -> Plan:
    """What `apply` would do. Raises DashboardInvalid before it asks the server, DashboardServerError."""
    assets = compile_assets(declared)
    listed = changes(assets, server.export())
    listed += [Change(kind, one.name, "remove") for kind, one in _left_over(server, declared)]
    return Plan((*listed, *_roles_to_change(server, declared)))


def apply(server: SupersetServer, declared: Declared) -> Plan:
    """Make Superset show what is declared; returns what was changed. Raises as `plan`."""
    done = plan(server, declared)
    if any(one.how in ("add", "change") and one.kind != "roles" for one in done.changes):
        server.import_assets(bundle_of(compile_assets(declared)))
    for kind, one in _left_over(server, declared):
        server.delete(kind, one.id)
    _set_roles(server, declared)
    return done


def _left_over(server: SupersetServer, declared: Declared) -> list[tuple[str, Item]]:
    """What bears our mark and is not declared, in the order in which it can be removed."""
    kept = {asset["uuid"] for asset in compile_assets(declared).values()}
    return [
        (kind, one)
        for kind in _REMOVED_IN_ORDER
        for one in server.list_items(kind)
        if one.marked_by == MARK and one.uuid not in kept
    ]


def _roles_to_change(server: SupersetServer, declared: Declared) -> list[Change]:
    known, there = server.roles(), {one.uuid: one for one in server.list_items("dashboard")}
    listed = []
    for dashboard in declared.dashboards:
        item = there.get(asset_id("dashboard", dashboard.slug))
        wanted = _role_ids(known, dashboard.roles)
        if item and server.roles_of(item.id) != wanted:
            listed.append(Change("roles", dashboard.slug, "change", (f"seen by {', '.join(dashboard.roles)}",)))
    return listed


def _set_roles(server: SupersetServer, declared: Declared) -> None:
    known, there = server.roles(), {one.uuid: one for one in server.list_items("dashboard")}
    for dashboard in declared.dashboards:
        item, wanted = there[asset_id("dashboard", dashboard.slug)], _role_ids(known, dashboard.roles)
        if server.roles_of(item.id) != wanted:
            server.let_see(item.id, wanted)


def _role_ids(known: dict[str, int], names: tuple[str, ...]) -> set[int]:
    if missing := [name for name in names if role_name(name) not in known]:
        raise DashboardServerError(
            f"Superset has no role {', '.join(map(role_name, missing))}",
            remedy="start it by ./retail superset up, which makes the roles of superset/roles.yaml",
        )
    return {known[role_name(name)] for name in names}
