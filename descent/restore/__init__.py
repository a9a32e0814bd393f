"""The restore room: one module a stage, each a pure function on arrays with declared parameters.

Nothing is imported here, so that asking for one stage does not load the others. Each module
exports `STAGE`; the table in `descent/stages.py` is the only place that lists them.
"""
