"""torchgrade grades PyTorch notebooks from outside the student's process.

The package imports nothing heavy here, so that ``torchgrade --help`` opens at once.
"""

__version__ = "0.1.0"
