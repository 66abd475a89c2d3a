"""Losing nothing: any verdict, with any text in it, comes back equal."""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Iterator
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchgrade.gradebook import Gradebook
from torchgrade.model import Verdict, verdict_from_json

# Every code point, with the halves of surrogate pairs and NUL that SQL databases refuse.
TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\0\ud800\udc00\\~"), max_size=8) | st.just(
    "~escaped:x"
)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
LEAF = st.none() | st.booleans() | st.integers() | NUMBER | TEXT
JSON = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a field of the model, so that a field added later is tested without a word here."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{f.name: of(hints[f.name]) for f in dataclasses.fields(kind)})
    if origin is tuple:
        return st.lists(of(inner[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, of(inner[1]), max_size=2)
    if origin in (UnionType, typing.Union):
        return st.none() | of(next(one for one in inner if one is not NoneType))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    plain = {str: TEXT, float: NUMBER, int: st.integers(0, 2**31 - 1), bool: st.booleans(), Any: JSON}
    return plain[kind]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gradebook]:
    place = str(tmp_path_factory.mktemp("roundtrip") / "grades.db")
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        place = server.url(server.new_database())
    with Gradebook.open(place) as book:
        yield book


SERIAL = itertools.count()  # the same key twice would keep the first verdict


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(verdict=of(Verdict), text=TEXT)
def test_any_verdict_comes_back_equal(shared: Gradebook, verdict: Verdict, text: str) -> None:
    key = f"{text}{next(SERIAL)}"
    run = shared.start_run(verdict.assignment, {verdict.student: text})
    shared.record(verdict, key, run)
    (back,) = shared.verdicts(run)
    assert back == verdict == verdict_from_json(back.to_json())
    assert shared.finished(verdict.assignment, [key]) in ({key: verdict}, {})
    assert next(one for one in shared.runs() if one.id == run).settings == {verdict.student: text}
