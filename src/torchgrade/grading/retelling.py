"""What a room says of a question that got no answer, in the reader's language.

Nothing in a room knows who will read it: what comes out is English. The sentences are those of ``sandbox.probes``,
``sandbox.guest`` and ``wire``; one that is not here stays as it is.
"""

from __future__ import annotations

from torchgrade.i18n import later, retold
from torchgrade.testing.outcomes import ProbeFailure

#: A sentence that another one begins like comes after it.
SENTENCES = (
    later("`{subject}` did not give a value that can be examined ({why})"),
    later("`{subject}` did not give a value that can be examined"),
    later("`{subject}` did not answer within {seconds} s"),
    later("`{subject}` needed more memory than there is"),
    later("`{subject}` ended the whole Python process instead of returning"),
    later("`{subject}` is not defined"),
    later("`{subject}` has no `{attribute}`"),
    later("no gradient flows through `{subject}`: somewhere it leaves PyTorch (`.item()`, `.detach()`, NumPy?)"),
    later("`{subject}` raised an error"),
    later("`{subject}` raised {name}: {text}, in the line `{code}`"),
    later("`{subject}` raised {name}, in the line `{code}`"),
    later("`{subject}` raised {name}: {text}"),
    later("`{subject}` raised {name}"),
    later("`{subject}`: {why}"),
    later("this object is not in the room any more"),
    later("an nn.Module is wanted here, not {type}"),
    later("a tensor is wanted here, not {type}"),
    later("the answer has shape {shape}, not {wanted}"),
    later("the value is too large to be handed over"),
    later("the value is nested too deeply or has too many parts"),
    later("a value of type {type} cannot be handed over"),
    later("an array of dtype {dtype} cannot be handed over"),
    later("an array of {count} dimensions cannot be handed over"),
    later("an array of shape {shape} cannot be handed over"),
    later("the arrays are too large: over {size} MiB"),
    later("a string is too long to be handed over"),
)


def retell(failure: ProbeFailure) -> None:
    """Put the failure's words into the reader's language, where they are the engine's."""
    failure.safe = retold(failure.safe, SENTENCES)
    failure.args = (retold(str(failure), SENTENCES),)
