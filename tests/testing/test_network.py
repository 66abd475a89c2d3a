"""A network is recognised by what it computes: known mistakes by name, right ones whatever they look like."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from torchgrade.grading.reference import LocalHandle
from torchgrade.testing import (
    BadAnswer,
    ComparisonFailure,
    Mismatch,
    Missing,
    Network,
    Raised,
    agree,
    assert_same_network,
    draw_weights,
    rebuilt,
    recognise,
    set_mode,
    weights_of,
)


class Net(nn.Module):
    def __init__(self, act=torch.tanh, last=lambda x: x, extra=None, order=(1, 2, 3)):
        super().__init__()
        self.conv, self.fc, self.out = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(48, 6), nn.Linear(6, 4)
        self.act, self.last, self.extra, self.order = act, last, extra or nn.Identity(), order

    def forward(self, x):
        x = self.extra(self.act(self.conv(x)))
        return self.last(self.out(self.act(self.fc(x.permute(0, *self.order).flatten(1)))))


class InRoom(LocalHandle):
    """A handle that raises as one of a room does, and never hands a module over."""

    def forward(self, *args):
        return self._as_in_a_room(lambda: super(InRoom, self).forward(*args))

    def gradients(self, *args, cotangent=None):
        return self._as_in_a_room(lambda: super(InRoom, self).gradients(*args, cotangent=cotangent))

    def call(self, method, *args, **kwargs):
        found = self._as_in_a_room(lambda: super(InRoom, self).call(method, *args, **kwargs))
        if isinstance(found, nn.Module):
            raise BadAnswer("a module cannot be handed over")
        return found

    def _as_in_a_room(self, work):
        try:
            return work()
        except AttributeError as error:
            raise Missing(str(error)) from error
        except Exception as error:
            raise Raised(str(error), name=type(error).__name__) from error


RIGHT = [Network("the net", Net), Network("channels last", lambda: Net(order=(2, 3, 1)))]
MISTAKES = [
    Network("a relu in place of tanh", lambda: Net(act=torch.relu), "tanh, not relu"),
    Network("a softmax at the end", lambda: Net(last=lambda x: x.softmax(1)), "no softmax"),
]


def inputs(n=5):
    rng = torch.Generator().manual_seed(3)
    return [torch.randn(n, 1, 4, 4, generator=rng), torch.randn(1, 1, 4, 4, generator=rng)]


def judge(module, **more):
    """The network that it is taken for, and the hints said."""
    hints = []
    rng = torch.Generator().manual_seed(1)
    found = assert_same_network(
        InRoom(module), RIGHT, inputs(), rng=rng, mistakes=MISTAKES, hint=hints.append, **more
    )
    return found.name, hints


def failure(module):
    hints = []
    rng = torch.Generator().manual_seed(1)
    with pytest.raises(ComparisonFailure) as caught:
        assert_same_network(InRoom(module), RIGHT, inputs(), rng=rng, mistakes=MISTAKES, hint=hints.append)
    return str(caught.value), hints


def test_the_right_one_agrees_in_outputs_and_gradients():
    assert judge(Net()) == ("the net", [])


def test_another_fixed_order_of_flattening_is_right():
    assert judge(Net(order=(2, 3, 1))) == ("channels last", [])


def test_other_names_and_order_of_layers_are_right():
    class Renamed(nn.Module):
        def __init__(self):
            super().__init__()
            self.z, self.a, self.m = nn.Linear(6, 4), nn.Linear(48, 6), nn.Conv2d(1, 3, 3, padding=1)

        def forward(self, x):
            return self.z(self.a(self.m(x).tanh().flatten(1)).tanh())

    assert judge(Renamed())[0] == "the net"


class Deep(nn.Module):
    """Five numbers through equal layers to two; ``names``: of the layers, in the order in which they act."""

    def __init__(self, names=("l1", "l2", "l3"), act=torch.tanh, defined=None):
        super().__init__()
        for name in defined or names:
            setattr(self, name, nn.Linear(5, 5))
        self.end = nn.Linear(5, 2)
        self.names, self.act = names, act

    def forward(self, x):
        for name in self.names:
            x = self.act(getattr(self, name)(x))
        return self.end(x)


class ByHand(nn.Module):
    """The same from bare parameters, for x @ W, the biases defined first and from the last to the first."""

    def __init__(self):
        super().__init__()
        self.biases = nn.ParameterList(torch.zeros(n) for n in (2, 5, 5, 5))
        self.weights = nn.ParameterList(torch.zeros(5, n) for n in (5, 5, 5, 2))

    def forward(self, x):
        for weight, bias in zip(self.weights[:3], reversed(self.biases[1:]), strict=True):
            x = torch.tanh(x @ weight + bias)
        return x @ self.weights[3] + self.biases[0]


ORDERS = [("l1", "l2", "l3"), ("l3", "l2", "l1"), ("l2", "l3", "l1"), ("l3", "l1", "l2")]
DEEP = [Network("three equal layers", Deep)]
RELUS = [Network("relu in place of tanh", lambda: Deep(act=torch.relu), "tanh, not relu")]


def judged_deep(module):
    hints = []
    rng, x = torch.Generator().manual_seed(1), torch.randn(7, 5, generator=torch.Generator().manual_seed(2))
    found = assert_same_network(InRoom(module), DEEP, [x], rng=rng, mistakes=RELUS, hint=hints.append)
    return found.name, hints


@pytest.mark.parametrize("defined", ORDERS, ids="-".join)
def test_the_order_in_which_equal_layers_are_defined_does_not_matter(defined):
    assert judged_deep(Deep(defined=defined)) == ("three equal layers", [])


def test_neither_does_it_for_bare_parameters_that_lie_the_other_way_round():
    assert judged_deep(ByHand()) == ("three equal layers", [])


@pytest.mark.parametrize("defined", ORDERS, ids="-".join)
def test_a_known_mistake_is_known_in_any_order(defined):
    with pytest.raises(Mismatch, match="relu in place of tanh"):
        judged_deep(Deep(act=torch.relu, defined=defined))


def test_a_layer_that_is_called_twice_is_another_network():
    with pytest.raises(Mismatch):
        judged_deep(Deep(names=("l1", "l2", "l2"), defined=("l1", "l2", "l3")))


@pytest.mark.parametrize("defined", ORDERS, ids="-".join)
def test_the_network_rebuilt_with_their_weights_answers_as_theirs_does(defined):
    handle, x = InRoom(Deep(defined=defined)), torch.randn(7, 5)
    ours = rebuilt(handle, weights_of(handle), [*RELUS, *DEEP], [x])
    assert ours is not None
    assert agree(handle.forward(x), ours(x).detach())


def test_a_network_that_is_not_known_is_not_rebuilt():
    handle = InRoom(Deep(act=torch.sin))
    assert rebuilt(handle, weights_of(handle), [*RELUS, *DEEP], [torch.randn(7, 5)]) is None


@pytest.mark.parametrize("known", MISTAKES, ids=lambda m: m.name)
def test_a_known_mistake_is_named_and_gets_its_hint(known):
    text, hints = failure(known.build())
    assert known.name in text
    assert hints == [known.hint]


def test_an_unknown_network_of_the_right_shapes_is_none():
    text, hints = failure(Net(act=torch.sin))
    assert "some step between the layers differs" in text
    assert hints == []


def test_a_scaling_buffer_or_frozen_number_is_no_part_of_the_network():
    class Scaled(Net):
        def __init__(self):
            super().__init__()
            self.register_buffer("one", torch.tensor(1.0))
            self.also = nn.Parameter(torch.ones(1), requires_grad=False)

        def forward(self, x):
            return super().forward(x * self.one * self.also)

    assert judge(Scaled())[0] == "the net"


def test_a_layer_that_nothing_depends_on_is_no_part_either():
    class Unused(Net):
        def __init__(self):
            super().__init__()
            self.spare = nn.Linear(7, 7)

    assert judge(Unused())[0] == "the net"


def test_a_frozen_layer_has_no_gradient():
    class Frozen(Net):
        def __init__(self):
            super().__init__()
            self.conv.requires_grad_(False)

    assert "by conv.weight: there is none" in failure(Frozen())[0]


def test_what_acts_by_chance_is_named():
    text, hints = failure(Net(last=lambda x: nn.functional.dropout(x, 0.5)))
    assert "at each call" in text
    assert "training=self.training" in hints[0]


def test_what_works_across_the_images_is_named():
    text, hints = failure(Net(last=lambda x: x.softmax(0)))
    assert "other inputs are beside it" in text
    assert "dimension" in hints[0]


def test_a_network_that_fixes_float64_is_recognised():
    class Double(Net):
        def __init__(self):
            super().__init__()
            self.double()

        def forward(self, x):
            return super().forward(x.double())

    assert judge(Double())[0] == "the net"


def test_dropout_is_seen_in_training_mode():
    text, hints = failure(Net(extra=nn.Dropout(0.5)))
    assert "training mode" in text
    assert "dropout" in hints[0]


def test_batch_norm_is_a_layer_too_many():
    assert "A layer too many" in failure(Net(extra=nn.BatchNorm2d(3)))[0]


def test_a_cut_graph_is_seen_in_the_gradients():
    class Cut(Net):
        def forward(self, x):
            x = torch.tanh(self.conv(x)).flatten(1).detach()
            return self.out(torch.tanh(self.fc(x)))

    assert "by conv.weight" in failure(Cut())[0]


def test_code_that_fixes_float32_is_judged_in_float32():
    class Fixed(Net):
        def forward(self, x):
            return super().forward(x.float())

    assert judge(Fixed())[0] == "the net"


def test_a_model_in_half_precision_is_examined_in_float32():
    assert judge(Net().half())[0] == "the net"


def test_weights_of_zero_prove_nothing():
    class Stubborn(Net):
        def __init__(self):
            super().__init__()
            for p in self.parameters():
                nn.init.zeros_(p)

        def load_state_dict(self, *args, **kwargs):
            return None

    assert "the same numbers for every input" in failure(Stubborn())[0]


def test_several_outputs_are_refused_in_words():
    assert "one tensor alone" in failure(Net(last=lambda x: (x, x.softmax(1))))[0]


def test_rows_must_be_as_many_as_images():
    assert "a row for each is wanted" in failure(Net(last=lambda x: x.mean(0, keepdim=True).repeat(2, 1)))[0]


def test_outputs_that_are_not_finite_are_refused():
    assert "NaN" in failure(Net(last=lambda x: x / 0 * 0))[0]


def test_layers_in_a_plain_list_are_not_found():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(16, 4)]

        def forward(self, x):
            return self.layers[0](x.flatten(1))

    assert "nn.ModuleList" in failure(Listed())[0]


def test_drawn_weights_are_taken_and_a_batch_norm_stays_healthy():
    handle = InRoom(Net(extra=nn.BatchNorm2d(3)))
    before = weights_of(handle)
    after = draw_weights(handle, torch.Generator().manual_seed(2))
    assert not torch.equal(before["fc.weight"], after["fc.weight"])
    assert torch.equal(before["extra.running_var"], after["extra.running_var"])


def test_recognise_knows_mistakes_and_says_none_of_strangers():
    for build, name in ((Net, "the net"), (MISTAKES[0].build, MISTAKES[0].name)):
        handle = InRoom(build())
        found = recognise(handle, weights_of(handle), [*RIGHT, *MISTAKES], inputs())
        assert found is not None
        assert found.name == name
    stranger = InRoom(Net(act=torch.cos))
    assert recognise(stranger, weights_of(stranger), [*RIGHT, *MISTAKES], inputs()) is None


def test_modes_reach_the_module_though_it_cannot_come_back():
    module = Net()
    set_mode(InRoom(module), "eval")
    assert not module.training


@pytest.mark.parametrize(
    "thing", [Net, Net().state_dict(), 7, None], ids=["class", "state_dict", "number", "None"]
)
def test_what_is_no_network_is_refused_in_words(thing):
    with pytest.raises(Mismatch, match="an instance of your class"):
        set_mode(InRoom(thing), "eval")


def test_mismatch_is_what_a_hidden_criterion_may_show():
    rng = torch.Generator().manual_seed(1)
    with pytest.raises(Mismatch) as caught:
        assert_same_network(InRoom(nn.Linear(16, 4)), RIGHT, [torch.randn(2, 16)], rng=rng)
    assert not any(c.isdigit() for c in caught.value.safe)
