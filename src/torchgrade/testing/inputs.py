"""Inputs for probes, drawn from a generator on the CPU: the same seed gives the same question anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch


def uniform(
    rng: torch.Generator,
    shape: Sequence[int],
    low: float = 0.0,
    high: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Numbers spread evenly over [low, high). ValueError where the interval is empty."""
    if not low < high:
        raise ValueError(f"uniform: low must be below high, not {low} and {high}")
    drawn = torch.rand(tuple(shape), generator=rng, dtype=torch.float64)
    return (low + (high - low) * drawn).to(dtype)


def normal(
    rng: torch.Generator,
    shape: Sequence[int],
    scale: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Normally distributed numbers with mean 0 and standard deviation ``scale``."""
    drawn = torch.randn(tuple(shape), generator=rng, dtype=torch.float64)
    return (scale * drawn).to(dtype)


def smallest_first(
    rng: torch.Generator,
    shapes: Iterable[Sequence[int]],
    scale: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> list[torch.Tensor]:
    """A normal tensor per shape, fewest elements first, so that a failure is met on one that can be read."""
    ordered = sorted(shapes, key=lambda shape: torch.Size(shape).numel())
    return [normal(rng, shape, scale, dtype) for shape in ordered]
