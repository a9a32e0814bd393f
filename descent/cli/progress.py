"""How far the work is: a bar on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import shutil
import time
from collections import deque
from collections.abc import Callable
from typing import Literal, Self, TextIO

Style = Literal["bar", "lines", "json", "none"]

# Seconds between two signs of life; a larger value is quieter.
_EVERY_S: dict[Style, float] = {"bar": 0.1, "lines": 5.0, "json": 1.0, "none": float("inf")}
_WINDOW_S = 30.0  # the rate is that of the last half minute: the work is not all alike


def clock_face(seconds: float) -> str:
    """A duration as people say it: `0:51`, `12:03`, `1:02:03`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """One task's progress; call it with how much is done, or `advance` it.

    `what` names the task, `total` is in `unit`s (0 or None: not known yet; the call may
    bring it later). Use it as a context manager: leaving it well prints how long it took,
    leaving it by an error leaves the line as it was. Safe to call as often as one likes.
    """

    def __init__(
        self,
        what: str,
        total: float | None = None,
        *,
        unit: str = "",
        stream: TextIO,
        style: Style,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.total, self.unit, self.done = what, total or 0, unit, 0.0
        self._stream, self._style, self._now = stream, style, now
        self._start = self._said = now()
        self._seen: deque[tuple[float, float]] = deque([(self._start, 0.0)])
        self._drawn = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.clear()
        if kind is None:
            self._finish()

    def __call__(self, done: float, total: float | None = None) -> None:
        """Say that `done` units of `total` are finished."""
        now = self._now()
        self.done, self.total = done, total or self.total
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[0][0] < now - _WINDOW_S:
            self._seen.popleft()
        if now - self._said >= _EVERY_S[self._style]:
            self._said = now
            self._show()

    def then(self, what: str, unit: str = "") -> None:
        """Finish this part of the task, and go on with the next, counted from 0."""
        self.clear()
        self._finish()
        now = self._now()
        self.what, self.unit, self.done, self.total = what, unit, 0.0, 0
        self._start = self._said = now
        self._seen = deque([(now, 0.0)])

    def advance(self, by: float = 1) -> None:
        """Say that `by` more units are finished."""
        self(self.done + by)

    @property
    def rate(self) -> float:
        """Units per second over the last half minute."""
        (then, before), (now, done) = self._seen[0], self._seen[-1]
        return (done - before) / (now - then) if now > then else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at the present rate; None while that cannot be said."""
        return (self.total - self.done) / self.rate if self.rate > 0 and self.total else None

    def clear(self) -> None:
        """Take the bar off the line, so that something else can be printed."""
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()
            self._drawn = 0

    def _words(self) -> list[str]:
        of = f"{self.done:.0f}/{self.total:.0f}" if self.total else f"{self.done:.0f}"
        words = [f"{of} {self.unit}".rstrip()]
        if self.rate:
            words.append(f"{self.rate:.3g}/s")
        if self.left_s is not None:
            words.append(f"{clock_face(self.left_s)} left")
        return words

    def _show(self) -> None:
        percent = f"{100 * self.done / self.total:3.0f} %" if self.total else ""
        if self._style == "bar":
            self._bar(percent)
        elif self._style == "lines":
            words = [word for word in (percent.strip(), *self._words()) if word]
            self._line(f"{self.what}: {', '.join(words)}")
        elif self._style == "json":
            self._event("progress")

    def _bar(self, percent: str) -> None:
        columns = shutil.get_terminal_size().columns - 1
        tail = "  ".join(word for word in (percent, *self._words()) if word)
        room = min(40, columns - len(self.what) - len(tail) - 6)
        bar = ""
        if self.total and room >= 8:
            full = min(room, int(room * self.done / self.total))
            bar = f"[{'#' * full}{'.' * (room - full)}]  "
        text = f"{self.what}  {bar}{tail}"[:columns]
        self._stream.write("\r" + text.ljust(self._drawn))
        self._stream.flush()
        self._drawn = len(text)

    def _finish(self) -> None:
        took = self._now() - self._start
        if self._style == "json":
            self._event("done")
        elif self._style != "none" and self.done:
            count = f"{self.done:.0f} {self.unit}".rstrip()
            rate = f" ({self.done / took:.3g}/s)" if took > 0 else ""
            self._line(f"{self.what}: {count} in {clock_face(took)}{rate}")

    def _event(self, event: str) -> None:
        left = self.left_s
        self._line(
            json.dumps(
                {
                    "event": event,
                    "what": self.what,
                    "done": self.done,
                    "total": self.total or None,
                    "unit": self.unit,
                    "per_s": round(self.rate, 3),
                    "left_s": None if left is None else round(left, 1),
                    "took_s": round(self._now() - self._start, 1),
                }
            )
        )

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
