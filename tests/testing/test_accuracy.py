"""Accuracy is counted here, on outputs that are checked, and in an order that tells nothing."""

from __future__ import annotations

import pytest
import torch

from torchgrade.testing import (
    ComparisonFailure,
    Missing,
    Raised,
    accuracy,
    assert_accuracy,
    by_class,
    confusion,
    predictions,
    prepared,
)

LABELS = torch.arange(60) % 3
IMAGES = LABELS[:, None].float()


def perfect(x):
    return torch.nn.functional.one_hot(x[:, 0].long(), 3).float()


def test_predictions_come_back_in_the_order_of_the_images():
    rng = torch.Generator().manual_seed(0)
    assert torch.equal(predictions(perfect, IMAGES, batch=7, rng=rng), LABELS)
    assert torch.equal(predictions(perfect, IMAGES, batch=60), LABELS)


def test_images_are_asked_in_a_shuffled_order():
    asked = []

    def remember(x):
        asked.append(x[:, 0].long())
        return perfect(x)

    predictions(remember, IMAGES, batch=11, rng=torch.Generator().manual_seed(0))
    order = torch.cat(asked)
    assert not torch.equal(order, LABELS)
    assert torch.equal(order.sort().values, LABELS.sort().values)


def test_enough_is_returned():
    assert assert_accuracy(perfect, IMAGES, LABELS, 0.99) == 1.0


def test_too_little_shows_which_is_taken_for_which():
    def two_for_one(x):
        return torch.nn.functional.one_hot(x[:, 0].long().clamp(max=1), 3).float()

    with pytest.raises(ComparisonFailure, match=r"66\.6% of 60 inputs the right class; at least 90\.0%") as caught:
        assert_accuracy(two_for_one, IMAGES, LABELS, 0.9, classes=["cat", "dog", "fox"])
    (table,) = caught.value.evidence
    assert table.rows[3] == ("fox", "0", "20", "0")
    assert not any(c.isdigit() for c in caught.value.safe)


def test_a_share_just_below_is_not_rounded_up_to_what_is_wanted():
    labels = torch.zeros(10_000, dtype=torch.int64)
    with pytest.raises(ComparisonFailure, match=r"92\.9% of 10000 inputs .* at least 93\.0%"):
        assert_accuracy(
            lambda x: torch.nn.functional.one_hot((x[:, 0] >= 9299).long(), 2).float(),
            torch.arange(10_000.0)[:, None],
            labels,
            0.93,
        )


def test_one_answer_for_everything_is_said():
    with pytest.raises(ComparisonFailure, match="Nearly every input gets the same answer"):
        assert_accuracy(lambda x: torch.tensor([[1.0, 0, 0]]).repeat(len(x), 1), IMAGES, LABELS, 0.9)


def test_of_many_classes_the_worst_pairs_are_shown():
    labels = torch.arange(100) % 10
    found = torch.where(labels == 7, 1, labels)
    (table,) = confusion(found, labels, [str(i) for i in range(10)])
    assert table.rows[:2] == (("what it is", "taken for", "times", "of"), ("7", "1", "10", "10"))
    assert len(table.rows) == 2 and table.kind == "table"


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: torch.full((len(x), 3), float("nan")),
        lambda x: torch.zeros(1, 3),
        lambda x: torch.zeros(len(x)),
        lambda x: [1, 2, 3],
        lambda x: None,
        lambda x: torch.zeros(len(x), 3, dtype=torch.int64),
    ],
    ids=["NaN", "one row", "no columns", "list", "None", "whole numbers"],
)
def test_what_is_no_row_of_finite_numbers_for_each_image_is_refused(answer):
    with pytest.raises(ComparisonFailure):
        assert_accuracy(answer, IMAGES, LABELS, 0.0)


def test_a_column_too_many_is_counted_as_wrong():
    found = predictions(lambda x: torch.eye(5)[[4] * len(x)], IMAGES)
    assert accuracy(found, LABELS) == 0.0
    (table,) = confusion(found, LABELS, ["a", "b", "c"])
    assert table.rows[0] == ("", "a", "b", "c", "column 3", "column 4") and table.kind == "confusion"


def test_the_report_tells_recall_and_precision_of_each_class():
    found, labels = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 1])
    assert by_class(found, labels, ["cat", "dog", "fox"]) == (
        "cat: 1 of 1 found, 50% of what is called so is right; "
        "dog: 2 of 3 found, 100% of what is called so is right; "
        "fox: 0 of 0 found, never named"
    )


class Asked:
    """A submission that defines at most ``preprocess``."""

    def __init__(self, preprocess=None):
        self.preprocess = preprocess

    def call(self, name, x):
        if self.preprocess is None:
            raise Missing(name)
        try:
            return self.preprocess(x)
        except Exception as error:
            raise Raised(str(error)) from error


PICTURES = torch.arange(2 * 28 * 28).reshape(2, 28, 28).remainder(256).to(torch.uint8)


def only_raw(x):
    if x.ndim != 3:
        raise ValueError("(N, 28, 28) is wanted")
    return x.unsqueeze(1) / 255


@pytest.mark.parametrize("way", [lambda x: x / 255, lambda x: x.float() / 255, only_raw])
def test_pictures_go_through_what_the_notebook_prepares_them_with(way):
    made, plain = prepared(Asked(way), PICTURES)
    assert torch.allclose(made, PICTURES[:, None] / 255)
    assert torch.equal(plain, PICTURES[:, None].float())


@pytest.mark.parametrize("way", [None, lambda x: 7, lambda x: x.flatten(1), lambda x: 1 // 0, lambda x: x.bool()])
def test_what_prepares_no_pictures_is_passed_over(way):
    (plain,) = prepared(Asked(way), PICTURES)
    assert torch.equal(plain, PICTURES[:, None].float())
