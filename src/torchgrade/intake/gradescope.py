"""Gradescope's export of submissions: ``submission_<number>/`` folders and ``submission_metadata.yml``.

That file is Ruby's YAML: keys begin with a colon, and objects of Ruby may stand where times are.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.intake.entries import Entry, Refused
from torchgrade.intake.names import shown, student_name
from torchgrade.intake.persons import NAME, Person, by_label
from torchgrade.intake.roster import STUDENT
from torchgrade.intake.slots import Slot, plain_slots

_METADATA = "submission_metadata.yml"
_MAX_BYTES = 64 * 2**20  # it also holds what the autograder printed


def gradescope_slots(entries: list[Entry]) -> list[Slot] | None:
    """One slot for every submitter, so that a group's work is graded for each; None where this is no export.

    Raises UsageError where the export's list of submitters cannot be read.
    """
    metadata = next((e for e in entries if e.parts == (_METADATA,)), None)
    if metadata is None:
        return None
    about = _about(metadata)
    folders: dict[str, list[Entry]] = defaultdict(list)
    others = []
    for entry in entries:
        if entry.parts[0] in about:
            if not entry.folder:
                folders[entry.parts[0]].append(entry)
        elif entry is not metadata:
            others.append(entry)
    slots = [slot for top, record in about.items() for slot in _slots(top, record, folders.get(top, []))]
    return [*slots, *plain_slots(others)]


def _slots(top: str, record: Any, entries: list[Entry]) -> list[Slot]:
    handed_in = _moment(record.get(":created_at")) if isinstance(record, dict) else None
    listed = record.get(":submitters") if isinstance(record, dict) else None
    persons = [_person(s) for s in listed if isinstance(s, dict)] if isinstance(listed, list) else []
    notes = []
    if len(persons) > 1:
        notes.append(f"This was handed in by {len(persons)} students together.")
    return [
        Slot(p, top, tuple(entries), handed_in, tuple(notes)) for p in persons or [by_label(student_name(top))]
    ]


def _person(submitter: dict[Any, Any]) -> Person:
    name, email, sid = (_text(submitter.get(key)) for key in (":name", ":email", ":sid"))
    keys = [("email", email), (STUDENT, email), ("sid", sid), (STUDENT, sid), (STUDENT, name), (NAME, name)]
    return Person(student_name(name or email or sid), tuple(k for k in keys if k[1]), apart=email or sid)


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _moment(value: Any) -> datetime | None:
    """A time with a zone; Ruby writes some as an object that holds the time in UTC."""
    if isinstance(value, dict):
        value = value.get("utc")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace(" UTC", "+00:00"))
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)  # YAML's own times without a zone are UTC


def _about(metadata: Entry) -> dict[str, Any]:
    try:
        raw = metadata.load(_MAX_BYTES)
    except Refused as e:
        raise UsageError(f"{_METADATA}: cannot be read: {e}") from e
    data = _parsed(raw)
    if not isinstance(data, dict):
        raise UsageError(f"{_METADATA}: is not a list of submissions as Gradescope writes it")
    return {str(top): record for top, record in data.items() if str(top) not in ("", ".", "..")}


def _parsed(raw: bytes) -> Any:
    import yaml  # late: most cohorts come without it

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        """Reads Ruby's objects as the plain values that they are written as, and builds nothing of them."""

    def plain(loader: Any, _tag: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        return None if isinstance(node, yaml.SequenceNode) else loader.construct_scalar(node)

    Loader.add_multi_constructor("!ruby/", plain)
    Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)
    try:
        return yaml.load(raw, Loader)  # noqa: S506 - a safe loader that knows a few more tags
    except (yaml.YAMLError, ValueError, RecursionError, UnicodeError) as e:
        raise UsageError(f"{_METADATA}: is not YAML: {shown(' '.join(str(e).split()))}") from e


def _timestamp(loader: Any, node: Any) -> Any:
    """A time that is none (the 31st of June) is a text, and no reason to refuse a cohort."""
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return loader.construct_scalar(node)
