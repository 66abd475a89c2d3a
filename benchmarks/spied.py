"""The warm examiner with a stopwatch: what ``benchmarks.phases`` starts in place of it.

    python -m benchmarks.spied DESCRIPTOR

A name of the engine that is gone ends this with AttributeError: the stopwatch then has to be fitted anew. Each
examination adds one line of JSON to the file in TORCHGRADE_STOPWATCH.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

FILE = "TORCHGRADE_STOPWATCH"
#: A question to this function trains, whichever way a grader puts it.
TRAINING = "train"


class Stopwatch:
    """Seconds by phase. A phase inside another one counts in both."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def over(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, with its wall time under ``phase``."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[phase] += time.monotonic() - begin

        return timed

    def over_questions(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        """``Attempt.ask``: questions that train apart from the others."""

        def timed(
            attempt: Any, subject: str, op: str, fields: Any, values: Any, training: float | None = None
        ) -> Any:
            trains = training is not None or (subject == TRAINING and op == "call")
            question = self.over("training" if trains else "asking", ask)
            return question(attempt, subject, op, fields, values, training)

        return timed


def fit(watch: Stopwatch) -> None:
    """Put the stopwatch over the phases of one examination; for a process that makes but one."""
    from torchgrade.grading import attempt, examiner, plugin

    opener = examiner._opener
    examiner._opener = lambda *args: watch.over("room opened", opener(*args))
    attempt.run_notebook = watch.over("notebook", attempt.run_notebook)
    attempt.Attempt.ask = watch.over_questions(attempt.Attempt.ask)
    examiner.results_of = watch.over("examination", examiner.results_of)
    plugin.ExamPlugin.examine = watch.over("pytest", plugin.ExamPlugin.examine)
    attempt.Attempt._hand_out_files = watch.over("files", attempt.Attempt._hand_out_files)
    examiner.verdict_of = watch.over("verdict", examiner.verdict_of)
    attempt.Attempt._close_room = watch.over("room closed", attempt.Attempt._close_room)


def main(descriptor: int) -> None:
    """Serve as ``torchgrade.grading.warmed`` does."""
    from torchgrade.grading import warmed

    examine = warmed._examine

    def spied(desk: Any, job: dict[str, Any], zygote: Any) -> dict[str, Any]:
        watch = Stopwatch()
        fit(watch)
        answer: dict[str, Any] = watch.over("all", examine)(desk, job, zygote)
        line = json.dumps({"student": job["student"], **watch.seconds}) + "\n"
        with open(os.environ[FILE], "a", encoding="utf-8") as file:
            file.write(line)
        return answer

    warmed._examine = spied
    warmed.serve(descriptor)


if __name__ == "__main__":
    main(int(sys.argv[1]))
