"""LTI Assignment and Grade Services 2.0: the bodies that a tool would POST, as files.

Nothing is sent: a tool that is registered with the platform has the key for that. ``requests.json`` says which
file goes where, with which media type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.exports.changes import left_alone, listed
from torchgrade.exports.rows import Row, State, in_order, number, possible
from torchgrade.exports.tables import folded
from torchgrade.feedback.clean import one_line
from torchgrade.i18n import _
from torchgrade.intake import safe_names
from torchgrade.model import Assignment

LINE_ITEM = "lineitem.json"
REQUESTS = "requests.json"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
COLUMNS = ("lti_user_id", "user_id")
_COMMENT = 1000


def payloads(
    rows: Sequence[Row], assignment: Assignment, *, now: datetime
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Files by their relative names, and what the teacher is told. Raises UsageError, a line for each problem.

    A platform takes a score only where its timestamp is later than that of the last one: ``now`` is that of all.
    """
    maximum = possible(assignment)
    if maximum <= 0:
        raise UsageError(f"{assignment.id}: no criterion has points, and a line item needs a maximum above 0")
    sent = [row for row in in_order(rows) if row.state in (State.GRADED, State.WAITING)]
    users = _users(sent)
    posted = [row for row in sent if row.student in users]
    names = safe_names(row.student for row in posted)
    files = {LINE_ITEM: _json(_line_item(assignment, maximum))}
    requests = [_request("POST", "{lineitems}", LINE_ITEM_TYPE, LINE_ITEM)]
    for row in posted:
        name = f"scores/{names[row.student]}.json"
        files[name] = _json(score(row, users[row.student], maximum, now=now))
        requests.append(_request("POST", "{lineitem}/scores", SCORE_TYPE, name))
    files[REQUESTS] = _json(requests)
    return files, tuple(_notes(rows, [row.student for row in sent if row.student not in users]))


def score(row: Row, user: str, maximum: float, *, now: datetime) -> dict[str, Any]:
    """One score; of a work that waits for a teacher the points so far."""
    graded = row.state is State.GRADED
    return {
        "userId": user,
        "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "activityProgress": "Completed" if graded else "Submitted",
        "gradingProgress": "FullyGraded" if graded else "PendingManual",
        "scoreGiven": round(row.total, 4),
        "scoreMaximum": float(maximum),
        "comment": "\n".join(_comment(row, maximum)),
    }


def _comment(row: Row, maximum: float) -> Iterator[str]:
    """Plain text for the student: the points, what lateness did, and why nothing was read."""
    line = _("{points} of {most} points").format(points=number(row.points), most=number(maximum))
    yield f"{line} + {number(row.bonus)}" if row.bonus else line
    for because in row.standing.because if row.standing is not None else ():
        yield one_line(because, _COMMENT)
    if row.verdict is not None and row.verdict.reason:
        yield one_line(row.verdict.reason, _COMMENT)


def _line_item(assignment: Assignment, maximum: float) -> dict[str, Any]:
    return {
        "label": one_line(assignment.title, 250),
        "scoreMaximum": float(maximum),
        "resourceId": assignment.id,
        "tag": "torchgrade",
    }


def _request(method: str, url: str, media: str, body: str) -> dict[str, str]:
    return {"method": method, "url": url, "contentType": media, "body": body}


def _users(rows: Sequence[Row]) -> dict[str, str]:
    """The platform's id of each student whose roster's line has one. Raises UsageError."""
    users: dict[str, str] = {}
    whose: dict[str, str] = {}
    problems = []
    for row in rows:
        fields = {folded(name): value.strip() for name, value in row.fields.items() if value}
        user = next((fields[folded(c)] for c in COLUMNS if fields.get(folded(c))), "")
        if user in whose:
            problems.append(f"{whose[user]!r} and {row.student!r} have the same {COLUMNS[0]}: {user!r}")
        if user:
            users[row.student] = user
            whose.setdefault(user, row.student)
    if problems:
        raise UsageError("\n".join(problems))
    if rows and not users:
        raise UsageError(
            f"no LTI user id of {listed([row.student for row in rows])}; it is the `sub` of their launch: put it "
            f"into a column {COLUMNS[0]} of the roster (--roster)"
        )
    return users


def _notes(rows: Sequence[Row], unknown: Sequence[str]) -> Iterator[str]:
    if unknown:
        yield f"without a {COLUMNS[0]} in the roster, so left out: {listed(unknown)}"
    excused = [row.student for row in rows if row.state is State.EXCUSED]
    if excused:
        yield f"excused, for which AGS has no word; excuse them on the platform: {listed(excused)}"
    # A score without points would clear the one that is there: what is broken is not sent at all.
    yield from left_alone([row for row in rows if row.state is not State.WAITING])


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")
