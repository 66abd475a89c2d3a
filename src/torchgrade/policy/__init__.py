"""How points follow from when and how often work was handed in: pure functions."""

from torchgrade.policy.standing import Standing

__all__ = ["Standing"]
