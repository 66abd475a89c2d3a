"""What a grader imports: the examinee it questions, the comparisons that explain, and makers of inputs.

from torchgrade.testing import assert_tensor_close, for_each_input, normal
"""

from torchgrade.i18n import _, plural
from torchgrade.testing.accuracy import accuracy, assert_accuracy, by_class, confusion, predictions, prepared
from torchgrade.testing.advising import advised, must, shortened
from torchgrade.testing.by_hand import autograd_in
from torchgrade.testing.close import Mismatch, assert_tensor_close, require, require_tensor
from torchgrade.testing.describe import describe
from torchgrade.testing.examinee import Examinee, Handle, Value
from torchgrade.testing.excerpt import excerpt
from torchgrade.testing.exhibits import (
    LOSSES,
    SHARES,
    Band,
    collected,
    confusion_matrix,
    curves,
    first_filters,
    layer_table,
    misclassified,
    told_by,
)
from torchgrade.testing.gradients import (
    GRADIENT_RTOL,
    assert_gradients,
    gradient_dtype,
    relative_error,
    widest_answer,
)
from torchgrade.testing.inputs import normal, smallest_first, uniform
from torchgrade.testing.looks import looks_like
from torchgrade.testing.loops import (
    flat_weights,
    numbers_in,
    off_course,
    on_enough,
    plain_numbers,
    wants_double,
)
from torchgrade.testing.modules import (
    advice_on,
    answer,
    draw_weights,
    ends_raw,
    parameters_of,
    set_mode,
    settle,
    weights_of,
)
from torchgrade.testing.network import Network, agree, assert_same_network, load_into, rebuilt, recognise
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
from torchgrade.testing.surface import decision_surface
from torchgrade.testing.weights import count, spaced

__all__ = [
    "GRADIENT_RTOL",
    "LOSSES",
    "SHARES",
    "BadAnswer",
    "Band",
    "ComparisonFailure",
    "Died",
    "Examinee",
    "Handle",
    "Mismatch",
    "Missing",
    "Network",
    "OutOfMemory",
    "ProbeFailure",
    "Raised",
    "TimedOut",
    "Value",
    "_",
    "accuracy",
    "advice_on",
    "advised",
    "agree",
    "answer",
    "assert_accuracy",
    "assert_gradients",
    "assert_same_network",
    "assert_tensor_close",
    "autograd_in",
    "by_class",
    "collected",
    "confusion",
    "confusion_matrix",
    "count",
    "curves",
    "decision_surface",
    "describe",
    "draw_weights",
    "ends_raw",
    "excerpt",
    "first_filters",
    "flat_weights",
    "for_each_input",
    "gradient_dtype",
    "layer_table",
    "load_into",
    "looks_like",
    "misclassified",
    "must",
    "normal",
    "numbers_in",
    "off_course",
    "on_enough",
    "parameters_of",
    "plain_numbers",
    "plural",
    "predictions",
    "prepared",
    "rebuilt",
    "recognise",
    "relative_error",
    "require",
    "require_tensor",
    "set_mode",
    "settle",
    "shortened",
    "smallest_first",
    "spaced",
    "told_by",
    "uniform",
    "wants_double",
    "weights_of",
    "widest_answer",
]
