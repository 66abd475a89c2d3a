"""A student's arrays find their places in our module, whatever they are called and however they lie."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from torchgrade.testing import Mismatch, count, load_into, spaced
from torchgrade.testing.pairing import MOST_PAIRINGS
from torchgrade.testing.weights import pairings


def net():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 5), nn.Linear(5, 4))


def state_of(*shapes):
    rng = torch.Generator().manual_seed(0)
    return {f"w{i}": torch.randn(s, generator=rng) for i, s in enumerate(shapes)}


RIGHT = ((2, 1, 3, 3), (2,), (5, 8), (5,), (4, 5), (4,))


def test_names_do_not_matter():
    state = state_of(*RIGHT)
    module = load_into(net(), state)
    assert all(torch.equal(a, b) for a, b in zip(module.state_dict().values(), state.values(), strict=True))


def test_neither_does_the_order_of_different_shapes():
    state = state_of(*reversed(RIGHT))
    module = load_into(net(), state)
    assert torch.equal(module[0].weight, state["w5"])
    assert torch.equal(module[3].bias, state["w0"])


def test_equal_shapes_are_taken_in_their_order():
    state = state_of((3, 3), (3,), (3, 3), (3,))
    module = load_into(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), state)
    assert torch.equal(module[0].weight, state["w0"])
    assert torch.equal(module[1].weight, state["w2"])


def test_a_matrix_for_x_at_w_is_turned_round():
    state = state_of((2, 1, 3, 3), (2,), (8, 5), (5,), (4, 5), (4,))
    assert torch.equal(load_into(net(), state)[2].weight, state["w2"].T)


def test_a_convolution_over_everything_is_a_linear_layer():
    state = state_of((2, 1, 3, 3), (2,), (5, 2, 2, 2), (5,), (4, 5, 1, 1), (1, 4, 1, 1))
    module = load_into(net(), state)
    assert torch.equal(module[2].weight, state["w2"].reshape(5, 8))
    assert torch.equal(module[3].bias, state["w5"].reshape(4))


def test_half_precision_is_read_and_told():
    said = []
    state = {k: v.half() for k, v in state_of(*RIGHT).items()}
    module = load_into(net(), state, say=said.append)
    assert module[2].weight.dtype == torch.float32
    assert len(said) == 1
    assert "float16" in said[0]


def test_what_is_in_order_is_not_commented():
    said = []
    load_into(net(), state_of(*RIGHT), say=said.append)
    assert said == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_by_name(bad):
    state = state_of(*RIGHT)
    state["w3"][1] = bad
    with pytest.raises(Mismatch, match="`w3`") as caught:
        load_into(net(), state)
    assert "w3" not in caught.value.safe


def test_a_missing_layer_is_named_by_its_shape():
    with pytest.raises(
        Mismatch, match=r"89 parameters are expected; this network has 65\. Missing: \(4, 5\), \(4,\)"
    ):
        load_into(net(), state_of(*RIGHT[:4]))


def test_a_layer_too_many_is_named():
    with pytest.raises(Mismatch, match=r"Not expected: `w6` \(7, 7\)\. A layer too many"):
        load_into(net(), state_of(*RIGHT, (7, 7)))


def test_another_size_is_both():
    with pytest.raises(Mismatch, match=r"Missing: \(5, 8\)\. Not expected: `w2` \(5, 9\)") as caught:
        load_into(net(), state_of(*RIGHT[:2], (5, 9), *RIGHT[3:]))
    assert not any(c.isdigit() for c in caught.value.safe)


def test_counters_are_not_parameters():
    assert count({"a": torch.zeros(3, 4), "n": torch.tensor(7)}) == 12
    assert spaced(61706) == "61\u00a0706"


# --- equal shapes ------------------------------------------------------------------------------------------------


def equal_layers(n):
    """So many linear layers of one size, in a list."""
    return nn.ModuleList(nn.Linear(3, 3) for _n in range(n))


def given_by(*names):
    """A state whose arrays have these names, with a bias where a name ends in one."""
    rng = torch.Generator().manual_seed(0)
    return {n: torch.randn((3,) if n.endswith(("bias", "b")) else (3, 3), generator=rng) for n in names}


def test_a_bias_stays_with_the_weights_of_its_layer():
    wide, square = nn.Linear(5, 3), nn.Linear(3, 3)
    state = {f"{n}.{k}": v for n, m in (("z", square), ("a", wide)) for k, v in m.state_dict().items()}
    module = load_into(nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 3)), state)
    assert torch.equal(module[0].bias, state["a.bias"])
    assert torch.equal(module[1].bias, state["z.bias"])


def test_so_it_does_where_numbers_name_the_layers():
    state = {"w2": torch.randn(3, 3), "b2": torch.randn(3), "b1": torch.randn(3), "w1": torch.randn(3, 5)}
    module = load_into(nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 3)), state)
    assert torch.equal(module[0].bias, state["b1"])


def test_what_a_batch_norm_holds_is_told_by_its_names():
    norm = nn.BatchNorm1d(4)
    state = {k: torch.rand(v.shape) for k, v in norm.state_dict().items() if v.ndim}
    mixed = {f"n.{k}": state[k] for k in ("running_var", "bias", "running_mean", "weight")}
    mixed["n.num_batches_tracked"] = torch.tensor(3)
    module = load_into(nn.Sequential(nn.BatchNorm1d(4)), mixed)
    assert all(torch.equal(module[0].state_dict()[k], v) for k, v in state.items())


def test_the_order_of_definition_comes_first_and_the_reverse_second():
    state = given_by(*(f"l{n}.{k}" for n in range(4) for k in ("weight", "bias")))
    first, _turned, second, *_others = [p.theirs for p in pairings(equal_layers(4), state)]
    assert [first[f"{n}.bias"] for n in range(4)] == [f"l{n}.bias" for n in range(4)]
    assert [second[f"{n}.weight"] for n in range(4)] == [f"l{n}.weight" for n in reversed(range(4))]


def test_every_order_of_three_layers_is_tried_once_each_way_round():
    state = given_by(*(f"l{n}.{k}" for n in range(3) for k in ("weight", "bias")))
    whole = [p.theirs for p in pairings(equal_layers(3), state)]
    together = [t for t in whole if all(t[f"{n}.bias"][:2] == t[f"{n}.weight"][:2] for n in range(3))]
    assert len(together) == 2 * 6


def test_as_many_as_there_are_none_is_tried_without_end():
    state = given_by(*(f"l{n}.{k}" for n in range(40) for k in ("weight", "bias")))
    assert len(list(pairings(equal_layers(40), state))) == MOST_PAIRINGS


def test_where_shapes_tell_everything_there_is_one_pairing():
    assert len(list(pairings(net(), state_of(*RIGHT)))) == 1


def test_a_square_matrix_lies_as_the_others_do():
    state = state_of((5, 3), (3,), (3, 3), (3,))
    module = load_into(nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 3)), state)
    assert torch.equal(module[1].weight, state["w2"].T)


def test_the_same_pairing_fits_the_same_arrays_in_another_dtype():
    state = given_by("a.weight", "a.bias", "b.weight", "b.bias")
    (_first, _turned, second, *_others) = pairings(equal_layers(2), state)
    wide = second.arrays({name: value.double() for name, value in state.items()})
    assert wide["0.weight"].dtype == torch.float64
    assert torch.equal(wide["0.weight"].float(), state["b.weight"])
