"""normalize_pictures: right ways lose nothing, and each reading of the text is told from the one that is asked."""

from __future__ import annotations

import pytest
import torch
from quick import ROOT, judge, load, run

PUBLIC = load(ROOT / "graders" / "normalize_pictures" / "test_public.py")
ALL = {
    "channels-standard",
    "picture-values",
    "light-kept",
    "any-size",
    "wide-range",
    "argument-unchanged",
    "constant-channel",
}


def judged(body, seed=0):
    """The verdict on a normalize_pictures with these lines."""
    lines = "\n    ".join(body.splitlines())
    space, errors = run("normalize_pictures", [f"import torch\n\ndef normalize_pictures(A):\n    {lines}"])
    assert errors == []
    return judge("normalize_pictures", space, seed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "body",
    [
        "m = A.mean((0, 2, 3), keepdim=True)\nreturn (A - m) / (A.var((0, 2, 3), keepdim=True) + 1e-5).sqrt()",
        "m = A.mean((0, 2, 3), keepdim=True)\nreturn (A - m) / A.std((0, 2, 3), keepdim=True).clamp_min(1e-6)",
        "d = A - A.mean((0, 2, 3), True)\nreturn d / (d.pow(2).mean((0, 2, 3), keepdim=True) ** 0.5 + 1e-7)",
        "return torch.nn.functional.batch_norm(A, None, None, training=True)",
        "x = A.numpy()\nreturn (x - x.mean((0, 2, 3), keepdims=True)) / (x.std((0, 2, 3), keepdims=True) + 1e-8)",
    ],
)
def test_right_ways_lose_nothing(body, seed):
    assert judged(body, seed).lost == set()


@pytest.mark.parametrize("correction", [0, 1])
@pytest.mark.parametrize(
    ("over", "hint"),
    [
        ((2, 3), PUBLIC.PER_PICTURE),
        ((0,), PUBLIC.PER_PIXEL),
        ((0, 1, 2, 3), PUBLIC.TOGETHER),
        ((1, 2, 3), PUBLIC.WHOLE_PICTURE),
        ((0, 1, 2), PUBLIC.CHANNELS_LAST),
        ((1,), PUBLIC.OTHER_DIMENSIONS),
        ((0, 2), PUBLIC.OTHER_DIMENSIONS),
        ((3,), PUBLIC.OTHER_DIMENSIONS),
    ],
)
def test_other_dimensions_are_named(over, hint, correction):
    body = f"s, m = torch.std_mean(A, dim={over}, correction={correction}, keepdim=True)\nreturn (A - m) / s"
    found = judged(body)
    assert "picture-values" in found.lost
    assert found.hints["picture-values"] == hint
    assert str(over).strip("(),") in str(found.results["picture-values"]) or over == (0, 1, 2, 3)


def test_the_reading_of_the_given_code_keeps_the_points_for_standard_channels():
    """Every picture has mean 0 and std 1 by itself: then all of them together have so too."""
    for correction in (0, 1):
        body = f"s, m = torch.std_mean(A, (2, 3), correction={correction}, keepdim=True)\nreturn (A - m) / s"
        found = judged(body)
        assert found.lost == ALL - {"channels-standard"}
        assert found.hints["light-kept"] == PUBLIC.PER_PICTURE


def test_of_a_mean_and_a_std_that_do_not_fit_the_wrong_one_is_named():
    found = judged("return (A - A.mean((0, 2, 3), keepdim=True)) / A.std((2, 3), keepdim=True)")
    assert "The std is taken over dim=(2, 3)" in str(found.results["picture-values"])
    assert found.hints["picture-values"] == PUBLIC.ONE_STD
    found = judged("return (A - A.mean(0, keepdim=True)) / A.std((0, 2, 3), keepdim=True)")
    assert "The mean is taken over dim=(0,)" in str(found.results["picture-values"])


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_wrong_reading_is_further_off_than_the_tolerance(seed):
    """What NEAR is measured against: docs/decisions/0008-course-thresholds-c.md."""
    A = PUBLIC.pictures(torch.Generator().manual_seed(seed), 16, 3, 12, 10)
    right = PUBLIC.standard(A)
    for over in PUBLIC.subsets():
        if over != PUBLIC.CHANNELS:
            assert float((PUBLIC.standard(A, over, over) - right).abs().max()) > 30 * PUBLIC.NEAR


def test_a_number_of_the_size_of_the_contrast_in_the_divisor_is_seen():
    text = "m, s = A.mean((0, 2, 3), keepdim=True), A.std((0, 2, 3), keepdim=True)\nreturn (A - m) / (s + {eps})"
    assert judged(text.format(eps=1e-5)).lost == set()
    assert {"picture-values", "wide-range"} <= judged(text.format(eps=0.01)).lost


def test_an_argument_that_is_changed_and_put_back_is_unchanged():
    body = (
        "B = A.clone()\nA.zero_()\nA.copy_(B)\nreturn torch.nn.functional.batch_norm(A, None, None, training=True)"
    )
    assert judged(body).lost == set()
