"""torchvision is there for every notebook, and torch's compiler, which is slow to import, when it is wanted."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_compiler_waits_until_somebody_compiles() -> None:
    pytest.importorskip("torch")
    code = """
import sys
from torchgrade.sandbox import compat
torchvision = compat.import_torchvision()
print("torch._dynamo" in sys.modules, "torch._dynamo.utils" in sys.modules)
import torch
from torchvision.ops.roi_align import is_compile_supported
print(is_compile_supported("cpu") in (True, False))
print(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item())
print(torch._dynamo.utils is sys.modules["torch._dynamo.utils"])
"""
    assert run(code) == ["False", "False", "True", "2.0", "True"]


def test_a_warm_parent_has_the_compiler_where_optimizers_are_made() -> None:
    code = """
import sys
from torchgrade.sandbox import kernel
kernel.preload(["optimizers"])
print("torch._dynamo" in sys.modules, "torchvision.datasets" in sys.modules)
"""
    assert run(code) == ["True", "True"]


def test_torchvision_is_imported_when_somebody_asks_and_then_once() -> None:
    if not importlib.util.find_spec("torchvision"):
        pytest.skip("torchvision is not installed")
    code = """
import sys
from torchgrade.sandbox import compat
compat.when_torchvision_is_imported(lambda: print("asked"))
print("torchvision" in sys.modules)
import torchvision.datasets
from torchvision import transforms
import importlib, torchvision
print(torchvision.__spec__.origin.endswith("__init__.py"), torchvision is sys.modules["torchvision"])
print(torchvision.datasets.MNIST.__name__, transforms.ToTensor.__name__)
compat.when_torchvision_is_imported(lambda: print("there"))
"""
    assert run(code) == ["False", "asked", "True", "True", "MNIST", "ToTensor", "there"]


def test_asking_for_a_torchvision_that_is_not_installed_says_so() -> None:
    code = """
import sys
from torchgrade.sandbox import compat
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            raise ModuleNotFoundError("No module named 'torchvision'")
sys.meta_path.insert(0, Missing())
compat.when_torchvision_is_imported(lambda: print("wrong"))
for _ in range(2):
    try:
        import torchvision
    except ImportError:
        print("missing")
"""
    assert run(code) == ["missing", "missing"]
