"""Reading release files: examples, problems at their places, includes, overrides."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.config import load, resolved
from descent.config.models import Config
from descent.errors import ConfigError
from descent.model import MissingPolicy

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = sorted((HERE / "examples").glob("*.yaml"))
RELEASES = sorted((ROOT / "configs" / "releases").glob("*.yaml"))
SMALL = """\
schema: 1
title: Small
zero: go
cameras: {a: {files: a/}}
cuts: {main: [{from: go, to: go + 2s, show: {full: a}}]}
outputs: {film: {cut: main}}
"""


def problems(path: Path, *overrides: str, files: bool = False) -> list[str]:
    """What is wrong with a release, each problem as one line."""
    with pytest.raises(ConfigError) as caught:
        load(path, overrides, check_files=files)
    return [str(problem) for problem in caught.value.problems]


def write(folder: Path, text: str, name: str = "release.yaml") -> Path:
    """A file in `folder`."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# --- what loads --------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*EXAMPLES, *RELEASES], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_config_loads_and_its_defaults_load_again(path: Path, tmp_path: Path) -> None:
    """Each example and shipped release loads, and printed with every default means the same."""
    loaded = load(path, check_files=False)
    again = write(tmp_path, json.dumps(resolved(loaded.config)))
    assert load(again, check_files=False).config == loaded.config


@pytest.mark.parametrize("path", RELEASES, ids=lambda p: p.stem)
def test_shipped_releases_find_the_real_files(path: Path, shared_data: Path) -> None:
    """Releases of frames that are at hand name files that are there."""
    if path.stem in {"lcam", "sneak_peek", "rocket", "multicam"}:
        assert load(path).base.resolve().is_relative_to(shared_data.resolve())
    else:
        assert any("set folder" in line for line in problems(path, files=True))


def test_the_landing_example_says_what_it_says() -> None:
    """Words of the landing example arrive as the values they mean."""
    config = load(HERE / "examples" / "perseverance.yaml", check_files=False).config
    hover, lander = config.cameras["hover"], config.cameras["lander"]
    assert hover.rate == 12
    assert (hover.pattern, hover.instruments) == ("RGGB", ("ES",))
    assert hover.skip[0].frames == ("612-615",)
    assert lander.missing.policy() == MissingPolicy("until_next", "card")
    assert config.sound[0].light_time == 682
    assert config.clock is not None
    assert config.clock.file == "mars2020"
    last = config.cuts["main"][-1]
    assert last.every_frame == "chute"
    assert last.show.cameras == ("chute",)
    outputs = config.outputs
    assert outputs["landing_4k"].size == (3840, 2160)
    assert outputs["clean"].text.clock == ()
    assert outputs["originals"].full_length is True


def test_a_release_without_utc_shows_t() -> None:
    """Where nothing ties a release to UTC, the clock in the picture counts from its zero."""
    config = load(HERE / "examples" / "rocket.yaml", check_files=False).config
    assert config.outputs["phone"].text.clock == ("t",)
    assert config.sync.marks["ignition"]["pad"] == Fraction("41.20")
    assert config.sync.refine == ("sound", "motion")
    assert config.cuts["film"][1].speed == Fraction(1, 4)


def test_text_stays_text(tmp_path: Path) -> None:
    """YAML 1.1's surprises do not happen: clock times and NO are words, yes is a yes."""
    path = write(tmp_path, SMALL.replace("Small", "NO") + "credit: 12:30:45\n")
    config = load(path, ["outputs.film.sound=no"], check_files=False).config
    assert (config.title, config.credit.pictures) == ("NO", "12:30:45")
    assert config.outputs["film"].sound is False


def test_titles_may_hold_any_text_but_control_characters(tmp_path: Path) -> None:
    """A hostile title is a title; a control character in one is a problem."""
    hostile = "%{pts} $(rm -rf /) '\\:,;[in]drawtext=<b>&amp; \U0001f680 נחת"
    path = write(tmp_path, SMALL.replace("Small", json.dumps(hostile)))
    assert load(path, check_files=False).config.title == hostile
    path = write(tmp_path, SMALL.replace("Small", '"bell \\a"'))
    assert "title: holds a control character (U+0007) - write it as plain text" in problems(path)[0]


# --- what does not -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["broken", "astray"])
def test_all_problems_at_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every problem of a thoroughly broken release is said, at its place, in plain words.

    To accept new texts: delete the .txt beside the .yaml, run this test twice, read it.
    """
    for file in ("broken.yaml", "astray.yaml", "mine.yaml"):
        shutil.copy(HERE / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    overrides = ["cameras.still.turn=sideways", "cuts.film.9.to=x", "titel"]
    said = "\n".join(
        problems(Path(f"{name}.yaml"), *overrides[: 3 * (name == "astray")], files=True)
    )
    said = said.replace(str(tmp_path), "FOLDER") + "\n"
    golden = HERE / f"{name}.txt"
    if not golden.exists():
        golden.write_text(said, encoding="utf-8")
        pytest.fail(f"wrote {golden}: read it, then run again")
    assert said == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "release.yaml:1:1: (the file): is empty - write title, cameras and outputs, or "
             "`descent new FOLDER`"),
        ("- a\n", "release.yaml:1:1: (the file): is no map - write key: value in each line"),
        ("a: [1\nb: 2\n", "a list or map in brackets that is not closed"),
        ("a:\n\t- b\n", "indent with spaces, not tabs"),
        ("a: b: c\n", "put a text with ': ' in quotes"),
        ("a: 'x\n", "a quote that is not closed - close it"),
        ("a: !!python/object:os.system x\n", "has the tag"),
        ("a: *b\n", "release.yaml:1:4: a: *b is nothing that was named before"),
        ("a: &a [*a]\n", "*a is nothing that was named before"),
        ("a: {<<: {b: 1}}\n", "release.yaml:1:5: a.<<: YAML 1.2 does not merge maps"),
        ("? [a]\n: b\n", "has a key that is not a word"),
        ("title: a\n---\ntitle: b\n", "holds a second document"),
        ("title: a\x07\n", "release.yaml:1:9: (YAML): holds a control character"),
        ("a: " + "[" * 200 + "]" * 200, "unfolds to more than a config can mean"),
        ("a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n"
                                      for n in range(1, 9)), "unfolds to more"),
    ],
)  # fmt: skip
def test_text_that_is_no_config(text: str, said: str, tmp_path: Path) -> None:
    """YAML that is broken, ambiguous or hostile is a problem with a place and a cure."""
    assert any(said in line for line in problems(write(tmp_path, text)))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """An absent file, a folder, bytes and a huge file are problems, not crashes."""
    assert "is not there" in problems(tmp_path / "none.yaml")[0]
    assert "cannot be read" in problems(tmp_path)[0]
    raw = tmp_path / "raw.yaml"
    raw.write_bytes(b"title: ok\n  \xff\xfe")
    assert "raw.yaml:2:3: (the file): is not UTF-8 text" in problems(raw)[0]
    raw.write_bytes(b"#" * (2 << 20))
    assert "is larger than 1024 KiB" in problems(raw)[0]


def test_repeated_keys_are_all_said(tmp_path: Path) -> None:
    """Every repeated key is a problem, wherever it stands, and names the first."""
    path = write(tmp_path, SMALL + "title: Again\nzero: go\nlook: natural\nlook: natural\n")
    lines = [line for line in problems(path) if "second time" in line]
    assert [line.split(": ")[1] for line in lines] == ["title", "zero", "look"]
    assert "the first is in line 2" in lines[0]


# --- includes, places, overrides ----------------------------------------------------------


def test_a_camera_starts_from_its_file_and_wins(tmp_path: Path) -> None:
    """Values of a camera file stand until the release says otherwise; maps are joined."""
    write(tmp_path, "kind: mars2020/ddc\ntitle: Mine\nmissing: {then: black}\n", "mine.yaml")
    text = SMALL.replace(
        "{files: a/}",
        "{kind: ./mine.yaml, files: a/, rate: 10, restore: {deflicker: no, "
        "debayer: {method: fast}}}",
    )
    text = text.replace("zero: go", "zero: 2021-02-18T20:43:48Z\nevents: {go: T-1s}")
    loaded = load(write(tmp_path, text + "clock: mars2020\n"), check_files=False)
    camera = loaded.config.cameras["a"]
    assert camera.rate == 10
    assert (camera.title, camera.instruments) == ("Mine", ("ES",))
    assert camera.restore["debayer"] == {"gains": [1.28, 1.0, 2.38], "method": "fast"}
    assert camera.restore["deflicker"] is False
    assert camera.restore["levels"] == {}
    assert camera.missing.then == "black"
    assert loaded.marks["cameras.a.title"][0].endswith("mine.yaml")
    assert loaded.marks["cameras.a.rate"][1] == 5
    assert [p.name for p in loaded.files] == ["release.yaml", "mine.yaml", "ddc.yaml"]


def test_restore_none_turns_everything_off(tmp_path: Path) -> None:
    """`restore: none` leaves nothing of the camera file's stages."""
    text = SMALL.replace("{files: a/}", "{kind: mars2020/ddc, files: a/, restore: none}")
    text = text.replace("zero: go", "events: {go: 2021-02-18T20:43:48Z}\nclock: mars2020")
    path = write(tmp_path, text)
    assert load(path, check_files=False).config.cameras["a"].restore == {}


def test_camera_files_that_include_each_other(tmp_path: Path) -> None:
    """A circle of camera files ends as a problem."""
    write(tmp_path, "kind: ./b.yaml\n", "a.yaml")
    write(tmp_path, "kind: ./a.yaml\n", "b.yaml")
    path = write(tmp_path, SMALL.replace("{files", "{kind: ./a.yaml, files"))
    assert any("include each other without end" in line for line in problems(path))


def test_own_events_stand_beside_shipped_ones(tmp_path: Path) -> None:
    """An event file brings its moments, clock and zero; the release's own win."""
    text = SMALL.replace(
        "zero: go", "events: {include: mars2020, go: touchdown - 1s, entry: go - 9s}"
    )
    config = load(write(tmp_path, text), check_files=False).config
    moments = config.events.moments
    assert str(moments["entry"].at) == "go - 9s"
    assert str(moments["touchdown"].at) == "2021-02-18T20:43:48.145Z"
    assert config.clock is not None
    assert (config.clock.file, str(config.zero)) == ("mars2020", "touchdown")


def test_overrides_change_the_release(tmp_path: Path) -> None:
    """`--set` reaches maps, items of lists and places that are not written yet."""
    loaded = load(
        write(tmp_path, SMALL),
        [
            "outputs.film.size=hd", "cuts.main.0.speed=1/4", "cuts.main[1]={freeze: go, for: 1s, "
            "show: {full: a}}", "cameras.b={files: b/}", "cameras.a.restore.levels.black=3",
            "cameras.a.files.1=c/", "outputs.film.text.marks=no",
        ],
        check_files=False,
    )  # fmt: skip
    config = loaded.config
    assert config.outputs["film"].size == (1920, 1080)
    assert config.outputs["film"].text.marks is False
    assert [s.speed for s in config.cuts["main"]] == [Fraction(1, 4), 1]
    assert config.cameras["a"].files == ("a/", "c/")
    assert config.cameras["a"].restore == {"levels": {"black": 3}}
    assert loaded.marks["outputs.film.size"] == ("--set outputs.film.size", 0, 0)
    assert load(loaded.path, check_files=False).digest != loaded.digest


def test_a_folder_on_the_command_line_is_where_the_shell_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`folder` in the file is relative to the file, and in --set to the working folder."""
    (tmp_path / "here" / "a").mkdir(parents=True)
    (tmp_path / "here" / "a" / "1.png").touch()
    (tmp_path / "there").mkdir()
    path = write(tmp_path / "there", SMALL + "folder: ../here\n")
    assert load(path).base.resolve() == tmp_path / "here"
    monkeypatch.chdir(tmp_path)
    assert load(path, ["folder=here"]).base.resolve() == tmp_path / "here"
    assert (
        "--set folder: folder: there is no folder none"
        in problems(path, "folder=none", files=True)[0]
    )


def test_the_place_of_any_key_can_be_asked(tmp_path: Path) -> None:
    """Later rooms say problems at the key they mean, or at the nearest written above it."""
    loaded = load(write(tmp_path, SMALL), check_files=False)
    assert loaded.problem("cuts.main.0.to", "is late").where.endswith("release.yaml:5:30")
    assert loaded.problem("outputs.film.size", "is large").where.endswith("release.yaml:6:17")


# --- nothing else ever comes out -----------------------------------------------------------

LEAKS = ("Input should", "pydantic", "validation error", "Traceback", "Extra inputs", "Value error")
_leaf = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["T+1s", "go", "a", "main", "-2 sec", "sclk:1.5", "2021-02-18T20:50:00Z",
                     "every_frame of a", "1/0", "uhd", "none", "until_next", "[", "&a", "*a"]),
)  # fmt: skip
_value = st.recursive(
    _leaf,
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(st.sampled_from(["from", "to", "at", "full", "a", "<<", "1", "é"]), below,
                        max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


def _paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    found = [above]
    for key, inner in below:
        found += _paths(inner, (*above, key))
    return found


_WHOLE = resolved(load(HERE / "examples" / "rocket.yaml", check_files=False).config)
_PATHS = [p for p in _paths(_WHOLE) if p]


def _only_problems(path: Path, text: str, *overrides: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    said: list[str] = []
    try:
        assert isinstance(load(path, overrides).config, Config)
    except ConfigError as error:
        said = [str(problem) for problem in error.problems] or ["nothing was said"]
    assert not [line for line in said if any(leak in line for leak in (*LEAKS, "nothing was said"))]


@settings(max_examples=150)
@given(
    text=st.one_of(st.text(max_size=80), st.text(alphabet="ab:-[]{}&*!'\"\n #,|>%?", max_size=40))
)
def test_any_text_loads_or_is_a_config_error(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No text at all makes loading raise anything but ConfigError."""
    _only_problems(tmp_path_factory.getbasetemp() / "any.yaml", text)


@settings(max_examples=200)
@given(changes=st.lists(st.tuples(st.sampled_from(_PATHS), _value), min_size=1, max_size=4))
def test_any_value_anywhere_loads_or_is_a_config_error(
    changes: list[tuple[tuple[Any, ...], Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any value in any place of a release is taken or explained in plain words."""
    whole = json.loads(json.dumps(_WHOLE))
    for (*above, last), value in changes:
        here = whole
        try:
            for part in above:
                here = here[part]
            here[last] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    _only_problems(tmp_path_factory.getbasetemp() / "value.yaml", json.dumps(whole))


@settings(max_examples=100)
@given(key=st.text(max_size=20), value=st.text(max_size=20), equals=st.sampled_from(["=", ""]))
def test_any_override_loads_or_is_a_config_error(
    key: str, value: str, equals: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No `--set` makes loading raise anything but ConfigError."""
    _only_problems(tmp_path_factory.getbasetemp() / "set.yaml", SMALL, f"{key}{equals}{value}")
