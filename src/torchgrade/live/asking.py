"""``check``: asks the graders, answers their questions, shows what came of it."""

from __future__ import annotations

import bdb
import os
import sys
import threading
from typing import Any

from torchgrade.i18n import LANGUAGES, _, use_language
from torchgrade.live import examiner as examiners
from torchgrade.live.place import Place
from torchgrade.live.result import Result, problem
from torchgrade.live.undisturbed import undisturbed
from torchgrade.wire import WireError


def check(assignment: str = "", *, course: str | os.PathLike[str] = "") -> Result:
    """Ask this kernel the public criteria of an assignment, and show what came of it.

    The assignment may be left out where the notebook's name, its folder or what it defines tells it; ``course`` is
    a folder in the course, by default the current one. Raises KeyboardInterrupt where it is interrupted.
    """
    place = Place.of(sys._getframe(1))
    request = {
        "assignment": assignment,
        "course": os.fspath(course),
        "cwd": os.getcwd(),
        "cells": place.cells,
        "file": place.file,
    }
    if not _one_at_a_time.acquire(blocking=False):
        return problem(_("another check is going on")).shown(place.shell)
    try:
        with undisturbed(place.namespace):
            result = _asked(request, place)
    except (KeyboardInterrupt, bdb.BdbQuit):
        examiners.forget_examiner()
        raise Stopped from None
    finally:
        _one_at_a_time.release()
    return result.shown(place.shell)


_one_at_a_time = threading.Lock()


class Stopped(KeyboardInterrupt):
    """A check that was interrupted. One line in a notebook, instead of a traceback through this file."""

    def __str__(self) -> str:
        return _("the check was stopped")

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def _asked(request: dict[str, Any], place: Place) -> Result:
    for _try in range(2):  # a warm examiner may be one for other graders, or have died meanwhile
        examiner, fresh = examiners.living_examiner()
        try:
            answer = examiner.ask(request, place)
        except (WireError, OSError):
            said = examiner.last_words()
            examiners.forget_examiner()
            if fresh:
                return problem(_("the process of the graders ended ({why})").format(why=said))
            continue
        if answer is None or not examiners.FORKS:
            examiners.forget_examiner()
        if answer is not None:
            if place.shell is not None and not examiners.FORKS:
                examiners.living_examiner()  # for the next check: it imports torch while the student reads
            return _result(answer)
    return problem(_("the course changed while it was asked"))


def _result(answer: dict[str, Any]) -> Result:
    if answer.get("language") in LANGUAGES:
        use_language(answer["language"])  # the course's; what this process says itself is in it from now on
    if answer["problem"]:
        return problem(answer["problem"])
    return Result(answer["text"], answer["html"], answer["document"])
