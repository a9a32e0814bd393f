"""`--set key=value`: what the command line says instead of the file."""

from __future__ import annotations

from descent.config.tree import Entry, Mark, Node, read
from descent.errors import Problem


def apply(root: Node, override: str, problems: list[Problem]) -> Node:
    """The tree with one override set; what is wrong with it is added to `problems`.

    Keys are dotted, list items count from 0 and one past the end adds an item; the value is
    read as YAML.
    """
    key, equals, text = override.partition("=")
    key = key.strip()
    parts = [part.strip() for part in key.replace("[", ".").replace("]", "").split(".")]
    mark = Mark(f"--set {key}")
    if not equals or not all(parts):
        problems.append(
            Problem(f"--set {override}", key or "--set", "sets nothing", "write --set key=value")
        )
        return root
    found: list[Problem] = []
    value = read(text, str(mark), found)
    problems += [Problem(str(mark), key, p.what, p.do) for p in found]
    node = _marked(value or Node(mark, None), mark)
    return _put(root, parts, node, mark, key, problems)


def _marked(node: Node, mark: Mark) -> Node:
    """The tree with one mark everywhere: a value on the command line has no lines."""
    if isinstance(node.value, dict):
        below = {k: Entry(mark, _marked(e.node, mark)) for k, e in node.value.items()}
        return Node(mark, below, node.size)
    if isinstance(node.value, list):
        return Node(mark, [_marked(n, mark) for n in node.value], node.size)
    return Node(mark, node.value)


def _put(
    node: Node, parts: list[str], value: Node, mark: Mark, key: str, problems: list[Problem]
) -> Node:
    if not parts:
        return value
    head, rest = parts[0], parts[1:]
    if head.isascii() and head.isdigit() and not isinstance(node.value, dict):
        items = list(node.items())
        index = int(head) if len(head) < 9 else len(items) + 1
        if index > len(items):
            problems.append(
                Problem(
                    str(mark),
                    key,
                    f"item {head} is past the end: there are {len(items)}",
                    f"items count from 0; write {len(items)} to add one",
                )
            )
            return node
        old = items[index] if index < len(items) else Node(mark, None)
        items[index : index + 1] = [_put(old, rest, value, mark, key, problems)]
        return Node(node.mark, items)
    if isinstance(node.value, list):
        problems.append(
            Problem(
                str(mark), key, f"{head!r} is no item of a list", "write a number, counting from 0"
            )
        )
        return node
    entries = dict(node.entries())
    if isinstance(node.value, str) and head != "include":
        # `events: mars2020` and `credit: words` are maps written short.
        entries = {"include": Entry(node.mark, node)} if key.startswith("events.") else entries
    old_entry = entries.get(head)
    old = old_entry.node if old_entry else Node(mark, None)
    place = old_entry.mark if old_entry and rest else mark
    entries[head] = Entry(place, _put(old, rest, value, mark, key, problems))
    return Node(node.mark, entries)
