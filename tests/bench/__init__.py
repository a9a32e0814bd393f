"""Benches: slow, and run by `make bench` alone."""
