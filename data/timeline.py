"""When: the 118 months from January 2010 to October 2019, and how the rows spread over them."""

from __future__ import annotations

import numpy as np

from data.sampling import Floats, Ints

FULL_ROWS = 13_305_915
FIRST_YEAR, MONTHS = 2010, 118
MILLION_ROWS = np.array([1.24, 1.29, 1.32, 1.35, 1.37, 1.39, 1.39, 1.40, 1.40, 1.16])
HOUR_WEIGHTS = np.array(
    [
        *(1.06, 0.87, 0.85, 0.78, 0.86, 1.38, 5.70, 6.78, 6.62, 6.59, 6.55, 7.09),
        *(7.17, 6.77, 6.67, 6.45, 6.50, 3.62, 3.55, 3.44, 3.18, 3.19, 3.15, 1.19),
    ]
)
DAY = 24 * 60
STARTS = np.arange("2010-01", "2019-12", dtype="datetime64[M]").astype("datetime64[D]")
DAYS: Ints = np.diff(STARTS).astype(np.int64)
YEAR: Ints = FIRST_YEAR + np.arange(MONTHS) // 12


def rows_by_month(rows: int) -> Ints:
    """How many of `rows` fall into each month (118); they sum to `rows`."""
    in_year = np.bincount(YEAR - FIRST_YEAR, DAYS)
    weight: Floats = MILLION_ROWS[YEAR - FIRST_YEAR] * DAYS / in_year[YEAR - FIRST_YEAR]
    ends = np.round(np.cumsum(weight) / weight.sum() * rows).astype(np.int64)
    return np.diff(ends, prepend=0)
