"""`./retail superset up`: what it refuses before it installs anything."""

from __future__ import annotations

import pytest

from medallion.errors import ToolUnavailable
from stack.commands.superset import require_python


def test_a_python_that_superset_does_not_support_is_refused_with_one_that_it_does() -> None:
    with pytest.raises(ToolUnavailable, match=r"Python 3\.13") as refused:
        require_python((3, 13))
    assert "RETAIL_PYTHON=python3.12" in refused.value.remedy
    require_python((3, 12))
