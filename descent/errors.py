"""The whole error tree on one screen: each error says where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


class DescentError(Exception):
    """Anything descent refuses or cannot do; `str()` reads `where: what - do`.

    `where` is a file:line:column, or a camera and frame, or a path; `what` is the fact;
    `do` is the cure, in words that can be typed or pasted. `exit_code` is what the
    command line returns for it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", do: str = "") -> None:
        self.what, self.where, self.do = what, where, do
        super().__init__(what, where, do)

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        tail = f" - {self.do}" if self.do else ""
        return f"{head}{self.what}{tail}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; keyword-only arguments need their own way back.
        return (_rebuild, (type(self), self.what, self.where, self.do, self.__dict__.copy()))


def _rebuild(
    kind: type[DescentError], what: str, where: str, do: str, state: dict[str, object]
) -> DescentError:
    error = kind.__new__(kind)
    DescentError.__init__(error, what, where=where, do=do)
    error.__dict__.update(state)
    return error


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a config: `where` is `file:line:column`, `key` a dotted path."""

    where: str
    key: str
    what: str
    do: str = ""

    def __str__(self) -> str:
        tail = f" - {self.do}" if self.do else ""
        return f"{self.where}: {self.key}: {self.what}{tail}"


class ConfigError(DescentError):
    """The config or the command line is wrong; carries every problem at once."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(p) for p in problems))


class TimeUnknown(DescentError):
    """A time that no clock explains, or that the sources contradict."""

    exit_code = 2


class UnsureSync(DescentError):
    """Clocks that the evidence does not tie together well enough to say."""


class SourceError(DescentError):
    """A file that cannot be read, or is not what its name says."""


class Damaged(SourceError):
    """A frame whose pixels are broken; `digest` is the SHA-256 of the file that is.

    `path` is that file, `indices` the frames in it that cannot be shown: 0 for a still; in a
    clip all that lean on the broken one.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        do: str = "",
        digest: str = "",
        path: str = "",
        indices: tuple[int, ...] = (0,),
    ) -> None:
        super().__init__(what, where=where, do=do)
        self.digest, self.path, self.indices = digest, path, indices


class HostileInput(SourceError):
    """Input that tries to be more than a picture, a clip or a table."""


class FormatError(DescentError):
    """Pixels of a kind, size or type that a stage, layout or encoder does not take."""

    exit_code = 2


class EncodeError(DescentError):
    """The encoder failed, or what it wrote is not what it was fed."""


class VerifyError(DescentError):
    """A finished file or release folder that does not hold what its manifest says."""


class Interrupted(DescentError):
    """Stopped by the user, with everything finished so far kept."""

    exit_code = 130
