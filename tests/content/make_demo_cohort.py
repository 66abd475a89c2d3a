"""Writes the demo cohort: made-up hand-ins for softmax, in the manner of real ones. Always the same bytes.

    python tests/content/make_demo_cohort.py

The people are invented. ``COHORT`` says for each what the notebook holds and what it must earn, so that the demo
can be checked against it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "graders" / "softmax" / "cohort"

VALUES = ("rows-sum-to-one", "softmax-values", "softmax-any-size", "softmax-wide-range", "argument-unchanged")
STABLE = ("softmax-stable",)
EVERYTHING = (*VALUES, "out-shape", *STABLE)


@dataclass(frozen=True)
class HandIn:
    """One student's notebook: cells in percent format (or raw bytes), and the criteria that it loses."""

    student: str
    about: str
    loses: tuple[str, ...]
    points: float
    bonus: float = 0.0
    cells: str = ""
    raw: bytes | None = None
    status: str = "graded"  # as in model.Status
    python: str = "3.7.3"  # under which it was saved
    ids: bool = False  # nbformat 4.5


TITLE = """
# %% [markdown]
# # Neural networks with PyTorch
#
# Deep networks are made of many layers of "neurons". In this notebook we build a network by hand
# that can tell digits in pictures apart.
"""

IMPORTS = """
# %%
import torch
import numpy as np
import helper
%matplotlib inline
import matplotlib.pyplot as plt
"""

BATCH = """
# %%
images, labels = helper.mnist_batch(64)
print(type(images))
print(images.shape)
print(labels.shape)

# %%
plt.imshow(images[1].numpy().squeeze(), cmap='Greys_r');
"""

NETWORK = """
# %% [markdown]
# > **Exercise:** flatten the batch, then build a network with 784 inputs, 256 hidden units and 10 outputs
# > from random tensors. Sigmoid for the hidden layer, nothing for the output.

# %%
def activation(x):
    return 1/(1+torch.exp(-x))

inputs = images.view(images.shape[0], -1)

w1 = torch.randn(784, 256)
b1 = torch.randn(256)
w2 = torch.randn(256, 10)
b2 = torch.randn(10)

h = activation(torch.mm(inputs, w1) + b1)
out = torch.mm(h, w2) + b2
out.shape
"""

EXERCISE = """
# %% [markdown]
# > **Exercise:** write a function `softmax` that makes probabilities of every row. Mind the shapes.
"""

TRY = """
# %%
probabilities = softmax(out)
print(probabilities.shape)
print(probabilities.sum(dim=1))
"""


def course_notebook(softmax: str, after: str = "", imports: str = IMPORTS, try_out: str = TRY) -> str:
    """The course's notebook with this student's softmax in it."""
    return TITLE + imports + BATCH + NETWORK + EXERCISE + "\n# %%\n" + softmax.strip("\n") + "\n" + try_out + after


PLAIN = """
def softmax(x):
    return torch.exp(x) / torch.sum(torch.exp(x), dim=1).view(-1, 1)
"""

STABLE_SOFTMAX = '''
def softmax(x):
    """Numerically stable: the maximum of each row is subtracted first."""
    shifted = x - x.max(dim=1, keepdim=True).values
    exps = torch.exp(shifted)
    return exps / exps.sum(dim=1, keepdim=True)
'''

HISTOGRAM = """
# %% [markdown]
# What do the raw outputs look like?

# %%
plt.hist(out.flatten().numpy(), bins=30)
plt.xlabel("raw output")
plt.show()
"""

DOWNLOAD = """
# %%
from torchvision import datasets, transforms

transform = transforms.Compose([transforms.ToTensor(),
                              transforms.Normalize((0.5,), (0.5,)),
                              ])
trainset = datasets.MNIST('~/.pytorch/MNIST_data/', download=True, train=True, transform=transform)
trainloader = torch.utils.data.DataLoader(trainset, batch_size=64, shuffle=True)
images, labels = next(iter(trainloader))
"""

COHORT = (
    HandIn(
        "anna_petrova",
        "right, as in the course",
        STABLE,
        10,
        cells=course_notebook(PLAIN, HISTOGRAM),
    ),
    HandIn(
        "maxim_sokolov",
        "right and stable",
        (),
        10,
        0.5,
        ids=True,
        python="3.10.12",
        cells=course_notebook(STABLE_SOFTMAX)
        + """
# %%
# check against torch, and with big numbers
print(torch.allclose(softmax(out), torch.softmax(out, dim=1)))
print(softmax(torch.tensor([[1000., 1000., -1000.]])))
""",
    ),
    HandIn(
        "li_wei",
        "right, np.exp on a tensor, prints inside",
        STABLE,
        10,
        cells=course_notebook(
            """
def softmax(logits):
    # keepdim keeps (64, 1) so it broadcasts
    total = np.exp(logits).sum(dim=1, keepdim=True)
    print('divisor', total.shape)
    return np.exp(logits) / total
"""
        ),
    ),
    HandIn(
        "fatima_al_hassan",
        "right, row by row",
        STABLE,
        10,
        ids=True,
        python="3.11.4",
        cells=course_notebook(
            """
def softmax(x):
    rows = []
    for row in x:
        e = torch.exp(row)
        rows.append(e / torch.sum(e))
    return torch.stack(rows)
""",
            """
# %%
!ls
# %%
p = softmax(out)[0]
plt.bar(range(10), p.numpy())
plt.title("first picture")
plt.show()
""",
        ),
    ),
    HandIn(
        "zhanna_kim",
        "right, with the function of torch",
        (),
        10,
        0.5,
        cells=course_notebook(
            """
import torch.nn.functional as F

def softmax(x):
    return F.softmax(x, dim=1)
"""
        ),
    ),
    HandIn(
        "dmitry_volkov",
        "one sum over the whole batch",
        (*VALUES, *STABLE),
        1,
        cells=course_notebook(
            """
def softmax(x):
    return torch.exp(x) / torch.sum(torch.exp(x))
"""
        ),
    ),
    HandIn(
        "elena_smirnova",
        "normalised over the batch, not the digits",
        (*VALUES, *STABLE),
        1,
        cells=course_notebook(
            """
def softmax(x):
    e = torch.exp(x)
    return e / torch.sum(e, dim=0)
"""
        ),
    ),
    HandIn(
        "joao_pereira",
        "works for a batch of 64 alone",
        ("softmax-any-size", *STABLE),
        8,
        cells=course_notebook(
            """
def softmax(x):
    a = torch.exp(x)
    b = torch.sum(torch.exp(x), dim=1).view(64, 1)
    return a/b
"""
        ),
    ),
    HandIn(
        "maria_garcia",
        "a minus in the exponent",
        (*VALUES, *STABLE),
        1,
        ids=True,
        python="3.9.7",
        cells=course_notebook(
            """
def softmax(x):
    return torch.exp(-x) / torch.exp(-x).sum(dim=1).view(-1, 1)
"""
        ),
    ),
    HandIn(
        "peter_mueller",
        "right values, but the argument is overwritten",
        ("argument-unchanged", *STABLE),
        9,
        cells=course_notebook(
            """
def softmax(x):
    x = x.exp_()
    return x / x.sum(dim=1, keepdim=True)
""",
            try_out="""
# %%
probabilities = softmax(out.clone())
print(probabilities.sum(dim=1))
""",
        ),
    ),
    HandIn(
        "ksenia_orlova",
        "the download fails, everything else is right",
        STABLE,
        10,
        cells=TITLE
        + """
# %%
import torch
"""
        + DOWNLOAD
        + """
# %%
# the site did not answer from the dormitory, so I took random pictures
if 'images' not in globals():
    images = torch.rand(64, 1, 28, 28)
images.shape
"""
        + NETWORK
        + EXERCISE
        + "\n# %%\n"
        + PLAIN.strip("\n")
        + "\n"
        + TRY,
    ),
    HandIn(
        "yuki_tanaka",
        "right, with calls that newer versions no longer have",
        STABLE,
        10,
        python="3.6.8",
        cells=course_notebook(
            """
def softmax(x):
    return torch.exp(x) / torch.sum(torch.exp(x), dim=1).reshape(x.shape[0], 1)
""",
            """
# %%
loader = torch.utils.data.DataLoader(images, batch_size=16)
batch = iter(loader).next()
batch.shape

# %%
print("done")
""",
        ),
    ),
    HandIn(
        "aisha_bekova",
        "right softmax, but no network",
        ("out-shape", *STABLE),
        9,
        cells=TITLE
        + """
# %%
import torch
"""
        + EXERCISE
        + "\n# %%\n"
        + PLAIN.strip("\n")
        + """

# %%
x = torch.randn(5, 3)
softmax(x).sum(dim=1)
""",
    ),
    HandIn(
        "tomas_novak",
        "the function has another name",
        (*VALUES, *STABLE),
        1,
        cells=course_notebook(
            """
def softmaks(x):
    return torch.exp(x) / torch.sum(torch.exp(x), dim=1).view(-1, 1)
""",
            try_out="""
# %%
softmaks(out).sum(dim=1)
""",
        ),
    ),
    HandIn(
        "ivan_kuznetsov",
        "right, but a late cell never ends",
        STABLE,
        10,
        status="limit",
        cells=course_notebook(
            PLAIN,
            """
# %% [markdown]
# Let me draw batches until one has only zeros in it :)

# %%
tries = 0
while True:
    tries += 1
    digits = torch.randint(0, 10, (64,))
    if (digits == 0).all():
        break
print(tries)
""",
        ),
    ),
    HandIn(
        "sergey_lebedev",
        "right, but a cell ends the whole process",
        STABLE,
        10,
        status="limit",
        cells=course_notebook(
            PLAIN,
            """
# %%
import os
# stop the notebook here
os._exit(0)

# %%
print("never printed")
""",
        ),
    ),
    HandIn(
        "pavel_morozov",
        "tries to forge the grade",
        EVERYTHING,
        0,
        cells="""
# %%
import json
import torch

def softmax(x):
    return torch.zeros_like(x)

out = torch.zeros(64, 10)

# %%
torch.allclose = lambda *a, **k: True
torch.equal = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None

# %%
with open("results.json", "w") as f:
    json.dump({"score": 10, "tests": [{"name": "softmax-values", "status": "passed", "max_score": 10}]}, f)
print("All tests passed! Score: 10/10")
""",
    ),
    HandIn(
        "artem_popov",
        "handed in as it was handed out",
        EVERYTHING,
        0,
        cells=TITLE
        + IMPORTS
        + BATCH
        + """
# %%
def activation(x):
    return 1/(1+torch.exp(-x))

# YOUR CODE HERE
"""
        + EXERCISE
        + """
# %%
def softmax(x):
    # YOUR CODE HERE
    raise NotImplementedError("write this")
"""
        + TRY,
    ),
    HandIn(
        "olga_ivanova",
        "the file was cut off while it was saved",
        EVERYTHING,
        0,
        status="unreadable",
        raw=b'{\n "cells": [\n  {\n   "cell_type": "code",\n   "execution_count": 1,\n   "metadata": {},\n'
        b'   "outputs": [],\n   "source": [\n    "import torch\\n",\n    "def softmax(x):\\n",\n'
        b'    "    return torch.exp(x) / torch.su',
    ),
    HandIn("nikita_fedorov", "an empty file", EVERYTHING, 0, status="unreadable", raw=b""),
)


def file_bytes(hand_in: HandIn) -> bytes:
    """The file as it was handed in."""
    if hand_in.raw is not None:
        return hand_in.raw
    text = json.dumps(_notebook(hand_in), indent=1, ensure_ascii=False)
    return (text + "\n").encode()


def code_cells(hand_in: HandIn) -> list[str]:
    """The sources of the code cells, IPython's own lines included."""
    return [source for kind, source in _split(hand_in.cells) if kind == "code"]


def _notebook(hand_in: HandIn) -> dict[str, Any]:
    cells, count = [], 0
    for i, (kind, source) in enumerate(_split(hand_in.cells)):
        cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
        if kind == "code":
            count += 1
            cell |= {"execution_count": count, "outputs": []}
        cells.append(cell | ({"id": f"{hand_in.student[:4]}-{i:02d}"} if hand_in.ids else {}))
    language = {"name": "python", "version": hand_in.python, "file_extension": ".py", "mimetype": "text/x-python"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": language}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5 if hand_in.ids else 2}


def _split(text: str) -> list[tuple[str, str]]:
    """(kind, source) of every cell."""
    found = []
    for part in re.split(r"(?m)^# %%", text.strip("\n") + "\n")[1:]:
        mark, _, body = part.partition("\n")
        if "[markdown]" in mark:
            found.append(("markdown", re.sub(r"(?m)^# ?", "", body).strip("\n")))
        else:
            found.append(("code", body.strip("\n")))
    return found


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every file into ``folder``; other notebooks there are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.ipynb"):
        old.unlink()
    paths = []
    for hand_in in COHORT:
        path = folder / f"{hand_in.student}.ipynb"
        path.write_bytes(file_bytes(hand_in))
        paths.append(path)
    return paths


if __name__ == "__main__":
    print(f"{len(write())} hand-ins in {FOLDER}")
