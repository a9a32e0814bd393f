"""index.html: the release to be watched, from a disk or any server, with no network of its own."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from descent.clock.doors import tai_to_unix
from descent.release.explain import clocks_of
from descent.tools.files import write_text

PAGE = "index.html"
_HERE = Path(__file__).resolve().parent
_KINDS = {"video": "Video", "still": "Still", "frames": "Numbered pictures"}


def write_page(folder: Path, body: Mapping[str, Any], *, poster: str | None = None) -> Path:
    """Write the page of a release from its manifest, and return its path.

    It shows the films under the mission clock, two of them in lockstep where there are two,
    says of every moment what its pictures admit, and lists stills, checksums and downloads.
    Nothing is loaded from elsewhere, no text of the config becomes markup or script, and
    without scripts the films still play. `poster` names the first film's poster.
    """
    path = folder / PAGE
    write_text(path, page(body, poster=poster))
    return path


def page(body: Mapping[str, Any], *, poster: str | None = None) -> str:
    """The page as HTML."""
    style = (_HERE / "page.css").read_text("utf-8").strip()
    script = (_HERE / "page.js").read_text("utf-8").strip()
    films = {n: o for n, o in body["outputs"].items() if _plays(o)}
    data = json.dumps(_data(body, films, poster), separators=(",", ":"))
    data = data.replace("<", "\\u003c")  # all that could end its element early
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src 'self' file:; "
        f"media-src 'self' file:; style-src 'sha256-{_hash(style)}'; "
        f"script-src 'sha256-{_hash(script)}'"
    )
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(body['title'])}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">To the films</a>',
        f"<header><h1>{escape(body['title'])}</h1>{_credit(body)}</header>",
        '<main id="main">',
        *_player(films, poster),
        *_stills(body),
        *_downloads(body),
        "</main>",
        f"<footer><p>{escape(_made(body))}</p></footer>",
        f'<script type="application/json" id="data">{data}</script>',
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _plays(output: Mapping[str, Any]) -> bool:
    """Whether browsers can be expected to play it."""
    encoding = output["encoding"] or {}
    return output["kind"] == "video" and encoding.get("container") == "mp4"


def _credit(body: Mapping[str, Any]) -> str:
    lines = dict.fromkeys(o["credit"] for o in body["outputs"].values() if o["credit"])
    return "".join(f'<p class="pale">{escape(line)}</p>' for line in lines)


def _made(body: Mapping[str, Any]) -> str:
    return (
        f"Made by {body['made_by']}, fingerprint {body['fingerprint']['id']}. manifest.json tells "
        "of every frame which file it is from, when it was exposed and what was done to it; "
        "“descent verify” checks this folder, “descent explain” answers for any second."
    )


def _player(films: Mapping[str, Any], poster: str | None) -> Iterator[str]:
    if not films:
        return
    first = next(iter(films.values()))
    options = "".join(
        f'<option value="{escape(name)}">{escape(_name(films, name))}</option>' for name in films
    )
    still = f' poster="{escape(quote(poster))}"' if poster else ""
    yield '<section aria-label="Films">'
    yield '<div class="choose">'
    yield f'<label for="film">Film<select id="film">{options}</select></label>'
    yield (
        '<label for="beside" hidden>Beside it, on the same clock<select id="beside">'
        f'<option value="">nothing</option>{options}</select></label>'
    )
    yield "</div>"
    yield '<div class="views" id="views">'
    source = escape(quote(first["file"]))
    label = escape(first["title"])
    yield (
        f'<div class="view"><video id="first" src="{source}"{still} controls playsinline '
        f'preload="metadata" aria-label="{label}"></video></div>'
    )
    yield (
        '<div class="view" id="other" hidden><video id="second" muted playsinline '
        'preload="auto"></video><div class="away" id="away" hidden>This film does not show that '
        "moment</div></div>"
    )
    yield "</div>"
    yield '<div id="player" hidden>'
    yield (
        '<div class="bar"><span class="clock" id="clock" role="timer" aria-label="Mission clock">'
        '</span><span class="t" id="t"></span><span class="note" id="note"></span>'
        '<span class="pale" id="frame"></span><span class="steps">'
        '<button type="button" id="back">Frame back</button>'
        '<button type="button" id="on">Frame on</button></span></div>'
    )
    yield '<ul class="states" id="states" aria-label="What each picture is"></ul>'
    yield '<ul class="events" id="events" aria-label="Go to"></ul>'
    yield "</div>"
    yield "<noscript><p>The clock and the second view need scripts; the film plays without.</p>"
    yield "</noscript>"
    yield "</section>"


def _name(films: Mapping[str, Any], name: str) -> str:
    """What a film is called: its title where that tells it from the others."""
    titles = [film["title"] for film in films.values()]
    title = films[name]["title"]
    own = title if titles.count(title) == 1 else name.replace("_", " ")
    return f"{own} · {films[name]['cols']} × {films[name]['rows']}"


def _stills(body: Mapping[str, Any]) -> Iterator[str]:
    stills = {
        n: o
        for n, o in body["outputs"].items()
        if o["kind"] == "still" and not o["file"].endswith(".tif")
    }
    if not stills:
        return
    yield '<section aria-labelledby="stills"><h2 id="stills">Stills</h2><div class="stills">'
    for name, still in stills.items():
        link = escape(quote(still["file"]))
        when = still["records"][0]["clock"]
        words = [still["caption"] or "", when or "", still["credit"]]
        told = "<br>".join(escape(word) for word in words if word)
        title = still["title"] if still["title"] != body["title"] else name.replace("_", " ")
        yield (
            f'<figure><a href="{link}"><img src="{link}" alt="{escape(still["alt"] or title)}" '
            f'width="{still["cols"]}" height="{still["rows"]}" loading="lazy"></a>'
            f"<figcaption><b>{escape(title)}</b><br>{told}</figcaption></figure>"
        )
    yield "</div></section>"


def _downloads(body: Mapping[str, Any]) -> Iterator[str]:
    yield '<section aria-labelledby="files"><h2 id="files">Files</h2><div class="scroll"><table>'
    yield "<caption>SHA256SUMS has all of these; manifest.json says what is in them.</caption>"
    yield (
        '<thead><tr><th scope="col">File</th><th scope="col">What</th>'
        '<th scope="col" class="number">Size</th><th scope="col">SHA-256</th></tr></thead><tbody>'
    )
    for output in body["outputs"].values():
        link, file = escape(quote(output["file"])), escape(output["file"])
        what = f"{_KINDS[output['kind']]}, {output['cols']} × {output['rows']}"
        if output["rate"]:
            rate = Fraction(output["rate"])
            what += f", {_length(output['frames'] / rate)} at {float(rate):.6g}/s"
        if output["encoding"]:
            what += f", {output['encoding']['title']}"
        name = file if output["kind"] == "frames" else f'<a href="{link}" download>{file}</a>'
        yield (
            f'<tr><th scope="row">{name}</th><td>{escape(what)}</td>'
            f'<td class="number">{_bytes(output["bytes"])}</td>'
            f"<td><code>{escape(output['sha256'] or '')}</code></td></tr>"
        )
    yield '<tr><th scope="row"><a href="manifest.json">manifest.json</a></th>'
    yield "<td>Every frame and where it is from</td><td></td><td></td></tr>"
    yield '<tr><th scope="row"><a href="SHA256SUMS">SHA256SUMS</a></th>'
    yield "<td>Checksums of all files</td><td></td><td></td></tr>"
    yield "</tbody></table></div></section>"


def _length(seconds: Fraction) -> str:
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}" if whole >= 60 else f"{float(seconds):.3g} s"


def _bytes(size: int | None) -> str:
    if size is None:
        return ""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000)):,} kB"
    return f"{size / 1e6:.1f} MB" if size < 2_000_000_000 else f"{size / 1e9:.2f} GB"


def _data(body: Mapping[str, Any], films: Mapping[str, Any], poster: str | None) -> dict[str, Any]:
    """What the script needs of the manifest: ticks, times and states, in short."""
    clocks = clocks_of(body)
    utc = None if clocks.epoch.tai_s is None else float(tai_to_unix(clocks.epoch.tai_s))
    titled = sorted(
        (float(Fraction(event["t"])), event["title"])
        for event in body["events"].values()
        if event["title"]
    )
    cameras = {
        name: {
            "title": source["title"],
            "byHand": source["by_hand"],
            "times": [None if t is None else _short(Fraction(t)) for *_, t in source["frames"]],
        }
        for name, source in body["sources"].items()
    }
    found = {name: _film(film) for name, film in films.items()}
    if poster and found:
        found[next(iter(found))]["poster"] = quote(poster)
    zero = None if clocks.zero is None else float(clocks.zero)
    events = [list(event) for event in dict.fromkeys(titled)]
    return {"utc0": utc, "zero": zero, "events": events, "cameras": cameras, "films": found}


def _film(film: Mapping[str, Any]) -> dict[str, Any]:
    records = film["records"]
    spans = []
    for span in film["spans"]:
        first, count = span["first_tick"], span["ticks"]
        times = [Fraction(r["t"]) for r in records[first : first + count]]
        steps = {b - a for a, b in pairwise(times)}
        even = len(steps) < 2
        spans.append(
            {
                "first": first,
                "ticks": count,
                "start": float(times[0]),
                "step": float(steps.pop()) if len(steps) == 1 else 0,
                "times": None if even else [_short(t) for t in times],
                "title": span["title"],
                "note": span["note"],
            }
        )
    shown = {}
    # As they lie in the picture, not as their names sort.
    placed = (tile["camera"] for span in film["spans"] for tile in span["tiles"])
    for camera in dict.fromkeys(placed):
        rows: list[list[Any]] = []
        for tick, record in enumerate(records):
            cell = record["show"].get(camera)
            row = [None, None, []] if cell is None else [cell[0], cell[1], _admitted(cell[2])]
            if not rows or rows[-1][1:] != row:
                rows.append([tick, *row])
        shown[camera] = rows
    return {
        "file": quote(film["file"]),
        "title": film["title"],
        "rate": float(Fraction(film["rate"])),
        "ticks": film["frames"],
        "spans": spans,
        "shown": shown,
    }


def _admitted(shares: Mapping[str, float]) -> list[list[Any]]:
    """The shares that were not seen by the camera as they are shown."""
    return [[reason, round(s, 5)] for reason, s in sorted(shares.items()) if reason != "saturated"]


def _short(t: Fraction) -> float:
    return round(float(t), 4)
