"""Keeps notebooks running that were written for older libraries, and torchvision where its build does not fit.

Real hand-ins were saved years ago: of 190 read, 77 call ``iterator.next()``, which PyTorch has dropped. What
ran on the student's machine should run here; none of this touches what a grader judges.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

_library: Any = None


def warm() -> None:
    """Import torchvision where it is installed, and add what older notebooks expect."""
    import torch.utils.data.dataloader as dataloader

    iterator = dataloader._BaseDataLoaderIter
    if not hasattr(iterator, "next"):
        iterator.next = iterator.__next__  # type: ignore[attr-defined]
    try:
        import_torchvision()
    except (ImportError, RuntimeError):
        return
    for name in ("torchvision.transforms", "torchvision.datasets"):
        __import__(name)
    _normalise_grey_pictures()


def _normalise_grey_pictures() -> None:
    """Notebooks of 2018 normalise one-channel MNIST with three means, of which torchvision then took the first."""
    from torchvision.transforms import functional

    strict = functional.normalize

    def normalize(tensor: Any, mean: Any, std: Any, inplace: bool = False) -> Any:
        if getattr(tensor, "ndim", 0) >= 3 and tensor.shape[-3] == 1 and len(mean) == len(std) == 3:
            mean, std = mean[:1], std[:1]
        return strict(tensor, mean, std, inplace)

    functional.normalize = normalize


def import_torchvision() -> Any:
    """``import torchvision``, also where torch is a CPU build and torchvision's wheel is the CUDA one.

    Such a pair lacks the operators that torchvision's Python code registers shapes for; each is declared, with
    no kernel, until the import goes through. Where the pair matches, nothing is declared. Raises ImportError
    when torchvision is not installed.
    """
    try:
        with _compiler_when_asked():
            return _import_declaring()
    except (ImportError, AttributeError):  # another torchvision, which wants more of the compiler
        _forget_torchvision()
        return _import_declaring()


def when_torchvision_is_imported(then: Callable[[], None]) -> None:
    """Import it as ``import_torchvision`` does once somebody asks for it, and then call ``then``.

    It takes a fifth of a second, which most references never need.
    """
    if "torchvision" in sys.modules:
        then()
    else:
        sys.meta_path.insert(0, _Torchvision(then))


class _Torchvision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds torchvision once, by importing it in our way."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._spec: Any = None

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != "torchvision":
            return None
        sys.meta_path.remove(self)
        self._spec = import_torchvision().__spec__
        self._then()
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: Any) -> Any:
        return sys.modules["torchvision"]

    def exec_module(self, module: Any) -> None:
        module.__spec__ = self._spec


def _import_declaring() -> Any:
    global _library
    import torch

    for _ in range(16):
        try:
            import torchvision

            return torchvision
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if not missing:
                raise
            if _library is None:
                _library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
            _library.define(f"{missing[1]}(Tensor a) -> Tensor")
            _forget_torchvision()
    raise ImportError("torchvision does not fit the installed torch")


def _forget_torchvision() -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
        del sys.modules[name]


@contextlib.contextmanager
def _compiler_when_asked() -> Iterator[None]:
    """torchvision.ops takes one function from torch's compiler, which is 1.2 s and 80 MB to import: here that is
    done when the function is called, which hardly a notebook does."""
    names = ("torch._dynamo", "torch._dynamo.utils")
    if names[0] in sys.modules:
        yield
        return

    def is_compile_supported(device_type: Any) -> Any:
        from torch._dynamo.utils import is_compile_supported as real

        return real(device_type)

    package, utils = (ModuleType(name) for name in names)
    package.__path__ = []
    package.utils = utils  # type: ignore[attr-defined]
    utils.is_compile_supported = is_compile_supported  # type: ignore[attr-defined]
    sys.modules.update(zip(names, (package, utils), strict=True))
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
