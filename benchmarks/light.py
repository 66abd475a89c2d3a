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
from collections.abc import Callable
from dataclasses import dataclass
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


FILES = ROOT / "assignments" / "softmax" / "files"
_OWN_DIVISOR = "powers.sum(dim={}, keepdim=True)"


def cells_of(number: int, wrong: bool = False) -> list[str]:
    """The code of one student: another seed for each, so that nothing can be answered from memory."""
    cells = [c.replace("{seed}", str(number)) for c in CELLS]
    return [WRONG if wrong and c.startswith("def softmax") else c for c in cells]


def own_cells_of(number: int, wrong: bool = False) -> list[str]:
    """The same of a student who has filled in the course's own notebook: digits are loaded, and one is drawn."""
    notebook = nbformat.read(ROOT / "solutions" / "softmax" / "softmax.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    plain = ["\n".join(line for line in s.splitlines() if not line.startswith("### ")) for s in sources]
    text = [f"# {number}\n{s}" for s in plain]
    right = _OWN_DIVISOR.format(1)
    assert sum(right in s for s in text) == 1, "the course's solution is another now: spoil it in another way"
    return [s.replace(right, _OWN_DIVISOR.format(0)) for s in text] if wrong else text


@dataclass(frozen=True)
class Kind:
    """What a cohort hands in: ``cells(number, wrong)``, the files handed out with it, and what it imports."""

    cells: Callable[[int, bool], list[str]]
    files: tuple[Path, ...] = ()
    imports: tuple[str, ...] = ()


KINDS = {
    "own": Kind(own_cells_of, (FILES / "helper.py",), ("matplotlib.pyplot", "helper")),
    "few": Kind(cells_of),
}


def write_notebook(path: Path, cells: list[str]) -> Path:
    """Code cells with ids of their own."""
    made = [nbformat.v4.new_code_cell(c, id=f"cell-{n}") for n, c in enumerate(cells, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


def write_cohort(
    folder: Path, count: int, wrong: frozenset[int] = frozenset(), kind: Kind = KINDS["few"]
) -> list[Path]:
    """``count`` different notebooks; those of these numbers take softmax over the wrong dimension."""
    width = max(3, len(str(count - 1)))
    return [
        write_notebook(folder / f"student{number:0{width}}.ipynb", kind.cells(number, number in wrong))
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


def time_fresh_kernels(paths: list[Path], cwd: Path = FILES) -> float:
    """Seconds of a serial loop that executes each notebook in a new kernel, which starts in ``cwd``."""
    from nbclient import NotebookClient

    begin = time.perf_counter()
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            extra_arguments=["--log-level=50"],
            resources={"metadata": {"path": str(cwd)}},
        )
        client.execute()
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
