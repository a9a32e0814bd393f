"""Frame counters held against stamps: what was lost, what was set, what is no counter."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clock.counter import count, say
from descent.model import Shot

F = Fraction
RATE = F(1, 30)


def shots(n: int) -> list[Shot]:
    """Frames that are only names."""
    return [Shot("c", Path(f"f{k}.png"), None) for k in range(n)]


@given(
    st.lists(st.booleans(), min_size=20, max_size=120),
    st.lists(st.integers(-3, 3), min_size=120, max_size=120),
    st.sampled_from([1 << 8, 1 << 16, 1 << 32]),
    st.integers(0, 1 << 31),
)
@settings(max_examples=60, deadline=None)
def test_every_lost_frame_is_found(
    arrived: list[bool], jitter_ms: list[int], modulus: int, first: int
) -> None:
    """Numbers that no frame has are those that were lost, whatever bytes can be read."""
    numbers = [k for k, there in enumerate(arrived) if there]
    if len(numbers) < 6:
        return
    times = [k * RATE + F(jitter_ms[k], 1000) for k in numbers]
    counted = count(times, [((first + k) % modulus, modulus) for k in numbers])
    assert counted is not None
    assert counted.lost == numbers[-1] - numbers[0] + 1 - len(numbers)
    assert not counted.stepped


def test_a_long_gap_in_a_short_counter() -> None:
    """A byte wraps every 256 frames: the clock tells how often."""
    numbers = [*range(40), *range(1000, 1040)]
    counted = count([k * RATE for k in numbers], [(k % 256, 256) for k in numbers])
    assert counted is not None
    assert counted.lost == 960
    said = say("c", shots(80), counted)
    assert [f.code for f in said] == ["dropped"]
    assert "960 that never arrived, in 1 places: 960 after f39.png" in said[0].what


def test_a_clock_that_was_set_is_no_drop() -> None:
    """Where the clock jumps and the count does not, the clock was set."""
    times = [k * RATE + (F(3, 10) if k >= 25 else 0) for k in range(50)]
    counted = count(times, [(7 + k, 1 << 32) for k in range(50)])
    assert counted is not None
    assert counted.lost == 0
    said = say("c", shots(50), counted)
    assert [f.code for f in said] == ["counter", "clock_step"]
    assert "+0.3 s against its frame counter between f24.png and f25.png" in said[1].what


def test_a_camera_started_anew() -> None:
    """A whole counter that goes back says that the camera was started again."""
    numbers = [*range(500, 530), *range(20)]
    counted = count([k * RATE for k in range(50)], [(n, 1 << 32) for n in numbers])
    assert counted is not None
    assert counted.back == ((29, 30),)
    assert "goes back between f29.png and f30.png" in say("c", shots(50), counted)[-1].what


def test_what_is_no_counter() -> None:
    """Numbers that do not go with the times, and too few of them, tell nothing."""
    noise = [(k * 7919 % 251, 256) for k in range(40)]
    assert count([k * RATE for k in range(40)], noise) is None
    assert count([F(0), F(1)], [(1, 256), (2, 256)]) is None
    assert count([k * RATE for k in range(9)], [None] * 9) is None
