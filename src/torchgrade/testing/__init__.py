"""What a grader imports: the examinee it questions, the comparisons that explain, and makers of inputs.

from torchgrade.testing import assert_tensor_close, for_each_input, normal
"""

from torchgrade.testing.close import Mismatch, assert_tensor_close, require, require_tensor
from torchgrade.testing.describe import describe
from torchgrade.testing.examinee import Examinee, Handle, Value
from torchgrade.testing.excerpt import excerpt
from torchgrade.testing.gradients import GRADIENT_RTOL, assert_gradients, gradient_dtype, relative_error
from torchgrade.testing.inputs import normal, smallest_first, uniform
from torchgrade.testing.looks import looks_like
from torchgrade.testing.outcomes import (
    BadAnswer,
    ComparisonFailure,
    Died,
    Missing,
    OutOfMemory,
    ProbeFailure,
    Raised,
    TimedOut,
)
from torchgrade.testing.shrink import for_each_input

__all__ = [
    "GRADIENT_RTOL",
    "BadAnswer",
    "ComparisonFailure",
    "Died",
    "Examinee",
    "Handle",
    "Mismatch",
    "Missing",
    "OutOfMemory",
    "ProbeFailure",
    "Raised",
    "TimedOut",
    "Value",
    "assert_gradients",
    "assert_tensor_close",
    "describe",
    "excerpt",
    "for_each_input",
    "gradient_dtype",
    "looks_like",
    "normal",
    "relative_error",
    "require",
    "require_tensor",
    "smallest_first",
    "uniform",
]
