"""Who a hand-in is from: what the platform knows of a person, found again in the roster."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torchgrade.intake.names import same_key, shown
from torchgrade.intake.roster import IDENTITIES, STUDENT, Roster

#: Beside columns of the roster, a person may be known by these: a full name as people write it, one that Canvas
#: has run together, and the name of a repository, which often ends in the student's.
NAME, RUN_TOGETHER, REPOSITORY = "name", "run together", "repository"

_LISTED = 5
_WORD = re.compile(r"[^\W_]+")
_DROPPED = re.compile("['’ʼ`\u02bb]")


@dataclass(frozen=True)
class Person:
    """Whom a source says a hand-in is from.

    ``name`` is what reports say where no roster knows better; ``keys``: (column of the roster, or one of the
    above, and a value), the surest first; ``apart`` tells namesakes apart: a number or an address.
    """

    name: str
    keys: tuple[tuple[str, str], ...]
    apart: str = ""


def by_label(label: str) -> Person:
    """A person of whom a file's or folder's name is all that is known."""
    return Person(label, ((STUDENT, label), *((column, label) for column in IDENTITIES), (NAME, label)))


def students_of(persons: Sequence[Person], roster: Roster | None) -> tuple[list[str], list[str]]:
    """For each person the student, and what a teacher should hear of it, a line each."""
    directory = _Directory(roster)
    found = [directory.find(person) for person in persons]
    _part_namesakes(persons, found)
    names = _names(persons, found)
    return names, [] if roster is None else _told(names, found)


@dataclass
class _Found:
    """``student`` is empty where the roster knows none; ``several``: those that it might be."""

    student: str = ""
    by_name: bool = False
    several: tuple[str, ...] = ()


class _Directory:
    """The roster, to look people up in."""

    def __init__(self, roster: Roster | None) -> None:
        self._known: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for student in roster.students if roster else ():
            self._enter(student, roster.fields.get(student, {}) if roster else {})

    def _enter(self, student: str, fields: dict[str, str]) -> None:
        named = {column.casefold(): value for column, value in fields.items() if value}
        self._known["exactly"][student].append(student)
        self._known[STUDENT][same_key(student)].append(student)
        for column in IDENTITIES:
            if column in named:
                self._known[column][same_key(named[column])].append(student)
        for ending in {same_key(student), same_key(_login(named.get("git", student)))}:
            self._known[REPOSITORY][ending].append(student)
        names = [student, *(named[column] for column in ("name", "full_name", "фио") if column in named)]
        for key in {_words(name) for name in names}:
            self._known[NAME][key].append(student)
        for key in {turned for name in names for turned in _run_together(name)}:
            self._known[RUN_TOGETHER][key].append(student)

    def find(self, person: Person) -> _Found:
        """The one student whom the first of the keys fits that fits any."""
        for column, value in person.keys:
            fitting = self._fitting(column, value)
            if len(fitting) == 1:
                return _Found(fitting[0], by_name=column in (NAME, RUN_TOGETHER))
            if fitting:
                return _Found(several=tuple(fitting))
        return _Found()

    def _fitting(self, column: str, value: str) -> list[str]:
        if column == NAME:
            return self._known[NAME].get(_words(value), [])
        if column == RUN_TOGETHER:
            return self._known[RUN_TOGETHER].get("".join(_WORD.findall(_plain(value))), [])
        if column == REPOSITORY:
            return self._of_repository(value)
        if column == STUDENT and value in self._known["exactly"]:
            return [value]
        return self._known[column].get(same_key(value), [])

    def _of_repository(self, value: str) -> list[str]:
        """``softmax-ivanov`` is ivanov's; the longest ending counts, so that ``maria-garcia`` is not garcia's."""
        parts = re.split(r"(?=[-_.])", same_key(value))
        endings = ["".join(parts[i:]).lstrip("-_.") for i in range(len(parts))]
        return next((self._known[REPOSITORY][e] for e in endings if e in self._known[REPOSITORY]), [])


def _login(address: str) -> str:
    """The account in the address of a repository, or the address where it is none: a login, say."""
    return re.split(r"[/:]", address.removesuffix("/").removesuffix(".git"))[-1]


def _plain(name: str) -> str:
    text = _DROPPED.sub("", unicodedata.normalize("NFC", name).casefold())
    return text.replace("ё", "е")


def _words(name: str) -> str:
    """Equal for a name however its parts are ordered: 'Ivanov, Ivan' and 'Ivan Ivanov'."""
    return " ".join(sorted(_WORD.findall(_plain(name))))


def _run_together(name: str) -> set[str]:
    words = _WORD.findall(_plain(name))
    return {"".join(words[i:] + words[:i]) for i in range(len(words))}


def _part_namesakes(persons: Sequence[Person], found: list[_Found]) -> None:
    """Two people whom only their name leads to one line of the roster: nobody can say which of them it is. Where
    something surer leads another one there, it is that one."""
    leading: dict[str, set[str]] = defaultdict(set)
    sure = {one.student for one in found if one.student and not one.by_name}
    for person, one in zip(persons, found, strict=True):
        if one.by_name and person.apart:
            leading[one.student].add(person.apart)
    for i, one in enumerate(found):
        if one.by_name and (one.student in sure or len(leading[one.student]) > 1):
            found[i] = _Found(several=(one.student,))


def _names(persons: Sequence[Person], found: Sequence[_Found]) -> list[str]:
    """What each is called in reports; strangers of one name, and one who is called like a student, get apart."""
    taken = {same_key(one.student) for one in found if one.student}
    strangers = {(same_key(p.name), p.apart) for p, one in zip(persons, found, strict=True) if not one.student}
    count = Counter(name for name, _apart in strangers)
    names = []
    for person, one in zip(persons, found, strict=True):
        key = same_key(person.name)
        clash = person.apart and (count[key] > 1 or key in taken)
        names.append(one.student or (f"{person.name} ({person.apart})" if clash else person.name))
    return names


def _told(names: Sequence[str], found: Sequence[_Found]) -> list[str]:
    lines = [
        f"{shown(name)} may be several students of the roster: {_list(one.several)}; graded under this name"
        if len(one.several) > 1
        else f"{shown(name)} has the name of '{shown(one.several[0])}', and so has another; graded under this name"
        for name, one in zip(names, found, strict=True)
        if one.several
    ]
    strangers = [n for n, one in zip(names, found, strict=True) if not one.student and not one.several]
    if strangers:
        lines.append(f"not in the roster, and graded all the same: {_list(dict.fromkeys(strangers))}")
    return lines


def _list(names: Iterable[str]) -> str:
    listed = [f"'{shown(name)}'" for name in names]
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return ", ".join(listed[:_LISTED]) + more
