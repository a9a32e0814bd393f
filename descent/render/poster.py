"""The poster still of a release: one frame of its first film, as it is in the film."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from descent.encode.check import open_film
from descent.errors import EncodeError
from descent.render.films import Film
from descent.render.tasks import CHUNK_S
from descent.timeline import chunks
from descent.tools.files import atomic

POSTER = "poster.jpg"
QUALITY = 92


def poster_tick(film: Film) -> int:
    """The tick that stands for a film: about two fifths into its longest span that simply runs.

    It begins a chunk, so that a player, and we, can jump to it.
    """
    assert film.output.timeline is not None
    pairs = list(zip(film.output.spans, film.output.timeline.spans, strict=True))
    running = [part for span, part in pairs if span.kind == "run"] or [part for _, part in pairs]
    part = max(running, key=lambda p: len(p.times))
    wanted = len(part.times) * 2 // 5
    starts = [ticks.start for ticks in chunks(len(part.times), film.output.rate, CHUNK_S)]
    return part.first_tick + max(start for start in starts if start <= wanted)


def write_poster(film: Film, folder: Path) -> Path:
    """Write the poster of a film into a release folder and return its path."""
    wanted = poster_tick(film)
    path = folder / POSTER
    with open_film(film.path, guess=False) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count, stream.codec_context.thread_type = 2, "SLICE"
        container.seek(round(wanted / film.output.rate / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if round(frame.pts * stream.time_base * film.output.rate) == wanted:
                with atomic(path) as temporary:
                    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
                    picture.save(temporary, "JPEG", quality=QUALITY, subsampling=0)
                return path
    raise EncodeError(f"has no frame {wanted} for the poster", where=str(film.path))
