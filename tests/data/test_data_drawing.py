"""The stand-ins are the same bytes everywhere, and look like what they stand for."""

from __future__ import annotations

import hashlib

import numpy as np

from torchgrade.data import digits, scenes
from torchgrade.data.draws import Draws


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def test_draws_are_pinned() -> None:
    draws = Draws(b"seed", 1)
    assert digest(draws.bytes(3, 5), draws.uniform(-1, 1, 7), draws.bell(2.0, 7)) == PINNED_DRAWS
    assert digest(draws.below(10, 9), draws.order(11)) == PINNED_WHOLE_DRAWS


def test_digits_are_pinned() -> None:
    drawn = digits.draw_digits(600, b"pinned")
    assert (digest(drawn.images), digest(drawn.labels)) == (PINNED_IMAGES, PINNED_LABELS), "then raise VERSION"


def test_scenes_are_pinned() -> None:
    assert digest(scenes.draw_scenes(3, 130, b"pinned")) == PINNED_SCENES, "then raise its version"
    assert digest(scenes.draw_scenes(3, 130, b"pinned", scenes.TEN)) == PINNED_TEN, "then raise its version"


def test_streams_of_one_seed_differ() -> None:
    first, second = (Draws(b"seed", n).bytes(64).tobytes() for n in (1, 2))
    assert first != second


def test_draws_have_the_promised_spread() -> None:
    draws = Draws(b"spread")
    bell, flat, whole = draws.bell(3.0, 40_000), draws.uniform(-1, 2, 40_000), draws.below(7, 40_000)
    assert abs(float(bell.mean())) < 0.1 and abs(float(bell.std()) - 3.0) < 0.05
    assert float(flat.min()) >= -1 and float(flat.max()) < 2 and abs(float(flat.mean()) - 0.5) < 0.02
    assert set(whole.tolist()) == set(range(7)) and whole.dtype == np.int64
    assert sorted(draws.order(1000).tolist()) == list(range(1000))


def test_digits_have_every_class_and_ink() -> None:
    images, labels = digits.draw_digits(1000, b"look")
    assert images.shape == (1000, 28, 28) and images.dtype == np.uint8 and labels.dtype == np.int64
    counts = np.bincount(labels, minlength=10)
    assert counts.min() > 60 and len(counts) == 10
    ink = (images > 128).mean(axis=(1, 2))
    assert 0.04 < ink.mean() < 0.3  # MNIST: 0.13
    assert len({i.tobytes() for i in images}) == 1000


def test_one_class_of_scenes_is_told_from_another_by_its_mean_alone() -> None:
    """The signal is there, and far below what disturbs it."""
    one, other = (scenes.draw_scenes(label, 400, b"look").astype(np.float64) for label in (1, 2))
    between = np.abs(one.mean(0) - other.mean(0)).mean()
    within = one.std(0).mean()
    assert one.shape == (400, 32, 32, 3) and 2 < between < within / 3
    assert np.abs(one.mean((0, 1, 2)) - np.array([129.4, 124.1, 112.5])).max() < 12


def test_a_class_is_the_same_under_every_seed() -> None:
    one, again = (scenes.draw_scenes(5, 600, seed).mean(0) for seed in (b"a", b"b"))
    other = scenes.draw_scenes(6, 600, b"a").mean(0)
    assert np.abs(one - again).mean() < np.abs(one - other).mean() / 1.5


def test_a_class_of_the_ten_is_its_own_mirror_image_and_the_hundred_s_is_not() -> None:
    """Up to the noise that is left of 1500 pictures."""
    for kind, wanted in ((scenes.TEN, True), (scenes.HUNDRED, False)):
        mean = scenes.draw_scenes(2, 1500, b"mirror", kind).mean(0)
        away = np.abs(mean - mean[:, ::-1]).mean() / np.abs(mean - mean.mean((0, 1))).mean()
        assert bool(away < 0.35) is wanted, away


PINNED_DRAWS = "e284dd5f1004f9ce95fb05c10777df35139d076a990c48da527bb71fa2974704"
PINNED_WHOLE_DRAWS = "b1491fe593d9e16f7168b41491fe86569b8ec145114afdba7efb307f023b714e"
PINNED_IMAGES = "23dfd4971420ccb9253f90a82116dd6e8a99e0c2722314b2c44087997f16a0a4"
PINNED_LABELS = "8d409c279f404c726afed0bb3619cb7825cdfc4157a6d93a0d82e89e0a7f557c"
PINNED_SCENES = "ad41ae8cea1e4b42c8bba9147f1448e9c325295444c83aedbdaee224a587bd80"
PINNED_TEN = "efb80057d21641f855dca576bce67ec49d79de7230f1417acb59207bd29b9ba1"
