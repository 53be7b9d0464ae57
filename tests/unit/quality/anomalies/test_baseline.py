"""The baseline expects what the same hours of the weeks before make likely, and knows nothing of what comes after."""

from __future__ import annotations

import numpy as np
import pytest

from quality.anomalies.baseline import METHODS, SLOW, Method, cleaned, expected

HOUR = METHODS["hour"]
WEEK = 168
SHAPE = np.tile(np.abs(np.sin(np.arange(WEEK) / 7)) * 90 + 10, 16)[None, :]


def test_a_series_that_repeats_itself_is_expected_to_repeat_itself() -> None:
    found = expected(SHAPE, HOUR)
    assert np.isnan(found[:, : HOUR.learns * 24]).all()
    assert np.allclose(found[:, HOUR.learns * 24 :], SHAPE[:, HOUR.learns * 24 :])


def test_steady_growth_is_followed() -> None:
    growth = 1.01 ** (np.arange(SHAPE.shape[1]) / 24)
    found = expected(SHAPE * growth, HOUR)
    share = (found / (SHAPE * growth))[0, HOUR.learns * 24 :]
    assert share == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("method", [HOUR, METHODS["day"], SLOW])
def test_what_comes_after_a_point_changes_nothing_of_its_expectation(method: Method) -> None:
    draws = np.random.default_rng(3)
    values = draws.uniform(50, 150, (4, 20 * method.period))
    other = values.copy()
    at = 15 * method.period + method.day // 2
    other[:, at:] = draws.uniform(0, 1_000, other[:, at:].shape)
    assert np.array_equal(expected(values, method)[:, : at + 1], expected(other, method)[:, : at + 1], equal_nan=True)


def test_the_day_of_a_point_trains_nothing() -> None:
    """An outage that began an hour ago must not lower what is expected now."""
    values = SHAPE.copy()
    noon = 12 * WEEK + 12
    values[:, noon - 12 : noon] = 0
    assert expected(values, HOUR)[0, noon] == pytest.approx(SHAPE[0, noon])


def test_one_odd_week_of_eight_is_left_out_of_the_mean() -> None:
    values = SHAPE.copy()
    values[:, 10 * WEEK + 40] *= 20
    assert expected(values, HOUR)[0, 12 * WEEK + 40] == pytest.approx(SHAPE[0, 40])


def test_one_odd_day_of_seven_does_not_move_the_level() -> None:
    values = SHAPE.copy()
    values[:, 12 * WEEK - 48 : 12 * WEEK - 24] *= 100
    assert expected(values, HOUR)[0, 12 * WEEK + 5] == pytest.approx(SHAPE[0, 5])


def test_a_known_outlier_is_replaced_by_what_was_expected_of_it() -> None:
    values, flags = SHAPE.copy(), np.zeros(SHAPE.shape, dtype=bool)
    values[:, 5 * WEEK : 7 * WEEK] = 0
    flags[:, 5 * WEEK : 7 * WEEK] = True
    assert np.allclose(cleaned(values, flags, HOUR), SHAPE)


def test_a_series_without_sales_has_an_expectation_of_none_or_nothing() -> None:
    found = expected(np.zeros((1, 16 * WEEK)), HOUR)
    assert not (found[np.isfinite(found)] > 0).any()


def test_an_odd_week_that_was_not_found_does_not_live_on_in_the_weeks_that_replace_it() -> None:
    """Each Tuesday would be replaced by the Tuesday before, and the first odd one never end."""
    values, flags = SHAPE.copy(), np.zeros(SHAPE.shape, dtype=bool)
    tuesdays = [slice(week * WEEK + 24, week * WEEK + 48) for week in range(8, 14)]
    values[:, tuesdays[0]] *= 5
    for tuesday in tuesdays[1:]:
        flags[:, tuesday] = True
    assert np.allclose(cleaned(values, flags, HOUR)[:, tuesdays[-1]], SHAPE[:, tuesdays[-1]], rtol=0.02)
