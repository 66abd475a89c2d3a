"""The criteria of softmax as plain asserts, as a peer runs them: inside the student's kernel.

They ask what ``graders/softmax`` asks, of the same sizes; only the seeds differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent, indent

FULL = 10.0  # points without the bonus, which the cohort of benchmarks.light does not earn: its softmax overflows
BONUS = 0.5


@dataclass(frozen=True)
class Check:
    """One criterion. ``body`` sees torch, ``softmax``, ``out`` and a generator ``rng``."""

    id: str
    points: float
    hidden: bool
    body: str

    @property
    def slug(self) -> str:
        """A name for a function or a file."""
        return self.id.replace("-", "_")

    def function(self, name: str) -> str:
        """A function ``name(softmax, out)`` that raises AssertionError where the criterion is not met."""
        head = f"def {name}(softmax, out):\n    import torch\n\n    rng = torch.Generator().manual_seed(1)\n"
        return head + indent(dedent(self.body).strip("\n"), "    ") + "\n"


_CLOSE = """
def right(x):
    p = softmax(x)
    assert p.shape == x.shape
    torch.testing.assert_close(p.double(), torch.softmax(x.double(), dim=1), rtol=1e-3, atol=1e-12)
"""

CHECKS = (
    Check("rows-sum-to-one", 2, False, """
        x = torch.randn(64, 10, generator=rng)
        p = softmax(x)
        assert p.shape == x.shape
        assert (p > 0).all()
        assert ((p.double().sum(dim=1) - 1).abs() <= 1e-4).all()
        assert (p.gather(1, x.argmax(dim=1, keepdim=True)) >= p.amax(dim=1, keepdim=True) * (1 - 1e-5)).all()
        """),
    Check("softmax-values", 3, False, _CLOSE + """
for scale in (1, 3):
    right(scale * torch.randn(64, 10, generator=rng))
"""),
    Check("out-shape", 1, False, """
        assert out.shape == (64, 10)
        assert out.max() - out.min() > 1e-6
        assert not ((out >= 0).all() and ((out.sum(dim=1) - 1).abs() < 1e-3).all())
        assert not ((out.exp().sum(dim=1) - 1).abs() < 1e-3).all()
        """),
    Check("softmax-any-size", 2, True, _CLOSE + """
for shape in ((64, 10), (100, 7), (10, 64), (3, 2), (2, 3), (5, 5), (1, 10), (7, 1), (1, 1), (211, 17)):
    right(torch.randn(shape, generator=rng))
"""),
    Check("softmax-wide-range", 1, True, _CLOSE + """
x = torch.randn(64, 10, generator=rng)
for x in (x, 40 * torch.rand(64, 10, generator=rng) - 20, 0.01 * x, x + 20, x - 20):
    right(x)
"""),
    Check("argument-unchanged", 1, True, """
        x = torch.randn(64, 10, generator=rng)
        kept = x.clone()
        p = softmax(x)
        assert torch.equal(x, kept)
        before = p.clone()
        softmax(p)
        assert torch.equal(p, before)
        """),
    Check("softmax-stable", BONUS, True, _CLOSE + """
x = torch.randn(64, 10, generator=rng) + torch.tensor([-1000.0, 1000.0]).repeat(32)[:, None]
for x in (x, 2000 * torch.rand(64, 10, generator=rng) - 1000):
    right(x)
"""),
)  # fmt: skip
