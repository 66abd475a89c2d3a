"""What is said of hand-ins is said in the reader's language too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from torchgrade import intake
from torchgrade.i18n import retold, speaking
from torchgrade.intake.retelling import SENTENCES

SOURCES = [p for p in Path(intake.__file__).parent.glob("*.py") if p.name != "retelling.py"]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_each_sentence_is_said_and_is_there_in_russian(sentence: str) -> None:
    source = " ".join(re.sub(r'"\s*f?"', "", path.read_text(encoding="utf-8")) for path in SOURCES)
    pieces = [piece.strip() for piece in re.split(r"\{\w+\}|: |(?<=\.) ", sentence)]
    assert max(pieces, key=len) in source
    said = sentence.format(**dict.fromkeys(re.findall(r"\{(\w+)\}", sentence), "7"))
    with speaking("ru"):
        assert re.search("[а-я]", retold(said, SENTENCES)), said
