"""Tests of whole releases, from a config to finished files, which share numbered pictures."""
