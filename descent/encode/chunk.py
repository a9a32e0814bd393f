"""A chunk: a short closed piece of a film, encoded and checked before it gets its name."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.encode.check import read_back
from descent.encode.encoder import Encoder, check_planes, libav_errors
from descent.encode.profile import Profile
from descent.encode.signature import Signature, film_hash, signature
from descent.errors import EncodeError
from descent.model import Planes
from descent.tools.files import atomic, sha256

# Encoders take the memory: one at a time in a process, while another job checks its chunk.
_ENCODING = threading.Semaphore(1)


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """What a finished chunk holds: plain data, kept as a small JSON beside it.

    `frame_hashes` are the SHA-256 of the decoded frames in order, `picture_hash` the hash
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
    """Encode `pictures` into a chunk at `path`, decode it once to check it, and name it.

    A picture's planes may be reused as soon as the next one is asked for. `frames` is how
    many there must be: one more or less is an error, as are planes of another shape, type
    or depth than the profile's. The file appears whole and checked, or not at all. With
    `verify=False` (for measuring what checking costs) the record holds no picture hashes.
    Raises `EncodeError`, `FormatError`, or `DescentError` for a full disk.
    """
    path = Path(path)
    with atomic(path) as temporary:
        fed: list[Signature] = []
        with (
            _ENCODING,
            libav_errors(f"{profile.codec} failed", str(path)),
            Encoder(temporary, profile, rows, cols, rate) as encoder,
        ):
            for number, picture in enumerate(pictures):
                if number == frames:
                    raise EncodeError(f"was given more than {frames} frames", where=str(path))
                check_planes(picture, profile, rows, cols, f"{path}: frame {number}")
                if verify:
                    fed.append(signature(picture))
                encoder.feed(picture)
            if encoder.frames == 0 or encoder.frames != (frames or encoder.frames):
                what = f"was given {encoder.frames} frames, not {frames or 'one or more'}"
                raise EncodeError(what, where=str(path))
            encoder.finish()
        digests: tuple[bytes, ...] = ()
        if verify:
            check = read_back(temporary, profile, rate, rows=rows, cols=cols, fed=fed)
            digests = check.digests
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
            picture_hash=film_hash(digests),
            frame_hashes=tuple(d.hex() for d in digests),
        )
