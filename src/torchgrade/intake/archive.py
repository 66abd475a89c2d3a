"""Zip files, read in memory member by member; nothing is ever extracted to disk."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from io import BytesIO
from typing import IO

from torchgrade.intake.entries import Entry, Refused, refused_entry, too_large
from torchgrade.intake.names import shown

MAX_MEMBERS = 20_000

_MAX_RATIO = 200  # text of notebooks packs 5 to 50 times; a bomb 1000 times
_RATIO_COUNTS_FROM = 8 * 2**20
_MEMBER_MARK = b"PK\x01\x02"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NAME_IS_UTF8 = 0x800
_ENCRYPTED = 0x1

_BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    OverflowError,
)


def open_zip_bytes(raw: bytes) -> zipfile.ZipFile:
    """A student's zip. Raises Refused where it is none or lists too many members to be looked at."""
    # Counted before opening, because the list of members is built in memory at once.
    if raw.count(_MEMBER_MARK) > MAX_MEMBERS:
        raise Refused(f"The zip file holds more than {MAX_MEMBERS} files. Hand in the notebook alone.")
    return open_zip(BytesIO(raw))


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """An open zip. Raises Refused where it is none."""
    try:
        return zipfile.ZipFile(file)
    except _BAD_ZIP as e:
        raise Refused("The zip file is damaged and cannot be opened. Pack it again.") from e


def list_zip(opened: zipfile.ZipFile) -> tuple[list[Entry], int]:
    """The members as entries, and how many were left out because their paths point outside the zip."""
    entries: list[Entry] = []
    outside = 0
    for info in opened.infolist():
        parts = _parts(_name(info))
        if parts is None:
            outside += 1
        elif parts:
            entries.append(_entry(opened, info, parts))
    return entries, outside


def _entry(opened: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...]) -> Entry:
    refusal = _refusal(info, shown(parts[-1]))
    if refusal:
        return refused_entry(parts, refusal)
    folder = info.filename.endswith(("/", "\\"))
    return Entry(parts, lambda limit: _read(opened, info, limit), folder=folder, size=info.file_size)


def _refusal(info: zipfile.ZipInfo, name: str) -> str:
    """Why a member may not be read, as far as the zip's own list tells; empty if it may."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"'{name}' in the zip is a link or a special file. Pack the notebook file itself."
    if info.flag_bits & _ENCRYPTED:
        return f"'{name}' in the zip is encrypted. Pack it again without a password."
    if info.compress_type not in _METHODS:
        return f"'{name}' in the zip is packed in an uncommon way. Pack it again as an ordinary zip."
    if info.file_size > max(_RATIO_COUNTS_FROM, _MAX_RATIO * info.compress_size):
        return f"'{name}' in the zip would grow beyond measure when unpacked. Clear its outputs and pack it again."
    return ""


def _read(opened: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """At most ``limit`` bytes of a member, whatever size it claims to have."""
    name = info.filename.rsplit("/", 1)[-1]
    if info.file_size > limit:
        raise Refused(too_large(name, limit))
    try:
        with opened.open(info) as member:
            data = member.read(limit + 1)
    except _BAD_ZIP as e:
        raise Refused(f"'{shown(name)}' in the zip is damaged. Pack it again.") from e
    if len(data) > limit:
        raise Refused(too_large(name, limit))
    return data


def _parts(name: str) -> tuple[str, ...] | None:
    """The path of a member; None where it points outside."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", path):
        return None
    return tuple(parts)


def _name(info: zipfile.ZipInfo) -> str:
    """The member's name; without the UTF-8 flag often UTF-8 all the same (macOS) or cp866 (Russian Windows)."""
    if info.flag_bits & _NAME_IS_UTF8:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        russian = raw.decode("cp866")
        return russian if re.fullmatch(r"[\x00-\x7fЀ-ӿ№]*", russian) else info.filename
