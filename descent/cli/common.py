"""What every command shares: its options, what it prints where, how its errors are said."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from descent.cli.progress import Progress, Style
from descent.errors import ConfigError, DescentError

if TYPE_CHECKING:
    from descent.model import Finding

F = TypeVar("F", bound=Callable[..., Any])


class Console:
    """Where a command speaks: results to stdout, everything else to stderr.

    With `as_json`, stdout holds exactly one JSON document and stderr JSON lines, each with
    an `event`. With `quiet`, only results, warnings and errors are left.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False, debug: bool = False) -> None:
        self.quiet, self.as_json, self.debug = quiet, as_json, debug
        self._progress: Progress | None = None

    def result(self, text: str, data: object) -> None:
        """Print what was asked for: `text` to people, `data` (plain JSON) to programs."""
        self._clear()
        click.echo(json.dumps(data, indent=2, ensure_ascii=False) if self.as_json else text)

    def note(self, text: str) -> None:
        """Say what is going on; left out with --quiet."""
        if not self.quiet:
            self._aside("note", text)

    def warn(self, text: str) -> None:
        """Say what a person should know; --quiet does not silence it."""
        self._aside("warning", text)

    def finding(self, finding: Finding) -> None:
        """Say a finding: notes quietly, the rest always."""
        tail = f" - {finding.do}" if finding.do else ""
        text = f"{finding.where}: {finding.what}{tail}"
        if finding.level == "note":
            self.note(text)
        else:
            self.warn(text)

    def progress(self, what: str, total: float | None = None, *, unit: str = "") -> Progress:
        """A reporter for one task, in the way that suits where stderr goes."""
        style: Style = "lines"
        if self.quiet:
            style = "none"
        elif self.as_json:
            style = "json"
        elif sys.stderr.isatty():
            style = "bar"
        self._progress = Progress(what, total, unit=unit, stream=sys.stderr, style=style)
        return self._progress

    def stopping(self, running: int) -> None:
        """Answer the first Ctrl-C: say what still runs, and how to stop that too."""
        pieces = "1 chunk" if running == 1 else f"{running} chunks"
        self._aside("stopping", f"Finishing {pieces}; press Ctrl-C again to stop at once.")

    def error(self, error: BaseException) -> int:
        """Say an error and return the exit code that goes with it."""
        self._clear()
        known = error if isinstance(error, DescentError) else _as_known(error, self.debug)
        if self.debug:
            import traceback

            traceback.print_exception(error)
        if self.as_json:
            click.echo(json.dumps({"error": _error_data(known)}, indent=2, ensure_ascii=False))
        elif isinstance(known, ConfigError):
            for problem in known.problems:
                click.echo(str(problem), err=True)
            count = len(known.problems)
            click.echo("1 problem." if count == 1 else f"{count} problems.", err=True)
        elif known.exit_code == 130:
            click.echo(str(known), err=True)
        else:
            click.echo(f"Error: {known}", err=True)
        return known.exit_code

    def _aside(self, event: str, text: str) -> None:
        self._clear()
        line = json.dumps({"event": event, "text": text}, ensure_ascii=False)
        click.echo(line if self.as_json else text, err=True)

    def _clear(self) -> None:
        if self._progress is not None:
            self._progress.clear()


def _as_known(error: BaseException, debug: bool) -> DescentError:
    """An error of Python's own, in words: the system's are said plainly, bugs as bugs."""
    if isinstance(error, OSError) and error.strerror:
        where = str(error.filename) if error.filename is not None else ""
        return DescentError(error.strerror, where=where)
    if isinstance(error, MemoryError):
        return DescentError("not enough memory", do="use fewer --workers or a smaller size")
    what = f"this is a bug in descent: {type(error).__name__}: {error}"
    return DescentError(
        what, do="" if debug else "run it again with --debug and report what it says"
    )


def _error_data(error: DescentError) -> Mapping[str, object]:
    """An error as plain JSON."""
    data: dict[str, object] = {
        "kind": type(error).__name__,
        "where": error.where,
        "what": error.what,
        "do": error.do,
        "exit_code": error.exit_code,
    }
    if isinstance(error, ConfigError):
        data["problems"] = [
            {"where": p.where, "key": p.key, "what": p.what, "do": p.do} for p in error.problems
        ]
    return data


def command(*examples: str, reports: bool = False) -> Callable[[Callable[..., int | None]], Any]:
    """Make a function `f(console, ...)` a command of the line.

    `examples` are whole command lines for its help; `reports` gives it --json. The
    function returns its exit code (None: 0), prints through the console alone, and lets
    errors out: they are said here, the same way for every command.
    """

    def make(function: Callable[..., int | None]) -> click.Command:
        @click.pass_context
        @functools.wraps(function)
        def run(
            ctx: click.Context, /, quiet: bool, debug: bool, as_json: bool = False, **words: Any
        ) -> None:
            console = Console(quiet=quiet, as_json=as_json, debug=debug)
            try:
                code = function(console, **words) or 0
            except (click.ClickException, click.Abort, click.exceptions.Exit):
                raise
            except BrokenPipeError:
                # Whoever read us has left, as `descent plan | head` does: nothing to say.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                code = 1
            except KeyboardInterrupt:
                code = console.error(_interrupted())
            except Exception as error:
                code = console.error(error)
            ctx.exit(code)

        lines = "".join(f"\n  {line}" for line in examples)
        made = click.command(epilog=f"\b\nExample:{lines}")(run)
        for option in (_QUIET, _DEBUG, *([_JSON] if reports else [])):
            made = option(made)
        return made

    return make


def _interrupted() -> DescentError:
    from descent.errors import Interrupted

    return Interrupted("Interrupted", do="run the same command again to go on from here")


_QUIET = click.option("-q", "--quiet", is_flag=True, help="Only results, warnings and errors.")
_DEBUG = click.option("--debug", is_flag=True, help="Show Python's traceback of an error.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def config_argument(function: F) -> F:
    """The config that a command works on, as `config`."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.argument("config", type=kind)(function)


def set_option(function: F) -> F:
    """`--set key=value`, any number of times, as `overrides`: texts for `descent.config.load`."""
    text = "Change one value of the config, such as --set outputs.film.size=hd."
    named = click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help=text)
    return named(function)


def range_option(function: F) -> F:
    """`--range A..B`, as `span`: two time expressions, or None."""
    return click.option(
        "--range",
        "span",
        metavar="A..B",
        callback=_span,
        help="Only this stretch of mission time, such as --range 'touchdown - 5s..touchdown'.",
    )(function)


def only_option(function: F) -> F:
    """`--only OUTPUT`, any number of times, as `only`."""
    text = "Only this output; may be given several times."
    return click.option("--only", metavar="OUTPUT", multiple=True, help=text)(function)


def workers_option(function: F) -> F:
    """`--workers N` and `--scheduler ADDRESS`, as `workers` and `scheduler`."""
    many = click.IntRange(min=1)
    text = "Chunks rendered at once; as many as cores and memory allow unless said."
    function = click.option("--workers", type=many, metavar="N", help=text)(function)
    text = "Address of a Dask scheduler that hands the chunks to its workers."
    return click.option("--scheduler", metavar="ADDRESS", help=text)(function)


def _span(
    _ctx: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, str] | None:
    if value is None:
        return None
    first, dots, last = value.partition("..")
    if not dots or not first.strip() or not last.strip():
        raise click.BadParameter(f"{value!r} is not A..B - write 'touchdown - 5s..touchdown'")
    return first.strip(), last.strip()
