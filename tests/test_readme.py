"""What the README and the docs tell a stranger to type works, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from descent.cli import COMMANDS, EXIT_CODES, descent
from descent.config import load

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


class Block(NamedTuple):
    """A fenced block: the words after its fence, its text, and where it stands."""

    words: tuple[str, ...]
    text: str
    where: str


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\S[^\n]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [
        Block(
            tuple(hit[1].split()), hit[2], f"{page.name}:{text[: hit.start()].count(chr(10)) + 1}"
        )
        for hit in found
    ]


def lines(*, run: bool = False) -> list[tuple[str, str]]:
    """Each (where, command line) of the `sh` blocks; only those marked `run` if asked."""
    return [
        (block.where, line.split("  #")[0].strip())
        for page in PAGES
        for block in blocks(page)
        if block.words[0] == "sh" and (not run or "run" in block.words)
        for line in block.text.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]


@pytest.mark.parametrize(("where", "line"), lines())
def test_every_line_to_type_exists(where: str, line: str) -> None:
    """Make's targets are in the Makefile, scripts are there, commands know their options."""
    words = shlex.split(line)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = [word for word in words[1:] if "=" not in word]
        assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in targets), where
    elif words[0].startswith("python"):
        assert words[1].startswith("-") or (ROOT / words[1]).is_file(), where
    elif words[0].endswith("descent"):
        name = words[1]
        if name.startswith("-"):
            return
        assert name in COMMANDS, f"{where}: there is no command {name}"
        command = descent.get_command(click.Context(descent), name)
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        given = {word.split("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
        assert given <= known | {"--help"}, f"{where}: {given - known}"


def test_lines_marked_run_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks marked `run` are run, in their order, in an empty folder."""
    ran = lines(run=True)
    assert ran
    monkeypatch.chdir(tmp_path)
    for where, line in ran:
        words = shlex.split(line)
        assert words[0] == "descent", f"{where}: only descent's own commands are run"
        ended = CliRunner().invoke(descent, words[1:])
        assert ended.exit_code == 0, f"{where}: {ended.output}"


@pytest.mark.parametrize(
    "block",
    [b for page in PAGES for b in blocks(page) if b.words[0] == "yaml" and "schema: 1" in b.text],
    ids=lambda block: block.where,
)
def test_every_config_shown_is_a_config(block: Block, tmp_path: Path) -> None:
    """A whole config in a page has nothing wrong with it."""
    path = tmp_path / "shown.yaml"
    path.write_text(block.text, encoding="utf-8")
    assert load(path, check_files=False).config.outputs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the project is to a file that is there; pictures may come."""
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)  # code has brackets too
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)", prose)
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert not [link for link in local if not (page.parent / link).exists()]


def test_the_exit_codes_are_told_alike() -> None:
    """README and `descent --help` say the same of each exit code."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", readme, re.MULTILINE))
    assert told == dict(re.findall(r"^  (\d+) +(.+)$", EXIT_CODES, re.MULTILINE))
