"""One version of Airflow's own API, for tasks that `airflow dags test` runs.

A task asks that API for its context, in the same process here, which builds the routes of all nine versions of the API
first. That took a quarter of the processor time of a run that brings nothing. Task and API are of one installation, so
the newest version is the only one that is asked for.
"""

from __future__ import annotations

from copy import copy
from importlib import import_module
from typing import Any


def answer_the_newest_version_only() -> None:
    """From now on, have this process build the routes of the newest version of the API alone."""
    from cadwyn import HeadVersion, Version, VersionBundle
    from cadwyn.route_generation import _DELETED_ROUTE_TAG

    applications: Any = import_module("cadwyn.applications")
    generate = applications.generate_versioned_routers

    def generate_newest(router: Any, versions: VersionBundle, **options: Any) -> Any:
        newest = Version(versions.versions[0].value)
        bundle = VersionBundle(HeadVersion(), newest, api_version_var=versions.api_version_var)
        of_today = copy(router)
        of_today.routes = [one for one in router.routes if _DELETED_ROUTE_TAG not in getattr(one, "tags", ())]
        return generate(of_today, bundle, **options)

    applications.generate_versioned_routers = generate_newest
