"""The examiner behind ``torchgrade.check``: a process beside the kernel, which stays warm between checks.

``python -m torchgrade.pipeline.live PORT [--once]`` reads a key from standard input and calls back
(``torchgrade.live``). A request is one frame with a JSON document in an array; questions go the other way, then
the result. pytest and the graders run here and leave no trace in the kernel; the student's functions run there.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchgrade.data import PreparedData
from torchgrade.errors import TorchgradeError, UsageError
from torchgrade.i18n import _, language
from torchgrade.model import Assignment, Course, Submission, Tier
from torchgrade.pipeline import datasets, keys
from torchgrade.pipeline.checking import Checked, as_document, count_later, find_assignment, guess_assignment
from torchgrade.pipeline.folders import course_root
from torchgrade.pipeline.retelling import retell_all
from torchgrade.sandbox import loopback
from torchgrade.spec import assignment_ids, check_graders, find_course, load_course, speak
from torchgrade.wire import WireClosed, WireLimits, receive_frame, send_frame

_SEND_SECONDS = 60.0


@dataclass(frozen=True)
class Asked:
    """A request, and what it is about."""

    course: Course
    assignment: Assignment
    submission: Submission
    state: tuple[str, str, str, dict[str, str]]  # with another one, the collected graders are the wrong ones


def main(port: int, *, once: bool) -> None:
    """Serve checks until the kernel closes the stream, or one alone."""
    stream = loopback.call_back(port, sys.stdin.readline().strip())
    try:
        _serve(stream, once=once)
    except WireClosed:
        pass
    except TorchgradeError as error:
        _send(stream, {"done": _problem(str(error))})
    except Exception:
        traceback.print_exc()
        said = _("the check itself failed: {why}").format(why=traceback.format_exc(limit=-3))
        _send(stream, {"done": _problem(said)})
    os._exit(0)  # an interpreter with torch takes 0.2 s to take itself apart


def _serve(stream: socket.socket, *, once: bool) -> None:
    import torch

    from torchgrade.grading.desk import Desk

    torch.set_num_threads(1)  # a pool of threads would not survive a fork
    asked = find(_read(stream))
    prepared = datasets.prepare_for(
        asked.course, asked.assignment, None, lambda text: _send(stream, {"tell": text})
    )
    desk = Desk(asked.assignment, hidden=(), public_only=True, data=prepared)
    desk.open(lambda: (_examine if once else _examine_all)(stream, desk, prepared, asked))


def _examine_all(stream: socket.socket, desk: Any, prepared: PreparedData | None, asked: Asked) -> None:
    """Inside the session of pytest: this request, and all that follow for the same graders."""
    state = asked.state
    while asked.state == state:
        _apart(lambda asked=asked: _examine(stream, desk, prepared, asked))  # type: ignore[misc]
        asked = _next(stream)
    _send(stream, {"anew": True})


def _next(stream: socket.socket) -> Asked:
    """The next request that is about something; of the others, what is wrong is told."""
    while True:
        try:
            return find(_read(stream))
        except TorchgradeError as error:
            _send(stream, {"done": _problem(str(error))})


def _problem(said: str) -> dict[str, str]:
    """What could not be done, and the language that the kernel is to go on in."""
    return {"problem": said, "language": language()}


def _apart(work: Callable[[], None]) -> None:
    """In a process forked for it: graders are run once in a process."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    if os.waitpid(child, 0)[1]:
        os._exit(1)  # the kernel must not wait for more


def _examine(stream: socket.socket, desk: Any, prepared: PreparedData | None, asked: Asked) -> None:
    from torchgrade.grading.examiner import Job
    from torchgrade.grading.live import examine_live

    job = Job(
        student=asked.submission.student,
        assignment=asked.assignment.id,
        notebook=asked.submission.notebook or {},
        digest="",
        tier=Tier.NONE,
        public_only=True,
        notes=retell_all(prepared.notes if prepared else ()),
        digests=datasets.digests_of(prepared),
        versions=keys.versions(),
    )
    verdict = examine_live(desk, job, stream)
    checked = Checked(
        asked.assignment, verdict, count_later(asked.assignment), language=asked.course.language, live=True
    )
    _send(stream, {"done": _result(checked)})


def _result(checked: Checked) -> dict[str, Any]:
    from torchgrade.feedback.inline import render_inline
    from torchgrade.feedback.terminal import as_text

    problem = checked.verdict.reason if checked.verdict.status == "broken" else ""
    told = checked.told
    return {
        "document": as_document(checked),
        "text": as_text(told),
        "html": render_inline(told),
        "problem": problem,
        "language": language(),
    }


def find(request: dict[str, Any]) -> Asked:
    """What a request (cells, file, cwd, assignment, course) is about. Raises TorchgradeError."""
    here = Path(request["cwd"])
    wanted, file = request["assignment"], here / (request["file"] or "_")
    course = speak(load_course(_root(request["course"], here), only=wanted or None))
    submission = Submission("you", None, _notebook(request["cells"]))
    if wanted:
        assignment = find_assignment(course, wanted, file, submission)
    else:
        guessed = guess_assignment(course, file, submission)
        if guessed is None and len(course.assignments) == 1:
            guessed = course.assignments[0]
        if guessed is None:
            ids = assignment_ids(course.root)
            said = _('which assignment is this? Say check("{id}"); there are: {ids}')
            raise UsageError(said.format(id=ids[0], ids=", ".join(ids)))
        assignment = guessed
    check_graders(assignment, public_only=True)
    state = (str(course.root), assignment.id, course.language, keys.assignment_digests(assignment))
    return Asked(course, assignment, submission, state)


def _root(wanted: str, here: Path) -> Path:
    if not wanted:
        return course_root(here)
    found = find_course(here / Path(wanted).expanduser())
    if found is None:
        raise UsageError(_("{folder}: there is no course.yaml in it or above it").format(folder=wanted))
    return found


def _notebook(cells: list[str]) -> dict[str, Any]:
    """The cells that were run, in the order in which they were, as a file would hold them."""
    made = [
        {
            "cell_type": "code",
            "id": f"cell-{n}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": n,
        }
        for n, source in enumerate(cells, 1)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}


def _read(stream: socket.socket) -> dict[str, Any]:
    """The next request. Raises WireClosed."""
    frame = receive_frame(stream, WireLimits(), None)
    return dict(json.loads(frame.arrays[0].tobytes()))


def _send(stream: socket.socket, message: dict[str, Any]) -> None:
    content = np.frombuffer(json.dumps(message).encode(), np.uint8)
    send_frame(stream, {"op": "", "nonce": ""}, [content], _SEND_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]), once="--once" in sys.argv)
