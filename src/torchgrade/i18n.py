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
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

#: The languages in which everything is said. The first is the one in which the code is written.
LANGUAGES = ("en", "ru")

_CATALOGUES = Path(__file__).parent / "locale"
_ENGLISH = gettext.NullTranslations()
#: What the whole process speaks: threads begin with it.
_process: gettext.NullTranslations = _ENGLISH
_language = LANGUAGES[0]
_here: ContextVar[gettext.NullTranslations | None] = ContextVar("torchgrade_language", default=None)


def use_language(language: str, course: Iterable[Path] = ()) -> None:
    """Speak ``language`` in this process from now on; ``course``: catalogues (.po) that come before the engine's.

    Raises ValueError for a language that is not in LANGUAGES.
    """
    global _process, _language
    _process, _language = _translations(language, tuple(course)), language


@contextlib.contextmanager
def speaking(language: str, course: Iterable[Path] = ()) -> Iterator[None]:
    """Speak ``language`` in this context alone: a request of a server, a report in another language."""
    token = _here.set(_translations(language, tuple(course)))
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


def _(sentence: str) -> str:
    """The sentence in the language in use. Never call it with a sentence that was already filled in."""
    return current().gettext(sentence) if sentence else ""


def plural(one: str, many: str, count: int) -> str:
    """``one`` or ``many``, as the language's grammar asks for ``count``; the caller fills ``{count}`` in."""
    return current().ngettext(one, many, count)


@functools.cache
def _translations(language: str, course: tuple[Path, ...]) -> gettext.NullTranslations:
    if language not in LANGUAGES:
        raise ValueError(f"the language {language!r} is not one of {', '.join(LANGUAGES)}")
    if language == LANGUAGES[0]:
        return _ENGLISH
    engine = _CATALOGUES / language / "LC_MESSAGES" / "torchgrade.po"
    found = [_read(path, language) for path in (*course, engine) if path.is_file()]
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
