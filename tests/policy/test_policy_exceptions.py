"""What a roster says of one student."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from torchgrade.policy import Exceptions, RosterFault, Span, column_faults, exceptions, written
from torchgrade.policy.exceptions import of_policy

MOSCOW = ZoneInfo("Europe/Moscow")


def read(**fields: str) -> Exceptions:
    return exceptions({k.replace("_", ":"): v for k, v in fields.items()}, "softmax", MOSCOW)


def test_columns_are_read() -> None:
    assert read(extension="+2 d", group="A") == Exceptions(Span(2), group="A")
    assert read(extension="+ 36 h").extension == Span(0, 36 * 3600)
    due = written("2026-03-05 12:00 Europe/Moscow").at(None)
    assert read(extension="2026-03-05 12:00").extension == due
    assert read(extension="2026-03-05 09:00 UTC").extension == due
    assert read(extension=" ", excused="", name="Anna") == Exceptions()


@pytest.mark.parametrize("text", ["yes", "Yes", "TRUE", "1", "x", "да"])
def test_excused_may_be_said_in_several_ways(text: str) -> None:
    assert read(excused=text).excused


@pytest.mark.parametrize("text", ["no", "0", "нет", "-", ""])
def test_not_excused_too(text: str) -> None:
    assert not read(excused=text).excused


def test_a_column_for_one_assignment_comes_before_the_one_for_all() -> None:
    assert read(extension="+1 d", extension_softmax="+5 d").extension == Span(5)
    assert read(extension="+1 d", extension_softmax="").extension == Span(1)
    assert read(extension="+1 d", extension_lenet5="+5 d").extension == Span(1)
    assert read(excused_softmax="yes").excused


@pytest.mark.parametrize(
    ("fields", "column", "told"),
    [
        ({"extension": "2 d"}, "extension", "such as '+2 d'"),
        ({"extension": "+2 months"}, "extension", "no unit 'months'"),
        ({"extension": "2026-02-29 12:00"}, "extension", "there is no day 2026-02-29"),
        ({"extension_softmax": "tomorrow"}, "extension:softmax", "such as '+2 d'"),
        ({"excused": "maybe"}, "excused", "must be yes or no, found 'maybe'"),
    ],
)
def test_a_wrong_cell_is_told_with_its_column(fields: dict[str, str], column: str, told: str) -> None:
    with pytest.raises(RosterFault) as caught:
        read(**fields)
    assert caught.value.column == column and told in str(caught.value)


def test_an_extension_without_a_zone_is_refused_where_nothing_names_one() -> None:
    with pytest.raises(RosterFault, match="without a zone"):
        exceptions({"extension": "2026-03-05 12:00"}, "softmax", None)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("extention", "did you mean 'extension'?"),
        ("Extension", "did you mean 'extension'?"),
        ("extensions:softmax", "did you mean 'extension:softmax'?"),
        ("excuse", "did you mean 'excused'?"),
        ("extension:sofmax", "there is no assignment 'sofmax'; did you mean 'extension:softmax'?"),
    ],
)
def test_a_column_that_is_nearly_ours_is_told(column: str, told: str) -> None:
    (fault,) = column_faults(["student", column], ["softmax", "lenet5"])
    assert fault.column == column and told in str(fault)


def test_other_columns_are_the_teacher_s_own() -> None:
    columns = ["student", "group", "variant", "email", "name", "extension", "excused:softmax", "track", "notes:a"]
    assert list(column_faults(columns, ["softmax"])) == []
    assert [c for c in columns if of_policy(c)] == ["extension", "excused:softmax"]
