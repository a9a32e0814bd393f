"""PDS3 labels: keywords in groups and objects, as the Object Description Language writes them.

Statements are read one after the other to END, and one that cannot be read is an error with
its line: nothing is searched for. Source: PDS Standards Reference 3.8, chapter 12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

LARGEST_BYTES = 4 << 20
_DEEPEST = 16

# Possessive repeats: a hostile label is refused in one pass, never searched back and forth.
_SPACE = r"(?:\s|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_PLAIN = r"[^\s\"'(){},=/]++(?:/(?!\*)[^\s\"'(){},=/]*+)*+"
_ATOM = rf"\"[^\"]*+\"|'[^']*+'|{_PLAIN}"
_UNIT = r"(?:[ \t]*+<[^<>]*+>)?"
_ITEM = rf"(?:(?:{_ATOM}){_UNIT}|[(){{}},]|{_SPACE[:-2]}++)"
# A list of atoms is read in one step; one that holds lists is followed bracket by bracket.
_FLAT = r"\([^()\"'{}]*+(?:\"[^\"]*+\"[^()\"'{}]*+)*+\)"
_STATEMENT = re.compile(
    rf"(?P<name>\^?[A-Za-z][\w:]*+){_SPACE}(?:="
    rf"{_SPACE}(?P<value>(?:{_ATOM}){_UNIT}|{_FLAT}|(?P<many>[({{])))?{_SPACE}"
)
_MORE = re.compile(_ITEM)
_SKIP = re.compile(_SPACE)
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*(?:<([^<>]*)>)?", re.ASCII)


class OdlError(ValueError):
    """What is wrong with a label's text, with the line where it is."""


@dataclass(slots=True)
class Group:
    """A GROUP or OBJECT: `words` by name without namespace, as written, and what is inside.

    The label itself is one without a name. Of a word that is written twice the first counts.
    """

    name: str
    words: dict[str, str] = field(default_factory=dict)
    inside: list[Group] = field(default_factory=list)

    def find(self, *names: str) -> Group | None:
        """The first group of one of these names, here or further in; None where there is none."""
        for group in self.inside:
            found = group if group.name in names else group.find(*names)
            if found is not None:
                return found
        return None

    def first(self, word: str) -> str | None:
        """The word here or in the first group that has it."""
        if word in self.words:
            return self.words[word]
        return next((v for g in self.inside if (v := g.first(word)) is not None), None)


def parse(text: str) -> Group:
    """The label that `text` starts with, up to its END; OdlError where it cannot be read."""
    root = Group("")
    open_groups = [root]
    at = _SKIP.match(text).end()  # type: ignore[union-attr]
    while True:
        found = _STATEMENT.match(text, at)
        if found is None:
            raise OdlError(f"line {_line(text, at)} cannot be read")
        name, value = found["name"].rpartition(":")[2], found["value"]
        pointer = found["name"].startswith("^")
        if value is None:
            if found["name"] == "END":
                break
            if found["name"] not in {"END_GROUP", "END_OBJECT"}:
                raise OdlError(f"line {_line(text, at)} breaks off after {found['name']}")
        end = found.end()
        if found["many"]:
            end = _list_end(text, found.start("value"))
            value = text[found.start("value") : end]
            end = _SKIP.match(text, end).end()  # type: ignore[union-attr]
        if name in {"GROUP", "OBJECT", "BEGIN_GROUP", "BEGIN_OBJECT"} and value is not None:
            group = Group(clean(value))
            open_groups[-1].inside.append(group)
            open_groups.append(group)
            if len(open_groups) > _DEEPEST:
                raise OdlError(f"line {_line(text, at)} nests {_DEEPEST} deep")
        elif name in {"END_GROUP", "END_OBJECT"}:
            if (
                len(open_groups) == 1
                or clean(value or open_groups[-1].name) != open_groups[-1].name
            ):
                raise OdlError(f"line {_line(text, at)} ends what was not begun")
            open_groups.pop()
        elif value is not None:
            key = "^" + name.lstrip("^") if pointer else name
            open_groups[-1].words.setdefault(key, value)
        at = end
    if len(open_groups) > 1:
        raise OdlError(f"{open_groups[-1].name} is not ended")
    return root


def _list_end(text: str, start: int) -> int:
    """Where the sequence or set that opens at `start` closes."""
    deep, at = 0, start
    while True:
        item = _MORE.match(text, at)
        if item is None:
            raise OdlError(f"the list in line {_line(text, start)} is not closed")
        if item[0] in "({":
            deep += 1
        elif item[0] in ")}":
            deep -= 1
        at = item.end()
        if deep == 0:
            return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def clean(value: str) -> str:
    """A value without its quotes, on one line."""
    plain = value.strip()
    if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "\"'":
        plain = plain[1:-1]
    return " ".join(plain.split())


def items(value: str) -> list[str]:
    """The parts of a sequence, flat; one value is a list of one."""
    if not value.startswith(("(", "{")):
        return [clean(value)]
    return [clean(part) for part in re.findall(rf"(?:{_ATOM}){_UNIT}", value)]


def number(value: str) -> tuple[Fraction, str] | None:
    """A number, exactly as written, and its unit ("" where none is); None for anything else."""
    found = _NUMBER.fullmatch(clean(value))
    return None if found is None else (Fraction(found[1]), (found[2] or "").strip().lower())
