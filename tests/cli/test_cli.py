"""The command line's manners: quick to start, the same codes and words for every command."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from descent import __version__, cli
from descent.cli import COMMANDS, common, descent, main
from descent.cli.common import Console, command, range_option, set_option
from descent.errors import ConfigError, Interrupted, Problem, SourceError
from descent.model import Finding

FOLDER = Path(cli.__file__).parent
MACHINERY = {"__init__", "__main__", "common", "progress"}
HEAVY = {"numpy", "cv2", "av", "pydantic", "numba", "scipy", "PIL", "ruamel", "imageio", "psutil"}
CODES = (0, 1, 2, 3, 130)


def of(name: str) -> click.Command:
    """The command of a row."""
    found = descent.get_command(click.Context(descent), name)
    assert found is not None
    return found


def test_the_table_and_the_files_are_one() -> None:
    """A command is a file with `run` and a row; files that start with _ help their neighbours."""
    files = {path.stem for path in FOLDER.glob("*.py")} - MACHINERY
    assert {name for name in files if not name.startswith("_")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps(name: str) -> None:
    """Its help begins with its row's words and has an example of itself; errors can be debugged."""
    shown = CliRunner().invoke(descent, [name, "--help"])
    assert shown.exit_code == 0
    assert of(name).get_short_help_str(limit=200).rstrip(".") == COMMANDS[name].rstrip(".")
    assert f"Example:\n    descent {name}" in shown.output
    assert "--debug" in shown.output
    for parameter in of(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_can_be_typed(name: str) -> None:
    """Each example in a command's help names options and arguments that the command has."""
    for line in (of(name).epilog or "").splitlines():
        words = shlex.split(line, comments=True)
        if words[:2] == ["descent", name]:
            given = {word.split("=")[0] for word in words if word.startswith("-")}
            assert given <= {opt for p in of(name).params for opt in (*p.opts, *p.secondary_opts)}


def test_help_imports_nothing_heavy() -> None:
    """`descent --help` starts without the libraries that pixels and configs need."""
    code = "import sys; from descent.cli import main; main(['--help']); print(*sys.modules)"
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(told.stdout.splitlines()[-1].split())
    assert not {name.split(".")[0] for name in loaded} & HEAVY
    assert not {name for name in loaded if name.startswith("descent.") and ".cli" not in name}


def test_a_mistyped_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The exit code is that of a wrong command line, and the cure is named."""
    assert main(["chekc"]) == 2
    assert "did you mean check?" in capsys.readouterr().err
    assert main(["qqq"]) == 2
    assert "`descent --help` lists" in capsys.readouterr().err
    assert main(["check", "--nosuch"]) == 2
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"descent {__version__}\n"


def invoke(failure: BaseException | int | None, *words: str) -> Any:
    """Run a command that does nothing but end in this way."""

    @command("descent fall", reports=True)
    def run(console: Console) -> int | None:
        """Fall."""
        console.note("falling")
        if isinstance(failure, BaseException):
            raise failure
        console.result("fell", {"fell": True})
        return failure

    return CliRunner().invoke(run, list(words))


PROBLEMS = ConfigError(
    [
        Problem("a.yaml:1:2", "title", "is missing", "write one"),
        Problem("a.yaml:3:1", "cuts", "is no"),
    ]
)


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (None, 0, "falling"),
        (3, 3, "falling"),
        (
            SourceError("ends early", where="a.png", do="fetch it"),
            1,
            "Error: a.png: ends early - fetch",
        ),
        (
            PROBLEMS,
            2,
            "a.yaml:1:2: title: is missing - write one\na.yaml:3:1: cuts: is no\n2 problems.",
        ),
        (Interrupted("Stopped", do="run it again"), 130, "Stopped - run it again"),
        (KeyboardInterrupt(), 130, "run the same command again"),
        (
            OSError(28, "No space left on device", "out/a.mp4"),
            1,
            "out/a.mp4: No space left on device",
        ),
        (MemoryError(), 1, "fewer --workers"),
        (ValueError("x"), 1, "a bug in descent: ValueError: x - run it again with --debug"),
    ],
)
def test_every_end_has_its_code_and_words(
    failure: BaseException | int | None, code: int, words: str
) -> None:
    """Errors go to stderr with their cure and no traceback; the code is the documented one."""
    ended = invoke(failure)
    assert ended.exit_code == code
    assert code in CODES
    assert words in ended.stderr
    assert "Traceback" not in ended.output
    assert ended.stdout == ("" if isinstance(failure, BaseException) else "fell\n")


def test_debug_shows_where_a_bug_is() -> None:
    """--debug adds Python's traceback."""
    assert "Traceback" in invoke(ValueError("x"), "--debug").stderr


def test_json_is_one_document_whatever_happens() -> None:
    """Stdout holds one JSON document, errors included; stderr holds JSON lines."""
    well = invoke(None, "--json")
    assert json.loads(well.stdout) == {"fell": True}
    assert json.loads(well.stderr) == {"event": "note", "text": "falling"}
    ill = json.loads(invoke(PROBLEMS, "--json").stdout)["error"]
    assert (ill["kind"], ill["exit_code"], len(ill["problems"])) == ("ConfigError", 2, 2)
    assert ill["problems"][0]["where"] == "a.yaml:1:2"


def test_quiet_keeps_results_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    """--quiet silences notes and progress, never what a person should know."""
    console = Console(quiet=True)
    console.note("by the way")
    console.finding(Finding("gap", "pad", "frames 3 to 5 are absent", "fetch them"))
    console.finding(Finding("order", "pad", "read by name", level="note"))
    with console.progress("render", 3) as progress:
        progress.advance()
    console.result("done", {})
    said = capsys.readouterr()
    assert said.out == "done\n"
    assert said.err == "pad: frames 3 to 5 are absent - fetch them\n"


def test_the_first_interrupt_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C once says what is being finished and what a second one does."""
    Console().stopping(2)
    assert capsys.readouterr().err == "Finishing 2 chunks; press Ctrl-C again to stop at once.\n"


def test_reader_that_leaves_early_is_no_error() -> None:
    """`descent ... | head` ends without a word about broken pipes."""
    code = (
        "from descent.cli.common import command\n"
        "@command('x')\n"
        "def run(console):\n"
        "    '''Talk.'''\n"
        "    for _ in range(100000): console.result('x' * 100, None)\n"
        "run()"
    )
    talker = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with talker:
        assert talker.stdout is not None
        assert talker.stderr is not None
        talker.stdout.read(10)
        talker.stdout.close()
        assert talker.stderr.read() == b""


def test_shared_options_are_read_or_refused() -> None:
    """`--set` and `--range` come out as parts; what is neither is refused with the cure."""

    @command("descent take")
    @set_option
    @range_option
    def run(console: Console, overrides: tuple[str, ...], span: tuple[str, str] | None) -> None:
        """Take."""
        console.result(repr((overrides, span)), None)

    taken = CliRunner().invoke(run, ["--set", "a.b=c", "--range", "touchdown - 5s .. touchdown"])
    assert taken.stdout == "(('a.b=c',), ('touchdown - 5s', 'touchdown'))\n"
    refused = CliRunner().invoke(run, ["--range", "touchdown"])
    assert refused.exit_code == 2
    assert "is not A..B" in refused.stderr


def test_error_data_is_plain() -> None:
    """An error as JSON holds its parts by name."""
    data = common._error_data(SourceError("ends early", where="a.png", do="fetch it"))
    assert json.loads(json.dumps(data)) == data
    assert (data["kind"], data["where"], data["exit_code"]) == ("SourceError", "a.png", 1)
