"""Values that a source may send: text, numbers and times at their edges, well-formed or not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

HAZARDS = [
    "", " ", "\\N", "\\.", "\n\\.\n", "\\", '"', '""', "'", ",", "a,b\n", "\r\n", "\t", "\x01", "\x1f", "\x7f", "\x85",
    "\u2028", "\u2029", "\ufeff", "\ufffe", "\U0010ffff", "NULL", "null", "é", "e\u0301", "\u202e", "x" * 70_000,
]  # fmt: skip

AMOUNTS = [
    "NaN", "Infinity", "-Infinity", "sNaN", "1e400", "1e2", "1E-2", "0x10", "1_000", "\u0661\u0662", "1.00\n",
    "-0.00", "-0", "9999999999.99", "10000000000", "-9999999999.99", "0.005", "00000000001", "0000000001.5", "1.10",
    "½", "",
    "99999999999", "-10000000000", "1.234", "1.", ".5", "-", "--1", "+1", " 1", "1 ", "1,5",
]  # fmt: skip
MOMENTS = [
    "2016-12-31T23:59:60Z", "infinity", "-infinity", "now", "2026-11-20", " 2026-11-20T10:00:00Z",
    "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
    "2026-11-20T24:00:00Z", "2026-11-20T23:60:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
    "0000-12-31T23:59:59Z", "0000-12-31T23:59:59-00:01", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59.999999-00:01", "10000-01-01T00:00:00Z", "2026-11-20T10:00:00",
    "2026-11-20T10:00:00+24:00", "2026-11-20T10:00:00+23:60", "2026-11-20T10:00:00.1234567Z",
    "2026-11-20T10:00:00.Z", "2026-11-20T10:00:00-00:00", "2026-11-20t10:00:00Z", "2026-11-20T10:00:00z",
    "2026-11-20T10:00Z", "2026-11-20T10:00:00Z\n",
]  # fmt: skip
CODES = ["EUR", "FR", "eur", "É", "EURO", "\uff25UR", "EUR\n", "FR\n", "E1R", "E", "", "Z[A", "ZZ", "ZZZ"]
NUMBERS = ["1.0", "1e0", "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "01", "-0", "+1", "0x1", "1.", "1.5", "0.0"]

# What Postgres can keep: any text without NUL and without half a surrogate pair.
storable_text = st.one_of(
    st.sampled_from(HAZARDS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
)
any_text = st.one_of(
    storable_text,
    st.lists(st.sampled_from([*HAZARDS[:-1], "\x00", "\ud800", "\udfff", "😀"]), max_size=4).map("".join),
)

_digits = st.text("0123456789", min_size=0, max_size=12)
_signs = st.sampled_from(["", "-", "+", " "])
amounts = st.one_of(
    st.decimals(-9_999_999_999, 9_999_999_999, places=2).map(str),
    st.builds("{}{}{}{}".format, _signs, _digits, st.sampled_from(["", ".", ","]), _digits),
    st.sampled_from(AMOUNTS),
)  # fmt: skip

_years = st.sampled_from(
    ["0000", "0001", "0099", "1582", "1900", "2000", "2024", "2026", "9999", "10000", "-0001", "26"]
)
_two_digits = st.one_of(st.integers(0, 61).map("{:02}".format), st.sampled_from(["1", "001", "\u0660\u0661", ""]))
_common = st.integers(1, 12).map("{:02}".format)
_fractions = st.sampled_from(["", "", ".0", ".123456", ".999999", ".1234567", ".", ",5"])
_offsets = st.one_of(
    st.sampled_from(
        ["Z", "Z", "Z", "z", "", "+00:00", "-00:00", "+23:59", "-23:59", "+24:00", "+14:00", "+0200", "+02"]
    ),
    st.builds("{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 25), st.integers(0, 61)),
)
_parts = st.one_of(_common, _common, _common, _two_digits)
moments = st.one_of(
    st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    st.builds(
        "{}-{}-{}{}{}:{}:{}{}{}".format,
        _years, _parts, st.one_of(_parts, st.sampled_from(["28", "29", "30", "31"])), st.sampled_from("TTTTt "),
        _parts, _parts, _parts, _fractions, _offsets,
    ),
    st.sampled_from(MOMENTS),
)  # fmt: skip

_int_edges = [0, -1, 1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, 2**63, -(2**63), 10**30]
integers = st.one_of(st.integers(1, 9), st.sampled_from(_int_edges), st.integers()).map(str)
_wrong_numbers = st.sampled_from(
    ["1.0", "1e0", "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "01", "-0", "+1", "0x1", "1."]
)
_structures = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text("ab\u2028", max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text("ab", max_size=2), inner, max_size=2)),
    max_leaves=4,
)
json_values = _structures.map(json.dumps)


def encoded(text: str) -> str:
    """As a JSON string: half surrogates can only be written as escapes."""
    return json.dumps(text, ensure_ascii=any("\ud800" <= one <= "\udfff" for one in text))


any_value = st.one_of(
    integers, _wrong_numbers, json_values, any_text.map(encoded), amounts.map(encoded), moments.map(encoded)
)


def often(usual: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mostly a value of the right kind, now and then any other."""
    return st.one_of(usual, usual, usual, any_value)


def fit_sale(sale_id: int, prices: list[tuple[int, str, str]], text: str) -> dict[str, Any]:
    """A sale that fits, with a line for each of (quantity, unit price, discount)."""
    return {
        "sale_id": sale_id,
        "customer_id": 1 + sale_id % 7,
        "store_id": 1,
        "sold_at": "2026-11-20T10:00:00Z",
        "channel": text,
        "payment_method": "card",
        "currency": "EUR",
        "lines": [
            {"line_no": n, "product_id": n, "quantity": quantity, "unit_price": price, "discount": discount}
            for n, (quantity, price, discount) in enumerate(prices, 1)
        ],
    }


_cents = st.one_of(st.integers(0, 2_000), st.integers(0, 10**12 - 1), st.just(10**12 - 1))
_signed_cents = st.one_of(st.integers(-500, 500), st.integers(-(10**12) + 1, 10**12 - 1))
_money = _cents.map(lambda cents: f"{cents // 100}.{cents % 100:02}")
_signed_money = _signed_cents.map(lambda cents: f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}")
_quantities = st.one_of(st.integers(-3, 3), st.integers(-(2**31), 2**31 - 1)).filter(bool)
sale_lines = st.lists(st.tuples(_quantities, _money, _signed_money), min_size=1, max_size=3)


# Every edge there is, as JSON: few enough to try each of them in each field.
EDGES = [
    *NUMBERS, *map(str, _int_edges), "2", "null", "true", "false", "True", "[]", "{}", '["x"]', '{"x":1}', "x", "",
    *map(encoded, [*HAZARDS, *AMOUNTS, *MOMENTS, *CODES, "a\x00b", "\ud800", "\udc00\ud800", "true", "1"]),
]  # fmt: skip
