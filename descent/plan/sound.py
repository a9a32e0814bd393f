"""The one sound track of a release, laid by its clock."""

from __future__ import annotations

from fractions import Fraction

from descent.config.load import Loaded
from descent.errors import FormatError
from descent.plan.film import Studio
from descent.plan.records import SoundPlan


def plan_sound(loaded: Loaded, studio: Studio) -> SoundPlan | None:
    """When the first sample of the sound track was heard, on mission time; None without sound.

    An Earth-received track is laid earlier by its light time. A camera's own sound starts
    with its recording: its pictures' clock. Raises `FormatError` for more than one track.
    """
    tracks = studio.config.sound
    if not tracks:
        return None
    if len(tracks) > 1:
        raise FormatError(
            f"{len(tracks)} sound tracks: one is joined in, mixing is not built yet",
            where=str(loaded.problem("sound.1", "").where),
            do="keep one entry under sound",
        )
    words = tracks[0]
    if words.camera is not None:
        camera = studio.cameras[words.camera]
        own = loaded.config.cameras[words.camera].sound.file
        if own is not None and camera.track.times:
            path = loaded.base / own
            return SoundPlan(
                path, camera.track.times[0], words.credit or camera.credit, words.camera
            )
        if not camera.shots or camera.shots[0].stamp is None:
            raise FormatError(
                f"camera {words.camera} is no recording with a clock",
                where=str(loaded.problem("sound.0.camera", "").where),
                do="name a camera of clips, or write file: and starts:",
            )
        first = camera.shots[0]
        starts = camera.track.times[0] - (first.stamp.value if first.stamp else Fraction(0))
        return SoundPlan(first.path, starts, words.credit or camera.credit, words.camera)
    if words.file is None or words.starts is None:
        raise FormatError("a sound needs a file and a start", do="write file: and starts:")
    starts = studio.time(words.starts)
    if words.clock == "earth_received":
        starts -= words.light_time
    return SoundPlan(loaded.base / words.file, starts, words.credit)
