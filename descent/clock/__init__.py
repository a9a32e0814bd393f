"""The clock room."""
