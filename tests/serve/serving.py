"""Verdicts of a small course, and a browser without a network: it speaks to the server inside this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from small_course import notebook

from torchgrade.gradebook import Gradebook
from torchgrade.model import CriterionResult, Outcome, Status, Verdict, Visibility

COURSE = "Small course, 2026"
TOKEN = "a-token-of-the-tests"
RUBRIC = """\
- {id: doubles, title: double(x) is twice x, points: 2}
- {id: large, title: Large numbers, points: 1, visibility: hidden}
- {id: words, title: The question is answered in words, points: 3, manual: true}
- {id: extra, title: Something more, points: 1, bonus: true, manual: true}
"""


def criteria(**outcomes: Outcome) -> tuple[CriterionResult, ...]:
    """doubles lost, large passed, two that a teacher grades; ``outcomes`` are others."""
    found = {"doubles": Outcome.FAILED, "large": Outcome.PASSED, **outcomes}
    most = {"doubles": 2.0, "large": 1.0}
    machine = [
        CriterionResult(
            id, {"doubles": "double(x) is twice x", "large": "Large numbers"}[id], outcome,
            most[id] if outcome is Outcome.PASSED else 0.0, most[id],
            visibility=Visibility.HIDDEN if id == "large" else Visibility.PUBLIC,
            message="" if outcome is Outcome.PASSED else "double(2) gave 5.", hint="Twice is two times.",
        )
        for id, outcome in found.items()
    ]  # fmt: skip
    return (
        *machine,
        CriterionResult("words", "The question is answered in words", Outcome.MANUAL, 0.0, 3.0, message="waits"),
        CriterionResult("extra", "Something more", Outcome.MANUAL, 0.0, 1.0, bonus=True),
    )


def make_verdict(student: str = "anna", work: str = "one", **changes: Any) -> Verdict:
    """A verdict on the notebook ``work``: 1 of 3 points, two criteria wait."""
    fields: dict[str, Any] = {
        "student": student,
        "assignment": "double",
        "status": Status.GRADED,
        "points": 1.0,
        "max_points": 3.0,
        "bonus": 0.0,
        "criteria": criteria(),
        "digests": {"notebook": f"{student} {work}"},
        "notebook": notebook(f"answer = '{work}'"),
    }
    return Verdict(**{**fields, **changes})


def record(book: Gradebook, *verdicts: Verdict, ended: bool = True) -> str:
    """A run with these verdicts."""
    run_id = book.start_run("double", {}, course=COURSE)
    for one in verdicts:
        book.record(one, f"key of {one.student}, {one.digests['notebook']}, {one.points}", run_id)
    if ended:
        book.end_run(run_id)
    return run_id


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    text: str
    cookie: str = ""


@dataclass
class Client:
    """A browser that keeps its cookie; each header may be another one."""

    app: Any
    keys: Any
    host: str = "127.0.0.1:8000"
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def enter(self) -> Client:
        """Show the token."""
        self.cookie = self.get(f"/?token={self.keys.token}").cookie
        assert self.cookie
        return self

    def get(self, path: str, **headers: str) -> Answer:
        """A page."""
        return self._say("GET", path, b"", headers)

    def post(self, path: str, fields: dict[str, str] | bytes, *, csrf: bool = True, **headers: str) -> Answer:
        """A form; ``csrf``: with the token that our pages put into forms."""
        if isinstance(fields, dict):
            fields = {"csrf": self.keys.csrf, **fields} if csrf else fields
            body = urlencode(fields).encode()
        else:
            body = fields
        return self._say("POST", path, body, headers)

    def _say(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        given = {"host": self.host, **({"cookie": self.cookie} if self.cookie else {}), **self.headers}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(n.encode(), v.encode()) for n, v in given.items()],
            "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8000),
        }  # fmt: skip
        said: list[dict[str, Any]] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        asyncio.run(self.app(scope, receive, send))
        found = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        text = b"".join(m.get("body", b"") for m in said[1:]).decode()
        return Answer(said[0]["status"], found, text, found.get("set-cookie", "").partition(";")[0])
