"""Words for people: the nearest name that exists, and lists as sentences write them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str], *, most: int = 2) -> list[str]:
    """The names most like `word`, best first; empty where none is near.

    Case, spaces, hyphens and underscores count for nothing: `Heat-Shield` is `heat_shield`.
    """
    names: dict[str, list[str]] = {}
    for name in known:
        names.setdefault(_folded(name), []).append(name)
    want = _folded(word)
    if want in names:
        return names[want][:most]
    found = get_close_matches(want, names, n=most, cutoff=0.6)
    if not found and len(want) >= 3:
        found = sorted((n for n in names if want in n or (len(n) >= 3 and n in want)), key=len)
    return [name for fold in found for name in names[fold]][:most]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean heat_shield?`, or an empty text where nothing known is near."""
    near = nearest(word, known)
    return f"did you mean {' or '.join(near)}?" if near else ""


def some(names: Iterable[str], *, most: int = 12) -> str:
    """Names as a list in a sentence, cut short where there are many."""
    every = list(names)
    more = f", and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def _folded(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum()) or word
