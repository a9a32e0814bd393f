"""Cameras that watch one event from different sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.clock.pair import SURE_MARGIN, tie
from descent.clock.stir import Watched, watch
from descent.clock.together import close
from descent.clock.views import fit_views, fit_views_jointly
from descent.errors import UnsureSync

RATE = 30
COUNT = 54
ROWS, COLS = 72, 96


def scene(
    times: NDArray[np.float64], turn_rad: float, seed: int = 5, backwards: bool = False
) -> NDArray[np.uint8]:
    """Six balls on their own paths in a room, seen from a camera turned about the upright axis."""
    make = np.random.default_rng(seed)
    place = make.uniform(-0.5, 0.5, (6, 3))
    swing = make.uniform(0.15, 0.45, (6, 3))
    speed = make.uniform(3.0, 9.0, (6, 3))
    phase = make.uniform(0, 2 * np.pi, (6, 3))
    grey = np.random.default_rng(int(turn_rad * 1000)).uniform(80, 120, (ROWS, COLS))
    out = np.empty((len(times), ROWS, COLS), np.uint8)
    y, x = np.mgrid[:ROWS, :COLS]
    shown = COUNT / RATE - times if backwards else times
    for k, t in enumerate(shown):
        point = place + swing * np.sin(speed * t + phase)
        c, s = np.cos(turn_rad), np.sin(turn_rad)
        across = c * point[:, 0] + s * point[:, 2]
        depth = 4 - s * point[:, 0] + c * point[:, 2]
        picture = grey.copy()
        for u, v, d in zip(across, point[:, 1], depth, strict=True):
            px, py = COLS / 2 + 170 * u / d, ROWS / 2 + 150 * v / d
            soft = 1 / (1 + np.exp(2 * (np.hypot(x - px, y - py) - 18 / d)))
            picture = picture * (1 - soft) + 220 * soft
        out[k] = picture
    return out


def camera(
    turn_rad: float, shift_s: float = 0.0, rate: float = RATE, **more: Any
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Stamps of a clock that is `shift_s` ahead, and the pictures."""
    times = np.arange(int(COUNT / RATE * rate)) / rate + 0.4 / rate * (turn_rad > 0.1)
    return times + shift_s, scene(times, turn_rad, **more)


def test_two_sides_of_one_event_are_tied() -> None:
    """Two views of balls in flight give the offset to a fraction of a frame."""
    fit = fit_views(*camera(0.0), *camera(0.5, 3.37))
    assert abs(fit.offset + 3.37) < 0.25 / RATE
    assert fit.margin >= SURE_MARGIN
    assert fit.evidence["kind"] == "views"


def test_the_slower_camera_may_be_the_second() -> None:
    """Rates that differ are met whichever camera is the slower."""
    fit = fit_views(*camera(0.0, rate=40.0), *camera(0.5, 0.21, rate=20.0))
    assert abs(fit.offset + 0.21) < 0.25 / 20


@pytest.mark.parametrize("more", [{"seed": 9}, {"backwards": True}])
def test_unrelated_events_are_refused(more: dict[str, Any]) -> None:
    """Another event, and the same one run backwards, are not tied."""
    with pytest.raises(UnsureSync):
        fit_views(*camera(0.0), *camera(0.5, **more))


def test_a_still_camera_is_refused() -> None:
    """A camera in which nothing moves ties nothing, however many pictures it has."""
    times, pictures = camera(0.0)
    still = np.repeat(pictures[:1], len(pictures), axis=0)
    with pytest.raises(UnsureSync):
        fit_views(times, pictures, times, still)


def test_a_stretch_beyond_the_end_is_empty() -> None:
    """What a camera saw after its last picture, or before its first, is nothing, not an error."""
    stir = watch(*camera(0.0)).stir(1 / RATE)
    assert stir.cut(stir.count + 5, stir.count + 2).count == 0
    assert stir.cut(-9, -2).count == 0
    assert stir.cut(-9, 4).count == 4


def test_cycles_close() -> None:
    """Jointly, the offsets of three cameras add up, and each is right within its interval."""
    shifts = (0.0, 0.5, -0.31)
    turns = (0.0, 0.4, 0.7)
    views = fit_views_jointly([watch(*camera(t, s)) for t, s in zip(turns, shifts, strict=True)])
    assert len(views.fits) == 3
    offsets = {pair: fit.offset for pair, fit in views.fits.items()}
    assert offsets[0, 1] + offsets[1, 2] == pytest.approx(offsets[0, 2], abs=1e-9)
    for (i, j), fit in views.fits.items():
        assert abs(fit.offset - (shifts[i] - shifts[j])) < 0.25 / RATE


def test_one_wrong_lag_is_outvoted() -> None:
    """Robust weights keep offsets where most pairs put them, and the spread says so."""
    lags = {(0, 1): (0.1, 0.01), (0, 2): (0.3, 0.01), (0, 3): (0.4, 0.01), (1, 2): (0.2, 0.01)}
    firm, narrow, group = close(4, lags)
    assert group == [group[0]] * 4
    assert firm[3] - firm[0] == pytest.approx(0.4)
    _, wide, _ = close(4, {**lags, (1, 3): (0.9, 0.01), (2, 3): (0.1, 0.01)})
    assert wide[0, 3] > 2 * narrow[0, 3]


def test_pictures_are_kept_small() -> None:
    """However large and many the pictures, what is kept is small, and doubles are left out."""
    big = (np.full((720, 1280), 10 * (k // 2), np.uint8) for k in range(20))
    seen: Watched = watch(np.arange(20) / 30 + 6.7e8, big, most=16)
    assert seen.pictures.shape[0] == 8
    assert max(seen.pictures.shape[1:]) <= 160
    assert seen.epoch == 670000000


def test_what_does_not_go_together_is_an_error() -> None:
    """Stamps that fall, colour pictures and pictures of two sizes are told."""
    grey = np.zeros((8, 8), np.uint8)
    with pytest.raises(ValueError, match="rise"):
        watch([0.0, 0.0], [grey, grey])
    with pytest.raises(ValueError, match="grey"):
        watch([0.0, 1.0], [np.zeros((8, 8, 3), np.uint8)] * 2)
    with pytest.raises(ValueError, match="size"):
        watch([0.0, 1.0], [grey, np.zeros((9, 8), np.uint8)])


def test_real_cameras_agree(shared_data: Any) -> None:
    """Two real cameras of one person, at 30 pictures a second, are tied to half a frame."""
    import av

    seen = []
    for name in ("cam02.mp4", "cam04.mp4"):
        with av.open(str(shared_data / "multicam" / name)) as clip:
            grey = [f.to_ndarray(format="gray") for f in clip.decode(video=0)]
        seen.append(watch(np.arange(0, len(grey), 2) / 60, grey[::2]))
    tied = tie(*seen)
    assert tied.sure
    assert abs(tied.match.lag_s) < 1 / 60
