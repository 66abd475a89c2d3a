"""Sentences in the reader's language.

``_("One sentence about {name}.").format(name=…)``: the English sentence is the key of the gettext catalogues
(``locale/<language>/LC_MESSAGES/torchgrade.po`` beside this file; a course adds its own). A sentence that no
catalogue knows stays English: a reader is told something rather than nothing, and ``torchgrade ci`` and the tests
say what is missing.
"""

from __future__ import annotations

import contextlib
import functools
import gettext
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

#: The languages in which everything is said. The first is the one in which the code is written.
LANGUAGES = ("en", "ru")

_CATALOGUES = Path(__file__).parent / "locale"
_ENGLISH = gettext.NullTranslations()
#: What the whole process speaks: threads begin with it.
_process: gettext.NullTranslations = _ENGLISH
_language = LANGUAGES[0]
#: The catalogues of the course that the process is about.
_course: tuple[Path, ...] = ()
_here: ContextVar[gettext.NullTranslations | None] = ContextVar("torchgrade_language", default=None)


def use_language(language: str, course: Iterable[Path] = ()) -> None:
    """Speak ``language`` in this process from now on; ``course``: catalogues (.po) that come before the engine's.

    Raises ValueError for a language that is not in LANGUAGES.
    """
    global _process, _language, _course
    known = tuple(course)
    _process, _language, _course = _translations(language, known), language, known


@contextlib.contextmanager
def speaking(language: str, course: Iterable[Path] | None = None) -> Iterator[None]:
    """Speak ``language`` in this context alone: a request of a server, a report in another language.

    ``course``: as for ``use_language``; None: those of the same course that the process speaks for. Raises as it.
    """
    known = tuple(p.with_name(f"{language}.po") for p in _course) if course is None else tuple(course)
    token = _here.set(_translations(language, known))
    try:
        yield
    finally:
        _here.reset(token)


def current() -> gettext.NullTranslations:
    """The catalogue in use; Jinja's i18n extension asks for it."""
    return _here.get() or _process


def language() -> str:
    """The language in use, as in LANGUAGES."""
    here = _here.get()
    return _language if here is None else getattr(here, "language", LANGUAGES[0])


class Said(str):
    """A sentence in another language that knows its English: what is counted or compared must not depend on the
    reader. ``format`` keeps it; whatever else makes a new text of it does not."""

    english: str

    def __new__(cls, text: str, english: str) -> Said:
        made = super().__new__(cls, text)
        made.english = english
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """Copies and pickles know it too."""
        return str(self), self.english

    def format(self, *args: Any, **kwargs: Any) -> Said:
        """Filled in, both."""
        plain = {name: english(value) if isinstance(value, str) else value for name, value in kwargs.items()}
        return Said(str.format(self, *args, **kwargs), self.english.format(*args, **plain))


def english(text: str) -> str:
    """The English of what ``_`` or ``plural`` gave; any other text as it is."""
    return text.english if isinstance(text, Said) else text


def _(sentence: str) -> str:
    """The sentence in the language in use; one that no catalogue knows comes back as it is."""
    here = current()
    if here is _ENGLISH or not sentence:
        return sentence
    said = here.gettext(sentence)
    return sentence if said == sentence else Said(said, english(sentence))


def plural(one: str, many: str, count: int) -> str:
    """``one`` or ``many``, as the language's grammar asks for ``count``; the caller fills ``{count}`` in."""
    here, plain = current(), one if count == 1 else many
    return plain if here is _ENGLISH else Said(here.ngettext(one, many, count), plain)


def later(sentence: str) -> str:
    """A sentence that is said in English where no reader is known, in a room say: ``retold`` finds it again."""
    return sentence


def retold(text: str, sentences: Iterable[str]) -> str:
    """A filled-in English text in the language in use, where it is one of these sentences; else as it is.

    What was filled in stays, but for ``{why}``, which may be one of them itself.
    """
    if current() is _ENGLISH or isinstance(text, Said):
        return text
    known = tuple(sentences)
    for sentence in known:
        if found := _pattern(sentence).fullmatch(text):
            parts = {
                name: retold(part, known) if name == "why" else part for name, part in found.groupdict().items()
            }
            return _(sentence).format(**parts)
    return text


@functools.cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """What a filled-in sentence looks like; each value as short as it can be."""
    pieces = re.split(r"\{(\w+)\}", sentence)
    made = (f"(?P<{piece}>.+?)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))
    return re.compile("".join(made), re.DOTALL)


def in_every_language(sentence: str) -> tuple[str, ...]:
    """The sentence as each of LANGUAGES says it: to recognise a word of ours that was put down in any of them."""
    return tuple(_translations(each, ()).gettext(sentence) for each in LANGUAGES)


def engine_catalogue(language: str) -> Path:
    """Where the engine's own sentences stand in this language."""
    return _CATALOGUES / language / "LC_MESSAGES" / "torchgrade.po"


def _translations(language: str, course: tuple[Path, ...]) -> gettext.NullTranslations:
    if language not in LANGUAGES:
        raise ValueError(f"the language {language!r} is not one of {', '.join(LANGUAGES)}")
    if language == LANGUAGES[0]:
        return _ENGLISH
    files = [path for path in (*course, engine_catalogue(language)) if path.is_file()]
    return _together(language, tuple((path, path.stat().st_mtime_ns) for path in files))


@functools.cache
def _together(language: str, files: tuple[tuple[Path, int], ...]) -> gettext.NullTranslations:
    """Catalogues as they were at these times; the first that knows a sentence says it."""
    found = [_read(path, language) for path, _changed in files]
    for first, then in itertools.pairwise(found):
        first.add_fallback(then)
    chosen = found[0] if found else gettext.NullTranslations()
    chosen.language = language  # type: ignore[attr-defined]
    return chosen


def _read(path: Path, language: str) -> gettext.NullTranslations:
    """A catalogue as it is written: nothing compiled lies beside it that could be stale."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open(encoding="utf-8") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
