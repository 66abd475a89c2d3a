"""Trusted notebooks in this process: the solution as ``reference``, and known wrong answers to replay.

Nothing of a student's is ever run here.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torchgrade import notebook as notebooks
from torchgrade.errors import BrokenError

#: Cells with this tag (a long training, say) are left out when a solution becomes the reference.
SLOW_TAG = "not-in-reference"
_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)


def load_namespace(nb: dict[str, Any], title: str, files: Sequence[Path] = ()) -> dict[str, Any]:
    """Run the code cells of a trusted notebook. Raises BrokenError naming the cell that failed.

    ``files`` are handed out with the notebook: while it runs, they lie in the current folder, as in a room.
    """
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    with _beside(files), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for index, cell in enumerate(nb["cells"]):
            if cell["cell_type"] == "code" and SLOW_TAG not in cell["metadata"].get("tags", []):
                _run_cell(cell["source"], f"{title}, cell {index + 1}", namespace)
    return namespace


@contextlib.contextmanager
def _beside(files: Sequence[Path]) -> Iterator[None]:
    """Be in a folder of copies, from which one can also import; what is written there is gone with it."""
    with tempfile.TemporaryDirectory(prefix="torchgrade-reference-") as folder, contextlib.chdir(folder):
        for file in files:
            shutil.copy(file, folder)
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)


def _run_cell(source: str, where: str, namespace: dict[str, Any]) -> None:
    try:
        exec(compile(_MAGIC.sub("", source), f"<{where}>", "exec"), namespace)  # noqa: S102 - the course's own
    except (Exception, SystemExit) as error:
        raise BrokenError(f"{where}: {type(error).__name__}: {error}") from error


class NamespaceExaminee:
    """Implements ``torchgrade.testing.Examinee`` over a namespace of this process."""

    may_explain = False

    def __init__(self, namespace: dict[str, Any], nb: dict[str, Any] | None = None) -> None:
        self.namespace, self._notebook = namespace, nb

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``name`` on copies of the arguments."""
        return _detached(self.namespace[name](*_copied(list(args)), **_copied(kwargs)))

    def call_within(self, seconds: float, name: str, *args: Any, **kwargs: Any) -> Any:
        """``call``: the course's own code is trusted to end."""
        return self.call(name, *args, **kwargs)

    def call_keeping_arguments(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        """The answer, and the positional arguments as they are after the call."""
        copies = _copied(list(args))
        return _detached(self.namespace[name](*copies, **_copied(kwargs))), _detached(copies)

    def value(self, name: str) -> Any:
        """Read a global."""
        return _detached(self.namespace[name])

    def define(self, name: str, value: Any) -> None:
        """Set a global."""
        self.namespace[name] = _copied(value)

    def gradients(
        self,
        name: str,
        *args: Any,
        wrt: Sequence[int | str] = (0,),
        cotangent: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> list[torch.Tensor]:
        """d⟨name(*args), cotangent⟩ / d each of ``wrt``."""
        copies = _copied(list(args))
        leaves = [
            (self.namespace[w] if isinstance(w, str) else copies[w]).detach().clone().requires_grad_() for w in wrt
        ]
        kept = dict(self.namespace)
        for w, leaf in zip(wrt, leaves, strict=True):
            if isinstance(w, str):
                self.namespace[w] = leaf
            else:
                copies[w] = leaf
        try:
            output = self.namespace[name](*copies, **_copied(kwargs))
        finally:
            self.namespace.update({w: kept[w] for w in wrt if isinstance(w, str)})
        return _gradients(output, leaves, cotangent)

    def object(self, name: str) -> LocalHandle:
        """A handle on a global."""
        return LocalHandle(self.namespace[name])

    def build(self, cls: str, *args: Any, **kwargs: Any) -> LocalHandle:
        """A new instance of a class."""
        return LocalHandle(self.namespace[cls](*_copied(list(args)), **_copied(kwargs)))

    def make(self, path: str, *args: Any, **kwargs: Any) -> LocalHandle:
        """Something of PyTorch's own: ``make("torch.nn.Linear", 3, 4)``."""
        found: Any = torch
        for attribute in path.split(".")[1:]:
            found = getattr(found, attribute)
        return LocalHandle(found(*_copied(list(args)), **_copied(kwargs)))

    def source(self, name: str) -> str:
        """The source text that defines ``name``."""
        found = notebooks.find_definition(self._notebook, name) if self._notebook else None
        return found[2] if found else ""

    @property
    def outputs(self) -> list[str]:
        """A trusted notebook is not run through a kernel here: nothing is captured."""
        return []


class LocalHandle:
    """Implements ``torchgrade.testing.Handle`` over an object of this process."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def state(self) -> dict[str, torch.Tensor]:
        """The ``state_dict()``, copied."""
        return {k: v.detach().clone() for k, v in self.target.state_dict().items()}

    def forward(self, *args: Any) -> Any:
        """Call the object."""
        return _detached(self.target(*_copied(list(args))))

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method."""
        found = self.target
        for attribute in method.split("."):
            found = getattr(found, attribute)
        return _detached(found(*_copied(list(args)), **_copied(kwargs)))

    def gradients(self, *args: Any, cotangent: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """d⟨output, cotangent⟩ / d parameter, by name."""
        parameters = {name: p for name, p in self.target.named_parameters() if p.requires_grad}
        found = _gradients(self.target(*_copied(list(args))), list(parameters.values()), cotangent)
        return dict(zip(parameters, found, strict=True))


def _gradients(
    output: torch.Tensor, leaves: list[torch.Tensor], cotangent: torch.Tensor | None
) -> list[torch.Tensor]:
    seed = torch.ones_like(output) if cotangent is None else cotangent.to(output)
    found = torch.autograd.grad(output, leaves, seed, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, LocalHandle):
        return value.target
    if isinstance(value, (list, tuple)):
        return _plain_kind(value)(_copied(v) for v in value)
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    return value


def _detached(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, np.ndarray):  # as it would come through the wall
        return torch.from_numpy(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return _plain_kind(value)(_detached(v) for v in value)
    if isinstance(value, dict):
        return {k: _detached(v) for k, v in value.items()}
    return value


def _plain_kind(value: list[Any] | tuple[Any, ...]) -> type[list[Any]] | type[tuple[Any, ...]]:
    """Named tuples and their like cross the wall as plain ones."""
    return list if isinstance(value, list) else tuple
