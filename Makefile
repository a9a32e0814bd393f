# Every target works in a fresh clone: `setup` makes what it needs, and is instant when made.
# Where there is no make, each line below is a command of its own; the README names them.

OUT ?= out
WORKERS ?= logical

ifeq ($(OS),Windows_NT)
PYTHON ?= py -3
BIN := .venv/Scripts
else
PYTHON ?= python3
BIN := .venv/bin
endif
RUN := $(BIN)/python -m
DESCENT := $(BIN)/descent

# What `demo` and `release` render.
FILM := configs/releases/demo.yaml
FRAMES := $(OUT)/frames

.DEFAULT_GOAL := help
.PHONY: help setup lint types test bench demo release lock clean

help:  ## this list
	@$(PYTHON) .ci/bootstrap.py help

setup:  ## .venv with the locked packages and descent itself (Python 3.11 or newer)
	@$(PYTHON) .ci/bootstrap.py setup

lint: setup  ## style: ruff check, ruff format
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: setup  ## types: mypy, strict
	$(RUN) mypy

test: lint types  ## all that must hold: style, types, then every test
	$(RUN) pytest -n $(WORKERS) --dist loadfile

bench: setup  ## speed and memory beside plain ffmpeg; slow, prints its tables
	$(RUN) pytest -o python_files='bench_*.py' -s tests/bench

demo: $(FRAMES)/truth.json  ## a quick draft of the synthetic landing, in out/demo
	$(DESCENT) preview $(FILM) --set folder=$(abspath $(FRAMES)) --out $(OUT)/demo

release: $(FRAMES)/truth.json  ## the synthetic landing as release videos, verified, in out/release
	$(DESCENT) render $(FILM) --set folder=$(abspath $(FRAMES)) --out $(OUT)/release
	$(DESCENT) verify $(OUT)/release

# Written last, so it is there only when every frame is; `make clean` has them made anew.
$(FRAMES)/truth.json: | setup
	$(DESCENT) simulate $(FRAMES) --seed 1

lock: setup  ## write the lock files anew from pyproject.toml (UPGRADE=1 lifts every pin)
	@$(PYTHON) .ci/bootstrap.py $(if $(UPGRADE),upgrade,lock)

clean:  ## remove caches and everything under out/; .venv stays
	@$(PYTHON) .ci/bootstrap.py clean
