"""JSON that somebody else wrote: what is read holds no value that Python's own functions choke on."""

from __future__ import annotations

import json
import math
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.http.untrusted_json import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, TooManyValuesError, loads

thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=300)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("NaN", None, id="nan"),
        pytest.param("[Infinity, -Infinity]", [None, None], id="infinity"),
        pytest.param(
            '{"a": 1e400, "b": -1e400, "c": 1e308}',
            {"a": None, "b": None, "c": 1e308},
            id="no-float-holds-it",
        ),
        pytest.param("9" * MAX_DIGITS, int("9" * MAX_DIGITS), id="the-largest-number"),
        pytest.param("9" * (MAX_DIGITS + 1), None, id="a-larger-one"),
        pytest.param(f"[{'9' * 400}]", [None], id="400-digits"),
        pytest.param(f"[{'9' * 5000}, 1]", [None, 1], id="more-digits-than-python-takes"),
        pytest.param('"1670000000123456789"', "1670000000123456789", id="digits-in-a-string"),
        pytest.param("1670000000123456789", 1670000000123456789, id="nanoseconds"),
        pytest.param(r'"\ud800abc"', "\ufffdabc", id="half-a-pair"),
        pytest.param(r'"\udc00\ud800"', "\ufffd\ufffd", id="a-pair-the-wrong-way-round"),
        pytest.param(r'"\ud83d\ude80"', "\U0001f680", id="a-pair"),
        pytest.param(r'"\\ud800"', r"\ud800", id="no-escape-at-all"),
        pytest.param(
            r'["\uD800", {"\uDfff": ["\ud800", {"a": "\ud800"}]}]',
            ["\ufffd", {"\ufffd": ["\ufffd", {"a": "\ufffd"}]}],
            id="deep",
        ),
        pytest.param(
            "[" * MAX_DEPTH + "]" * MAX_DEPTH, json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH), id="deep-enough"
        ),
    ],
)
def test_what_is_read(text: str, value: Any) -> None:
    assert loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="broken"),
        pytest.param('{"a": 1} x', id="more-behind"),
        pytest.param("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), id="too-deep-by-one"),
        pytest.param('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), id="objects-too-deep-by-one"),
        pytest.param("[" * 990 + "]" * 990, id="as-deep-as-python-reads"),
        pytest.param("[" * 1_000_000, id="deeper-than-python-reads"),
        pytest.param('[{"a":' * 100_000, id="the-same-of-both"),
    ],
)
def test_what_is_not(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- Python's own sentences, and one of ours
        loads(text)


def test_an_object_can_be_made_into_something_else() -> None:
    assert loads(r'[{"a": "\ud800"}, {"b": {"c": 1}}]', lambda raw: min(raw.items())[1]) == ["\ufffd", 1]


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param("{}", id="objects"),
        pytest.param("[]", id="lists"),
        pytest.param("0", id="numbers"),
        pytest.param('""', id="strings"),
        pytest.param('{"a":[]}', id="both"),
    ],
)
def test_no_text_needs_much_more_memory_than_it_has_bytes(piece: str) -> None:
    """22 MB of `{}` took 3.4 GB."""
    text = f"[{','.join([piece] * (22_000_000 // (len(piece) + 1)))}]"
    tracemalloc.start()
    try:
        with pytest.raises(TooManyValuesError):
            loads(text)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 5_000_000 + ",",
        '"' * 5_000_000 + "," * MAX_VALUES * 2,
        "\\" * 5_000_000 + "," * MAX_VALUES,
    ],
)
def test_hostile_text_costs_no_time(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever it says: it must only come soon
        loads(text)
    assert time.monotonic() - began < 5


def test_what_stands_in_strings_is_not_counted() -> None:
    """A build log is one string with a hundred thousand braces in it."""
    log = json.dumps([{"output": "[{,", "order": number} for number in range(150_000)])
    assert log.count(",") + log.count("{") > 500_000
    assert len(loads(json.dumps({"logs": log * 5}))["logs"]) == len(log) * 5
    assert len(loads(log)) == 150_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@thoroughly
@given(values)
def test_whatever_was_read_can_be_written(value: Any) -> None:
    read = loads(json.dumps(value))
    text = json.dumps(read, ensure_ascii=False, allow_nan=False)
    text.encode()
    for each in _numbers(read):
        assert math.isfinite(float(each))


@thoroughly
@given(st.text(st.sampled_from('[]{},:"\\ud80019eE.-+ NaInfity\x00'), max_size=80))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    try:
        str(loads(text)).encode()
    except ValueError as error:
        assert not isinstance(error, UnicodeError)  # noqa: PT017 -- either way is right, but not this one


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [value] if isinstance(value, int | float) else []
