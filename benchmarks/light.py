"""Light notebooks through ``torchgrade grade`` and through a plain loop of fresh nbclient kernels, in one run.

    python -m benchmarks.light [--notebooks 24] [--jobs 2] [--repeats 3]

The peer only executes: it grades nothing, and pays a cold kernel and ``import torch`` for each notebook. Ours
does everything, warm-up, hidden graders, gradebook and reports included. Both get the same notebooks on the
same machine; the ratio of wall times is the figure, the times themselves depend on the machine. Peers that grade
are measured by ``python -m benchmarks.peers``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from benchmarks.measuring import ROOT, about

CELLS = (
    "import torch\ntorch.manual_seed({seed})",
    "images = torch.randn(64, 1, 28, 28)\ninputs = images.view(images.shape[0], -1)",
    "w1, b1 = torch.randn(784, 256), torch.randn(256)\nw2, b2 = torch.randn(256, 10), torch.randn(10)",
    "h = 1 / (1 + torch.exp(-(inputs @ w1 + b1)))\nout = h @ w2 + b2",
    "def softmax(x):\n    return torch.exp(x) / torch.sum(torch.exp(x), dim=1).view(-1, 1)",
    "probabilities = softmax(out)\nprint(probabilities.shape, probabilities.sum(dim=1))",
)
WRONG = "def softmax(x):\n    return torch.exp(x) / torch.sum(torch.exp(x), dim=0)"


def cells_of(number: int, *, wrong: bool = False) -> list[str]:
    """The code of one student: another seed for each, so that nothing can be answered from memory."""
    cells = [c.replace("{seed}", str(number)) for c in CELLS]
    return [WRONG if wrong and c.startswith("def softmax") else c for c in cells]


def write_notebook(path: Path, cells: list[str]) -> Path:
    """Code cells with ids of their own."""
    made = [nbformat.v4.new_code_cell(c, id=f"cell-{n}") for n, c in enumerate(cells, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


def write_cohort(folder: Path, count: int, wrong: frozenset[int] = frozenset()) -> list[Path]:
    """``count`` different notebooks; those of these numbers take softmax over the wrong dimension."""
    width = max(3, len(str(count - 1)))
    return [
        write_notebook(folder / f"student{number:0{width}}.ipynb", cells_of(number, wrong=number in wrong))
        for number in range(count)
    ]


def torchgrade_command(cohort: Path, out: Path, jobs: int) -> list[str]:
    """The whole of it: hidden graders, gradebook, reports."""
    command = [sys.executable, "-m", "torchgrade", "grade", "softmax", str(cohort), "--out", str(out)]
    return [*command, "--jobs", str(jobs)]


def points_of(out: Path) -> dict[str, float]:
    """What every student got, as a share of the points that there are."""
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return {s["student"]: s["points"] / s["max_points"] for s in results["submissions"]}


def time_torchgrade(cohort: Path, jobs: int) -> float:
    """Seconds of the whole command, checked to have graded everything."""
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        subprocess.run(
            torchgrade_command(cohort, Path(out), jobs), cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        seconds = time.perf_counter() - begin
        points = points_of(Path(out))
    count = len(list(cohort.glob("*.ipynb")))
    assert len(points) == count and set(points.values()) == {1.0}, "a right notebook lost points"
    return seconds


def time_fresh_kernels(paths: list[Path]) -> float:
    """Seconds of a serial loop that executes each notebook in a new kernel."""
    from nbclient import NotebookClient

    begin = time.perf_counter()
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=60, kernel_name="python3", extra_arguments=["--log-level=50"]).execute()
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--notebooks", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(about("torch", "nbclient", "ipykernel"))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_cohort(Path(folder), options.notebooks)
        time_torchgrade(Path(folder), options.jobs)  # does not count: fills the disk cache
        rounds = [
            (time_torchgrade(Path(folder), options.jobs), time_fresh_kernels(paths))
            for _ in range(options.repeats)
        ]
    ours, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(b / a for a, b in rounds)
    count = options.notebooks
    print(f"torchgrade grade, {options.jobs} jobs, everything included: {ours:.1f} s, {ours / count:.2f} s each")
    print(f"fresh nbclient kernels, one after another, no grading: {peer:.1f} s, {peer / count:.2f} s each")
    print(f"ratio: {ratio:.1f} (median of {options.repeats} rounds of {count} notebooks)")


if __name__ == "__main__":
    main()
