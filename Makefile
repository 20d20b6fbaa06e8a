# Two commands need nothing but python3 (3.11 or newer) and make: `make demo` and `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA := $(or $(AIS_DATA_DIR),.ais)
PYTEST := $(BIN)/python -m pytest
# Compiled once, not anew by each of the hundreds of processes of a test run, whatever the caller's shell has set.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-long storm mutants check format lock audit bench bench-quick db-reset snapshots clean

help:  ## what can be done here
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment is made anew whenever the lock file or the project file is newer than it.
$(READY): requirements.lock pyproject.toml tools/bootstrap.py
	@$(PYTHON) tools/bootstrap.py $(VENV)

demo: $(READY)  ## run everything with a fictional airline on http://127.0.0.1:8000
	@exec $(BIN)/ais demo

test: $(READY)  ## all tests but the long ones
	@$(PYTEST) -n 3 --dist worksteal -m "not slow" $(ARGS)

test-long: $(READY)  ## the long sweeps: signals, crashes, fault points
	@$(PYTEST) -n 2 --dist worksteal -m slow $(ARGS)

SEED ?= 1
COUNT ?= 1
storm: $(READY)  ## one storm of customers, faults and cuts, judged: SEED=7 COUNT=100
	@$(BIN)/python -m tests.simulation.storm --seed $(SEED) --count $(COUNT) $(ARGS)

SEEDS ?= 200
mutants: $(READY)  ## guards removed one at a time, storms until each is missed: SEEDS=200 ARGS='--only "order lock"'
	@$(BIN)/python -m tests.simulation.mutants --seeds $(SEEDS) $(ARGS)

check: $(READY)  ## formatter, linter, types, import contracts, snapshots, translations
	@$(BIN)/python tools/check.py

format: $(READY)  ## bring the code into its form
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

snapshots: $(READY)  ## write the schema and OpenAPI snapshots and the table of roles anew
	@$(BIN)/python -m tools.snapshots --write
	@$(BIN)/python -m tools.role_table --write

lock: $(READY)  ## resolve the dependencies anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras --group dev \
		--no-emit-index-url --custom-compile-command "make lock" --upgrade pyproject.toml -o requirements.lock

audit: $(READY)  ## the locked dependencies against a database of advisories
	@$(BIN)/python -m tools.audit $(ARGS)

bench: $(READY)  ## every figure that the README quotes, on this machine
	@$(BIN)/python -m benchmarks

bench-quick: $(READY)  ## the same, shorter and rougher
	@$(BIN)/python -m benchmarks --quick

db-reset: $(READY)  ## throw the demo's data away
	@$(BIN)/python tools/reset.py $(DATA)

clean:  ## throw the environment and all caches away
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
