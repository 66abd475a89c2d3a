"""The stand-ins for CIFAR-100 and CIFAR-10: soft colour fields, 32 by 32, under much that disturbs.

A picture is its class's field, faint, on a field of its own and under pixel noise. Three classes of the hundred
are about as hard for a small network as three of CIFAR-100. The ten are stronger, so that a convolutional network
learns them in a minute, and their own mirror images, so that a flip is fair. How both were calibrated is told in
docs/decisions. A change here changes every digest that hangs on it: raise the version.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchgrade.data.draws import Draws

if TYPE_CHECKING:
    import numpy as np

_SIZE = 32
_CHUNK = 100
#: Standard deviations, in grey levels of 255. A class's ``strength`` against ``_OWN`` sets how hard it is.
_OWN, _LIGHT, _NOISE = 40.0, 18.0, 6.0
#: Points of the coarse grid from which a field is stretched. What disturbs has the same grid as what is sought.
_GRID = 6


@dataclass(frozen=True)
class Kind:
    """What one stand-in's pictures are like. ``mean``: the real set's colour, so that its normalisation fits."""

    version: str
    strength: float
    mirrored: bool
    mean: tuple[float, float, float]


HUNDRED = Kind("scenes-1", 6.3, mirrored=False, mean=(129.4, 124.1, 112.5))
TEN = Kind("ten-scenes-2", 24.0, mirrored=True, mean=(125.3, 123.0, 113.9))
VERSION = HUNDRED.version


def draw_scenes(label: int, count: int, seed: bytes, kind: Kind = HUNDRED) -> np.ndarray:
    """``count`` pictures of one class, uint8 (count, 32, 32, 3). The same seed, the same bytes."""
    import numpy as np

    out = np.empty((count, _SIZE, _SIZE, 3), np.uint8)
    template = _class_field(label, kind)
    for start in range(0, count, _CHUNK):
        many = min(_CHUNK, count - start)
        draws = Draws(seed, kind.version, label, start)
        picture = _stretched_both(draws.bell(_OWN, many, _GRID, _GRID, 3))
        picture += template * draws.uniform(0.6, 1.4, many, 1, 1, 1)
        picture += draws.bell(_LIGHT, many, 1, 1, 1)
        picture += draws.bell(_NOISE, many, _SIZE, _SIZE, 3)
        picture += np.array(kind.mean, np.float32)
        out[start : start + many] = np.clip(picture, 0, 255).astype(np.uint8)
    return out


def _class_field(label: int, kind: Kind) -> np.ndarray:
    """The field of a class, float32 (1, 32, 32, 3): always the same, and equally strong for every class."""
    import numpy as np

    rough = Draws(b"torchgrade", kind.version, "class", label).bell(1.0, 1, _GRID, _GRID, 3).astype(np.float64)
    if kind.mirrored:
        rough = rough + rough[:, :, ::-1]
    strength = math.sqrt(math.fsum((rough * rough).ravel()) / rough.size)  # fsum: the same in any order
    return _stretched_both((rough * (kind.strength / strength)).astype(np.float32))


def _stretched_both(rough: np.ndarray) -> np.ndarray:
    """Coarse grids (count, 6, 6, 3) joined by straight lines: (count, 32, 32, 3)."""
    return _stretched(_stretched(rough, 1), 2)


def _stretched(field: np.ndarray, axis: int) -> np.ndarray:
    """Interpolate one axis to 32 points. Corners lie on the first and the last point."""
    import numpy as np

    grid = field.shape[axis]
    place = np.arange(_SIZE, dtype=np.float32) * np.float32(grid - 1) / np.float32(_SIZE - 1)
    low = np.minimum(place.astype(np.int64), grid - 2)
    shape = [1] * field.ndim
    shape[axis] = _SIZE
    part = (place - low.astype(np.float32)).reshape(shape)
    a, b = np.take(field, low, axis), np.take(field, low + 1, axis)
    return a + (b - a) * part  # type: ignore[no-any-return]
