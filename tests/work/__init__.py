"""Tests of work, whose worker processes import their jobs from here."""
