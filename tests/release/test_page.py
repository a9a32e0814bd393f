"""The page that shows a release, read as a browser would."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from descent.publish import Published
from descent.release.manifest import read_manifest
from descent.release.page import page


class Read(HTMLParser):
    """Every element with its attributes, and the text of those that matter."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        self._open.append(f"{tag}#{dict(attrs).get('id')}" if tag == "script" else tag)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        """Leave an element."""
        if self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Keep the text of the innermost element."""
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def read(published: Published) -> Read:
    """The page of the release, as it lies in its folder."""
    return Read((published.folder / "index.html").read_text("utf-8"))


def test_nothing_comes_from_elsewhere(published: Published) -> None:
    """Every address is a file of the release; no script, style or handler comes with text."""
    found = read(published)
    files = {path.name for path in published.folder.iterdir()}
    for _, attributes in found.elements:
        for key in ("src", "href", "poster"):
            link = attributes.get(key)
            assert link is None or link in files or link.startswith("#"), link
        assert not [key for key in attributes if key.startswith("on") or key == "style"]


def test_only_its_own_script_and_style_may_run(published: Published) -> None:
    """The policy names the very bytes of the script and the style that the page holds."""
    found = read(published)
    policy = next(a["content"] for a in found.all("meta") if "http-equiv" in a) or ""
    assert "default-src 'none'" in policy
    for element, rule in (("script#None", "script-src"), ("style", "style-src")):
        digest = hashlib.sha256(found.texts[element].encode()).digest()
        assert f"{rule} 'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_texts_stay_texts(published: Published) -> None:
    """A title that looks like markup is shown as it was written, everywhere."""
    found = read(published)
    assert found.texts["h1"] == "A <b>small</b> release"
    body = {**read_manifest(published.folder), "title": "</title><script>alert(1)</script>"}
    film = {**body["outputs"]["film"], "title": "</script><script>alert(2)</script>"}
    hostile = Read(page({**body, "outputs": {**body["outputs"], "film": film}}))
    assert len(hostile.all("script")) == 2
    data = json.loads(hostile.texts["script#data"])
    assert data["films"]["film"]["title"] == film["title"]


def test_the_data_is_the_manifest_in_short(published: Published) -> None:
    """Ticks, times and states that the script reads are those of the manifest."""
    film = read_manifest(published.folder)["outputs"]["film"]
    data = json.loads(read(published).texts["script#data"])["films"]["film"]
    assert data["ticks"] == film["frames"]
    for tick, record in enumerate(film["records"]):
        for camera, rows in data["shown"].items():
            row = [r for r in rows if r[0] <= tick][-1]
            cell = record["show"].get(camera)
            assert row[1:3] == (cell[:2] if cell else [None, None])
    assert [span["step"] for span in data["spans"]] == [0.1, 0.05, 0]


def test_it_can_be_used_by_everyone(published: Published) -> None:
    """Pictures have texts, controls have names, and nothing starts by itself."""
    found = read(published)
    assert all(image["alt"] for image in found.all("img"))
    assert {a["alt"] for a in found.all("img")} >= {"A ramp"}
    labels = {label["for"] for label in found.all("label")}
    assert labels == {select["id"] for select in found.all("select")}
    first, _ = found.all("video")
    assert "controls" in first
    assert "autoplay" not in first
    assert first["aria-label"] == "A <b>small</b> release"
    text = (published.folder / "index.html").read_text("utf-8")
    assert re.search(r"prefers-reduced-motion", text)
    assert found.all("html") == [{"lang": "en"}]
