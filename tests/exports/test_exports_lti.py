"""LTI AGS: bodies that a platform takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from graded import SOFTMAX, broken, check, excused, row, verdict, waiting

from torchgrade.errors import UsageError
from torchgrade.exports import lti
from torchgrade.exports.rows import Row
from torchgrade.model import Assignment, Status
from torchgrade.policy import Standing

NOW = datetime(2026, 11, 20, 12, 30, 1, 123456, tzinfo=timezone(timedelta(hours=3)))


def made(*rows: Row) -> tuple[dict[str, object], list[str]]:
    files, notes = lti.payloads(rows, SOFTMAX, now=NOW)
    return {name: json.loads(content) for name, content in files.items()}, list(notes)


def test_each_body_follows_the_schema_and_has_its_place() -> None:
    files, _ = made(row("anna", 7.5, 0.5, lti_user_id="u-1"), row("Борис/..", 3.0, user_id="u-2"))
    check(files["lineitem.json"], "lti-lineitem")
    scores = {name: body for name, body in files.items() if name.startswith("scores/")}
    assert len(scores) == 2 and all("/" not in name.removeprefix("scores/") for name in scores)
    for body in scores.values():
        check(body, "lti-score")
    requests = files["requests.json"]
    assert isinstance(requests, list)
    assert requests[0] == {
        "method": "POST", "url": "{lineitems}", "contentType": "application/vnd.ims.lis.v2.lineitem+json",
        "body": "lineitem.json",
    }  # fmt: skip
    assert {r["body"] for r in requests[1:]} == set(scores)
    assert {r["contentType"] for r in requests[1:]} == {"application/vnd.ims.lis.v1.score+json"}


def test_a_score_says_what_counts_out_of_how_much_and_when() -> None:
    standing = Standing(6.0, 7.5, 10.0, bonus=0.5, because=("An hour late: minus 1.5.",))
    files, _ = made(Row("anna", {"lti_user_id": "u-1"}, verdict("anna", 7.5), standing))
    assert files["scores/anna.json"] == {
        "userId": "u-1", "timestamp": "2026-11-20T09:30:01.123Z", "activityProgress": "Completed",
        "gradingProgress": "FullyGraded", "scoreGiven": 6.5, "scoreMaximum": 10.0,
        "comment": "6 of 10 points + 0.5\nAn hour late: minus 1.5.",
    }  # fmt: skip


def test_what_waits_for_a_teacher_is_told_as_such() -> None:
    files, _ = made(waiting("clara", lti_user_id="u"))
    assert files["scores/clara.json"]["gradingProgress"] == "PendingManual"  # type: ignore[index]


def test_what_is_broken_or_excused_is_not_sent_and_told() -> None:
    files, notes = made(broken(), excused(), row("anna", lti_user_id="u"))
    assert {name for name in files if name.startswith("scores/")} == {"scores/anna.json"}
    assert any(note.startswith("not judged") and note.endswith(": boris") for note in notes)
    assert any("excuse them on the platform: eva" in note for note in notes)


def test_the_comment_says_why_nothing_was_read() -> None:
    said = lti.score(
        Row("a", {}, verdict("a", 0.0, status=Status.UNREADABLE, reason="No\nnotebook.")), "u", 10.0, now=NOW
    )
    assert said["comment"] == "0 of 10 points\nNo notebook."


def test_students_without_an_id_and_double_ids_are_refused() -> None:
    with pytest.raises(UsageError, match=r"no LTI user id of anna, boris; .* a column lti_user_id of the roster"):
        lti.payloads([row("anna"), row("boris")], SOFTMAX, now=NOW)
    with pytest.raises(UsageError, match="'anna' and 'boris' have the same lti_user_id: 'u'"):
        lti.payloads([row("anna", lti_user_id="u"), row("boris", lti_user_id="u")], SOFTMAX, now=NOW)


def test_a_student_without_an_id_is_told_and_left_out() -> None:
    files, notes = made(row("anna", lti_user_id="u"), row("boris"))
    assert "scores/boris.json" not in files and "scores/anna.json" in files
    assert "without a lti_user_id in the roster, so left out: boris" in notes


def test_a_line_item_needs_a_maximum() -> None:
    empty = Assignment("x", "X", (), ())
    with pytest.raises(UsageError, match="needs a maximum above 0"):
        lti.payloads([], empty, now=datetime.now(UTC))
