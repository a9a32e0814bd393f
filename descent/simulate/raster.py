"""A small z-buffer: shaded triangles and soft lines drawn into a float picture."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Any

from descent.tools.compiled import kernel

_NEAR_M = 0.05


@kernel
def projected(points: Any, turn: Any, shift: Any, lens: Any, xy: Any, z: Any) -> None:
    """Pixels xy (n, 2) and depths z (n,) in m of points (n, 3), into the arrays given.

    `turn` (3, 3) and `shift` (3,) take the points to camera axes, `lens` (3, 3) to pixels.
    """
    f, cx, cy = lens[0, 0], lens[0, 2], lens[1, 2]
    for i in range(points.shape[0]):
        a, b, c = points[i, 0], points[i, 1], points[i, 2]
        x = turn[0, 0] * a + turn[0, 1] * b + turn[0, 2] * c + shift[0]
        y = turn[1, 0] * a + turn[1, 1] * b + turn[1, 2] * c + shift[1]
        d = turn[2, 0] * a + turn[2, 1] * b + turn[2, 2] * c + shift[2]
        z[i] = d
        if abs(d) < 1e-6:
            d = 1e-6
        xy[i, 0], xy[i, 1] = f * x / d + cx, f * y / d + cy


@kernel
def flattened(points: Any, turn: Any, place: Any, sun: Any, flat: Any) -> None:
    """Where the shadows of points (n, 3) of a body fall on the ground, into flat (n, 3)."""
    for i in range(points.shape[0]):
        a, b, c = points[i, 0], points[i, 1], points[i, 2]
        x = turn[0, 0] * a + turn[0, 1] * b + turn[0, 2] * c + place[0]
        y = turn[1, 0] * a + turn[1, 1] * b + turn[1, 2] * c + place[1]
        z = max(0.0, turn[2, 0] * a + turn[2, 1] * b + turn[2, 2] * c + place[2])
        flat[i, 0], flat[i, 1], flat[i, 2] = x - sun[0] / sun[2] * z, y - sun[1] / sun[2] * z, 0.0


@kernel
def triangles(picture: Any, depth: Any, xy: Any, z: Any, colour: Any, faces: Any) -> None:
    """Draw faces (m, 3) of vertices xy (n, 2) px, z (n,) m, colour (n, 3) where nearer.

    `picture` (rows, cols, 4: colour times cover, cover) and `depth` (rows, cols; 1 / m) are
    changed in place. Faces that
    reach behind the camera are left out.
    """
    rows, cols = depth.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if z[a] < _NEAR_M or z[b] < _NEAR_M or z[c] < _NEAR_M:
            continue
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        left = max(0, ceil(min(ax, bx, cx)))
        right = min(cols - 1, floor(max(ax, bx, cx)))
        top = max(0, ceil(min(ay, by, cy)))
        bottom = min(rows - 1, floor(max(ay, by, cy)))
        if left > right or top > bottom:
            continue
        inv = 1.0 / area
        ia, ib, ic = 1.0 / z[a], 1.0 / z[b], 1.0 / z[c]
        for y in range(top, bottom + 1):
            u = ((bx - left) * (cy - y) - (by - y) * (cx - left)) * inv
            v = ((cx - left) * (ay - y) - (cy - y) * (ax - left)) * inv
            du, dv = (by - cy) * inv, (cy - ay) * inv
            for x in range(left, right + 1):
                if u >= 0 and v >= 0 and u + v <= 1:
                    w = 1 - u - v
                    far = u * ia + v * ib + w * ic
                    if far > depth[y, x]:
                        depth[y, x] = far
                        for k in range(3):
                            picture[y, x, k] = (
                                u * colour[a, k] + v * colour[b, k] + w * colour[c, k]
                            )
                        picture[y, x, 3] = 1.0
                u += du
                v += dv


@kernel
def lines(picture: Any, depth: Any, a: Any, b: Any, width: Any, colour: Any) -> None:
    """Draw segments from a to b, (n, 3) as x px, y px, z m, where nearer, with soft edges.

    `width` (n,) is in px at 1 m: it shrinks with distance, and below one pixel the line
    turns paler, not thinner.
    """
    rows, cols = depth.shape
    for i in range(a.shape[0]):
        if a[i, 2] < _NEAR_M or b[i, 2] < _NEAR_M:
            continue
        dx, dy = b[i, 0] - a[i, 0], b[i, 1] - a[i, 1]
        long = dx * dx + dy * dy
        reach = max(0.5, 0.5 * width[i] / min(a[i, 2], b[i, 2])) + 1.0
        top = max(0, floor(min(a[i, 1], b[i, 1]) - reach))
        bottom = min(rows - 1, ceil(max(a[i, 1], b[i, 1]) + reach))
        span = reach * sqrt(long) / max(abs(dy), 1e-6)
        for y in range(top, bottom + 1):
            # The stretch of this row that the line can touch.
            if abs(dy) > 1e-3:
                mid = a[i, 0] + dx * (y - a[i, 1]) / dy
                low, high = mid - span, mid + span
            else:
                low, high = 0.0, float(cols)
            low = max(low, min(a[i, 0], b[i, 0]) - reach)
            high = min(high, max(a[i, 0], b[i, 0]) + reach)
            for x in range(max(0, floor(low)), min(cols - 1, ceil(high)) + 1):
                px, py = x - a[i, 0], y - a[i, 1]
                s = 0.0 if long < 1e-12 else min(1.0, max(0.0, (px * dx + py * dy) / long))
                ex, ey = px - s * dx, py - s * dy
                far = (1 - s) / a[i, 2] + s / b[i, 2]
                wide = width[i] * far
                side = sqrt(ex * ex + ey * ey)
                cover = min(1.0, max(0.0, max(0.5, 0.5 * wide) + 0.5 - side)) * min(1.0, wide)
                if cover <= 0:
                    continue
                if far < depth[y, x]:
                    continue
                for k in range(3):
                    picture[y, x, k] += cover * (colour[i, k] - picture[y, x, k])
                picture[y, x, 3] += cover * (1 - picture[y, x, 3])
                if cover > 0.6:
                    depth[y, x] = far
