"""What is not known of an exposure: kept, named, and never taken for a wrong stamp."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from descent.clock.assign import LONGEST_OPEN, Laid, lay
from descent.clock.doors import Clocks, Epoch
from descent.clock.fit import ClockFit, Piece
from descent.clock.joint import Tie, joint
from descent.clock.utc import utc_to_tai
from descent.config.sync import SyncCamera, read_sync, write_sync
from descent.measure.seats import Seat, reference_of
from descent.model import Format, Shot, Stamp

F = Fraction
ZERO = F(0)
EPOCH = Epoch.utc("2021-02-18T20:40:00Z")
CLOCKS = Clocks(EPOCH, None, None)
BEGIN = utc_to_tai("2021-02-18T20:40:10Z")


def camera(step_s: Fraction, told_s: Fraction = ZERO, declared_s: Fraction | None = None) -> Laid:
    """Forty frames stamped in UTC when their shutter opened, exposures told or not."""
    shots = [
        Shot("c", Path(f"{k:03}.png"), Stamp(BEGIN + k * step_s, "utc", F(1, 1000), told_s))
        for k in range(40)
    ]
    return lay("c", shots, clocks=CLOCKS, exposure_s=declared_s)


def seat(name: str, laid: Laid) -> Seat:
    """A camera as `descent sync` measures it."""
    times = tuple(float(t) for t in laid.track.times)
    return Seat(name, laid, times, float(laid.resolution_s), Format(48, 64, "rgb"), 60.0)


@pytest.mark.parametrize(
    ("step_s", "open_s"),
    [(F(1, 75), F(1, 75)), (F(1, 30), F(1, 30)), (F(34, 10), LONGEST_OPEN)],
    ids=["75/s", "30/s", "every 3.4 s"],
)
def test_an_exposure_that_nobody_tells_is_at_most_a_frame(
    step_s: Fraction, open_s: Fraction
) -> None:
    """Stamped frames say for how long their shutter may have been open, never over 1/24 s."""
    laid = camera(step_s)
    assert laid.open_s == open_s
    assert "its exposure is not known" in laid.how
    assert laid.track.times[0] == 10


def test_an_exposure_that_is_told_leaves_nothing_open() -> None:
    """By its label or by the config a frame's time is the middle, and nothing more is said."""
    for laid in (camera(F(1, 30), F(1, 100)), camera(F(1, 30), declared_s=F(1, 100))):
        assert laid.open_s == 0
        assert laid.track.times[0] == 10 + F(1, 200)
        assert "not known" not in laid.how


def test_times_that_a_person_held_against_pictures_leave_nothing_open() -> None:
    """A mark names the picture that shows the event: its time is that of the picture."""
    shots = [Shot("c", Path("c.mp4"), Stamp(F(k, 30), "media"), k, pts=k) for k in range(40)]
    laid = lay("c", shots, clocks=Clocks(Epoch.event("go"), F(0), None), marks={"go": F(1)},
               events={"go": F(0)})  # fmt: skip
    assert laid.open_s == 0


def test_stamps_are_not_called_wrong_for_an_exposure_that_nobody_told() -> None:
    """12 ms between pictures and stamps are an exposure at 30/s; with exposures told, an error."""
    piece = Piece(10.0, 11.3, 0.012, 1.0)
    tie = Tie("a", "b", ClockFit(F(0), F(0), (piece,), 0.001, 1e-4, 9.0), "motion")
    for told_s, wrong in ((F(0), {}), (F(1, 1000), {"b"})):
        seats = {name: seat(name, camera(F(1, 30), told_s)) for name in "ab"}
        found = joint({n: s.own(seats["a"]) for n, s in seats.items()}, [tie], "a")
        assert set(found.wrong_stamps) == set(wrong)
        # What pictures tie is as narrow as they tie it.
        assert found.clocks["b"].interval_s < 0.002


def test_stamps_alone_allow_for_both_exposures() -> None:
    """Of cameras that nothing ties the interval holds half of either exposure, at 30 and 75/s."""
    seats = {"a": seat("a", camera(F(1, 30))), "b": seat("b", camera(F(1, 75)))}
    found = joint({n: s.own(seats["a"]) for n, s in seats.items()}, [], "a")
    assert found.clocks["b"].interval_s == pytest.approx(0.001 + 0.01795, abs=1e-4)


def test_who_tells_its_exposure_is_the_better_reference() -> None:
    """Of two cameras stamped as finely, the one whose exposures are known keeps its clock."""
    seats = {"a": seat("a", camera(F(1, 30))), "b": seat("b", camera(F(1, 30), F(1, 500)))}
    assert reference_of(seats, []) == "b"


def test_the_sync_file_keeps_it_and_words_say_it(tmp_path: Path) -> None:
    """What is not known of an exposure is written down, read back, and told with the times."""
    kept = SyncCamera(offset_s=F(1, 2), interval_s=F(1, 500), open_s=F(33333, 10**6),
                      evidence="motion", measured_from="ab" * 32)  # fmt: skip
    path = tmp_path / "landing.sync.yaml"
    write_sync(path, config="landing.yaml", reference="a", cameras={"b": kept})
    read = read_sync(path)
    assert read is not None
    assert read.cameras["b"].open_s == kept.open_s
    assert "its exposure is not known, 33.3 ms at most" in read.cameras["b"].clock.words
    write_sync(path, config="landing.yaml", reference="a",
               cameras={"b": kept.model_copy(update={"open_s": F(0)})})  # fmt: skip
    assert "open_s" not in path.read_text("utf-8")
