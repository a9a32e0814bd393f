"""An iterator run a little ahead in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], depth: int = 1) -> Iterator[T]:
    """The items of an iterator, made in a thread up to `depth` before they are asked for.

    Worth it where making one leaves the interpreter free: decoding, hashing, resampling. A
    larger `depth` evens out items that take unlike times and holds that many more in memory.
    What the iterator raises is raised where its item would have come. The thread starts with
    the first item asked for and ends with the iterator, also when that is dropped half way.
    """
    ready: Queue[tuple[bool, T | BaseException | None]] = Queue(maxsize=depth)
    dropped = Event()

    def put(entry: tuple[bool, T | BaseException | None]) -> bool:
        while not dropped.is_set():
            try:
                ready.put(entry, timeout=0.1)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
        except BaseException as error:  # it is the reader's to raise
            put((False, error))
        else:
            put((False, None))

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            more, item = ready.get()
            if more:
                yield item  # type: ignore[misc]  # `more` says that it is an item
            elif isinstance(item, BaseException):
                raise item
            else:
                return
    finally:
        dropped.set()
        _drain(ready)
        thread.join()


def _drain(queue: Queue[tuple[bool, T | BaseException | None]]) -> None:
    """Take out what nobody will read, so that the maker sees at once that it was dropped."""
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
