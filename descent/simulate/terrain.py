"""The ground from eleven kilometres to a metre: nested maps, each twice as fine as the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.simulate import relief
from descent.simulate.mesh import SKY_LIGHT, SUN, SUN_LIGHT
from descent.simulate.optics import Matrix, Pixels, Vector, View

WIDEST_M = 24576.0
LEVELS = 14
# Reflectances: rock of the floor, dust, dark sand, pale layered rock of the delta.
_PAINTS = np.array(
    [[0.178, 0.099, 0.062], [0.400, 0.232, 0.125], [0.092, 0.064, 0.050], [0.460, 0.310, 0.190]]
)
# Ripples by their spacing and height, m: megaripples down to what a wheel presses flat.
_RIPPLES = (
    (95.0, 4.0, 0.5),
    (27.0, 1.25, 0.72),
    (6.5, 0.26, 0.55),
    (1.5, 0.06, 0.9),
    (0.36, 0.014, 0.6),
    (0.09, 0.004, 0.8),
)
_WIND = 0.35


@dataclass
class Level:
    """A map of the ground: `picture` (n, n, 3) in relief.UNIT, its first texel at (x0, y0) m."""

    x0: float
    y0: float
    texel_m: float
    picture: NDArray[np.uint16] | None

    @property
    def to_ground(self) -> Matrix:
        """The 3 x 3 matrix from texels (x, y, 1) to the ground in m, north up."""
        return np.array([[self.texel_m, 0, self.x0], [0, -self.texel_m, self.y0], [0, 0, 1.0]])


class Ground:
    """Jezero-like ground from a seed: `size` texels a side, a power of two.

    `centres` gives for each level the spot in m (2,) that cameras look at from the heights
    where it is the finest. `wanted` names the levels whose pictures are kept: all, unless
    it is set. Levels are made when first asked for; asking from several threads is safe.
    """

    def __init__(self, seed: int, size: int, centres: Callable[[int], Vector]) -> None:
        self._seed, self.size = seed, size
        self._centres, self.wanted = centres, frozenset(range(LEVELS))
        self._levels: list[Level] = []
        self._state: tuple[Pixels, Pixels, Pixels] | None = None
        self._lock = Lock()

    def level(self, index: int) -> Level:
        """Level `index`; 0 is the widest, each next one half as wide and twice as fine."""
        index = max(0, min(LEVELS - 1, index))
        with self._lock:
            while len(self._levels) <= index:
                self._levels.append(self._make(len(self._levels)))
            return self._levels[index]

    def release(self, index: int) -> None:
        """Let go of a level's picture, which no later frame draws."""
        with self._lock:
            if index < len(self._levels):
                self._levels[index].picture = None

    def _rng(self, index: int, what: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, 0x6E0, index, what])

    def _make(self, index: int) -> Level:
        n, texel = self.size, WIDEST_M / self.size / 2**index
        centre = np.zeros(2) if index == 0 else self._centres(index)
        if index:
            up = self._levels[index - 1]
            # On the parent's texels, so that nothing shimmers between levels.
            snap = np.round((centre - np.array([up.x0, up.y0])) / up.texel_m) * up.texel_m
            centre = snap + np.array([up.x0, up.y0])
        level = Level(centre[0] - texel * n / 2, centre[1] + texel * n / 2, texel, None)
        height, sand, tone = (
            self._first(level) if index == 0 else self._child(level, self._levels[-1])
        )
        self._details(level, index, height, sand, tone)
        self._state = (height, sand, tone)
        if index in self.wanted:
            level.picture = np.empty((n, n, 3), np.uint16)
            small = cv2.resize(height, (n // 4, n // 4), interpolation=cv2.INTER_AREA)
            smooth = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.0), (n, n))
            lights = np.stack([SUN_LIGHT * 1.35, SKY_LIGHT * 0.62])
            relief.lit(height, smooth, sand, tone, texel, SUN, _PAINTS, lights, level.picture)
        return level

    def _child(self, level: Level, parent: Level) -> tuple[Pixels, Pixels, Pixels]:
        assert self._state is not None
        n = self.size
        grid = np.linalg.inv(parent.to_ground) @ level.to_ground
        height, sand, tone = (
            cv2.warpAffine(
                a, grid[:2], (n, n), flags=way | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ).astype(np.float32, copy=False)
            for a, way in zip(
                self._state, (cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_LINEAR), strict=True
            )
        )  # fmt: skip
        return height, sand, tone

    def _first(self, level: Level) -> tuple[Pixels, Pixels, Pixels]:
        """The delta with its scarp and mesas, the channel that fed it, the basin's floor."""
        n, rng = self.size, self._rng(0, 1)
        x = (level.x0 + level.texel_m * np.arange(n, dtype=np.float32))[None, :]
        y = (level.y0 - level.texel_m * np.arange(n, dtype=np.float32))[:, None]
        broad, lobes, fine = (relief.layered(rng, n, c, 5, 0.55) for c in (4, 12, 40))
        height = 45 * broad + 8 * lobes + 2.5 * fine
        # Inside the delta `inside` grows, m from its edge.
        spread = np.sqrt((x + 8200) ** 2 + (0.9 * (y - 3800)) ** 2)
        angle = np.arctan2(y - 3800, x + 8200)
        inside = 6150 + 520 * np.cos(5 * angle + 0.6) + 240 * np.cos(11 * angle) - spread
        inside += 420 * lobes + 200 * fine
        step = np.clip(inside / 170, 0, 1)
        terrace = step * step * (3 - 2 * step)
        top = terrace * (62 + 2.5 * np.sin(inside / 65 + 2 * lobes))
        height += top + np.clip(inside / 6000, 0, 1) * 60
        # Mesas left standing in front of it.
        mesas = np.clip((lobes + 0.45 * fine - 1.25) * 4, 0, 1) * np.exp(
            -(((inside + 900) / 900) ** 2)
        )
        height += 42 * mesas
        # The inflow channel and distributaries on the top.
        meander = 3800 + 900 * np.sin(x / 1900 + 0.6) + 300 * np.sin(x / 640)
        valley = np.exp(-(((y - meander) / 260) ** 2)) * np.clip((-x - 5600) / 900, 0, 1)
        fans = np.abs(np.sin(angle * 17 + 1.4 * lobes + spread / 2600))
        cut = (
            np.clip(1 - fans * 3.2, 0, 1)
            * np.clip(inside / 500, 0, 1)
            * np.clip(spread / 2600 - 0.4, 0, 1)
        )
        height -= 95 * valley + 9 * cut
        # The rim massif in the far west, degraded highland.
        rim = np.clip((-x - 9300 + 900 * broad) / 1500, 0, 1)
        height += rim * (180 + 120 * lobes + 45 * fine)
        wind = relief.layered(rng, n, 10, 4, 0.6)
        streaks = cv2.GaussianBlur(
            relief.noise(rng, n, min(n // 4, 180)),
            (0, 0),
            sigmaX=max(1.0, n / 130),
            sigmaY=max(0.4, n / 1400),
        )
        tone = 0.75 * wind + 1.1 * streaks + 0.25 * fine + 0.75 * terrace + 0.7 * mesas
        tone += 0.25 * np.clip((x - 1200) / 5000, -0.6, 1)
        sand = np.clip(0.62 * relief.layered(rng, n, 16, 6, 0.66) - 0.28, 0, 1)
        lee = np.exp(-(((inside + 260) / 240) ** 2))
        sand = np.clip(sand * (1 - 0.8 * terrace) + 0.75 * lee + 0.8 * valley + 0.25 * cut, 0, 1)
        return height.astype(np.float32), sand.astype(np.float32), tone.astype(np.float32)

    def _details(
        self, level: Level, index: int, height: Pixels, sand: Pixels, tone: Pixels
    ) -> None:
        """What becomes visible at this level: roughness, craters, boulders, ripples."""
        n, texel = self.size, level.texel_m
        rng = self._rng(index, 2)
        rough = relief.layered(rng, n, n // 16, 4, 0.78)
        patchy = relief.noise(rng, n, max(4, n // 96))
        rocky = np.clip(1 - 1.3 * sand, 0.05, 1) * np.clip(0.75 + 0.4 * patchy, 0.2, 1.6)
        # Smoother the closer: what is rough from afar is worn and dusted over.
        slope = 0.085 if index < 3 else 0.066 if index < 6 else 0.046
        height += rough * rocky * np.float32(slope * 4 * texel)
        tone += rough * np.float32(0.16) + relief.noise(rng, n, n // 5) * np.float32(0.13) * rocky
        if index:
            drifts = relief.layered(rng, n, 7, 5, 0.6)
            sand += np.float32(0.10) * patchy * (sand > 0.05)
            np.maximum(sand, np.clip((drifts - 0.85) * 1.5, 0, 0.85), out=sand)
            np.clip(sand, 0, 1, out=sand)
        scale = (n / 2048) ** 2
        self._craters(level, rng, scale, (height, sand, tone))
        if index >= 4:
            count = int((2600 if index >= 7 else 1500) * scale)
            spots = rng.uniform(0, n, (count * 3, 2))
            # Boulders keep together, off the sand.
            ix, iy = spots[:, 0].astype(int), spots[:, 1].astype(int)
            keep = (patchy[iy, ix] + rng.normal(0, 0.6, len(ix)) > 0.5) & (sand[iy, ix] < 0.45)
            spots = spots[keep][:count]
            r = np.minimum(1.3 * rng.pareto(2.1, len(spots)) + 1.4, n / 60)
            made = np.column_stack(
                [
                    spots,
                    r,
                    r * texel * rng.uniform(0.5, 1.0, len(r)),
                    rng.normal(-0.25, 0.35, len(r)),
                ]
            )
            relief.boulders(height, sand, tone, made)
        for wave, amp, lean in _RIPPLES:
            if 5.0 <= wave / texel < 10.0:
                cells = max(4, int(n * texel / wave / 5))
                bend = relief.layered(rng, n, min(cells, n // 4), 3, 0.6) * np.float32(0.42)
                relief.ripples(
                    height, sand, bend, texel, level.x0, level.y0, wave, amp, _WIND + lean
                )

    def _craters(
        self,
        level: Level,
        rng: np.random.Generator,
        scale: float,
        ground: tuple[Pixels, Pixels, Pixels],
    ) -> None:
        n, texel = self.size, level.texel_m
        # Small craters wear away: ever fewer of them below some tens of metres.
        share = min(1.0, 0.04 + texel / 1.5)
        count = int(420 * scale * share) + (1 if texel > 0.02 else 0)
        r = np.minimum(3.0 * (1 - rng.random(count)) ** (-1 / 1.9), n / 28)
        age = np.clip(rng.beta(2.2, 1.3, count), 0.05, 1)
        deep = r * texel * (0.36 - 0.26 * age)
        spots = np.column_stack(
            [rng.uniform(0, n, (count, 2)), r, deep, 0.22 * deep * (1.25 - age), age]
        )
        if texel > WIDEST_M / n / 1.5:
            # Landmarks: a wide crater on the delta, one by the track, one beyond the site.
            for x, y, radius, old in (
                (-5200, 2600, 470, 0.6),
                (-1750, -620, 330, 0.5),
                (2600, 900, 400, 0.75),
                (900, -2300, 250, 0.35),
            ):
                spot = ((x - level.x0) / texel, (level.y0 - y) / texel, radius / texel)
                spots = np.vstack([spots, [*spot, 0.22 * radius, 0.05 * radius, old]])
        relief.craters(*ground, spots)

    def draw(self, view: View, out: NDArray[np.uint16], finest: int, fade: float = 1.0) -> None:
        """Draw the ground as `view` sees it into `out` (rows, cols, 3), uint16 in relief.UNIT.

        `finest` is the level whose texels fit the picture, `fade` 0 to 1 how much of its
        detail over the coarser one is shown, so that no detail pops in.
        """
        size = (view.cols, view.rows)
        inner = self.level(finest)
        assert inner.picture is not None
        corners = np.array(
            [[0, 0, 1], [view.cols, 0, 1], [0, view.rows, 1], [view.cols, view.rows, 1]], float
        )
        back = np.linalg.inv(view.ground @ inner.to_ground) @ corners.T
        spots = back[:2] / back[2]
        covered = bool((spots > 1).all() and (spots < self.size - 2).all())
        if not covered or fade < 1:
            # Ever wider maps first, so that a finer one lies on top.
            for index in range(max(0, finest - 3) if not covered else finest - 1, finest):
                outer = self.level(max(0, index))
                if outer.picture is not None:
                    self._warp(view, outer, out, size)
        if fade < 1:
            under = out.copy()
            self._warp(view, inner, out, size)
            cv2.addWeighted(out, fade, under, 1 - fade, 0, dst=out)
        else:
            self._warp(view, inner, out, size)

    @staticmethod
    def _warp(view: View, level: Level, out: NDArray[np.uint16], size: tuple[int, int]) -> None:
        matrix = view.ground @ level.to_ground
        assert level.picture is not None
        cv2.warpPerspective(
            level.picture, matrix, size, dst=out, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )  # fmt: skip
