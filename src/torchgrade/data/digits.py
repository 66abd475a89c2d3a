"""The stand-in for MNIST: digits drawn as wobbling pen strokes, 28 by 28, white on black.

It has MNIST's form and roughly its difficulty, not its pictures: how it was calibrated is told in
docs/decisions. A change here changes every digest that hangs on it: raise ``VERSION``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchgrade.data.draws import Draws
from torchgrade.data.records import Arrays

if TYPE_CHECKING:
    import numpy as np

VERSION = "digits-1"
_SIZE = 28
_CHUNK = 256

Point = tuple[float, float]
Glyph = tuple[tuple[Point, ...], ...]

#: Ways to write each digit: strokes of control points (x, y) in a box of 1 by 1, y downward.
GLYPHS: tuple[tuple[Glyph, ...], ...] = (
    (  # 0
        (((0.5, 0), (0.85, 0.1), (1, 0.5), (0.85, 0.9), (0.5, 1), (0.15, 0.9), (0, 0.5), (0.15, 0.1), (0.5, 0)),),
        (((0.7, 0.1), (0.3, 0), (0, 0.4), (0.15, 0.95), (0.6, 1), (1, 0.7), (0.95, 0.2), (0.5, 0.02)),),
    ),
    (  # 1
        (((0.5, 0), (0.5, 0.5), (0.5, 1)),),
        (((0.25, 0.25), (0.52, 0)), ((0.52, 0), (0.5, 0.5), (0.5, 1))),
        (((0.25, 0.25), (0.52, 0)), ((0.52, 0), (0.5, 0.5), (0.5, 1)), ((0.2, 1), (0.8, 1))),
    ),
    (  # 2
        (((0.05, 0.25), (0.2, 0.02), (0.65, 0), (0.95, 0.25), (0.6, 0.6), (0.05, 1)), ((0.05, 1), (1, 1))),
        (
            (
                (0.05, 0.2), (0.3, 0), (0.8, 0.05), (0.85, 0.4), (0.4, 0.8), (0.05, 1), (0, 0.8), (0.3, 0.75),
                (0.65, 1), (1, 0.92),
            ),
        ),
    ),
    (  # 3
        (
            ((0.05, 0.12), (0.45, -0.02), (0.95, 0.12), (0.8, 0.42), (0.35, 0.48)),
            ((0.35, 0.48), (0.95, 0.55), (1, 0.9), (0.5, 1.02), (0.03, 0.88)),
        ),
        (
            ((0.1, 0), (0.9, 0)),
            ((0.9, 0), (0.4, 0.4)),
            ((0.4, 0.4), (0.95, 0.45), (1, 0.85), (0.5, 1.03), (0.05, 0.9)),
        ),
    ),
    (  # 4
        (
            ((0.15, 0), (0.05, 0.3), (0.08, 0.55)),
            ((0.08, 0.55), (0.95, 0.55)),
            ((0.78, 0.1), (0.72, 0.5), (0.7, 1)),
        ),
        (((0.65, 0), (0.05, 0.65)), ((0.05, 0.65), (1, 0.65)), ((0.68, 0), (0.68, 0.5), (0.68, 1))),
    ),
    (  # 5
        (
            ((0.9, 0), (0.25, 0.02)),
            ((0.25, 0.02), (0.15, 0.42)),
            ((0.15, 0.42), (0.6, 0.32), (1, 0.55), (0.85, 0.98), (0.4, 1.02), (0.03, 0.88)),
        ),
        (((0.95, 0), (0.3, 0), (0.1, 0.35), (0.5, 0.45), (0.95, 0.6), (0.8, 0.95), (0.35, 1), (0, 0.9)),),
    ),
    (  # 6
        (((0.8, 0), (0.35, 0.2), (0, 0.7), (0.2, 1.02), (0.8, 1), (0.95, 0.65), (0.55, 0.45), (0.1, 0.7)),),
        (((0.45, 0), (0.15, 0.45), (0.1, 0.85), (0.45, 1.05), (0.85, 0.85), (0.7, 0.55), (0.3, 0.6), (0.1, 0.8)),),
    ),
    (  # 7
        (((0, 0.02), (1, 0)), ((1, 0), (0.55, 0.45), (0.35, 1))),
        (((0, 0.02), (1, 0)), ((1, 0), (0.6, 0.45), (0.4, 1)), ((0.25, 0.5), (0.85, 0.48))),
        (((0, 0.18), (0.05, 0)), ((0.05, 0), (0.95, 0.03)), ((0.95, 0.03), (0.7, 0.4), (0.6, 1))),
    ),
    (  # 8
        (
            (
                (0.5, 0.48), (0.05, 0.3), (0.15, 0), (0.85, 0), (0.95, 0.3), (0.5, 0.48), (0, 0.7), (0.1, 1.03),
                (0.9, 1.03), (1, 0.7), (0.5, 0.48),
            ),
        ),
        (
            (
                (0.9, 0.15), (0.5, -0.03), (0.05, 0.2), (0.4, 0.45), (0.95, 0.75), (0.6, 1.03), (0.1, 0.9),
                (0.3, 0.6), (0.75, 0.35), (0.9, 0.12),
            ),
        ),
    ),
    (  # 9
        (
            (
                (0.95, 0.3), (0.5, 0.55), (0.03, 0.35), (0.2, 0), (0.75, -0.02), (0.95, 0.25), (0.85, 0.65),
                (0.75, 1),
            ),
        ),
        (
            (
                (0.9, 0.25), (0.55, 0.52), (0.08, 0.4), (0.15, 0.02), (0.75, -0.02), (0.98, 0.3), (0.9, 0.8),
                (0.55, 1.03), (0.1, 0.9),
            ),
        ),
    ),
)  # fmt: skip


def draw_digits(count: int, seed: bytes) -> Arrays:
    """``count`` digits: images (count, 28, 28) uint8, labels (count,) int64. The same seed, the same bytes."""
    import numpy as np

    labels = Draws(seed, VERSION, "labels").below(10, count)
    hands = Draws(seed, VERSION, "hands").below(6, count)  # 6: a whole number of turns for 2 ways and for 3
    images = np.empty((count, _SIZE, _SIZE), np.uint8)
    for digit, glyphs in enumerate(GLYPHS):
        for hand, glyph in enumerate(glyphs):
            where = np.flatnonzero((labels == digit) & (hands % len(glyphs) == hand))
            for start in range(0, len(where), _CHUNK):
                chosen = where[start : start + _CHUNK]
                images[chosen] = _draw(glyph, len(chosen), Draws(seed, VERSION, digit, hand, start))
    return Arrays(images, labels)


def _draw(glyph: Glyph, count: int, draws: Draws) -> np.ndarray:
    """``count`` pictures of one glyph, uint8 (count, 28, 28)."""
    import numpy as np

    a, b = _segments(glyph, count, draws)
    place = _Pose(count, draws)
    stray_a = draws.uniform(0, _SIZE, count, 2, 2)
    stray_b = stray_a + draws.bell(2.5, count, 2, 2)
    squared = _squared_distance(place(a), place(b))
    stray = _squared_distance(stray_a, stray_b)
    pen = draws.uniform(0.7, 1.9, count, 1)
    ink = np.clip((pen - np.sqrt(squared)) / np.float32(1.1) + np.float32(0.5), 0, 1)
    dirt = np.clip(np.float32(1.1) - np.sqrt(stray), 0, 1) * draws.uniform(0.0, 0.9, count, 1)
    picture = np.maximum(ink * draws.uniform(0.6, 1.0, count, 1), dirt)
    picture = picture + draws.bell(0.06, count, _SIZE * _SIZE)
    grey = np.clip(picture * np.float32(255), 0, 255).astype(np.uint8)
    return grey.reshape(count, _SIZE, _SIZE)  # type: ignore[no-any-return]


def _segments(glyph: Glyph, count: int, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Ends of all line segments of a glyph, each picture with a hand of its own: two of (count, segments, 2)."""
    import numpy as np

    starts, ends = [], []
    for stroke in glyph:
        points = np.array(stroke, np.float32) + draws.bell(0.055, count, len(stroke), 2)
        if len(stroke) > 2:
            points = _rounded(points)
        starts.append(points[:, :-1])
        ends.append(points[:, 1:])
    return np.concatenate(starts, 1), np.concatenate(ends, 1)


def _rounded(points: np.ndarray) -> np.ndarray:
    """Cut each corner once, as Chaikin does; the ends stay. (count, n, 2) → (count, 2n - 2, 2)."""
    import numpy as np

    a, b = points[:, :-1], points[:, 1:]
    near, far = a * np.float32(0.75) + b * np.float32(0.25), a * np.float32(0.25) + b * np.float32(0.75)
    cut = np.stack((near, far), 2).reshape(len(points), -1, 2)
    cut[:, 0], cut[:, -1] = points[:, 0], points[:, -1]
    return cut


class _Pose:
    """Where each picture's digit lies: size, slant, turn and shift, in pixels."""

    def __init__(self, count: int, draws: Draws) -> None:
        self.width = draws.uniform(8.0, 14.5, count, 1)
        self.height = draws.uniform(14.0, 20.5, count, 1)
        self.slant = draws.bell(0.2, count, 1)
        turn = draws.bell(0.09, count, 1)  # the tangent of half the angle: no sine is needed
        self.cosine, self.sine = (1 - turn * turn) / (1 + turn * turn), 2 * turn / (1 + turn * turn)
        self.shift = draws.bell(1.3, count, 1, 2)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        import numpy as np

        half = np.float32(0.5)
        y = (points[..., 1] - half) * self.height
        x = (points[..., 0] - half) * self.width - self.slant * y
        turned = np.stack((x * self.cosine - y * self.sine, x * self.sine + y * self.cosine), -1)
        return turned + self.shift + np.float32(_SIZE / 2)  # type: ignore[no-any-return]


def _squared_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """From each pixel's middle to the nearest of the segments a–b (count, segments, 2): (count, 784)."""
    import numpy as np

    line = np.arange(_SIZE, dtype=np.float32) + np.float32(0.5)
    x, y = np.tile(line, _SIZE), np.repeat(line, _SIZE)
    nearest = np.full((len(a), _SIZE * _SIZE), 1e6, np.float32)
    for n in range(a.shape[1]):
        (ax, ay), (bx, by) = (p[:, n, :, None].transpose(1, 0, 2) for p in (a, b))
        vx, vy = bx - ax, by - ay
        length = np.maximum(vx * vx + vy * vy, np.float32(1e-6))
        dx, dy = x - ax, y - ay
        t = np.clip((dx * vx + dy * vy) / length, 0, 1)
        dx -= t * vx
        dy -= t * vy
        np.minimum(nearest, dx * dx + dy * dy, out=nearest)
    return nearest
