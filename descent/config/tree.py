"""YAML 1.2 as a tree that knows where each key and value stands; nothing in it can run.

Only the parser of ruamel.yaml is used: its events carry positions, and everything that could
make an object of text stays out. Strings stay strings (`12:30:45`, `NO`), tags are refused,
repeated keys are problems, and what aliases may unfold to is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from descent.errors import Problem

MOST_BYTES = 1 << 20  # a release file is a page or two; a megabyte is a mistake or an attack
MOST_NODES = 200_000  # after aliases are unfolded
MOST_DEEP = 64

Scalar = str | int | float | bool | None
Loc = tuple[str | int, ...]


class Mark(NamedTuple):
    """Where something is written; line and column count from 1, and are 0 for `--set`."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Entry(NamedTuple):
    """A key's own place, and its value."""

    mark: Mark
    node: Node


@dataclass(slots=True)
class Node:
    """A scalar, a map or a list, and where it begins; `size` counts the nodes in it."""

    mark: Mark
    value: Scalar | dict[str, Entry] | list[Node]
    size: int = 1

    def plain(self) -> Any:
        """The node as Python's own types."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, *keys: str) -> Node | None:
        """The value under these keys of nested maps, or None."""
        node: Node | None = self
        for key in keys:
            if node is None or not isinstance(node.value, dict) or key not in node.value:
                return None
            node = node.value[key].node
        return node

    def entries(self) -> Mapping[str, Entry]:
        """The entries of a map; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> list[Node]:
        """The items of a list; anything else but nothing is a list of one."""
        if isinstance(self.value, list):
            return self.value
        return [] if self.value is None else [self]

    def walk(self, above: Loc = ()) -> Iterator[tuple[Loc, Mark]]:
        """Every key and item below with its place: of the key's value, or of the item."""
        below: list[tuple[str | int, Node]] = []
        if isinstance(self.value, dict):
            below = [(key, entry.node) for key, entry in self.value.items()]
        elif isinstance(self.value, list):
            below = list(enumerate(self.value))
        for key, node in below:
            yield (*above, key), node.mark
            yield from node.walk((*above, key))


def dotted(loc: Loc) -> str:
    """A place as `cuts.main.0.to`; list items count from 0."""
    return ".".join(str(part) for part in loc) or "(the file)"


def locate(root: Node, loc: Loc) -> tuple[Loc, Mark]:
    """The deepest written place on the way `loc`, and its mark.

    Parts that are not written are passed over: they come from shorthand forms (one file
    where a list may stand) and have no place of their own.
    """
    here, mark = root, root.mark
    written: list[str | int] = []
    for part in loc:
        if isinstance(here.value, dict) and isinstance(part, str) and part in here.value:
            here = here.value[part].node
        elif isinstance(here.value, list) and isinstance(part, int) and part < len(here.value):
            here = here.value[part]
        else:
            continue
        written.append(part)
        mark = here.mark
    return tuple(written), mark


# --- YAML 1.2 core schema ----------------------------------------------------------------

_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?[0-9]{1,40}", re.ASCII)
_OTHER_INT = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?", re.ASCII)


def scalar(text: str) -> Scalar:
    """A plain scalar by the core schema of YAML 1.2; dates and sexagesimals stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _OTHER_INT.fullmatch(text):
        return int(text, 0)
    if len(text) <= 400 and _FLOAT.fullmatch(text):
        return float(text)
    return text


# --- reading -----------------------------------------------------------------------------

_CURES = (
    ("mapping values are not allowed", "a colon too many, or lines indented unevenly",
     "put a text with ': ' in quotes, or indent it like its neighbours"),
    ("cannot start any token", "a character that cannot begin a value",
     "indent with spaces, not tabs, and put a text that begins with it in quotes"),
    ("could not find expected ':'", "a key without its colon", "write key: value"),
    ("expected <block end>", "lines indented unevenly", "indent like the lines above"),
    ("expected ',' or", "a list or map in brackets that is not closed",
     "write ] or } at its end, and commas between its items"),
    ("while scanning a quoted scalar", "a quote that is not closed", "close it"),
    ("found unexpected end of stream", "a quote or bracket that is not closed", "close it"),
    ("special characters are not allowed", "a control character", "write plain text"),
    ("found unknown escape", "an unknown escape after a backslash",
     "write \\\\ for a backslash, or use single quotes"),
    ("undefined tag handle", "a tag", "leave the word with ! out"),
    ("found incompatible YAML document", "another YAML version", "leave the %YAML line out"),
)  # fmt: skip


@dataclass(slots=True)
class _Builder:
    """Parser events in, nodes out; problems are collected so that all are seen at once."""

    file: str
    problems: list[Problem]
    anchors: dict[str, Node] = field(default_factory=dict)
    used: int = 0

    def mark(self, mark: Any) -> Mark:
        return Mark(self.file, mark.line + 1, mark.column + 1)

    def say(self, mark: Mark, key: str, what: str, do: str = "") -> None:
        self.problems.append(Problem(str(mark), key, what, do))

    def build(self, events: Iterator[Any], event: Any, loc: Loc) -> Node:
        mark = self.mark(event.start_mark)
        self.used += 1
        if len(loc) > MOST_DEEP or self.used > MOST_NODES:
            raise _TooMuch(mark, loc)
        if isinstance(event, ev.AliasEvent):
            return self.alias(event, mark, loc)
        if event.tag is not None:
            self.say(mark, dotted(loc), f"has the tag {str(event.tag)!r}", "leave it out")
        if isinstance(event, ev.ScalarEvent):
            # Quoted, it is text; and JSON writes what lies beyond 16 bits as two escapes.
            text = event.value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
            node = Node(mark, text if event.style is not None else scalar(text))
        elif isinstance(event, ev.SequenceStartEvent):
            node = Node(mark, self.items(events, loc))
        else:
            node = Node(mark, self.entries(events, loc))
        if isinstance(node.value, list):
            node.size += sum(item.size for item in node.value)
        elif isinstance(node.value, dict):
            node.size += sum(entry.node.size for entry in node.value.values())
        if event.anchor is not None:
            self.anchors[str(event.anchor)] = node
        return node

    def alias(self, event: Any, mark: Mark, loc: Loc) -> Node:
        found = self.anchors.get(str(event.anchor))
        if found is None:
            self.say(
                mark,
                dotted(loc),
                f"*{event.anchor} is nothing that was named before",
                f"write &{event.anchor} where it is first used, or put the text in quotes",
            )
            return Node(mark, None)
        self.used += found.size
        if self.used > MOST_NODES:
            raise _TooMuch(mark, loc)
        return Node(mark, found.value, found.size)

    def items(self, events: Iterator[Any], loc: Loc) -> list[Node]:
        items: list[Node] = []
        for event in events:
            if isinstance(event, ev.SequenceEndEvent):
                break
            items.append(self.build(events, event, (*loc, len(items))))
        return items

    def entries(self, events: Iterator[Any], loc: Loc) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for event in events:
            if isinstance(event, ev.MappingEndEvent):
                break
            mark = self.mark(event.start_mark)
            if not isinstance(event, ev.ScalarEvent):
                self.build(events, event, (*loc, "?"))
                self.build(events, next(events), (*loc, "?"))
                self.say(mark, dotted(loc), "has a key that is not a word", "write key: value")
                continue
            key = event.value
            node = self.build(events, next(events), (*loc, key))
            if key in entries:
                first = entries[key].mark
                self.say(
                    mark,
                    dotted((*loc, key)),
                    "is written a second time",
                    f"keep one; the first is in line {first.line}",
                )
            elif key == "<<":
                self.say(
                    mark,
                    dotted((*loc, key)),
                    "YAML 1.2 does not merge maps",
                    "write the values out, or share them as kind: ./camera.yaml",
                )
            else:
                entries[key] = Entry(mark, node)
        return entries


class _TooMuch(Exception):
    """More nodes or levels than a config can mean."""

    def __init__(self, mark: Mark, loc: Loc) -> None:
        self.mark, self.loc = mark, loc
        super().__init__()


def read(text: str, file: str, problems: list[Problem]) -> Node | None:
    """The tree of one YAML document, with what is wrong with it added to `problems`.

    None where nothing could be read at all; never raises for what the text holds.
    """
    builder = _Builder(file, problems)
    try:
        events = iter(YAML(typ="safe", pure=True).parse(StringIO(text)))
        root: Node | None = None
        for event in events:
            if isinstance(event, ev.AliasEvent | ev.ScalarEvent | ev.CollectionStartEvent):
                node = builder.build(events, event, ())
                if root is None:
                    root = node
                else:
                    builder.say(
                        node.mark, dotted(()), "holds a second document", "keep one, without ---"
                    )
        return root
    except _TooMuch as much:
        builder.say(
            much.mark,
            dotted(much.loc[:6]),
            "unfolds to more than a config can mean",
            f"stay under {MOST_NODES} values and {MOST_DEEP} levels",
        )
    except MarkedYAMLError as error:
        said = " ".join(str(t) for t in (error.context, error.problem) if t)
        place = error.problem_mark or error.context_mark
        mark = builder.mark(place) if place is not None else Mark(file, 1, 1)
        for sign, what, do in _CURES:
            if sign in said:
                builder.say(mark, "(YAML)", what, do)
                break
        else:
            builder.say(mark, "(YAML)", f"cannot be read: {' '.join(said.split())}", "see YAML 1.2")
    except YAMLError as error:
        where = getattr(error, "position", None)
        line, column = _line_column(text, where) if isinstance(where, int) else (1, 1)
        builder.say(
            Mark(file, line, column), "(YAML)", "holds a control character", "write plain text"
        )
    except Exception:
        # The parser is not proof against every text (it trips over some escapes and marks);
        # whatever it trips over is a config that cannot be read, not a crash of ours.
        builder.say(Mark(file, 1, 1), "(YAML)", "cannot be read as YAML", "see YAML 1.2")
    return None


def _line_column(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
