"""Generated input, bounded in number and the same in every run; `HYPOTHESIS_PROFILE=search` looks further."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A warehouse is cloned once for a test and emptied between its examples: see tests.property.warehouse.
_SHARED = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}

settings.register_profile("bounded", settings(max_examples=60, derandomize=True, **_SHARED))
settings.register_profile("search", settings(max_examples=2_000, print_blob=True, **_SHARED))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "bounded"))
