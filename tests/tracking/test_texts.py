"""Texts as properties, long and short."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.tracking.texts import MAX_BYTES, json_properties, read_text, text_properties

pytestmark = pytest.mark.current

TEXTS = st.one_of(st.text(), st.text(alphabet='é%q\\"\0~', max_size=20))


@given(TEXTS, st.integers(1, 400))
def test_texts_come_back_and_are_safe(text, times):
    text = text * times
    parts = text_properties("name", text)
    assert read_text(parts, "name") == text
    for part in parts.values():
        assert len(part.encode("utf-8", "surrogatepass")) <= MAX_BYTES
        assert "\\" not in part
        assert "\0" not in part


def test_plain_texts_stay_as_they_are():
    assert text_properties("uri", "gs://bucket/a%20b") == {"uri": "gs://bucket/a%20b"}
    assert list(text_properties("t", "x" * (2 * MAX_BYTES + 1))) == ["t", "t~1", "t~2"]
    assert read_text({}, "t") == ""


def test_large_structs_are_texts():
    small, large = {"a": [1, "é"]}, {"a": list(range(1000))}
    assert json_properties("m", small) == {"m": small}
    assert json.loads(read_text(json_properties("m", large), "m")) == large
