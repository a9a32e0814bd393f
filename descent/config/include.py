"""What a release names instead of writing it out: camera files, event files, clock files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from descent.config.models import EventFile
from descent.config.tree import MOST_BYTES, Entry, Loc, Mark, Node, dotted, read
from descent.errors import Problem
from descent.tools.files import config_root
from descent.tools.text import did_you_mean, some

# These are joined key by key; whatever else a release says of a camera replaces its file's.
JOINED = ("restore", "clock", "missing")
EVENT_FILE = tuple(EventFile.model_fields)
_DEEPEST = 8


@dataclass(slots=True)
class Files:
    """The files of one load: their text for the digest, and every problem found in them."""

    problems: list[Problem] = field(default_factory=list)
    texts: dict[Path, str] = field(default_factory=dict)
    clock: Path | None = None
    kernels: tuple[Path, ...] = ()
    lost_events: bool = False

    def say(self, mark: Mark, loc: Loc, what: str, do: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(str(mark), dotted(loc), what, do))

    def tree(self, path: Path, shown: str) -> Node | None:
        """The tree of a YAML file, or None with the reason noted."""
        mark = Mark(shown, 1, 1)
        try:
            with path.open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
        except OSError as error:
            reason = (
                "is not there"
                if isinstance(error, FileNotFoundError)
                else (f"cannot be read: {error.strerror or error}")
            )
            self.say(mark, (), reason, "write the path of a YAML file")
            return None
        except ValueError:
            self.say(mark, (), "is no path", "write the path of a YAML file")
            return None
        if len(raw) > MOST_BYTES:
            self.say(mark, (), f"is larger than {MOST_BYTES >> 10} KiB", "write a shorter config")
            return None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            above = raw[: error.start]
            line = above.count(b"\n") + 1
            place = Mark(shown, line, error.start - (above.rfind(b"\n") + 1) + 1)
            self.say(place, (), "is not UTF-8 text", "save the file as UTF-8")
            return None
        self.texts[path] = text
        before = len(self.problems)
        root = read(text, shown, self.problems)
        if (root is None or root.value is None) and len(self.problems) == before:
            cure = "write title, cameras and outputs, or `descent new FOLDER`"
            self.say(mark, (), "is empty", cure)
            return None
        if root is not None and not isinstance(root.value, dict):
            self.say(root.mark, (), "is no map", "write key: value in each line")
            return None
        return root


def shipped(kind: str) -> list[str]:
    """The names of the shipped files in configs/KIND: cameras, events, clocks, profiles."""
    root = config_root() / kind
    return sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.yaml"))


def is_path(name: str) -> bool:
    """Whether a name means a file of one's own rather than a shipped one."""
    return name.startswith(("./", "../", "/", "~")) or name.endswith((".yaml", ".yml"))


def find(name: str, kind: str, beside: Path) -> Path | None:
    """The file that a name means, or None where no such file ships."""
    if is_path(name):
        return beside.parent / Path(name).expanduser()
    return config_root() / kind / f"{name}.yaml" if name in shipped(kind) else None


def shown(path: Path) -> str:
    """A path as errors show it: short where it lies under the working folder."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def _named(
    files: Files, node: Node, loc: Loc, kind: str, what: str, beside: Path
) -> tuple[Path, Node] | None:
    """The tree that the name in `node` includes; None with the reason noted."""
    name = node.value
    if not isinstance(name, str):
        return None  # the models say what is wrong with it
    path = find(name, kind, beside)
    if path is None:
        names = shipped(kind)
        files.say(
            node.mark,
            loc,
            f"there is no {what} {name!r}",
            did_you_mean(name, names) or f"write one of {some(names)}, or ./mine.yaml",
        )
        return None
    if not path.is_file():
        files.say(node.mark, loc, f"{name} is not there", f"write a {what} file beside this file")
        return None
    tree = files.tree(path, shown(path))
    return None if tree is None else (path, tree)


def merged(base: Node, over: Node) -> Node:
    """The map `base` with what `over` says: it wins, and `JOINED` are joined key by key."""
    entries: dict[str, Entry] = dict(base.entries())
    for key, entry in over.entries().items():
        old = entries.get(key)
        if key in JOINED and old is not None and isinstance(old.node.value, dict):
            if entry.node.value is None:
                continue  # an empty `restore:` says nothing
            if isinstance(entry.node.value, dict):
                entry = Entry(entry.mark, joined(old.node, entry.node))  # noqa: PLW2901
        entries[key] = entry
    return Node(over.mark, entries)


def joined(base: Node, over: Node) -> Node:
    """Two maps as one, all the way down; where both say something, `over` wins."""
    entries = dict(base.entries())
    for key, entry in over.entries().items():
        old = entries.get(key)
        if old and isinstance(old.node.value, dict) and isinstance(entry.node.value, dict):
            entry = Entry(entry.mark, joined(old.node, entry.node))  # noqa: PLW2901
        entries[key] = entry
    return Node(over.mark, entries)


def camera(files: Files, node: Node, loc: Loc, beside: Path, deep: int = 0) -> Node:
    """A camera's map with the values of the camera files it starts from."""
    kind = node.get("kind")
    if kind is None or kind.value is None:
        return node
    place = (*loc, "kind")
    if deep >= _DEEPEST:
        files.say(kind.mark, place, "camera files include each other without end", "leave kind out")
        return node
    found = _named(files, kind, place, "cameras", "camera", beside)
    if found is None:
        return node
    path, tree = found
    return merged(camera(files, tree, loc, path, deep + 1), node)


def release(files: Files, root: Node, path: Path) -> Node:
    """A release's map with everything it includes, each value keeping its own place."""
    entries = dict(root.entries())
    cameras = entries.get("cameras")
    if cameras is not None and isinstance(cameras.node.value, dict):
        each = {
            name: Entry(entry.mark, camera(files, entry.node, ("cameras", name), path))
            for name, entry in cameras.node.value.items()
        }
        entries["cameras"] = Entry(cameras.mark, Node(cameras.node.mark, each))
    if "events" in entries:
        _events(files, entries, path)
    clock = entries.get("clock")
    named = clock and (clock.node.get("file") if isinstance(clock.node.value, dict) else clock.node)
    if clock is not None and named is not None and isinstance(name := named.value, str):
        beside = path if clock.node.mark.file == root.mark.file else Path(clock.node.mark.file)
        found = find(name, "clocks", beside)
        if found is None or not found.is_file():
            names = shipped("clocks")
            files.say(
                clock.node.mark,
                ("clock",),
                f"there is no spacecraft clock {name!r}",
                did_you_mean(name, names) or f"write one of {some(names)}, or ./mine.yaml",
            )
        else:
            files.clock = found
    if clock is not None:
        _kernels(files, clock.node)
    return Node(root.mark, entries)


def _kernels(files: Files, clock: Node) -> None:
    """Note the SPICE kernels that a clock names, and what keeps them from being read."""
    written = clock.get("kernels") if isinstance(clock.value, dict) else None
    if written is None or written.value is None:
        return
    for index, node in enumerate(written.items()):
        if not isinstance(node.value, str) or "\0" in node.value:
            continue  # the models say what is wrong with it
        beside = Path(node.mark.file).parent if node.mark.line else Path()
        kernel = beside / Path(node.value).expanduser()
        if not kernel.is_file():
            files.say(
                node.mark, ("clock", "kernels", index), f"there is no kernel {kernel}",
                "write its path, relative to this file",
            )  # fmt: skip
        files.kernels = (*files.kernels, kernel)
    if find_spec("spiceypy") is None:
        files.say(
            written.mark, ("clock", "kernels"),
            "SPICE kernels need spiceypy, which is not installed",
            "run pip install 'descent[spice]', or write clock: with readings of both clocks",
        )  # fmt: skip


def _events(files: Files, entries: dict[str, Entry], path: Path) -> None:
    """Replace `events` by the moments of its file and its own; its clock and zero serve too."""
    entry = entries["events"]
    written = isinstance(entry.node.value, dict)
    name = entry.node.get("include") if written else entry.node
    if name is None or not isinstance(name.value, str):
        return
    loc = ("events", "include") if written else ("events",)
    found = _named(files, name, loc, "events", "event", path)
    if found is None:
        files.lost_events = True
        kept = {k: v for k, v in entry.node.entries().items() if k != "include"}
        entries["events"] = Entry(entry.mark, Node(entry.node.mark, kept))
        return
    tree = found[1]
    for key, unknown in _strangers(tree):
        files.say(
            unknown.mark,
            ("events", key),
            "there is no such key here",
            did_you_mean(key, EVENT_FILE) or f"known here: {some(EVENT_FILE)}",
        )
    moments = tree.get("moments") or Node(tree.mark, {})
    own = entry.node if written else Node(entry.node.mark, {})
    every = {**moments.entries(), "include": Entry(entry.mark, name), **own.entries()}
    entries["events"] = Entry(entry.mark, Node(entry.node.mark, every))
    for key in ("clock", "zero", "light_time"):
        if key in tree.entries():
            entries.setdefault(key, tree.entries()[key])


def _strangers(tree: Node) -> Iterator[tuple[str, Entry]]:
    yield from ((k, e) for k, e in tree.entries().items() if k not in EVENT_FILE)
