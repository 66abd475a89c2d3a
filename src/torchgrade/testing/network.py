"""Proof that a network is the one that was asked for: the student's weights in ours, the same numbers out.

Names and the order of layers are the student's own business. What counts is that our module, given the arrays of
theirs, answers every question as theirs does, and has the same gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from torchgrade.i18n import _, english
from torchgrade.testing.close import Mismatch
from torchgrade.testing.examinee import Handle
from torchgrade.testing.gradients import GRADIENT_RTOL, assert_gradients
from torchgrade.testing.look import plain
from torchgrade.testing.modules import answer, draw_weights, parameters_of, set_mode, settle, weights_of
from torchgrade.testing.outcomes import BadAnswer, ProbeFailure, Raised
from torchgrade.testing.pairing import MOST_PAIRINGS, Pairing
from torchgrade.testing.weights import pairings, tell_half

#: Two networks agree when no output differs by more than this share of the largest.
OUTPUT_RTOL = 1e-4
_FEW_PAIRINGS = 12  # of a mistake's arrays, of which there may be a hundred: all orders of three equal layers

Say = Callable[[str], None]
State = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Network:
    """A network that a student may have built: the right one, one as good, or a known mistake with its hint.

    ``build`` makes a fresh module whose state has the layout of the student's.
    """

    name: str
    build: Callable[[], torch.nn.Module]
    hint: str = ""


def load_into(module: torch.nn.Module, state: State, *, say: Say | None = None) -> torch.nn.Module:
    """``module`` with the arrays of ``state``, matched by layer, shape and order, whatever their names.

    Where layers are equal the order of definition is taken: ``rebuilt`` finds the right one. Raises ``Mismatch``
    for NaN and infinity and where the shapes do not fit. ``say`` hears about weights in half precision, which are
    read as float32.
    """
    module.load_state_dict(next(pairings(module, state, most=1, say=say)).arrays(state))
    return module


def recognise(
    handle: Handle,
    state: State,
    networks: Sequence[Network],
    inputs: Sequence[torch.Tensor],
) -> Network | None:
    """The first of ``networks`` that, with the student's weights, gives the student's outputs; None if none does.

    Raises what a forward pass of the student's raises.
    """
    found = _agreeing(state, networks, inputs, [answer(handle, x) for x in inputs])
    return found[0] if found else None


def rebuilt(
    handle: Handle,
    state: State,
    networks: Sequence[Network],
    inputs: Sequence[torch.Tensor],
    *,
    say: Say | None = None,
) -> torch.nn.Module | None:
    """The network that ``recognise`` finds, outside the room, with the student's weights and in evaluation mode.

    Its equal layers are in the order in which it answers as the student's does. None if none of ``networks`` does;
    raises what a forward pass of the student's raises. ``say`` hears about weights in half precision.
    """
    found = _agreeing(state, networks, inputs, [answer(handle, x) for x in inputs], say=say)
    if found is None:
        return None
    network, pairing = found
    module = network.build()
    module.load_state_dict(pairing.arrays(state))
    return module.eval()


def assert_same_network(
    handle: Handle,
    right: Sequence[Network],
    inputs: Sequence[torch.Tensor],
    *,
    rng: torch.Generator,
    mistakes: Sequence[Network] = (),
    hint: Say | None = None,
    say: Say | None = None,
) -> Network:
    """Raise ``Mismatch`` unless the student's module is one of ``right``; the one that it is.

    Asked are outputs for ``inputs`` (float32, (N, …)) with weights drawn from ``rng`` and gradients by every
    parameter, in float64 where the student's code allows it; and outputs in training mode, where an extra
    dropout or batch norm would act. Buffers, frozen numbers and layers that nothing depends on are no part of the
    network. Where it is one of ``mistakes``, ``hint`` hears that one's hint.
    """
    settle(handle, inputs[0])
    state = draw_weights(handle, rng)
    answers = [answer(handle, x) for x in inputs]
    for part in _parts(handle, state, inputs[0]):
        found = _agreeing(part, right, inputs, answers, say=say)
        if found is not None:
            break
    else:
        raise _other_network(handle, state, right[0], mistakes, inputs, answers, hint)
    network, pairing = found
    _not_constant(answers[0])
    _same_in_training(handle, inputs, answers, hint)
    _same_gradients(handle, network, pairing, inputs[0], rng)
    return network


def _parts(handle: Handle, state: State, x: torch.Tensor) -> Iterator[State]:
    """The state; what of it is trained; and what of that the output depends on. Each may be the network."""
    yield state
    trained = parameters_of(handle)
    if len(trained) < len(state):
        yield trained
    try:
        gradients = handle.gradients(x)
    except ProbeFailure:
        return
    used = {n: v for n, v in trained.items() if n not in gradients or bool(gradients[n].any())}
    if 0 < len(used) < len(trained):
        yield used


def agree(got: torch.Tensor, expected: torch.Tensor, rtol: float = OUTPUT_RTOL) -> bool:
    """Whether all differences are small beside the largest expected value; never where NaN is."""
    if got.shape != expected.shape:
        return False
    a, b = plain(got).double(), plain(expected).double()
    return bool((a - b).abs().max() <= rtol * b.abs().max() + 1e-12)


def _agreeing(
    state: State,
    networks: Sequence[Network],
    inputs: Sequence[torch.Tensor],
    answers: Sequence[torch.Tensor],
    *,
    most: int = MOST_PAIRINGS,
    say: Say | None = None,
) -> tuple[Network, Pairing] | None:
    """The first network that gives these answers with the arrays of ``state`` in some order, and that order."""
    for network in networks:
        module = network.build().eval()
        try:
            for pairing in pairings(module, state, most=most):
                module.load_state_dict(pairing.arrays(state))
                if all(agree(got, _ours(module, x)) for x, got in zip(inputs, answers, strict=True)):
                    tell_half(state, say)
                    return network, pairing
        except Mismatch:
            continue
    return None


def _ours(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return plain(module(x))


def _other_network(
    handle: Handle,
    state: State,
    wanted: Network,
    mistakes: Sequence[Network],
    inputs: Sequence[torch.Tensor],
    answers: Sequence[torch.Tensor],
    hint: Say | None,
) -> Mismatch:
    """The failure, with the mistake that it is if it is a known one."""
    for part in _parts(handle, state, inputs[0]):
        found = _agreeing(part, mistakes, inputs, answers, most=_FEW_PAIRINGS)
        if found is not None:
            known, _pairing = found
            if hint is not None and known.hint:
                hint(known.hint)
            text = _("This is another network than the one asked for: {name}.").format(name=_(known.name))
            return Mismatch(text, kind=("network", english(known.name)), safe=text)
    unsteady = _unsteady(handle, inputs[0], answers[0], hint)
    if unsteady is not None:
        return unsteady
    try:
        module = load_into(wanted.build(), parameters_of(handle)).eval()
    except Mismatch as shapes:
        return shapes
    expected = _ours(module, inputs[0])
    if answers[0].shape != expected.shape:
        text = _("The output has shape {shape}, but {wanted} is expected.")
        text = text.format(shape=tuple(answers[0].shape), wanted=tuple(expected.shape))
        return Mismatch(text, kind=("network", "shape"), safe=_("The shape of the network's output is wrong."))
    text = _(
        "All parameters have the right shapes, but with the same weights the network asked for gives other "
        "numbers: some step between the layers differs."
    )
    return Mismatch(text, kind=("network", "values"), safe=text)


def _chance() -> str:
    return _(
        "Something random acts even in evaluation mode: "
        "F.dropout does so unless it is told training=self.training."
    )


def _across() -> str:
    return _(
        "Something works across the inputs of a batch: "
        "a reshape that moves the first dimension, or a softmax over it."
    )


def _unsteady(handle: Handle, x: torch.Tensor, before: torch.Tensor, hint: Say | None) -> Mismatch | None:
    """The failure of a network whose answer to an input depends on chance, or on the inputs beside it."""
    try:
        again, alone = answer(handle, x), answer(handle, x[:2])
    except (Mismatch, ProbeFailure):
        return None
    if not agree(again, before):
        text, kind, advice = _("The same inputs get other numbers at each call."), "chance", _chance()
    elif not agree(alone, before[:2]):
        text, kind = _("An input gets other numbers when other inputs are beside it."), "across"
        advice = _across()
    else:
        return None
    if hint is not None:
        hint(advice)
    return Mismatch(text, kind=("network", kind), safe=text)


def _not_constant(outputs: torch.Tensor) -> None:
    """With all weights 0 every network agrees with every other: then nothing is proved."""
    if float((outputs - outputs[:1]).abs().max()) > 1e-6:
        return
    text = _(
        "The network gives the same numbers for every input, so nothing can be told about it. Are all weights 0?"
    )
    raise Mismatch(text, kind=("network", "constant"), safe=text)


def _drops() -> str:
    return _(
        "In training mode the network does something else than in evaluation: "
        "a dropout, a batch norm or noise acts. None is asked for here."
    )


def _same_in_training(
    handle: Handle, inputs: Sequence[torch.Tensor], answers: Sequence[torch.Tensor], hint: Say | None
) -> None:
    set_mode(handle, "train")
    again = [answer(handle, x) for x in inputs]
    set_mode(handle, "eval")
    if all(agree(a, b) for a, b in zip(again, answers, strict=True)):
        return
    if hint is not None:
        hint(_drops())
    text = _("In training mode the network gives other numbers than in evaluation mode, with the same weights.")
    raise Mismatch(text, kind=("network", "mode"), safe=text)


def _same_gradients(
    handle: Handle, network: Network, pairing: Pairing, x: torch.Tensor, rng: torch.Generator
) -> None:
    """By every parameter; in float64, or in float32 where the code fixes the dtype."""
    dtype = _widest(handle, x)
    module = network.build().to(dtype).eval()
    module.load_state_dict(pairing.arrays(weights_of(handle)))
    output = module(x.to(dtype))
    cotangent = torch.randn(output.shape, generator=rng, dtype=torch.float64).to(dtype)
    got = handle.gradients(x.to(dtype), cotangent=cotangent)
    parameters = dict(module.named_parameters())
    wanted = torch.autograd.grad(output, list(parameters.values()), cotangent)
    expected = {pairing.theirs[name]: g for name, g in zip(parameters, wanted, strict=True)}
    answered = {pairing.theirs[name]: g for name in parameters if (g := pairing.moved(name, got)) is not None}
    assert_gradients(answered, expected, rtol=GRADIENT_RTOL[dtype])


def _widest(handle: Handle, x: torch.Tensor) -> torch.dtype:
    """float64 where the module then answers float64 in float64; else it is float32 again."""
    set_mode(handle, "double")
    try:
        got = handle.forward(x.double())
    except (Raised, BadAnswer):
        got = None
    if isinstance(got, torch.Tensor) and got.dtype == torch.float64:
        return torch.float64
    set_mode(handle, "float")
    return torch.float32
