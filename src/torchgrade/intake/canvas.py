"""The zip that Canvas makes of an assignment: ``lastnamefirstname_[LATE_]<user>_<file's number>_hw.ipynb``.

The name is run together, in small letters. Who hands a file of the same name in again gets ``hw-1.ipynb``, and the
file's number grows. Where names are hidden, ``anon_<letters>`` takes the place of name and user.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace

from torchgrade.intake.entries import Entry
from torchgrade.intake.kinds import NOTEBOOK, is_candidate, is_junk, stem_of
from torchgrade.intake.moodle import MAX_NAME
from torchgrade.intake.names import shown, student_name
from torchgrade.intake.persons import RUN_TOGETHER, Person
from torchgrade.intake.roster import STUDENT
from torchgrade.intake.slots import Slot

_TOP = re.compile(
    r"(?:(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d{2,})|(?P<anon>anon)(?P<alate>_LATE)?_(?P<code>[A-Za-z0-9]{3,12}))"
    r"_(?:(?P<number>\d{2,})_(?P<file>.+)|(?P<typed>text\.html|link\.html))",
    re.DOTALL,
)
_AGAIN = re.compile(r"(?P<stem>.*?)(?:-(?P<again>\d{1,3}))?", re.DOTALL)

_File = tuple[re.Match[str], Entry]


def canvas_slots(entries: list[Entry]) -> list[Slot] | None:
    """One slot a student; None where this is no such zip: every notebook must be called that way."""
    real = [e for e in entries if not is_junk(e.parts)]
    if any(len(e.parts) > 1 or e.folder for e in real):
        return None
    matched = [(match, e) for e in real if (match := _TOP.fullmatch(e.name[:MAX_NAME]))]
    ours = sum(is_candidate(e) for _match, e in matched)
    if not ours or ours < sum(map(is_candidate, real)):
        return None
    users: dict[str, list[_File]] = defaultdict(list)
    for match, entry in matched:
        users[_user(match)].append((match, entry))
    if any(len({match["name"] for match, _entry in files}) > 1 for files in users.values()):
        return None  # somebody's own habit of naming files
    return [_slot(user, files) for user, files in users.items()]


def _user(match: re.Match[str]) -> str:
    return match["user"] or match["code"]


def _slot(user: str, files: list[_File]) -> Slot:
    match, entry = files[0]
    notes = []
    if any(m["late"] or m["alate"] for m, _entry in files):
        notes.append("Canvas marks this hand-in as late.")
    kept, left = _newest(files)
    if left:
        notes.append(f"Of several versions of one file the newest was taken ({shown(kept[-1].parts[-1])}).")
    return Slot(_person(match, user), entry.name, tuple(kept), notes=tuple(notes))


def _person(match: re.Match[str], user: str) -> Person:
    if match["anon"]:
        return Person(f"anon_{user}", ((STUDENT, f"anon_{user}"), ("canvas_id", user)), apart=user)
    name = student_name(match["name"])
    return Person(name, (("canvas_id", user), (STUDENT, name), (RUN_TOGETHER, name)), apart=user)


def _newest(files: list[_File]) -> tuple[list[Entry], int]:
    """The files under the student's own names for them, of ``hw`` and ``hw-1`` the later alone; how many less."""
    newest: dict[str, tuple[int, Entry]] = {}
    names = {m["file"].casefold() for m, _e in files if m["file"]}
    for match, entry in files:
        name = match["file"] or match["typed"]
        own = replace(entry, parts=(entry.name, name))
        number = int(match["number"] or 0)
        key = _without_again(name, names)
        if key not in newest or number > newest[key][0]:
            newest[key] = (number, own)
    return [entry for _number, entry in newest.values()], len(files) - len(newest)


def _without_again(name: str, names: set[str]) -> str:
    """``hw-1.ipynb`` counts as ``hw.ipynb`` where that is there too: ``lab-2`` alone may be the student's name."""
    match = _AGAIN.fullmatch(stem_of(name)) if NOTEBOOK.fullmatch(name) else None
    plain = f"{match['stem']}.ipynb".casefold() if match and match["again"] else ""
    return plain if plain in names else name.casefold()
