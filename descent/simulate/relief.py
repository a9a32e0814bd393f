"""What shapes the ground: noise, craters, boulders, ripples, light and shadow, per texel."""

from __future__ import annotations

from math import atan2, ceil, cos, exp, floor, sin, sqrt
from typing import Any

import cv2
import numpy as np

from descent.simulate.optics import Pixels
from descent.tools.compiled import kernel

UNIT = 40000.0  # what 1 is in a map of the ground: half the memory of floats


def noise(rng: np.random.Generator, size: int, cells: int) -> Pixels:
    """Smooth noise (size, size) with about unit spread; more `cells` make finer lumps."""
    coarse = rng.standard_normal((cells + 4, cells + 4), dtype=np.float32)
    if cells + 4 >= size:
        return coarse[:size, :size].copy()
    step = cells / size
    grid = np.array([[step, 0, 1.5], [0, step, 1.5]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    wide = cv2.warpAffine(coarse, grid, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(wide * np.float32(1.35), np.float32)


def layered(
    rng: np.random.Generator, size: int, cells: int, octaves: int, gain: float = 0.5
) -> Pixels:
    """Fractal noise (size, size): each octave twice as fine and `gain` as strong."""
    out = np.zeros((size, size), np.float32)
    weight, total = 1.0, 0.0
    for _ in range(octaves):
        if cells * 2 > size:
            break
        out += np.float32(weight) * noise(rng, size, cells)
        total += weight * weight
        weight, cells = weight * gain, cells * 2
    return np.asarray(out / np.float32(sqrt(max(total, 1e-9))), np.float32)


@kernel
def craters(height: Any, sand: Any, tone: Any, spots: Any) -> None:
    """Press craters into the ground, in place.

    `spots` (n, 6) are x, y and radius in texels, depth and rim in m, and age from 0 (fresh)
    to 1 (worn and filled with sand).
    """
    rows, cols = height.shape
    for i in range(spots.shape[0]):
        cx, cy, r, depth, rim, age = spots[i]
        reach = 2.4 * r
        y0, y1 = max(0, floor(cy - reach)), min(rows - 1, ceil(cy + reach))
        x0, x1 = max(0, floor(cx - reach)), min(cols - 1, ceil(cx + reach))
        wob = cx * 1.7 + cy * 0.9
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                dx, dy = x - cx, y - cy
                d = sqrt(dx * dx + dy * dy) / r
                if d > 2.4:
                    continue
                a = atan2(dy, dx)
                d *= (
                    1
                    + 0.05 * sin(3 * a + wob)
                    + 0.03 * sin(5 * a + 2.3 * wob)
                    + 0.02 * sin(9 * a + wob)
                )
                if d < 1:
                    bowl = (
                        depth * (d * d - 1) if d > 0.35 * age else depth * (0.1225 * age * age - 1)
                    )
                    lift = bowl * (1 - 0.35 * age) + rim * exp(-((1 - d) ** 2) * 28)
                    fill = (0.75 - d) * 2.2
                    if fill > 0:
                        sand[y, x] = min(1.0, sand[y, x] + min(1.0, fill) * (0.25 + 0.75 * age))
                    elif d > 0.8:
                        tone[y, x] += 0.5 * (1 - age) * (d - 0.8) * 5
                else:
                    lift = rim * exp(-(d - 1) * (d - 1) * 7)
                    streak = 0.6 + 0.4 * sin(11 * a + wob) * sin(4 * a - wob)
                    tone[y, x] += 0.5 * (1 - age) * exp(-(d - 1) * 3.0) * streak
                    sand[y, x] *= 1 - 0.7 * exp(-(d - 1) * 4)
                height[y, x] += lift


@kernel
def boulders(height: Any, sand: Any, tone: Any, spots: Any) -> None:
    """Set boulders on the ground, in place.

    `spots` (n, 5) are x, y and radius in texels, height in m, and tone (negative: darker).
    """
    rows, cols = height.shape
    for i in range(spots.shape[0]):
        cx, cy, r, tall, shade = spots[i]
        y0, y1 = max(0, floor(cy - 2.1 * r)), min(rows - 1, ceil(cy + 2.1 * r))
        x0, x1 = max(0, floor(cx - 1.4 * r)), min(cols - 1, ceil(cx + 1.4 * r))
        wob = cx * 2.3 + cy
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                dx, dy = (x - cx), (y - cy) * (1.0 + 0.35 * sin(wob))
                a = atan2(dy, dx)
                edge = (
                    1 + 0.18 * cos(2 * a + wob) + 0.12 * sin(3 * a - wob) + 0.07 * cos(7 * a + wob)
                )
                d = sqrt(dx * dx + dy * dy) / (r * edge)
                if d < 1:
                    height[y, x] += tall * (1 - d * d) ** 0.5
                    sand[y, x] *= 0.15
                    tone[y, x] += shade


@kernel
def ripples(
    height: Any,
    sand: Any,
    bend: Any,
    texel: float,
    x0: float,
    y0: float,
    wave: float,
    amp: float,
    lean: float,
) -> None:
    """Blow ripples of `wave` m apart and `amp` m high over sandy ground, in place.

    `bend` (rows, cols) bows the crests; `lean` is the wind's direction in rad.
    """
    rows, cols = height.shape
    kx, ky = cos(lean) / wave, sin(lean) / wave
    for y in range(rows):
        for x in range(cols):
            s = sand[y, x]
            if s < 0.12:
                continue
            phase = (x0 + x * texel) * kx + (y0 - y * texel) * ky + bend[y, x]
            u = phase - floor(phase)
            # Gentle towards the wind, steep in its lee, with a sharp crest.
            crest = u / 0.68 if u < 0.68 else (1 - u) / 0.32
            height[y, x] += amp * min(1.0, 1.4 * (s - 0.12)) * crest**1.5


@kernel
def lit(
    height: Any,
    smooth: Any,
    sand: Any,
    tone: Any,
    texel: float,
    sun: Any,
    paints: Any,
    lights: Any,
    out: Any,
) -> None:
    """The ground's radiance (rows, cols, 3) into `out` as uint16, white in full sun UNIT.

    `paints` (4, 3) are rock, dust, sand and pale rock; `lights` (2, 3) sun and sky. Cast
    shadows are marched along the sun; hollows are dimmed against `smooth`, a blurred height.
    """
    rows, cols = height.shape
    flat = sqrt(sun[0] * sun[0] + sun[1] * sun[1])
    sx, sy, rise = sun[0] / flat, -sun[1] / flat, sun[2] / flat * texel
    for y in range(rows):
        ya, yb = max(0, y - 1), min(rows - 1, y + 1)
        for x in range(cols):
            xa, xb = max(0, x - 1), min(cols - 1, x + 1)
            here = height[y, x]
            gx = (height[y, xb] - height[y, xa]) / ((xb - xa) * texel)
            gy = -(height[yb, x] - height[ya, x]) / ((yb - ya) * texel)
            norm = 1.0 / sqrt(1 + gx * gx + gy * gy)
            direct = (sun[2] - gx * sun[0] - gy * sun[1]) * norm
            if direct < 0:
                direct = 0.0
            else:
                dark, step = 0.0, 1.2
                for _ in range(11):
                    px, py = int(x + sx * step + 0.5), int(y + sy * step + 0.5)
                    if px < 0 or py < 0 or px >= cols or py >= rows:
                        break
                    over = (height[py, px] - here - rise * step) / (0.55 * texel)
                    if over > dark:
                        dark = over
                        if dark >= 1:
                            break
                    step *= 1.33
                direct *= 1 - min(1.0, dark)
            hollow = min(0.22, max(-0.42, (here - smooth[y, x]) / (5.0 * texel)))
            ambient = (1 + hollow) * (0.6 + 0.4 * norm)
            s = min(1.0, max(0.0, sand[y, x]))
            k = tone[y, x]
            dusty = min(1.0, max(0.0, 0.5 + 0.5 * k))
            pale = min(1.0, max(0.0, 0.7 * (k - 1.0)))
            steep = min(1.0, max(0.0, (1 - norm) * 3.0))
            for c in range(3):
                base = paints[0, c] + (paints[1, c] - paints[0, c]) * dusty
                base += (paints[3, c] - base) * max(pale, 0.5 * steep)
                base += (paints[2, c] - base) * s * (1 - 0.6 * steep)
                light = base * (direct * lights[0, c] + ambient * lights[1, c])
                out[y, x, c] = min(65535.0, light * UNIT + 0.5)
