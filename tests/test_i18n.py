"""Sentences in another language."""

from __future__ import annotations

from pathlib import Path

import pytest

from torchgrade import i18n

PO = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; "
"plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

msgid "A sentence of this course."
msgstr "Предложение этого курса."

msgid "{count} cat"
msgid_plural "{count} cats"
msgstr[0] "{count} кот"
msgstr[1] "{count} кота"
msgstr[2] "{count} котов"
"""


@pytest.fixture
def course(tmp_path: Path) -> tuple[Path, ...]:
    path = tmp_path / "ru.po"
    path.write_text(PO, encoding="utf-8")
    return (path,)


def test_a_sentence_is_said_in_the_language_asked_for_and_only_there(course: tuple[Path, ...]) -> None:
    with i18n.speaking("ru", course):
        assert i18n._("A sentence of this course.") == "Предложение этого курса."
        assert i18n.language() == "ru"
    assert i18n._("A sentence of this course.") == "A sentence of this course."
    assert i18n.language() == "en"


def test_what_no_catalogue_knows_stays_english(course: tuple[Path, ...]) -> None:
    with i18n.speaking("ru", course):
        assert i18n._("Nobody translated this.") == "Nobody translated this."


@pytest.mark.parametrize(("count", "said"), [(1, "кот"), (3, "кота"), (5, "котов"), (21, "кот"), (112, "котов")])
def test_numbers_follow_the_grammar(course: tuple[Path, ...], count: int, said: str) -> None:
    with i18n.speaking("ru", course):
        assert i18n.plural("{count} cat", "{count} cats", count).format(count=count) == f"{count} {said}"


def test_nothing_is_said_of_an_empty_text(course: tuple[Path, ...]) -> None:
    with i18n.speaking("ru", course):
        assert i18n._("") == ""  # gettext would answer with the catalogue's header


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="not one of en, ru"):
        i18n.use_language("de")
