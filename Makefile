# Every target sets up what it needs and does nothing when nothing changed.
PYTHON ?= python3
VENV   ?= .venv
SUITE  ?= quick
OUT    ?=
DIRTY  ?=
PROFILE ?= cpu
SPEED  ?= critics matmul exact bracket batched transforms startup scaling
# Where results go: `bench` never touches what is committed, `results` makes it again, `report`
# takes the run of `bench` where there is one, else what is committed.
LOCAL  := results/local/$(SUITE)
COMMITTED := results/$(SUITE)
FOUND  := $(if $(wildcard $(LOCAL)/journal*),$(LOCAL),$(COMMITTED))
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# The ends of what pyproject.toml allows, in environments of their own. What is newest holds a day.
LOWEST := .venv-lowest
NEWEST := .venv-newest
# Beside the optional peers. TORCH may name a build without the gigabytes of a GPU's.
PEERS  := .venv-peers
TORCH  ?= torch==2.13.0+cpu
PEERS_STAMP := $(PEERS)/.installed
LOWEST_STAMP := $(LOWEST)/.installed
NEWEST_STAMP := $(NEWEST)/.installed-$(shell date +%F)
# The suites of peers run beside them, any other in the usual environment.
BESIDE   := $(filter peers large_n w2_peers,$(SUITE))
RUNS_IN  := $(if $(BESIDE),$(PEERS),$(VENV))/bin
RUNS_FOR := $(if $(BESIDE),$(PEERS_STAMP),$(STAMP))
# Tests mostly compile: without XLA's slow passes, in two thirds of the time. `test-all` has them.
# As many processes as cores leave one thread to each for linear algebra.
QUICK  := OMP_NUM_THREADS=1 JAX_DISABLE_MOST_OPTIMIZATIONS=1
# And with XLA's former code for fused loops, in two thirds of that. jaxlib 0.12 has it no more and
# refuses the flag, so it goes when constraints.txt gets there.
FORMER := XLA_FLAGS="$(XLA_FLAGS) --xla_cpu_use_fusion_emitters=false"
PIP    := -m pip --quiet --disable-pip-version-check
SCHEMA := $(BIN)/check-jsonschema --builtin-schema vendor

# $(call python,>=,11,TARGET) stops unless PYTHON is >= 3.11.
python = @$(PYTHON) -c 'import sys; minor = sys.version_info.minor; sys.exit(0 if minor $(1) $(2) else "expected Python $(1) 3.$(2), got 3.%d; call: make $(3) PYTHON=..." % minor)'

.DEFAULT_GOAL := help
.PHONY: help venv bench results report site speed docs test test-all test-lowest test-newest lint format clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20
	@echo
	@echo "  Options: SUITE=name of a file in benchmarks/, PROFILE=cpu, gpu or full, OUT=another results folder, PYTHON=interpreter."
	@echo "  Large image sets are used when WDIST_BENCH_DATA names a folder that holds them."

venv: $(STAMP)  ## create .venv with the package, its extras and the tested versions

$(STAMP): pyproject.toml constraints.txt
	$(call python,>=,11,venv)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

$(LOWEST_STAMP): PYTHON = python3.11
$(LOWEST_STAMP): pyproject.toml
	$(call python,==,11,test-lowest)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python $(PIP) install uv
	$(LOWEST)/bin/uv pip install --quiet --compile-bytecode --python $(LOWEST)/bin/python --resolution lowest-direct -e '.[dev]'
	$(LOWEST)/bin/python $(PIP) check
	@touch $@

$(NEWEST_STAMP): PYTHON = python3.13
$(NEWEST_STAMP): pyproject.toml
	$(call python,>=,13,test-newest)
	$(PYTHON) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python $(PIP) install -e '.[dev]'
	$(NEWEST)/bin/python $(PIP) check
	@touch $@

$(PEERS_STAMP): pyproject.toml constraints.txt peers/pyproject.toml
	$(call python,>=,11,test-all)
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python $(PIP) install -c constraints.txt -e '.[dev]' -e './peers[torch,large,neural]' '$(TORCH)' || \
	$(PEERS)/bin/python $(PIP) install -c constraints.txt -e '.[dev]' -e './peers[torch,large,neural]'
	@touch $@

bench: $(RUNS_FOR)  ## run a suite (SUITE=quick): tables, figures and a page in results/local/SUITE
	$(RUNS_IN)/wdist-bench run benchmarks/$(SUITE).toml --out $(or $(OUT),$(LOCAL)) --profile $(PROFILE)

results: $(RUNS_FOR)  ## run a suite into the committed results/SUITE, its compact journal too
	@test -n "$(DIRTY)" || git diff --quiet HEAD -- . ':!results' || { echo "make results: expected" \
	"a committed tree, got changes outside results/; commit them, or add DIRTY=--dirty" >&2; exit 1; }
	$(RUNS_IN)/wdist-bench run benchmarks/$(SUITE).toml --out $(or $(OUT),$(COMMITTED)) --profile $(PROFILE); \
	code=$$?; test $$code -gt 1 || \
	$(RUNS_IN)/wdist-bench export $(or $(OUT),$(COMMITTED)) --format journal $(DIRTY) > /dev/null; exit $$code

report: $(STAMP)  ## write the report of results/local/SUITE again, or where there is none of results/SUITE
	$(BIN)/wdist-bench report $(or $(OUT),$(FOUND))

site: $(STAMP)  ## one leaderboard over all committed results, and a page for each: results/local/site
	$(BIN)/wdist-bench site results --out $(or $(OUT),results/local/site)

speed: $(STAMP)  ## time ours beside PyTorch (if installed), POT, OTT-JAX and SciPy: results/speed, an hour
	set -e; for name in $(SPEED); do $(BIN)/python benchmarks/speed/$$name.py; done

docs: $(STAMP)  ## build the documentation as a site that opens without a server: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

test: $(STAMP)  ## run the tests that take minutes at most
	$(QUICK) $(FORMER) $(BIN)/python -m pytest -q -n auto -m "not slow"

test-lowest: $(LOWEST_STAMP)  ## run them with the lowest version of all that is declared (Python 3.11)
	$(QUICK) $(LOWEST)/bin/python -m pytest -n auto -m "not slow"

test-newest: $(NEWEST_STAMP)  ## run them with the newest version of everything (Python 3.13)
	$(QUICK) $(NEWEST)/bin/python -m pytest -n auto -m "not slow"

test-all: $(PEERS_STAMP)  ## run all tests, the slow ones and those beside PyTorch and GeomLoss too
	OMP_NUM_THREADS=1 $(PEERS)/bin/python -m pytest -q -n auto --hypothesis-profile=explored

lint: $(STAMP)  ## check style (ruff), types (mypy) and the files that GitHub reads
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(SCHEMA).github-workflows .github/workflows/*.yml
	$(SCHEMA).github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(SCHEMA).citation-file-format --default-filetype yaml CITATION.cff

format: $(STAMP)  ## let ruff repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environments and the caches, never results
	rm -rf $(VENV) $(LOWEST) $(NEWEST) $(PEERS) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
