"""Tests of encoding, which share pictures that carry their number."""
