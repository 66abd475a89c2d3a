"""A name is suggested for a missing one only where it is most likely the one that is meant."""

from __future__ import annotations

import pytest

from torchgrade.testing.names import near_name


@pytest.mark.parametrize(
    ("missing", "there"),
    [
        ("LeNet5", "lenet5"),
        ("LeNet5", "LeNet_5"),
        ("LeNet5", "LeNet"),
        ("train", "trian"),
        ("history", "histroy"),
        ("normalise", "normalize"),
        ("CLASSES", "classes"),
        ("model", "models"),
        ("MLP", "mlp"),
        ("plain_count", "plaincount"),
    ],
)
def test_a_name_misspelt_is_near(missing, there):
    assert near_name(missing, ["np", "torch", there, "value"]) == there


@pytest.mark.parametrize(
    ("missing", "there"),
    [
        ("weights_1", "weights_2"),
        ("conv1", "conv2"),
        ("X_train", "y_train"),
        ("X_train", "X_test"),
        ("mse", "me"),
        ("fit", "bit"),
        ("fit", "list"),
        ("forward", "backward"),
        ("train", "rate"),
        ("plain_count", "paint"),
        ("cost", "cast"),
        ("out", "about"),
        ("train", "train_losses"),
        ("softmax", "argmax"),
        ("loss", "glosses"),
    ],
)
def test_a_name_for_something_else_is_not_near(missing, there):
    assert near_name(missing, [there]) == ""


def test_the_nearest_of_several_is_meant():
    assert near_name("normalise", ["normal", "normalized", "normalize", "Normalise"]) == "Normalise"
    assert near_name("predictions", ["prediction", "predict"]) == "prediction"
    assert near_name("train", ["train"]) == ""
