"""The bundled cohort is what its script writes, and each hand-in earns what the script says."""

from __future__ import annotations

import json
import os
import signal
import sys

import make_demo_cohort as demo
import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager
from quick import ROOT, judge, run

from torchgrade.spec import load_assignment

RUNNABLE = [h for h in demo.COHORT if h.raw is None]


def test_the_files_are_what_the_script_writes():
    there = {p.name: p.read_bytes() for p in demo.FOLDER.iterdir()}
    assert there == {f"{h.student}.ipynb": demo.file_bytes(h) for h in demo.COHORT}


def test_there_are_many_kinds_of_hand_in():
    assert len(demo.COHORT) >= 14
    assert len({h.student for h in demo.COHORT}) == len({h.about for h in demo.COHORT}) == len(demo.COHORT)
    assert {h.status for h in demo.COHORT} == {"graded", "limit", "unreadable"}


def test_two_files_cannot_be_read_as_notebooks():
    for hand_in in demo.COHORT:
        if hand_in.raw is not None:
            with pytest.raises(json.JSONDecodeError):
                json.loads(hand_in.raw)


def test_points_follow_from_what_is_lost():
    spec = load_assignment(ROOT, "softmax")
    for hand_in in demo.COHORT:
        kept = [c for c in spec.criteria if c.id not in hand_in.loses]
        assert hand_in.points == sum(c.points for c in kept if not c.bonus), hand_in.student
        assert hand_in.bonus == sum(c.points for c in kept if c.bonus), hand_in.student


@pytest.fixture
def harmless(monkeypatch, tmp_path):
    """A place where these notebooks may run in this process: nothing they do outlives the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setitem(sys.modules, "torchvision", None)  # no download from a test
    for owner, name in ((torch, "allclose"), (torch, "equal"), (torch.testing, "assert_close")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back, whatever a notebook does to them

    def leave(code):
        raise RuntimeError(f"the process would have ended with code {code}")

    def stop(*_):
        raise TimeoutError("this cell never ends")

    monkeypatch.setattr(os, "_exit", leave)
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


PRELUDE = """
from types import SimpleNamespace

def get_ipython(shell=SimpleNamespace(system=lambda *_: None, run_line_magic=lambda *_: None)):
    return shell
"""


@pytest.mark.parametrize("hand_in", RUNNABLE, ids=lambda h: h.student)
def test_hand_in_earns_what_the_script_says(hand_in, harmless):
    cells = [TransformerManager().transform_cell(source) for source in demo.code_cells(hand_in)]
    finite = [cell for cell in cells if "while True" not in cell]
    space, _ = run("softmax", [PRELUDE, *finite])
    assert judge("softmax", space).lost == set(hand_in.loses)
