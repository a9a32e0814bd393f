"""descent: several cameras that never agreed on a clock in, verified release videos out."""

__version__ = "0.1.0"
