# Sweepfleet's recipes. `make` alone says what each of them does.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
PYTEST := $(BIN)/pytest

.DEFAULT_GOAL := help
.PHONY: help demo test test-faults chaos fuzz check lint types imports deploy-files bench bench-peers accept clean run-time development

help: ## This list
	@echo "Start with: make demo"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: run-time ## Install what runs (into .venv), make tick data, run a sweep on it with a live bar
	@$(PYTHON) -P -m tasks.data.synth --out demo/ticks --securities 4 --seed 7 --quiet
	@$(BIN)/producer submit examples/demo/sweep.yaml --cache refresh
	@echo
	@echo "What you can type next:"
	@echo "  $(BIN)/producer results --top 10               the best combinations again"
	@echo "  $(BIN)/producer results --where 'trades > 50'  any question about the table"
	@echo "  $(BIN)/producer init                           a sweep.yaml of your own"
	@echo "The sweep that just ran is examples/demo/sweep.yaml; its results folder is below demo/results."

QUICK := -m "not slow and not bench and not fault"
# Most tests wait for processes: two rooms at a time take little longer than one. The longest come first.
SIDE_BY_SIDE = $(MAKE) -j2 --output-sync=target

test: development check ## Install the development packages too, run check, then every other test but the slow ones
	@$(SIDE_BY_SIDE) tests-e2e tests-fault tests-integration tests-docs

tests-%: development
	$(PYTEST) -q tests/$* $(QUICK)

test-faults: development ## Every fault of the durability table, the slow ones too (25 min on 2 cores)
	$(PYTEST) tests/fault --timeout 0 -m "not bench"

SEED ?= 1
MINUTES ?= 2
STRATEGY ?= tallied
RESULTS ?= redis

chaos: development ## Faults at random for MINUTES=n from SEED=n; also STRATEGY=market_making, RESULTS=files
	$(PYTHON) -m tests.fault.chaos --seed $(SEED) --minutes $(MINUTES) --strategy $(STRATEGY) --results $(RESULTS)

FUZZED := test_message_laws test_codec test_plan_laws test_spec_laws test_paths

fuzz: development ## New random examples for whatever reads what strangers write, MINUTES=n for each of them
	@for laws in $(FUZZED); do \
	  until=$$(( $$(date +%s) + 60 * $(MINUTES) )); rounds=0; \
	  while [ $$(date +%s) -lt $$until ]; do \
	    $(PYTEST) -q -x tests/property/$$laws.py --hypothesis-profile search --timeout 0 > .fuzz.log 2>&1 \
	      || { cat .fuzz.log; exit 1; }; \
	    rounds=$$((rounds + 1)); \
	  done; \
	  echo "$$laws: $$rounds rounds, nothing found"; \
	done; rm -f .fuzz.log

check: development ## What must be green before each commit: style, types, imports, quick tests
	@$(SIDE_BY_SIDE) tests-unit tests-property types lint imports deploy-files

lint: development
	$(BIN)/ruff check .

types: development
	$(BIN)/mypy

imports: development
	$(BIN)/lint-imports --no-logo

deploy-files: development
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/hadolint deploy/Dockerfile

bench: development ## How fast, after checking the answer; wants a machine with nothing else to do
	$(PYTEST) tests/benchmarks -s --timeout 0

bench-peers: development ## Install backtesting.py and vectorbt beside (.venv-peers), and race sma_cross against them
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install -q --disable-pip-version-check -r tests/benchmarks/peers/requirements.txt -c constraints.txt
	$(PYTEST) tests/benchmarks/test_sma_cross.py -s --timeout 0

accept: development ## Every reference case of every strategy, through sweep.yaml and submit; needs the reference data
	$(PYTEST) tests/e2e -m "shared and slow" -q --timeout 0

clean: ## Remove what these recipes made: the environment, the demo's files, caches
	rm -rf $(VENV) $(VENV)-peers demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ---------------------------------------------------------------------------------------------
# An environment holds absolute paths, so the stamp names the folder it was made for and what it was made from: with
# the same stamp nothing is installed and no network is needed; in another folder it is made anew. `uv` where found.
# Nothing is compiled on the way in: a demo imports a fraction of what is installed, and Python compiles that itself.

run-time:
	@$(call install,run-time,.)

development: run-time
	@$(call install,development,.[dev])

define install
set -eu; \
stamp="$(CURDIR) $$(cat pyproject.toml constraints.txt | cksum)"; \
if [ "$$(cat $(VENV)/$(1) 2>/dev/null || true)" = "$$stamp" ] && $(PYTHON) -c '' 2>/dev/null; then exit 0; fi; \
case "$$(cat $(VENV)/run-time 2>/dev/null || true)" in ''|"$(CURDIR) "*) ;; *) rm -rf $(VENV);; esac; \
$(PYTHON) -c '' 2>/dev/null || rm -rf $(VENV); \
if [ ! -d $(VENV) ]; then \
  for python in python3 python3.11 python3.12 python3.13 python3.14 none; do \
    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
  done; \
  if [ $$python = none ]; then echo "no Python >= 3.11 found; install one, then run make again" >&2; exit 1; fi; \
  echo "making $(VENV) with $$($$python --version)"; \
  if command -v uv >/dev/null; then uv venv -q --python "$$(command -v $$python)" $(VENV); else $$python -m venv $(VENV); fi; \
fi; \
if command -v uv >/dev/null; then pip="uv pip install -q --python $(PYTHON)"; \
else \
  $(PYTHON) -c 'import pip' 2>/dev/null || $(PYTHON) -m ensurepip >/dev/null; \
  pip="$(PYTHON) -m pip install -q --no-compile --disable-pip-version-check"; \
fi; \
echo "installing the $(1) packages into $(VENV) (once; pinned in constraints.txt)"; \
$$pip -c constraints.txt setuptools; \
$$pip -c constraints.txt --no-build-isolation -e '$(2)'; \
echo "$$stamp" > $(VENV)/$(1)
endef
