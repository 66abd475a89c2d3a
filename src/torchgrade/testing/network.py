"""Proof that a network is the one that was asked for: the student's weights in ours, the same numbers out.

Names and the order of layers are the student's own business. What counts is that our module, given the arrays of
theirs, answers every question as theirs does, and has the same gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from torchgrade.testing.close import Mismatch, require_tensor
from torchgrade.testing.describe import describe, plural
from torchgrade.testing.examinee import Handle
from torchgrade.testing.gradients import GRADIENT_RTOL, assert_gradients
from torchgrade.testing.look import plain
from torchgrade.testing.outcomes import BadAnswer, Missing, ProbeFailure, Raised
from torchgrade.testing.weights import Fit, fit

#: Two networks agree when no output differs by more than this share of the largest.
OUTPUT_RTOL = 1e-4

Say = Callable[[str], None]


@dataclass(frozen=True)
class Network:
    """A network that a student may have built: the right one, one as good, or a known mistake with its hint.

    ``build`` makes a fresh module whose state has the layout of the student's.
    """

    name: str
    build: Callable[[], torch.nn.Module]
    hint: str = ""


def load_into(
    module: torch.nn.Module, state: Mapping[str, torch.Tensor], *, say: Say | None = None
) -> torch.nn.Module:
    """``module`` with the arrays of ``state``, matched by shape and order, whatever their names.

    Raises ``Mismatch`` for NaN and infinity and where the shapes do not fit. ``say`` hears about weights in half
    precision, which are read as float32.
    """
    found = fit(module, state, say=say)
    module.load_state_dict(found.arrays)
    return module


def set_mode(handle: Handle, method: str) -> None:
    """``handle.eval()``, ``.train()``, ``.cpu()``, ``.float()``, ``.double()``: what changes a module in place."""
    try:
        handle.call(method)
    except BadAnswer:
        return  # the module itself was returned, and stays in the room
    except (Missing, Raised) as failure:
        if isinstance(failure, Raised) and "self" not in str(failure):
            raise
        text = "A network is wanted here: an instance of your class, not the class itself nor its state_dict()."
        raise Mismatch(text, kind=("network", "no module"), safe=text) from None


def weights_of(handle: Handle) -> dict[str, torch.Tensor]:
    """The state of a module of the student's; a ``Mismatch`` in words where there is nothing in it."""
    state = handle.state()
    if state:
        return state
    text = (
        "The network has no parameters at all. Layers must be attributes of an nn.Module (self.conv1 = …), or "
        "stand in nn.Sequential or nn.ModuleList: in a plain list PyTorch does not find them."
    )
    raise Mismatch(text, kind=("network", "empty"), safe=text)


def draw_weights(handle: Handle, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """Give the module weights that nobody could know, of a size at which every layer acts; its state after that.

    A module that does not take them keeps its own.
    """
    drawn = {name: _drawn(name, value, rng) for name, value in weights_of(handle).items()}
    try:
        handle.call("load_state_dict", drawn)
    except (BadAnswer, Raised):
        return weights_of(handle)
    return weights_of(handle)


def _drawn(name: str, value: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    if not value.dtype.is_floating_point or "running_" in name:  # a batch norm's: a variance is never negative
        return value
    fan_in = value[0].numel() if value.ndim > 1 else 0
    scale = fan_in**-0.5 if fan_in else 0.3
    noise = torch.randn(value.shape, generator=rng, dtype=torch.float64)
    return (noise * scale).to(value)


def recognise(
    handle: Handle,
    state: Mapping[str, torch.Tensor],
    networks: Sequence[Network],
    inputs: Sequence[torch.Tensor],
) -> Network | None:
    """The first of ``networks`` that, with the student's weights, gives the student's outputs; None if none does.

    Raises what a forward pass of the student's raises.
    """
    answers = [answer(handle, x) for x in inputs]
    return _agreeing(state, networks, inputs, answers)


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
    dropout or batch norm would act. Where it is one of ``mistakes``, ``hint`` hears that one's hint.
    """
    for method in ("cpu", "float", "eval"):
        set_mode(handle, method)
    state = draw_weights(handle, rng)
    answers = [answer(handle, x) for x in inputs]
    found = _agreeing(state, right, inputs, answers)
    if found is None:
        raise _other_network(state, right[0], mistakes, inputs, answers, hint)
    arrays = fit(found.build(), state, say=say)
    _not_constant(found, arrays, inputs)
    _same_in_training(handle, inputs, answers, hint)
    _same_gradients(handle, found, inputs[0], rng)
    return found


def answer(handle: Handle, x: torch.Tensor) -> torch.Tensor:
    """What the module makes of ``x``: a tensor of finite numbers with a row for each input, or a ``Mismatch``."""
    got = handle.forward(x)
    if isinstance(got, list | tuple | dict):
        text = f"The network returns {describe(got)}; it should return one tensor, the logits alone."
        raise Mismatch(text, kind=("type", "several"), safe="The network returns several values instead of one.")
    tensor = require_tensor(got, name="the network's output")
    if tensor.ndim == 0 or len(tensor) != len(x):
        text = (
            f"For {plural(len(x), 'image')} the output has shape {tuple(tensor.shape)}: a row for each is wanted."
        )
        safe = "The output has not one row for each image: is a reshape mixing the images up?"
        raise Mismatch(text, kind=("shape", "rows"), safe=safe)
    return tensor


def agree(got: torch.Tensor, expected: torch.Tensor, rtol: float = OUTPUT_RTOL) -> bool:
    """Whether all differences are small beside the largest expected value; never where NaN is."""
    if got.shape != expected.shape:
        return False
    a, b = plain(got).double(), plain(expected).double()
    return bool((a - b).abs().max() <= rtol * b.abs().max() + 1e-12)


def _agreeing(
    state: Mapping[str, torch.Tensor],
    networks: Sequence[Network],
    inputs: Sequence[torch.Tensor],
    answers: Sequence[torch.Tensor],
) -> Network | None:
    for network in networks:
        try:
            module = load_into(network.build(), state).eval()
        except Mismatch:
            continue
        if all(agree(got, _ours(module, x)) for x, got in zip(inputs, answers, strict=True)):
            return network
    return None


def _ours(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return plain(module(x))


def _other_network(
    state: Mapping[str, torch.Tensor],
    wanted: Network,
    mistakes: Sequence[Network],
    inputs: Sequence[torch.Tensor],
    answers: Sequence[torch.Tensor],
    hint: Say | None,
) -> Mismatch:
    """The failure, with the mistake that it is if it is a known one."""
    known = _agreeing(state, mistakes, inputs, answers)
    if known is not None:
        if hint is not None and known.hint:
            hint(known.hint)
        text = f"This is another network than the one asked for: {known.name}."
        return Mismatch(text, kind=("network", known.name), safe=text)
    try:
        module = load_into(wanted.build(), state).eval()
    except Mismatch as shapes:
        return shapes
    expected = _ours(module, inputs[0])
    if answers[0].shape != expected.shape:
        text = f"The output has shape {tuple(answers[0].shape)}, but {tuple(expected.shape)} is expected."
        return Mismatch(text, kind=("network", "shape"), safe="The shape of the network's output is wrong.")
    text = (
        "All parameters have the right shapes, but with the same weights the network asked for gives other "
        "numbers: some step between the layers differs."
    )
    return Mismatch(text, kind=("network", "values"), safe=text)


def _not_constant(found: Network, arrays: Fit, inputs: Sequence[torch.Tensor]) -> None:
    """With all weights 0 every network agrees with every other: then nothing is proved."""
    module = found.build()
    module.load_state_dict(arrays.arrays)
    outputs = _ours(module.eval(), inputs[0])
    if float((outputs - outputs[:1]).abs().max()) > 1e-6:
        return
    text = (
        "The network gives the same numbers for every image, so nothing can be told about it. Are all weights 0?"
    )
    raise Mismatch(text, kind=("network", "constant"), safe=text)


_DROPS = (
    "In training mode the network does something else than in evaluation: a dropout, a batch norm or noise acts. "
    "None is asked for here."
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
        hint(_DROPS)
    text = "In training mode the network gives other numbers than in evaluation mode, with the same weights."
    raise Mismatch(text, kind=("network", "mode"), safe=text)


def _same_gradients(handle: Handle, found: Network, x: torch.Tensor, rng: torch.Generator) -> None:
    """By every parameter; in float64, or in float32 where the code fixes the dtype."""
    dtype = _widest(handle, x)
    module = found.build().to(dtype).eval()
    arrays = fit(module, weights_of(handle))
    module.load_state_dict(arrays.arrays)
    output = module(x.to(dtype))
    cotangent = torch.randn(output.shape, generator=rng, dtype=torch.float64).to(dtype)
    got = handle.gradients(x.to(dtype), cotangent=cotangent)
    parameters = dict(module.named_parameters())
    wanted = torch.autograd.grad(output, list(parameters.values()), cotangent)
    expected = {arrays.theirs[name]: g for name, g in zip(parameters, wanted, strict=True)}
    answered = {arrays.theirs[name]: g for name in parameters if (g := arrays.moved(name, got)) is not None}
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


def failed_to_build(failure: ProbeFailure, name: str) -> str:
    """Why an instance could not be made, when the reason is that the class wants arguments; empty otherwise."""
    text = str(failure)
    if failure.name == "TypeError" and ("missing" in text or "takes" in text):
        return f"`{name}()` is called without arguments, so every argument of __init__ needs a default value."
    return ""
