"""Names that people mistype."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descent.tools.text import did_you_mean, nearest, some

EVENTS = ("touchdown", "heat_shield", "sky_crane", "parachute")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("tochdown", "did you mean touchdown?"),
        ("Heat-Shield", "did you mean heat_shield?"),
        ("skycrane", "did you mean sky_crane?"),
        ("crane", "did you mean sky_crane?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_offered(word: str, said: str) -> None:
    """A slip, another case or a missing underscore leads to the name; nonsense to none."""
    assert did_you_mean(word, EVENTS) == said


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=6))
def test_only_names_that_exist_are_offered(word: str, known: list[str]) -> None:
    """What is offered is always one of the names, at most two."""
    found = nearest(word, known)
    assert set(found) <= set(known)
    assert len(found) <= 2


def test_long_lists_are_cut_short() -> None:
    """A sentence lists a dozen names and counts the rest."""
    assert some("abc") == "a, b, c"
    assert some(map(str, range(14))).endswith("10, 11, and 2 more")
