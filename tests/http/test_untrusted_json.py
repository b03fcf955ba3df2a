"""Untrusted JSON: parsed values never make Python's own functions fail."""

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
            id="too-large-for-a-float",
        ),
        pytest.param("9" * MAX_DIGITS, int("9" * MAX_DIGITS), id="largest-integer"),
        pytest.param("9" * (MAX_DIGITS + 1), None, id="larger-integer"),
        pytest.param(f"[{'9' * 400}]", [None], id="400-digits"),
        pytest.param(f"[{'9' * 5000}, 1]", [None, 1], id="more-digits-than-python-parses"),
        pytest.param('"1670000000123456789"', "1670000000123456789", id="digits-in-a-string"),
        pytest.param("1670000000123456789", 1670000000123456789, id="nanoseconds"),
        pytest.param(r'"\ud800abc"', "\ufffdabc", id="lone-surrogate"),
        pytest.param(r'"\udc00\ud800"', "\ufffd\ufffd", id="surrogates-in-the-wrong-order"),
        pytest.param(r'"\ud83d\ude80"', "\U0001f680", id="surrogate-pair"),
        pytest.param(r'"\\ud800"', r"\ud800", id="escaped-backslash"),
        pytest.param(
            r'["\uD800", {"\uDfff": ["\ud800", {"a": "\ud800"}]}]',
            ["\ufffd", {"\ufffd": ["\ufffd", {"a": "\ufffd"}]}],
            id="nested-surrogates",
        ),
        pytest.param(
            "[" * MAX_DEPTH + "]" * MAX_DEPTH,
            json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH),
            id="maximum-depth",
        ),
    ],
)
def test_json_is_parsed(text: str, value: Any) -> None:
    assert loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="broken"),
        pytest.param('{"a": 1} x', id="trailing-text"),
        pytest.param("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), id="too-deep-by-one"),
        pytest.param('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), id="objects-too-deep-by-one"),
        pytest.param("[" * 990 + "]" * 990, id="as-deep-as-python-parses"),
        pytest.param("[" * 1_000_000, id="deeper-than-python-parses"),
        pytest.param('[{"a":' * 100_000, id="lists-and-objects-too-deep"),
    ],
)
def test_other_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- messages of Python, and one of Deployer
        loads(text)


def test_objects_can_be_converted() -> None:
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
def test_no_text_needs_much_more_memory_than_its_size(piece: str) -> None:
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
def test_hostile_text_is_parsed_quickly(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(ValueError):  # noqa: PT011 -- any message, but soon
        loads(text)
    assert time.monotonic() - start < 5


def test_text_in_strings_is_not_counted() -> None:
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
def test_any_parsed_value_can_be_serialized(value: Any) -> None:
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
        assert not isinstance(error, UnicodeError)  # noqa: PT017 -- both results are right, but not this error


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [value] if isinstance(value, int | float) else []
