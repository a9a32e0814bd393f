"""A camera of the config made definite: which frames, when, in what format, through what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from descent.clock.assign import Laid, lay
from descent.clock.doors import Clocks, utc_to_tai
from descent.config.load import Loaded
from descent.config.models import Camera, Config
from descent.config.sync import SyncFile
from descent.errors import DescentError, FormatError
from descent.model import Finding, Format, Shot
from descent.plan.records import CameraPlan, StagePlan
from descent.plan.sync import lay_synced
from descent.sources.examine import examine
from descent.sources.geometry import Geometry
from descent.sources.listing import Listing, list_camera
from descent.sources.tmcd import TimeCode, read_timecode
from descent.stages import STAGES, stage
from descent.tools.files import confined, sha256

# A frame is left out by what identifies it: camera, file name, index in the file.
LeftOut = frozenset[tuple[str, str, int]]


def plan_camera(
    name: str,
    loaded: Loaded,
    clocks: Clocks,
    events: Mapping[str, Fraction],
    *,
    left_out: LeftOut = frozenset(),
    sync: SyncFile | None = None,
    look: bool = True,
) -> CameraPlan:
    """List a camera's frames, lay them on mission time and check its stages.

    `left_out` are frames found damaged by an earlier render, `sync` the measured clocks.
    Reads headers, and with `look` the pixels of up to three frames (see `examine`).
    Raises `DescentError` where the camera cannot be used, naming it.
    """
    camera = loaded.config.cameras[name]
    listing = list_frames(name, loaded)
    refused = [f for f in listing.findings if f.level == "refused"]
    if refused:
        raise DescentError(refused[0].what, where=refused[0].where or name, do=refused[0].do)
    findings = list(listing.findings)
    if left_out:
        listing = _without(listing, left_out, findings)
    laid = lay_synced(
        name, loaded, sync, lambda own: lay_camera(name, loaded, listing, clocks, events, own)
    )
    findings += laid.findings
    stored, source, said = _source(camera, laid.shots, look)
    findings += said
    stages, after, said = plan_stages(
        name, camera, loaded.config, source, _of_kind(name, loaded), loaded.base
    )
    findings += said
    if not stages and stored.transfer == "raw":
        # Nothing turns counts into light, so they are shown as the numbers they are.
        white = 65535.0 if stored.dtype == "uint16" else 255.0
        stored, source = (replace(f, transfer="bt709", white=white) for f in (stored, source))
        after = source
        text = "its raw counts are shown as they are, as if they were made for a screen"
        findings.append(Finding("raw_shown", name, text, "write restore: {levels: {}}", "note"))
    return CameraPlan(
        name=name,
        title=camera.title or name,
        credit=camera.credit or loaded.config.credit.pictures,
        shots=laid.shots,
        track=laid.track,
        how=laid.how,
        by_hand=laid.by_hand,
        stored=stored,
        source=source,
        format=after,
        stages=stages,
        turn=camera.turn,
        mirror=camera.mirror,
        crop=_crop(camera),
        focus=camera.focus,
        white=camera.white,
        planes=not stages,
        findings=tuple(findings),
    )


def list_frames(name: str, loaded: Loaded) -> Listing:
    """Which frames a camera has, by what its config says of them."""
    camera = loaded.config.cameras[name]
    return list_camera(
        name,
        camera.files,
        loaded.base,
        names=camera.names,
        instruments=camera.instruments,
        index=camera.times.index if camera.times else None,
        skip=tuple((skip.frames, skip.reason) for skip in camera.skip),
        order=(camera.times.order or "name") if camera.times else "name",
        clock=camera.clock_name,
        utc=utc_to_tai,
    )


def lay_camera(
    name: str,
    loaded: Loaded,
    listing: Listing,
    clocks: Clocks,
    events: Mapping[str, Fraction],
    own_clock: bool = False,
) -> Laid:
    """A camera by its own stamps, marks or `times:`, before any measured clock.

    `own_clock` lays a clip that nothing ties by its own time, from 0.
    """
    config = loaded.config
    camera = config.cameras[name]
    marks = {event: own[name] for event, own in config.sync.marks.items() if name in own}
    return lay(
        name,
        listing.shots,
        listing.records,
        clocks=clocks,
        events=events,
        times=camera.times,
        base=loaded.base,
        marks=marks,
        reference=config.reference in (name, None) and not marks,
        own_clock=own_clock,
        add_s=camera.clock.add,
        clock_rate=camera.clock.rate,
        accept_product_times=camera.clock.accept_product_times,
        resets=camera.clock.resets,
        codes=_codes(camera, listing),
        rate=camera.rate,
        exposure_s=camera.exposure,
        missing=camera.missing.policy(),
    )


def _codes(camera: Camera, listing: Listing) -> dict[Path, TimeCode]:
    """The time codes of a camera's clips, where its times are to come from them."""
    if camera.times is None or camera.times.timecode is None:
        return {}
    paths = dict.fromkeys(shot.path for shot in listing.shots if shot.pts is not None)
    return {path: code for path in paths if (code := read_timecode(path)) is not None}


def _source(
    camera: Camera, shots: Sequence[Shot], look: bool
) -> tuple[Format, Format, tuple[Finding, ...]]:
    """The format of the stored pictures, that after turn, mirror and crop, and what to know."""
    debayered = camera.restore.get("debayer", False) is not False
    found = examine(
        shots,
        pattern=camera.pattern,
        look=look,
        expect="mosaic" if debayered else "colour",
    )
    stored = found.format
    if camera.transfer is not None:
        stored = replace(stored, transfer=camera.transfer)
    upright = Geometry(_crop(camera), camera.turn, camera.mirror).format(stored)
    return stored, upright, found.findings


def plan_stages(
    name: str,
    camera: Camera,
    config: Config,
    source: Format,
    of_kind: Collection[str] = (),
    base: Path = Path(),
) -> tuple[tuple[StagePlan, ...], Format, tuple[Finding, ...]]:
    """The stages of a camera in the table's order, every parameter written out.

    Also the format that they give, and what to know. Stages `of_kind` come from the camera
    file, which speaks of the camera's raw frames: one that does not take these pictures is
    left out and said. Raises `FormatError`, naming the camera and the stage, where another
    does not take what the one before gives, or a mosaic is left as it is.
    """
    chosen = {n: p for n, p in camera.restore.items() if p is not False}
    stages = []
    findings = []
    after = source
    for stage_name in STAGES:
        if stage_name not in chosen:
            continue
        found = stage(stage_name)
        written = chosen[stage_name]
        params = found.params.model_validate(written if isinstance(written, Mapping) else {})
        files: dict[str, Path] = {}
        if "look" in type(params).model_fields and "look" not in params.model_fields_set:
            params = params.model_copy(update={"look": config.look})
        for key, (what, do) in found.params.FILES.items():
            if named := getattr(params, key):
                files[key] = path = confined(base / named, [base])
                seen = {key: str(path), f"{key}_sha256": _digest(path, what, do)}
                params = params.model_copy(update=seen)
        try:
            after = found.gives(after, params)
        except FormatError as error:
            where = f"cameras.{name}.restore.{stage_name}"
            if stage_name in of_kind:
                text = (
                    f"{error.what}: it is left out, being the camera file's and not the release's"
                )
                findings.append(Finding("stage_left_out", where, text, error.do, "note"))
                continue
            # A file that is wrong says its line; the camera and the stage are said beside it.
            what = f"{error.what} ({where})" if error.where else error.what
            raise FormatError(what, where=error.where or where, do=error.do) from None
        told = params.model_dump(mode="json") | {key: path.name for key, path in files.items()}
        stages.append(StagePlan(stage_name, found.label, told, files))
    if after.kind == "mosaic":
        raise FormatError(
            "is a Bayer mosaic that nothing debayers, so the film would be chequered",
            where=f"cameras.{name}",
            do="write restore: {debayer: {}}",
        )
    return tuple(stages), after, tuple(findings)


def _digest(path: Path, what: str, do: str) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise FormatError(
            f"is no {what} that can be read", where=str(path), do=f"name {do}"
        ) from error


def _of_kind(name: str, loaded: Loaded) -> set[str]:
    """The stages that a camera has from its camera file alone."""
    heads = {stage: f"cameras.{name}.restore.{stage}" for stage in STAGES}
    release = {str(loaded.path)}
    return {
        stage
        for stage, head in heads.items()
        if (mark := loaded.marks.get(head)) is not None
        and mark[0] not in release
        and not mark[0].startswith("--set")
    }


def _crop(camera: Camera) -> tuple[int, int, int, int] | None:
    crop = camera.crop
    return None if crop is None else (crop.top, crop.left, crop.height, crop.width)


def _without(listing: Listing, left_out: LeftOut, findings: list[Finding]) -> Listing:
    """The listing less frames found damaged, each said."""
    kept = []
    for shot, record in zip(listing.shots, listing.records, strict=True):
        if (shot.camera, shot.path.name, shot.index) in left_out:
            findings.append(
                Finding(
                    "damaged",
                    f"{shot.camera}: {shot.path.name}",
                    "its pixels are broken, so it is left out",
                    "fetch it again; only what it touches renders again",
                )
            )
        else:
            kept.append((shot, record))
    return replace(listing, shots=tuple(s for s, _ in kept), records=tuple(r for _, r in kept))
