"""The helper module of softmax: a batch everywhere, and the names that notebooks of the course import."""

from __future__ import annotations

import struct
import sys

import pytest
import torch
from quick import ROOT, load


@pytest.fixture
def helper(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    return load(ROOT / "assignments" / "softmax" / "files" / "helper.py", "helper")


def test_where_there_is_no_mnist_digits_are_drawn_and_it_is_said(helper, capsys):
    images, labels = helper.mnist_batch()
    assert images.shape == (64, 1, 28, 28)
    assert labels.shape == (64,)
    assert -1 <= float(images.min()) < -0.8 < 0.8 < float(images.max()) <= 1
    assert set(labels.tolist()) <= set(range(10))
    assert "not on this machine" in capsys.readouterr().out
    assert torch.equal(helper.mnist_batch()[0], images)


def test_drawn_digits_can_be_told_apart(helper):
    images, labels = helper.mnist_batch(1600)
    nearest = torch.cdist(images[1500:].flatten(1), images[:1500].flatten(1)).argmin(1)
    assert float((labels[:1500][nearest] == labels[1500:]).float().mean()) > 0.9


def test_real_mnist_is_read_where_it_lies(helper, tmp_path, capsys):
    raw = tmp_path / ".pytorch" / "MNIST_data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = torch.randint(256, (100, 28, 28), dtype=torch.uint8)
    digits = torch.arange(100, dtype=torch.uint8) % 10
    (raw / "train-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 100, 28, 28) + bytes(pixels.numpy()))
    (raw / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 100) + bytes(digits.numpy()))
    images, labels = helper.mnist_batch(64)
    assert torch.allclose(images[:, 0], pixels[:64] / 127.5 - 1)
    assert torch.equal(labels, digits[:64].long())
    assert "64 pictures of MNIST" in capsys.readouterr().out


def test_pictures_are_drawn_without_complaint(helper):
    pytest.importorskip("matplotlib")
    images, labels = helper.mnist_batch()
    assert helper.imshow(images[0], title=str(int(labels[0]))).get_title() == str(int(labels[0]))
    helper.view_recon(images[0], images[1].flatten())
    helper.view_classify(images[0], torch.rand(1, 10))
    helper.view_classify(images[0], torch.rand(1, 10), version="Fashion")
    helper.test_network(lambda x: torch.log_softmax(x[:, :10], 1), [(images, labels)])
    sys.modules["matplotlib.pyplot"].close("all")
