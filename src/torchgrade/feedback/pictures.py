"""Pictures in a notebook's outputs: only PNG and JPEG that really are, and not larger than a page."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from torchgrade.feedback.clean import joined
from torchgrade.i18n import _

_SIDE, _PIXELS = 8000, 24_000_000  # what a browser may be asked to unfold
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Picture:
    """A checked picture. ``source`` is a data: URI made anew from the decoded bytes; sizes are in pixels."""

    source: Markup  # base64 letters only, so it needs no escaping; and whole, since half a picture is none
    width: int
    height: int


def picture(media_type: str, value: Any, longest: int) -> Picture | str:
    """The picture, or why it is left out. ``longest`` is the most characters its data: URI may have."""
    text = "".join(joined(value).split())
    if len(text) > longest:
        return _("{size} KB is more than the page has room for").format(size=f"{len(text) * 3 // 4 // 1024:,}")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return _("its data is not valid base64")
    size = _png_size(data) if media_type == "image/png" else _jpeg_size(data)
    if size is None:
        return _("its data is not a {format}").format(format=media_type.removeprefix("image/").upper())
    width, height = size
    if not (0 < width <= _SIDE and 0 < height <= _SIDE and width * height <= _PIXELS):
        return _("{width} by {height} pixels is too large").format(width=width, height=height)
    source = Markup(f"data:{media_type};base64,{base64.b64encode(data).decode()}")  # noqa: S704
    return Picture(source, width, height)


def _png_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 33 or not data.startswith(_PNG) or data[12:16] != b"IHDR":
        return None
    return struct.unpack(">II", data[16:24])


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header, found by walking from segment to segment."""
    at = 2 if data.startswith(_JPEG) else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 1 if kind == 0xFF else 2 + max(length, 2)
    return None
