"""The limit that no grader of notebooks can pass: the cells alone, by ``exec`` in forks of a warm process.

    python -m benchmarks.peers.limit FOLDER JOBS [FILES MODULE …]

Prints the seconds from the first fork to the end of the last; importing torch and reading the notebooks is left
out, and so are the modules named, which may lie in the folder FILES. Nothing is sealed, captured, shown, asked,
graded or recorded.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path


def main(folder: Path, jobs: int, files: str = "", modules: Sequence[str] = ()) -> float:
    """Seconds. Raises RuntimeError where a notebook fails."""
    import nbformat
    import torch

    torch.set_num_threads(1)
    sys.path.insert(0, files)
    for name in modules:
        import_module(name)
    notebooks = [nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))]
    sources = [[c.source for c in notebook.cells if c.cell_type == "code"] for notebook in notebooks]
    begin, running = time.perf_counter(), 0
    for cells in sources:
        if running == jobs:
            _reap()
            running -= 1
        if os.fork() == 0:
            _execute(cells)
        running += 1
    for _ in range(running):
        _reap()
    return time.perf_counter() - begin


def _execute(cells: list[str]) -> None:
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        space = {"__name__": "__main__"}
        for cell in cells:
            exec(compile(cell, "<cell>", "exec"), space)
        code = 0
    finally:
        os._exit(code)


def _reap() -> None:
    _, status = os.wait()
    if status:
        raise RuntimeError(f"a notebook failed ({status})")


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4], modules=sys.argv[4:]))
