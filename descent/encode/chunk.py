"""A chunk: a short closed piece of a film, encoded and checked before it gets its name."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

from descent.encode.echo import Echo
from descent.encode.encoder import Encoder, check_planes, libav_errors
from descent.encode.profile import Profile
from descent.encode.signature import Signature, film_hash, signature
from descent.errors import EncodeError
from descent.model import Planes
from descent.tools.files import atomic, sha256
from descent.tools.process import give_back, step_back

# Of the chunks that a process makes at once, one is fed with pictures and one is in an encoder,
# which takes the memory: while that empties, the first pictures of the next are made.
_FEEDING, _ENCODING = threading.Lock(), threading.Lock()

SETTLED = 4  # the picture by which all code is loaded that makes pictures


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """What a finished chunk holds: plain data, kept as a small JSON beside it.

    `frame_hashes` are the BLAKE3 hashes of the decoded frames in order, `picture_hash` the hash
    of those; `sha256` and `bytes` are the file's; `rate` reads "30000/1001". `reorder` is how
    many frames late a packet may come, which decides the film's decoding times.
    """

    frames: int
    rows: int
    cols: int
    rate: str
    profile: str
    encoder: str
    reorder: int
    bytes: int
    sha256: str
    picture_hash: str
    frame_hashes: tuple[str, ...]

    VERSION = "chunk.1"

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values, with its version."""
        return {"version": self.VERSION, **asdict(self), "frame_hashes": list(self.frame_hashes)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ChunkRecord:
        """The record of its JSON; raises `EncodeError` for another version."""
        fields = dict(values)
        if fields.pop("version", None) != cls.VERSION:
            do = "remove the store and render again"
            raise EncodeError(f"is no {cls.VERSION}", where="chunk record", do=do)
        fields["frame_hashes"] = tuple(fields["frame_hashes"])
        return cls(**fields)


def write_chunk(
    path: Path,
    pictures: Iterable[Planes],
    *,
    profile: Profile,
    rows: int,
    cols: int,
    rate: Fraction,
    frames: int | None = None,
    verify: bool = True,
) -> ChunkRecord:
    """Encode `pictures` into a chunk at `path`, decoding each as it comes to check it.

    A picture's planes may be reused as soon as the next one is asked for. `frames` is how
    many there must be: one more or less is an error, as are planes of another shape, type
    or depth than the profile's. The file appears whole and checked, or not at all. Threads
    may write chunks at once: one's pictures begin while the other's encoder empties. With
    `verify=False` (for measuring what checking costs) the record holds no picture hashes.
    Raises `EncodeError`, `FormatError`, or `DescentError` for a full disk.
    """
    path = Path(path)
    fed: list[Signature] = []

    def feed(encoder: Encoder, waiting: Iterable[Planes]) -> None:
        for number, picture in enumerate(waiting):
            if number == frames:
                raise EncodeError(f"was given more than {frames} frames", where=str(path))
            check_planes(picture, profile, rows, cols, f"{path}: frame {number}")
            if verify:
                fed.append(signature(picture))
            encoder.feed(picture)
            if number == SETTLED:
                give_back()

    with atomic(path) as temporary:
        with (
            nullcontext() if not verify else Echo(profile, rate, rows, cols, str(path)) as echo,
            libav_errors(f"{profile.codec} failed", str(path)),
        ):
            with ExitStack() as turn:
                feeding = turn.enter_context(ExitStack())
                feeding.enter_context(_FEEDING)
                # Pictures wait for the encoder, never it for them: it goes first on the cores.
                hand = feeding.enter_context(ThreadPoolExecutor(1, initializer=step_back))
                waiting = hand.submit(_begun, pictures).result()
                turn.enter_context(_ENCODING)
                encoder = turn.enter_context(Encoder(temporary, profile, rows, cols, rate, echo))
                hand.submit(feed, encoder, waiting).result()
                feeding.close()
                if encoder.frames == 0 or encoder.frames != (frames or encoder.frames):
                    what = f"was given {encoder.frames} frames, not {frames or 'one or more'}"
                    raise EncodeError(what, where=str(path))
                encoder.finish()
            if echo is not None:
                echo.finish(fed)
        give_back()
        if echo is not None:
            echo.hold(temporary)
        return ChunkRecord(
            frames=encoder.frames,
            rows=rows,
            cols=cols,
            rate=str(rate),
            profile=profile.name,
            encoder=encoder.version,
            reorder=encoder.reorder,
            bytes=temporary.stat().st_size,
            sha256=sha256(temporary),
            picture_hash=film_hash(echo.digests if echo is not None else ()),
            frame_hashes=tuple(d.hex() for d in (echo.digests if echo is not None else ())),
        )


def _begun(pictures: Iterable[Planes]) -> Iterator[Planes]:
    """The same pictures, the first of them made."""
    coming = iter(pictures)
    return chain(list(islice(coming, 1)), coming)
