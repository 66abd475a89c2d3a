"""A student's module, asked through its handle: made ready, its weights read and drawn, its answers checked."""

from __future__ import annotations

import torch

from torchgrade.i18n import _, plural
from torchgrade.testing.close import Mismatch, require_tensor
from torchgrade.testing.describe import describe
from torchgrade.testing.examinee import Handle
from torchgrade.testing.outcomes import BadAnswer, Missing, ProbeFailure, Raised

#: Ways to ask a module, the usual one first: code may fix another dtype, or compute on a GPU whatever it is told.
_WAYS = (("cpu", "float", "eval"), ("double",), ("bfloat16",), ("half",), ("float", "cuda"))


def set_mode(handle: Handle, method: str) -> None:
    """``handle.eval()``, ``.train()``, ``.cpu()``, ``.float()``, ``.double()``: what changes a module in place."""
    try:
        handle.call(method)
    except BadAnswer:
        return  # the module itself was returned, and stays in the room
    except (Missing, Raised) as failure:
        if isinstance(failure, Raised) and "self" not in str(failure):
            raise
        text = _("A network is wanted here: an instance of your class, not the class itself nor its state_dict().")
        raise Mismatch(text, kind=("network", "no module"), safe=text) from None


def settle(handle: Handle, x: torch.Tensor) -> torch.Tensor:
    """Make a module ready to be asked, on the CPU, in evaluation mode and in float32; its answer to ``x`` (N, …).

    Where its code fixes another dtype, or a GPU, the module stays in that. Raises what it raised at first.
    """
    first: Raised | None = None
    for modes in _WAYS:
        try:
            for mode in modes:
                set_mode(handle, mode)
            return answer(handle, x)
        except Raised as failure:
            first = first or failure
    for mode in _WAYS[0]:
        set_mode(handle, mode)
    assert first is not None
    raise first


def answer(handle: Handle, x: torch.Tensor) -> torch.Tensor:
    """What the module makes of ``x``: a tensor of finite numbers with a row for each input, or a ``Mismatch``."""
    got = handle.forward(x)
    if isinstance(got, list | tuple | dict):
        text = _("The network returns {given}; it should return one tensor alone.")
        safe = _("The network returns several values instead of one.")
        raise Mismatch(text.format(given=describe(got)), kind=("type", "several"), safe=safe)
    tensor = require_tensor(got, name=_("the network's output"))
    if tensor.ndim == 0 or len(tensor) != len(x):
        text = plural(
            "For {count} input the output has shape {shape}: a row for each is wanted.",
            "For {count} inputs the output has shape {shape}: a row for each is wanted.",
            len(x),
        ).format(count=len(x), shape=tuple(tensor.shape))
        safe = _("The output has not one row for each input: is a reshape mixing them up?")
        raise Mismatch(text, kind=("shape", "rows"), safe=safe)
    return tensor


def weights_of(handle: Handle) -> dict[str, torch.Tensor]:
    """The state of a module of the student's; a ``Mismatch`` in words where there is nothing in it."""
    state = handle.state()
    if state:
        return state
    text = _(
        "The network has no parameters at all. Layers must be attributes of an nn.Module (self.conv1 = …), or "
        "stand in nn.Sequential or nn.ModuleList: in a plain list PyTorch does not find them."
    )
    raise Mismatch(text, kind=("network", "empty"), safe=text)


def parameters_of(handle: Handle) -> dict[str, torch.Tensor]:
    """The part of the state that is trained: buffers (a mean of pixels, say) and frozen numbers are left out."""
    return {name: value for name, value in weights_of(handle).items() if _trained(handle, name)}


def _trained(handle: Handle, name: str) -> bool:
    try:
        return handle.call(f"{name}.requires_grad.__bool__") is not False
    except ProbeFailure:
        return True  # it cannot be told


def draw_weights(handle: Handle, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """Give the module weights that nobody could know, of a size at which every layer acts; its state after that.

    What is not trained stays as it is: the numbers that pixels are scaled by, the statistics of a batch norm.
    A module that does not take the weights keeps its own.
    """
    drawn = weights_of(handle)
    drawn |= {name: _drawn(value, rng) for name, value in drawn.items() if _trained(handle, name)}
    _load(handle, drawn)
    return weights_of(handle)


def _load(handle: Handle, state: dict[str, torch.Tensor]) -> None:
    """Load a state into a module, if it takes it."""
    try:
        handle.call("load_state_dict", state)
    except (BadAnswer, Raised):
        return


def _drawn(value: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    if not value.dtype.is_floating_point:
        return value
    fan_in = value[0].numel() if value.ndim > 1 else 0
    scale = fan_in**-0.5 if fan_in else 0.3
    noise = torch.randn(value.shape, generator=rng, dtype=torch.float64)
    return (noise * scale).to(value)


def ends_raw(handle: Handle, x: torch.Tensor, rng: torch.Generator) -> bool:
    """Whether the last layer's numbers are the output (N, K); True also where it cannot be told.

    The gradient of raw logits by the last bias is the sum of the cotangents; an activation behind it changes that.
    A last layer without a bias gives -3 times the output when its weights are taken -3 times.
    """
    before = answer(handle, x)
    columns = before.shape[-1]
    cotangent = torch.randn(len(x), columns, generator=rng)
    try:
        gradients = handle.gradients(x, cotangent=cotangent)
    except ProbeFailure:
        return True
    biases = [g.double().flatten() for g in gradients.values() if g.numel() == columns]
    if biases:
        wanted = cotangent.double().sum(dim=0)
        return any(torch.allclose(b, wanted, rtol=1e-3, atol=1e-4) for b in biases)
    last = {n: -3 * v for n, v in parameters_of(handle).items() if v.ndim > 1 and columns in v.shape}
    if not last:
        return True
    kept = weights_of(handle)
    _load(handle, {**kept, **last})
    after = answer(handle, x)
    _load(handle, kept)
    return torch.allclose(after, -3 * before, rtol=1e-3, atol=1e-4)


#: What the text of an error tells of old or unguarded code, and what to do about it.
def _advice() -> tuple[tuple[str, str], ...]:
    without_gpu = _("The notebook must run without a GPU too: write .to(device), not .cuda().")
    return (
        ("compiled with CUDA", without_gpu),
        ("No CUDA GPUs", without_gpu),
        ("NVIDIA driver", without_gpu),
        ("0-dim tensor", _("loss.data[0] is gone since 2018: write loss.item().")),
        ("no attribute 'next'", _("iterator.next() is gone: write next(iterator).")),
        ("view size is not compatible", _("x.flatten(1) and x.reshape(…) take what x.view(…) refuses.")),
    )


def advice_on(failure: Exception, call: str = "") -> str:
    """What to do about an error of the student's, where that is known; else empty.

    ``call`` says how the student's function or class is called, for an error about its arguments.
    """
    text = str(failure)
    if getattr(failure, "kind", ()) == ("finite",):
        return _(
            "Infinity comes of a division by 0, of log(0) or of exp of a large number, and NaN of going on with "
            "it. In a training too long steps lead there: a smaller rate and inputs of moderate size help."
        )
    if not isinstance(failure, Raised):
        return ""
    if call and "forward()" in text and "missing" in text:
        return _("It is a network already: what is wanted is the class, or the function, that makes one.")
    if call and failure.name == "TypeError" and ("missing" in text or "takes" in text or "unexpected" in text):
        said = _("It is called as {call}, so every further argument needs a default value.")
        return said.format(call=call)
    return next((advice for words, advice in _advice() if words in text), "")
