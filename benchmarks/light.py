"""Light notebooks through ``torchgrade grade`` and through a plain loop of fresh nbclient kernels, in one run.

    python benchmarks/light.py [--notebooks 24] [--jobs 2] [--repeats 3]

The peer only executes: it grades nothing, and pays a cold kernel and ``import torch`` for each notebook. Ours
does everything, warm-up, hidden graders, gradebook and reports included. Both get the same notebooks on the
same machine; the ratio of wall times is the figure, the times themselves depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
CELLS = (
    "import torch\ntorch.manual_seed({seed})",
    "images = torch.randn(64, 1, 28, 28)\ninputs = images.view(images.shape[0], -1)",
    "w1, b1 = torch.randn(784, 256), torch.randn(256)\nw2, b2 = torch.randn(256, 10), torch.randn(10)",
    "h = 1 / (1 + torch.exp(-(inputs @ w1 + b1)))\nout = h @ w2 + b2",
    "def softmax(x):\n    return torch.exp(x) / torch.sum(torch.exp(x), dim=1).view(-1, 1)",
    "probabilities = softmax(out)\nprint(probabilities.shape, probabilities.sum(dim=1))",
)


def write_cohort(folder: Path, count: int) -> list[Path]:
    """``count`` different notebooks, so that nothing can be answered from memory."""
    paths = []
    for number in range(count):
        cells = [nbformat.v4.new_code_cell(c.replace("{seed}", str(number))) for c in CELLS]
        path = folder / f"student{number:03}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        paths.append(path)
    return paths


def time_torchgrade(cohort: Path, jobs: int) -> float:
    """Seconds of the whole command, checked to have graded everything."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "torchgrade", "grade", "softmax", str(cohort), "--out", out]
        begin = time.perf_counter()
        subprocess.run([*command, "--jobs", str(jobs)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        results = json.loads((Path(out) / "results.json").read_text())
    assert all(s["points"] == s["max_points"] for s in results["submissions"]), "a right notebook lost points"
    return seconds


def time_fresh_kernels(paths: list[Path]) -> float:
    """Seconds of a serial loop that executes each notebook in a new kernel."""
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
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    names = ("torch", "nbclient", "ipykernel")
    print(platform.platform(), ", ".join(f"{n} {metadata.version(n)}" for n in names), f"commit {commit}")
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
