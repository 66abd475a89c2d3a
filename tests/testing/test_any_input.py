"""What a check of a network says fits whatever it was asked about: points, rows of a table, probabilities."""

from __future__ import annotations

import re

import pytest
import torch
from test_network import InRoom
from torch import nn

from torchgrade import i18n
from torchgrade.testing import (
    ComparisonFailure,
    Network,
    answer,
    assert_accuracy,
    assert_same_network,
    predictions,
)

POINTS = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(8) % 3
SPECIAL = re.compile(r"image|pictur|logit|изображ|картин|логит", re.IGNORECASE)


class Net(nn.Module):
    """Points (N, 2) to probabilities (N, 3), with something done at the end."""

    def __init__(self, end=lambda x: x, weight=1.0):
        super().__init__()
        self.hidden, self.out, self.end = nn.Linear(2, 4), nn.Linear(4, 3), end
        if not weight:
            nn.init.zeros_(self.out.weight)

    def forward(self, x):
        return self.end(self.out(torch.tanh(self.hidden(x))).softmax(1))


class Stubborn(Net):
    def load_state_dict(self, *args, **kwargs):
        return None


def same_network(module, right=Net):
    rng, hints = torch.Generator().manual_seed(1), []
    with pytest.raises(ComparisonFailure) as caught:
        assert_same_network(
            InRoom(module), [Network("the net", right)], [POINTS, POINTS[:1]], rng=rng, hint=hints.append
        )
    return [caught.value, *hints]


def asked(question):
    with pytest.raises(ComparisonFailure) as caught:
        question()
    return [caught.value]


def one_answer(x):
    return torch.tensor([[1.0, 0, 0]]).repeat(len(x), 1)


MISTAKES = {
    "several": lambda: asked(lambda: answer(InRoom(Net(end=lambda y: (y, y))), POINTS)),
    "rows": lambda: asked(lambda: answer(InRoom(Net(end=lambda y: y[:2])), POINTS)),
    "across": lambda: same_network(Net(end=lambda y: y / y.sum(0))),
    "chance": lambda: same_network(Net(end=lambda y: nn.functional.dropout(y, 0.5))),
    "mode": lambda: same_network(Net(end=nn.Dropout(0.5))),
    "constant": lambda: same_network(Stubborn(weight=0)),
    "other step": lambda: same_network(Net(end=torch.sin)),
    "no rows of outputs": lambda: asked(lambda: predictions(lambda x: x[:1], POINTS)),
    "accuracy": lambda: asked(lambda: assert_accuracy(one_answer, POINTS, CLASSES, 0.9)),
}


@pytest.fixture(params=i18n.LANGUAGES, autouse=True)
def _each_language(request):
    i18n.use_language(request.param)
    yield
    i18n.use_language("en")


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_points_and_probabilities_are_not_called_images_nor_logits(mistake):
    for said in mistake():
        for text in (str(said), getattr(said, "safe", "")):
            assert not SPECIAL.search(text), text
