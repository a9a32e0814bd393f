"""The command line: the only room that prints or exits.

A command is a file in this folder and a row in `COMMANDS`. The file holds one function
named `run`, made by `descent.cli.common.command`; it is imported when it is asked for,
so that `descent --help` starts in the time that click takes and no more.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

# Name -> what `descent --help` says of it, which is the first line of its own help.
COMMANDS: Mapping[str, str] = {
    "new": "Write a first config from a folder of frames or clips.",
    "check": "Say everything that is wrong with a config.",
    "plan": "Print what will happen: frames, clocks, gaps, sizes and what it will cost.",
    "sync": "Measure the cameras' clocks against each other and keep what was found.",
    "render": "Make the release: videos, stills, manifest and checksums in one folder.",
    "preview": "Render quarter-size drafts, fast, for looking at a cut.",
    "still": "Make a still of one camera, straight from the restored frame at its full resolution.",
    "look": "Show a frame after a stage, as a picture.",
    "sheet": "Draw a contact sheet: small pictures with their file, time and sharpness.",
    "verify": "Check a release folder against its checksums and its manifest.",
    "explain": "Say what a moment of a release video shows.",
    "schema": "Print the JSON Schema of the config, for editors.",
    "simulate": "Make the synthetic landing: frames of four cameras, with the truth beside them.",
    "stages": "List the restoration stages and their parameters.",
    "clean": "Remove the chunks and leftovers that rendering keeps.",
    "doctor": "Say what this installation can do, and the cure for what it lacks.",
}

EXIT_CODES = """\b
Exit codes:
  0    done (holes covered by a declared policy included)
  1    failed
  2    the config or the command line is wrong
  3    finished, although expected input was damaged or absent
  130  interrupted; what was finished is kept"""


class Group(click.Group):
    """A group that knows its commands by the table and imports the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"{__name__}.{cmd_name}").run
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the line names; one mistyped is answered with the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from descent.tools.text import did_you_mean

            hint = did_you_mean(args[0], COMMANDS) or "`descent --help` lists the commands"
            ctx.fail(f"There is no command {args[0]!r} - {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table; no command is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _option: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        from descent import __version__

        click.echo(f"descent {__version__}")
        ctx.exit()


@click.group(
    cls=Group,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print it.",
)
def descent() -> None:
    """Turn frames of cameras that never agreed on a clock into verified release videos.

    One YAML file says it all: `descent check` reads it, `descent COMMAND --help` has an
    example of each command.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; `sys.argv` when none is given."""
    # Read when NumPy and SciPy are imported: their idle threads spin for a tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # At every 700 objects, as Python has it, the start is walked over and over for nothing.
    gc.set_threshold(50_000, 20, 20)
    try:
        words = None if arguments is None else list(arguments)
        code = descent.main(words, prog_name="descent", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    return code if isinstance(code, int) else 0


def entry() -> NoReturn:
    """The console script: one command line, then out at once.

    All is written, checked and unlocked when a command returns; taking the interpreter down
    piece by piece after a render would only keep people waiting.
    """
    code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # a full disk, or nobody listens any more: not all that was said arrived
        code = code or 1
    os._exit(code)
