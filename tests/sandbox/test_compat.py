"""torchvision is there for every notebook, and torch's compiler, which is slow to import, when it is wanted."""

from __future__ import annotations

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
