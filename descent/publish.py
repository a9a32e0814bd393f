"""A whole release, once through: plan, prepare, render, package; what is done is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from descent.config.load import Loaded
from descent.errors import Damaged, DescentError
from descent.model import Finding, OutputResult
from descent.plan import LeftOut, Plan, make
from descent.prepare import Prepared, prepare
from descent.release.package import MANIFEST_NAME, SUMS_NAME, earlier, package
from descent.render import Film, Render, render_films
from descent.render.poster import POSTER, write_poster
from descent.render.sequence import sequences
from descent.render.stills import still
from descent.render.track import lay_track
from descent.tools.files import sweep
from descent.work import Progress

# Told what goes on, how much of it is done, of how much, and what is worth saying.
Report = Callable[[str, float, float], None]
Say = Callable[[str], None]
STORE = ".descent"
BROKEN = {"damaged", "empty_file", "unreadable"}


@dataclass(frozen=True, slots=True)
class Published:
    """A finished release: its folder, what is in it, and the frames that were left out."""

    plan: Plan
    folder: Path
    results: tuple[OutputResult, ...]
    left_out: LeftOut
    made: int
    kept: int

    @property
    def broken(self) -> tuple[Finding, ...]:
        """What is to know of files that should be pictures and are not."""
        return tuple(f for f in self.plan.findings if f.code in BROKEN)

    @property
    def whole(self) -> bool:
        """Whether nothing that was expected turned out damaged or unreadable."""
        return not self.left_out and not self.broken


def publish(
    loaded: Loaded,
    out: Path,
    *,
    store: Path | None = None,
    only: Sequence[str] = (),
    within: tuple[str, str] | None = None,
    draft: bool = False,
    burn: bool = False,
    workers: int | None = None,
    verify: bool = True,
    report: Report | None = None,
    working: Callable[[Progress], None] | None = None,
    say: Say | None = None,
) -> Published:
    """Make a release in folder `out`: videos, stills, manifest, checksums and a poster.

    `store` keeps chunks and measurements between runs (default: `.descent` beside `out`).
    A frame that turns out damaged is left out, the film planned anew without it, and what
    it touched rendered again. Raises `DescentError` where `out` holds other files, or an
    input; `Interrupted` when stopped, with everything finished kept.
    """
    store = store or out.parent / STORE
    left_out: LeftOut = frozenset()
    tell: Say = say or (lambda _text: None)
    partial = bool(only) or within is not None or draft

    def attempt(plan: Plan) -> _Attempt:
        whole = make(loaded, left_out=left_out) if partial else plan
        try:
            ready = prepare(plan, whole, store, workers=workers, progress=report)
        except Damaged as error:
            return _Attempt(damaged=(error,))
        made = render_films(
            plan,
            ready.cast,
            out,
            store=store,
            fingerprint=ready.fingerprint,
            workers=workers,
            verify=verify,
            sound=lambda output: lay_track(plan, output, store),
            progress=working,
            finishing=lambda output: tell(f"Joining {output.filename}"),
        )
        if made.damaged:
            return _Attempt(damaged=made.damaged)
        numbered, damaged = sequences(
            plan,
            ready.cast,
            out,
            store=store,
            fingerprint=ready.fingerprint,
            workers=workers,
            progress=working,
        )
        if damaged:
            return _Attempt(damaged=damaged)
        try:
            stills = _stills(plan, ready, out)
        except Damaged as error:
            return _Attempt(damaged=(error,))
        return _Attempt(ready, made, (*numbered, *stills))

    while True:
        plan = make(loaded, only=only, within=within, draft=draft, burn=burn, left_out=left_out)
        _check_folder(plan, out, earlier(out, loaded.digest))
        _sweep(out, store)
        made = attempt(plan)
        if made.ready is not None:
            break
        found = _broken(plan, made.damaged)
        if not found - left_out:
            raise made.damaged[0]
        for broken in made.damaged:
            tell(f"{broken}; left out, and what it touches is made again")
        left_out |= found
    results = (*(_result(film) for film in made.films.films), *made.others)
    _package(loaded, plan, made.ready, out, results, made.films.films)
    return Published(plan, out, results, left_out, made.films.made, made.films.kept)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one pass over a plan came to; without `ready` frames turned out damaged."""

    ready: Prepared | None = None
    films: Render = Render((), (), 0, 0)  # noqa: RUF009 - it is frozen
    others: tuple[OutputResult, ...] = ()
    damaged: tuple[Damaged, ...] = ()


def _sweep(out: Path, store: Path) -> None:
    """Remove what killed writers left; each folder under the store is one of ours."""
    folders = [out, store]
    for name in ("films", "sound", "measured", "chunks", "chunks/*"):
        folders += sorted(store.glob(name))
    for folder in folders:
        sweep(folder)


def _check_folder(plan: Plan, out: Path, before: Collection[str]) -> None:
    """Refuse a folder that holds an input, or files of neither this nor `before`."""
    real = out.resolve()
    for camera in plan.cameras.values():
        for folder in {shot.path.parent.resolve() for shot in camera.shots}:
            if real in (folder, *folder.parents):
                raise DescentError(
                    f"holds frames of {camera.name}, and an output never overwrites an input",
                    where=str(out),
                    do="choose another --out",
                )
    ours = {o.filename for o in plan.outputs} | {MANIFEST_NAME, SUMS_NAME, POSTER, "index.html"}
    ours |= set(before)
    there = sorted(p.name for p in out.iterdir()) if out.is_dir() else []
    strangers = [n for n in there if n not in ours and not n.startswith(".")]
    if strangers:
        raise DescentError(
            f"holds what is not of this release: {', '.join(strangers[:4])}"
            + (" ..." if len(strangers) > 4 else ""),
            where=str(out),
            do="choose another --out, or move them away",
        )


def _broken(plan: Plan, damaged: Sequence[Damaged]) -> LeftOut:
    """The frames that damage is about, as `make` takes them."""
    found = set()
    for error in damaged:
        for camera in plan.cameras.values():
            for shot in camera.shots:
                if str(shot.path) == str(error.path) and (
                    not error.indices or shot.index in error.indices
                ):
                    found.add((camera.name, shot.path.name, shot.index))
    return frozenset(found)


def _result(film: Film) -> OutputResult:
    return OutputResult(film.output.name, film.path.name, film.record.to_json(), film.shares)


def _stills(plan: Plan, ready: Prepared, out: Path) -> list[OutputResult]:
    stills = [output for output in plan.outputs if output.kind == "still"]
    return [still(plan, output, ready.cast, out / output.filename) for output in stills]


def _package(
    loaded: Loaded,
    plan: Plan,
    ready: Prepared,
    out: Path,
    results: Sequence[OutputResult],
    films: Sequence[Film],
) -> None:
    """Manifest, poster and checksums: last, so that a folder with checksums is a whole one."""
    out.mkdir(parents=True, exist_ok=True)
    package(
        out,
        plan,
        results={result.name: result for result in results},
        digests=ready.digests,
        fingerprint=(ready.fingerprint, ready.parts),
        config_digest=loaded.digest,
        measured={name: cast.measured for name, cast in ready.cast.items()},
        also=[write_poster(films[0], out).name] if films else (),
    )
