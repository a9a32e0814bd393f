"""What every error says, and that it says the same on the other side of a process."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descent import errors
from descent.errors import ConfigError, Damaged, DescentError, Problem

KINDS = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type)),
    key=lambda kind: kind.__name__,
)
PLAIN = [k for k in KINDS if issubclass(k, DescentError) and k not in {ConfigError, Damaged}]


@pytest.mark.parametrize("kind", PLAIN)
@given(what=st.text(), where=st.text(), do=st.text())
def test_errors_survive_a_process_border(
    kind: type[DescentError], what: str, where: str, do: str
) -> None:
    """An error unpickles as the same kind, words and exit code."""
    error = kind(what, where=where, do=do)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(back) is kind
    assert (back.what, back.where, back.do) == (what, where, do)
    assert str(back) == str(error)
    assert back.exit_code == kind.exit_code


def test_damaged_keeps_its_digest() -> None:
    """What a worker found damaged is named by the same digest in the conductor."""
    error = Damaged("ends early", where="hover frame 12", do="fetch it again", digest="ab" * 32)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert back.digest == "ab" * 32
    assert str(back) == "hover frame 12: ends early - fetch it again"


def test_a_config_error_carries_every_problem() -> None:
    """All problems are kept, one a line, also on the other side of a process."""
    problems = [
        Problem("a.yaml:3:5", "title", "is missing", "write one"),
        Problem("b:1:1", "x", "y"),
    ]
    error = ConfigError(problems)
    assert str(error) == "a.yaml:3:5: title: is missing - write one\nb:1:1: x: y"
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert back.problems == problems
    assert str(back) == str(error)


@pytest.mark.parametrize(
    ("where", "do", "said"),
    [
        ("", "", "it fell"),
        ("pad", "", "pad: it fell"),
        ("", "tie it", "it fell - tie it"),
        ("pad", "tie it", "pad: it fell - tie it"),
    ],
)
def test_errors_say_where_what_and_what_to_do(where: str, do: str, said: str) -> None:
    """What is not known leaves no stray punctuation."""
    assert str(DescentError("it fell", where=where, do=do)) == said


def test_exit_codes_are_the_documented_ones() -> None:
    """Every error ends the command line with one of the documented codes."""
    assert {kind.exit_code for kind in PLAIN} <= {1, 2, 130}
