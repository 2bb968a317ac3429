# Every target sets up what it needs and does nothing when nothing changed.
PYTHON ?= python3
VENV   ?= .venv
SUITE  ?= quick
OUT    ?=
PROFILE ?= cpu
SPEED  ?= critics matmul exact bracket batched transforms startup scaling
# Where results go: `bench` never touches what is committed, `results` makes it again, `report`
# takes the run of `bench` where there is one, else what is committed.
LOCAL  := results/local/$(SUITE)
COMMITTED := results/$(SUITE)
FOUND  := $(if $(wildcard $(LOCAL)/journal*),$(LOCAL),$(COMMITTED))
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help venv bench results report speed docs test test-all lint format clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18
	@echo
	@echo "  Options: SUITE=name of a file in benchmarks/, PROFILE=cpu, gpu or full, OUT=another results folder, PYTHON=interpreter."
	@echo "  Large image sets are used when WDIST_BENCH_DATA names a folder that holds them."

venv: $(STAMP)  ## create .venv with the package, its extras and the tested versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "expected Python >= 3.11, got %d.%d; call: make PYTHON=python3.11 ..." % v[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

bench: $(STAMP)  ## run a suite (SUITE=quick): tables, figures and a page in results/local/SUITE
	$(BIN)/wdist-bench run benchmarks/$(SUITE).toml --out $(or $(OUT),$(LOCAL)) --profile $(PROFILE)

results: $(STAMP)  ## run a suite into the committed results/SUITE, its compact journal too
	$(BIN)/wdist-bench run benchmarks/$(SUITE).toml --out $(or $(OUT),$(COMMITTED)) --profile $(PROFILE); \
	code=$$?; test $$code -gt 1 || \
	$(BIN)/wdist-bench export $(or $(OUT),$(COMMITTED)) --format journal > /dev/null; exit $$code

report: $(STAMP)  ## write the report of results/local/SUITE again, or where there is none of results/SUITE
	$(BIN)/wdist-bench report $(or $(OUT),$(FOUND))

speed: $(STAMP)  ## time ours beside PyTorch (if installed), POT, OTT-JAX and SciPy: results/speed, an hour
	set -e; for name in $(SPEED); do $(BIN)/python benchmarks/speed/$$name.py; done

docs: $(STAMP)  ## build the documentation as a site that opens without a server: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

test: $(STAMP)  ## run the tests that take minutes at most
	$(BIN)/python -m pytest -q -n auto -m "not slow"

test-all: $(STAMP)  ## run all tests, the slow ones too
	$(BIN)/python -m pytest -q -n auto

lint: $(STAMP)  ## check style (ruff) and types (mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)  ## let ruff repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and the caches, never results
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
