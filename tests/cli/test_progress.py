"""What progress says on a terminal, in a log, and to a program; and that it keeps quiet."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descent.cli.progress import Progress, Style, clock_face


class Clock:
    """A clock that goes on by as much as it is told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def read(self) -> float:
        """The time in s."""
        return self.now_s


def run(style: Style, steps: int = 20, step_s: float = 1.0) -> str:
    """What 20 chunks of one second each print."""
    stream, clock = io.StringIO(), Clock()
    with Progress(
        "render", steps, unit="chunks", stream=stream, style=style, now=clock.read
    ) as report:
        for _ in range(steps):
            clock.now_s += step_s
            report.advance()
    return stream.getvalue()


def test_a_bar_shows_share_count_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal one line is written over, and gives way to the sum at the end."""
    monkeypatch.setenv("COLUMNS", "80")
    written = run("bar")
    assert "\r" in written
    assert " 50 %  10/20 chunks  1/s  0:10 left" in written
    assert max(len(part) for part in written.split("\r")) < 80
    assert written.endswith("\rrender: 20 chunks in 0:20 (1/s)\n")
    assert written.count("\n") == 1


def test_a_narrow_terminal_loses_the_bar_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """However narrow, a line never wraps, or it could not be written over."""
    monkeypatch.setenv("COLUMNS", "30")
    parts = run("bar").split("\r")
    assert max(len(part) for part in parts[:-1]) < 30
    assert not any("#" in part for part in parts)


def test_a_log_gets_a_plain_line_every_few_seconds() -> None:
    """Elsewhere than on a terminal: whole lines, few of them, no control characters."""
    lines = run("lines").splitlines()
    assert lines[0] == "render: 25 %, 5/20 chunks, 1/s, 0:15 left"
    assert len(lines) == 5
    assert lines[-1] == "render: 20 chunks in 0:20 (1/s)"


def test_programs_get_json_lines() -> None:
    """Each line is an object with numbers, and the last one says done."""
    events = [json.loads(line) for line in run("json").splitlines()]
    assert events[9]["event"] == "progress"
    assert (events[9]["done"], events[9]["total"], events[9]["left_s"]) == (10, 20, 10)
    assert events[-1]["event"] == "done"


def test_quiet_is_quiet() -> None:
    """Nothing at all is written."""
    assert not run("none")


def test_an_error_leaves_no_half_bar() -> None:
    """Leaving by an error clears the line and claims no result."""
    stream, clock = io.StringIO(), Clock()
    report = Progress("render", 4, stream=stream, style="bar", now=clock.read)

    def fail() -> None:
        with report:
            clock.now_s += 1
            report(1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert stream.getvalue().endswith("\r")
    assert "render: " not in stream.getvalue()


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(-3, 50)), max_size=30), st.integers(0, 100)
)
def test_no_numbers_break_it(steps: list[tuple[float, int]], total: int) -> None:
    """No total, no time passing, more done than there was or work undone: it still reports."""
    clock = Clock()
    for style in ("bar", "lines", "json"):
        with Progress("x", total, stream=io.StringIO(), style=style, now=clock.read) as report:
            for wait_s, by in steps:
                clock.now_s += wait_s
                report.advance(by)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (51.4, "0:51"), (723, "12:03"), (3723, "1:02:03")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    """Minutes and seconds; hours only when there are some."""
    assert clock_face(seconds) == text
